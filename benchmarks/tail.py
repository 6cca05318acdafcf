"""From a commit to the moment when every projection shows it, with the worker in a process of its own."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg

from adapters.wiring import Installation
from application.caller import Submission
from application.ids import new_id
from benchmarks.cases import FIRST_DAY, SESSION, Office, office, record_cases
from benchmarks.ground import Ground
from benchmarks.measured import Bar, Figure, median, percentile
from benchmarks.serving import worker
from domain.mentorship import Mentorship
from domain.occurred import Occurred

CASES, LENGTH = 64, 10
WRITERS = 8
# Commands a second, of all writers: a hundred caseworkers who never pause for thought.
PACE = 100
PROBES = 60
LATEST = 10.0


async def tail(ground: Ground) -> list[Figure]:
    async with ground.installation() as parts:
        at = await office(parts)
        cases = await record_cases(parts, at.by, CASES, LENGTH)
        with worker(ground.environment(parts.dsn)):
            async with shown(parts.dsn) as visible:
                alone = [await latency(parts, at, cases[0], visible) for _ in range(PROBES)]
                under_load = await paced(parts, at, cases, visible, ground.rounds * ground.seconds)
    return [
        Figure("From commit to projections", "one command at a time, median", f"{1000 * median(alone):.1f} ms"),
        Figure(
            "From commit to projections",
            f"{PACE} commands a second, median in ms",
            f"{1000 * median(under_load):.1f} ms",
            "",
            1000 * median(under_load),
            Bar("at most", 20),
        ),
        Figure(
            "From commit to projections",
            f"{PACE} commands a second, 99th percentile in ms",
            f"{1000 * percentile(under_load, 99):.1f} ms",
            "",
            1000 * percentile(under_load, 99),
            Bar("at most", 200),
        ),
    ]


class Visible:
    """How far the projections are, told by their own notifications."""

    def __init__(self) -> None:
        self._position = 0
        self._moved = asyncio.Condition()

    async def until(self, position: int) -> None:
        async with self._moved, asyncio.timeout(LATEST):
            await self._moved.wait_for(lambda: self._position >= position)

    async def follow(self, connection: psycopg.AsyncConnection[Any]) -> None:
        async for notification in connection.notifies():
            async with self._moved:
                self._position = max(self._position, int(notification.payload))
                self._moved.notify_all()


@asynccontextmanager
async def shown(dsn: str) -> AsyncIterator[Visible]:
    visible = Visible()
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        await connection.execute("LISTEN accompany_projected")
        following = asyncio.create_task(visible.follow(connection))
        try:
            yield visible
        finally:
            following.cancel()


async def latency(parts: Installation, at: Office, case: UUID, visible: Visible) -> float:
    """Seconds from the answer to one command until the projections show it."""
    receipt = await parts.casebook.decide(
        at.now(),
        Submission(str(new_id()), b"d" * 32),
        case,
        {},
        Mentorship.hold_session,
        new_id(),
        Occurred(FIRST_DAY + timedelta(days=1)),
        **SESSION,
    )
    answered = time.perf_counter()
    await visible.until(receipt.position)
    return time.perf_counter() - answered


async def paced(parts: Installation, at: Office, cases: list[UUID], visible: Visible, seconds: float) -> list[float]:
    """Latencies under a steady load: writers keep to a clock, so that a slow answer does not thin the load out."""
    until = time.perf_counter() + seconds
    found: list[float] = []

    async def write(mine: list[UUID]) -> None:
        due = time.perf_counter()
        number = 0
        while due < until:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            found.append(await latency(parts, at, mine[number % len(mine)], visible))
            number += 1
            due = max(due + WRITERS / PACE, time.perf_counter() - 1)

    await asyncio.gather(*(write(cases[number::WRITERS]) for number in range(WRITERS)))
    return found
