"""Each indicator by hand: what it counts at the edges of its definition."""

from collections.abc import Callable
from datetime import date
from uuid import UUID

import pytest

from domain.mentorship import Mentorship
from domain.mentorship.consent import Scope
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
from projections.indicators.catalogue import CATALOGUE
from projections.indicators.counting import count
from projections.indicators.life import Question
from tests.domain.scenario import CASEWORKER, FIRST_DAY, MENTOR, at, history, on, told_of
from tests.indicators.random_records import PURPOSES, known
from tests.indicators.slowly import Told

type Facts = Callable[[Mentorship], object]

DETAILS = Details(
    full_name="Invented",
    born_on=date(2001, 4, 30),
    gender=Gender.FEMALE,
    languages=(LanguageSkill("uk"), LanguageSkill("de", CefrLevel.A2), LanguageSkill("de-AT", CefrLevel.B1)),
)


def a_person(details: Details = DETAILS) -> Person:
    return Person.register(UUID(int=500), role=PersonRole.TRAINEE, details=details, told=on(0))


def a_case(person: Person, *facts: Facts, number: int = 1, track: Track = Track.CRAFTS, since: int = 0) -> Mentorship:
    case = Mentorship.start(
        UUID(int=510 + number), trainee=person, mentor=MENTOR, caseworker_id=CASEWORKER, track=track, started=on(since)
    )
    for purpose in PURPOSES:
        case.decide_consent(ConsentState.GIVEN, Scope(purpose), on(since))
    for fact in facts:
        fact(case)
    return case


def figures(person: Person, *cases: Mentorship, since: int = 0, until: int = 1000, asked: int = 30) -> dict[str, int]:
    events = [*told_of(person), *(event for case in cases for event in history(case))]
    log = [Told(position, event) for position, event in enumerate(events, start=1)]
    question = Question(on(since).on, on(until).on, len(log), on(asked).on)
    found = count(CATALOGUE, known(log, len(log)), question)
    return {key: value for key, value in found.tables.values.items() if value}


def held(day: int, number: int = 1) -> Facts:
    return lambda case: case.hold_session(UUID(int=900 + number), on(day), minutes=45, medium=Medium.VIDEO)


def closed(day: int, reason: EndReason = EndReason.EMPLOYED) -> Facts:
    return lambda case: case.close(on(day), reason=reason)


def found(day: int, status: OutcomeStatus, number: int = 1) -> Facts:
    return lambda case: case.find_outcome(UUID(int=950 + number), on(day), status=status)


def test_a_first_and_a_last_day_belong_to_the_period() -> None:
    person = a_person()
    case = a_case(person, held(10))
    assert figures(person, case, since=10, until=10)["served@1/standing=continuing"] == 1
    assert "served@1" not in figures(person, case, since=11)
    assert "served@1" not in figures(person, case, until=9)
    assert figures(person, case, since=0)["served@1/standing=new"] == 1


@pytest.mark.parametrize(("until", "band"), [(date(2026, 4, 29), "18-24"), (date(2026, 4, 30), "25-34")])
def test_age_is_that_of_the_last_day(until: date, band: str) -> None:
    person = a_person()
    days = (until - FIRST_DAY).days
    assert figures(person, a_case(person, held(10)), until=days)[f"served@1/age={band}"] == 1


def test_what_was_not_told_is_unknown() -> None:
    person = a_person(Details(full_name="Invented", languages=(LanguageSkill("uk"),)))
    counted = figures(person, a_case(person, held(10)))
    assert (
        counted["served@1/age=unknown"]
        == counted["served@1/gender=unknown"]
        == counted["served@1/language=unknown"]
        == 1
    )


def test_the_best_level_told_of_the_language_counts() -> None:
    person = a_person()
    assert figures(person, a_case(person, held(10)))["served@1/language=B1"] == 1


def test_only_tracks_that_ran_in_the_period_count() -> None:
    person = a_person()
    first = a_case(person, closed(50))
    second = a_case(person, held(100), number=2, track=Track.LOGISTICS, since=60)
    assert figures(person, first, second, since=51)["served@1/track=logistics"] == 1
    assert figures(person, first, second, since=50)["served@1/track=several"] == 1


@pytest.mark.parametrize(
    ("day", "what"), [(44, "lost-to-follow-up"), (45, "in-work"), (135, "in-work"), (136, "lost-to-follow-up")]
)
def test_a_follow_up_counts_within_45_days(day: int, what: str) -> None:
    person = a_person()
    case = a_case(person, closed(0), found(day, OutcomeStatus.SELF_EMPLOYED))
    counted = figures(person, case)
    assert counted["in-work-90@1"] == 1
    assert counted[f"in-work-90@1/found={what}"] == 1


@pytest.mark.parametrize(("until", "counts"), [(134, False), (135, True)])
def test_nobody_is_counted_before_they_can_no_longer_be_asked(until: int, counts: bool) -> None:
    person = a_person()
    assert ("in-work-90@1" in figures(person, a_case(person, closed(0)), until=until)) is counts


