"""Goals: set, revised, reached or dropped."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from adapters.http.case_reading import read_case_file
from adapters.http.documented import CHANGE, FACT, VERSIONED
from adapters.http.headers import ChangeOfState, Fact, Recorded, created
from adapters.http.parts import Parts
from adapters.http.reading import MinPosition
from adapters.http.signed_in import SignedIn
from adapters.http.strict_json import StrictRoute
from adapters.http.submitted import Day, Long, Told
from application.ids import new_id
from domain.mentorship import Mentorship
from domain.mentorship.goals import GoalNotFound
from domain.vocabulary import GoalKind
from projections.case_file import GoalView


class GoalResult(StrEnum):
    REACHED = "reached"
    DROPPED = "dropped"


class NewGoal(Told):
    kind: GoalKind = Field(examples=["language"])
    description: Long = Field(examples=["Passes the B2 examination for nurses"])
    target_on: Day | None = Field(default=None, examples=["2025-11-30"])


class GoalRevision(Told):
    """`session_id` names the feedback session that caused it."""

    description: Long = Field(examples=["Passes the B1 examination first"])
    target_on: Day | None = None
    session_id: UUID | None = None


class GoalConclusion(Told):
    result: GoalResult
    note: Long = ""


@dataclass(frozen=True, slots=True)
class Goals:
    goals: tuple[GoalView, ...]


def goal_routes(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/mentorships/{mentorship_id}/goals", tags=["goals"], route_class=StrictRoute)

    @router.get("", responses=VERSIONED)
    async def list_goals(mentorship_id: UUID, by: SignedIn, response: Response, min_position: MinPosition = 0) -> Goals:
        """The goals of a case, the oldest first."""
        return Goals((await read_case_file(parts, by, mentorship_id, response, min_position, showing={"goals"})).goals)

    @router.get("/{goal_id}", responses=VERSIONED)
    async def read_goal(
        mentorship_id: UUID, goal_id: UUID, by: SignedIn, response: Response, min_position: MinPosition = 0
    ) -> GoalView:
        """One goal as it stands."""
        found = await read_case_file(parts, by, mentorship_id, response, min_position, showing={"goals"})
        for goal in found.goals:
            if goal.goal_id == goal_id:
                return goal
        raise GoalNotFound

    @router.post("", status_code=201, responses=FACT)
    async def set_goal(
        mentorship_id: UUID, body: NewGoal, by: SignedIn, submission: Fact, response: Response
    ) -> Recorded:
        """Sets a goal."""
        goal_id = new_id()
        receipt = await parts.casebook.decide(
            by,
            submission,
            mentorship_id,
            {"id": str(goal_id)},
            Mentorship.set_goal,
            goal_id,
            by.told(body.occurred_on, body.occurred_at),
            kind=body.kind,
            description=body.description,
            target_on=body.target_on,
        )
        return created(receipt, response, f"/mentorships/{mentorship_id}/goals/{{id}}", goal_id)

    @router.post("/{goal_id}/revisions", status_code=201, responses=CHANGE)
    async def revise_goal(
        mentorship_id: UUID,
        goal_id: UUID,
        body: GoalRevision,
        by: SignedIn,
        submission: ChangeOfState,
        response: Response,
    ) -> Recorded:
        """Says the goal anew; what it was stays in the history. Needs If-Match."""
        receipt = await parts.casebook.decide(
            by,
            submission,
            mentorship_id,
            {"id": str(goal_id)},
            Mentorship.revise_goal,
            goal_id,
            by.told(body.occurred_on, body.occurred_at),
            description=body.description,
            target_on=body.target_on,
            session_id=body.session_id,
        )
        return created(receipt, response, f"/mentorships/{mentorship_id}/goals/{{id}}", goal_id)

    @router.post("/{goal_id}/conclusion", status_code=201, responses=CHANGE)
    async def conclude_goal(
        mentorship_id: UUID,
        goal_id: UUID,
        body: GoalConclusion,
        by: SignedIn,
        submission: ChangeOfState,
        response: Response,
    ) -> Recorded:
        """The goal was reached or dropped. Needs If-Match."""
        receipt = await parts.casebook.decide(
            by,
            submission,
            mentorship_id,
            {"id": str(goal_id)},
            Mentorship.reach_goal if body.result is GoalResult.REACHED else Mentorship.drop_goal,
            goal_id,
            by.told(body.occurred_on, body.occurred_at),
            note=body.note,
        )
        return created(receipt, response, f"/mentorships/{mentorship_id}/goals/{{id}}", goal_id)

    return router
