"""The projection runner on a real PostgreSQL: every event once, whatever is killed, and one runner at a time."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest

from adapters.postgres.appender import Appender
from adapters.postgres.filling import RebuildStuck
from adapters.postgres.rebuild import REBUILDING, RebuildUnderWay
from adapters.postgres.runner import LEASE, ProjectionNotFound, Runner, reached, wait_for
from projections import cases, people
from projections.cases import CASES
from projections.projection import Projection, Row, Rows, Seen, Table
from projections.registry import PROJECTIONS
from tests.installations import caller, opened, organisation
from tests.postgres.facts import command, fact
from tests.postgres.recording import Recording, all_rows

pytestmark = pytest.mark.anyio


@pytest.fixture
async def recording(database: str, tmp_path: Path) -> AsyncIterator[Recording]:
    async with opened(tmp_path, database) as parts:
        yield Recording(parts, caller(await organisation(database)))


@asynccontextmanager
async def running(*runners: Runner) -> AsyncIterator[list[asyncio.Task[None]]]:
    stop = asyncio.Event()
    tasks = [asyncio.create_task(runner.run(stop)) for runner in runners]
    try:
        yield tasks
    finally:
        stop.set()
        await asyncio.gather(*tasks, return_exceptions=True)


async def holders(dsn: str) -> list[int]:
    """The backends that hold the lease."""
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        cursor = await connection.execute(
            "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            " AND (classid::bigint << 32) + objid::bigint = %s",
            (LEASE,),
        )
        return [pid for (pid,) in await cursor.fetchall()]


async def held_lease(dsn: str) -> list[int]:
    """Who holds the lease, once somebody does."""
    end = time.monotonic() + 5
    while not (found := await holders(dsn)):
        assert time.monotonic() < end
        await asyncio.sleep(0.02)
    return found


async def terminate_workers(dsn: str) -> int:
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        cursor = await connection.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'accompany-worker'"
        )
        row = await cursor.fetchone()
        assert row is not None
        return int(row[0])


async def until(*, dsn: str, position: int, seconds: float = 10) -> None:
    """Waits until every projection has come to a position."""
    runner = Runner(dsn)
    end = time.monotonic() + seconds
    while any(one.position < position and one.error is None for one in await runner.status()):
        assert time.monotonic() < end, await runner.status()
        await asyncio.sleep(0.02)


async def test_what_was_recorded_is_projected(recording: Recording) -> None:
    await recording.people()
    position = await recording.case()
    runner = Runner(recording.parts.dsn)
    assert await runner.catch_up() == position
    assert {(one.position, one.lag, one.error) for one in await runner.status()} == {(position, 0, None)}
    rows = await all_rows(recording.parts.dsn)
    assert [len(rows[name]) for name in ("people", "cases", "appointments", "timeline")] == [2, 1, 1, 13]


@pytest.mark.parametrize("batch", [1, 7])
async def test_a_rebuild_gives_the_rows_that_catching_up_gave(recording: Recording, batch: int) -> None:
    await recording.people()
    runner = Runner(recording.parts.dsn, batch=batch)
    for _ in range(4):
        await recording.case()
        await runner.catch_up()
    caught_up = await all_rows(recording.parts.dsn)
    told: list[tuple[int, int]] = []
    await runner.rebuild([], lambda done, total: told.append((done, total)))
    assert await all_rows(recording.parts.dsn) == caught_up
    assert told[-1] == (54, 54)
    assert {one.position for one in await runner.status()} == {54}


async def test_projections_count_each_event_once_though_their_worker_is_killed_again_and_again(
    recording: Recording,
) -> None:
    dsn, killed = recording.parts.dsn, 0
    async with running(Runner(dsn, batch=3)):
        for number in range(40):
            position = await recording.case()
            if number % 2:
                killed += await terminate_workers(dsn)
            await asyncio.sleep(0.03)
        await until(dsn=dsn, position=position, seconds=20)
    assert killed > 5
    followed = await all_rows(dsn)
    await Runner(dsn).rebuild([])
    assert await all_rows(dsn) == followed


async def test_of_two_runners_one_works_and_the_other_takes_over(recording: Recording) -> None:
    dsn = recording.parts.dsn
    async with running(Runner(dsn)) as [first]:
        holding = await held_lease(dsn)
        async with running(Runner(dsn)):
            await asyncio.sleep(1)
            assert await holders(dsn) == holding
            first.cancel()
            with suppress(asyncio.CancelledError):
                await first
            await until(dsn=dsn, position=await recording.case(), seconds=5)
            [successor] = await holders(dsn)
            assert successor not in holding


async def test_an_event_is_seen_within_moments(recording: Recording) -> None:
    dsn = recording.parts.dsn
    async with running(Runner(dsn)):
        await until(dsn=dsn, position=await recording.people())
        for _ in range(5):
            position = await recording.case()
            assert await wait_for(recording.parts.pool, position, patience=1.0)
        assert await reached(recording.parts.pool) == position
        assert not await wait_for(recording.parts.pool, position + 1, patience=0.1)


async def test_catching_up_waits_for_the_runner_that_is_at_work(recording: Recording) -> None:
    dsn = recording.parts.dsn
    async with running(Runner(dsn)):
        await held_lease(dsn)
        position = await recording.case()
        assert await Runner(dsn).catch_up() == position
        assert await reached(recording.parts.pool) == position


def stumbling(at_topic: str, *, audit: bool = False) -> Projection:
    """The projection of cases, which can't take events of one topic."""

    def stumble(seen: Seen, rows: Rows) -> None:
        cases.PROJECTION.apply(seen, rows)
        raise LookupError("Parwana Rahimi")

    return replace(cases.PROJECTION, on={**cases.PROJECTION.on, at_topic: stumble}, audit=audit)


