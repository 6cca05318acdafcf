"""Appointments at offices: booked, moved, cancelled. What came of them stands in `accompaniments`."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from domain.errors import NotFound, RuleBroken
from domain.mentorship.goals import GoalPart
from domain.mentorship.part import AlreadyOnRecord, MentorshipEvent
from domain.occurred import Occurred, TimeWithoutZone, instant
from domain.personal import OF_TRAINEE
from domain.text import SHORT, check_text, check_texts
from domain.vocabulary import AppointmentType, Purpose


class AppointmentNotFound(NotFound):
    code = "appointment-not-found"
    message = "There is no such appointment in this mentorship."


class AppointmentCancelledAlready(RuleBroken):
    code = "appointment-cancelled"
    message = "This appointment was cancelled. Book a new one."


class AccompanimentAlreadyRecorded(RuleBroken):
    code = "accompaniment-already-recorded"
    message = "What came of this appointment is on record already. Correct that entry instead."


class AppointmentBooked(MentorshipEvent):
    """`starts_at` is an instant; `starts_on` its day at the organisation's place. `office` is the authority's one to go to."""

    TOPIC = "appointment-booked"
    PURPOSE = Purpose.MENTORING
    CORRECTABLE = frozenset({"type", "authority", "office", "reference_number", "papers_needed", "note"})
    appointment_id: UUID
    type: AppointmentType
    starts_on: date
    starts_at: datetime
    authority: Annotated[str, OF_TRAINEE]
    office: Annotated[str, OF_TRAINEE]
    reference_number: Annotated[str, OF_TRAINEE]
    papers_needed: Annotated[tuple[str, ...], OF_TRAINEE]
    note: Annotated[str, OF_TRAINEE]

    def check(self) -> None:
        check_text(SHORT, authority=self.authority, office=self.office, reference_number=self.reference_number)
        check_text(note=self.note)
        check_texts(papers_needed=self.papers_needed)

    def apply(self, aggregate: "AppointmentPart") -> None:
        aggregate.appointments[self.appointment_id] = Appointment(self.originator_version, self.starts_on)


class AppointmentMoved(MentorshipEvent):
    TOPIC = "appointment-moved"
    PURPOSE = Purpose.MENTORING
    appointment_id: UUID
    starts_on: date
    starts_at: datetime
    reason: Annotated[str, OF_TRAINEE]

    def check(self) -> None:
        check_text(reason=self.reason)

    def apply(self, aggregate: "AppointmentPart") -> None:
        aggregate.appointments[self.appointment_id].starts_on = self.starts_on


class AppointmentCancelled(MentorshipEvent):
    TOPIC = "appointment-cancelled"
    PURPOSE = Purpose.MENTORING
    appointment_id: UUID
    reason: Annotated[str, OF_TRAINEE]

    def check(self) -> None:
        check_text(reason=self.reason)

    def apply(self, aggregate: "AppointmentPart") -> None:
        aggregate.appointments[self.appointment_id].cancelled = True


@dataclass(slots=True)
class Appointment:
    """An appointment as the rules need it.

    `booked_by` and `concluded_by` are the versions of the facts that booked it and that say what came of it.
    """

    booked_by: int
    starts_on: date
    cancelled: bool = False
    concluded_by: int | None = None
    step_named: bool = False
    deadline: date | None = None
    step_done: bool = False

    @property
    def next_step_open(self) -> bool:
        return not self.step_done and (self.step_named or self.deadline is not None)

    def reopen(self) -> None:
        self.concluded_by, self.step_named, self.deadline, self.step_done = None, False, None, False


class AppointmentPart(GoalPart):
    """The appointments that were made. Booking belongs to mentoring."""

    appointments: dict[UUID, Appointment]

    def book_appointment(
        self,
        appointment_id: UUID,
        occurred: Occurred,
        *,
        type: AppointmentType,
        starts: Occurred,
        authority: str = "",
        office: str = "",
        reference_number: str = "",
        papers_needed: tuple[str, ...] = (),
        note: str = "",
    ) -> None:
        """Books an appointment, `occurred` being when it was booked.

        Raises AlreadyOnRecord, TimeWithoutZone, a day outside the mentorship or ConsentMissing.
        """
        if appointment_id in self.appointments:
            raise AlreadyOnRecord
        self._refuse_before_start(occurred.on)
        self._refuse_outside(starts.on, "starts_at")
        self._record_fact(
            "book_appointment",
            AppointmentBooked,
            occurred,
            appointment_id=appointment_id,
            type=type,
            starts_on=starts.on,
            starts_at=_moment(starts),
            authority=authority,
            office=office,
            reference_number=reference_number,
            papers_needed=papers_needed,
            note=note,
        )

    def move_appointment(self, appointment_id: UUID, occurred: Occurred, *, starts: Occurred, reason: str = "") -> None:
        """Raises AppointmentNotFound, AppointmentCancelledAlready, AccompanimentAlreadyRecorded, TimeWithoutZone, ConsentMissing
        or a day outside the mentorship.
        """
        self._pending(appointment_id)
        self._refuse_before_start(occurred.on)
        self._refuse_outside(starts.on, "starts_at")
        self._record_fact(
            "move_appointment",
            AppointmentMoved,
            occurred,
            appointment_id=appointment_id,
            starts_on=starts.on,
            starts_at=_moment(starts),
            reason=reason,
        )

    def cancel_appointment(self, appointment_id: UUID, occurred: Occurred, *, reason: str = "") -> None:
        """Raises AppointmentNotFound, AppointmentCancelledAlready, AccompanimentAlreadyRecorded, BeforeStart or ConsentMissing."""
        self._pending(appointment_id)
        self._refuse_before_start(occurred.on)
        self._record_fact(
            "cancel_appointment", AppointmentCancelled, occurred, appointment_id=appointment_id, reason=reason
        )

    def _appointment(self, appointment_id: UUID) -> Appointment:
        appointment = self.appointments.get(appointment_id)
        if appointment is None:
            raise AppointmentNotFound
        return appointment

    def _pending(self, appointment_id: UUID) -> Appointment:
        appointment = self._appointment(appointment_id)
        if appointment.cancelled:
            raise AppointmentCancelledAlready
        if appointment.concluded_by is not None:
            raise AccompanimentAlreadyRecorded
        return appointment


def _moment(starts: Occurred) -> datetime:
    if starts.at is None:
        raise TimeWithoutZone(fields=("starts_at",))
    return instant(starts.at, "starts_at")
