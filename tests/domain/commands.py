"""Every command of a mentorship, called with what a person might tell, after what must have happened before."""

from dataclasses import dataclass
from decimal import Decimal

from domain.mentorship.consent import Scope
from domain.mentorship.sessions import SessionHeld
from domain.vocabulary import (
    AppointmentOutcome,
    ConsentState,
    OutcomeStatus,
    Purpose,
    RecognitionResult,
)
from tests.domain.scenario import (
    ACCOMPANIED,
    ACCOMPANIMENT_CONSENTED,
    APPOINTMENT,
    BOOKED,
    CREDENTIAL,
    CREDENTIAL_DECIDED,
    GOAL,
    GOAL_SET,
    HELD,
    MENTORING_CONSENTED,
    OTHER_CASEWORKER,
    OUTCOME,
    PATH_OPENED,
    RECOGNITION_CONSENTED,
    Step,
    accompanied,
    at,
    closed,
    corrected,
    credential_decided,
    goal_set,
    held,
    on,
    overridden,
    path_opened,
)
from tests.domain.scenario import booked as appointment_booked

CONSENTED = (MENTORING_CONSENTED, ACCOMPANIMENT_CONSENTED, RECOGNITION_CONSENTED)
TODAY = on(50)


@dataclass(frozen=True)
class Plausible:
    """One command as `run` on TODAY, after the consents and `facts` of days before."""

    run: Step
    facts: tuple[Step, ...] = ()


PLAUSIBLE: dict[str, Plausible] = {
    "pause": Plausible(lambda case: case.pause(TODAY, reason="Ramadan", expected_until=on(80).on)),
    "resume": Plausible(lambda case: case.resume(TODAY), (lambda case: case.pause(on(40)),)),
    "hand_over": Plausible(lambda case: case.hand_over(TODAY, to_caseworker_id=OTHER_CASEWORKER)),
    "close": Plausible(closed(TODAY)),
    "decide_consent": Plausible(
        lambda case: case.decide_consent(ConsentState.REFUSED, Scope(Purpose.STORY_PUBLICATION), TODAY)
    ),
    "override_consent": Plausible(overridden(at(50, 9))),
    "review_override": Plausible(
        lambda case: case.review_override(5, TODAY, upheld=True, reviewed_by=OTHER_CASEWORKER, explanation="It was"),
        (overridden(at(49, 9)),),
    ),
    "set_goal": Plausible(goal_set(TODAY)),
    "revise_goal": Plausible(
        lambda case: case.revise_goal(GOAL, TODAY, description="Read the ward round"), (GOAL_SET,)
    ),
    "reach_goal": Plausible(lambda case: case.reach_goal(GOAL, TODAY, note="Without help"), (GOAL_SET,)),
    "drop_goal": Plausible(lambda case: case.drop_goal(GOAL, TODAY, note="Another course"), (GOAL_SET,)),
    "hold_session": Plausible(held(TODAY, summary="Practised the interview", trainee_rating=5, mentor_rating=4)),
    "book_appointment": Plausible(appointment_booked(at(60, 9), TODAY, office="Room 4")),
    "move_appointment": Plausible(lambda case: case.move_appointment(APPOINTMENT, TODAY, starts=at(61, 9)), (BOOKED,)),
    "cancel_appointment": Plausible(lambda case: case.cancel_appointment(APPOINTMENT, TODAY), (BOOKED,)),
    "miss_appointment": Plausible(lambda case: case.miss_appointment(APPOINTMENT, TODAY), (BOOKED,)),
    "conclude_appointment": Plausible(
        lambda case: case.conclude_appointment(APPOINTMENT, TODAY, outcome=AppointmentOutcome.GRANTED), (BOOKED,)
    ),
    "complete_next_step": Plausible(
        lambda case: case.complete_next_step(APPOINTMENT, TODAY, note="Handed in"), (BOOKED, ACCOMPANIED)
    ),
    "record_accompaniment": Plausible(accompanied(TODAY), (BOOKED,)),
    "open_credential_path": Plausible(path_opened(TODAY)),
    "take_credential_step": Plausible(
        lambda case: case.take_credential_step(CREDENTIAL, TODAY, stage="papers-collected"), (PATH_OPENED,)
    ),
    "decide_credential": Plausible(credential_decided(TODAY, result=RecognitionResult.FULL), (PATH_OPENED,)),
    "appeal_credential": Plausible(
        lambda case: case.appeal_credential(CREDENTIAL, TODAY, ground="Practice was left out"),
        (PATH_OPENED, CREDENTIAL_DECIDED),
    ),
    "find_outcome": Plausible(
        lambda case: case.find_outcome(
            OUTCOME, TODAY, status=OutcomeStatus.EMPLOYED, hourly_wage=Decimal("19.29"), currency="EUR"
        )
    ),
    "correct_entry": Plausible(corrected(SessionHeld, TODAY, minutes=45), (HELD,)),
    "retract_entry": Plausible(corrected(SessionHeld, TODAY), (HELD,)),
}