async def test_an_audit_projection_stops_before_an_event_it_can_not_take_and_the_others_go_on(
    recording: Recording,
) -> None:
    dsn = recording.parts.dsn
    position = await recording.case()
    runner = Runner(dsn, (people.PROJECTION, stumbling("goal-set", audit=True)))
    await runner.catch_up()
    assert [(one.name, one.position, one.error) for one in await runner.status()] == [
        ("people", position, None),
        ("cases", 4, "LookupError"),
    ]
    [case] = (await all_rows(dsn, (cases.PROJECTION,)))["cases"]
    assert case[CASES.names.index("version")] == 4
    mended = Runner(dsn, (people.PROJECTION, cases.PROJECTION))
    await mended.catch_up()
    assert {(one.position, one.error) for one in await mended.status()} == {(position, None)}


async def test_an_event_that_no_projection_can_read_stops_all_of_them_before_it(recording: Recording) -> None:
    dsn = recording.parts.dsn
    position = await recording.people()
    async with Appender(dsn) as appender:
        await appender.append(command(fact(uuid4(), 1)))
    runner = Runner(dsn)
    await runner.catch_up()
    assert {(one.position, one.lag, one.error) for one in await runner.status()} == {(position, 1, "unknown-topic")}


class Number(Row, frozen=True):
    organisation_id: UUID
    person_id: UUID
    number: int


NUMBERS = Table(
    "numbers",
    Number,
    "organisation_id uuid NOT NULL, person_id uuid NOT NULL, number smallint NOT NULL",
    key=("organisation_id", "person_id"),
)


def number(value: int, *, audit: bool = False) -> Projection:
    return Projection(
        "numbers",
        1,
        (NUMBERS,),
        {"person-registered": lambda seen, rows: rows.put(NUMBERS, Number(*seen.stream, value * seen.position))},
        audit,
    )


async def test_a_row_that_the_database_does_not_take_stops_its_audit_projection_alone(recording: Recording) -> None:
    dsn = recording.parts.dsn
    position = await recording.people()
    runner = Runner(dsn, (people.PROJECTION, number(20_000, audit=True)))
    await runner.catch_up()
    assert [(one.name, one.position, one.error) for one in await runner.status()] == [
        ("people", position, None),
        ("numbers", 1, "22003"),
    ]


async def test_a_new_version_of_a_projection_is_filled_when_a_runner_starts(recording: Recording) -> None:
    dsn = recording.parts.dsn
    position = await recording.people()
    await Runner(dsn, (number(1),)).catch_up()
    wider = replace(NUMBERS, columns=NUMBERS.columns.replace("smallint", "bigint"))

    def registered(seen: Seen, rows: Rows) -> None:
        rows.put(wider, Number(*seen.stream, 1_000_000))

    newer = Projection("numbers", 2, (wider,), {"person-registered": registered})
    assert [one.error for one in await Runner(dsn, (newer,)).status()] == ["older-version"]
    await Runner(dsn, (newer,)).catch_up()
    assert {row[2] for row in (await all_rows(dsn, (newer,)))["numbers"]} == {1_000_000}
    assert [(one.version, one.position, one.error) for one in await Runner(dsn, (newer,)).status()] == [
        (2, position, None)
    ]
    # A runner of the version before leaves it alone.
    await recording.case()
    await Runner(dsn, (number(1),)).catch_up()
    assert [(one.position, one.error) for one in await Runner(dsn, (number(1),)).status()] == [
        (position, "newer-version")
    ]


