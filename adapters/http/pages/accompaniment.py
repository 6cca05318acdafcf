"""Recording that somebody went along to an office, on one screen."""

from datetime import date, datetime, time
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from adapters.http.pages.case import appointment_of, read_file, watched
from adapters.http.pages.form import Form, PostedForm
from adapters.http.pages.page import page
from adapters.http.pages.recorded import recorded
from adapters.http.pages.visitor import SignedInVisitor
from adapters.http.parts import Parts
from application.caller import Caller, Receipt
from domain.errors import NotAllowed, NotFound, Refusal
from domain.mentorship import Mentorship
from domain.occurred import at_place
from domain.vocabulary import AppointmentOutcome, CompanionRole, Interpreter
from projections.case_file import AppointmentView

ADDRESS = "/cases/{mentorship_id}/appointments/{appointment_id}/accompaniment"


def accompaniment_routes(parts: Parts) -> APIRouter:
    router = APIRouter()

    @router.get(ADDRESS)
    async def open_form(
        request: Request, mentorship_id: UUID, appointment_id: UUID, visitor: SignedInVisitor
    ) -> Response:
        return await shown(request, visitor.by, mentorship_id, appointment_id, None)

    @router.post(ADDRESS)
    async def record_accompaniment(
        request: Request, mentorship_id: UUID, appointment_id: UUID, form: PostedForm, visitor: SignedInVisitor
    ) -> Response:
        receipt = await _recorded(request, visitor.by, mentorship_id, appointment_id, form)
        if receipt is None:
            return await shown(request, visitor.by, mentorship_id, appointment_id, form)
        return recorded(receipt, "accompaniment", f"/cases/{mentorship_id}")

    async def shown(
        request: Request, by: Caller, mentorship_id: UUID, appointment_id: UUID, form: Form | None
    ) -> Response:
        file = await read_file(parts, by, mentorship_id, {"appointments"})
        appointment = appointment_of(file, appointment_id)
        return page(
            request,
            "accompaniment.html",
            status=200 if form is None else 422,
            file=file,
            appointment=appointment,
            consent=next(status for purpose, _, status in watched(file) if purpose == "accompaniment"),
            is_ahead=appointment.starts_on > by.today,
            form=form or Form(_known(appointment)),
            outcomes=AppointmentOutcome,
            companion_roles=CompanionRole,
            interpreters=Interpreter,
        )

    async def _recorded(
        request: Request, by: Caller, mentorship_id: UUID, appointment_id: UUID, form: Form
    ) -> Receipt | None:
        """None where something is wrong, which the form then says."""
        outcome = form.choice("outcome", AppointmentOutcome, "Choose what came of it.")
        on = form.day("occurred_on", "Say on which day it was.")
        arrived, seen, left = (form.clock(name) for name in ("arrived_at", "seen_at", "left_at"))
        companion_role = form.choice("companion_role", CompanionRole, "Choose what the companion did.")
        interpreter = form.choice("interpreter", Interpreter, "Choose who interpreted, or none.")
        deadline, objection_until = form.day("deadline"), form.day("objection_until")
        if form.problems or outcome is None or on is None or companion_role is None or interpreter is None:
            return None
        try:
            arrived_at = _at(by, on, arrived, "arrived_at")
            return await parts.casebook.decide(
                by,
                form.submission(request, by),
                mentorship_id,
                {"id": str(appointment_id)},
                Mentorship.record_accompaniment,
                appointment_id,
                # With the time of arrival, a consent that was withdrawn later on that day still covers it.
                by.told(on, arrived_at),
                companion_id=by.member_id,
                outcome=outcome,
                companion_role=companion_role,
                interpreter=interpreter,
                arrived_at=arrived_at,
                seen_at=_at(by, on, seen, "seen_at"),
                left_at=_at(by, on, left, "left_at"),
                papers_brought=form.lines("papers_brought"),
                papers_missing=form.lines("papers_missing"),
                agreed=form.text("agreed"),
                next_step=form.text("next_step"),
                deadline=deadline,
                objection_until=objection_until,
                debriefed=form.flag("debriefed"),
                note=form.text("note"),
            )
        except (NotFound, NotAllowed):
            raise
        except Refusal as refusal:
            form.refuse(refusal, occurred_at="arrived_at")
            return None

    return router


def _known(appointment: AppointmentView) -> dict[str, str]:
    """What the booking says already."""
    return {
        "occurred_on": appointment.starts_on.isoformat(),
        "papers_brought": "\n".join(appointment.papers_needed or ()),
        "companion_role": CompanionRole.PRESENCE,
        "interpreter": Interpreter.NONE,
    }


def _at(by: Caller, on: date, clock: time | None, field: str) -> datetime | None:
    """A time of day at the organisation's place. Raises NoSuchLocalTime."""
    return None if clock is None else at_place(datetime.combine(on, clock), by.zone, field)
