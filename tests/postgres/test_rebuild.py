"""A rebuild is shared out in parts, among processes, and one that was killed goes on with the parts that are left."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from adapters import doctor
from adapters.postgres import rebuild_parts as parts
from adapters.postgres.copying import copy
from adapters.postgres.filling import helped
from adapters.postgres.migrate import migrate
from adapters.postgres.projection_tables import BESIDE, make
from adapters.postgres.runner import Runner
from adapters.postgres.session import session
from projections import cases, people
from projections.projection import Row, Table
from projections.registry import PROJECTIONS
from tests.installations import caller, opened, organisation
from tests.postgres.recording import Recording, all_rows

pytestmark = pytest.mark.anyio

PATIENCE = 30.0


@pytest.fixture
async def recording(database: str, tmp_path: Path) -> AsyncIterator[Recording]:
    """Two organisations with some cases each, of 13 events, and their projections."""
    async with opened(tmp_path, database) as parts:
        first = Recording(parts, caller(await organisation(database)))
        second = Recording(parts, caller(await organisation(database, "Neighbour")))
        for _ in range(6):
            await first.case()
        await second.people()
        await second.case()
        await Runner(database).catch_up()
        yield first


async def worker(dsn: str) -> psycopg.AsyncConnection[Any]:
    return await psycopg.AsyncConnection.connect(
        session(dsn, "accompany_worker", statement_timeout=30), autocommit=True
    )


async def beside(dsn: str) -> int:
    """How many tables stand beside those that are read."""
    async with await worker(dsn) as connection:
        cursor = await connection.execute(
            "SELECT count(*) FROM pg_tables WHERE schemaname = 'projections' AND right(tablename, 8) = %s", (BESIDE,)
        )
        [(number,)] = await cursor.fetchall()
        return int(number)


async def test_parts_hold_whole_streams_of_one_organisation_and_the_whole_log(recording: Recording) -> None:
    async with await worker(recording.parts.dsn) as connection:
        found = await parts.parts_of(connection, 20)
        held: list[tuple[Any, Any, int]] = []
        for part in found:
            cursor = await connection.execute(
                "SELECT organisation_id, stream_id, count(*) FROM accompany.events"
                " WHERE organisation_id = %s AND stream_id BETWEEN %s AND %s GROUP BY 1, 2",
                (part.organisation_id, part.first_stream, part.last_stream),
            )
            streams = await cursor.fetchall()
            assert sum(number for _, _, number in streams) == part.events
            held += streams
        cursor = await connection.execute(
            "SELECT organisation_id, stream_id, count(*) FROM accompany.events GROUP BY 1, 2"
        )
        assert sorted(held) == sorted(await cursor.fetchall())
    assert len(found) > 3
    assert {len({part.organisation_id for part in found}), len(await parts_of_organisations(recording))} == {2}


async def parts_of_organisations(recording: Recording) -> set[Any]:
    async with await worker(recording.parts.dsn) as connection:
        return {part.organisation_id for part in await parts.parts_of(connection, 10**6)}


async def test_in_many_parts_and_by_several_processes_it_gives_the_same_rows(recording: Recording) -> None:
    dsn = recording.parts.dsn
    followed = await all_rows(dsn)
    told: list[tuple[int, int]] = []
    differing: list[int] = []
    await Runner(dsn).rebuild(
        [],
        lambda done, total: told.append((done, total)),
        lambda one: differing.append(one.differing),
        processes=3,
        part=1,
    )
    assert await all_rows(dsn) == followed
    assert set(differing) == {0}
    assert told[0] == (0, told[-1][1])
    assert told[-1][0] == told[-1][1] > 60
    assert await beside(dsn) == 0


async def test_a_helper_fills_parts_by_itself_and_what_it_filled_is_not_filled_again(recording: Recording) -> None:
    dsn = recording.parts.dsn
    followed = await all_rows(dsn)
    async with await worker(dsn) as connection:
        await parts.begin(connection, PROJECTIONS, 1)
        with helped(1, dsn, PROJECTIONS):
            end = time.monotonic() + PATIENCE
            while await parts.left(connection):
                assert time.monotonic() < end
                await asyncio.sleep(0.02)
        _, total = await parts.progress_of(connection)
    told: list[tuple[int, int]] = []
    await Runner(dsn).rebuild([], lambda done, total: told.append((done, total)), part=1)
    assert set(told) == {(total, total)}
    assert await all_rows(dsn) == followed


KILLED_HALF_WAY = """
import asyncio, os, signal, sys
from adapters.postgres.runner import Runner

