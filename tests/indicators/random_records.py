"""A random record of an organisation: a few trainees in one or two mentorships each, and what was told, in the order it was told."""

import contextlib
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from domain.errors import Refusal
from domain.mentorship import Mentorship
from domain.mentorship.consent import Scope
from domain.mentorship.corrections import EntryCorrected, as_it_stands
from domain.mentorship.part import MentorshipEvent
from domain.occurred import Occurred
from domain.person import Details, LanguageSkill, Person
from domain.restriction import Interest, ObjectionOutcome, RestrictionGround
from domain.vocabulary import (
    AppointmentOutcome,
    AppointmentType,
    CefrLevel,
    ConsentState,
    EndReason,
    Gender,
    Medium,
    OutcomeStatus,
    PersonRole,
    Purpose,
    RecognitionResult,
    Track,
)
from projections.indicators.life import Life, lives, with_details
from projections.people import details_in
from tests.domain.scenario import CASEWORKER, FIRST_DAY, MENTOR, at, history, on, told_of
from tests.indicators.slowly import Told
from tests.projections.folding import seen

PURPOSES = (Purpose.MENTORING, Purpose.ACCOMPANIMENT, Purpose.CREDENTIAL_RECOGNITION, Purpose.FUNDER_REPORTING)
type Op = tuple[int, int, int, int]
"""Whom it is about, what, on which day, and how."""


@st.composite
def ops(draw: st.DrawFn) -> list[Op]:
    """By a seed: what Hypothesis draws by itself is too small and too even for things to meet."""
    chance = draw(st.randoms(use_true_random=True))
    length = draw(st.integers(10, 60))
    return [
        (chance.randint(0, 3), chance.choices(range(16), WEIGHTS)[0], chance.randint(0, 260), chance.randint(0, 11))
        for _ in range(length)
    ]


# Follow-ups are many, since only those near to a day that is asked about count.
WEIGHTS = (2, 1, 2, 2, 2, 1, 2, 1, 1, 3, 1, 1, 2, 2, 3, 9)


def a_record(ops: Sequence[Op]) -> list[Told]:
    """What stands in the log after these operations; those that the domain refuses leave nothing."""
    log: list[Told] = []
    people = [_person(number) for number in range(3)]
    for person in people:
        log += (Told(len(log) + n, event) for n, event in enumerate(told_of(person), start=1))
    # The first trainee has two mentorships.
    cases = [_case(number, people[max(0, number - 1)]) for number in range(4)]
    written = [0] * 4
    said = [len(told_of(person)) for person in people]
    for number, case in enumerate(cases):
        for purpose in PURPOSES:
            case.decide_consent(ConsentState.GIVEN, Scope(purpose), on(number))
    for whom, what, day, how in ops:
        with contextlib.suppress(Refusal, StopIteration):
            _happen(cases[whom], people[max(0, whom - 1)], what, day, how)
        for number, case in enumerate(cases):
            new = history(case)[written[number] :]
            log += (Told(len(log) + n, event) for n, event in enumerate(new, start=1))
            written[number] += len(new)
        for number, one in enumerate(people):
            news = told_of(one)[said[number] :]
            log += (Told(len(log) + n, event) for n, event in enumerate(news, start=1))
            said[number] += len(news)
    return log


def known(log: Sequence[Told], position: int, *, backwards: bool = False) -> list[Life]:
    """The lives that the product makes of it."""
    streams: dict[UUID, list[Any]] = {}
    for told in log:
        streams.setdefault(told.event.originator_id, []).extend(seen([told.event], told.position))
    order = list(streams.values())
    found = lives(reversed(order) if backwards else order, position).values()
    opened = {told.position: details for told in log if (details := details_in(told.event)) is not None}
    return with_details(list(found), opened)


def _person(number: int) -> Person:
    details = [
        Details(
            full_name="First",
            born_on=date(1990, 6, 15),
            gender=Gender.FEMALE,
            languages=(LanguageSkill("de-DE", CefrLevel.B1),),
        ),
        Details(
            full_name="Second",
            gender=Gender.MALE,
            languages=(LanguageSkill("fa-AF", None), LanguageSkill("de", CefrLevel.A2)),
        ),
        Details(full_name="Third", born_on=date(2008, 2, 29)),
    ][number]
    return Person.register(UUID(int=100 + number), role=PersonRole.TRAINEE, details=details, told=on(0))


def _case(number: int, trainee: Person) -> Mentorship:
    return Mentorship.start(
        UUID(int=200 + number),
        trainee=trainee,
        mentor=MENTOR,
        caseworker_id=CASEWORKER,
        track=list(Track)[number],
        started=on(number * 20),
    )


def _pick(kinds: Any, how: int) -> Any:
    return list(kinds)[how % len(list(kinds))]


