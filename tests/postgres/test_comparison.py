"""A rebuild says in how many rows the tables filled anew differ from those that were read."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest

from adapters.postgres.comparison import Compared
from adapters.postgres.runner import Runner
from projections import cases, people
from projections.registry import PROJECTIONS
from tests.installations import caller, opened, organisation
from tests.postgres.recording import Recording

pytestmark = pytest.mark.anyio


@pytest.fixture
async def recording(database: str, tmp_path: Path) -> AsyncIterator[Recording]:
    async with opened(tmp_path, database) as parts:
        yield Recording(parts, caller(await organisation(database)))


async def tamper(dsn: str, statement: LiteralString) -> None:
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as administrator:
        await administrator.execute(statement)


async def differing(runner: Runner) -> dict[str, int]:
    """By table, those where something differs."""
    found: list[Compared] = []
    await runner.rebuild([], compared=found.append)
    assert [(one.projection, one.table) for one in found] == [(p.name, t.name) for p in PROJECTIONS for t in p.tables]
    return {one.table: one.differing for one in found if one.differing}


async def test_tables_that_were_followed_are_those_that_a_rebuild_gives(recording: Recording) -> None:
    await recording.people()
    for _ in range(3):
        await recording.case()
    runner = Runner(recording.parts.dsn)
    await runner.catch_up()
    assert await differing(runner) == {}


async def test_rows_changed_missing_and_invented_are_counted(recording: Recording) -> None:
    dsn = recording.parts.dsn
    await recording.people()
    for _ in range(3):
        await recording.case()
    runner = Runner(dsn)
    await runner.catch_up()
    await tamper(dsn, "DELETE FROM projections.people WHERE ctid = (SELECT min(ctid) FROM projections.people)")
    await tamper(dsn, "UPDATE projections.cases SET version = version + 1")
    assert await differing(runner) == {"people": 1, "cases": 3}
    assert await differing(runner) == {}, "the rows filled anew took their place"


async def test_what_only_one_of_the_two_has_seen_is_no_difference(recording: Recording) -> None:
    runner = Runner(recording.parts.dsn)
    await recording.people()
    await runner.catch_up()
    await recording.case()
    assert await differing(runner) == {}, "the case was recorded after the tables that were read came to their end"

    async with asyncio.TaskGroup() as group:
        recorded = [group.create_task(recording.case()) for _ in range(5)]
        assert await differing(runner) == {}
    assert len(recorded) == 5


async def test_a_new_version_is_compared_in_the_columns_that_both_have(recording: Recording) -> None:
    dsn = recording.parts.dsn
    await recording.people()
    await recording.case()
    await Runner(dsn, (people.PROJECTION, cases.PROJECTION)).catch_up()
    found: list[Compared] = []
    newer = replace(cases.PROJECTION, version=cases.PROJECTION.version + 1)
    await tamper(dsn, "ALTER TABLE projections.cases DROP COLUMN version")
    await Runner(dsn, (newer,)).rebuild([], compared=found.append)
    assert [(one.table, one.differing) for one in found if one.table == "cases"] == [("cases", 0)]
