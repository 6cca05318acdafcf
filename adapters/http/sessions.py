"""Sessions that trainee and mentor held."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from adapters.http.case_reading import reading_case
from adapters.http.documented import FACT, VERSIONED
from adapters.http.headers import Fact, Recorded, created
from adapters.http.parts import Parts
from adapters.http.reading import Cursor, Limit, MinPosition
from adapters.http.signed_in import SignedIn
from adapters.http.strict_json import StrictRoute
from adapters.http.submitted import Long, Told, Whole
from adapters.http.timeline import Timeline, timeline_page
from application.ids import new_id
from domain.mentorship import Mentorship
from domain.mentorship.sessions import SessionHeld
from domain.vocabulary import Medium

type Rating = Annotated[Whole | None, Field(description="From 1 to 5.", examples=[4])]


class NewSession(Told):
    """A session and what each side says of it; each side's words are sealed under that side's own key."""

    minutes: Whole = Field(examples=[60])
    medium: Medium = Field(examples=["in-person"])
    summary: Long = Field(default="", examples=["Wrote a first letter of application together."])
    trainee_rating: Rating = None
    trainee_feedback: Long = ""
    mentor_rating: Rating = None
    mentor_feedback: Long = ""


_SESSIONS = frozenset({SessionHeld.TOPIC})


def session_routes(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/mentorships/{mentorship_id}/sessions", tags=["sessions"], route_class=StrictRoute)

    @router.get("", responses=VERSIONED)
    async def list_sessions(
        mentorship_id: UUID,
        by: SignedIn,
        response: Response,
        min_position: MinPosition = 0,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Timeline:
        """The sessions of a case as entries of its timeline, newest first. Nobody reads the other side's feedback but the staff."""
        async with reading_case(parts, by, mentorship_id, response, min_position) as (connection, _):
            return await timeline_page(connection, parts, by, mentorship_id, _SESSIONS, cursor, limit)

    @router.post("", status_code=201, responses=FACT)
    async def hold_session(
        mentorship_id: UUID, body: NewSession, by: SignedIn, submission: Fact, response: Response
    ) -> Recorded:
        """Records that a session was held."""
        session_id = new_id()
        receipt = await parts.casebook.decide(
            by,
            submission,
            mentorship_id,
            {"id": str(session_id)},
            Mentorship.hold_session,
            session_id,
            by.told(body.occurred_on, body.occurred_at),
            minutes=body.minutes,
            medium=body.medium,
            summary=body.summary,
            trainee_rating=body.trainee_rating,
            trainee_feedback=body.trainee_feedback,
            mentor_rating=body.mentor_rating,
            mentor_feedback=body.mentor_feedback,
        )
        return created(receipt, response, f"/mentorships/{mentorship_id}/timeline/{{version}}", session_id)

    return router
