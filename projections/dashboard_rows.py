"""What a dashboard shows, as bare rows: one statement for each list, none of which opens anything."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, LiteralString
from uuid import UUID

import psycopg

from domain.vocabulary import ConsentState, DataCategory, Purpose, Recipient
from projections.appointments import APPOINTMENTS, Appointment
from projections.cases import CASES, Case
from projections.consent_acts import CONSENT_OVERRIDES, ConsentOverride
from projections.consents import RUNNING_OUT, ConsentStatus, status_on
from projections.credentials import CREDENTIALS, CredentialPath
from projections.projection import Counted, as_of, select_counted

WEEK = timedelta(days=7)
NO_CONTACT = timedelta(days=30)
# Once its last day is well past, nothing can be done about an objection any more.
OBJECTION_SHOWN_LATE = timedelta(days=14)
# Each list has at most so many rows.
LONGEST = 500
# The purposes that everyday work needs.
WATCHED = (Purpose.MENTORING, Purpose.ACCOMPANIMENT, Purpose.CREDENTIAL_RECOGNITION)


@dataclass(frozen=True, slots=True)
class ConsentRow:
    """How the consent to one purpose stands in an open case."""

    mentorship_id: UUID
    trainee_id: UUID
    purpose: Purpose
    status: ConsentStatus
    valid_until: date | None


@dataclass(frozen=True, slots=True)
class DashboardRows:
    """`appointments` are those from today to a week on; `standing` has the consents of the cases listed."""

    appointments: Counted[Appointment]
    unconfirmed: Counted[Appointment]
    next_steps: Counted[Appointment]
    objections: Counted[Appointment]
    credential_objections: Counted[CredentialPath]
    consents: Counted[ConsentRow]
    overrides: Counted[ConsentOverride]
    no_contact: Counted[Case]
    cases: Counted[Case]
    standing: dict[tuple[UUID, Purpose], ConsentStatus]
    as_of_position: int

    def people(self) -> set[UUID]:
        """Everybody whose name is shown."""
        shown: tuple[Appointment | CredentialPath | ConsentRow | ConsentOverride | Case, ...] = (
            *self._appointments(),
            *self.credential_objections.rows,
            *self.consents.rows,
            *self.overrides.rows,
            *self.no_contact.rows,
            *self.cases.rows,
        )
        mentors = {case.mentor_id for case in (*self.no_contact.rows, *self.cases.rows)}
        return {row.trainee_id for row in shown} | mentors

    def positions(self) -> Iterator[int]:
        """The events whose words are shown, the people's details apart."""
        for appointment in self._appointments():
            yield from appointment.positions
        for path in self.credential_objections.rows:
            if path.decided_position is not None:
                yield path.decided_position
            yield from path.corrections
        for case in self.cases.rows:
            yield case.started_position

    def _appointments(self) -> tuple[Appointment, ...]:
        return (
            *self.appointments.rows,
            *self.unconfirmed.rows,
            *self.next_steps.rows,
            *self.objections.rows,
        )


async def dashboard_rows(
    connection: psycopg.AsyncConnection, organisation_id: UUID, caseworker_id: UUID | None, today: date
) -> DashboardRows:
    """The rows of a caseworker's cases, or with None of all of the organisation's."""
    # Two texts rather than one with "or none given": each gets the plan that suits it.
    whose: LiteralString = "true" if caseworker_id is None else "caseworker_id = %(caseworker_id)s"
    mine: LiteralString = f"organisation_id = %(organisation_id)s AND {whose}"
    mine_open: LiteralString = f"{mine} AND closed_on IS NULL"
    values = {
        "organisation_id": organisation_id,
        "caseworker_id": caseworker_id,
        "today": today,
        "week": today + WEEK,
        "shown_late": today - OBJECTION_SHOWN_LATE,
        "silent_since": today - NO_CONTACT,
        "running_out": today + RUNNING_OUT,
        "watched": [purpose.value for purpose in WATCHED],
        "data_category": DataCategory.CASE_RECORD.value,
        "recipient": Recipient.THIS_ORGANISATION.value,
        "longest": LONGEST,
    }
    as_of_position = await as_of(
        connection, "people", "cases", "consents", "consent_acts", "appointments", "credentials"
    )
    cases = await select_counted(
        connection, CASES, f"WHERE {mine_open} ORDER BY mentorship_id LIMIT %(longest)s", values
    )
    return DashboardRows(
        appointments=await select_counted(
            connection,
            APPOINTMENTS,
            _in_cases(mine) + "AND status = 'booked' AND starts_on BETWEEN %(today)s AND %(week)s ORDER BY starts_at"
            " LIMIT %(longest)s",
            values,
        ),
        unconfirmed=await select_counted(
            connection,
            APPOINTMENTS,
            _in_cases(mine)
            + "AND status = 'booked' AND starts_on < %(today)s ORDER BY starts_at DESC LIMIT %(longest)s",
            values,
        ),
        next_steps=await select_counted(
            connection,
            APPOINTMENTS,
            # What was to be done next ends with the mentorship; what an authority decided does not.
            _in_cases(mine_open)
            + "AND deadline IS NOT NULL AND next_step_done_on IS NULL ORDER BY deadline LIMIT %(longest)s",
            values,
        ),
        objections=await select_counted(
            connection,
            APPOINTMENTS,
            _in_cases(mine) + "AND objection_until >= %(shown_late)s ORDER BY objection_until LIMIT %(longest)s",
            values,
        ),
        credential_objections=await select_counted(
            connection,
            CREDENTIALS,
            _in_cases(mine) + "AND objection_until >= %(shown_late)s AND appealed_on IS NULL"
            " ORDER BY objection_until LIMIT %(longest)s",
            values,
        ),
        consents=await _needing_a_talk(connection, mine_open, values, today),
        overrides=await select_counted(
            connection,
            CONSENT_OVERRIDES,
            # Whether it was right is to be said also once the mentorship is closed.
            _in_cases(mine) + "AND upheld IS NULL ORDER BY begins_on, position LIMIT %(longest)s",
            values,
        ),
        no_contact=await select_counted(
            connection,
            CASES,
            f"WHERE {mine_open} AND paused_on IS NULL AND coalesce(last_contact_on, started_on) <= %(silent_since)s"
            " ORDER BY coalesce(last_contact_on, started_on) LIMIT %(longest)s",
            values,
        ),
        cases=cases,
        standing=await _standing(connection, cases.rows, values, today),
        as_of_position=as_of_position,
    )


