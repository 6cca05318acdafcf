"""Fills projections anew beside the ones that are read, at the speed of COPY, and swaps them in one transaction.

Every row belongs to one stream, so the log is read stream by stream: each is folded from empty and its rows are done with, however long
the log is.
"""

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from itertools import groupby
from typing import Any, ClassVar, LiteralString

from psycopg import AsyncConnection, errors

from adapters.postgres import projection_tables as tables
from adapters.postgres.comparison import Compared, compare
from adapters.postgres.parked import fold_or_park, park, unpark_all
from adapters.postgres.reader import recorded_event_row
from adapters.postgres.seen import Batch, Stuck, fold, head, next_batch, read
from adapters.postgres.session import session
from projections.projection import Projection, Rows, Seen, Table

REBUILDING = 4702111234474983747
READ_AT_ONCE = 2_000
COPIED_AT_ONCE = 5_000
# While the last few events are caught up with, the runner waits.
FEW = 200
SWAP_ATTEMPTS = 40

BY_STREAM: LiteralString = """
    SELECT
        stream_id, version, topic, state, schema_version, organisation_id, actor_id, purpose,
        occurred_on, occurred_at, trace_id, command_key, recorded_at, position
    FROM accompany.events
    WHERE position <= %s
    ORDER BY organisation_id, stream_id, version
"""

type Progress = Callable[[int, int], None]
"""Told how many events of how many are done."""

type Comparison = Callable[[Compared], None]
"""Told of each table, before the swap, in how many rows the new one differs from the one that is read."""

type Parked = dict[tuple[str, int], Stuck]
"""The events that were parked on the way, by projection and position."""


class RebuildUnderWay(Exception):
    """Another rebuild is running. Nothing was changed."""

    code: ClassVar[str] = "rebuild-under-way"

    def __init__(self) -> None:
        super().__init__("Projections are being rebuilt already. Wait for that to end.")


class RebuildStuck(Exception):
    """An event could not be folded. The projections that are read were left as they were."""

    code: ClassVar[str] = "rebuild-stuck"

    def __init__(self, projection: str, stuck: Stuck) -> None:
        super().__init__(f"{projection} can't take the event at position {stuck.position} ({stuck.code}).")
        self.projection = projection
        self.stuck = stuck


async def rebuild(
    dsn: str, projections: Sequence[Projection], progress: Progress, compared: Comparison | None = None
) -> None:
    """Fills these projections anew from the whole log. Raises RebuildUnderWay or RebuildStuck.

    Comparing takes about as long as filling, and is left out where nobody is told.
    """
    conninfo = session(dsn, "accompany_worker", statement_timeout=0)
    async with await AsyncConnection.connect(conninfo, autocommit=True) as connection:
        lock = await (await connection.execute("SELECT pg_try_advisory_lock(%s)", (REBUILDING,))).fetchone()
        if lock != (True,):
            raise RebuildUnderWay
        filled = [table for projection in projections for table in projection.tables]
        for table in filled:
            await tables.make(connection, table, tables.BESIDE)
        try:
            last = await head(connection)
            parked: Parked = {}
            await _fill(connection, conninfo, projections, last, progress, parked)
            for table in filled:
                await tables.wall(connection, table, tables.BESIDE)
                await connection.execute(f"ANALYZE projections.{table.name}{tables.BESIDE}")
            if compared is not None:
                for projection in projections:
                    for table in projection.tables:
                        if found := await compare(connection, projection, table, last):
                            compared(found)
            await _take_over(connection, projections, last, parked)
        except BaseException:
            for table in filled:
                await connection.execute(f"DROP TABLE IF EXISTS projections.{table.name}{tables.BESIDE}")
            raise


