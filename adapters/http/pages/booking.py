"""Booking an appointment at an office."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from adapters.http.pages.case import read_file
from adapters.http.pages.form import Form, PostedForm
from adapters.http.pages.page import page
from adapters.http.pages.recorded import recorded
from adapters.http.pages.visitor import SignedInVisitor
from adapters.http.parts import Parts
from application.caller import Caller, Receipt
from application.ids import new_id
from domain.errors import NotAllowed, NotFound, Refusal
from domain.mentorship import Mentorship
from domain.occurred import at_place
from domain.vocabulary import AppointmentType

ADDRESS = "/cases/{mentorship_id}/appointments"


def booking_routes(parts: Parts) -> APIRouter:
    router = APIRouter()

    @router.get(ADDRESS)
    async def open_form(request: Request, mentorship_id: UUID, visitor: SignedInVisitor) -> Response:
        return await shown(request, visitor.by, mentorship_id, None)

    @router.post(ADDRESS)
    async def book_appointment(
        request: Request, mentorship_id: UUID, form: PostedForm, visitor: SignedInVisitor
    ) -> Response:
        receipt = await _recorded(request, visitor.by, mentorship_id, form)
        if receipt is None:
            return await shown(request, visitor.by, mentorship_id, form)
        return recorded(receipt, "appointment", f"/cases/{mentorship_id}")

    async def shown(request: Request, by: Caller, mentorship_id: UUID, form: Form | None) -> Response:
        return page(
            request,
            "booking.html",
            status=200 if form is None else 422,
            file=await read_file(parts, by, mentorship_id),
            form=form or Form({}),
            types=AppointmentType,
        )

    async def _recorded(request: Request, by: Caller, mentorship_id: UUID, form: Form) -> Receipt | None:
        """None where something is wrong, which the form then says."""
        kind = form.choice("type", AppointmentType, "Choose what kind of appointment it is.")
        on = form.day("starts_on", "Say on which day it is.")
        clock = form.clock("clock", "Say at what time it is.")
        if form.problems or kind is None or on is None or clock is None:
            return None
        appointment_id = new_id()
        try:
            return await parts.casebook.decide(
                by,
                form.submission(request, by),
                mentorship_id,
                {"id": str(appointment_id)},
                Mentorship.book_appointment,
                appointment_id,
                by.told(),
                type=kind,
                starts=by.at(at_place(datetime.combine(on, clock), by.zone, "clock")),
                office=form.text("office"),
                reference_number=form.text("reference_number"),
                papers_needed=form.lines("papers_needed"),
                note=form.text("note"),
            )
        except (NotFound, NotAllowed):
            raise
        except Refusal as refusal:
            form.refuse(refusal, starts_at="starts_on")
            return None

    return router
