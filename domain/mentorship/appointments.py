"""Appointments at offices: booked, moved, cancelled, missed, concluded alone, or accompanied.

Booking belongs to mentoring. Going along is accompaniment, and needs the person's consent to that.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from domain.errors import Invalid, NotFound, RuleBroken
from domain.mentorship.goals import GoalPart
from domain.mentorship.part import AlreadyOnRecord, MentorshipEvent
from domain.occurred import Occurred, TimeWithoutZone, instant
from domain.personal import OF_TRAINEE
from domain.text import SHORT, check_text, check_texts
from domain.vocabulary import AppointmentOutcome, AppointmentType, CompanionRole, Interpreter, Purpose


class AppointmentNotFound(NotFound):
    code = "appointment-not-found"
    message = "There is no such appointment in this mentorship."


class AppointmentCancelledAlready(RuleBroken):
    code = "appointment-cancelled"
    message = "This appointment was cancelled. Book a new one."


class AccompanimentAlreadyRecorded(RuleBroken):
    code = "accompaniment-already-recorded"
    message = "What came of this appointment is on record already. Correct that entry instead."


class BeforeAppointment(RuleBroken):
    code = "before-appointment"
    message = "This is dated before the day of the appointment. If it took place earlier than planned, move it first."


class NotANoShow(Invalid):
    code = "not-a-no-show"
    message = "A missed appointment says who did not come: no-show-trainee or no-show-companion."


class DeadlineTooEarly(Invalid):
    code = "deadline-too-early"
    message = "The deadline lies before the day on which it was set. Check the two days."


class TimesOutOfOrder(Invalid):
    code = "times-out-of-order"
    message = "Arrived, seen and left are not in that order."


class NoNextStep(RuleBroken):
    code = "no-next-step"
    message = "No next step is open for this appointment."


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


class _WhatCameOfIt(MentorshipEvent):
    """What was agreed and what must happen by when. `deadline` becomes a task; `objection_until` is that of a decision letter."""

    appointment_id: UUID
    outcome: AppointmentOutcome
    agreed: Annotated[str, OF_TRAINEE]
    next_step: Annotated[str, OF_TRAINEE]
    deadline: date | None
    objection_until: date | None
    note: Annotated[str, OF_TRAINEE]

    def check(self) -> None:
        check_text(agreed=self.agreed, next_step=self.next_step, note=self.note)
        for name, day in (("deadline", self.deadline), ("objection_until", self.objection_until)):
            if day is not None and day < self.occurred_on:
                raise DeadlineTooEarly(fields=(name,))

    def apply(self, aggregate: "AppointmentPart") -> None:
        appointment = aggregate.appointments[self.appointment_id]
        appointment.concluded_by = self.originator_version
        appointment.step_named, appointment.deadline, appointment.step_done = bool(self.next_step), self.deadline, False


_WHAT_CAME_OF_IT = frozenset({"occurred_on", "outcome", "agreed", "next_step", "deadline", "objection_until", "note"})


class AppointmentMissed(_WhatCameOfIt):
    """Somebody did not come; `outcome` says who."""

    TOPIC = "appointment-missed"
    PURPOSE = Purpose.MENTORING
    CORRECTABLE = _WHAT_CAME_OF_IT

    def check(self) -> None:
        super().check()
        if self.outcome not in (AppointmentOutcome.NO_SHOW_TRAINEE, AppointmentOutcome.NO_SHOW_COMPANION):
            raise NotANoShow(fields=("outcome",))


class AppointmentConcluded(_WhatCameOfIt):
    """The trainee went without a companion; this is what came of it."""

    TOPIC = "appointment-concluded"
    PURPOSE = Purpose.MENTORING
    CORRECTABLE = _WHAT_CAME_OF_IT


class AccompanimentRecorded(_WhatCameOfIt):
    """Somebody went along. `companion_id` is a member of the organisation; instants are UTC."""

    TOPIC = "accompaniment-recorded"
    PURPOSE = Purpose.ACCOMPANIMENT
    CORRECTABLE = _WHAT_CAME_OF_IT | {
        "companion_role",
        "interpreter",
        "arrived_at",
        "seen_at",
        "left_at",
        "papers_brought",
        "papers_missing",
        "debriefed",
    }
    companion_id: UUID
    companion_role: CompanionRole
    interpreter: Interpreter
    arrived_at: datetime | None
    seen_at: datetime | None
    left_at: datetime | None
    papers_brought: Annotated[tuple[str, ...], OF_TRAINEE]
    papers_missing: Annotated[tuple[str, ...], OF_TRAINEE]
    debriefed: bool

    def check(self) -> None:
        super().check()
        check_texts(papers_brought=self.papers_brought, papers_missing=self.papers_missing)
        told = {"arrived_at": self.arrived_at, "seen_at": self.seen_at, "left_at": self.left_at}
        times = [instant(at, name) for name, at in told.items() if at is not None]
        if times != sorted(times):
            raise TimesOutOfOrder(fields=("arrived_at", "seen_at", "left_at"))


class NextStepCompleted(MentorshipEvent):
    TOPIC = "next-step-completed"
    PURPOSE = Purpose.MENTORING
    appointment_id: UUID
    note: Annotated[str, OF_TRAINEE]

    def check(self) -> None:
        check_text(note=self.note)

    def apply(self, aggregate: "AppointmentPart") -> None:
        aggregate.appointments[self.appointment_id].step_done = True


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
    """The appointments and what came of them."""

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

    def miss_appointment(
        self,
        appointment_id: UUID,
        occurred: Occurred,
        *,
        outcome: AppointmentOutcome = AppointmentOutcome.NO_SHOW_TRAINEE,
        agreed: str = "",
        next_step: str = "",
        deadline: date | None = None,
        objection_until: date | None = None,
        note: str = "",
    ) -> None:
        """Somebody did not come. Raises NotANoShow, or as `conclude_appointment`."""
        self._conclude(
            "miss_appointment",
            AppointmentMissed,
            appointment_id,
            occurred,
            outcome=outcome,
            agreed=agreed,
            next_step=next_step,
            deadline=deadline,
            objection_until=objection_until,
            note=note,
        )

    def conclude_appointment(
        self,
        appointment_id: UUID,
        occurred: Occurred,
        *,
        outcome: AppointmentOutcome,
        agreed: str = "",
        next_step: str = "",
        deadline: date | None = None,
        objection_until: date | None = None,
        note: str = "",
    ) -> None:
        """What came of an appointment that nobody accompanied.

        Raises AppointmentNotFound, AppointmentCancelledAlready, AccompanimentAlreadyRecorded, BeforeAppointment, DeadlineTooEarly,
        a day outside the mentorship or ConsentMissing.
        """
        self._conclude(
            "conclude_appointment",
            AppointmentConcluded,
            appointment_id,
            occurred,
            outcome=outcome,
            agreed=agreed,
            next_step=next_step,
            deadline=deadline,
            objection_until=objection_until,
            note=note,
        )

    def record_accompaniment(
        self,
        appointment_id: UUID,
        occurred: Occurred,
        *,
        companion_id: UUID,
        outcome: AppointmentOutcome,
        companion_role: CompanionRole = CompanionRole.PRESENCE,
        interpreter: Interpreter = Interpreter.NONE,
        arrived_at: datetime | None = None,
        seen_at: datetime | None = None,
        left_at: datetime | None = None,
        papers_brought: tuple[str, ...] = (),
        papers_missing: tuple[str, ...] = (),
        agreed: str = "",
        next_step: str = "",
        deadline: date | None = None,
        objection_until: date | None = None,
        debriefed: bool = False,
        note: str = "",
    ) -> None:
        """Somebody went along. Raises TimeWithoutZone, TimesOutOfOrder, or as `conclude_appointment`.

        Needs a consent to the purpose of accompaniment, and none to another.
        """
        self._conclude(
            "record_accompaniment",
            AccompanimentRecorded,
            appointment_id,
            occurred,
            companion_id=companion_id,
            outcome=outcome,
            companion_role=companion_role,
            interpreter=interpreter,
            arrived_at=arrived_at and instant(arrived_at, "arrived_at"),
            seen_at=seen_at and instant(seen_at, "seen_at"),
            left_at=left_at and instant(left_at, "left_at"),
            papers_brought=papers_brought,
            papers_missing=papers_missing,
            agreed=agreed,
            next_step=next_step,
            deadline=deadline,
            objection_until=objection_until,
            debriefed=debriefed,
            note=note,
        )

    def complete_next_step(self, appointment_id: UUID, occurred: Occurred, *, note: str = "") -> None:
        """The next step was done. Raises AppointmentNotFound, NoNextStep, BeforeAppointment or ConsentMissing."""
        appointment = self._appointment(appointment_id)
        if not appointment.next_step_open:
            raise NoNextStep
        _refuse_before(appointment, occurred.on)
        self._record_fact("complete_next_step", NextStepCompleted, occurred, appointment_id=appointment_id, note=note)

    def _conclude(
        self,
        command: str,
        event: type[_WhatCameOfIt],
        appointment_id: UUID,
        occurred: Occurred,
        **fields: object,
    ) -> None:
        appointment = self._pending(appointment_id)
        self._refuse_outside(occurred.on)
        _refuse_before(appointment, occurred.on)
        self._record_fact(command, event, occurred, appointment_id=appointment_id, **fields)

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


def _refuse_before(appointment: Appointment, day: date) -> None:
    if day < appointment.starts_on:
        raise BeforeAppointment(fields=("occurred_on",))


def _moment(starts: Occurred) -> datetime:
    if starts.at is None:
        raise TimeWithoutZone(fields=("starts_at",))
    return instant(starts.at, "starts_at")
