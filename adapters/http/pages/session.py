"""Logging a session: by the mentor who held it, or by staff who were told of it."""

from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from adapters.http.pages.form import Form, PostedForm
from adapters.http.pages.page import page
from adapters.http.pages.recorded import recorded
from adapters.http.pages.visitor import SignedInVisitor
from adapters.http.parts import Parts
from adapters.http.reading import opener, reading
from adapters.http.visible import visible_case
from application.caller import Caller, Receipt
from application.ids import new_id
from application.permissions import refuse_unless
from domain.errors import NotAllowed, NotFound, Refusal
from domain.mentorship import Mentorship
from domain.vocabulary import Medium, Role
from projections.cases import case_views

ADDRESS = "/cases/{mentorship_id}/sessions"


def session_routes(parts: Parts) -> APIRouter:
    router = APIRouter()

    @router.get(ADDRESS)
    async def open_form(request: Request, mentorship_id: UUID, visitor: SignedInVisitor) -> Response:
        return await shown(request, visitor.by, mentorship_id, None)

    @router.post(ADDRESS)
    async def log_session(
        request: Request, mentorship_id: UUID, form: PostedForm, visitor: SignedInVisitor
    ) -> Response:
        receipt = await _recorded(request, visitor.by, mentorship_id, form)
        if receipt is None:
            return await shown(request, visitor.by, mentorship_id, form)
        return recorded(receipt, "session", _back(visitor.by, mentorship_id))

    async def shown(request: Request, by: Caller, mentorship_id: UUID, form: Form | None) -> Response:
        refuse_unless(by, "hold_session")
        async with reading(parts, by, Response(), 0) as connection:
            row = await visible_case(connection, by, mentorship_id)
            [case] = await case_views(connection, by.organisation_id, [row], opener(parts, by))
        return page(
            request,
            "session.html",
            status=200 if form is None else 422,
            case=case,
            back=_back(by, mentorship_id),
            is_mentor=by.role is Role.MENTOR,
            form=form or Form({"occurred_on": by.today.isoformat(), "minutes": "60", "medium": Medium.IN_PERSON}),
            media=Medium,
        )

    async def _recorded(request: Request, by: Caller, mentorship_id: UUID, form: Form) -> Receipt | None:
        """None where something is wrong, which the form then says."""
        on = form.day("occurred_on", "Say on which day it was.")
        minutes = form.whole("minutes", "Say how many minutes it took.")
        medium = form.choice("medium", Medium, "Choose how you met.")
        trainee_rating, mentor_rating = form.whole("trainee_rating"), form.whole("mentor_rating")
        if form.problems or on is None or minutes is None or medium is None:
            return None
        session_id = new_id()
        try:
            return await parts.casebook.decide(
                by,
                form.submission(request, by),
                mentorship_id,
                {"id": str(session_id)},
                Mentorship.hold_session,
                session_id,
                by.told(on),
                minutes=minutes,
                medium=medium,
                summary=form.text("summary"),
                trainee_rating=trainee_rating,
                trainee_feedback=form.text("trainee_feedback"),
                mentor_rating=mentor_rating,
                mentor_feedback=form.text("mentor_feedback"),
            )
        except (NotFound, NotAllowed):
            raise
        except Refusal as refusal:
            form.refuse(refusal)
            return None

    return router


def _back(by: Caller, mentorship_id: UUID) -> str:
    """A mentor has no page for a case."""
    return "/my" if by.role is Role.MENTOR else f"/cases/{mentorship_id}"
