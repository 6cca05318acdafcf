"""Whose data may have been kept long enough: a first choice by days alone, so that the rules look at few people and not at all."""

from datetime import date
from uuid import UUID

import psycopg

# Nobody with an open mentorship, nobody erased; the last end, or without any mentorship the registration, is long enough ago.
_MAY_BE_DUE = """
    SELECT p.person_id FROM projections.people p
    LEFT JOIN projections.rights r USING (organisation_id, person_id)
    LEFT JOIN LATERAL (
        SELECT max(c.closed_on) AS last, bool_or(c.closed_on IS NULL) AS open
        FROM projections.involvements i JOIN projections.cases c USING (organisation_id, mentorship_id)
        WHERE i.organisation_id = p.organisation_id AND i.person_id = p.person_id
    ) cases ON true
    WHERE p.organisation_id = %(organisation_id)s
        AND r.state IS DISTINCT FROM 'erased' AND r.state IS DISTINCT FROM 'approved'
        AND NOT coalesce(cases.open, false)
        AND coalesce(cases.last, p.registered_on) + make_interval(years => %(years)s) < %(today)s
    ORDER BY p.person_id
    LIMIT 10000
"""


async def may_be_due(connection: psycopg.AsyncConnection, organisation_id: UUID, today: date, years: int) -> list[UUID]:
    """People to whom the shortest rule, of so many years, no longer applies. At most 10,000 at a time."""
    cursor = await connection.execute(_MAY_BE_DUE, {"organisation_id": organisation_id, "today": today, "years": years})
    return [person_id for (person_id,) in await cursor.fetchall()]
