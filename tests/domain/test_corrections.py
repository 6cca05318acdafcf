"""Nothing is edited: a correction is a fact that names the one it puts right."""

from typing import Any

import pytest

from domain.errors import Refusal
from domain.events import TOPICS
from domain.mentorship import Mentorship, MentorshipEvent
from domain.mentorship.accompaniments import (
    AccompanimentRecorded,
    AppointmentMissed,
    BeforeAppointment,
    NextStepCompleted,
    NoNextStep,
    NotANoShow,
)
from domain.mentorship.appointments import AppointmentBooked, AppointmentNotFound
from domain.mentorship.consent import ConsentGiven, ConsentMissing
from domain.mentorship.corrections import (
    EntryCorrected,
    EntryNotCorrectable,
    EntryRetracted,
    EntryRetractedAlready,
    FieldNotCorrectable,
    OthersRestOnIt,
    ReasonMissing,
    ValueNotUnderstood,
)
from domain.mentorship.credentials import (
    CountryCodeMalformed,
    CredentialDecided,
    CredentialNotFound,
    CredentialPathOpened,
    CredentialStepTaken,
)
from domain.mentorship.goals import (
    BeforeGoal,
    GoalNotFound,
    GoalReached,
    GoalRevised,
    GoalSet,
    SessionNotFound,
    TargetBeforeGoal,
)
from domain.mentorship.outcomes import OutcomeFound
from domain.mentorship.part import AfterClose, BeforeStart
from domain.mentorship.sessions import MinutesOutOfRange, SessionHeld
from domain.occurred import OccurredInFuture, TimeWithoutZone
from domain.text import CodeMalformed, NulCharacter, TooLong
from domain.vocabulary import AppointmentOutcome, OutcomeStatus, Purpose
from tests.domain.scenario import (
    ACCOMPANIED,
    ACCOMPANIMENT_CONSENTED,
    APPOINTMENT,
    BOOKED,
    CLOSED,
    CREDENTIAL,
    CREDENTIAL_DECIDED,
    GOAL,
    GOAL_SET,
    HELD,
    MENTOR,
    MENTORING_CONSENTED,
    OTHER_MENTOR,
    OUTCOME,
    PATH_OPENED,
    RECOGNITION_CONSENTED,
    SESSION,
    Step,
    accompanied,
    an,
    at,
    case_of,
    closed,
    consented,
    corrected,
    credential_decided,
    given,
    goal_set,
    held,
    on,
    the,
    withdrew,
)

TODAY = on(60)
SESSION_HELD = (MENTORING_CONSENTED, HELD)
WENT_ALONG = (MENTORING_CONSENTED, ACCOMPANIMENT_CONSENTED, BOOKED, ACCOMPANIED)


def revise(case: Mentorship) -> None:
    case.revise_goal(GOAL, TODAY, description="More", session_id=SESSION)


def reach(case: Mentorship) -> None:
    case.reach_goal(GOAL, on(9))


def done(case: Mentorship) -> None:
    case.complete_next_step(APPOINTMENT, TODAY)


def take(case: Mentorship) -> None:
    case.take_credential_step(CREDENTIAL, on(9), stage="receipt")


def test_a_correction_names_the_entry_and_keeps_each_value_with_whose_it_is() -> None:
    changes: dict[str, Any] = {"minutes": 45, "summary": "Grammar", "mentor_rating": 3, "occurred_on": "2025-03-10"}
    given(*SESSION_HELD).when(corrected(SessionHeld, TODAY, **changes)).then(
        an(
            EntryCorrected,
            corrects=3,
            corrected_topic="session-held",
            changes={"minutes": 45, "occurred_on": "2025-03-10"},
            trainee_changes={"summary": "Grammar"},
            mentor_changes={"mentor_rating": 3},
            occurred_on=TODAY.on,
        )
    )


