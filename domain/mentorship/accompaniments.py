"""What came of an appointment: missed, concluded alone, or accompanied, with the next step that follows from it."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from domain.errors import Invalid, RuleBroken
from domain.mentorship.appointments import Appointment, AppointmentPart
from domain.mentorship.part import MentorshipEvent
from domain.occurred import Occurred, instant
from domain.personal import OF_TRAINEE
from domain.text import check_text, check_texts
from domain.vocabulary import AppointmentOutcome, CompanionRole, Interpreter, Purpose


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


class WhatCameOfIt(MentorshipEvent):
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

    def apply(self, aggregate: "AccompanimentPart") -> None:
        appointment = aggregate.appointments[self.appointment_id]
        appointment.concluded_by = self.originator_version
        appointment.step_named, appointment.deadline, appointment.step_done = bool(self.next_step), self.deadline, False
        self._rests_on(aggregate, appointment.booked_by)


_WHAT_CAME_OF_IT = frozenset({"occurred_on", "outcome", "agreed", "next_step", "deadline", "objection_until", "note"})


class AppointmentMissed(WhatCameOfIt):
    """Somebody did not come; `outcome` says who."""

    TOPIC = "appointment-missed"
    PURPOSE = Purpose.MENTORING
    CORRECTABLE = _WHAT_CAME_OF_IT

    def check(self) -> None:
        super().check()
        if self.outcome not in (AppointmentOutcome.NO_SHOW_TRAINEE, AppointmentOutcome.NO_SHOW_COMPANION):
            raise NotANoShow(fields=("outcome",))


class AppointmentConcluded(WhatCameOfIt):
    """The trainee went without a companion; this is what came of it."""

    TOPIC = "appointment-concluded"
    PURPOSE = Purpose.MENTORING
    CORRECTABLE = _WHAT_CAME_OF_IT


class AccompanimentRecorded(WhatCameOfIt):
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

    def apply(self, aggregate: "AccompanimentPart") -> None:
        aggregate.appointments[self.appointment_id].step_done = True


class AccompanimentPart(AppointmentPart):
    """What came of the appointments. Going along is accompaniment, and needs the person's consent to that."""

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
        refuse_before(appointment, occurred.on)
        self._record_fact("complete_next_step", NextStepCompleted, occurred, appointment_id=appointment_id, note=note)

    def _conclude(
        self,
        command: str,
        event: type[WhatCameOfIt],
        appointment_id: UUID,
        occurred: Occurred,
        **fields: object,
    ) -> None:
        appointment = self._pending(appointment_id)
        self._refuse_outside(occurred.on)
        refuse_before(appointment, occurred.on)
        self._record_fact(command, event, occurred, appointment_id=appointment_id, **fields)


def refuse_before(appointment: Appointment, day: date) -> None:
    if day < appointment.starts_on:
        raise BeforeAppointment(fields=("occurred_on",))
