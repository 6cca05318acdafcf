"""What the appender records on a real PostgreSQL, and what it answers."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import AsyncConnection, errors

from adapters.postgres.append_call import record
from adapters.postgres.appender import Appender
from adapters.postgres.reader import Reader
from adapters.postgres.stored import (
    Append,
    Appended,
    Conflicted,
    RecordedEvent,
    Replayed,
)
from tests.postgres.facts import ACTOR, NEIGHBOUR, ORGANISATION, command, fact

pytestmark = pytest.mark.anyio


async def test_an_event_is_read_as_it_was_recorded(appender: Appender, reader: Reader) -> None:
    stream = uuid4()
    told = fact(stream, 1)
    before = datetime.now(UTC) - timedelta(seconds=1)
    outcome = await appender.append(command(told, key="k"))
    assert isinstance(outcome, Appended)
    (found,) = await reader.stream(ORGANISATION, stream)
    assert found.recorded_at == outcome.recorded_at
    assert before < outcome.recorded_at < before + timedelta(seconds=10)
    assert found.position == outcome.position == 1
    assert found.command_key == "k"
    for name in (
        "originator_id",
        "originator_version",
        "topic",
        "state",
        "schema_version",
        "organisation_id",
        "actor_id",
    ):
        assert getattr(found, name) == getattr(told, name)
    for name in ("purpose", "occurred_on", "occurred_at", "trace_id"):
        assert getattr(found, name) == getattr(told, name)


async def test_part_of_a_stream_is_read_by_versions(appender: Appender, reader: Reader) -> None:
    stream = uuid4()
    await appender.append(command(*(fact(stream, version) for version in range(1, 7))))
    assert [event.originator_version for event in await reader.stream(ORGANISATION, stream, 2, 4)] == [3, 4]
    assert [event.originator_version for event in await reader.stream(ORGANISATION, stream, 4)] == [5, 6]


async def test_positions_have_no_gap_over_all_organisations(appender: Appender, log: Reader, reader: Reader) -> None:
    outcomes = await asyncio.gather(
        *(
            appender.append(command(fact(stream, 1, organisation_id=each), fact(stream, 2, organisation_id=each)))
            for stream, each in ((uuid4(), each) for _ in range(20) for each in (ORGANISATION, NEIGHBOUR))
        )
    )
    assert sorted(outcome.position for outcome in outcomes if isinstance(outcome, Appended)) == [*range(2, 81, 2)]
    events = await log.after(0)
    assert [event.position for event in events] == [*range(1, 81)]
    assert await reader.last_position() == 80
    assert [event.position for event in await log.after(78)] == [79, 80]


async def test_a_conflict_leaves_its_neighbours_alone(appender: Appender, log: Reader) -> None:
    taken, key = uuid4(), str(uuid4())
    await appender.append(command(fact(taken, 1), key=key, answer=b"{}"))
    first, second = uuid4(), uuid4()
    outcomes = await appender.append_in_order(
        [
            command(fact(first, 1)),
            command(fact(taken, 1)),
            command(fact(uuid4(), 1), key=key),
            command(fact(second, 1), fact(taken, 5)),
            command(fact(second, 1)),
            command(fact(taken, 2)),
        ]
    )
    assert [type(outcome) for outcome in outcomes] == [Appended, Conflicted, Replayed, Conflicted, Appended, Appended]
    assert outcomes[1] == Conflicted(taken, 0, 1)
    assert outcomes[2] == Replayed(1, b"{}", True)
    assert outcomes[3] == Conflicted(taken, 4, 1)
    assert [(event.originator_id, event.originator_version) for event in await log.after(1)] == [
        (first, 1),
        (second, 1),
        (taken, 2),
    ]


async def test_appends_in_order_build_on_one_another(appender: Appender, reader: Reader) -> None:
    stream = uuid4()
    outcomes = await appender.append_in_order([command(fact(stream, version)) for version in range(1, 701)])
    assert all(isinstance(outcome, Appended) for outcome in outcomes)
    assert [event.originator_version for event in await reader.stream(ORGANISATION, stream)] == [*range(1, 701)]


async def test_a_version_that_leaves_a_gap_conflicts(appender: Appender) -> None:
    stream = uuid4()
    assert await appender.append(command(fact(stream, 3))) == Conflicted(stream, 2, 0)
    assert await appender.append(command(fact(stream, 1), fact(stream, 3))) == Conflicted(stream, 1, 0)
    assert isinstance(await appender.append(command(fact(stream, 1))), Appended)


async def test_a_version_that_stands_before_its_predecessor_conflicts(appender: Appender, log: Reader) -> None:
    stream = uuid4()
    outcomes = await appender.append_in_order([command(fact(stream, 2)), command(fact(stream, 1))])
    assert [type(outcome) for outcome in outcomes] == [Conflicted, Appended]
    assert [event.originator_version for event in await log.after(0)] == [1]


async def test_a_repeated_command_is_answered_as_the_first_time(appender: Appender, reader: Reader) -> None:
    stream = uuid4()
    first = await appender.append(command(fact(stream, 1), key="k", answer=b'{"id":1}'))
    assert isinstance(first, Appended)
    repeat = Replayed(first.position, b'{"id":1}', True)
    assert await appender.append(command(fact(stream, 2), key="k")) == repeat
    assert await appender.append(command(fact(stream, 2), key="k", digest=b"other")) == Replayed(
        first.position, b'{"id":1}', False
    )
    assert await reader.command(ORGANISATION, ACTOR, "k", b"digest") == repeat
    assert await reader.command(ORGANISATION, ACTOR, "other", b"digest") is None
    assert await reader.command(NEIGHBOUR, ACTOR, "k", b"digest") is None
    assert len(await reader.stream(ORGANISATION, stream)) == 1


async def test_the_same_key_of_somebody_else_is_another_command(appender: Appender) -> None:
    colleague = uuid4()
    theirs = Append(ORGANISATION, colleague, (_anonymous(uuid4()),), "k", b"digest")
    elsewhere = command(fact(uuid4(), 1, organisation_id=NEIGHBOUR), key="k")
    outcomes = await appender.append_in_order([command(fact(uuid4(), 1), key="k"), theirs, elsewhere])
    assert [type(outcome) for outcome in outcomes] == [Appended] * 3


async def test_two_at_once_with_one_key_record_one_fact(appender: Appender, log: Reader) -> None:
    outcomes = await asyncio.gather(*(appender.append(command(fact(uuid4(), 1), key="k")) for _ in range(10)))
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Appended"] + ["Replayed"] * 9
    assert len(await log.after(0)) == 1


async def test_appending_on_an_old_snapshot_is_refused(dsn: str) -> None:
    async with await AsyncConnection.connect(dsn) as connection:
        await connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
        with pytest.raises(errors.ActiveSqlTransaction):
            await record(connection, [command(fact(uuid4(), 1))], [uuid4()])


async def test_a_clock_that_is_set_back_does_not_turn_the_order_of_times(dsn: str, appender: Appender) -> None:
    await appender.append(command(fact(uuid4(), 1)))
    ahead = datetime.now(UTC) + timedelta(hours=1)
    async with await AsyncConnection.connect(dsn) as owner:
        await owner.execute(
            """
            INSERT INTO accompany.events
            SELECT 2, organisation_id, stream_id, 2, topic, schema_version, state,
                actor_id, purpose, occurred_on, occurred_at, %s, command_key, trace_id FROM accompany.events
            """,
            (ahead,),
        )
    outcomes = await appender.append_in_order([command(fact(uuid4(), 1)), command(fact(uuid4(), 1))])
    assert [outcome.recorded_at for outcome in outcomes if isinstance(outcome, Appended)] == [ahead, ahead]


def _anonymous(stream_id: UUID) -> RecordedEvent:
    return replace(fact(stream_id, 1), actor_id=None)


async def test_an_append_is_recorded_only_while_what_it_relies_on_has_not_moved_on(dsn: str, reader: Reader) -> None:
    person, case, unknown = uuid4(), uuid4(), uuid4()

    def relying(version: int, on: int) -> Append:
        return replace(command(fact(case, version)), relies_on=((person, on), (unknown, 0)))

    def alone() -> Append:
        return command(fact(uuid4(), 1))

    async with Appender(dsn) as appender:
        await appender.append(command(fact(person, 1), fact(person, 2)))
        assert isinstance(await appender.append(relying(1, 2)), Appended)
        assert isinstance(await appender.append(command(fact(person, 3))), Appended)
        assert await appender.append(relying(2, 2)) == Conflicted(person, 2, 3)
        # The same in one call with others, who are none the worse for it.
        first, second, third = await appender.append_in_order([alone(), relying(2, 2), alone()])
        assert (type(first), second, type(third)) == (Appended, Conflicted(person, 2, 3), Appended)
        first, second, third = await appender.append_in_order([relying(2, 3), command(fact(person, 4)), relying(3, 3)])
        assert (type(first), type(second), third) == (Appended, Appended, Conflicted(person, 3, 4))
        outcomes = await appender.append_in_order([alone(), relying(3, 4), relying(4, 4)])
        assert {type(outcome) for outcome in outcomes} == {Appended}
    assert [event.originator_version for event in await reader.stream(ORGANISATION, case)] == [1, 2, 3, 4]
    other = replace(command(fact(uuid4(), 1, organisation_id=NEIGHBOUR)), relies_on=((person, 0),))
    async with Appender(dsn) as appender:
        assert isinstance(await appender.append(other), Appended), (
            "a stream of another organisation is nobody's business"
        )
