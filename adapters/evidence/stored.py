"""What the database holds of a log: tiles, bundles and checkpoints. The synchronous side, for those who keep and verify it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

import psycopg

from adapters.evidence.growing import Edge, stride
from audit.merkle import Frontier, Node, consistency_spans, nodes_of, proof_from
from audit.tiles import WIDTH, TileAt, entries_of, nodes_in, tile_of, tiles_for

# Tiles of 8 KiB read at one time.
TILES_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """A signed note, and the lines that witnesses have added."""

    origin: str
    size: int
    note: str
    witnessed: bool
    cosignatures: tuple[str, ...]
    signed_at: datetime

    @property
    def served(self) -> str:
        """The note with every signature there is."""
        return self.note + "".join(self.cosignatures)


def stored_checkpoint(row: Sequence[Any]) -> StoredCheckpoint:
    """From a row of `CHECKPOINTS`."""
    origin, size, note, witnessed, cosignatures, signed_at = row
    return StoredCheckpoint(origin, size, note, witnessed, tuple(cosignatures), signed_at)


TILES: LiteralString = """
    SELECT t.level, t.number, t.hashes FROM evidence.tiles t
    JOIN unnest(%s::smallint[], %s::bigint[]) AS w (level, number) USING (level, number) WHERE t.log = %s
"""
CHECKPOINTS: LiteralString = """
    SELECT c.origin, c.size, c.note, c.witnessed,
        ARRAY(
            SELECT s.line FROM evidence.cosignatures s
            WHERE (s.log, s.origin, s.size) = (c.log, c.origin, c.size) ORDER BY s.received_at, s.witness
        ),
        c.signed_at
    FROM evidence.checkpoints c
"""


class LogStore:
    """One log as a connection sees it. Reading takes no right but to read; growing and publishing take the worker's role."""

    def __init__(self, connection: psycopg.Connection[Any], name: str) -> None:
        self._connection = connection
        self._name = name

    def size(self) -> int:
        row = self._connection.execute("SELECT size FROM evidence.logs WHERE log = %s", (self._name,)).fetchone()
        return int(row[0]) if row else 0

    def tiles(self, wanted: Iterable[TileAt]) -> dict[TileAt, bytes]:
        """Those of them that there are."""
        of_hashes = [at for at in wanted if at.level is not None]
        found = self._connection.execute(
            TILES, ([at.level for at in of_hashes], [at.number for at in of_hashes], self._name)
        )
        return {TileAt(level, number): hashes for level, number, hashes in found.fetchall()}

    def edge(self) -> Edge:
        """What must be held to append. Raises KeyError where a tile is missing."""
        size = self.size()
        frontier = self.frontier(size)
        places = [TileAt(level, (size >> 8 * level) // WIDTH) for level in range(8) if (size >> 8 * level) % WIDTH]
        tiles = self.tiles(places)
        if missing := set(places) - tiles.keys():
            raise KeyError(missing)
        last = None
        if size:
            at = TileAt(None, (size - 1) // WIDTH)
            entries = self.bundle(at.number)
            last = entries_of(entries)[-1]
            if len(entries) != ((size - 1) % WIDTH + 1) * stride(at):
                raise KeyError(at)
            if size % WIDTH:
                tiles[at] = entries
        return Edge(frontier, tiles, last)

    def frontier(self, size: int) -> Frontier:
        """The compact range of a tree of this size, from tiles alone. Raises KeyError where one is missing."""
        nodes = nodes_of(size)
        node = nodes_in(self.tiles({tile_of(one) for one in nodes}))
        return Frontier(size, [node(one) for one in nodes])

    def leaves(self, begin: int, end: int) -> Iterator[bytes]:
        """The hashes of the leaves from `begin` to `end`. Raises KeyError where a tile is missing or short."""
        for first in range(begin // WIDTH, -(-end // WIDTH), TILES_AT_ONCE):
            places = [TileAt(0, number) for number in range(first, min(first + TILES_AT_ONCE, -(-end // WIDTH)))]
            tiles = self.tiles(places)
            for at in places:
                node = nodes_in(tiles)
                for number in range(max(begin, at.number * WIDTH), min(end, (at.number + 1) * WIDTH)):
                    yield node(Node(0, number))

    def bundle(self, number: int) -> bytes:
        """The entries of a bundle. Raises KeyError."""
        row = self._connection.execute(
            "SELECT entries FROM evidence.bundles WHERE log = %s AND number = %s", (self._name, number)
        ).fetchone()
        if row is None:
            raise KeyError(number)
        return bytes(row[0])

    def consistency(self, old: int, new: int) -> list[bytes]:
        """The proof that the tree of `new` entries begins with that of `old`."""
        spans = consistency_spans(old, new)
        return proof_from(spans, nodes_in(self.tiles(tiles_for(spans))))

    def newest_checkpoint(self, origin: str) -> StoredCheckpoint | None:
        row = self._connection.execute(
            CHECKPOINTS + "WHERE c.log = %s AND c.origin = %s ORDER BY c.size DESC LIMIT 1", (self._name, origin)
        ).fetchone()
        return stored_checkpoint(row) if row else None

    def checkpoints(self) -> list[StoredCheckpoint]:
        """All of them, of every origin, by size."""
        found = self._connection.execute(CHECKPOINTS + "WHERE c.log = %s ORDER BY c.size, c.origin", (self._name,))
        return [stored_checkpoint(row) for row in found.fetchall()]

    def integrate(self, from_size: int, to_size: int, grown: Mapping[TileAt, bytes]) -> None:
        """Stores what grew, all or nothing, and flushed: what was committed before, such as the rows themselves, is flushed with it.

        Raises psycopg's SerializationFailure if the log is not at `from_size`.
        """
        tiles = [(at, hashes) for at, hashes in grown.items() if at.level is not None]
        bundles = [(at, entries) for at, entries in grown.items() if at.level is None]
        self._connection.execute(
            "SELECT evidence.integrate(%s, %s, %s, %s::smallint[], %s::bigint[], %s::bytea[], %s::bigint[], %s::bytea[])",
            (
                self._name,
                from_size,
                to_size,
                [at.level for at, _ in tiles],
                [at.number for at, _ in tiles],
                [hashes for _, hashes in tiles],
                [at.number for at, _ in bundles],
                [entries for _, entries in bundles],
            ),
        )

    def publish(self, origin: str, size: int, note: str, *, witnessed: bool) -> None:
        self._connection.execute(
            "SELECT evidence.publish(%s, %s, %s, %s, %s)", (self._name, origin, size, note, witnessed)
        )

    def tell_stopped(self, code: str | None, position: int | None) -> None:
        self._connection.execute("SELECT evidence.tell_stopped(%s, %s, %s)", (self._name, code, position))

    def keep_cosignature(self, origin: str, size: int, witness: str, line: str, *, witnessed: bool) -> None:
        self._connection.execute(
            "SELECT evidence.keep_cosignature(%s, %s, %s, %s, %s, %s)",
            (self._name, origin, size, witness, line, witnessed),
        )

    def is_stamped(self, origin: str, size: int, authority: str) -> bool:
        found = self._connection.execute(
            "SELECT EXISTS (SELECT FROM evidence.timestamps WHERE (log, origin, size, authority) = (%s, %s, %s, %s))",
            (self._name, origin, size, authority),
        )
        return found.fetchone() == (True,)

    def keep_timestamp(self, origin: str, size: int, authority: str, response: bytes) -> None:
        self._connection.execute(
            "SELECT evidence.keep_timestamp(%s, %s, %s, %s, %s)", (self._name, origin, size, authority, response)
        )
