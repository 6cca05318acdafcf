"""Whatever writers, killers and slow transactions do, readers of our log meet every position once."""

import asyncio
from contextlib import suppress

import psycopg
import pytest
from psycopg import AsyncConnection

from adapters.postgres.pool import Pool
from adapters.postgres.reader import Reader
from adapters.postgres.stored import StoreBusy, StoreUnavailable
from tests.postgres.order_stores import Ours, Stock
from tests.postgres.order_suite import Verdict, put_to_the_test

pytestmark = pytest.mark.anyio


async def test_no_reader_misses_or_repeats_a_position(dsn: str) -> None:
    written = asyncio.Event()
    waking = asyncio.create_task(_wake(dsn, written))
    outcome = await put_to_the_test(dsn, Ours(dsn))
    written.set()
    assert outcome.verdict == Verdict()
    assert len(outcome.acknowledged) > 100
    assert await waking > 0
    async with Pool(dsn, "accompany_worker") as pool:
        log = await Reader(pool).after(0, 10**6)
    assert len(log) == len(outcome.log)
    times = [event.recorded_at for event in log if event.recorded_at]
    assert len(times) == len(log)
    assert times == sorted(times)


async def test_the_order_suite_finds_what_the_stock_recorder_loses_with_its_database_functions(database: str) -> None:
    outcome = await put_to_the_test(database, Stock(database))
    assert len(outcome.acknowledged) > 100
    assert outcome.verdict.missed > 0
    assert outcome.verdict.gaps > 0


async def _wake(dsn: str, written: asyncio.Event) -> int:
    """Count notifications, and see that whoever is notified of a position can read it."""
    woken = 0
    async with Pool(dsn, "accompany_worker", size=1) as pool:
        reader = Reader(pool)
        while not written.is_set():
            with suppress(psycopg.OperationalError, StoreBusy, StoreUnavailable):
                async with await AsyncConnection.connect(dsn, autocommit=True) as connection:
                    await connection.execute("LISTEN accompany_events")
                    while not written.is_set():
                        async for notice in connection.notifies(timeout=0.2, stop_after=1):
                            woken += 1
                            assert await reader.last_position() >= int(notice.payload)
    return woken
