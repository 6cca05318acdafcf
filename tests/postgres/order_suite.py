"""The order suite: writers in several processes, slow transactions and killed sessions, while readers follow the log.

It runs against any store that order_stores.py knows, and says how often order was broken.
"""

import asyncio
import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby

from psycopg import AsyncConnection

from tests.postgres.order_stores import Met, Opened, Store, Stream, TryAgain

SECONDS = 2.5
WRITERS = 3
FETCHED_AT_ONCE = (1, 7, 500)
DAWDLERS = 3

type Acknowledged = tuple[str, int, int]
"""Key, last position and number of events of an append."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How often each promise was broken; `missed` and `repeated` over all readers, `lost` counts acknowledged appends."""

    gaps: int = 0
    missed: int = 0
    repeated: int = 0
    versions_out_of_order: int = 0
    torn: int = 0
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    log: Sequence[Met]
    acknowledged: list[Acknowledged]
    verdict: Verdict


async def put_to_the_test(dsn: str, store: Store) -> Outcome:
    stop, written = asyncio.Event(), asyncio.Event()
    async with store.open() as opened:
        with _writers(dsn, store) as writers:
            async with asyncio.TaskGroup() as group:
                tails = [group.create_task(_tail(opened, written, limit)) for limit in FETCHED_AT_ONCE]
                dawdlers = [asyncio.create_task(_dawdle(opened, stop, seed)) for seed in range(DAWDLERS)]
                group.create_task(_kill(dsn, store, written))
                outputs = await asyncio.gather(*(asyncio.to_thread(writer.communicate) for writer in writers))
                stop.set()
                await asyncio.gather(*dawdlers)
                written.set()
            assert [writer.returncode for writer in writers] == [0] * WRITERS
        acknowledged = [
            (key, position, size)
            for output, _ in outputs
            for key, position, size in map(json.loads, output.splitlines())
        ]
        log = await opened.after(0, 10**6)
    return Outcome(log, acknowledged, _judged(log, [tail.result() for tail in tails], acknowledged))


def _judged(log: Sequence[Met], tails: list[list[int]], acknowledged: list[Acknowledged]) -> Verdict:
    positions = [event.position for event in log]
    versions: dict[Stream, int] = {}
    out_of_order = 0
    for event in log:
        out_of_order += event.version != versions.get(event.stream, 0) + 1
        versions[event.stream] = event.version
    stretches = [(key, [event.position for event in events]) for key, events in groupby(log, lambda event: event.key)]
    found = {key: (stretch[-1], len(stretch)) for key, stretch in stretches}
    return Verdict(
        gaps=(positions[-1] if positions else 0) - len(set(positions)),
        missed=sum(len(set(positions) - set(tail)) for tail in tails),
        repeated=sum(times - 1 for tail in tails for times in Counter(tail).values()),
        versions_out_of_order=out_of_order,
        torn=len(stretches) - len(found),
        lost=sum(found.get(key) != (position, size) for key, position, size in acknowledged),
    )


@contextmanager
def _writers(dsn: str, store: Store) -> Iterator[list[subprocess.Popen[str]]]:
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.postgres.order_writer", store.name, str(seed), str(SECONDS)],
            env=os.environ | {"DSN": dsn},
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in range(WRITERS)
    ]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()
            if process.stdout:
                process.stdout.close()


async def _tail(store: Opened, written: asyncio.Event, limit: int) -> list[int]:
    """Follows the log as a projection does, without ever looking back."""
    seen = [0]
    while True:
        is_last_look = written.is_set()
        try:
            events = await store.after(seen[-1], limit)
        except TryAgain:
            continue
        seen += [event.position for event in events]
        if is_last_look and not events:
            return seen[1:]
        if not events:
            await asyncio.sleep(0.002)


async def _dawdle(store: Opened, stop: asyncio.Event, seed: int) -> None:
    """Appends in transactions that take their time between the function and its end, half of which are rolled back."""
    chance = random.Random(seed)  # noqa: S311  not a secret
    while not stop.is_set():
        try:
            await store.append_slowly(chance.random() * 0.03, give_up=chance.random() < 0.5)
        except TryAgain:
            continue
        await asyncio.sleep(chance.random() * 0.2)


async def _kill(dsn: str, store: Store, written: asyncio.Event) -> None:
    """Kills sessions of the store at random, whatever they are doing."""
    async with await AsyncConnection.connect(dsn, autocommit=True, application_name="killer") as administrator:
        while not written.is_set():
            await administrator.execute(
                """
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE application_name LIKE %s AND datname = current_database()
                ORDER BY random() LIMIT 1
                """,
                (store.sessions,),
            )
            await asyncio.sleep(0.03)
