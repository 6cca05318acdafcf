"""What a trainee or a mentor asks for about their own data: a copy to read or to take along, and to be erased."""

from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from adapters.export.handing_out import hand_out
from adapters.http.copies import as_file
from adapters.http.pages.form import Form, PostedForm
from adapters.http.pages.page import page
from adapters.http.pages.recorded import recorded
from adapters.http.pages.visitor import SignedInVisitor
from adapters.http.parts import Parts
from application.caller import Caller
from application.permissions import refuse_unless
from domain.copies import CopyForm, CopyReason
from domain.erasure import AskedBy, AskedHow, ErasureGround, ErasureRequestedAlready
from domain.errors import NotAllowed
from domain.person import Person


def my_data_routes(parts: Parts) -> APIRouter:
    router = APIRouter()

    @router.post("/my/copies")
    async def take_a_copy(request: Request, form: PostedForm, visitor: SignedInVisitor) -> Response:
        by = visitor.by
        refuse_unless(by, "hand_out_copy")
        chosen = form.choice("form", CopyForm) or CopyForm.PDF
        copy = await hand_out(
            parts.rights,
            parts.copies,
            by,
            form.submission(request, by),
            _own(by),
            chosen,
            CopyReason.ACCESS,
            AskedBy.PERSON,
        )
        return as_file(copy.content, copy.media_type, copy.name)

    @router.get("/my/erasure")
    async def before_asking_to_be_erased(request: Request, visitor: SignedInVisitor) -> Response:
        """What it means, in words. Nothing of anybody is shown."""
        refuse_unless(visitor.by, "request_erasure")
        _own(visitor.by)
        return page(request, "my_erasure.html", form=Form({}))

    @router.post("/my/erasure")
    async def ask_to_be_erased(request: Request, form: PostedForm, visitor: SignedInVisitor) -> Response:
        by = visitor.by
        refuse_unless(by, "request_erasure")
        person_id = _own(by)
        if not form.flag("sure"):
            form.add("sure", "Tick that you know that nobody can undo this. Nothing was asked for.", "missing")
            return page(request, "my_erasure.html", status=422, form=form)
        try:
            receipt = await parts.rights.decide(
                by,
                form.submission(request, by),
                person_id,
                {},
                Person.request_erasure,
                by.told(),
                requested_by=by.member_id,
                asked_by=AskedBy.PERSON,
                asked_how=AskedHow.SERVICE,
                ground=ErasureGround.CONSENT_WITHDRAWN,
            )
        except ErasureRequestedAlready:
            # The page says since when.
            return RedirectResponse("/my", 303)
        return recorded(receipt, "erasure-request", "/my")

    return router


def _own(by: Caller) -> UUID:
    if by.person_id is None:
        raise NotAllowed
    return by.person_id
