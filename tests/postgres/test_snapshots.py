"""A case loaded from a snapshot is the one that its events give; a snapshot that is of no use is passed over."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from psycopg import AsyncConnection

from adapters.keys.sealing import DataKey, Unreadable
from adapters.postgres import mapper
from adapters.postgres.snapshots import Snapshots, SnapshotUnusable, open_state, seal_state
from adapters.postgres.stored import RecordedEvent
from domain.errors import NotFound
from domain.mentorship import MentorshipEvent
from tests.domain.replay import ORGANISATION, RECORDED_AT, parts, replayed
from tests.domain.scenario import MENTORING_CONSENTED, case_of, held, history, on
from tests.domain.test_random_lives import RandomLives
from tests.installations import caller, opened, organisation
from tests.postgres.recording import Recording, a_history, moved_to

pytestmark = pytest.mark.anyio

KEY = DataKey(1, b"a key of thirty-two bytes, made.")
EVERY = 10


class LivesFromSnapshots(RandomLives):
    """The random lives of tests/domain, each begun again from snapshots taken on the way."""

    def teardown(self) -> None:
        if not hasattr(self, "case"):
            return
        events = history(self.case)
        whole = parts(replayed(events))
        for taken_at in {1, len(events) // 2 or 1, len(events)}:
            case: Any = state_at(events, taken_at)
            assert parts(case) == parts(replayed(events[:taken_at]))
            for event in events[taken_at:]:
                case = event.mutate(case)
            assert parts(case) == whole


LivesFromSnapshots.TestCase.settings = settings(
    max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestLivesFromSnapshots = LivesFromSnapshots.TestCase


def row(event: MentorshipEvent) -> RecordedEvent:
    sealed = mapper.seal_event(event, lambda *_: KEY, organisation_id=ORGANISATION)
    return replace(sealed, recorded_at=RECORDED_AT)


def state_at(events: list[MentorshipEvent], version: int) -> Any:
    last, case = row(events[version - 1]), replayed(events[:version])
    return open_state(seal_state(case, last, KEY), last, case.trainee_id, KEY)


def test_a_part_that_nobody_declared_keeps_a_snapshot_from_being_taken() -> None:
    case = case_of()
    case.whatever = 1  # type: ignore[attr-defined] # the mistake that is made here
    with pytest.raises(SnapshotUnusable):
        seal_state(case, row(history(case_of())[0]), KEY)


def test_a_snapshot_opens_beside_no_other_history() -> None:
    case = case_of(MENTORING_CONSENTED)
    last = row(history(case)[-1])
    sealed = seal_state(case, last, KEY)
    again = row(history(case)[-1])
    with pytest.raises(SnapshotUnusable):
        open_state(sealed, again, case.trainee_id, KEY)
    for elsewhere in (
        replace(last, organisation_id=uuid4()),
        replace(last, originator_id=uuid4()),
        replace(last, originator_version=1),
    ):
        with pytest.raises(Unreadable):
            open_state(sealed, elsewhere, case.trainee_id, KEY)


@dataclass(frozen=True)
class Office:
    """An installation with one long case, and its snapshots at hand."""

    recording: Recording
    dsn: str
    snapshots: Snapshots
    case_id: UUID
    length: int

    @property
    def organisation_id(self) -> UUID:
        return self.recording.by.organisation_id

    async def loaded(self) -> Any:
        return await self.snapshots.load(self.organisation_id, self.case_id)

    async def folded(self) -> Any:
        return replayed(await self.recording.parts.record.history(self.recording.by, self.case_id))

    async def take(self) -> None:
        await self.snapshots.take(self.organisation_id, self.case_id)

    async def kept(self) -> list[int]:
        return [version for (version,) in await self.ask("SELECT version FROM accompany.snapshots ORDER BY version")]

    async def ask(self, statement: LiteralString, *values: object) -> list[tuple[Any, ...]]:
        """As the superuser, whom no wall stops."""
        async with await AsyncConnection.connect(self.dsn, autocommit=True) as connection:
            cursor = await connection.execute(statement, values)
            return await cursor.fetchall() if cursor.description else []


@pytest.fixture
async def office(database: str, tmp_path: Path) -> AsyncIterator[Office]:
    async with opened(tmp_path, database) as installation:
        recording = Recording(installation, caller(await organisation(database)))
        async with Snapshots(installation.pool, installation.keys, every=EVERY) as snapshots:
            case_id = uuid4()
            events = long_history(case_id, 30)
            await recording.events(events)
            yield Office(recording, database, snapshots, case_id, len(events))


def long_history(case_id: UUID, sessions: int) -> list[MentorshipEvent]:
    steps = [held(on(day % 40), uuid4(), summary="Practised") for day in range(sessions)]
    return moved_to(case_id, case_of(MENTORING_CONSENTED, *steps))


async def test_a_case_that_has_grown_gets_a_snapshot_beside_the_requests(office: Office) -> None:
    whole = parts(await office.folded())
    assert parts(await office.loaded()) == whole
    await until(office.kept, [office.length])
    from_snapshot = await office.loaded()
    assert parts(from_snapshot) == whole
    assert vars(from_snapshot) == vars(await office.folded())

    await office.recording.events(long_history(office.case_id, 40)[office.length :])
    assert parts(await office.loaded()) == parts(await office.folded())
    assert await office.kept() == [office.length], "ten more events are not worth a new one"
    await office.recording.events(long_history(office.case_id, 45)[office.length + 10 :])
    assert parts(await office.loaded()) == parts(await office.folded())
    await until(office.kept, [office.length + 15])


async def test_a_short_case_gets_none(office: Office) -> None:
    case_id = uuid4()
    await office.recording.events(a_history(case_id)[:EVERY])
    await office.snapshots.load(office.organisation_id, case_id)
    await asyncio.sleep(0.2)
    assert await office.kept() == []


async def test_nothing_personal_stands_in_a_snapshot(office: Office) -> None:
    await office.take()
    [(state,)] = await office.ask("SELECT state FROM accompany.snapshots")
    [(trainee_id,)] = {(event.trainee_id,) for event in long_history(office.case_id, 1)}
    assert str(trainee_id).encode() not in state
    assert trainee_id.bytes not in state


SPOILT: dict[str, LiteralString] = {
    "flipped": "UPDATE accompany.snapshots SET state = set_byte(state, 90, get_byte(state, 90) # 1)",
    "empty": "UPDATE accompany.snapshots SET state = ''",
    "no-snapshot": "UPDATE accompany.snapshots SET state = 'nonsense'",
    "cut-off": "UPDATE accompany.snapshots SET state = substring(state FOR 60)",
    "another-key": "UPDATE accompany.snapshots SET state = set_byte(state, 4, 7)",
    "ahead-of-the-stream": "UPDATE accompany.snapshots SET version = version + 1000",
    "moved-back": "UPDATE accompany.snapshots SET version = version - 5",
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT.keys())
async def test_a_spoilt_snapshot_is_passed_over_and_replaced(
    office: Office, spoil: LiteralString, caplog: pytest.LogCaptureFixture
) -> None:
    await office.take()
    await office.ask(spoil)
    with caplog.at_level(logging.WARNING):
        assert parts(await office.loaded()) == parts(await office.folded())
    assert {one.message for one in caplog.records} == {"snapshot-ignored"}

    async def complaints() -> list[Any]:
        caplog.clear()
        assert parts(await office.loaded()) == parts(await office.folded())
        return caplog.records[:]

    await until(complaints, [])
    assert await office.kept() == [office.length]


async def test_the_snapshot_of_another_case_is_passed_over(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    await office.take()
    other = uuid4()
    await office.recording.events(long_history(other, 30))
    await office.ask("UPDATE accompany.snapshots SET stream_id = %s", other)
    loaded = await office.snapshots.load(office.organisation_id, other)
    assert loaded.id == other
    assert "snapshot-ignored" in [one.message for one in caplog.records]


async def test_a_snapshot_of_another_shape_is_not_looked_at(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    await office.take()
    await office.ask("UPDATE accompany.snapshots SET topic = 'mentorship/of-the-version-before'")
    assert parts(await office.loaded()) == parts(await office.folded())
    assert caplog.records == []
    await until(lambda: office.ask("SELECT count(*) FROM accompany.snapshots WHERE topic NOT LIKE '%%before'"), [(1,)])


async def test_a_snapshot_outlives_no_erased_person(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    await office.take()
    await office.ask("DELETE FROM keys.person_keys")
    office.recording.parts.keys.drop()
    with pytest.raises(Unreadable):
        await office.snapshots.load(office.organisation_id, office.case_id)
    assert [one.message for one in caplog.records] == ["snapshot-ignored"]


async def test_a_snapshot_that_can_not_be_read_or_kept_holds_up_nobody(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    whole = parts(await office.folded())
    await office.ask("ALTER TABLE accompany.snapshots RENAME TO gone")
    assert parts(await office.loaded()) == whole
    await until(messages(caplog), ["snapshot-ignored", "snapshot-ignored", "snapshot-not-taken"])
    await office.ask("ALTER TABLE accompany.gone RENAME TO snapshots")
    assert parts(await office.loaded()) == whole
    await until(office.kept, [office.length])


async def test_snapshots_taken_at_once_and_while_the_case_grows_do_no_harm(office: Office) -> None:
    growing = long_history(office.case_id, 60)[office.length :]

    async def grow() -> None:
        for event in growing:
            await office.recording.events([event])

    async def take() -> None:
        for _ in range(15):
            await office.take()
            seen = await office.loaded()
            assert len(seen.sessions) == seen.version - 2

    await asyncio.gather(grow(), *(take() for _ in range(4)))
    assert parts(await office.loaded()) == parts(await office.folded())


async def test_what_is_no_mentorship_is_not_found(office: Office) -> None:
    await office.recording.people()
    with pytest.raises(NotFound):
        await office.snapshots.load(office.organisation_id, uuid4())
    [(person_id,)] = await office.ask(
        "SELECT stream_id FROM accompany.events WHERE topic = 'person-registered' LIMIT 1"
    )
    with pytest.raises(NotFound):
        await office.snapshots.load(office.organisation_id, person_id)


async def test_the_service_may_keep_snapshots_through_the_function_alone(office: Office) -> None:
    await office.take()
    async with office.recording.parts.pool.organisation(office.organisation_id) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await connection.execute("DELETE FROM accompany.snapshots")


def messages(caplog: pytest.LogCaptureFixture) -> Callable[[], Awaitable[list[Any]]]:
    async def seen() -> list[Any]:
        return sorted(one.message for one in caplog.records)

    return seen


async def until(look: Callable[[], Awaitable[list[Any]]], expected: list[Any]) -> None:
    async with asyncio.timeout(5):
        while await look() != expected:  # noqa: ASYNC110 - the database tells nobody
            await asyncio.sleep(0.02)
