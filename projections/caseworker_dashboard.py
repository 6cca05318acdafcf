"""The caseworker's dashboard: what is on today, what is due, where consent runs out, and whom nobody has spoken to.

The coordinator's is the same over all cases.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import TypedDict
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg

from domain.events import RecordEvent
from domain.vocabulary import AppointmentType, OverrideReason, Purpose, Track
from projections.appointments import Appointment
from projections.cases import Case
from projections.consent_acts import ConsentOverride
from projections.consents import ConsentStatus
from projections.credentials import CredentialPath
from projections.dashboard_rows import WATCHED, ConsentRow, DashboardRows, dashboard_rows
from projections.entries import entry_at, told
from projections.people import details_positions, name_of
from projections.projection import Opener


@dataclass(frozen=True, slots=True)
class AppointmentLine:
    """`starts_at` is at the organisation's place. Words are None where nobody can read them any more."""

    mentorship_id: UUID
    appointment_id: UUID
    trainee_name: str | None
    type: AppointmentType
    starts_on: date
    starts_at: datetime
    authority: str | None
    office: str | None
    papers_needed: tuple[str, ...] | None


class DeadlineKind(StrEnum):
    NEXT_STEP = "next-step"
    OBJECTION = "objection"


@dataclass(frozen=True, slots=True)
class DeadlineLine:
    """Something due. `days_left` is negative when it is overdue; one of the two ids is set."""

    kind: DeadlineKind
    mentorship_id: UUID
    appointment_id: UUID | None
    credential_id: UUID | None
    trainee_name: str | None
    due_on: date
    days_left: int
    what: str | None


@dataclass(frozen=True, slots=True)
class ConsentLine:
    """A consent that needs a conversation. A refusal is a decision and is not listed: nobody is to be talked round."""

    mentorship_id: UUID
    trainee_name: str | None
    purpose: Purpose
    status: ConsentStatus
    valid_until: date | None
    days_left: int | None


@dataclass(frozen=True, slots=True)
class OverrideLine:
    """An override that nobody has judged yet. `version` names it in its mentorship; `days` since it began."""

    mentorship_id: UUID
    version: int
    trainee_name: str | None
    purpose: Purpose
    reason: OverrideReason
    overridden_by: UUID
    ends_at: datetime
    days: int


@dataclass(frozen=True, slots=True)
class NoContactLine:
    """`days` since somebody was last in touch, or since the start if nobody ever was."""

    mentorship_id: UUID
    trainee_name: str | None
    mentor_name: str | None
    last_contact_on: date | None
    days: int


@dataclass(frozen=True, slots=True)
class CaseConsent:
    purpose: Purpose
    status: ConsentStatus


