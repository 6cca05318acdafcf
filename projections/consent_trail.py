"""The consent trail: every decision, and every act of processing beside the consent that it relied on, judged."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import psycopg

from audit.consent_trail import Judgement
from domain.mentorship.consent import CONSENT_EVENTS
from domain.vocabulary import ConsentState, DataCategory, Purpose, Recipient
from projections.consent_acts import CONSENT_ACTS, CONSENT_DECISIONS, PROJECTION, ConsentDecision, ProcessingAct
from projections.projection import as_of, select


class TrailKind(StrEnum):
    DECISION = "decision"
    ACT = "act"


@dataclass(frozen=True, slots=True)
class ReliedOn:
    """The consent that an act names."""

    version: int
    state: ConsentState
    decided_on: date
    valid_from: date | None
    valid_until: date | None


@dataclass(frozen=True, slots=True)
class TrailEntry:
    """A decision (with `state`, `data_category`, `recipient` and validity) or an act (with `relied_on` and `judgement`)."""

    kind: TrailKind
    mentorship_id: UUID
    version: int
    position: int
    topic: str
    purpose: Purpose
    occurred_on: date
    occurred_at: datetime | None
    recorded_at: datetime
    actor_id: UUID
    state: ConsentState | None = None
    data_category: DataCategory | None = None
    recipient: Recipient | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    relied_on: ReliedOn | None = None
    judgement: Judgement | None = None
    is_gap: bool = False
    retracted_by: int | None = None


@dataclass(frozen=True, slots=True)
class TrailTotals:
    """Of the whole trail, not of the page. `gaps` are the acts that neither a consent nor an upheld override covered."""

    decisions: int
    acts: int
    in_force: int
    as_known_then: int
    under_override: int
    gaps: int


@dataclass(frozen=True, slots=True)
class ConsentTrail:
    """Last recorded first. `before` is the position to ask for the next page with; None on the last one."""

    entries: tuple[TrailEntry, ...]
    before: int | None
    totals: TrailTotals
    as_of_position: int


async def consent_trail(
    connection: psycopg.AsyncConnection,
    *,
    organisation_id: UUID,
    mentorship_id: UUID | None = None,
    before: int | None = None,
    limit: int = 50,
) -> ConsentTrail:
    """The trail of one mentorship or of the whole organisation: entries recorded before the position `before`, or the last ones."""
    values = {
        "organisation_id": organisation_id,
        "mentorship_id": mentorship_id,
        "before": 2**63 - 1 if before is None else before,
        "limit": limit,
    }
    as_of_position = await as_of(connection, PROJECTION.name)
    found = [
        *(_decision_entry(row) for row in await select(connection, CONSENT_DECISIONS, _PAGE, values)),
        *await _act_entries(connection, await select(connection, CONSENT_ACTS, _PAGE, values)),
    ]
    found.sort(key=lambda entry: entry.position, reverse=True)
    page = found[:limit]
    return ConsentTrail(
        entries=tuple(page),
        before=page[-1].position if len(found) > limit else None,
        totals=await _totals(connection, organisation_id, mentorship_id),
        as_of_position=as_of_position,
    )


_PAGE = """
    WHERE organisation_id = %(organisation_id)s
        AND (%(mentorship_id)s::uuid IS NULL OR mentorship_id = %(mentorship_id)s)
        AND position < %(before)s
    ORDER BY position DESC
    LIMIT %(limit)s + 1
"""


def _decision_entry(row: ConsentDecision) -> TrailEntry:
    return TrailEntry(
        kind=TrailKind.DECISION,
        mentorship_id=row.mentorship_id,
        version=row.version,
        position=row.position,
        topic=CONSENT_EVENTS[row.state].TOPIC,
        purpose=row.purpose,
        occurred_on=row.occurred_on,
        occurred_at=row.occurred_at,
        recorded_at=row.recorded_at,
        actor_id=row.actor_id,
        state=row.state,
        data_category=row.data_category,
        recipient=row.recipient,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
    )


async def _act_entries(connection: psycopg.AsyncConnection, rows: list[ProcessingAct]) -> list[TrailEntry]:
    named = [row for row in rows if row.relied_on is not None]
    decisions = await select(
        connection,
        CONSENT_DECISIONS,
        """
        WHERE (organisation_id, mentorship_id, version) IN (
            SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::integer[])
        )
        """,
        (
            [row.organisation_id for row in named],
            [row.mentorship_id for row in named],
            [row.relied_on for row in named],
        ),
    )
    relied_on = {
        (d.mentorship_id, d.version): ReliedOn(d.version, d.state, d.occurred_on, d.valid_from, d.valid_until)
        for d in decisions
    }
    return [
        TrailEntry(
            kind=TrailKind.ACT,
            mentorship_id=row.mentorship_id,
            version=row.version,
            position=row.position,
            topic=row.topic,
            purpose=row.purpose,
            occurred_on=row.occurred_on,
            occurred_at=row.occurred_at,
            recorded_at=row.recorded_at,
            actor_id=row.actor_id,
            relied_on=None if row.relied_on is None else relied_on.get((row.mentorship_id, row.relied_on)),
            judgement=row.judgement,
            is_gap=row.judgement.is_gap,
            retracted_by=row.retracted_by,
        )
        for row in rows
    ]


async def _totals(
    connection: psycopg.AsyncConnection, organisation_id: UUID, mentorship_id: UUID | None
) -> TrailTotals:
    cursor = await connection.execute(
        """
        SELECT 'decision', count(*) FROM projections.consent_decisions
        WHERE organisation_id = %(organisation_id)s
            AND (%(mentorship_id)s::uuid IS NULL OR mentorship_id = %(mentorship_id)s)
        UNION ALL
        SELECT judgement, count(*) FROM projections.consent_acts
        WHERE organisation_id = %(organisation_id)s
            AND (%(mentorship_id)s::uuid IS NULL OR mentorship_id = %(mentorship_id)s)
        GROUP BY judgement
        """,
        {"organisation_id": organisation_id, "mentorship_id": mentorship_id},
    )
    counted: dict[str, int] = dict(await cursor.fetchall())
    return TrailTotals(
        decisions=counted.get("decision", 0),
        acts=sum(counted.get(judgement, 0) for judgement in Judgement),
        in_force=counted.get(Judgement.IN_FORCE, 0),
        as_known_then=counted.get(Judgement.AS_KNOWN_THEN, 0),
        under_override=counted.get(Judgement.UNDER_OVERRIDE, 0),
        gaps=sum(counted.get(judgement, 0) for judgement in Judgement if judgement.is_gap),
    )