async def _fill(
    connection: AsyncConnection[Any],
    conninfo: str,
    projections: Sequence[Projection],
    last: int,
    progress: Progress,
    parked: Parked,
) -> None:
    waiting: dict[Table[Any], list[Any]] = {table: [] for one in projections for table in one.tables}
    done = 0
    async with aclosing(_streams(conninfo, last)) as streams:
        async for stream in streams:
            for projection in projections:
                rows = Rows()
                if fold(projection, stream, rows):
                    rows = _parking(projection, stream, Rows(), parked)
                for table in projection.tables:
                    waiting[table] += rows.written(table)
            for table, rows_of_table in waiting.items():
                if len(rows_of_table) >= COPIED_AT_ONCE:
                    await tables.copy(connection, table, rows_of_table)
                    rows_of_table.clear()
            done += len(stream)
            progress(done, last)
    for table, rows_of_table in waiting.items():
        await tables.copy(connection, table, rows_of_table)
    progress(last, last)


async def _streams(conninfo: str, last: int) -> AsyncGenerator[list[Seen]]:
    """The log up to a position, one stream after the other."""
    async with (
        await AsyncConnection.connect(conninfo) as connection,
        connection.cursor("streams", row_factory=recorded_event_row) as cursor,
    ):
        await cursor.execute(BY_STREAM, (last,))
        begun: list[Seen] = []
        while stored := await cursor.fetchmany(READ_AT_ONCE):
            batch = read(stored)
            if batch.stuck:
                raise RebuildStuck("every projection", batch.stuck)
            streams = [list(stream) for _, stream in groupby([*begun, *batch.seen], key=lambda seen: seen.stream)]
            for stream in streams[:-1]:
                yield stream
            # The next rows may go on with it.
            begun = streams[-1]
        if begun:
            yield begun


def _parking(projection: Projection, seen: Sequence[Seen], stored: Rows, parked: Parked) -> Rows:
    """Folds events, and remembers those that were parked. Raises RebuildStuck where an audit projection stops."""
    rows, parked_here, stuck = fold_or_park(projection, seen, stored)
    if stuck:
        raise RebuildStuck(projection.name, stuck)
    parked.update({(projection.name, one.position): one for one in parked_here})
    return rows


async def _take_over(
    connection: AsyncConnection[Any], projections: Sequence[Projection], reached: int, parked: Parked
) -> None:
    # Where more is recorded than can be followed here, the rest is left to the moment when the runner waits.
    behind = math.inf
    while FEW < (left := await head(connection) - reached) < behind:
        behind = left
        batch = await next_batch(connection, reached, READ_AT_ONCE)
        async with connection.transaction():
            reached = await _follow(connection, projections, batch, reached, parked)
    for attempt in range(SWAP_ATTEMPTS):
        try:
            async with connection.transaction():
                await _swap_all(connection, projections, reached, parked)
            return
        except errors.LockNotAvailable:
            if attempt + 1 == SWAP_ATTEMPTS:
                raise
            await asyncio.sleep(0.05 * attempt)


async def _swap_all(
    connection: AsyncConnection[Any], projections: Sequence[Projection], reached: int, parked: Parked
) -> None:
    # From here on the runner waits: what readers saw in the old tables is in the new ones before they see those.
    cursor = await connection.execute(
        "SELECT position FROM projections.tracking WHERE projection = ANY(%s) ORDER BY projection FOR UPDATE",
        ([projection.name for projection in projections],),
    )
    shown = max((position for (position,) in await cursor.fetchall()), default=0)
    while reached < shown:
        batch = await next_batch(connection, reached, READ_AT_ONCE)
        reached = await _follow(connection, projections, batch, reached, parked)
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
    for (name, _), one in parked.items():
        await park(connection, name, [one])
    await connection.execute("SELECT pg_notify('accompany_projected', %s)", (str(reached),))


async def _follow(
    connection: AsyncConnection[Any], projections: Sequence[Projection], batch: Batch, reached: int, parked: Parked
) -> int:
    """Folds further events into the tables beside."""
    if batch.stuck:
        raise RebuildStuck("every projection", batch.stuck)
    for projection in projections:
        rows = Rows()
        await tables.load(connection, projection, batch.seen, rows, tables.BESIDE)
        rows = _parking(projection, batch.seen, rows, parked)
        await tables.write(connection, projection, rows, tables.BESIDE)
    return batch.seen[-1].position if batch.seen else reached
