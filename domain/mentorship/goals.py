"""Goals are set, revised in feedback sessions, reached or dropped."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated
from uuid import UUID

from domain.errors import Invalid, NotFound, RuleBroken
from domain.mentorship.part import AlreadyOnRecord, MentorshipEvent
from domain.mentorship.sessions import SessionPart
from domain.occurred import Occurred
from domain.personal import OF_TRAINEE
from domain.text import check_text
from domain.vocabulary import GoalKind, GoalStatus, Purpose


class GoalNotFound(NotFound):
    code = "goal-not-found"
    message = "There is no such goal in this mentorship."


class GoalEnded(RuleBroken):
    code = "goal-ended"
    message = "This goal was reached or dropped already. Set a new one."


class GoalWithoutDescription(Invalid):
    code = "goal-without-description"
    message = "Say what the goal is."


class TargetBeforeGoal(Invalid):
    code = "target-before-goal"
    message = "The target day lies before the day the goal was set."


class SessionNotFound(NotFound):
    code = "session-not-found"
    message = "There is no such session in this mentorship. Record the session first."


class BeforeGoal(RuleBroken):
    code = "before-goal"
    message = "What is said of a goal can't be dated before the goal was set. Check the day."


class GoalSet(MentorshipEvent):
    TOPIC = "goal-set"
    PURPOSE = Purpose.MENTORING
    CORRECTABLE = frozenset({"occurred_on", "kind", "description", "target_on"})
    goal_id: UUID
    kind: GoalKind
    description: Annotated[str, OF_TRAINEE]
    target_on: date | None

    def check(self) -> None:
        _check_goal(self.description, self.target_on, self.occurred_on)

    def apply(self, aggregate: "GoalPart") -> None:
        aggregate.goals[self.goal_id] = Goal(self.originator_version, self.occurred_on)


class GoalRevised(MentorshipEvent):
    """`session_id` names the feedback session that caused the revision, where one did."""

    TOPIC = "goal-revised"
    PURPOSE = Purpose.MENTORING
    CORRECTABLE = frozenset({"occurred_on", "description", "target_on"})
    goal_id: UUID
    session_id: UUID | None
    description: Annotated[str, OF_TRAINEE]
    target_on: date | None

    def check(self) -> None:
        _check_goal(self.description, None, self.occurred_on)

    def apply(self, aggregate: "GoalPart") -> None:
        goal = aggregate.goals[self.goal_id]
        goal.revised = True
        self._rests_on(aggregate, goal.set_by)
        if self.session_id is not None:
            self._rests_on(aggregate, aggregate.sessions[self.session_id])


class GoalReached(MentorshipEvent):
    TOPIC = "goal-reached"
    PURPOSE = Purpose.MENTORING
    CORRECTABLE = frozenset({"occurred_on", "note"})
    goal_id: UUID
    note: Annotated[str, OF_TRAINEE]

    def check(self) -> None:
        check_text(note=self.note)

    def apply(self, aggregate: "GoalPart") -> None:
        goal = aggregate.goals[self.goal_id]
        goal.end(self.originator_version, GoalStatus.REACHED)
        self._rests_on(aggregate, goal.set_by)


class GoalDropped(MentorshipEvent):
    TOPIC = "goal-dropped"
    PURPOSE = Purpose.MENTORING
    CORRECTABLE = frozenset({"occurred_on", "note"})
    goal_id: UUID
    note: Annotated[str, OF_TRAINEE]

    def check(self) -> None:
        check_text(note=self.note)

    def apply(self, aggregate: "GoalPart") -> None:
        goal = aggregate.goals[self.goal_id]
        goal.end(self.originator_version, GoalStatus.DROPPED)
        self._rests_on(aggregate, goal.set_by)


@dataclass(slots=True)
class Goal:
    """A goal as the rules need it. `set_by` and `ended_by` are the versions of the facts that set and ended it."""

    set_by: int
    set_on: date
    revised: bool = False
    ended_by: int | None = None
    ended_as: GoalStatus | None = None

    @property
    def status(self) -> GoalStatus:
        return self.ended_as or (GoalStatus.REVISED if self.revised else GoalStatus.OPEN)

    def end(self, by: int, status: GoalStatus) -> None:
        self.ended_by, self.ended_as = by, status

    def reopen(self) -> None:
        self.ended_by = self.ended_as = None

    def refuse_before(self, day: date) -> None:
        if day < self.set_on:
            raise BeforeGoal(fields=("occurred_on",))

    def refuse_target_before(self, target_on: date | None) -> None:
        if target_on is not None and target_on < self.set_on:
            raise TargetBeforeGoal(fields=("target_on",))


class GoalPart(SessionPart):
    """The goals, open and ended."""

    goals: dict[UUID, Goal]

    def set_goal(
        self, goal_id: UUID, occurred: Occurred, *, kind: GoalKind, description: str, target_on: date | None = None
    ) -> None:
        """Raises AlreadyOnRecord, GoalWithoutDescription, TargetBeforeGoal, a day outside the mentorship or ConsentMissing."""
        if goal_id in self.goals:
            raise AlreadyOnRecord
        self._refuse_outside(occurred.on)
        self._record_fact(
            "set_goal", GoalSet, occurred, goal_id=goal_id, kind=kind, description=description, target_on=target_on
        )

    def revise_goal(
        self,
        goal_id: UUID,
        occurred: Occurred,
        *,
        description: str,
        target_on: date | None = None,
        session_id: UUID | None = None,
    ) -> None:
        """Raises GoalNotFound, GoalEnded, BeforeGoal, SessionNotFound, GoalWithoutDescription, TargetBeforeGoal or ConsentMissing."""
        goal = self._open_goal(goal_id, occurred)
        goal.refuse_target_before(target_on)
        if session_id is not None and session_id not in self.sessions:
            raise SessionNotFound(fields=("session_id",))
        self._record_fact(
            "revise_goal",
            GoalRevised,
            occurred,
            goal_id=goal_id,
            session_id=session_id,
            description=description,
            target_on=target_on,
        )

    def reach_goal(self, goal_id: UUID, occurred: Occurred, *, note: str = "") -> None:
        """Raises GoalNotFound, GoalEnded, BeforeGoal or ConsentMissing."""
        self._open_goal(goal_id, occurred)
        self._record_fact("reach_goal", GoalReached, occurred, goal_id=goal_id, note=note)

    def drop_goal(self, goal_id: UUID, occurred: Occurred, *, note: str = "") -> None:
        """Raises GoalNotFound, GoalEnded, BeforeGoal or ConsentMissing."""
        self._open_goal(goal_id, occurred)
        self._record_fact("drop_goal", GoalDropped, occurred, goal_id=goal_id, note=note)

    def _open_goal(self, goal_id: UUID, occurred: Occurred) -> Goal:
        goal = self.goals.get(goal_id)
        if goal is None:
            raise GoalNotFound
        if goal.ended_by is not None:
            raise GoalEnded
        self._refuse_outside(occurred.on)
        goal.refuse_before(occurred.on)
        return goal


def _check_goal(description: str, target_on: date | None, set_on: date) -> None:
    if not description.strip():
        raise GoalWithoutDescription(fields=("description",))
    check_text(description=description)
    if target_on is not None and target_on < set_on:
        raise TargetBeforeGoal(fields=("target_on",))
