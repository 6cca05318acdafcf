"""The consent trail: every decision, and every act of processing beside the consent that it relied on, judged."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import psycopg

from audit.consent_trail import ActDone, DecisionMade, Judgement, Scope, judge
from domain.events import TOPICS
from domain.mentorship.consent import CONSENT_EVENTS
from domain.vocabulary import ConsentState, DataCategory, Purpose, Recipient
from projections.projection import (
    CORRECTIONS,
    MENTORSHIP_TOPICS,
    Projection,
    Rows,
    Seen,
    Stream,
    Table,
    as_of,
    corrected_value,
    select,
)


@dataclass(frozen=True, slots=True)
class ConsentDecision:
    """A decision on one purpose, data category and recipient, as it was told."""

    organisation_id: UUID
    mentorship_id: UUID
    version: int
    position: int
    actor_id: UUID
    purpose: Purpose
    data_category: DataCategory
    recipient: Recipient
    state: ConsentState
    occurred_on: date
    occurred_at: datetime | None
    recorded_at: datetime
    valid_from: date | None
    valid_until: date | None


CONSENT_DECISIONS = Table(
    "consent_decisions",
    ConsentDecision,
    """
    organisation_id uuid NOT NULL,
    mentorship_id uuid NOT NULL,
    version integer NOT NULL,
    position bigint NOT NULL,
    actor_id uuid NOT NULL,
    purpose text NOT NULL,
    data_category text NOT NULL,
    recipient text NOT NULL,
    state text NOT NULL,
    occurred_on date NOT NULL,
    occurred_at timestamptz,
    recorded_at timestamptz NOT NULL,
    valid_from date,
    valid_until date
    """,
    key=("organisation_id", "mentorship_id", "version"),
    indexes=("(organisation_id, position)",),
)

_DECISIONS = {event.TOPIC: state for state, event in CONSENT_EVENTS.items()}
_ACTS = tuple(topic for topic in MENTORSHIP_TOPICS if TOPICS[topic].PURPOSE is not None)


@dataclass(frozen=True, slots=True)
class ProcessingAct:
    """Something done with the person's data under a purpose. `told_in` is the entry that last said when, after a correction."""

    organisation_id: UUID
    mentorship_id: UUID
    version: int
    position: int
    topic: str
    actor_id: UUID
    purpose: Purpose
    occurred_on: date
    occurred_at: datetime | None
    recorded_at: datetime
    relied_on: int | None
    told_in: int
    retracted_by: int | None
    judgement: Judgement


CONSENT_ACTS = Table(
    "consent_acts",
    ProcessingAct,
    """
    organisation_id uuid NOT NULL,
    mentorship_id uuid NOT NULL,
    version integer NOT NULL,
    position bigint NOT NULL,
    topic text NOT NULL,
    actor_id uuid NOT NULL,
    purpose text NOT NULL,
    occurred_on date NOT NULL,
    occurred_at timestamptz,
    recorded_at timestamptz NOT NULL,
    relied_on integer,
    told_in integer NOT NULL,
    retracted_by integer,
    judgement text NOT NULL
    """,
    key=("organisation_id", "mentorship_id", "version"),
    indexes=("(organisation_id, position)", "(organisation_id, judgement)"),
    # A decision may be dated back, before acts that were recorded earlier: they are judged again.
    looks_back=lambda seen: seen.stream if seen.topic in CORRECTIONS or seen.topic in _DECISIONS else None,
)


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
    """Of the whole trail, not of the page. `gaps` are the acts that no consent covered."""

    decisions: int
    acts: int
    in_force: int
    as_known_then: int
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
    as_of_position = await as_of(connection)
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
        gaps=sum(counted.get(judgement, 0) for judgement in Judgement if judgement.is_gap),
    )


def _decided(seen: Seen, rows: Rows) -> None:
    fields = seen.fields
    rows.put(
        CONSENT_DECISIONS,
        ConsentDecision(
            *seen.stream,
            seen.version,
            seen.position,
            seen.actor_id,
            fields.purpose,
            fields.data_category,
            fields.recipient,
            _DECISIONS[seen.topic],
            seen.occurred_on,
            seen.occurred_at,
            seen.recorded_at,
            fields.valid_from,
            fields.valid_until,
        ),
    )
    for act in rows.of(CONSENT_ACTS, seen.stream):
        if act.purpose == fields.purpose:
            _judge(act, rows, seen.stream)


def _acted(seen: Seen, rows: Rows) -> None:
    assert seen.purpose is not None, "its class names a purpose"
    act = ProcessingAct(
        *seen.stream,
        seen.version,
        seen.position,
        seen.topic,
        seen.actor_id,
        Purpose(seen.purpose),
        seen.occurred_on,
        seen.occurred_at,
        seen.recorded_at,
        seen.fields.relied_on,
        told_in=seen.version,
        retracted_by=None,
        judgement=Judgement.NONE_NAMED,
    )
    rows.put(CONSENT_ACTS, act)
    _judge(act, rows, seen.stream)


def _corrected(seen: Seen, rows: Rows) -> None:
    """Only a correction of the day matters here: it rests on a consent that was in force on the new day."""
    act = rows.get(CONSENT_ACTS, *seen.stream, seen.fields.corrects)
    if act is not None and "occurred_on" in seen.fields.changes:
        moved = replace(
            act,
            occurred_on=corrected_value(seen.fields, "occurred_on", date, act.occurred_on),
            occurred_at=None,
            relied_on=seen.fields.relied_on or act.relied_on,
            told_in=seen.version if seen.fields.relied_on else act.told_in,
        )
        rows.put(CONSENT_ACTS, moved)
        _judge(moved, rows, seen.stream)


def _retracted(seen: Seen, rows: Rows) -> None:
    act = rows.get(CONSENT_ACTS, *seen.stream, seen.fields.corrects)
    if act is not None:
        rows.put(CONSENT_ACTS, replace(act, retracted_by=seen.version))


def _judge(act: ProcessingAct, rows: Rows, stream: Stream) -> None:
    done = ActDone(act.told_in, _relied_scope(act.purpose), act.occurred_on, act.occurred_at, act.relied_on)
    judgement = judge(done, (_made(decision) for decision in rows.of(CONSENT_DECISIONS, stream)))
    if judgement is not act.judgement:
        rows.put(CONSENT_ACTS, replace(act, judgement=judgement))


def _relied_scope(purpose: Purpose) -> Scope:
    """What everyday work asks consent to: the case record, within this organisation."""
    return purpose, DataCategory.CASE_RECORD, Recipient.THIS_ORGANISATION


def _made(decision: ConsentDecision) -> DecisionMade:
    return DecisionMade(
        decision.version,
        (decision.purpose, decision.data_category, decision.recipient),
        decision.state,
        decision.occurred_on,
        decision.occurred_at,
        decision.valid_from,
        decision.valid_until,
    )


PROJECTION = Projection(
    "consent_trail",
    1,
    (CONSENT_DECISIONS, CONSENT_ACTS),
    {
        **dict.fromkeys(_ACTS, _acted),
        **dict.fromkeys(_DECISIONS, _decided),
        "entry-corrected": _corrected,
        "entry-retracted": _retracted,
    },
)