def _in_cases(which: LiteralString) -> LiteralString:
    return f"""
        WHERE organisation_id = %(organisation_id)s AND mentorship_id IN (
            SELECT mentorship_id FROM projections.cases WHERE {which}
        )
    """  # noqa: S608 - literals of this file


# Asked in the scope that commands rely on, `domain.mentorship.consent.Scope` with nothing but a purpose.
_IN_SCOPE: LiteralString = "k.data_category = %(data_category)s AND k.recipient = %(recipient)s"


async def _needing_a_talk(
    connection: psycopg.AsyncConnection, mine_open: LiteralString, values: dict[str, Any], today: date
) -> Counted[ConsentRow]:
    query: LiteralString = f"""
        SELECT count(*) OVER (), c.mentorship_id, c.trainee_id, w.purpose, k.state, k.valid_from, k.valid_until
        FROM (SELECT mentorship_id, trainee_id FROM projections.cases WHERE {mine_open}) c
        CROSS JOIN unnest(%(watched)s::text[]) AS w (purpose)
        LEFT JOIN projections.consents k
            ON k.organisation_id = %(organisation_id)s AND k.mentorship_id = c.mentorship_id
            AND k.purpose = w.purpose AND {_IN_SCOPE}
        WHERE k.state IS NULL OR k.state IN ('requested', 'deferred', 'withdrawn', 'invalidated', 'superseded')
            OR k.state IN ('given', 'renewed') AND (k.valid_until <= %(running_out)s OR k.valid_from > %(today)s)
        ORDER BY k.valid_until NULLS LAST, c.mentorship_id, w.purpose
        LIMIT %(longest)s
    """  # noqa: S608 - literals of this file
    cursor = await connection.execute(query, values)
    found = await cursor.fetchall()
    rows = [
        ConsentRow(
            mentorship_id,
            trainee_id,
            Purpose(purpose),
            status_on(today, None if state is None else ConsentState(state), valid_from, valid_until),
            valid_until,
        )
        for _, mentorship_id, trainee_id, purpose, state, valid_from, valid_until in found
    ]
    return Counted(rows, found[0][0] if found else 0)


async def _standing(
    connection: psycopg.AsyncConnection, cases: list[Case], values: dict[str, Any], today: date
) -> dict[tuple[UUID, Purpose], ConsentStatus]:
    query: LiteralString = f"""
        SELECT k.mentorship_id, k.purpose, k.state, k.valid_from, k.valid_until FROM projections.consents k
        WHERE k.organisation_id = %(organisation_id)s AND k.mentorship_id = ANY(%(cases)s)
            AND k.purpose = ANY(%(watched)s) AND {_IN_SCOPE}
    """  # noqa: S608 - literals of this file
    cursor = await connection.execute(query, {**values, "cases": [case.mentorship_id for case in cases]})
    return {
        (mentorship_id, Purpose(purpose)): status_on(today, ConsentState(state), valid_from, valid_until)
        for mentorship_id, purpose, state, valid_from, valid_until in await cursor.fetchall()
    }