def test_an_entry_stands_as_its_last_correction_says() -> None:
    case = case_of(
        *SESSION_HELD,
        corrected(SessionHeld, TODAY, minutes=45, summary="Grammar"),
        corrected(SessionHeld, TODAY, minutes=50, mentor_rating=3),
    )
    stands = the(SessionHeld, case)
    assert isinstance(stands, SessionHeld)
    assert (stands.minutes, stands.summary, stands.mentor_rating) == (50, "Grammar", 3)


def test_a_value_corrected_back_and_forth_is_only_ever_a_value() -> None:
    case = case_of(*WENT_ALONG, corrected(AccompanimentRecorded, TODAY, papers_missing=["diploma"], deadline=None))
    stands = the(AccompanimentRecorded, case)
    assert isinstance(stands, AccompanimentRecorded)
    assert (stands.papers_missing, stands.deadline) == (("diploma",), None)
    correction = case.pending_events[-1]
    assert isinstance(correction, EntryCorrected)
    assert correction.trainee_changes == {"papers_missing": ["diploma"]}, "as the store will give it back"


def test_a_correction_is_never_blocked_by_a_withdrawn_consent() -> None:
    facts = (*SESSION_HELD, withdrew(Purpose.MENTORING, on(20)))
    given(*facts).when(corrected(SessionHeld, TODAY, minutes=45)).then(an(EntryCorrected, relied_on=None))
    given(*facts).when(corrected(SessionHeld, TODAY)).then(EntryRetracted)


def test_a_fact_moves_only_to_a_day_with_a_consent_in_force() -> None:
    facts = (consented(Purpose.MENTORING, on(3)), HELD, withdrew(Purpose.MENTORING, on(20)))
    moved = {day: corrected(SessionHeld, TODAY, occurred_on=on(day).on.isoformat()) for day in (1, 7, 21)}
    given(*facts).when(moved[7]).then(an(EntryCorrected, relied_on=2))
    given(*facts).when(moved[1]).then_refused(ConsentMissing)
    given(*facts).when(moved[21]).then_refused(ConsentMissing)


def test_a_moved_fact_loses_its_time_of_day() -> None:
    case = case_of(MENTORING_CONSENTED, held(at(5, 9)))
    moved = corrected(SessionHeld, TODAY, occurred_on=on(6).on.isoformat())
    moved(case)
    assert (the(SessionHeld, case).occurred_on, the(SessionHeld, case).occurred_at) == (on(6).on, None)


def test_a_fact_moves_neither_into_the_future_nor_out_of_the_mentorship() -> None:
    def to(day: int) -> Step:
        return corrected(SessionHeld, TODAY, occurred_on=on(day).on.isoformat())

    early = consented(Purpose.MENTORING, on(-9))
    given(early, HELD).when(to(61)).then_refused(OccurredInFuture, "occurred_on")
    given(early, HELD).when(to(-1)).then_refused(BeforeStart, "occurred_on")
    given(early, HELD, closed(on(50))).when(to(51)).then_refused(AfterClose, "occurred_on")


def moved(event: type[MentorshipEvent], day: int) -> Step:
    return corrected(event, TODAY, occurred_on=on(day).on.isoformat())


def miss(case: Mentorship) -> None:
    case.miss_appointment(APPOINTMENT, on(12))


def test_what_came_of_an_appointment_moves_to_no_day_before_it() -> None:
    given(*WENT_ALONG).when(moved(AccompanimentRecorded, 9)).then_refused(BeforeAppointment, "occurred_on")
    given(*WENT_ALONG).when(moved(AccompanimentRecorded, 11)).then(EntryCorrected)
    given(MENTORING_CONSENTED, BOOKED, miss).when(moved(AppointmentMissed, 9)).then_refused(
        BeforeAppointment, "occurred_on"
    )
    given(MENTORING_CONSENTED, BOOKED, miss).when(moved(AppointmentMissed, 10)).then(EntryCorrected)


