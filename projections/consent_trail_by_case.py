"""The consent trail summed up: how many decisions and acts each case has, and how many gaps."""

from dataclasses import dataclass
from uuid import UUID

import psycopg

from audit.consent_trail import Judgement


@dataclass(frozen=True, slots=True)
class CaseTrail:
    """`gaps` are the acts that no consent covered."""

    mentorship_id: UUID
    decisions: int
    acts: int
    gaps: int


@dataclass(frozen=True, slots=True)
class CaseTrailsPage:
    """Those with the most gaps first. `after` asks for the next page, by gaps and id; None on the last one."""

    cases: tuple[CaseTrail, ...]
    after: tuple[int, UUID] | None


async def consent_trails_by_case(
    connection: psycopg.AsyncConnection,
    *,
    organisation_id: UUID,
    after: tuple[int, UUID] | None = None,
    limit: int = 50,
) -> CaseTrailsPage:
    """Every case in which anything was decided or done."""
    gaps, mentorship_id = after or (None, None)
    cursor = await connection.execute(
        """
        WITH summed AS (
            SELECT mentorship_id, sum(decisions)::integer AS decisions, sum(acts)::integer AS acts, sum(gaps)::integer AS gaps
            FROM (
                SELECT mentorship_id, count(*) AS decisions, 0 AS acts, 0 AS gaps
                FROM projections.consent_decisions WHERE organisation_id = %(organisation_id)s GROUP BY mentorship_id
                UNION ALL
                SELECT mentorship_id, 0, count(*), count(*) FILTER (WHERE judgement = ANY(%(gap)s))
                FROM projections.consent_acts WHERE organisation_id = %(organisation_id)s GROUP BY mentorship_id
            ) counted
            GROUP BY mentorship_id
        )
        SELECT mentorship_id, decisions, acts, gaps FROM summed
        WHERE %(gaps)s::integer IS NULL OR (-gaps, mentorship_id) > (-%(gaps)s::integer, %(mentorship_id)s::uuid)
        ORDER BY -gaps, mentorship_id
        LIMIT %(limit)s + 1
        """,
        {
            "organisation_id": organisation_id,
            "gap": [judgement.value for judgement in Judgement if judgement.is_gap],
            "gaps": gaps,
            "mentorship_id": mentorship_id,
            "limit": limit,
        },
    )
    found = [CaseTrail(*row) for row in await cursor.fetchall()]
    page = found[:limit]
    return CaseTrailsPage(tuple(page), (page[-1].gaps, page[-1].mentorship_id) if len(found) > limit else None)
