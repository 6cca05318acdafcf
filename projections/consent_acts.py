"""Every decision on a consent, and every act of processing with the judgement whether the consent that it names was in force."""

from datetime import date, datetime
from uuid import UUID

from msgspec.structs import replace

from audit.consent_trail import ActDone, DecisionMade, Judgement, OverrideMade, Review, Scope, judge
from domain.events import TOPICS
from domain.mentorship.consent import CONSENT_EVENTS
from domain.mentorship.overrides import ConsentOverridden, OverrideReviewed
from domain.vocabulary import ConsentState, DataCategory, OverrideReason, Purpose, Recipient
from projections.projection import (
    CORRECTIONS,
    MENTORSHIP_TOPICS,
    Projection,
    Row,
    Rows,
    Seen,
    Stream,
    Table,
    corrected_value,
)


class ConsentDecision(Row, frozen=True):
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


class ConsentOverride(Row, frozen=True):
    """Hours in which data may be used for a purpose without a consent. What was found of it is None until it was reviewed."""

    organisation_id: UUID
    mentorship_id: UUID
    version: int
    position: int
    trainee_id: UUID
    purpose: Purpose
    reason: OverrideReason
    overridden_by: UUID
    begins_on: date
    begins_at: datetime | None
    ends_on: date
    ends_at: datetime
    upheld: bool | None
    reviewed_by: UUID | None
    reviewed_in: int | None


CONSENT_OVERRIDES = Table(
    "consent_overrides",
    ConsentOverride,
    """
    organisation_id uuid NOT NULL,
    mentorship_id uuid NOT NULL,
    version integer NOT NULL,
    position bigint NOT NULL,
    trainee_id uuid NOT NULL,
    purpose text NOT NULL,
    reason text NOT NULL,
    overridden_by uuid NOT NULL,
    begins_on date NOT NULL,
    begins_at timestamptz,
    ends_on date NOT NULL,
    ends_at timestamptz NOT NULL,
    upheld boolean,
    reviewed_by uuid,
    reviewed_in integer
    """,
    key=("organisation_id", "mentorship_id", "version"),
)

_OVERRIDES = (ConsentOverridden.TOPIC, OverrideReviewed.TOPIC)
_DECISIONS = {event.TOPIC: state for state, event in CONSENT_EVENTS.items()}
_ACTS = tuple(topic for topic in MENTORSHIP_TOPICS if TOPICS[topic].PURPOSE is not None)


class ProcessingAct(Row, frozen=True):
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
    looks_back=lambda seen: (
        seen.stream if seen.topic in CORRECTIONS or seen.topic in _DECISIONS or seen.topic in _OVERRIDES else None
    ),
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
        if act.purpose == fields.purpose and (judged := _judged(act, rows, seen.stream)) is not act:
            rows.put(CONSENT_ACTS, judged)


def _overridden(seen: Seen, rows: Rows) -> None:
    fields = seen.fields
    rows.put(
        CONSENT_OVERRIDES,
        ConsentOverride(
            *seen.stream,
            seen.version,
            seen.position,
            fields.trainee_id,
            fields.purpose,
            fields.reason,
            fields.overridden_by,
            seen.occurred_on,
            seen.occurred_at,
            fields.until_on,
            fields.until_at,
            upheld=None,
            reviewed_by=None,
            reviewed_in=None,
        ),
    )


def _reviewed(seen: Seen, rows: Rows) -> None:
    fields = seen.fields
    override = rows.get(CONSENT_OVERRIDES, *seen.stream, fields.override)
    if override is None:
        return
    reviewed = replace(override, upheld=fields.upheld, reviewed_by=fields.reviewed_by, reviewed_in=seen.version)
    rows.put(CONSENT_OVERRIDES, reviewed)
    for act in rows.of(CONSENT_ACTS, seen.stream):
        if act.relied_on == override.version:
            rows.put(CONSENT_ACTS, _judged(act, rows, seen.stream))


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
    rows.put(CONSENT_ACTS, _judged(act, rows, seen.stream))


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
        rows.put(CONSENT_ACTS, _judged(moved, rows, seen.stream))


def _retracted(seen: Seen, rows: Rows) -> None:
    act = rows.get(CONSENT_ACTS, *seen.stream, seen.fields.corrects)
    if act is not None:
        rows.put(CONSENT_ACTS, replace(act, retracted_by=seen.version))


def _judged(act: ProcessingAct, rows: Rows, stream: Stream) -> ProcessingAct:
    done = ActDone(act.told_in, _relied_scope(act.purpose), act.occurred_on, act.occurred_at, act.relied_on)
    judgement = judge(
        done,
        (_made(decision) for decision in rows.of(CONSENT_DECISIONS, stream)),
        (_override_made(override) for override in rows.of(CONSENT_OVERRIDES, stream)),
    )
    return act if judgement is act.judgement else replace(act, judgement=judgement)


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


def _override_made(override: ConsentOverride) -> OverrideMade:
    review = None
    if override.reviewed_in is not None and override.upheld is not None:
        review = Review(override.reviewed_in, override.upheld, str(override.reviewed_by))
    return OverrideMade(
        override.version,
        override.purpose,
        override.reason,
        override.begins_on,
        override.begins_at,
        override.ends_on,
        override.ends_at,
        str(override.overridden_by),
        review,
    )


PROJECTION = Projection(
    "consent_acts",
    3,
    (CONSENT_DECISIONS, CONSENT_ACTS, CONSENT_OVERRIDES),
    {
        **dict.fromkeys(_ACTS, _acted),
        **dict.fromkeys(_DECISIONS, _decided),
        ConsentOverridden.TOPIC: _overridden,
        OverrideReviewed.TOPIC: _reviewed,
        "entry-corrected": _corrected,
        "entry-retracted": _retracted,
    },
    audit=True,
)
