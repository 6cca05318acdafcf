"""The order suite: whatever writers, killers and slow transactions do, readers meet every position once."""

import asyncio
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from itertools import groupby
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import AsyncConnection

from adapters.postgres.append_call import record
from adapters.postgres.pool import Pool
from adapters.postgres.reader import Reader
from adapters.postgres.session import session
from adapters.postgres.stored import Append, RecordedEvent, StoreBusy, StoreUnavailable

pytestmark = pytest.mark.anyio

SECONDS = 2.5
WRITERS = 3


@pytest.fixture
def writers(dsn: str) -> Iterator[list[subprocess.Popen[str]]]:
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.postgres.order_writer", str(seed), str(SECONDS)],
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


async def test_no_reader_misses_or_repeats_a_position(dsn: str, writers: list[subprocess.Popen[str]]) -> None:
    stop_dawdling, written = asyncio.Event(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        tails = [group.create_task(_tail(dsn, written, limit)) for limit in (1, 7, 500)]
        waker = group.create_task(_wake(dsn, written))
        dawdlers = [asyncio.create_task(_dawdle(dsn, stop_dawdling, seed)) for seed in range(2)]
        group.create_task(_kill(dsn, written))
        acknowledged = [
            json.loads(line)
            for output in await asyncio.gather(*(asyncio.to_thread(writer.communicate) for writer in writers))
            for line in output[0].splitlines()
        ]
        stop_dawdling.set()
        await asyncio.gather(*dawdlers)
        written.set()
    assert [writer.returncode for writer in writers] == [0] * WRITERS

    async with Pool(dsn, "accompany_worker") as pool:
        log = await Reader(pool).after(0, 10**6)
    assert [event.position for event in log] == [*range(1, len(log) + 1)]
    times = [event.recorded_at for event in log if event.recorded_at]
    assert len(times) == len(log)
    assert times == sorted(times)

    versions: dict[tuple[UUID, object], int] = {}
    for event in log:
        stream = (event.organisation_id, event.originator_id)
        assert event.originator_version == versions.get(stream, 0) + 1
        versions[stream] = event.originator_version

    # Each append stands together, once, where its acknowledgement said.
    found = {}
    for key, events in groupby(log, lambda event: event.command_key):
        positions = [event.position for event in events]
        assert key not in found
        found[key] = (positions[-1], len(positions))
    assert len(acknowledged) > 100
    for key, position, size in acknowledged:
        assert found[key] == (position, size)

    for tail in tails:
        assert tail.result() == [event.position for event in log]
    assert waker.result() > 0


async def _tail(dsn: str, written: asyncio.Event, limit: int) -> list[int | None]:
    """Follow the log as a projection does, without ever looking back."""
    seen: list[int | None] = []
    async with Pool(dsn, "accompany_worker", size=1) as pool:
        reader = Reader(pool)
        while True:
            is_last_look = written.is_set()
            try:
                events = await reader.after(len(seen), limit)
            except (StoreBusy, StoreUnavailable):
                continue
            for event in events:
                assert event.position == len(seen) + 1
                seen.append(event.position)
            if is_last_look and not events:
                return seen
            await asyncio.sleep(0.002)


async def _wake(dsn: str, written: asyncio.Event) -> int:
    """Count notifications, and see that whoever is notified of a position can read it."""
    woken = 0
    async with Pool(dsn, "accompany_worker", size=1) as pool:
        reader = Reader(pool)
        while not written.is_set():
            try:
                async with await AsyncConnection.connect(dsn, autocommit=True) as connection:
                    await connection.execute("LISTEN accompany_events")
                    while not written.is_set():
                        async for notice in connection.notifies(timeout=0.2, stop_after=1):
                            woken += 1
                            assert await reader.last_position() >= int(notice.payload)
            except (psycopg.OperationalError, StoreBusy, StoreUnavailable):
                continue
    return woken


async def _dawdle(dsn: str, stop: asyncio.Event, seed: int) -> None:
    """Append in transactions that take their time between the function and its end, half of which are rolled back."""
    chance = random.Random(seed)  # noqa: S311  not a secret
    while not stop.is_set():
        try:
            async with await AsyncConnection.connect(
                session(dsn, "accompany_service", statement_timeout=5)
            ) as connection:
                organisation = UUID(int=1)
                event = RecordedEvent(uuid4(), 1, "test-slow", b"", organisation_id=organisation)
                await record(connection, [Append(organisation, UUID(int=8), (event,), str(uuid4()), b"")], [uuid4()])
                await asyncio.sleep(chance.random() * 0.03)
                if chance.random() < 0.5:
                    await connection.rollback()
        except psycopg.OperationalError:
            continue
        await asyncio.sleep(chance.random() * 0.2)


async def _kill(dsn: str, written: asyncio.Event) -> None:
    """Kill sessions of the service and the worker at random, whatever they are doing."""
    async with await AsyncConnection.connect(dsn, autocommit=True) as administrator:
        while not written.is_set():
            await administrator.execute(
                """
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE application_name LIKE 'accompany-%' AND datname = current_database()
                ORDER BY random() LIMIT 1
                """
            )
            await asyncio.sleep(0.03)
