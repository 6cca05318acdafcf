"""Fills parts of a rebuild: reads their streams, folds each from empty, and copies the rows into the new tables.

Several processes do so at once. `python -m adapters.postgres.filling` is such a helper: it is told the database and the projections on
standard input, takes parts until there are none, and ends when whoever started it does. Nobody relies on it: a part that it
did not finish is another's.
"""

import asyncio
import os
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from itertools import groupby
from subprocess import DEVNULL, PIPE, Popen
from typing import Any, ClassVar, LiteralString

import msgspec
from psycopg import AsyncConnection

from adapters.garbage import settle_garbage
from adapters.postgres.copying import copy
from adapters.postgres.parked import fold_or_park
from adapters.postgres.reader import recorded_event_row
from adapters.postgres.rebuild_parts import Part, digest_of, finish, note_parked, take
from adapters.postgres.seen import Stuck, fold, read
from adapters.postgres.session import session
from projections.projection import Projection, Rows, Seen, Table
from projections.registry import PROJECTIONS

READ_AT_ONCE = 500

STREAMS: LiteralString = """
    SELECT
        stream_id, version, topic, state, schema_version, organisation_id, actor_id, purpose,
        occurred_on, occurred_at, trace_id, command_key, recorded_at, position
    FROM accompany.events
    WHERE organisation_id = %s AND stream_id BETWEEN %s AND %s AND position <= %s
    ORDER BY stream_id, version
"""

type Told = Callable[[int], None]
"""Told how many events of a part are done."""


class RebuildStuck(Exception):
    """An event could not be folded. The projections that are read were left as they were."""

    code: ClassVar[str] = "rebuild-stuck"

    def __init__(self, projection: str, stuck: Stuck) -> None:
        super().__init__(f"{projection} can't take the event at position {stuck.position} ({stuck.code}).")
        self.projection = projection
        self.stuck = stuck


async def fill_next(
    connection: AsyncConnection[Any], projections: Sequence[Projection], what: bytes, told: Told = lambda done: None
) -> Part | None:
    """Fills a part that nobody else is filling, in one transaction; None if there is none left. Raises RebuildStuck."""
    async with connection.transaction():
        part = await take(connection, what)
        if part is None:
            return None
        waiting: dict[Table[Any], list[Any]] = {table: [] for one in projections for table in one.tables}
        done = 0
        async with aclosing(streams(connection, part)) as found:
            async for stream in found:
                for projection in projections:
                    rows = Rows()
                    if fold(projection, stream, rows):
                        rows = await _folded_or_parked(connection, projection, stream)
                    for table in projection.tables:
                        waiting[table] += rows.written(table)
                done += len(stream)
                told(done)
        for table, rows_of_table in waiting.items():
            await copy(connection, table, rows_of_table)
        await finish(connection, part)
    return part


async def streams(connection: AsyncConnection[Any], part: Part) -> AsyncGenerator[list[Seen]]:
    """The streams of a part, one after the other. Raises RebuildStuck at an event that can't be read at all."""
    async with connection.cursor(row_factory=recorded_event_row, binary=True) as cursor:
        await cursor.execute(STREAMS, (part.organisation_id, part.first_stream, part.last_stream, part.reads_to))
        begun: list[Seen] = []
        while stored := await cursor.fetchmany(READ_AT_ONCE):
            # Where this runs beside other work, as in a service, that has its turn.
            await asyncio.sleep(0)
            batch = read(stored)
            if batch.stuck:
                raise RebuildStuck("every projection", batch.stuck)
            of_stream = [list(stream) for _, stream in groupby([*begun, *batch.seen], key=lambda seen: seen.stream_id)]
            for stream in of_stream[:-1]:
                yield stream
            # The next rows may go on with it.
            begun = of_stream[-1]
        if begun:
            yield begun


async def _folded_or_parked(connection: AsyncConnection[Any], projection: Projection, stream: Sequence[Seen]) -> Rows:
    rows, parked, stuck = fold_or_park(projection, stream, Rows())
    if stuck:
        raise RebuildStuck(projection.name, stuck)
    await note_parked(connection, projection.name, parked)
    return rows


class _Order(msgspec.Struct):
    """What a helper is told."""

    dsn: str
    projections: list[str]


@contextmanager
def helped(number: int, dsn: str, projections: Sequence[Projection]) -> Iterator[None]:
    """So many processes fill parts while the block lasts. Projections that the service does not have get no help."""
    order = msgspec.json.encode(_Order(dsn, [projection.name for projection in projections])) + b"\n"
    known = all(projection in PROJECTIONS for projection in projections)
    helpers: list[Popen[bytes]] = []
    try:
        for _ in range(number if known else 0):
            helper = Popen(
                [sys.executable, "-m", "adapters.postgres.filling"], stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL
            )
            helpers.append(helper)
            assert helper.stdin is not None, "it was asked for"
            # Never in its arguments: those are for all to see, and this may hold a password.
            helper.stdin.write(order)
            helper.stdin.flush()
        yield
    finally:
        for helper in helpers:
            helper.kill()
            helper.communicate()


async def help_with(order: _Order) -> None:
    """Fills parts until there are none left that nobody else is filling."""
    projections = [projection for projection in PROJECTIONS if projection.name in order.projections]
    what = digest_of(projections)
    conninfo = session(order.dsn, "accompany_worker", statement_timeout=0)
    async with await AsyncConnection.connect(conninfo, autocommit=True) as connection:
        while await fill_next(connection, projections, what):
            pass


def _end_with_starter() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


if __name__ == "__main__":
    told = msgspec.json.decode(sys.stdin.buffer.readline(), type=_Order)
    threading.Thread(target=_end_with_starter, daemon=True).start()
    settle_garbage()
    asyncio.run(help_with(told))
