"""Fills projections anew beside the ones that are read, at the speed of COPY, and swaps them in one transaction.

Every row belongs to one stream, so the log is read stream by stream, in parts that several processes share out: each stream is folded
from empty and its rows are done with, however long the log is. A rebuild that was killed goes on with the parts that are left.
"""

import asyncio
import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from psycopg import AsyncConnection, errors

from adapters.postgres import projection_tables as tables
from adapters.postgres import rebuild_parts as parts
from adapters.postgres.comparison import Compared, compare
from adapters.postgres.filling import RebuildStuck, fill_next, helped
from adapters.postgres.parked import fold_or_park, park, unpark_all
from adapters.postgres.seen import Batch, head, next_batch
from adapters.postgres.session import is_refusal_of_values, session
from projections.projection import Projection, Rows, Table

REBUILDING = 4702111234474983747
# Events. Large enough that a table's COPY is worth its while, and what a crash costs is done again in a second.
PART = 20_000
READ_AT_ONCE = 2_000
# While the last few events are caught up with, the runner waits.
FEW = 200
SWAP_ATTEMPTS = 40
# Seconds between looks at what others are still filling.
PAUSE = 0.05

type Progress = Callable[[int, int], None]
"""Told how many events of how many are done."""

type Comparison = Callable[[Compared], None]
"""Told of each table, before the swap, in how many rows the new one differs from the one that is read."""


class RebuildUnderWay(Exception):
    """Another rebuild is running. Nothing was changed."""

    code: ClassVar[str] = "rebuild-under-way"

    def __init__(self) -> None:
        super().__init__("Projections are being rebuilt already. Wait for that to end.")


async def rebuild(
    dsn: str,
    projections: Sequence[Projection],
    progress: Progress,
    compared: Comparison | None = None,
    *,
    processes: int = 1,
    part: int = PART,
) -> None:
    """Fills these projections anew from the whole log. Raises RebuildUnderWay or RebuildStuck.

    Comparing takes about as long as filling, and is left out where nobody is told. If this ends half way, other than by RebuildStuck,
    the next one for the same projections goes on from there.
    """
    conninfo = session(dsn, "accompany_worker", statement_timeout=0)
    async with await AsyncConnection.connect(conninfo, autocommit=True) as connection:
        lock = await (await connection.execute("SELECT pg_try_advisory_lock(%s)", (REBUILDING,))).fetchone()
        if lock != (True,):
            raise RebuildUnderWay
        try:
            begun = await parts.begin(connection, projections, part)
            await _fill(connection, dsn, projections, begun.what, progress, processes)
            for projection in projections:
                for table in projection.tables:
                    await _finish(connection, table)
            if compared is not None:
                for projection in projections:
                    for table in projection.tables:
                        if found := await compare(connection, projection, table, begun.reached):
                            compared(found)
            await _take_over(connection, projections, begun.reached)
        except Exception as error:
            # What was filled is of no use to a later attempt if it can't come to an end.
            if isinstance(error, RebuildStuck) or is_refusal_of_values(error):
                await parts.abandon(connection)
            raise


async def _fill(
    connection: AsyncConnection[Any],
    dsn: str,
    projections: Sequence[Projection],
    what: bytes,
    progress: Progress,
    processes: int,
) -> None:
    done, total = await parts.progress_of(connection)
    progress(done, total)

    def told(of_part: int) -> None:
        progress(done + of_part, total)

    with helped(min(processes, await parts.left(connection)) - 1, dsn, projections):
        while await parts.left(connection):
            # Where none is free, others are at work; a part that one of them does not finish becomes free.
            if not await fill_next(connection, projections, what, told):
                await asyncio.sleep(PAUSE)
            done, _ = await parts.progress_of(connection)
            progress(done, total)
    progress(total, total)


async def _finish(connection: AsyncConnection[Any], table: Table[Any]) -> None:
    """Keys, indexes and walls, unless an earlier rebuild came as far as this."""
    name = f"projections.{table.name}{tables.BESIDE}"
    cursor = await connection.execute("SELECT relrowsecurity FROM pg_class WHERE oid = %s::regclass", (name,))
    if await cursor.fetchone() == (False,):
        async with connection.transaction():
            await tables.wall(connection, table, tables.BESIDE)
        await connection.execute(f"ANALYZE {name}")


async def _take_over(connection: AsyncConnection[Any], projections: Sequence[Projection], reached: int) -> None:
    # Where more is recorded than can be followed here, the rest is left to the moment when the runner waits.
    behind = math.inf
    while FEW < (left := await head(connection) - reached) < behind:
        behind = left
        batch = await next_batch(connection, reached, READ_AT_ONCE)
        async with connection.transaction():
            reached = await _follow(connection, projections, batch, reached)
            await parts.note_reached(connection, reached)
    for attempt in range(SWAP_ATTEMPTS):
        try:
            async with connection.transaction():
                await _swap_all(connection, projections, reached)
            return
        except errors.LockNotAvailable:
            if attempt + 1 == SWAP_ATTEMPTS:
                raise
            await asyncio.sleep(0.05 * attempt)


async def _swap_all(connection: AsyncConnection[Any], projections: Sequence[Projection], reached: int) -> None:
    # From here on the runner waits: what readers saw in the old tables is in the new ones before they see those.
    cursor = await connection.execute(
        "SELECT position FROM projections.tracking WHERE projection = ANY(%s) ORDER BY projection FOR UPDATE",
        ([projection.name for projection in projections],),
    )
    shown = max((position for (position,) in await cursor.fetchall()), default=0)
    while reached < shown:
        batch = await next_batch(connection, reached, READ_AT_ONCE)
        reached = await _follow(connection, projections, batch, reached)
    # A reader may hold one table and wait for the next: better to let it go first than to meet it half way.
    await connection.execute("SET LOCAL lock_timeout = '300ms'")
    for projection in projections:
        for table in projection.tables:
            await tables.swap(connection, table)
        await connection.execute(
            """
            INSERT INTO projections.tracking (projection, version, position) VALUES (%s, %s, %s)
            ON CONFLICT (projection) DO UPDATE SET
                version = excluded.version, position = excluded.position, error = NULL, updated_at = excluded.updated_at
            """,
            (projection.name, projection.version, reached),
        )
    await unpark_all(connection, [projection.name for projection in projections])
    for name, one in await parts.parked_so_far(connection):
        await park(connection, name, [one])
    await parts.forget(connection)
    await connection.execute("SELECT pg_notify('accompany_projected', %s)", (str(reached),))


async def _follow(
    connection: AsyncConnection[Any], projections: Sequence[Projection], batch: Batch, reached: int
) -> int:
    """Folds further events into the tables beside."""
    if batch.stuck:
        raise RebuildStuck("every projection", batch.stuck)
    for projection in projections:
        stored = Rows()
        await tables.load(connection, projection, batch.seen, stored, tables.BESIDE)
        rows, parked, stuck = fold_or_park(projection, batch.seen, stored)
        if stuck:
            raise RebuildStuck(projection.name, stuck)
        await parts.note_parked(connection, projection.name, parked)
        await tables.write(connection, projection, rows, tables.BESIDE)
    return batch.seen[-1].position if batch.seen else reached