def test_a_goal_and_what_was_said_of_it_stay_in_order() -> None:
    facts = (MENTORING_CONSENTED, HELD, GOAL_SET, reach)
    given(*facts).when(moved(GoalReached, 1)).then_refused(BeforeGoal, "occurred_on")
    given(*facts).when(moved(GoalReached, 2)).then(EntryCorrected)
    given(*facts).when(moved(GoalSet, 10)).then_refused(BeforeGoal, "occurred_on")
    given(*facts).when(moved(GoalSet, 9)).then(EntryCorrected)
    given(*facts, moved(GoalReached, 12)).when(moved(GoalSet, 12)).then(EntryCorrected)
    given(*facts, corrected(GoalReached, TODAY)).when(moved(GoalSet, 20)).then(EntryCorrected)
    given(*facts[:-1], revise).when(moved(GoalRevised, 1)).then_refused(BeforeGoal, "occurred_on")


def test_a_revised_target_is_not_corrected_to_a_day_before_the_goal() -> None:
    facts = (*SESSION_HELD, GOAL_SET, revise)
    early, later = (corrected(GoalRevised, TODAY, target_on=on(day).on.isoformat()) for day in (1, 70))
    given(*facts).when(early).then_refused(TargetBeforeGoal, "target_on")
    given(*facts).when(later).then(EntryCorrected)


def test_what_comes_after_the_close_may_move_there() -> None:
    def found(case: Mentorship) -> None:
        case.find_outcome(OUTCOME, on(40), status=OutcomeStatus.EMPLOYED)

    moved = corrected(OutcomeFound, on(130), occurred_on=on(120).on.isoformat())
    given(MENTORING_CONSENTED, found, CLOSED).when(moved).then(EntryCorrected)


@pytest.mark.parametrize(
    ("changes", "refusal", "field"),
    [
        ({"session_id": str(SESSION)}, FieldNotCorrectable, "changes"),
        ({"trainee_id": str(SESSION)}, FieldNotCorrectable, "changes"),
        ({"Parwana Rahimi": 1}, FieldNotCorrectable, "changes"),
        ({"minutes": "45"}, ValueNotUnderstood, "minutes"),
        ({"minutes": True}, ValueNotUnderstood, "minutes"),
        ({"minutes": None}, ValueNotUnderstood, "minutes"),
        ({"medium": "pigeon"}, ValueNotUnderstood, "medium"),
        ({"occurred_on": "yesterday"}, ValueNotUnderstood, "occurred_on"),
        ({"minutes": 0}, MinutesOutOfRange, "minutes"),
        ({"summary": "a\x00b"}, NulCharacter, "summary"),
    ],
)
def test_a_corrected_value_obeys_the_rules_of_its_field(
    changes: dict[str, Any], refusal: type[Refusal], field: str
) -> None:
    given(*SESSION_HELD).when(corrected(SessionHeld, TODAY, **changes)).then_refused(refusal, field)


def test_rules_that_look_at_two_fields_see_the_entry_as_it_stands() -> None:
    facts = (MENTORING_CONSENTED, goal_set(on(10), target_on=on(20).on))
    too_late = corrected(GoalSet, TODAY, occurred_on=on(21).on.isoformat())
    given(*facts).when(too_late).then_refused(TargetBeforeGoal, "target_on")
    given(*facts, corrected(GoalSet, TODAY, target_on=on(30).on.isoformat())).when(too_late).then(EntryCorrected)


def test_a_missed_appointment_is_not_corrected_into_a_granted_one() -> None:
    facts = (MENTORING_CONSENTED, BOOKED, lambda case: case.miss_appointment(APPOINTMENT, on(10)))
    granted = corrected(AppointmentMissed, TODAY, outcome=AppointmentOutcome.GRANTED.value)
    given(*facts).when(granted).then_refused(NotANoShow, "outcome")


def test_a_corrected_time_needs_its_zone() -> None:
    given(*WENT_ALONG).when(corrected(AccompanimentRecorded, TODAY, seen_at="2025-03-13T09:00:00")).then_refused(
        TimeWithoutZone, "seen_at"
    )