def _happen(case: Mentorship, person: Person, what: int, day: int, how: int) -> None:
    when = on(day)
    happenings: Sequence[Callable[[], None]] = (
        lambda: case.hold_session(UUID(int=1000 + day * 20 + how), when, minutes=30 + how, medium=Medium.VIDEO),
        lambda: case.hold_session(UUID(int=9000 + day * 20 + how), when, minutes=60, medium=Medium.PHONE),
        lambda: _appointment(case, when, how),
        lambda: _appointment(case, when, how),
        lambda: _recognition(case, day, how),
        lambda: _recognition(case, day, how),
        lambda: case.decide_credential(UUID(int=300 + how % 2), when, result=_pick(RecognitionResult, how)),
        lambda: case.appeal_credential(UUID(int=300 + how % 2), when),
        lambda: case.find_outcome(UUID(int=5000 + day * 20 + how), on(day * 2), status=_pick(OutcomeStatus, how)),
        lambda: case.close(when, reason=_pick(EndReason, how)),
        lambda: case.decide_consent(
            (ConsentState.WITHDRAWN, ConsentState.GIVEN, ConsentState.REFUSED)[how % 3],
            Scope(_pick(PURPOSES, how)),
            when,
        ),
        lambda: case.decide_consent(
            ConsentState.GIVEN, Scope(Purpose.FUNDER_REPORTING), when, valid_until=on(day + 40 * how).on
        ),
        lambda: _correct(case, when, how),
        lambda: case.retract_entry(_entry(case, how), when, reason="Another trainee"),
        lambda: _of_the_person(person, when, how),
        lambda: _followed(case, day, how),
    )
    happenings[what]()


def _appointment(case: Mentorship, when: Occurred, how: int) -> None:
    appointment = UUID(int=2000 + (when.on - FIRST_DAY).days * 20 + how)
    case.book_appointment(appointment, when, starts=at((when.on - FIRST_DAY).days, 9), type=_pick(AppointmentType, how))
    outcome = _pick(AppointmentOutcome, how)
    match how % 4:
        case 0:
            case.miss_appointment(appointment, when)
        case 1:
            case.conclude_appointment(appointment, when, outcome=outcome)
        case _:
            case.record_accompaniment(appointment, when, companion_id=CASEWORKER, outcome=outcome)


def _recognition(case: Mentorship, day: int, how: int) -> None:
    """A path, most often with an application and a decision."""
    path = UUID(int=300 + how % 2)
    with contextlib.suppress(Refusal):
        case.open_credential_path(path, on(day), country="DEU", profession="nurse")
    case.take_credential_step(path, on(day), stage=("application-filed", "receipt")[how % 4 == 0])
    if how % 3:
        case.decide_credential(path, on(day + 20 + how), result=_pick(RecognitionResult, how))


def _followed(case: Mentorship, day: int, how: int) -> None:
    """A follow-up somewhere about one of the days that are asked about, if the case is closed."""
    if case.closed_on is not None:
        asked = case.closed_on + timedelta(days=(90, 180, 365)[how % 3] + day % 110 - 55)
        case.find_outcome(
            UUID(int=7000 + day * 20 + how), Occurred(asked, None), status=_pick(OutcomeStatus, how + day)
        )


def _entry(case: Mentorship, how: int) -> MentorshipEvent:
    entries = [one for one in history(case) if one.CORRECTABLE]
    entry = entries[how * 7 % len(entries)] if entries else next(iter(()))
    return as_it_stands(entry, [one for one in history(case) if isinstance(one, EntryCorrected)])


def _correct(case: Mentorship, when: Occurred, how: int) -> None:
    entry = _entry(case, how)
    changes: dict[str, Any] = {"occurred_on": str(entry.occurred_on + timedelta(days=how - 5))}
    if "minutes" in entry.CORRECTABLE:
        changes["minutes"] = 5 + how
    if "status" in entry.CORRECTABLE:
        changes["status"] = _pick(OutcomeStatus, how).value
    if "type" in entry.CORRECTABLE:
        changes = {"type": _pick(AppointmentType, how + 1).value}
    case.correct_entry(entry, when, changes=changes, reason="Written down wrongly")


def _of_the_person(person: Person, when: Occurred, how: int) -> None:
    objection = UUID(int=600 + how // 4)
    match how % 4:
        case 0:
            person.restrict(when, ground=next(iter(RestrictionGround)))
        case 1:
            person.lift_restriction(when, person_told_on=when.on)
        case 2:
            interest = (Interest.STATISTICS, Interest.CASE_ADMINISTRATION)[how // 4 % 2]
            person.object_to(when, objection_id=objection, interest=interest)
        case _:
            outcome = _pick(ObjectionOutcome, how // 4)
            person.decide_objection(when, objection_id=objection, decided_by=CASEWORKER, outcome=outcome)
