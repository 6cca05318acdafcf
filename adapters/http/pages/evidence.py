"""Evidence on pages: prove one case now, ask for a bundle with a reason, and take it home."""

from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from adapters.http.evidence import bundle
from adapters.http.pages.form import Form, PostedForm
from adapters.http.pages.page import page
from adapters.http.pages.visitor import SignedInVisitor
from adapters.http.parts import Parts
from adapters.http.reading import consents_shown, reading
from adapters.http.visible import visible_case
from application.caller import Caller, Receipt
from application.evidence import MAY_OPEN
from application.ids import new_id
from application.permissions import refuse_unless
from audit.verifier.accompany_verify import NOT_PROVEN
from domain.errors import NotAllowed, NotFound, Refusal
from domain.evidence import EvidenceOpening, EvidenceReason, EvidenceSubject

TRAIL = "/consent-trail/{mentorship_id}"


def evidence_routes(parts: Parts) -> APIRouter:
    router = APIRouter()

    @router.get(f"{TRAIL}/verification")
    async def verify_case(request: Request, mentorship_id: UUID, visitor: SignedInVisitor) -> Response:
        """The proof of one case against the log's latest checkpoint, by the program that auditors run themselves."""
        by = visitor.by
        await _refuse_unless_visible(parts, by, mentorship_id)
        found, checkpoint, timestamps = await parts.bundles.examine(by, mentorship_id)
        return page(
            request,
            "verification.html",
            mentorship_id=mentorship_id,
            found=found,
            checkpoint=checkpoint,
            timestamps=timestamps,
            not_proven=NOT_PROVEN[:3],
        )

    @router.get(f"{TRAIL}/evidence")
    async def open_form(request: Request, mentorship_id: UUID, visitor: SignedInVisitor) -> Response:
        await _refuse_unless_visible(parts, visitor.by, mentorship_id)
        return _form(request, visitor.by, mentorship_id, Form({"opening": EvidenceOpening.CONSENT}), 200)

    @router.post(f"{TRAIL}/evidence")
    async def request_evidence(
        request: Request, mentorship_id: UUID, form: PostedForm, visitor: SignedInVisitor
    ) -> Response:
        receipt = await _requested(parts, request, visitor.by, mentorship_id, form)
        if receipt is None:
            return _form(request, visitor.by, mentorship_id, form, 422)
        where = f"{TRAIL.format(mentorship_id=mentorship_id)}/evidence/{receipt.answer['id']}"
        return RedirectResponse(where, 303)

    @router.get(f"{TRAIL}/evidence/{{request_id}}")
    async def read_request(
        request: Request, mentorship_id: UUID, request_id: UUID, visitor: SignedInVisitor
    ) -> Response:
        """The request is on record: here is the bundle, and how it is checked."""
        await _refuse_unless_visible(parts, visitor.by, mentorship_id)
        await parts.bundles.refuse_unless_about(visitor.by, request_id, mentorship_id)
        return page(
            request,
            "evidence_ready.html",
            mentorship_id=mentorship_id,
            request_id=request_id,
            log_key=str(parts.bundles.keys["events"]),
        )

    @router.get("/evidence/{request_id}/bundle")
    async def take_bundle(request_id: UUID, visitor: SignedInVisitor) -> Response:
        return await bundle(parts.bundles, visitor.by, request_id, {})

    return router


def _form(request: Request, by: Caller, mentorship_id: UUID, form: Form, status: int) -> Response:
    return page(
        request,
        "evidence.html",
        status=status,
        mentorship_id=mentorship_id,
        form=form,
        reasons=EvidenceReason,
        openings=[opening for opening in EvidenceOpening if opening in MAY_OPEN[by.role]],
    )


async def _refuse_unless_visible(parts: Parts, by: Caller, mentorship_id: UUID) -> None:
    refuse_unless(by, "request_evidence")
    async with reading(parts, by, Response(), 0) as connection:
        await visible_case(connection, by, mentorship_id, "see_consent_trail")
        await consents_shown(connection, by, [mentorship_id])


async def _requested(parts: Parts, request: Request, by: Caller, mentorship_id: UUID, form: Form) -> Receipt | None:
    """None where something is wrong, which the form then says."""
    reason_code = form.choice("reason_code", EvidenceReason, "Choose why you ask.")
    opening = form.choice("opening", EvidenceOpening, "Choose how much is opened.")
    if not form.text("reason"):
        form.add("reason", "Say in a few words why you ask. They stand in the record.", "missing")
    if form.problems or reason_code is None or opening is None:
        return None
    try:
        return await parts.evidence.request_about_subject(
            by,
            form.submission(request, by),
            new_id(),
            subject=EvidenceSubject.MENTORSHIP,
            subject_id=mentorship_id,
            opening=opening,
            reason_code=reason_code,
            reason=form.text("reason"),
        )
    except (NotFound, NotAllowed):
        raise
    except Refusal as refusal:
        form.refuse(refusal)
        return None
