"""Goals are set, revised, reached or dropped."""

from typing import Any

import pytest

from domain.mentorship.goals import (
    BeforeGoal,
    GoalDropped,
    GoalEnded,
    GoalNotFound,
    GoalReached,
    GoalRevised,
    GoalSet,
    GoalWithoutDescription,
    SessionNotFound,
    TargetBeforeGoal,
)
from domain.mentorship.part import AfterClose, AlreadyOnRecord
from domain.occurred import Occurred
from domain.text import TooLong
from domain.vocabulary import GoalKind
from tests.domain.scenario import (
    CLOSED,
    GOAL,
    GOAL_SET,
    HELD,
    MENTORING_CONSENTED,
    SESSION,
    UNHEARD_OF,
    Step,
    an,
    given,
    goal_set,
    on,
)


def revised(occurred: Occurred, **told: Any) -> Step:
    return lambda case: case.revise_goal(GOAL, occurred, **{"description": "Read it to a colleague", **told})


def reached(occurred: Occurred, **told: Any) -> Step:
    return lambda case: case.reach_goal(GOAL, occurred, **told)


def dropped(occurred: Occurred, **told: Any) -> Step:
    return lambda case: case.drop_goal(GOAL, occurred, **told)


SET = (MENTORING_CONSENTED, GOAL_SET)
ENDINGS = [reached, dropped]


def test_a_goal_is_set_with_a_target_day() -> None:
    told = {"kind": GoalKind.CREDENTIAL, "description": "Papers complete", "target_on": on(60).on}
    given(MENTORING_CONSENTED).when(goal_set(on(2), **told)).then(an(GoalSet, goal_id=GOAL, **told))


def test_a_goal_says_what_it_is() -> None:
    for nothing in ("", "  \n"):
        given(MENTORING_CONSENTED).when(goal_set(on(2), description=nothing)).then_refused(
            GoalWithoutDescription, "description"
        )
        given(*SET).when(revised(on(3), description=nothing)).then_refused(GoalWithoutDescription, "description")
    given(MENTORING_CONSENTED).when(goal_set(on(2), description="x" * 10_001)).then_refused(TooLong, "description")


def test_a_target_day_does_not_lie_before_the_goal() -> None:
    given(MENTORING_CONSENTED).when(goal_set(on(2), target_on=on(1).on)).then_refused(TargetBeforeGoal, "target_on")
    given(MENTORING_CONSENTED).when(goal_set(on(2), target_on=on(2).on)).then(GoalSet)
    given(*SET).when(revised(on(9), target_on=on(1).on)).then_refused(TargetBeforeGoal, "target_on")


def test_a_revision_may_leave_a_target_day_that_has_passed() -> None:
    given(*SET).when(revised(on(9), target_on=on(5).on)).then(an(GoalRevised, target_on=on(5).on))


def test_a_goal_is_revised_in_a_feedback_session() -> None:
    given(*SET, HELD).when(revised(on(5), session_id=SESSION)).then(an(GoalRevised, goal_id=GOAL, session_id=SESSION))
    given(*SET, HELD).when(revised(on(5), session_id=UNHEARD_OF)).then_refused(SessionNotFound, "session_id")


def test_a_goal_is_reached_or_dropped_also_after_it_was_revised() -> None:
    given(*SET).when(reached(on(9), note="Alone")).then(an(GoalReached, note="Alone"))
    given(*SET, revised(on(5))).when(dropped(on(9))).then(GoalDropped)


@pytest.mark.parametrize("end", ENDINGS)
def test_a_goal_that_ended_does_not_change(end: Any) -> None:
    for step in (revised(on(9)), reached(on(9)), dropped(on(9))):
        given(*SET, end(on(8))).when(step).then_refused(GoalEnded)


@pytest.mark.parametrize("step", [revised(on(9)), reached(on(9)), dropped(on(9))])
def test_a_goal_that_was_never_set_is_not_found(step: Step) -> None:
    given(MENTORING_CONSENTED).when(step).then_refused(GoalNotFound)


@pytest.mark.parametrize("act", [revised, reached, dropped])
def test_nothing_happens_to_a_goal_before_it_was_set_or_after_the_close(act: Any) -> None:
    given(*SET).when(act(on(1))).then_refused(BeforeGoal, "occurred_on")
    given(*SET, CLOSED).when(act(on(101))).then_refused(AfterClose, "occurred_on")
    given(*SET, CLOSED).when(act(on(100))).then(_recorded[act])


_recorded = {revised: GoalRevised, reached: GoalReached, dropped: GoalDropped}


def test_a_goal_is_set_once() -> None:
    given(*SET).when(goal_set(on(3))).then_refused(AlreadyOnRecord)


def test_a_note_on_the_end_of_a_goal_is_not_endless() -> None:
    for end in ENDINGS:
        given(*SET).when(end(on(9), note="x" * 10_001)).then_refused(TooLong, "note")
