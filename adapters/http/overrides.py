"""Overrides of consent, where a life is in danger, and what somebody else found of them afterwards."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Response
from pydantic import Field

from adapters.http.documented import FACT
from adapters.http.headers import Fact, Recorded, created
from adapters.http.parts import Parts
from adapters.http.signed_in import SignedIn
from adapters.http.strict_json import StrictRoute
from adapters.http.submitted import Long, Submitted, Whole
from domain.mentorship import Mentorship
from domain.vocabulary import OverrideReason, Purpose


class NewOverride(Submitted):
    """It begins now, and ends after `hours`, 72 at most. `explanation` is for whoever reviews it."""

    purpose: Purpose = Field(examples=["sharing-with-authority"])
    reason: OverrideReason = Field(examples=["medical-emergency"])
    hours: Whole = Field(examples=[24])
    explanation: Long = Field(examples=["Unconscious; the hospital asks for her medicines."])


class Review(Submitted):
    """By another member than the one who overrode."""

    upheld: bool = Field(strict=True)
    explanation: Long


def override_routes(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/mentorships/{mentorship_id}/overrides", tags=["consents"], route_class=StrictRoute)

    @router.post("", status_code=201, responses=FACT)
    async def override_consent(
        mentorship_id: UUID, body: NewOverride, by: SignedIn, submission: Fact, response: Response
    ) -> Recorded:
        """Lets data be used for a purpose without a consent, because somebody's life or health is in danger. Somebody else reviews it."""
        receipt = await parts.casebook.decide(
            by,
            submission,
            mentorship_id,
            {},
            Mentorship.override_consent,
            by.told(),
            purpose=body.purpose,
            reason=body.reason,
            until=by.at(by.asked_at + timedelta(hours=max(-1_000, min(body.hours, 1_000)))),
            overridden_by=by.member_id,
            explanation=body.explanation,
        )
        return created(receipt, response, "/mentorships/{id}/timeline/{version}", mentorship_id)

    @router.post("/{version}/review", status_code=201, responses=FACT)
    async def review_override(
        mentorship_id: UUID,
        version: Annotated[int, Path(ge=1, le=2**31 - 1)],
        body: Review,
        by: SignedIn,
        submission: Fact,
        response: Response,
    ) -> Recorded:
        """Says whether an override was right. One that is not upheld carries nothing more."""
        receipt = await parts.casebook.decide(
            by,
            submission,
            mentorship_id,
            {},
            Mentorship.review_override,
            version,
            by.told(),
            upheld=body.upheld,
            reviewed_by=by.member_id,
            explanation=body.explanation,
        )
        return created(receipt, response, "/mentorships/{id}/timeline/{version}", mentorship_id)

    return router
