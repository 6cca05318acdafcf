"""Filling all projections anew beside merely reading and decoding the same events, as the record grows."""

import gc
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import AsyncConnection

from adapters.garbage import settle_garbage
from adapters.postgres.filling import streams
from adapters.postgres.rebuild import PART
from adapters.postgres.rebuild_parts import parts_of
from adapters.postgres.runner import Runner
from adapters.postgres.session import session
from benchmarks.cases import office, record_cases
from benchmarks.ground import Ground
from benchmarks.measured import Bar, Figure, median, spread

LENGTH = 100
# The bar is about a record of this size.
MANY = 1_000_000
PROCESSES = os.cpu_count() or 1


async def rebuild(ground: Ground) -> list[Figure]:
    figures: list[Figure] = []
    recorded = 0
    async with ground.installation() as parts:
        at = await office(parts)
        for size in ground.sizes:
            ground.tell(f"Recording up to {size:,} events, in mentorships of {LENGTH}")
            await record_cases(parts, at.by, (size - recorded) // LENGTH, LENGTH)
            recorded = size
            reads, alone, shared = [], [], []
            # A million take minutes a round, and so long a round is steady.
            rounds = 1 if size >= MANY else ground.rounds
            for number in range(rounds):
                ground.tell(f"Reading and rebuilding, round {number + 1} of {rounds}")
                with settled():
                    events, seconds = await _read_and_decode(parts.dsn)
                    reads.append(events / seconds)
                    alone.append(events / await _rebuild(parts.dsn, 1))
                    shared.append(events / await _rebuild(parts.dsn, PROCESSES))
            figures += _figures(events, reads, alone, shared, bar=size == MANY)
    return figures


def _figures(events: int, reads: list[float], alone: list[float], shared: list[float], *, bar: bool) -> list[Figure]:
    group = f"Rebuild of {events:,} events, events a second"
    read = f"{spread(reads)} merely read and decoded"
    reached = Bar("at least", 0.5) if bar else None
    return [
        Figure(
            group,
            f"in {PROCESSES} processes, as `accompany rebuild` does it",
            spread(shared),
            read,
            median(shared) / median(reads),
            reached,
        ),
        Figure(group, "in one process", spread(alone), "", median(alone) / median(reads)),
    ]


@contextmanager
def settled() -> Iterator[None]:
    """Both sides with the garbage collector as `accompany rebuild` sets it."""
    threshold = gc.get_threshold()
    settle_garbage()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(*threshold)


async def _rebuild(dsn: str, processes: int) -> float:
    """The seconds that it takes, with keys, indexes, statistics and the swap."""
    began = time.perf_counter()
    await Runner(dsn).rebuild([], processes=processes)
    return time.perf_counter() - began


async def _read_and_decode(dsn: str) -> tuple[int, float]:
    """As the rebuild reads, without anything done about it: events, and the seconds that they took."""
    began = time.perf_counter()
    events = 0
    async with await AsyncConnection.connect(session(dsn, "accompany_worker", statement_timeout=0)) as connection:
        for part in await parts_of(connection, PART):
            async for stream in streams(connection, part):
                events += len(stream)
    return events, time.perf_counter() - began
