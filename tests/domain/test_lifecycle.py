"""A mentorship starts, pauses, resumes, is handed over and closes."""

from typing import Any

import pytest

from domain.errors import Refusal
from domain.mentorship import Mentorship
from domain.mentorship.lifecycle import (
    AlreadyClosed,
    AlreadyPaused,
    EndsBeforeStart,
    HandoverOutOfOrder,
    MentorshipClosed,
    MentorshipHandedOver,
    MentorshipPaused,
    MentorshipResumed,
    MentorshipStarted,
    NotAMentor,
    NotATrainee,
    NothingHandedOver,
    NotPaused,
    PauseEndsTooEarly,
    ResumedBeforePause,
    SamePerson,
)
from domain.mentorship.part import AfterClose, AlreadyOnRecord, BeforeStart
from domain.mentorship.sessions import SessionHeld
from domain.occurred import Occurred
from domain.person import Person
from domain.text import TooLong
from domain.vocabulary import EndReason, OutcomeStatus, PersonRole, Purpose, Track
from tests.domain.scenario import (
    CASEWORKER,
    CLOSED,
    HELD,
    MENTOR,
    MENTORING_CONSENTED,
    MENTORSHIP,
    OTHER_CASEWORKER,
    OTHER_MENTOR,
    OUTCOME,
    SESSION,
    TRAINEE,
    UNHEARD_OF,
    Step,
    an,
    at,
    closed,
    consented,
    given,
    held,
    history,
    on,
    person,
    started,
)


def start(trainee: Person = TRAINEE, mentor: Person = MENTOR, **told: Any) -> Mentorship:
    return Mentorship.start(
        MENTORSHIP,
        trainee=trainee,
        mentor=mentor,
        caseworker_id=CASEWORKER,
        track=Track.HEALTHCARE,
        started=on(0),
        **told,
    )


def paused(occurred: Occurred, **told: Any) -> Step:
    return lambda case: case.pause(occurred, **told)


def resumed(occurred: Occurred) -> Step:
    return lambda case: case.resume(occurred)


def handed_over(occurred: Occurred, **to: Any) -> Step:
    return lambda case: case.hand_over(occurred, **to)


def test_a_mentorship_starts_between_a_trainee_and_a_mentor() -> None:
    [event] = history(start(reference="2025-17"))
    assert isinstance(event, MentorshipStarted)
    assert (event.trainee_id, event.mentor_id, event.caseworker_id) == (TRAINEE.id, MENTOR.id, CASEWORKER)
    assert (event.track, event.reference, event.occurred_on) == (Track.HEALTHCARE, "2025-17", on(0).on)


def test_somebody_who_is_both_may_be_either() -> None:
    assert start(trainee=OTHER_MENTOR).trainee_id == OTHER_MENTOR.id
    assert start(mentor=OTHER_MENTOR).mentor_id == OTHER_MENTOR.id


@pytest.mark.parametrize(
    ("told", "refusal", "fields"),
    [
        ({"trainee": OTHER_MENTOR, "mentor": OTHER_MENTOR}, SamePerson, ("trainee_id", "mentor_id")),
        ({"trainee": person(4, PersonRole.MENTOR, "Jo")}, NotATrainee, ("trainee_id",)),
        ({"mentor": person(4, PersonRole.TRAINEE, "Jo")}, NotAMentor, ("mentor_id",)),
        ({"reference": "x" * 501}, TooLong, ("reference",)),
    ],
)
def test_a_mentorship_needs_a_trainee_and_another_who_is_a_mentor(
    told: dict[str, Any], refusal: type[Refusal], fields: tuple[str, ...]
) -> None:
    with pytest.raises(refusal) as refused:
        start(**told)
    assert refused.value.fields == fields


def test_a_mentorship_pauses_and_resumes() -> None:
    given().when(paused(on(3), expected_until=on(9).on)).then(an(MentorshipPaused, expected_until=on(9).on))
    given(paused(on(3))).when(resumed(on(9))).then(MentorshipResumed)
    given(paused(on(3)), resumed(on(9))).when(paused(on(12))).then(MentorshipPaused)


def test_a_pause_within_a_pause_is_refused() -> None:
    given(paused(on(3))).when(paused(on(4))).then_refused(AlreadyPaused)


def test_a_pause_does_not_end_before_it_begins() -> None:
    given().when(paused(on(3), expected_until=on(2).on)).then_refused(PauseEndsTooEarly, "expected_until")
    given(paused(on(3))).when(resumed(on(2))).then_refused(ResumedBeforePause, "occurred_on")


def test_what_is_not_paused_does_not_resume() -> None:
    given().when(resumed(on(3))).then_refused(NotPaused)


