"""Appointments at offices, and going along to them."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from adapters.http.case_reading import NOT_FOR_MENTORS, read_case_file
from adapters.http.documented import CHANGE, FACT, VERSIONED
from adapters.http.headers import ChangeOfState, Fact, Recorded, created
from adapters.http.parts import Parts
from adapters.http.reading import MinPosition
from adapters.http.signed_in import SignedIn
from adapters.http.strict_json import StrictRoute
from adapters.http.submitted import Day, Long, Moment, Short, ShortList, Told
from adapters.http.visible import refuse_unless_member
from application.ids import new_id
from domain.mentorship import Mentorship
from domain.mentorship.appointments import AppointmentNotFound
from domain.vocabulary import AppointmentOutcome, AppointmentType, CompanionRole, Interpreter
from projections.case_file import AppointmentView, NextStepView

type Start = Annotated[Moment, Field(examples=["2025-03-10T08:15:00+01:00"])]


class NewAppointment(Told):
    """`occurred_…` is when it was booked."""

    type: AppointmentType = Field(examples=["job-centre"])
    starts_at: Start
    authority: Short = Field(default="", examples=["Jobcenter Berlin Mitte"])
    office: Short = Field(default="", examples=["Room 214"])
    reference_number: Short = ""
    papers_needed: ShortList = Field(default=(), examples=[["passport", "tenancy agreement"]])
    note: Long = ""


class Move(Told):
    starts_at: Start
    reason: Long = ""


class Cancellation(Told):
    reason: Long = ""


class _WhatCameOfIt(Told):
    """`deadline` of the next step becomes a task; `objection_until` is that of a decision letter."""

    agreed: Long = Field(default="", examples=["The allowance is paid from April on."])
    next_step: Long = Field(default="", examples=["Hand in the tenancy agreement."])
    deadline: Day | None = Field(default=None, examples=["2025-03-24"])
    objection_until: Day | None = None
    note: Long = ""


class Miss(_WhatCameOfIt):
    outcome: AppointmentOutcome = AppointmentOutcome.NO_SHOW_TRAINEE


class Conclusion(_WhatCameOfIt):
    """What came of an appointment that the trainee went to alone."""

    outcome: AppointmentOutcome


class Accompaniment(_WhatCameOfIt):
    """Somebody went along: `companion_id` is a member, the one who records it if left out. No companion gives legal advice."""

    outcome: AppointmentOutcome = Field(examples=["granted"])
    companion_id: UUID | None = None
    companion_role: CompanionRole = CompanionRole.PRESENCE
    interpreter: Interpreter = Interpreter.NONE
    arrived_at: Moment | None = None
    seen_at: Moment | None = None
    left_at: Moment | None = None
    papers_brought: ShortList = ()
    papers_missing: ShortList = ()
    debriefed: bool = Field(default=False, strict=True)


class NextStepCompletion(Told):
    note: Long = ""


@dataclass(frozen=True, slots=True)
class Appointments:
    """`upcoming` are still to come, the next one first; `past` are over or off, the last one first."""

    upcoming: tuple[AppointmentView, ...]
    past: tuple[AppointmentView, ...]
    next_steps: tuple[NextStepView, ...]


def appointment_routes(parts: Parts) -> APIRouter:
    router = APIRouter(
        prefix="/mentorships/{mentorship_id}/appointments", tags=["appointments"], route_class=StrictRoute
    )

    @router.get("", responses=VERSIONED)
    async def list_appointments(
        mentorship_id: UUID, by: SignedIn, response: Response, min_position: MinPosition = 0
    ) -> Appointments:
        """The appointments of a case. Not for mentors."""
        found = await read_case_file(
            parts, by, mentorship_id, response, min_position, showing={"appointments"}, hidden_from=NOT_FOR_MENTORS
        )
        return Appointments(found.upcoming, found.past, found.next_steps)

    @router.get("/{appointment_id}", responses=VERSIONED)
    async def read_appointment(
        mentorship_id: UUID, appointment_id: UUID, by: SignedIn, response: Response, min_position: MinPosition = 0
    ) -> AppointmentView:
        """One appointment as it stands, with what came of it. Not for mentors."""
        found = await read_case_file(
            parts, by, mentorship_id, response, min_position, showing={"appointments"}, hidden_from=NOT_FOR_MENTORS
        )
        for appointment in (*found.upcoming, *found.past):
            if appointment.appointment_id == appointment_id:
                return appointment
        raise AppointmentNotFound

    @router.post("", status_code=201, responses=FACT)
    async def book_appointment(
        mentorship_id: UUID, body: NewAppointment, by: SignedIn, submission: Fact, response: Response
    ) -> Recorded:
        """Books an appointment."""
        appointment_id = new_id()
        receipt = await parts.casebook.decide(
            by,
            submission,
            mentorship_id,
            {"id": str(appointment_id)},
            Mentorship.book_appointment,
            appointment_id,
            by.told(body.occurred_on, body.occurred_at),
            type=body.type,
            starts=by.at(body.starts_at),
            authority=body.authority,
            office=body.office,
            reference_number=body.reference_number,
            papers_needed=body.papers_needed,
            note=body.note,
        )
        return created(receipt, response, _address(mentorship_id), appointment_id)

    @router.post("/{appointment_id}/move", status_code=201, responses=CHANGE)
    async def move_appointment(
        mentorship_id: UUID,
        appointment_id: UUID,
        body: Move,
        by: SignedIn,
        submission: ChangeOfState,
        response: Response,
    ) -> Recorded:
        """Moves an appointment to another time. Needs If-Match."""
        receipt = await parts.casebook.decide(
            by,
            submission,
            mentorship_id,
            {"id": str(appointment_id)},
            Mentorship.move_appointment,
            appointment_id,
            by.told(body.occurred_on, body.occurred_at),
            starts=by.at(body.starts_at),
            reason=body.reason,
        )
        return created(receipt, response, _address(mentorship_id), appointment_id)

    @router.post("/{appointment_id}/cancellation", status_code=201, responses=CHANGE)
    async def cancel_appointment(
        mentorship_id: UUID,
        appointment_id: UUID,
        body: Cancellation,
        by: SignedIn,
        submission: ChangeOfState,
        response: Response,
    ) -> Recorded:
        """Cancels an appointment. Needs If-Match."""
        receipt = await parts.casebook.decide(
            by,
            submission,
            mentorship_id,
            {"id": str(appointment_id)},
            Mentorship.cancel_appointment,
            appointment_id,
            by.told(body.occurred_on, body.occurred_at),
            reason=body.reason,
        )
        return created(receipt, response, _address(mentorship_id), appointment_id)

    @router.post("/{appointment_id}/miss", status_code=201, responses=FACT)
    async def miss_appointment(
        mentorship_id: UUID, appointment_id: UUID, body: Miss, by: SignedIn, submission: Fact, response: Response
    ) -> Recorded:
        """Records that somebody did not come; `outcome` says who."""
        receipt = await parts.casebook.decide(
            by,
            submission,
            mentorship_id,
            {"id": str(appointment_id)},
            Mentorship.miss_appointment,
            appointment_id,
            by.told(body.occurred_on, body.occurred_at),
            outcome=body.outcome,
            agreed=body.agreed,
            next_step=body.next_step,
            deadline=body.deadline,
            objection_until=body.objection_until,
            note=body.note,
        )
        return created(receipt, response, _address(mentorship_id), appointment_id)

    @router.post("/{appointment_id}/conclusion", status_code=201, responses=FACT)
    async def conclude_appointment(
        mentorship_id: UUID,
        appointment_id: UUID,
        body: Conclusion,
        by: SignedIn,
        submission: Fact,
        response: Response,
    ) -> Recorded:
        """Records what came of an appointment that nobody accompanied."""
        receipt = await parts.casebook.decide(
            by,
            submission,
            mentorship_id,
            {"id": str(appointment_id)},
            Mentorship.conclude_appointment,
            appointment_id,
            by.told(body.occurred_on, body.occurred_at),
            outcome=body.outcome,
            agreed=body.agreed,
            next_step=body.next_step,
            deadline=body.deadline,
            objection_until=body.objection_until,
            note=body.note,
        )
        return created(receipt, response, _address(mentorship_id), appointment_id)

    @router.post("/{appointment_id}/accompaniment", status_code=201, responses=FACT)
    async def record_accompaniment(
        mentorship_id: UUID,
        appointment_id: UUID,
        body: Accompaniment,
        by: SignedIn,
        submission: Fact,
        response: Response,
    ) -> Recorded:
        """Records that somebody went along, and what came of it. Needs the trainee's consent to accompaniment."""
        companion_id = body.companion_id or by.member_id
        await refuse_unless_member(parts, by, companion_id, "companion_id")
        receipt = await parts.casebook.decide(
            by,
            submission,
            mentorship_id,
            {"id": str(appointment_id)},
            Mentorship.record_accompaniment,
            appointment_id,
            by.told(body.occurred_on, body.occurred_at),
            companion_id=companion_id,
            outcome=body.outcome,
            companion_role=body.companion_role,
            interpreter=body.interpreter,
            arrived_at=body.arrived_at,
            seen_at=body.seen_at,
            left_at=body.left_at,
            papers_brought=body.papers_brought,
            papers_missing=body.papers_missing,
            agreed=body.agreed,
            next_step=body.next_step,
            deadline=body.deadline,
            objection_until=body.objection_until,
            debriefed=body.debriefed,
            note=body.note,
        )
        return created(receipt, response, _address(mentorship_id), appointment_id)

    @router.post("/{appointment_id}/next-step-completion", status_code=201, responses=FACT)
    async def complete_next_step(
        mentorship_id: UUID,
        appointment_id: UUID,
        body: NextStepCompletion,
        by: SignedIn,
        submission: Fact,
        response: Response,
    ) -> Recorded:
        """Records that the next step was done."""
        receipt = await parts.casebook.decide(
            by,
            submission,
            mentorship_id,
            {"id": str(appointment_id)},
            Mentorship.complete_next_step,
            appointment_id,
            by.told(body.occurred_on, body.occurred_at),
            note=body.note,
        )
        return created(receipt, response, _address(mentorship_id), appointment_id)

    return router


def _address(mentorship_id: UUID) -> str:
    return f"/mentorships/{mentorship_id}/appointments/{{id}}"
