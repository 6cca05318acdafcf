"""Every decision on a consent, and every act of processing with the judgement whether the consent that it names was in force."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

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
    corrected_value,
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
    "consent_acts",
    2,
    (CONSENT_DECISIONS, CONSENT_ACTS),
    {
        **dict.fromkeys(_ACTS, _acted),
        **dict.fromkeys(_DECISIONS, _decided),
        "entry-corrected": _corrected,
        "entry-retracted": _retracted,
    },
    audit=True,
)
