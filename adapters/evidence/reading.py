"""What others ask a log for: its checkpoint, its tiles, and proofs. Reads as the service does and changes nothing."""

from collections.abc import Callable, Collection, Iterable
from typing import Any, LiteralString

from psycopg import AsyncConnection

from adapters.evidence.growing import stride
from adapters.evidence.stored import CHECKPOINTS, TILES, StoredCheckpoint, stored_checkpoint
from adapters.postgres.pool import Pool
from audit.inclusion_proof import InclusionProof
from audit.merkle import Node, Span, consistency_spans, inclusion_spans, proof_from
from audit.tiles import Tile, TileAt, nodes_in, tiles_for
from domain.errors import NotFound


class NotInLog(NotFound):
    code = "not-in-log"
    message = (
        "The log does not reach that far, or no checkpoint of this size was signed. Ask again in a moment, or for less."
    )


class LogReader:
    """One log, by its name and the origin that its checkpoints have now. Each call raises StoreBusy or StoreUnavailable as the pool does.

    An event's position p is the entry with index p - 1.
    """

    def __init__(self, pool: Pool, name: str, origin: str) -> None:
        self._pool = pool
        self.name = name
        self.origin = origin

    async def newest(self) -> StoredCheckpoint:
        """The newest checkpoint with as many witnesses as the policy asks for. Raises NotInLog before there is one."""
        return await self._checkpoint("AND c.witnessed ORDER BY c.size DESC LIMIT 1", None)

    async def first_over(self, position: int) -> StoredCheckpoint:
        """The smallest witnessed checkpoint that holds an event. Raises NotInLog."""
        return await self._checkpoint("AND c.witnessed AND c.size >= %s ORDER BY c.size LIMIT 1", position)

    async def at(self, size: int) -> StoredCheckpoint:
        """The checkpoint of this size, witnessed or not. Raises NotInLog."""
        return await self._checkpoint("AND c.size = %s", size)

    async def timestamps(self, size: int) -> list[tuple[str, bytes]]:
        """RFC 3161 responses over the note of this size, each with its authority's address."""
        async with self._pool.lend() as connection:
            found = await connection.execute(
                "SELECT authority, response FROM evidence.timestamps WHERE (log, origin, size) = (%s, %s, %s) ORDER BY authority",
                (self.name, self.origin, size),
            )
            return [(authority, bytes(response)) for authority, response in await found.fetchall()]

    async def inclusion(self, position: int, size: int) -> list[bytes]:
        """The proof that an event is in the tree of this size. Raises NotInLog."""
        if not 0 < position <= size:
            raise NotInLog
        return await self._proof(inclusion_spans(position - 1, size))

    async def consistency(self, old: int, new: int) -> list[bytes]:
        """The proof that the tree of `new` entries begins with that of `old`. Raises NotInLog."""
        if not 0 < old <= new:
            raise NotInLog
        return await self._proof(consistency_spans(old, new))

    async def proof(self, position: int, checkpoint: StoredCheckpoint) -> InclusionProof:
        """An event's inclusion under a checkpoint, as C2SP's tlog-proof. Raises NotInLog."""
        hashes = await self.inclusion(position, checkpoint.size)
        return InclusionProof(position - 1, tuple(hashes), checkpoint.served.encode())

    async def tile(self, tile: Tile) -> bytes:
        """A tile or bundle at the width asked for. Raises NotInLog."""
        async with self._pool.lend() as connection:
            if tile.at.level is None:
                found = await connection.execute(
                    "SELECT entries FROM evidence.bundles WHERE log = %s AND number = %s", (self.name, tile.at.number)
                )
                row = await found.fetchone()
                stored = bytes(row[0]) if row else b""
            else:
                stored = (await self._tiles(connection, [tile.at])).get(tile.at, b"")
        wanted = stored[: tile.width * stride(tile.at)]
        if len(wanted) < tile.width * stride(tile.at):
            raise NotInLog
        return wanted

    async def nodes(self, spans: Collection[Span]) -> Callable[[Node], bytes]:
        """Finds the hashes of these nodes, read at one time for many proofs. A node that the log does not hold is a KeyError."""
        async with self._pool.lend() as connection:
            return nodes_in(await self._tiles(connection, tiles_for(spans)))

    async def _proof(self, spans: list[Span]) -> list[bytes]:
        try:
            return proof_from(spans, await self.nodes(spans))
        except KeyError:
            raise NotInLog from None

    async def _tiles(self, connection: AsyncConnection[Any], wanted: Iterable[TileAt]) -> dict[TileAt, bytes]:
        places = list(wanted)
        found = await connection.execute(TILES, ([at.level for at in places], [at.number for at in places], self.name))
        return {TileAt(level, number): bytes(hashes) for level, number, hashes in await found.fetchall()}

    async def _checkpoint(self, which: LiteralString, size: int | None) -> StoredCheckpoint:
        params = (self.name, self.origin) if size is None else (self.name, self.origin, size)
        async with self._pool.lend() as connection:
            found = await connection.execute(CHECKPOINTS + "WHERE c.log = %s AND c.origin = %s " + which, params)
            row = await found.fetchone()
        if row is None:
            raise NotInLog
        return stored_checkpoint(row)
