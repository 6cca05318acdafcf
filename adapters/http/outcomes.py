"""What was found at follow-ups."""

from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from adapters.http.case_reading import NOT_FOR_MENTORS, reading_case
from adapters.http.documented import FACT, VERSIONED
from adapters.http.headers import Fact, Recorded, created
from adapters.http.parts import Parts
from adapters.http.reading import Cursor, Limit, MinPosition
from adapters.http.signed_in import SignedIn
from adapters.http.strict_json import StrictRoute
from adapters.http.submitted import Long, Short, Told
from adapters.http.timeline import Timeline, timeline_page
from application.ids import new_id
from domain.mentorship import Mentorship
from domain.mentorship.outcomes import OutcomeFound
from domain.vocabulary import OutcomeStatus

type Amount = Annotated[Decimal, Field(max_digits=12, decimal_places=4)]


class NewOutcome(Told):
    """`unknown` is a finding of its own. `hourly_wage` names its `currency`; `verified` says that a paper was seen."""

    status: OutcomeStatus = Field(examples=["employed"])
    verified: bool = Field(default=False, strict=True)
    hours_per_week: Amount | None = Field(default=None, examples=[38.5])
    hourly_wage: Amount | None = Field(default=None, examples=["17.20"])
    currency: Annotated[str, Field(max_length=3)] = Field(default="", examples=["EUR"])
    source: Short = Field(default="", examples=["payslip"])
    note: Long = ""


_OUTCOMES = frozenset({OutcomeFound.TOPIC})


def outcome_routes(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/mentorships/{mentorship_id}/outcomes", tags=["outcomes"], route_class=StrictRoute)

    @router.get("", responses=VERSIONED)
    async def list_outcomes(
        mentorship_id: UUID,
        by: SignedIn,
        response: Response,
        min_position: MinPosition = 0,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Timeline:
        """What was found at follow-ups, as entries of the case's timeline, newest first. Not for mentors."""
        async with reading_case(parts, by, mentorship_id, response, min_position, hidden_from=NOT_FOR_MENTORS) as (
            connection,
            _,
        ):
            return await timeline_page(connection, parts, by, mentorship_id, _OUTCOMES, cursor, limit)

    @router.post("", status_code=201, responses=FACT)
    async def find_outcome(
        mentorship_id: UUID, body: NewOutcome, by: SignedIn, submission: Fact, response: Response
    ) -> Recorded:
        """Records what was found at a follow-up; most of them come after the mentorship has closed."""
        outcome_id = new_id()
        receipt = await parts.casebook.decide(
            by,
            submission,
            mentorship_id,
            {"id": str(outcome_id)},
            Mentorship.find_outcome,
            outcome_id,
            by.told(body.occurred_on, body.occurred_at),
            status=body.status,
            verified=body.verified,
            hours_per_week=body.hours_per_week,
            hourly_wage=body.hourly_wage,
            currency=body.currency,
            source=body.source,
            note=body.note,
        )
        return created(receipt, response, f"/mentorships/{mentorship_id}/timeline/{{version}}", outcome_id)

    return router
