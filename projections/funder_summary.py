"""A summary for coordinators: persons served, sessions, accompaniments, credentials, employment. Exact figures; persons, never rows.

What funders get is a report that was made safe and released; see projections/reports.py.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, LiteralString
from uuid import UUID

import psycopg

from domain.vocabulary import AppointmentOutcome, AppointmentType, OutcomeStatus, RecognitionResult
from projections.projection import as_of

LOST_AFTER = timedelta(days=90)
# The stage, in the credential paths that come with the service, at which an authority has the application.
APPLICATION = "application-filed"


@dataclass(frozen=True, slots=True)
class TypeCount:
    type: AppointmentType
    count: int


@dataclass(frozen=True, slots=True)
class OutcomeCount:
    outcome: AppointmentOutcome
    count: int


@dataclass(frozen=True, slots=True)
class TypeOutcomeCount:
    type: AppointmentType
    outcome: AppointmentOutcome
    count: int


@dataclass(frozen=True, slots=True)
class ResultCount:
    result: RecognitionResult
    count: int


@dataclass(frozen=True, slots=True)
class StatusCount:
    """Persons by what was found at their latest follow-up in the period. Unknown is a finding."""

    status: OutcomeStatus
    count: int


@dataclass(frozen=True, slots=True)
class FunderSummary:
    """Figures of the period from `since` to `until`, both days included; None is open.

    - `persons_served`: trainees with a session, an accompaniment or an appointment held in the period, each counted once
    - `left_out`: those of them who are in no figure: they objected to being counted, the use of their data is restricted, they are
      erased, or no consent to funder reporting stands where that is asked for
    - `mentorships_active` ran on at least one day of the period
    - `session_hours` to a tenth
    - `credentials_…` count recognition paths: opened, applied for or decided in the period
    - `employment`: persons by status at their latest follow-up in the period
    - `lost_to_follow_up`: persons whose mentorship closed in the period, 90 days ago or more, with no follow-up since
    """

    since: date | None
    until: date | None
    reporting_consent_only: bool
    persons_served: int
    left_out: int
    mentorships_active: int
    mentorships_started: int
    mentorships_closed: int
    sessions_held: int
    session_hours: float
    accompaniments: int
    accompaniments_by_type: tuple[TypeCount, ...]
    accompaniments_by_outcome: tuple[OutcomeCount, ...]
    accompaniments_by_type_and_outcome: tuple[TypeOutcomeCount, ...]
    credentials_opened: int
    credentials_applied: int
    credentials_decided: int
    credentials_by_result: tuple[ResultCount, ...]
    employment: tuple[StatusCount, ...]
    lost_to_follow_up: int
    as_of_position: int


async def funder_summary(
    connection: psycopg.AsyncConnection,
    *,
    organisation_id: UUID,
    since: date | None,
    until: date | None,
    reporting_consent_only: bool,
    today: date,
) -> FunderSummary:
    """The figures as they stand today.

    With `reporting_consent_only` only people count whose last decision on funder reporting, over all of their mentorships, is a
    consent in force today. Whoever objected to being counted, or whose data rest, is in no figure either way.
    """
    values = {
        "organisation_id": organisation_id,
        "since": since or date.min,
        "until": until or date.max,
        "today": today,
        "lost_before": min(until or today, today) - LOST_AFTER,
        "consented_only": reporting_consent_only,
        "application": APPLICATION,
    }
    as_of_position = await as_of(connection, "cases", "consents", "appointments", "credentials", "rights")
    figures = (await _rows(connection, _FIGURES, values))[0]
    accompaniments = [
        TypeOutcomeCount(AppointmentType(kind), AppointmentOutcome(outcome), count)
        for kind, outcome, count in await _rows(connection, _ACCOMPANIMENTS, values)
    ]
    results = {RecognitionResult(result): count for result, count in await _rows(connection, _RESULTS, values)}
    statuses = {OutcomeStatus(status): count for status, count in await _rows(connection, _EMPLOYMENT, values)}
    return FunderSummary(
        since=since,
        until=until,
        reporting_consent_only=reporting_consent_only,
        persons_served=figures[0],
        left_out=figures[1],
        mentorships_active=figures[2],
        mentorships_started=figures[3],
        mentorships_closed=figures[4],
        sessions_held=figures[5],
        session_hours=round(figures[6] / 60, 1),
        accompaniments=sum(cell.count for cell in accompaniments),
        accompaniments_by_type=tuple(
            TypeCount(kind, sum(cell.count for cell in accompaniments if cell.type is kind)) for kind in AppointmentType
        ),
        accompaniments_by_outcome=tuple(
            OutcomeCount(outcome, sum(cell.count for cell in accompaniments if cell.outcome is outcome))
            for outcome in AppointmentOutcome
        ),
        accompaniments_by_type_and_outcome=tuple(accompaniments),
        credentials_opened=figures[7],
        credentials_applied=figures[8],
        credentials_decided=sum(results.values()),
        credentials_by_result=tuple(ResultCount(result, results.get(result, 0)) for result in RecognitionResult),
        employment=tuple(StatusCount(status, statuses.get(status, 0)) for status in OutcomeStatus),
        lost_to_follow_up=figures[9],
        as_of_position=as_of_position,
    )


def quarters(today: date, number: int = 4) -> tuple[tuple[date, date], ...]:
    """First and last day of the last calendar quarters that are over, newest first."""
    found = []
    first = date(today.year, today.month - (today.month - 1) % 3, 1)
    for _ in range(number):
        last = first - timedelta(days=1)
        first = date(last.year, last.month - 2, 1)
        found.append((first, last))
    return tuple(found)


async def _rows(
    connection: psycopg.AsyncConnection, query: LiteralString, values: dict[str, Any]
) -> list[tuple[Any, ...]]:
    cursor = await connection.execute(query, values)
    return await cursor.fetchall()


# Of several decisions on funder reporting, in one mentorship or in two, the last one made is the person's word.
_WHO: LiteralString = """
    WITH last_word AS (
        SELECT DISTINCT ON (trainee_id) trainee_id, state, valid_from, valid_until
        FROM projections.consents
        WHERE organisation_id = %(organisation_id)s AND purpose = 'funder-reporting'
        ORDER BY trainee_id, decided_on DESC, coalesce(decided_at, 'infinity') DESC, position DESC
    ),
    consented AS (
        SELECT trainee_id FROM last_word
        WHERE state IN ('given', 'renewed')
            AND coalesce(valid_from, '-infinity') <= %(today)s AND coalesce(valid_until, 'infinity') >= %(today)s
    ),
    at_rest AS (
        SELECT person_id FROM projections.rights
        WHERE organisation_id = %(organisation_id)s AND (restricted_on IS NOT NULL OR state IN ('approved', 'erased'))
        UNION
        SELECT person_id FROM projections.objections_to_counting WHERE organisation_id = %(organisation_id)s
    ),
    counted AS (
        SELECT DISTINCT trainee_id FROM projections.cases
        WHERE organisation_id = %(organisation_id)s AND trainee_id NOT IN (SELECT person_id FROM at_rest)
            AND (NOT %(consented_only)s OR trainee_id IN (SELECT trainee_id FROM consented))
    ),
    cases AS (
        SELECT * FROM projections.cases WHERE organisation_id = %(organisation_id)s
    ),
    contacts AS (
        SELECT * FROM projections.contacts
        WHERE organisation_id = %(organisation_id)s AND occurred_on BETWEEN %(since)s AND %(until)s
    ),
    held AS (
        SELECT * FROM projections.appointments
        WHERE organisation_id = %(organisation_id)s AND concluded_on BETWEEN %(since)s AND %(until)s
            AND status IN ('concluded', 'accompanied')
    ),
    served AS (
        SELECT trainee_id FROM contacts WHERE kind IN ('session', 'accompaniment') UNION SELECT trainee_id FROM held
    ),
    paths AS (
        SELECT * FROM projections.credentials
        WHERE organisation_id = %(organisation_id)s AND trainee_id IN (SELECT trainee_id FROM counted)
    )
