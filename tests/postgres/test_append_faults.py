"""The appender when callers, values, connections or the database do not behave."""

import asyncio
from pathlib import Path
from uuid import uuid4

import pytest
from psycopg import AsyncConnection
from psycopg.conninfo import make_conninfo

from adapters.postgres.appender import Appender
from adapters.postgres.pool import Pool
from adapters.postgres.reader import Reader
from adapters.postgres.stored import (
    Append,
    Appended,
    NotStorable,
    Replayed,
    StoreBusy,
    StoreUnavailable,
)
from tests.postgres.facts import ORGANISATION, command, fact, line_to

pytestmark = pytest.mark.anyio

LOCK = "SELECT pg_advisory_xact_lock(4702111234474983745)"


async def test_a_lost_acknowledgement_is_neither_recorded_twice_nor_a_conflict(
    dsn: str, log: Reader, reachable_folder: Path
) -> None:
    async with line_to(dsn, reachable_folder) as (through, line), Appender(through) as appender:
        stream = uuid4()
        await appender.append(command(fact(stream, 1)))
        line.lose_next_answer = True
        assert isinstance(await appender.append(command(fact(stream, 2))), Appended)
        await asyncio.gather(*(appender.append(command(fact(uuid4(), 1))) for _ in range(5)))
        line.lose_next_answer = True
        outcomes = await asyncio.gather(
            *(appender.append(command(fact(uuid4(), 1), key=key)) for key in ("a", "b", "c", "a"))
        )
        assert [type(outcome) for outcome in outcomes] == [Appended, Appended, Appended, Replayed]
        assert line.lost == 2
    assert [event.position for event in await log.after(0)] == [*range(1, 11)]


async def test_a_killed_connection_is_replaced(dsn: str, appender: Appender, reader: Reader) -> None:
    stream = uuid4()
    for version in range(1, 5):
        assert isinstance(await appender.append(command(fact(stream, version))), Appended)
        assert len(await reader.stream(ORGANISATION, stream)) == version
        async with await AsyncConnection.connect(dsn, autocommit=True) as administrator:
            await administrator.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'accompany%'"
            )


async def test_a_value_that_no_database_takes_harms_nobody_else(appender: Appender, log: Reader) -> None:
    good = [command(fact(uuid4(), 1)) for _ in range(3)]
    bad = [
        command(fact(uuid4(), 1, topic="a\0b")),
        command(fact(uuid4(), 1, topic="\ud800")),
        command(fact(uuid4(), 2**40)),
        command(fact(uuid4(), 1), key="".join(str(uuid4()) for _ in range(1000))),
    ]
    outcomes = await asyncio.gather(
        *(appender.append(each) for each in (good[0], *bad, good[1], good[2])), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [Appended, *[NotStorable] * 4, Appended, Appended]
    assert len(await log.after(0)) == 3
    for outcome in outcomes[1:5]:
        assert isinstance(outcome, NotStorable)
        assert str(outcome) == "The record can't hold one of the values."
        assert outcome.__cause__ is outcome.__context__ is None


async def test_a_slow_database_makes_callers_wait_to_a_limit_and_the_queue_is_bounded(dsn: str, log: Reader) -> None:
    async with Appender(dsn, wait_limit=0.5, queue_limit=10) as appender:
        await appender.append(command(fact(uuid4(), 1)))
        async with await AsyncConnection.connect(dsn) as slow:
            await slow.execute(LOCK)
            started = asyncio.get_running_loop().time()
            outcomes = await asyncio.gather(
                *(appender.append(command(fact(uuid4(), 1))) for _ in range(30)), return_exceptions=True
            )
            assert {type(outcome) for outcome in outcomes} == {StoreBusy}
            assert asyncio.get_running_loop().time() - started < 1.5
            # The call under way ends by its own limit, and is not let through at the last moment.
            await asyncio.sleep(0.5)
        assert isinstance(await appender.append(command(fact(uuid4(), 1))), Appended)
    assert len(await log.after(0)) <= 3


async def test_a_database_that_is_gone_is_unavailable(dsn: str, tmp_path: Path) -> None:
    nowhere = make_conninfo(dsn, host=str(tmp_path))
    async with Appender(nowhere, wait_limit=0.3) as appender, Pool(nowhere, limit=0.5) as pool:
        with pytest.raises(StoreUnavailable):
            await appender.append(command(fact(uuid4(), 1)))
        with pytest.raises(StoreUnavailable):
            await Reader(pool).stream(ORGANISATION, uuid4())
    with pytest.raises(StoreUnavailable):
        await appender.append(command(fact(uuid4(), 1)))


async def test_a_database_that_hangs_is_given_up_and_taken_up_again(dsn: str, reachable_folder: Path) -> None:
    async with (
        line_to(dsn, reachable_folder) as (through, line),
        Appender(through, wait_limit=0.4) as appender,
        Pool(through, limit=0.4) as pool,
    ):
        stream = uuid4()
        await appender.append(command(fact(stream, 1)))
        await Reader(pool).stream(ORGANISATION, stream)
        line.passing.clear()
        with pytest.raises((StoreBusy, StoreUnavailable)):
            await appender.append(command(fact(stream, 2), key="held"))
        with pytest.raises((StoreBusy, StoreUnavailable)):
            await Reader(pool).stream(ORGANISATION, stream)
        line.passing.set()
        async with asyncio.timeout(5):
            while not isinstance(await _tried(appender, command(fact(uuid4(), 1))), Appended):
                pass
        outcome = await appender.append(command(fact(stream, 2), key="held"))
        assert isinstance(outcome, (Appended, Replayed))
        assert len(await Reader(pool).stream(ORGANISATION, stream)) == 2


async def test_a_caller_who_goes_away_harms_nobody(dsn: str, appender: Appender, log: Reader) -> None:
    await appender.append(command(fact(uuid4(), 1)))
    async with await AsyncConnection.connect(dsn) as slow:
        await slow.execute(LOCK)
        callers = [asyncio.create_task(appender.append(command(fact(uuid4(), 1)))) for _ in range(10)]
        await asyncio.sleep(0.1)
        queued = [asyncio.create_task(appender.append(command(fact(uuid4(), 1)))) for _ in range(10)]
        await asyncio.sleep(0.05)
        for gone in (*callers[::2], *queued[::2]):
            gone.cancel()
    stayed = await asyncio.gather(*callers[1::2], *queued[1::2])
    assert all(isinstance(outcome, Appended) for outcome in stayed)
    positions = [event.position for event in await log.after(0)]
    assert positions == [*range(1, len(positions) + 1)]
    # Those under way when their callers left were recorded; those still waiting were not.
    assert len(positions) == 1 + 10 + 5


async def _tried(appender: Appender, append: Append) -> object:
    try:
        return await appender.append(append)
    except (StoreBusy, StoreUnavailable) as error:
        return error