@dataclass(frozen=True, slots=True)
class CaseLine:
    """An open case, with the consents to the three purposes that everyday work needs."""

    mentorship_id: UUID
    reference: str | None
    trainee_id: UUID
    trainee_name: str | None
    mentor_id: UUID
    mentor_name: str | None
    caseworker_id: UUID
    track: Track
    started_on: date
    paused_on: date | None
    last_contact_on: date | None
    consents: tuple[CaseConsent, ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many there are of each, of which the lists show at most 500 (`dashboard_rows.LONGEST`)."""

    appointments: int
    deadlines: int
    unconfirmed: int
    consents: int
    overrides: int
    no_contact: int
    cases: int


@dataclass(frozen=True, slots=True)
class CaseworkerDashboard:
    """`weeks_appointments` are those of the seven days after today; `unconfirmed` are past ones of which nothing is on record.

    Everything recorded up to `as_of_position` is in it.
    """

    today: date
    todays_appointments: tuple[AppointmentLine, ...]
    weeks_appointments: tuple[AppointmentLine, ...]
    deadlines: tuple[DeadlineLine, ...]
    unconfirmed: tuple[AppointmentLine, ...]
    consents: tuple[ConsentLine, ...]
    overrides: tuple[OverrideLine, ...]
    no_contact: tuple[NoContactLine, ...]
    cases: tuple[CaseLine, ...]
    counts: Counts
    as_of_position: int


async def caseworker_dashboard(
    connection: psycopg.AsyncConnection,
    *,
    organisation_id: UUID,
    caseworker_id: UUID | None,
    today: date,
    zone: ZoneInfo,
    opened: Opener,
) -> CaseworkerDashboard:
    """The dashboard over a caseworker's cases, or with None over all of the organisation's. `today` is the day in `zone`."""
    rows = await dashboard_rows(connection, organisation_id, caseworker_id, today)
    told = await details_positions(connection, organisation_id, rows.people())
    events = await opened(rows.positions(), names=told.values())
    return _Lines(today, zone, told, events).of(rows)


class _Due(TypedDict):
    due_on: date
    days_left: int


@dataclass(frozen=True, slots=True)
class _Lines:
    """Turns rows into lines with the words that were opened."""

    today: date
    zone: ZoneInfo
    told: Mapping[UUID, int]
    events: Mapping[int, RecordEvent]

    def of(self, rows: DashboardRows) -> CaseworkerDashboard:
        deadlines = [
            *(self._next_step(appointment) for appointment in rows.next_steps.rows),
            *(self._objection(appointment) for appointment in rows.objections.rows),
            *(self._credential_objection(path) for path in rows.credential_objections.rows),
        ]
        return CaseworkerDashboard(
            today=self.today,
            todays_appointments=tuple(
                self._appointment(appointment)
                for appointment in rows.appointments.rows
                if appointment.starts_on == self.today
            ),
            weeks_appointments=tuple(
                self._appointment(appointment)
                for appointment in rows.appointments.rows
                if appointment.starts_on > self.today
            ),
            deadlines=tuple(sorted(deadlines, key=lambda line: line.due_on)),
            unconfirmed=tuple(self._appointment(appointment) for appointment in rows.unconfirmed.rows),
            consents=tuple(self._consent(consent) for consent in rows.consents.rows),
            overrides=tuple(self._override(override) for override in rows.overrides.rows),
            no_contact=tuple(self._no_contact(case) for case in rows.no_contact.rows),
            cases=tuple(self._case(case, rows.standing) for case in rows.cases.rows),
            counts=Counts(
                appointments=rows.appointments.count,
                deadlines=rows.next_steps.count + rows.objections.count + rows.credential_objections.count,
                unconfirmed=rows.unconfirmed.count,
                consents=rows.consents.count,
                overrides=rows.overrides.count,
                no_contact=rows.no_contact.count,
                cases=rows.cases.count,
            ),
            as_of_position=rows.as_of_position,
        )

    def _name(self, person_id: UUID) -> str | None:
        return name_of(self.events, self.told.get(person_id))

    def _appointment(self, appointment: Appointment) -> AppointmentLine:
        booked = entry_at(self.events, appointment.booked_position, appointment.corrections)
        return AppointmentLine(
            mentorship_id=appointment.mentorship_id,
            appointment_id=appointment.appointment_id,
            trainee_name=self._name(appointment.trainee_id),
            type=appointment.type,
            starts_on=appointment.starts_on,
            starts_at=appointment.starts_at.astimezone(self.zone),
            authority=told(booked, "authority"),
            office=told(booked, "office"),
            papers_needed=told(booked, "papers_needed"),
        )

    def _next_step(self, appointment: Appointment) -> DeadlineLine:
        concluded = entry_at(self.events, appointment.concluded_position, appointment.corrections)
        return DeadlineLine(
            kind=DeadlineKind.NEXT_STEP,
            mentorship_id=appointment.mentorship_id,
            appointment_id=appointment.appointment_id,
            credential_id=None,
            trainee_name=self._name(appointment.trainee_id),
            what=told(concluded, "next_step"),
            **self._due(appointment.deadline),
        )

    def _objection(self, appointment: Appointment) -> DeadlineLine:
        booked = entry_at(self.events, appointment.booked_position, appointment.corrections)
        return DeadlineLine(
            kind=DeadlineKind.OBJECTION,
            mentorship_id=appointment.mentorship_id,
            appointment_id=appointment.appointment_id,
            credential_id=None,
            trainee_name=self._name(appointment.trainee_id),
            what=told(booked, "authority") or told(booked, "office"),
            **self._due(appointment.objection_until),
        )

    def _credential_objection(self, path: CredentialPath) -> DeadlineLine:
        decided = entry_at(self.events, path.decided_position, path.corrections)
        return DeadlineLine(
            kind=DeadlineKind.OBJECTION,
            mentorship_id=path.mentorship_id,
            appointment_id=None,
            credential_id=path.credential_id,
            trainee_name=self._name(path.trainee_id),
            what=told(decided, "authority"),
            **self._due(path.objection_until),
        )

    def _due(self, day: date | None) -> _Due:
        assert day is not None, "the statement asked for those with a day"
        return {"due_on": day, "days_left": (day - self.today).days}

    def _consent(self, consent: ConsentRow) -> ConsentLine:
        return ConsentLine(
            mentorship_id=consent.mentorship_id,
            trainee_name=self._name(consent.trainee_id),
            purpose=consent.purpose,
            status=consent.status,
            valid_until=consent.valid_until,
            days_left=None if consent.valid_until is None else (consent.valid_until - self.today).days,
        )

    def _override(self, override: ConsentOverride) -> OverrideLine:
        return OverrideLine(
            mentorship_id=override.mentorship_id,
            version=override.version,
            trainee_name=self._name(override.trainee_id),
            purpose=override.purpose,
            reason=override.reason,
            overridden_by=override.overridden_by,
            ends_at=override.ends_at.astimezone(self.zone),
            days=(self.today - override.begins_on).days,
        )

    def _no_contact(self, case: Case) -> NoContactLine:
        return NoContactLine(
            mentorship_id=case.mentorship_id,
            trainee_name=self._name(case.trainee_id),
            mentor_name=self._name(case.mentor_id),
            last_contact_on=case.last_contact_on,
            days=(self.today - (case.last_contact_on or case.started_on)).days,
        )

    def _case(self, case: Case, standing: Mapping[tuple[UUID, Purpose], ConsentStatus]) -> CaseLine:
        return CaseLine(
            mentorship_id=case.mentorship_id,
            reference=told(self.events.get(case.started_position), "reference"),
            trainee_id=case.trainee_id,
            trainee_name=self._name(case.trainee_id),
            mentor_id=case.mentor_id,
            mentor_name=self._name(case.mentor_id),
            caseworker_id=case.caseworker_id,
            track=case.track,
            started_on=case.started_on,
            paused_on=case.paused_on,
            last_contact_on=case.last_contact_on,
            consents=tuple(
                CaseConsent(purpose, standing.get((case.mentorship_id, purpose), ConsentStatus.MISSING))
                for purpose in WATCHED
            ),
        )