async def test_readers_see_the_old_rows_until_the_new_ones_are_complete(recording: Recording) -> None:
    dsn = recording.parts.dsn
    await recording.people()
    runner = Runner(dsn)
    await runner.catch_up()
    seen: list[int] = []
    stop = asyncio.Event()

    async def look() -> None:
        while not stop.is_set():
            async with recording.parts.pool.organisation(recording.by.organisation_id) as connection:
                cursor = await connection.execute("SELECT count(*) FROM projections.people")
                seen.append((await cursor.fetchall())[0][0])
            await asyncio.sleep(0)

    looking = asyncio.create_task(look())
    for _ in range(3):
        await runner.rebuild([])
    stop.set()
    await looking
    assert set(seen) == {2}


async def test_what_is_recorded_during_a_rebuild_is_in_it_or_follows(recording: Recording) -> None:
    dsn = recording.parts.dsn
    for _ in range(5):
        await recording.case()
    async with running(Runner(dsn)):
        rebuilding = asyncio.create_task(Runner(dsn).rebuild([]))
        while not rebuilding.done():
            position = await recording.case()
            await asyncio.sleep(0.02)
        await rebuilding
        await until(dsn=dsn, position=position)
    followed = await all_rows(dsn)
    await Runner(dsn).rebuild([])
    assert await all_rows(dsn) == followed


async def test_two_rebuilds_at_once_are_refused(recording: Recording) -> None:
    await recording.case()
    runner = Runner(recording.parts.dsn)
    await runner.catch_up()
    outcomes = await asyncio.gather(runner.rebuild([]), runner.rebuild([]), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes if outcome is not None] == [RebuildUnderWay]


async def test_a_rebuild_that_gets_stuck_leaves_everything_as_it_was(recording: Recording) -> None:
    dsn = recording.parts.dsn
    position = await recording.case()
    await Runner(dsn).catch_up()
    before = await all_rows(dsn)
    with pytest.raises(RebuildStuck) as stuck:
        await Runner(dsn, (people.PROJECTION, stumbling("goal-set", audit=True))).rebuild([])
    assert (stuck.value.projection, stuck.value.stuck.position, stuck.value.stuck.code) == ("cases", 5, "LookupError")
    assert await all_rows(dsn) == before
    assert {(one.position, one.error) for one in await Runner(dsn).status()} == {(position, None)}
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        cursor = await connection.execute("SELECT count(*) FROM pg_tables WHERE tablename LIKE '%beside%'")
        assert await cursor.fetchone() == (0,)


async def test_catching_up_waits_for_a_rebuild_that_is_under_way(recording: Recording) -> None:
    dsn = recording.parts.dsn
    await recording.people()
    await Runner(dsn, (number(1),)).catch_up()
    newer = replace(number(2), version=2)
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as other:
        await other.execute("SELECT pg_advisory_lock(%s)", (REBUILDING,))
        catching_up = asyncio.create_task(Runner(dsn, (newer,)).catch_up())
        await asyncio.sleep(0.3)
        assert not catching_up.done()
    await catching_up
    assert [one.version for one in await Runner(dsn, (newer,)).status()] == [2]


async def test_a_projection_of_no_name_is_not_rebuilt(recording: Recording) -> None:
    with pytest.raises(ProjectionNotFound):
        await Runner(recording.parts.dsn).rebuild(["horoscopes"])


async def test_projections_have_their_walls_and_hold_nothing_personal(recording: Recording) -> None:
    dsn = recording.parts.dsn
    neighbour = Recording(recording.parts, caller(await organisation(dsn, "Neighbour")))
    await recording.people()
    await recording.case()
    await neighbour.case()
    await Runner(dsn).catch_up()
    await Runner(dsn).rebuild([])
    rows = await all_rows(dsn)
    empty = {table.name for projection in PROJECTIONS for table in projection.tables if not rows[table.name]}
    # What nobody did here.
    assert empty <= {"contacts", "consent_overrides", "evidence_about", "objections_to_counting", "reports", "rights"}
    written = repr(rows)
    for personal in ("Parwana", "Krüger", "Hand in the form", "aloud", "Written down wrongly"):
        assert personal not in written
    async with recording.parts.pool.organisation(recording.by.organisation_id) as connection:
        for projection in PROJECTIONS:
            for table in projection.tables:
                query = f"SELECT DISTINCT organisation_id FROM projections.{table.name}"  # noqa: S608 - our own names
                cursor = await connection.execute(query)
                assert {row[0] for row in await cursor.fetchall()} <= {recording.by.organisation_id}
    for statement in ("DELETE FROM projections.people", "UPDATE projections.tracking SET position = 0"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with recording.parts.pool.organisation(recording.by.organisation_id) as connection:
                await connection.execute(statement)


async def test_lag_is_told_after_every_batch(recording: Recording) -> None:
    told: list[tuple[str, int]] = []
    await recording.people()
    runner = Runner(
        recording.parts.dsn, (people.PROJECTION,), batch=1, watched=lambda name, lag: told.append((name, lag))
    )
    await runner.catch_up()
    assert told == [("people", 1), ("people", 0)]