def test_the_follow_up_nearest_to_the_day_counts_and_of_two_as_near_the_later() -> None:
    person = a_person()
    near = (found(80, OutcomeStatus.UNEMPLOYED), found(91, OutcomeStatus.STUDYING, 2))
    assert figures(person, a_case(person, closed(0), *near))["in-work-90@1/found=in-training"] == 1
    as_near = (found(95, OutcomeStatus.EMPLOYED), found(85, OutcomeStatus.UNEMPLOYED, 2))
    assert figures(person, a_case(person, closed(0), *as_near))["in-work-90@1/found=in-work"] == 1
    same_day = (found(95, OutcomeStatus.UNEMPLOYED), found(95, OutcomeStatus.UNKNOWN, 2))
    assert figures(person, a_case(person, closed(0), *same_day))["in-work-90@1/found=unknown"] == 1


def test_who_still_has_a_mentorship_has_not_left() -> None:
    person = a_person()
    first = a_case(person, closed(50, EndReason.MENTOR_LEFT))
    second = a_case(person, closed(90), number=2, since=60)
    assert "left@1" not in figures(person, first, second, until=89)
    assert figures(person, first, second)["left@1/reason=employed"] == 1
    assert "left@1" not in figures(person, first, second, since=91)


def test_of_several_decisions_the_best_result_counts() -> None:
    def decided(number: int, result: RecognitionResult) -> Facts:
        def fact(case: Mentorship) -> None:
            path = UUID(int=700 + number)
            case.open_credential_path(path, on(5), country="DEU", profession="nurse")
            case.take_credential_step(path, on(6), stage="application-filed")
            case.decide_credential(path, on(40), result=result)

        return fact

    person = a_person()
    counted = figures(person, a_case(person, decided(1, RecognitionResult.NONE), decided(2, RecognitionResult.PARTIAL)))
    assert counted["recognition-decided@1/result=partial"] == counted["recognition-decided@1"] == 1
    assert counted["recognition-applied@1/gender=female"] == 1


def test_who_was_accompanied_and_did_not_come_was_not_served() -> None:
    def went(case: Mentorship) -> None:
        case.book_appointment(UUID(int=800), on(1), starts=at(10, 9), type=AppointmentType.BANK)
        case.record_accompaniment(
            UUID(int=800), on(10), companion_id=CASEWORKER, outcome=AppointmentOutcome.NO_SHOW_TRAINEE
        )

    person = a_person()
    counted = figures(person, a_case(person, went))
    assert "served@1" not in counted
    assert counted["accompaniments@1/outcome=no-show-trainee"] == 1
    assert counted["appointments-kept@1/kept=trainee-did-not-come"] == 1


def test_the_last_word_on_funder_reporting_counts_whichever_mentorship_it_was_said_in() -> None:
    person = a_person()
    scope = Scope(Purpose.FUNDER_REPORTING)
    withdrawn = a_case(person, held(10), lambda case: case.decide_consent(ConsentState.WITHDRAWN, scope, on(40)))
    given = a_case(person, number=2, since=5)
    assert figures(person, withdrawn, given) == {"left-out": 1}
    assert figures(person, given, withdrawn) == {"left-out": 1}
    again = a_case(person, lambda case: case.decide_consent(ConsentState.GIVEN, scope, on(41)), number=3, since=5)
    assert figures(person, withdrawn, again)["served@1"] == 1


@pytest.mark.parametrize(("asked", "counts"), [(29, True), (30, True), (31, False)])
def test_consent_has_to_be_in_force_on_the_day_the_report_is_prepared(asked: int, counts: bool) -> None:
    person = a_person()
    scope, until = Scope(Purpose.FUNDER_REPORTING), on(30).on
    case = a_case(
        person, held(10), lambda case: case.decide_consent(ConsentState.GIVEN, scope, on(1), valid_until=until)
    )
    assert ("served@1" in figures(person, case, asked=asked)) is counts


def test_who_objects_to_being_counted_is_left_out_until_that_is_overridden() -> None:
    person = a_person()
    case = a_case(person, held(10))
    person.object_to(on(12), objection_id=UUID(int=1), interest=Interest.CASE_ADMINISTRATION)
    assert figures(person, case)["served@1"] == 1
    person.object_to(on(12), objection_id=UUID(int=2), interest=Interest.STATISTICS)
    assert figures(person, case) == {"left-out": 1}
    person.decide_objection(
        on(13), objection_id=UUID(int=2), decided_by=CASEWORKER, outcome=ObjectionOutcome.OVERRIDDEN
    )
    assert figures(person, case)["served@1"] == 1
    person.object_to(on(14), objection_id=UUID(int=3), interest=Interest.STATISTICS)
    person.decide_objection(on(15), objection_id=UUID(int=3), decided_by=CASEWORKER, outcome=ObjectionOutcome.UPHELD)
    assert figures(person, case) == {"left-out": 1}


def test_who_is_restricted_is_left_out_until_that_is_lifted() -> None:
    person = a_person()
    case = a_case(person, held(10))
    person.restrict(on(12), ground=next(iter(RestrictionGround)))
    assert figures(person, case) == {"left-out": 1}
    person.lift_restriction(on(13), person_told_on=on(13).on)
    assert figures(person, case)["served@1"] == 1
