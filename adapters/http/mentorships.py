"""Mentorships: started, paused, resumed, handed over, closed."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from adapters.http.case_reading import reading_case
from adapters.http.documented import CHANGE, FACT, READ, VERSIONED
from adapters.http.headers import ChangeOfState, NewRecord, Recorded, created
from adapters.http.parts import Parts
from adapters.http.reading import Cursor, Limit, MinPosition, cursor_of, opener, place_of, reading
from adapters.http.signed_in import SignedIn
from adapters.http.strict_json import StrictRoute
from adapters.http.submitted import Day, Long, Short, Told
from adapters.http.visible import mentor, refuse_unless_member, refuse_unless_person_visible
from application.caller import Caller
from application.ids import new_id
from application.permissions import refuse_unless
from domain.errors import NotAllowed
from domain.mentorship import Mentorship
from domain.vocabulary import EndReason, Role, Track
from projections.cases import CaseView, case_views, cases_page


class NewMentorship(Told):
    """`occurred_…` is when it started. `caseworker_id` is a member, the one who records it if left out."""

    trainee_id: UUID
    mentor_id: UUID
    caseworker_id: UUID | None = None
    track: Track = Field(examples=["healthcare"])
    reference: Short = Field(default="", examples=["M-0042"])


class Pause(Told):
    reason: Long = ""
    expected_until: Day | None = None


class Resumption(Told):
    pass


class Handover(Told):
    """To another caseworker, another mentor, or both."""

    to_caseworker_id: UUID | None = None
    to_mentor_id: UUID | None = None
    reason: Long = ""


class Closing(Told):
    reason: EndReason = Field(examples=["goals-reached"])
    note: Long = ""


@dataclass(frozen=True, slots=True)
class Mentorships:
    """By id. `next` is the cursor of the next page, null on the last one."""

    mentorships: tuple[CaseView, ...]
    next: str | None


def mentorship_routes(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/mentorships", tags=["mentorships"], route_class=StrictRoute)

    @router.get("", responses=READ)
    async def list_mentorships(
        by: SignedIn, response: Response, min_position: MinPosition = 0, cursor: Cursor = None, limit: Limit = 50
    ) -> Mentorships:
        """The cases that the one who asks may see: their own, or for a coordinator all of them."""
        refuse_unless(by, "see_case")
        async with reading(parts, by, response, min_position) as connection:
            page = await cases_page(
                connection,
                organisation_id=by.organisation_id,
                **_own(by),
                after=None if cursor is None else place_of(cursor, UUID)[0],
                limit=limit,
                opened=opener(parts, by),
            )
        return Mentorships(page.cases, None if page.after is None else cursor_of(page.after))

    @router.get("/{mentorship_id}", responses=VERSIONED)
    async def read_mentorship(
        mentorship_id: UUID, by: SignedIn, response: Response, min_position: MinPosition = 0
    ) -> CaseView:
        """Who is in a case and how it stands. Its ETag is what a change of state sends as If-Match."""
        async with reading_case(parts, by, mentorship_id, response, min_position) as (connection, case):
            [view] = await case_views(connection, by.organisation_id, [case], opener(parts, by))
        return view

    @router.post("", status_code=201, responses=FACT)
    async def start_mentorship(
        body: NewMentorship, by: SignedIn, submission: NewRecord, response: Response
    ) -> Recorded:
        """Opens a case between a trainee whom the one who asks may see and any mentor of the organisation."""
        refuse_unless(by, "start")
        await refuse_unless_person_visible(parts, by, body.trainee_id)
        await mentor(parts, by, body.mentor_id)
        caseworker_id = body.caseworker_id or by.member_id
        await refuse_unless_member(parts, by, caseworker_id, "caseworker_id")
        mentorship_id = new_id()
        receipt = await parts.casebook.start(
            by,
            submission,
            mentorship_id,
            trainee_id=body.trainee_id,
            mentor_id=body.mentor_id,
            caseworker_id=caseworker_id,
            track=body.track,
            started=by.told(body.occurred_on, body.occurred_at),
            reference=body.reference,
        )
        return created(receipt, response, "/mentorships/{id}", mentorship_id)

    @router.post("/{mentorship_id}/pause", status_code=201, responses=CHANGE)
    async def pause_mentorship(
        mentorship_id: UUID, body: Pause, by: SignedIn, submission: ChangeOfState, response: Response
    ) -> Recorded:
        """No contact is expected for a while. Needs If-Match."""
        receipt = await parts.casebook.decide(
            by,
            submission,
            mentorship_id,
            {},
            Mentorship.pause,
            by.told(body.occurred_on, body.occurred_at),
            reason=body.reason,
            expected_until=body.expected_until,
        )
        return created(receipt, response, "/mentorships/{id}", mentorship_id)

    @router.post("/{mentorship_id}/resumption", status_code=201, responses=CHANGE)
    async def resume_mentorship(
        mentorship_id: UUID, body: Resumption, by: SignedIn, submission: ChangeOfState, response: Response
    ) -> Recorded:
        """Contact goes on. Needs If-Match."""
        receipt = await parts.casebook.decide(
            by, submission, mentorship_id, {}, Mentorship.resume, by.told(body.occurred_on, body.occurred_at)
        )
        return created(receipt, response, "/mentorships/{id}", mentorship_id)

    @router.post("/{mentorship_id}/handover", status_code=201, responses=CHANGE)
    async def hand_over_mentorship(
        mentorship_id: UUID, body: Handover, by: SignedIn, submission: ChangeOfState, response: Response
    ) -> Recorded:
        """Another caseworker or mentor takes the case on; whoever had it before sees it no more. Needs If-Match."""
        refuse_unless(by, "hand_over")
        if body.to_caseworker_id is not None:
            await refuse_unless_member(parts, by, body.to_caseworker_id, "to_caseworker_id")
        to_mentor = None if body.to_mentor_id is None else await mentor(parts, by, body.to_mentor_id)
        receipt = await parts.casebook.decide(
            by,
            submission,
            mentorship_id,
            {},
            Mentorship.hand_over,
            by.told(body.occurred_on, body.occurred_at),
            to_caseworker_id=body.to_caseworker_id,
            to_mentor=to_mentor,
            reason=body.reason,
        )
        return created(receipt, response, "/mentorships/{id}", mentorship_id)

    @router.post("/{mentorship_id}/closing", status_code=201, responses=CHANGE)
    async def close_mentorship(
        mentorship_id: UUID, body: Closing, by: SignedIn, submission: ChangeOfState, response: Response
    ) -> Recorded:
        """The mentorship ends. Late entries about the time before are still taken. Needs If-Match."""
        receipt = await parts.casebook.decide(
            by,
            submission,
            mentorship_id,
            {},
            Mentorship.close,
            by.told(body.occurred_on, body.occurred_at),
            reason=body.reason,
            note=body.note,
        )
        return created(receipt, response, "/mentorships/{id}", mentorship_id)

    return router


def _own(by: Caller) -> dict[str, Any]:
    """What limits a list of cases to the caller's own. Raises NotAllowed for a role that has none."""
    match by.role:
        case Role.COORDINATOR:
            return {}
        case Role.CASEWORKER:
            return {"caseworker_id": by.member_id}
        case Role.MENTOR if by.person_id is not None:
            return {"mentor_id": by.person_id}
        case Role.TRAINEE if by.person_id is not None:
            return {"trainee_id": by.person_id}
    raise NotAllowed
