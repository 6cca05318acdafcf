"""Evidence: asked for with a reason, which goes on record, and handed out as a bundle that an auditor checks without us."""

import logging
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field

from adapters.evidence.bundles import Bundles, Known
from adapters.http.documented import FACT, READ
from adapters.http.headers import NewRecord, Recorded, created
from adapters.http.parts import Parts
from adapters.http.problems import RequestRefused
from adapters.http.signed_in import SignedIn
from adapters.http.strict_json import StrictRoute
from adapters.http.submitted import Day, Long, Submitted
from application.caller import Caller
from application.ids import new_id
from audit.bundle import BundleDoubtful
from domain.evidence import EvidenceOpening, EvidenceReason, EvidenceSubject

ZIP = "application/zip"

log = logging.getLogger(__name__)


class EvidenceDoubtful(RequestRefused):
    """Its own verification found something. That is an alarm, and its place is the log of the process."""

    status = 500
    code = "evidence-doubtful"
    message = (
        "The evidence does not pass its own verification, so nothing was handed out. Have `accompany audit verify` run."
    )


class EvidenceAsked(Submitted):
    """Why, in a term and in words, and how much of what is sealed is opened. Both stand in the record."""

    opening: EvidenceOpening = EvidenceOpening.CONSENT
    reason_code: EvidenceReason = Field(examples=["regular-audit"])
    reason: Long = Field(examples=["Yearly audit, sample of ten cases"])


class EvidenceAskedAboutSubject(EvidenceAsked):
    """About a mentorship, or a person with all their mentorships."""

    subject: EvidenceSubject = Field(examples=["mentorship"])
    subject_id: UUID


class EvidenceAskedAboutPeriod(EvidenceAsked):
    """About what was recorded from one day to another, both included, in UTC."""

    opening: EvidenceOpening = EvidenceOpening.SEALED
    recorded_from: Day = Field(examples=["2025-01-01"])
    recorded_until: Day = Field(examples=["2025-03-31"])


KnownSize = Annotated[
    int,
    Query(
        ge=0,
        le=2**63 - 1,
        description="The size of the last checkpoint of this log that you have kept: the bundle then proves that the log only grew since.",
    ),
]
_BUNDLE = {
    **READ,
    200: {
        "description": "The bundle: a ZIP file, which `accompany-verify` checks.",
        "content": {ZIP: {"schema": {"type": "string", "format": "binary"}}},
    },
}


def evidence_routes(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/evidence", tags=["evidence"], route_class=StrictRoute)

    @router.post("", status_code=201, responses=FACT)
    async def request_evidence(
        body: EvidenceAskedAboutSubject, by: SignedIn, submission: NewRecord, response: Response
    ) -> Recorded:
        """Puts on record that you ask for evidence about a mentorship or a person, and why."""
        request_id = new_id()
        receipt = await parts.evidence.request_about_subject(
            by,
            submission,
            request_id,
            subject=body.subject,
            subject_id=body.subject_id,
            opening=body.opening,
            reason_code=body.reason_code,
            reason=body.reason,
        )
        return created(receipt, response, "/evidence/{id}/bundle", request_id)

    @router.post("/periods", status_code=201, responses=FACT)
    async def request_evidence_of_period(
        body: EvidenceAskedAboutPeriod, by: SignedIn, submission: NewRecord, response: Response
    ) -> Recorded:
        """The same about a period. Such evidence stays sealed unless you ask for more."""
        request_id = new_id()
        receipt = await parts.evidence.request_about_period(
            by,
            submission,
            request_id,
            recorded_from=body.recorded_from,
            recorded_until=body.recorded_until,
            opening=body.opening,
            reason_code=body.reason_code,
            reason=body.reason,
        )
        return created(receipt, response, "/evidence/{id}/bundle", request_id)

    @router.get("/{request_id}/bundle", responses=_BUNDLE, response_class=Response)
    async def read_evidence(
        request_id: UUID, by: SignedIn, known_events: KnownSize = 0, known_accesses: KnownSize = 0
    ) -> Response:
        """The bundle that was asked for. What it opens to you stands in the access log before it leaves."""
        return await bundle(parts.bundles, by, request_id, {"events": known_events, "access": known_accesses})

    return router


async def bundle(bundles: Bundles, by: Caller, request_id: UUID, known: Known) -> Response:
    """The bundle as a file to keep. Raises EvidenceDoubtful, or as `Bundles.make`."""
    try:
        content = await bundles.make(by, request_id, known)
    except BundleDoubtful as doubtful:
        log.critical("evidence-doubtful", extra={"code": doubtful.code, "count": len(doubtful.failures)})
        raise EvidenceDoubtful from None
    name = f"evidence-{str(request_id)[-12:]}.zip"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, media_type=ZIP, headers=headers)
