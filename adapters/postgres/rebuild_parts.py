"""The parts of a rebuild, in the database: who fills one takes it, and a rebuild that was killed finds those that are done."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, LiteralString
from uuid import UUID

from psycopg import AsyncConnection

from adapters.postgres import projection_tables as tables
from adapters.postgres.seen import Stuck, head
from adapters.sources import sources
from projections.projection import Projection

# So long behind, what was filled before is not worth going on with: what came since is followed event by event.
LATE = 20_000

# Never across organisations. Streams stay whole, since each folds by itself.
DIVIDE: LiteralString = """
    SELECT
        row_number() OVER (ORDER BY organisation_id, part)::integer AS number, organisation_id,
        (array_agg(stream_id ORDER BY stream_id))[1], (array_agg(stream_id ORDER BY stream_id DESC))[1], sum(events)::bigint
    FROM (
        SELECT
            organisation_id, stream_id, count(*) AS events,
            div(sum(count(*)) OVER (PARTITION BY organisation_id ORDER BY stream_id) - count(*), %s) AS part
        FROM accompany.events WHERE position <= %s GROUP BY organisation_id, stream_id
    ) streams
    GROUP BY organisation_id, part
"""
TAKE: LiteralString = """
    SELECT p.number, p.organisation_id, p.first_stream, p.last_stream, p.events, r.reads_to
    FROM projections.rebuild_parts p CROSS JOIN projections.rebuild r
    WHERE NOT p.done AND r.what = %s
    ORDER BY p.number LIMIT 1
    FOR UPDATE OF p SKIP LOCKED
"""
PARK: LiteralString = """
    INSERT INTO projections.rebuild_parked (projection, position, error) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Part:
    """Some streams of one organisation, with so many events up to the position `reads_to`."""

    number: int
    organisation_id: UUID
    first_stream: UUID
    last_stream: UUID
    events: int
    reads_to: int


@dataclass(frozen=True, slots=True)
class Begun:
    """A rebuild that is under way. `reached` is the position up to which the new tables hold everything, once all parts are done."""

    what: bytes
    reads_to: int
    reached: int


async def begin(connection: AsyncConnection[Any], projections: Sequence[Projection], part: int) -> Begun:
    """Goes on with what an earlier rebuild of the same has left, or begins anew, in parts of about so many events."""
    what = digest_of(projections)
    last = await head(connection)
    if (earlier := await _left(connection, what)) and last - earlier.reached <= LATE:
        return earlier
    filled = [table for projection in projections for table in projection.tables]
    async with connection.transaction():
        await abandon(connection)
        for table in filled:
            await tables.make(connection, table, tables.BESIDE)
        await connection.execute(
            "INSERT INTO projections.rebuild (what, tables, reads_to, reached) VALUES (%s, %s, %s, %s)",
            (what, [table.name for table in filled], last, last),
        )
        await connection.execute(
            f"INSERT INTO projections.rebuild_parts (number, organisation_id, first_stream, last_stream, events) {DIVIDE}",
            (part, last),
        )
    return Begun(what, last, last)


async def parts_of(connection: AsyncConnection[Any], part: int) -> list[Part]:
    """The whole log in parts of about so many events, to be read and not filled."""
    last = await head(connection)
    cursor = await connection.execute(DIVIDE, (part, last))
    found: list[tuple[int, UUID, UUID, UUID, int]] = await cursor.fetchall()
    return [Part(*row, reads_to=last) for row in found]


async def _left(connection: AsyncConnection[Any], what: bytes) -> Begun | None:
    cursor = await connection.execute(
        """
        SELECT reads_to, reached FROM projections.rebuild
        WHERE what = %s AND NOT EXISTS (SELECT FROM unnest(tables) t WHERE to_regclass('projections.' || t || %s) IS NULL)
        """,
        (what, tables.BESIDE),
    )
    found = await cursor.fetchone()
    return Begun(what, *found) if found else None


async def abandon(connection: AsyncConnection[Any]) -> None:
    """Forgets a rebuild and drops what it has filled."""
    cursor = await connection.execute("SELECT unnest(tables) FROM projections.rebuild")
    for (name,) in await cursor.fetchall():
        await connection.execute(f"DROP TABLE IF EXISTS projections.{name}{tables.BESIDE}")
    await forget(connection)


async def forget(connection: AsyncConnection[Any]) -> None:
    """Forgets a rebuild whose tables have found their place."""
    for table in ("rebuild", "rebuild_parts", "rebuild_parked"):
        await connection.execute(f"DELETE FROM projections.{table}")  # noqa: S608 - three names of our own


async def take(connection: AsyncConnection[Any], what: bytes) -> Part | None:
    """A part that nobody else is filling, for as long as the caller's transaction lasts; None if there is none, or another rebuild."""
    found = await (await connection.execute(TAKE, (what,))).fetchone()
    return Part(*found) if found else None


async def finish(connection: AsyncConnection[Any], part: Part) -> None:
    await connection.execute("UPDATE projections.rebuild_parts SET done = true WHERE number = %s", (part.number,))


async def progress_of(connection: AsyncConnection[Any]) -> tuple[int, int]:
    """How many events of how many are in parts that are done."""
    cursor = await connection.execute(
        "SELECT coalesce(sum(events) FILTER (WHERE done), 0)::bigint, coalesce(sum(events), 0)::bigint"
        " FROM projections.rebuild_parts"
    )
    [(done, total)] = await cursor.fetchall()
    return done, total


async def left(connection: AsyncConnection[Any]) -> int:
    """How many parts are not done."""
    cursor = await connection.execute("SELECT count(*) FROM projections.rebuild_parts WHERE NOT done")
    [(number,)] = await cursor.fetchall()
    return int(number)


async def note_parked(connection: AsyncConnection[Any], projection: str, parked: Iterable[Stuck]) -> None:
    """Events that a projection goes on without, once its new tables are read."""
    for one in parked:
        await connection.execute(PARK, (projection, one.position, one.code))


async def parked_so_far(connection: AsyncConnection[Any]) -> list[tuple[str, Stuck]]:
    cursor = await connection.execute(
        "SELECT projection, position, error FROM projections.rebuild_parked ORDER BY 1, 2"
    )
    return [(name, Stuck(position, code)) for name, position, code in await cursor.fetchall()]


async def note_reached(connection: AsyncConnection[Any], reached: int) -> None:
    """Within the transaction that brings the new tables up to there."""
    await connection.execute("UPDATE projections.rebuild SET reached = %s", (reached,))


def digest_of(projections: Sequence[Projection]) -> bytes:
    """Tells whether two rebuilds fill the same tables in the same way."""
    names = ",".join(f"{projection.name}/{projection.version}" for projection in projections)
    return hashlib.sha256(names.encode() + _program()).digest()


@cache
def _program() -> bytes:
    """Decides what a row says: a mended fold must not go on where the wrong one stopped."""
    return hashlib.sha256(sources("domain", "audit", "projections")).digest()