def told(done, total):
    if done > total // 2:
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(Runner(sys.stdin.readline().strip()).rebuild([], told, part=1))
"""


async def test_killed_in_the_middle_it_goes_on_where_it_was(recording: Recording) -> None:
    dsn = recording.parts.dsn
    followed = await all_rows(dsn)
    command = [sys.executable, "-c", KILLED_HALF_WAY]
    program = await asyncio.to_thread(subprocess.run, command, input=dsn.encode(), timeout=60, check=False)
    assert program.returncode == -signal.SIGKILL
    await gone(dsn)
    assert await all_rows(dsn) == followed, "readers notice nothing"
    async with await worker(dsn) as connection:
        done, total = await parts.progress_of(connection)
    assert 0 < done < total
    found = {one.check: one for one in await doctor.projections(dsn)}
    assert found["unfinished rebuild"].state == "warning"
    # Recorded between the crash and the next attempt: some of it in streams that are filled already.
    await recording.case()
    await Runner(dsn).catch_up()
    followed = await all_rows(dsn)
    told: list[tuple[int, int]] = []
    await Runner(dsn).rebuild([], lambda done, total: told.append((done, total)), part=1)
    assert told[0] == (done, total), "it takes up where the other was"
    assert await all_rows(dsn) == followed
    assert await beside(dsn) == 0
    assert "unfinished rebuild" not in {one.check for one in await doctor.projections(dsn)}
    await Runner(dsn).rebuild([])
    assert await all_rows(dsn) == followed


async def gone(dsn: str) -> None:
    """Waits until the server has noticed that a process is gone, with its locks."""
    async with await worker(dsn) as connection:
        end = time.monotonic() + PATIENCE
        while True:
            cursor = await connection.execute(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
            if await cursor.fetchone() == (0,):
                return
            assert time.monotonic() < end
            await asyncio.sleep(0.02)


async def test_killed_after_the_last_part_it_goes_on_with_keys_and_swap(recording: Recording) -> None:
    dsn = recording.parts.dsn
    followed = await all_rows(dsn)

    def stop_once_filled(found: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await Runner(dsn).rebuild([], compared=stop_once_filled)
    assert await beside(dsn) == len(followed)
    told: list[tuple[int, int]] = []
    await Runner(dsn).rebuild([], lambda done, total: told.append((done, total)))
    assert len(set(told)) == 1
    assert await all_rows(dsn) == followed


async def test_what_another_set_of_projections_left_is_not_gone_on_with(recording: Recording) -> None:
    dsn = recording.parts.dsn
    followed = await all_rows(dsn)
    async with await worker(dsn) as connection:
        await parts.begin(connection, (people.PROJECTION, cases.PROJECTION), 1)
        assert await beside(dsn) == 3
        begun = await parts.begin(connection, (people.PROJECTION,), 1)
        assert await beside(dsn) == 1
        assert await parts.take(connection, parts.digest_of((cases.PROJECTION,))) is None
        assert await parts.take(connection, begun.what) is not None
    await Runner(dsn).rebuild([])
    assert await all_rows(dsn) == followed
    assert await beside(dsn) == 0


async def test_a_helper_ends_with_the_process_that_started_it(recording: Recording) -> None:
    dsn = recording.parts.dsn
    order = msgspec.json.encode({"dsn": dsn, "projections": ["people"]}) + b"\n"
    async with await worker(dsn) as connection, connection.transaction():
        # The helper waits for this lock, and its own end is all that can end the wait.
        await connection.execute("LOCK TABLE projections.rebuild_parts")
        helper = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "adapters.postgres.filling", stdin=asyncio.subprocess.PIPE
        )
        assert helper.stdin is not None
        helper.stdin.write(order)
        await helper.stdin.drain()
        end = time.monotonic() + PATIENCE
        while not await waiting(dsn):
            assert time.monotonic() < end
            await asyncio.sleep(0.02)
        assert helper.returncode is None
        helper.stdin.close()
        async with asyncio.timeout(PATIENCE):
            assert await helper.wait() == 1


async def waiting(dsn: str) -> int:
    """How many sessions wait for a lock."""
    async with await worker(dsn) as connection:
        cursor = await connection.execute(
            "SELECT count(*) FROM pg_locks WHERE NOT granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        [(number,)] = await cursor.fetchall()
        return int(number)


class Odd(Row, frozen=True):
    organisation_id: int
    text: str | None
    numbers: tuple[int, ...]


ODD = Table(
    "odd",
    Odd,
    "organisation_id integer NOT NULL, text text, numbers integer[] NOT NULL",
    key=("organisation_id", "text"),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """A row that is an answer of the API as well."""

    organisation_id: int
    text: str | None
    numbers: tuple[int, ...]


TEXTS = (
    None,
    "",
    "null",
    "plain",
    "a,b",
    "]\n[",
    "[1]",
    "{}",
    "é",
    "\x7f",
    'a "quoted" word',
    "back\\slash",
    "two\nlines",
    "tab\t",
)


async def test_any_text_is_copied_as_it_is(database: str) -> None:
    await migrate(database)
    async with await worker(database) as connection:
        kinds: tuple[Any, ...] = (Odd, Answer)
        for kind, text in product(kinds, TEXTS):
            table = replace(ODD, row=kind)
            rows = [kind(1, text, ()), kind(2, "x", (1, 2)), kind(3, None, (-5,))]
            await make(connection, table, BESIDE)
            await copy(connection, table, rows)
            cursor = await connection.execute("SELECT * FROM projections.odd__beside ORDER BY 1")
            assert await cursor.fetchall() == [(row.organisation_id, row.text, list(row.numbers)) for row in rows]