def test_what_stands_in_plain_text_stays_a_code() -> None:
    facts = (RECOGNITION_CONSENTED, PATH_OPENED)
    given(*facts).when(corrected(CredentialPathOpened, TODAY, profession="Parwana Rahimi")).then_refused(
        CodeMalformed, "profession"
    )
    given(*facts).when(corrected(CredentialPathOpened, TODAY, country="Iran")).then_refused(
        CountryCodeMalformed, "country"
    )


def test_a_correction_says_why() -> None:
    def without_reason(reason: str, **changes: Any) -> Step:
        def step(case: Mentorship) -> None:
            if changes:
                case.correct_entry(the(SessionHeld, case), TODAY, changes=changes, reason=reason)
            else:
                case.retract_entry(the(SessionHeld, case), TODAY, reason=reason)

        return step

    for reason in ("", " \n"):
        given(*SESSION_HELD).when(without_reason(reason, minutes=45)).then_refused(ReasonMissing, "reason")
        given(*SESSION_HELD).when(without_reason(reason)).then_refused(ReasonMissing, "reason")
    given(*SESSION_HELD).when(without_reason("x" * 10_001)).then_refused(TooLong, "reason")


def test_a_correction_without_changes_is_none() -> None:
    given(*SESSION_HELD).when(
        lambda case: case.correct_entry(the(SessionHeld, case), TODAY, changes={}, reason="?")
    ).then_refused(FieldNotCorrectable, "changes")


def test_decisions_and_corrections_themselves_are_not_corrected() -> None:
    given(*SESSION_HELD).when(corrected(ConsentGiven, TODAY)).then_refused(EntryNotCorrectable)
    twice = (*SESSION_HELD, corrected(SessionHeld, TODAY, minutes=45))
    given(*twice).when(corrected(EntryCorrected, TODAY, reason="Other")).then_refused(EntryNotCorrectable)


def test_an_entry_taken_back_is_gone() -> None:
    facts = (*SESSION_HELD, corrected(SessionHeld, TODAY))
    given(*facts).when(corrected(SessionHeld, TODAY, minutes=45)).then_refused(EntryRetractedAlready)
    given(*facts).when(corrected(SessionHeld, TODAY)).then_refused(EntryRetractedAlready)


@pytest.mark.parametrize(
    ("facts", "below", "resting"),
    [
        (WENT_ALONG, AppointmentBooked, AccompanimentRecorded),
        ((MENTORING_CONSENTED, BOOKED, miss), AppointmentBooked, AppointmentMissed),
        ((*SESSION_HELD, GOAL_SET, revise), SessionHeld, GoalRevised),
        ((*SESSION_HELD, GOAL_SET, revise), GoalSet, GoalRevised),
        ((MENTORING_CONSENTED, GOAL_SET, reach), GoalSet, GoalReached),
        ((RECOGNITION_CONSENTED, PATH_OPENED, take), CredentialPathOpened, CredentialStepTaken),
        ((RECOGNITION_CONSENTED, PATH_OPENED, CREDENTIAL_DECIDED), CredentialPathOpened, CredentialDecided),
    ],
)
def test_an_entry_is_taken_back_only_after_those_that_rest_on_it(
    facts: tuple[Step, ...], below: type[MentorshipEvent], resting: type[MentorshipEvent]
) -> None:
    given(*facts).when(corrected(below, TODAY)).then_refused(OthersRestOnIt)
    given(*facts, corrected(resting, TODAY)).when(corrected(below, TODAY)).then(EntryRetracted)


def test_a_booking_that_was_moved_is_taken_back_with_its_move() -> None:
    def move(case: Mentorship) -> None:
        case.move_appointment(APPOINTMENT, on(2), starts=at(11, 9))

    given(MENTORING_CONSENTED, BOOKED, move).when(corrected(AppointmentBooked, TODAY)).then(EntryRetracted)


