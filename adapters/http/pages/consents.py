"""Consents of a case, and recording what the person decided: one purpose at a time, a no as easily as a yes."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from adapters.http.pages.case import in_everyday_scope, read_file
from adapters.http.pages.form import Form, PostedForm
from adapters.http.pages.page import page
from adapters.http.pages.recorded import recorded
from adapters.http.pages.visitor import SignedInVisitor
from adapters.http.parts import Parts
from application.caller import Caller, Receipt
from domain.errors import NotAllowed, NotFound, Refusal
from domain.mentorship import Mentorship
from domain.mentorship.consent import Communication, Expression, Notice, Scope
from domain.mentorship.overrides import FOR_LIFE
from domain.occurred import at_place
from domain.vocabulary import ConsentMethod, ConsentState, Interpreter, NoticeForm, Purpose, TeachBack
from projections.consents import ConsentStatus

ADDRESS = "/cases/{mentorship_id}/consents/{purpose}"


class Answer(StrEnum):
    """What a person may answer when they are asked."""

    GIVEN = "given"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    DEFERRED = "deferred"


def consent_routes(parts: Parts) -> APIRouter:
    router = APIRouter()

    @router.get("/cases/{mentorship_id}/consents")
    async def read_consents(request: Request, mentorship_id: UUID, visitor: SignedInVisitor) -> Response:
        file = await read_file(parts, visitor.by, mentorship_id)
        everyday = {view.purpose: view for view in file.consents if in_everyday_scope(view)}
        return page(
            request,
            "consents.html",
            file=file,
            consents=[
                (
                    purpose,
                    everyday.get(purpose),
                    everyday[purpose].status if purpose in everyday else ConsentStatus.MISSING,
                )
                for purpose in Purpose
            ],
            others=[view for view in file.consents if not in_everyday_scope(view)],
        )

    @router.get(ADDRESS)
    async def open_form(request: Request, mentorship_id: UUID, purpose: Purpose, visitor: SignedInVisitor) -> Response:
        return await shown(request, visitor.by, mentorship_id, purpose, None)

    @router.post(ADDRESS)
    async def record_decision(
        request: Request, mentorship_id: UUID, purpose: Purpose, form: PostedForm, visitor: SignedInVisitor
    ) -> Response:
        receipt = await _recorded(request, visitor.by, mentorship_id, purpose, form)
        if receipt is None:
            return await shown(request, visitor.by, mentorship_id, purpose, form)
        return recorded(receipt, "consent", f"/cases/{mentorship_id}")

    async def shown(request: Request, by: Caller, mentorship_id: UUID, purpose: Purpose, form: Form | None) -> Response:
        file = await read_file(parts, by, mentorship_id)
        view = next((view for view in file.consents if view.purpose is purpose and in_everyday_scope(view)), None)
        return page(
            request,
            "consent.html",
            status=200 if form is None else 422,
            file=file,
            purpose=purpose,
            standing=view,
            may_be_overridden=purpose in FOR_LIFE and not (view and view.status.permits),
            form=form or Form({"occurred_on": by.today.isoformat(), "interpreter": Interpreter.NONE}),
            answers=Answer,
            methods=ConsentMethod,
            notice_forms=NoticeForm,
            interpreters=Interpreter,
            teach_backs=TeachBack,
        )

    async def _recorded(
        request: Request, by: Caller, mentorship_id: UUID, purpose: Purpose, form: Form
    ) -> Receipt | None:
        """None where something is wrong, which the form then says."""
        answer = form.choice("state", Answer, "Choose what the person decided.")
        on = form.day("occurred_on", "Say on which day they decided.")
        clock = form.clock("clock")
        valid_until = form.day("valid_until")
        method = form.choice("method", ConsentMethod)
        notice_form = form.choice("notice_form", NoticeForm)
        interpreter = form.choice("interpreter", Interpreter, "Choose who interpreted, or none.")
        teach_back = form.choice("teach_back", TeachBack)
        if form.problems or answer is None or on is None or interpreter is None:
            return None
        version, language = form.text("notice_version"), form.text("language")
        try:
            return await parts.casebook.decide(
                by,
                form.submission(request, by),
                mentorship_id,
                {},
                Mentorship.decide_consent,
                ConsentState(answer.value),
                Scope(purpose),
                by.told(on, None if clock is None else at_place(datetime.combine(on, clock), by.zone, "clock")),
                notice=Notice(version, language, form=notice_form) if version else None,
                communication=Communication(language, interpreter, teach_back=teach_back),
                expression=Expression(method, form.text("witness")) if method else None,
                valid_until=valid_until,
                note=form.text("note"),
            )
        except (NotFound, NotAllowed):
            raise
        except Refusal as refusal:
            form.refuse(
                refusal, occurred_at="clock", notice="notice_version", expression="witness", communication="language"
            )
            return None

    return router