"""
_FIGURES: LiteralString = f"""
    {_WHO}
    SELECT
        (SELECT count(*) FROM served WHERE trainee_id IN (SELECT trainee_id FROM counted)),
        (SELECT count(*) FROM served WHERE trainee_id NOT IN (SELECT trainee_id FROM counted)),
        mentorships.*,
        sessions.*,
        credentials.*,
        (
            SELECT count(DISTINCT trainee_id) FROM cases c
            WHERE closed_on BETWEEN %(since)s AND %(lost_before)s AND trainee_id IN (SELECT trainee_id FROM counted)
                AND NOT EXISTS (
                    SELECT FROM projections.contacts f
                    WHERE f.organisation_id = c.organisation_id AND f.trainee_id = c.trainee_id
                        AND f.kind = 'follow-up' AND f.occurred_on >= c.closed_on
                )
        )
    FROM (
        SELECT
            count(*) FILTER (WHERE started_on <= %(until)s AND coalesce(closed_on, 'infinity') >= %(since)s),
            count(*) FILTER (WHERE started_on BETWEEN %(since)s AND %(until)s),
            count(*) FILTER (WHERE closed_on BETWEEN %(since)s AND %(until)s)
        FROM cases WHERE trainee_id IN (SELECT trainee_id FROM counted)
    ) mentorships,
    (
        SELECT count(*), coalesce(sum(minutes), 0)
        FROM contacts WHERE kind = 'session' AND trainee_id IN (SELECT trainee_id FROM counted)
    ) sessions,
    (
        SELECT
            count(*) FILTER (WHERE opened_on BETWEEN %(since)s AND %(until)s),
            count(*) FILTER (WHERE EXISTS (
                SELECT FROM unnest(step_stages, step_days) AS step (stage, taken_on)
                WHERE stage = %(application)s AND taken_on BETWEEN %(since)s AND %(until)s
            ))
        FROM paths
    ) credentials
"""  # noqa: S608 - literals of this file
_ACCOMPANIMENTS: LiteralString = f"""
    {_WHO}
    SELECT type, outcome, count(*) FROM held
    WHERE status = 'accompanied' AND trainee_id IN (SELECT trainee_id FROM counted)
    GROUP BY type, outcome ORDER BY type, outcome
"""  # noqa: S608 - literals of this file
_RESULTS: LiteralString = f"""
    {_WHO}
    SELECT result, count(*) FROM paths WHERE decided_on BETWEEN %(since)s AND %(until)s GROUP BY result
"""  # noqa: S608 - literals of this file
_EMPLOYMENT: LiteralString = f"""
    {_WHO}
    SELECT status, count(*) FROM (
        SELECT DISTINCT ON (trainee_id) trainee_id, status FROM contacts
        WHERE kind = 'follow-up' AND trainee_id IN (SELECT trainee_id FROM counted)
        ORDER BY trainee_id, occurred_on DESC, version DESC
    ) latest GROUP BY status
"""  # noqa: S608 - literals of this file
