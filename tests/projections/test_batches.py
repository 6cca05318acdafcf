"""Folding a history in batches, with only those rows at hand that a table says it looks back at, gives what folding at once gives."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import Refusal
from domain.mentorship import Mentorship, MentorshipEvent
from domain.mentorship.consent import Scope
from domain.mentorship.corrections import EntryCorrected, as_it_stands
from domain.occurred import Occurred
from domain.vocabulary import (
    AppointmentOutcome,
    AppointmentType,
    ConsentState,
    GoalKind,
    Medium,
    OutcomeStatus,
    Purpose,
    RecognitionResult,
)
from projections.projection import Key, Projection, Rows, Seen, Table
from projections.registry import PROJECTIONS
from tests.domain.scenario import (
    ACCOMPANIMENT_CONSENTED,
    CASEWORKER,
    MENTORING_CONSENTED,
    RECOGNITION_CONSENTED,
    at,
    case_of,
    closed,
    history,
    on,
)
from tests.projections.folding import seen

type Stored = dict[Key, Any]
type Command = Callable[[Mentorship, Occurred, UUID, int], None]


def put_right(case: Mentorship, number: int, changes: dict[str, Any]) -> None:
    events = history(case)
    corrections = [event for event in events if isinstance(event, EntryCorrected)]
    entry: MentorshipEvent = as_it_stands(events[number % len(events)], corrections)
    if changes:
        case.correct_entry(entry, on(60), changes=changes, reason="Written down wrongly")
    else:
        case.retract_entry(entry, on(60), reason="Another case")


# Each takes the case, a day, one of three ids, and a number to choose by. What the rules refuse is left out.
COMMANDS: tuple[Command, ...] = (
    lambda case, day, one, n: case.decide_consent(
        list(ConsentState)[n % 7], Scope((Purpose.MENTORING, Purpose.ACCOMPANIMENT)[n % 2]), day
    ),
    lambda case, day, one, n: case.hold_session(UUID(int=n), day, minutes=n + 1, medium=Medium.PHONE),
    lambda case, day, one, n: case.set_goal(one, day, kind=GoalKind.SKILLS, description="Read aloud"),
    lambda case, day, one, n: case.revise_goal(one, day, description="Read better", target_on=on(n + 60).on),
    lambda case, day, one, n: case.reach_goal(one, day),
    lambda case, day, one, n: case.book_appointment(one, on(0), type=AppointmentType.BANK, starts=at(n, 9)),
    lambda case, day, one, n: case.move_appointment(one, day, starts=at(n, 10)),
    lambda case, day, one, n: case.cancel_appointment(one, day),
    lambda case, day, one, n: case.miss_appointment(one, day),
    lambda case, day, one, n: case.record_accompaniment(
        one, day, companion_id=CASEWORKER, outcome=AppointmentOutcome.GRANTED, deadline=on(90).on if n % 2 else None
    ),
    lambda case, day, one, n: case.complete_next_step(one, day),
    lambda case, day, one, n: case.open_credential_path(one, day, country="DEU", profession="nurse"),
    lambda case, day, one, n: case.take_credential_step(one, day, stage="receipt"),
    lambda case, day, one, n: case.decide_credential(one, day, result=RecognitionResult.FULL),
    lambda case, day, one, n: case.appeal_credential(one, day),
    lambda case, day, one, n: case.find_outcome(UUID(int=n), day, status=OutcomeStatus.UNKNOWN),
    lambda case, day, one, n: case.pause(day),
    lambda case, day, one, n: case.resume(day),
    lambda case, day, one, n: closed(day)(case) if n == 0 else None,
    lambda case, day, one, n: put_right(case, n, {"occurred_on": day.on.isoformat()}),
    lambda case, day, one, n: put_right(case, n, {}),
)
CHOICES = st.tuples(st.sampled_from(COMMANDS), st.integers(0, 60), st.integers(200, 202), st.integers(0, 40))


def told(choices: list[tuple[Command, int, int, int]]) -> list[Seen]:
    case = case_of(MENTORING_CONSENTED, ACCOMPANIMENT_CONSENTED, RECOGNITION_CONSENTED)
    for command, day, one, number in choices:
        with suppress(Refusal):
            command(case, on(day), UUID(int=one), number)
    return seen(history(case))


def in_batches(projection: Projection, events: list[Seen], size: int) -> dict[Table[Any], Stored]:
    """As the runner does it, with dictionaries for tables."""
    tables: dict[Table[Any], Stored] = {table: {} for table in projection.tables}
    for start in range(0, len(events), size):
        batch = [one for one in events[start : start + size] if one.topic in projection.on]
        rows = Rows()
        for table, stored in tables.items():
            wanted = {key for one in batch if (key := table.looks_back(one)) is not None}
            rows.load(table, [row for key, row in stored.items() if any(key[: len(w)] == w for w in wanted)])
        for one in batch:
            projection.apply(one, rows)
        for table, stored in tables.items():
            for key in rows.deleted(table):
                stored.pop(key, None)
            stored.update((table.key_of(row), row) for row in rows.written(table))
    return tables


@pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda projection: projection.name)
@settings(max_examples=120, deadline=None)
@given(choices=st.lists(CHOICES, min_size=5, max_size=60), size=st.integers(1, 7))
def test_batches_of_any_size_give_the_same_rows(
    projection: Projection, choices: list[tuple[Command, int, int, int]], size: int
) -> None:
    events = told(choices)
    assert in_batches(projection, events, size) == in_batches(projection, events, len(events))
