"""Given some facts of a mentorship, when a command, then events or a refusal.

A fact is a step: a command on the mentorship, applied in the order given. Days count from the day the mentorship started.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import pytest

from domain.errors import Refusal
from domain.events import RecordEvent
from domain.mentorship import Mentorship, MentorshipEvent
from domain.mentorship.consent import Scope
from domain.mentorship.corrections import EntryCorrected, as_it_stands
from domain.occurred import Occurred
from domain.person import Details, Person
from domain.vocabulary import (
    AppointmentOutcome,
    AppointmentType,
    ConsentState,
    EndReason,
    GoalKind,
    Medium,
    OverrideReason,
    PersonRole,
    Purpose,
    RecognitionResult,
    Track,
)

type Step = Callable[[Mentorship], None]

FIRST_DAY = date(2025, 3, 3)


def on(day: int) -> Occurred:
    """A day, the time of which nobody knows."""
    return Occurred(FIRST_DAY + timedelta(days=day))


def at(day: int, hour: int) -> Occurred:
    """A moment, in a place that lives by UTC."""
    told = on(day)
    return Occurred(told.on, datetime(told.on.year, told.on.month, told.on.day, hour, tzinfo=UTC))


def person(number: int, role: PersonRole, name: str) -> Person:
    return Person.register(UUID(int=number), role=role, details=Details(full_name=name), told=on(0))


TRAINEE = person(1, PersonRole.TRAINEE, "Parwana Rahimi")
MENTOR = person(2, PersonRole.MENTOR, "Sabine Krüger")
OTHER_MENTOR = person(3, PersonRole.BOTH, "Yusuf Demir")
CASEWORKER, OTHER_CASEWORKER = UUID(int=11), UUID(int=12)
MENTORSHIP = UUID(int=20)
SESSION, GOAL, APPOINTMENT, CREDENTIAL, OUTCOME = (UUID(int=n) for n in range(31, 36))
UNHEARD_OF = UUID(int=99)


def started(occurred: Occurred | None = None) -> Mentorship:
    return Mentorship.start(
        MENTORSHIP,
        trainee=TRAINEE,
        mentor=MENTOR,
        caseworker_id=CASEWORKER,
        track=Track.HEALTHCARE,
        started=occurred or on(0),
    )


def decided(state: ConsentState, purpose: Purpose, occurred: Occurred, **record: Any) -> Step:
    return lambda case: case.decide_consent(state, Scope(purpose), occurred, **record)


def overridden(since: Occurred, purpose: Purpose = Purpose.MENTORING, hours: int = 24, by: UUID = CASEWORKER) -> Step:
    assert since.at is not None
    until = since.at + timedelta(hours=hours)
    return lambda case: case.override_consent(
        since,
        purpose=purpose,
        reason=OverrideReason.MEDICAL_EMERGENCY,
        until=Occurred(until.date(), until),
        overridden_by=by,
        explanation="Unconscious in hospital",
    )


def consented(purpose: Purpose, occurred: Occurred | None = None, **record: Any) -> Step:
    return decided(ConsentState.GIVEN, purpose, occurred or on(0), **record)


def withdrew(purpose: Purpose, occurred: Occurred) -> Step:
    return decided(ConsentState.WITHDRAWN, purpose, occurred)


MENTORING_CONSENTED = consented(Purpose.MENTORING)
ACCOMPANIMENT_CONSENTED = consented(Purpose.ACCOMPANIMENT)
RECOGNITION_CONSENTED = consented(Purpose.CREDENTIAL_RECOGNITION)


def held(occurred: Occurred, session_id: UUID = SESSION, **fields: Any) -> Step:
    return lambda case: case.hold_session(session_id, occurred, **{"minutes": 60, "medium": Medium.IN_PERSON, **fields})


def goal_set(occurred: Occurred, **fields: Any) -> Step:
    told = {"kind": GoalKind.LANGUAGE, "description": "Read a patient's file aloud", **fields}
    return lambda case: case.set_goal(GOAL, occurred, **told)


def booked(starts: Occurred, occurred: Occurred | None = None, **fields: Any) -> Step:
    told = {"type": AppointmentType.JOB_CENTRE, **fields}
    return lambda case: case.book_appointment(APPOINTMENT, occurred or on(1), starts=starts, **told)


def accompanied(occurred: Occurred, **fields: Any) -> Step:
    told = {"companion_id": CASEWORKER, "outcome": AppointmentOutcome.GRANTED, **fields}
    return lambda case: case.record_accompaniment(APPOINTMENT, occurred, **told)


def path_opened(occurred: Occurred, **fields: Any) -> Step:
    told = {"country": "DEU", "profession": "nurse", **fields}
    return lambda case: case.open_credential_path(CREDENTIAL, occurred, **told)


def credential_decided(occurred: Occurred, **fields: Any) -> Step:
    told = {"result": RecognitionResult.PARTIAL, **fields}
    return lambda case: case.decide_credential(CREDENTIAL, occurred, **told)


def closed(occurred: Occurred) -> Step:
    return lambda case: case.close(occurred, reason=EndReason.EMPLOYED)


HELD = held(on(5))
GOAL_SET = goal_set(on(2))
BOOKED = booked(at(10, 9))
ACCOMPANIED = accompanied(on(10), next_step="Hand in the form", deadline=on(20).on)
PATH_OPENED = path_opened(on(3))
CREDENTIAL_DECIDED = credential_decided(on(40))
CLOSED = closed(on(100))


@dataclass(frozen=True)
class Expected:
    """An event of this class; of its fields, those that matter."""

    event: type[RecordEvent]
    fields: dict[str, Any]

    def matches(self, event: RecordEvent) -> bool:
        return type(event) is self.event and all(getattr(event, name) == value for name, value in self.fields.items())


def an(event: type[RecordEvent], **fields: Any) -> Expected:
    return Expected(event, fields)


@dataclass(frozen=True)
class When:
    case: Mentorship
    command: Step

    def then(self, *events: type[RecordEvent] | Expected) -> list[Any]:
        """The command records these events and nothing else. Answers them."""
        before = len(history(self.case))
        self.command(self.case)
        recorded = history(self.case)[before:]
        expected = [one if isinstance(one, Expected) else an(one) for one in events]
        assert len(recorded) == len(expected), recorded
        for event, wanted in zip(recorded, expected, strict=True):
            assert wanted.matches(event), (event, wanted)
        return recorded

    def then_refused(self, refusal: type[Refusal], *fields: str) -> None:
        """The command is refused in just this way, pointing at these fields, and leaves nothing behind."""
        before = len(history(self.case))
        with pytest.raises(Refusal) as refused:
            self.command(self.case)
        assert type(refused.value) is refusal
        assert refused.value.fields == fields
        assert len(history(self.case)) == self.case.version == before


@dataclass(frozen=True)
class Given:
    case: Mentorship

    def when(self, command: Step) -> When:
        return When(self.case, command)


def given(*facts: Step, since: Occurred | None = None) -> Given:
    """A mentorship that has started, and what came after."""
    return Given(case_of(*facts, since=since))


def case_of(*facts: Step, since: Occurred | None = None) -> Mentorship:
    case = started(since)
    for fact in facts:
        fact(case)
    return case


def history(case: Mentorship) -> list[MentorshipEvent]:
    """All events since the start: nothing here is ever saved, so all of them are still pending."""
    return [cast(MentorshipEvent, event) for event in case.pending_events]


def told_of(person: Person) -> list[RecordEvent]:
    """The same of a person."""
    return [cast(RecordEvent, event) for event in person.pending_events]


def the(event: type[MentorshipEvent], case: Mentorship) -> MentorshipEvent:
    """The last event of a class, as it stands after its corrections."""
    found = [one for one in history(case) if type(one) is event][-1]
    return as_it_stands(found, (one for one in history(case) if isinstance(one, EntryCorrected)))


def corrected(event: type[MentorshipEvent], occurred: Occurred, **changes: Any) -> Step:
    """The last event of a class is put right; no changes at all take it back."""

    def step(case: Mentorship) -> None:
        if changes:
            case.correct_entry(the(event, case), occurred, changes=changes, reason="Written down wrongly")
        else:
            case.retract_entry(the(event, case), occurred, reason="It was another trainee")

    return step
