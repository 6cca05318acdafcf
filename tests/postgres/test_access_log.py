"""The access log: written in one order by everybody, whole or not at all, and never changed."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from psycopg import AsyncConnection, errors
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row

from adapters.postgres.access_log import AccessLog
from adapters.postgres.pool import Pool
from adapters.postgres.session import session
from adapters.postgres.stored import StoreBusy, StoreUnavailable
from tests.postgres.access_entries import read
from tests.postgres.facts import NEIGHBOUR, ORGANISATION, line_to

pytestmark = pytest.mark.anyio

LOCK = "SELECT pg_advisory_xact_lock(4702111234474983865)"


@pytest.fixture
async def pool(dsn: str) -> AsyncIterator[Pool]:
    async with Pool(dsn) as pool:
        yield pool


@pytest.fixture
async def accesses(dsn: str, pool: Pool) -> AsyncIterator[AccessLog]:
    async with AccessLog(dsn, pool) as accesses:
        yield accesses


async def rows(dsn: str) -> list[dict[str, object]]:
    async with await AsyncConnection.connect(dsn) as owner, owner.cursor(row_factory=dict_row) as cursor:
        await cursor.execute("SELECT * FROM accompany.access_log ORDER BY position")
        return await cursor.fetchall()


async def test_an_entry_is_found_as_it_was_written(dsn: str, accesses: AccessLog) -> None:
    [entry] = read()
    await accesses.write([entry])
    [row] = await rows(dsn)
    assert row.pop("position") == 1
    recorded_at = row.pop("recorded_at")
    assert isinstance(recorded_at, datetime)
    assert abs(recorded_at - datetime.now(UTC)) < timedelta(minutes=1)
    assert row == {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(entry).items()}


async def test_reads_at_once_stand_in_one_order_each_whole(dsn: str, accesses: AccessLog) -> None:
    reads = [read(people) for people in (1, 200, 3, 5_000, 2)]
    await asyncio.gather(*(accesses.write(entries) for entries in reads))
    found = await rows(dsn)
    assert [row["position"] for row in found] == [*range(1, 5_207)]
    order = list(dict.fromkeys(row["read_id"] for row in found))
    assert [row["read_id"] for row in found] == [read_id for read_id in order for _ in range(_size(reads, read_id))]


def _size(reads: list[list], read_id: object) -> int:  # type: ignore[type-arg]  # of entries
    return next(len(entries) for entries in reads if entries[0].read_id == read_id)


def two_processes_of_which_one_is_killed(dsn: str) -> list[str]:
    """What they were told is written: lines of a read's id and its number of people."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.postgres.access_entries", seconds],
            env=os.environ | {"DSN": dsn},
            stdout=subprocess.PIPE,
            text=True,
        )
        for seconds in ("1", "60")
    ]
    steady, doomed = processes
    try:
        assert doomed.stdout is not None
        told = [doomed.stdout.readline() for _ in range(20)]
        told += steady.communicate(timeout=60)[0].splitlines(keepends=True)
        doomed.kill()
        told += doomed.communicate()[0].splitlines(keepends=True)
        # The last line may be half of one.
        return [line for line in told if line.endswith("\n")]
    finally:
        for process in processes:
            process.kill()
            process.wait()


async def test_two_processes_at_once_and_a_killed_one_leave_no_gap_and_lose_nothing(dsn: str) -> None:
    told = await asyncio.to_thread(two_processes_of_which_one_is_killed, dsn)
    acknowledged = dict(line.split() for line in told)
    found = await rows(dsn)
    assert [row["position"] for row in found] == [*range(1, len(found) + 1)]
    counted: dict[str, int] = {}
    for row in found:
        counted[str(row["read_id"])] = counted.get(str(row["read_id"]), 0) + 1
    assert len(acknowledged) > 40
    assert {read_id: str(counted.get(read_id)) for read_id in acknowledged} == acknowledged


async def test_a_lost_acknowledgement_writes_nothing_twice(dsn: str, pool: Pool, reachable_folder: Path) -> None:
    async with line_to(dsn, reachable_folder) as (through, line), AccessLog(through, pool) as accesses:
        await accesses.write(read())
        line.lose_next_answer = True
        await asyncio.gather(*(accesses.write(read(3)) for _ in range(4)))
        assert line.lost == 1
    assert len(await rows(dsn)) == 13


async def test_what_can_not_be_written_is_said_so(dsn: str, pool: Pool, tmp_path: Path) -> None:
    async with AccessLog(make_conninfo(dsn, host=str(tmp_path)), pool, wait_limit=0.3) as nowhere:
        with pytest.raises(StoreUnavailable):
            await nowhere.write(read())
    async with AccessLog(dsn, pool, wait_limit=0.5) as accesses, await AsyncConnection.connect(dsn) as slow:
        await slow.execute(LOCK)
        with pytest.raises(StoreBusy):
            await accesses.write(read())
    # Given up, it may still have been written: of the two wrong answers, the one that says too much.
    assert len(await rows(dsn)) <= 1


async def test_entries_can_not_be_changed_removed_or_put_in_from_the_side(dsn: str, accesses: AccessLog) -> None:
    await accesses.write(read())
    changes = (
        "UPDATE accompany.access_log SET role = 'x'",
        "DELETE FROM accompany.access_log",
        "TRUNCATE accompany.access_log",
        "INSERT INTO accompany.access_log SELECT * FROM accompany.access_log",
    )
    for change in changes:
        for role in ("accompany_service", "accompany_worker"):
            async with await AsyncConnection.connect(session(dsn, role, statement_timeout=5)) as connection:
                with pytest.raises(errors.InsufficientPrivilege):
                    await connection.execute(change)
    for setting in ("origin", "replica"):
        for change in changes[:3]:
            async with await AsyncConnection.connect(dsn) as owner:
                await owner.execute(f"SET session_replication_role = {setting}")
                with pytest.raises(errors.InsufficientPrivilege, match="never changed"):
                    await owner.execute(change)


async def test_an_organisation_sees_its_own_entries_alone(pool: Pool, accesses: AccessLog) -> None:
    mine, theirs = read(), read(organisation_id=NEIGHBOUR)
    await accesses.write(mine)
    await accesses.write(theirs)
    seen = "SELECT read_id FROM accompany.access_log"
    for organisation_id, entries in ((ORGANISATION, mine), (NEIGHBOUR, theirs)):
        async with pool.organisation(organisation_id) as connection:
            assert await (await connection.execute(seen)).fetchall() == [(entries[0].read_id,)]
    async with pool.lend() as connection:
        assert await (await connection.execute(seen)).fetchall() == []
        assert await (await connection.execute("SELECT accompany.last_access()")).fetchone() == (2,)
