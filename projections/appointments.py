"""Appointments as they stand, with what came of them and what must happen by when."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from domain.vocabulary import AppointmentOutcome, AppointmentType, CompanionRole
from projections.projection import Projection, Row, Rows, Seen, Table, corrected_value


class AppointmentStatus(StrEnum):
    BOOKED = "booked"
    CANCELLED = "cancelled"
    MISSED = "missed"
    CONCLUDED = "concluded"
    ACCOMPANIED = "accompanied"


class Appointment(Row, frozen=True):
    """Positions point at the sealed words: of the booking, of what came of it, and of the corrections of either, in order.

    `concluded_on` is the day on which it was missed, concluded or accompanied. Whether there is a next step may stand in sealed words
    only: it is open where there is one and `next_step_done_on` is None.
    """

    organisation_id: UUID
    mentorship_id: UUID
    appointment_id: UUID
    trainee_id: UUID
    type: AppointmentType
    starts_on: date
    starts_at: datetime
    status: AppointmentStatus
    booked_version: int
    booked_position: int
    outcome: AppointmentOutcome | None = None
    companion_id: UUID | None = None
    companion_role: CompanionRole | None = None
    concluded_on: date | None = None
    deadline: date | None = None
    objection_until: date | None = None
    next_step_done_on: date | None = None
    concluded_version: int | None = None
    concluded_position: int | None = None
    corrections: tuple[int, ...] = ()

    @property
    def positions(self) -> tuple[int, ...]:
        """Of the events that hold its words."""
        concluded = () if self.concluded_position is None else (self.concluded_position,)
        return (self.booked_position, *concluded, *self.corrections)


APPOINTMENTS = Table(
    "appointments",
    Appointment,
    """
    organisation_id uuid NOT NULL,
    mentorship_id uuid NOT NULL,
    appointment_id uuid NOT NULL,
    trainee_id uuid NOT NULL,
    type text NOT NULL,
    starts_on date NOT NULL,
    starts_at timestamptz NOT NULL,
    status text NOT NULL,
    booked_version integer NOT NULL,
    booked_position bigint NOT NULL,
    outcome text,
    companion_id uuid,
    companion_role text,
    concluded_on date,
    deadline date,
    objection_until date,
    next_step_done_on date,
    concluded_version integer,
    concluded_position bigint,
    corrections bigint[] NOT NULL
    """,
    key=("organisation_id", "mentorship_id", "appointment_id"),
    indexes=(
        "(organisation_id, starts_on) WHERE status = 'booked'",
        "(organisation_id, deadline) WHERE deadline IS NOT NULL AND next_step_done_on IS NULL",
        "(organisation_id, objection_until) WHERE objection_until IS NOT NULL",
        "(organisation_id, concluded_on) WHERE concluded_on IS NOT NULL",
    ),
)

_ENDS = {
    "appointment-missed": AppointmentStatus.MISSED,
    "appointment-concluded": AppointmentStatus.CONCLUDED,
    "accompaniment-recorded": AppointmentStatus.ACCOMPANIED,
}


def _booked(seen: Seen, rows: Rows) -> None:
    fields = seen.fields
    rows.put(
        APPOINTMENTS,
        Appointment(
            *seen.stream,
            fields.appointment_id,
            fields.trainee_id,
            fields.type,
            fields.starts_on,
            fields.starts_at,
            AppointmentStatus.BOOKED,
            seen.version,
            seen.position,
        ),
    )


def _moved(seen: Seen, rows: Rows) -> None:
    _change(seen, rows, starts_on=seen.fields.starts_on, starts_at=seen.fields.starts_at)


def _cancelled(seen: Seen, rows: Rows) -> None:
    _change(seen, rows, status=AppointmentStatus.CANCELLED)


def _ended(seen: Seen, rows: Rows) -> None:
    fields = seen.fields
    _change(
        seen,
        rows,
        status=_ENDS[seen.topic],
        outcome=fields.outcome,
        companion_id=getattr(fields, "companion_id", None),
        companion_role=getattr(fields, "companion_role", None),
        concluded_on=seen.occurred_on,
        deadline=fields.deadline,
        objection_until=fields.objection_until,
        next_step_done_on=None,
        concluded_version=seen.version,
        concluded_position=seen.position,
    )


def _next_step_completed(seen: Seen, rows: Rows) -> None:
    _change(seen, rows, next_step_done_on=seen.occurred_on)


def _change(seen: Seen, rows: Rows, **changes: Any) -> None:
    appointment = rows.get(APPOINTMENTS, *seen.stream, seen.fields.appointment_id)
    if appointment is not None:
        rows.put(APPOINTMENTS, replace(appointment, **changes))


def _corrected(seen: Seen, rows: Rows) -> None:
    fields = seen.fields
    for appointment in rows.of(APPOINTMENTS, seen.stream):
        if fields.corrects not in (appointment.booked_version, appointment.concluded_version):
            continue
        changed = replace(appointment, corrections=(*appointment.corrections, seen.position))
        if fields.corrects == appointment.booked_version:
            changed = replace(changed, type=corrected_value(fields, "type", AppointmentType, changed.type))
        else:
            changed = replace(
                changed,
                concluded_on=corrected_value(fields, "occurred_on", date, changed.concluded_on),
                outcome=corrected_value(fields, "outcome", AppointmentOutcome, changed.outcome),
                companion_role=corrected_value(fields, "companion_role", CompanionRole, changed.companion_role),
                deadline=corrected_value(fields, "deadline", date, changed.deadline),
                objection_until=corrected_value(fields, "objection_until", date, changed.objection_until),
            )
        rows.put(APPOINTMENTS, changed)


def _retracted(seen: Seen, rows: Rows) -> None:
    """Of what came of it: it waits for the right entry again. Of the booking: there never was such an appointment."""
    for appointment in rows.of(APPOINTMENTS, seen.stream):
        if seen.fields.corrects == appointment.booked_version:
            rows.delete(APPOINTMENTS, appointment)
        elif seen.fields.corrects == appointment.concluded_version:
            rows.put(
                APPOINTMENTS,
                replace(
                    appointment,
                    status=AppointmentStatus.BOOKED,
                    outcome=None,
                    companion_id=None,
                    companion_role=None,
                    concluded_on=None,
                    deadline=None,
                    objection_until=None,
                    next_step_done_on=None,
                    concluded_version=None,
                    concluded_position=None,
                ),
            )


PROJECTION = Projection(
    "appointments",
    1,
    (APPOINTMENTS,),
    {
        "appointment-booked": _booked,
        "appointment-moved": _moved,
        "appointment-cancelled": _cancelled,
        "next-step-completed": _next_step_completed,
        "entry-corrected": _corrected,
        "entry-retracted": _retracted,
        **dict.fromkeys(_ENDS, _ended),
    },
)
