from domain.mentorship import Mentorship
from domain.mentorship.credentials import CredentialDecided, CredentialPathOpened, CredentialStepTaken
from domain.mentorship.goals import GoalReached, GoalRevised, GoalSet
from domain.vocabulary import GoalKind, GoalStatus, RecognitionResult
from projections import credentials, goals
from projections.credentials import CREDENTIALS
from projections.goals import GOALS
from tests.domain.scenario import (
    CREDENTIAL,
    CREDENTIAL_DECIDED,
    GOAL,
    GOAL_SET,
    MENTORING_CONSENTED,
    PATH_OPENED,
    RECOGNITION_CONSENTED,
    corrected,
    credential_decided,
    on,
)
from tests.projections.folding import folded, rows_of, the_row


def revised(case: Mentorship) -> None:
    case.revise_goal(GOAL, on(20), description="Read the ward round", target_on=on(60).on)


def reached(case: Mentorship) -> None:
    case.reach_goal(GOAL, on(50))


def step(case: Mentorship) -> None:
    case.take_credential_step(CREDENTIAL, on(10), stage="papers-collected")


def test_a_revised_goal_points_at_its_last_words() -> None:
    goal = the_row(GOALS, folded(goals.PROJECTION, MENTORING_CONSENTED, GOAL_SET, revised))
    assert goal.status is GoalStatus.REVISED
    assert (goal.set_on, goal.told_positions, goal.told_targets) == (on(2).on, (3, 4), (None, on(60).on))


def test_a_revision_taken_back_leaves_the_goal_as_it_was() -> None:
    goal = the_row(
        GOALS, folded(goals.PROJECTION, MENTORING_CONSENTED, GOAL_SET, revised, corrected(GoalRevised, on(21)))
    )
    assert goal.status is GoalStatus.OPEN
    assert goal.told_positions == (3,)


def test_a_goal_that_was_reached_by_mistake_is_open_again() -> None:
    facts = (MENTORING_CONSENTED, GOAL_SET, revised, reached)
    assert the_row(GOALS, folded(goals.PROJECTION, *facts)).ended_on == on(50).on
    goal = the_row(GOALS, folded(goals.PROJECTION, *facts, corrected(GoalReached, on(51))))
    assert (goal.status, goal.ended_on) == (GoalStatus.REVISED, None)


def test_a_goal_is_corrected_in_place() -> None:
    goal = the_row(
        GOALS,
        folded(
            goals.PROJECTION,
            MENTORING_CONSENTED,
            GOAL_SET,
            revised,
            corrected(GoalSet, on(30), kind="skills", occurred_on=on(1).on.isoformat(), target_on=on(9).on.isoformat()),
        ),
    )
    assert (goal.kind, goal.set_on, goal.told_targets) == (GoalKind.SKILLS, on(1).on, (on(9).on, on(60).on))


def test_a_goal_taken_back_never_was() -> None:
    rows = folded(goals.PROJECTION, MENTORING_CONSENTED, GOAL_SET, corrected(GoalSet, on(30)))
    assert rows_of(GOALS, rows) == []


def test_a_credential_path_keeps_its_steps_and_its_decision() -> None:
    path = the_row(
        CREDENTIALS, folded(credentials.PROJECTION, RECOGNITION_CONSENTED, PATH_OPENED, step, CREDENTIAL_DECIDED)
    )
    assert (path.step_stages, path.step_days) == (("papers-collected",), (on(10).on,))
    assert (path.result, path.decided_on) == (RecognitionResult.PARTIAL, on(40).on)


def test_an_appeal_opens_the_path_again_until_the_next_decision() -> None:
    facts = (
        RECOGNITION_CONSENTED,
        PATH_OPENED,
        CREDENTIAL_DECIDED,
        lambda case: case.appeal_credential(CREDENTIAL, on(45)),
    )
    assert the_row(CREDENTIALS, folded(credentials.PROJECTION, *facts)).appealed_on == on(45).on
    again = credential_decided(on(80), result=RecognitionResult.FULL)
    path = the_row(CREDENTIALS, folded(credentials.PROJECTION, *facts, again))
    assert (path.result, path.appealed_on) == (RecognitionResult.FULL, None)


def test_steps_and_decision_are_corrected_and_taken_back() -> None:
    facts = (RECOGNITION_CONSENTED, PATH_OPENED, step, CREDENTIAL_DECIDED)
    right = the_row(
        CREDENTIALS,
        folded(
            credentials.PROJECTION,
            *facts,
            corrected(CredentialStepTaken, on(41), stage="application-filed", occurred_on=on(12).on.isoformat()),
            corrected(CredentialDecided, on(42), result="none", objection_until=on(70).on.isoformat()),
            corrected(CredentialPathOpened, on(43), country="SWE"),
        ),
    )
    assert (right.step_stages, right.step_days) == (("application-filed",), (on(12).on,))
    assert (right.result, right.objection_until, right.country) == (RecognitionResult.NONE, on(70).on, "SWE")
    back = the_row(
        CREDENTIALS,
        folded(
            credentials.PROJECTION,
            *facts,
            corrected(CredentialStepTaken, on(41)),
            corrected(CredentialDecided, on(42)),
        ),
    )
    assert (back.step_versions, back.result, back.decided_version) == ((), None, None)


def test_a_path_taken_back_never_was() -> None:
    rows = folded(credentials.PROJECTION, RECOGNITION_CONSENTED, PATH_OPENED, corrected(CredentialPathOpened, on(43)))
    assert rows_of(CREDENTIALS, rows) == []
