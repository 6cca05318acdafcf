"""Filling all projections anew beside merely reading and decoding the same events."""

import time

from psycopg import AsyncConnection

from adapters.postgres.filling import streams
from adapters.postgres.rebuild import PART
from adapters.postgres.rebuild_parts import parts_of
from adapters.postgres.runner import Runner
from adapters.postgres.session import session
from benchmarks.cases import office, record_cases
from benchmarks.ground import Ground
from benchmarks.measured import Bar, Figure, median, spread

LENGTH = 100


async def rebuilds(ground: Ground) -> list[Figure]:
    wanted = 1_000_000 if ground.full else 10_000 if ground.quick else 100_000
    async with ground.installation() as parts:
        at = await office(parts)
        await record_cases(parts, at.by, wanted // LENGTH, LENGTH)
        reads, fills = [], []
        for _ in range(min(3, ground.rounds)):
            events, seconds = await _read_and_decode(parts.dsn)
            reads.append(events / seconds)
            began = time.perf_counter()
            await Runner(parts.dsn).rebuild([])
            fills.append(events / (time.perf_counter() - began))
    return [
        Figure(
            "Rebuild",
            f"all projections from {events:,} events, events a second",
            spread(fills),
            f"{spread(reads)} merely read and decoded",
            median(fills) / median(reads),
            Bar("at least", 0.5),
        )
    ]


async def _read_and_decode(dsn: str) -> tuple[int, float]:
    """As the rebuild reads, without anything done about it: events, and the seconds that they took."""
    began = time.perf_counter()
    events = 0
    async with await AsyncConnection.connect(session(dsn, "accompany_worker", statement_timeout=0)) as connection:
        for part in await parts_of(connection, PART):
            async for stream in streams(connection, part):
                events += len(stream)
    return events, time.perf_counter() - began
