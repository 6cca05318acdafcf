"""Overriding a missing consent where a life is in danger, and judging afterwards whether that was right."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from adapters.http.pages.case import in_everyday_scope, read_file
from adapters.http.pages.form import Form, PostedForm
from adapters.http.pages.members import handles
from adapters.http.pages.page import page
from adapters.http.pages.recorded import recorded
from adapters.http.pages.visitor import SignedInVisitor
from adapters.http.parts import Parts
from adapters.http.reading import opener, reading
from adapters.http.visible import visible_case
from application.caller import Caller, Receipt
from application.permissions import refuse_unless
from domain.errors import NotAllowed, NotFound, Refusal
from domain.mentorship import Mentorship
from domain.mentorship.overrides import FOR_LIFE
from domain.vocabulary import OverrideReason, Purpose
from projections.cases import case_views
from projections.consents import ConsentStatus
from projections.overrides import override_of

ADDRESS = "/cases/{mentorship_id}/consents/{purpose}/override"
REVIEW = "/cases/{mentorship_id}/overrides/{version}/review"

type Version = Annotated[int, Path(ge=1, le=2**31 - 1)]


class Finding(StrEnum):
    """What somebody else makes of an override."""

    UPHELD = "upheld"
    NOT_UPHELD = "not-upheld"


def override_routes(parts: Parts) -> APIRouter:
    router = APIRouter()

    @router.get(ADDRESS)
    async def open_form(request: Request, mentorship_id: UUID, purpose: Purpose, visitor: SignedInVisitor) -> Response:
        return await shown(request, visitor.by, mentorship_id, purpose, None)

    @router.post(ADDRESS)
    async def override_consent(
        request: Request, mentorship_id: UUID, purpose: Purpose, form: PostedForm, visitor: SignedInVisitor
    ) -> Response:
        receipt = await _overridden(request, visitor.by, mentorship_id, purpose, form)
        if receipt is None:
            return await shown(request, visitor.by, mentorship_id, purpose, form)
        return recorded(receipt, "override", f"/cases/{mentorship_id}")

    @router.get(REVIEW)
    async def open_review(
        request: Request, mentorship_id: UUID, version: Version, visitor: SignedInVisitor
    ) -> Response:
        return await review_shown(request, visitor.by, mentorship_id, version, None)

    @router.post(REVIEW)
    async def review_override(
        request: Request, mentorship_id: UUID, version: Version, form: PostedForm, visitor: SignedInVisitor
    ) -> Response:
        receipt = await _reviewed(request, visitor.by, mentorship_id, version, form)
        if receipt is None:
            return await review_shown(request, visitor.by, mentorship_id, version, form)
        return recorded(receipt, "override-review", f"/cases/{mentorship_id}")

    async def shown(request: Request, by: Caller, mentorship_id: UUID, purpose: Purpose, form: Form | None) -> Response:
        if purpose not in FOR_LIFE:
            raise NotFound
        file = await read_file(parts, by, mentorship_id)
        view = next((view for view in file.consents if view.purpose is purpose and in_everyday_scope(view)), None)
        status = view.status if view else ConsentStatus.MISSING
        return page(
            request,
            "override.html",
            status=200 if form is None else 422,
            file=file,
            purpose=purpose,
            consent=status,
            is_covered=status.permits,
            form=form or Form({"hours": "24"}),
            reasons=OverrideReason,
        )

    async def _overridden(
        request: Request, by: Caller, mentorship_id: UUID, purpose: Purpose, form: Form
    ) -> Receipt | None:
        """None where something is wrong, which the form then says."""
        reason = form.choice("reason", OverrideReason, "Choose what the danger is.")
        hours = form.whole("hours", "Say how many hours it is needed, up to 72.")
        if form.problems or reason is None or hours is None:
            return None
        try:
            return await parts.casebook.decide(
                by,
                form.submission(request, by),
                mentorship_id,
                {},
                Mentorship.override_consent,
                by.told(),
                purpose=purpose,
                reason=reason,
                until=by.at(by.asked_at + timedelta(hours=min(hours, 1_000))),
                overridden_by=by.member_id,
                explanation=form.text("explanation"),
            )
        except (NotFound, NotAllowed):
            raise
        except Refusal as refusal:
            form.refuse(refusal)
            return None

    async def review_shown(
        request: Request, by: Caller, mentorship_id: UUID, version: int, form: Form | None
    ) -> Response:
        refuse_unless(by, "review_override")
        async with reading(parts, by, Response(), 0) as connection:
            row = await visible_case(connection, by, mentorship_id)
            override = await override_of(
                connection,
                organisation_id=by.organisation_id,
                mentorship_id=mentorship_id,
                version=version,
                now=by.asked_at,
                opened=opener(parts, by),
            )
            if override is None:
                raise NotFound
            [case] = await case_views(connection, by.organisation_id, [row], opener(parts, by))
            members = await handles(connection, by)
        return page(
            request,
            "override_review.html",
            status=200 if form is None else 422,
            case=case,
            override=override,
            handles=members,
            form=form or Form({}),
            findings=Finding,
        )

    async def _reviewed(request: Request, by: Caller, mentorship_id: UUID, version: int, form: Form) -> Receipt | None:
        """None where something is wrong, which the form then says."""
        finding = form.choice("finding", Finding, "Choose whether it was right.")
        if finding is None:
            return None
        try:
            return await parts.casebook.decide(
                by,
                form.submission(request, by),
                mentorship_id,
                {},
                Mentorship.review_override,
                version,
                by.told(),
                upheld=finding is Finding.UPHELD,
                reviewed_by=by.member_id,
                explanation=form.text("explanation"),
            )
        except (NotFound, NotAllowed):
            raise
        except Refusal as refusal:
            form.refuse(refusal)
            return None

    return router