def test_a_correction_of_feedback_stays_with_the_mentor_who_gave_it() -> None:
    facts = (*SESSION_HELD, lambda case: case.hand_over(on(30), to_mentor=OTHER_MENTOR))
    given(*facts).when(corrected(SessionHeld, TODAY, mentor_feedback="Better than told")).then(
        an(EntryCorrected, mentor_id=MENTOR.id, mentor_changes={"mentor_feedback": "Better than told"})
    )


@pytest.mark.parametrize("event", TOPICS.values(), ids=lambda event: event.TOPIC)
def test_every_correctable_field_is_a_field_of_a_fact_that_rests_on_consent(event: Any) -> None:
    if issubclass(event, MentorshipEvent) and event.CORRECTABLE:
        assert event.PURPOSE is not None
        assert set(event.__dataclass_fields__) >= event.CORRECTABLE
        assert not {name for name in event.CORRECTABLE if name.endswith("_id")}


# What a correction does to what may happen next


def test_a_retracted_session_causes_no_revision() -> None:
    facts = (*SESSION_HELD, GOAL_SET, corrected(SessionHeld, TODAY))
    given(*facts).when(revise).then_refused(SessionNotFound, "session_id")
    given(*facts).when(HELD).then(SessionHeld)


def test_a_retracted_goal_is_gone_and_a_retracted_end_opens_it_again() -> None:
    given(MENTORING_CONSENTED, GOAL_SET, corrected(GoalSet, TODAY)).when(reach).then_refused(GoalNotFound)
    given(MENTORING_CONSENTED, GOAL_SET, reach, corrected(GoalReached, TODAY)).when(reach).then(GoalReached)


def test_a_goal_corrected_to_an_earlier_day_may_be_revised_from_then_on() -> None:
    facts = (MENTORING_CONSENTED, goal_set(on(10)), corrected(GoalSet, TODAY, occurred_on=on(4).on.isoformat()))
    given(*facts).when(lambda case: case.revise_goal(GOAL, on(5), description="More")).then(GoalRevised)


def test_a_retracted_booking_is_gone() -> None:
    facts = (MENTORING_CONSENTED, ACCOMPANIMENT_CONSENTED, BOOKED, corrected(AppointmentBooked, TODAY))
    given(*facts).when(accompanied(on(10))).then_refused(AppointmentNotFound)


def test_after_a_retracted_accompaniment_the_right_one_is_recorded() -> None:
    facts = (*WENT_ALONG, corrected(AccompanimentRecorded, TODAY))
    given(*facts).when(lambda case: case.complete_next_step(APPOINTMENT, TODAY)).then_refused(NoNextStep)
    given(*facts).when(accompanied(on(10))).then(AccompanimentRecorded)


def test_a_next_step_that_a_correction_adds_can_be_done_and_one_it_takes_away_can_not() -> None:
    bare = (*WENT_ALONG[:-1], accompanied(on(10)))
    for changes in ({"deadline": on(70).on.isoformat()}, {"next_step": "Call"}):
        given(*bare, corrected(AccompanimentRecorded, TODAY, **changes)).when(done).then(NextStepCompleted)
    removed = corrected(AccompanimentRecorded, TODAY, next_step="", deadline=None)
    given(*WENT_ALONG, removed).when(done).then_refused(NoNextStep)


def test_after_a_retracted_decision_on_a_credential_the_right_one_is_recorded() -> None:
    facts = (RECOGNITION_CONSENTED, PATH_OPENED, CREDENTIAL_DECIDED, corrected(CredentialDecided, TODAY))
    given(*facts).when(credential_decided(on(41))).then(CredentialDecided)


def test_a_retracted_path_is_gone() -> None:
    facts = (RECOGNITION_CONSENTED, PATH_OPENED, corrected(CredentialPathOpened, TODAY))
    given(*facts).when(take).then_refused(CredentialNotFound)
    given(*facts[:2]).when(take).then(CredentialStepTaken)