def test_a_handover_names_who_had_the_case_and_who_takes_it_on() -> None:
    given().when(handed_over(on(30), to_caseworker_id=OTHER_CASEWORKER, to_mentor=OTHER_MENTOR)).then(
        an(
            MentorshipHandedOver,
            mentor_id=MENTOR.id,
            to_mentor_id=OTHER_MENTOR.id,
            to_caseworker_id=OTHER_CASEWORKER,
        )
    )


def test_a_handover_of_one_side_leaves_the_other() -> None:
    given().when(handed_over(on(30), to_caseworker_id=OTHER_CASEWORKER)).then(
        an(MentorshipHandedOver, to_mentor_id=MENTOR.id, to_caseworker_id=OTHER_CASEWORKER)
    )


def test_a_handover_to_those_who_have_the_case_is_refused() -> None:
    given().when(handed_over(on(30))).then_refused(NothingHandedOver)
    given().when(handed_over(on(30), to_caseworker_id=CASEWORKER, to_mentor=MENTOR)).then_refused(NothingHandedOver)


def test_a_handover_goes_to_a_mentor_who_is_not_the_trainee() -> None:
    trainee_and_mentor = person(1, PersonRole.BOTH, "Parwana Rahimi")
    given().when(handed_over(on(30), to_mentor=trainee_and_mentor)).then_refused(SamePerson, "to_mentor_id")
    no_mentor = person(4, PersonRole.TRAINEE, "Jo")
    given().when(handed_over(on(30), to_mentor=no_mentor)).then_refused(NotAMentor, "to_mentor_id")


def test_handovers_are_told_in_their_order() -> None:
    first = handed_over(on(30), to_mentor=OTHER_MENTOR)
    given(first).when(handed_over(on(29), to_mentor=MENTOR)).then_refused(HandoverOutOfOrder, "occurred_on")
    given(first).when(handed_over(on(30), to_mentor=MENTOR)).then(MentorshipHandedOver)


def test_a_session_told_late_belongs_to_the_mentor_of_its_day() -> None:
    """Their feedback is sealed under that mentor's key, and goes when that mentor is forgotten."""
    handed = (MENTORING_CONSENTED, handed_over(on(30), to_mentor=OTHER_MENTOR))
    given(*handed).when(held(on(29))).then(an(SessionHeld, mentor_id=MENTOR.id))
    given(*handed).when(held(on(30))).then(an(SessionHeld, mentor_id=OTHER_MENTOR.id))


def test_a_mentorship_closes_once() -> None:
    given().when(closed(on(90))).then(an(MentorshipClosed, reason=EndReason.EMPLOYED))
    given(closed(on(90))).when(closed(on(91))).then_refused(AlreadyClosed)


def test_a_mentorship_does_not_close_before_it_started() -> None:
    given().when(closed(on(-1))).then_refused(EndsBeforeStart, "occurred_on")
    given().when(closed(on(0))).then(MentorshipClosed)


@pytest.mark.parametrize(
    "step", [paused(on(50)), resumed(on(50)), handed_over(on(50), to_caseworker_id=OTHER_CASEWORKER)]
)
def test_a_closed_mentorship_neither_pauses_nor_resumes_nor_is_handed_over(step: Step) -> None:
    given(CLOSED).when(step).then_refused(AlreadyClosed)


@pytest.mark.parametrize("step", [paused(on(-1)), handed_over(on(-1), to_caseworker_id=OTHER_CASEWORKER), held(on(-1))])
def test_nothing_happens_before_the_start(step: Step) -> None:
    given(consented(Purpose.MENTORING, on(-5))).when(step).then_refused(BeforeStart, "occurred_on")


def test_a_late_entry_about_the_time_before_the_close_is_taken_and_one_after_is_not() -> None:
    given(MENTORING_CONSENTED, CLOSED).when(held(on(100))).then(SessionHeld)
    given(MENTORING_CONSENTED, CLOSED).when(held(on(101))).then_refused(AfterClose, "occurred_on")


def test_an_entry_with_an_id_that_is_taken_is_refused() -> None:
    given(MENTORING_CONSENTED, HELD).when(held(on(6), SESSION)).then_refused(AlreadyOnRecord)
    given(MENTORING_CONSENTED, HELD).when(held(on(6), UNHEARD_OF)).then(SessionHeld)

    def found(case: Mentorship) -> None:
        case.find_outcome(OUTCOME, on(90), status=OutcomeStatus.UNKNOWN)

    given(MENTORING_CONSENTED, found).when(found).then_refused(AlreadyOnRecord)


def test_the_start_keeps_the_time_of_day_where_it_is_known() -> None:
    [event] = history(started(at(0, 9)))
    assert event.occurred_at == at(0, 9).at
