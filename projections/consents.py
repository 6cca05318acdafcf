"""Consents as they stand: the last decision on each purpose, data category and recipient."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from msgspec.structs import replace

from domain.mentorship.consent import CONSENT_EVENTS
from domain.occurred import Occurred
from domain.vocabulary import ConsentState, DataCategory, Purpose, Recipient
from projections.projection import Projection, Row, Rows, Seen, Table

# A coordinator needs about two months to meet everybody whose consent ends.
RUNNING_OUT = timedelta(days=60)


class Consent(Row, frozen=True):
    """`version` and `position` are those of the decision that stands.

    `latest_at` is the latest time of day known of any decision on its day: one told later with an earlier hour does not stand.
    """

    organisation_id: UUID
    mentorship_id: UUID
    purpose: Purpose
    data_category: DataCategory
    recipient: Recipient
    trainee_id: UUID
    state: ConsentState
    decided_on: date
    decided_at: datetime | None
    latest_at: datetime | None
    valid_from: date | None
    valid_until: date | None
    version: int
    position: int


CONSENTS = Table(
    "consents",
    Consent,
    """
    organisation_id uuid NOT NULL,
    mentorship_id uuid NOT NULL,
    purpose text NOT NULL,
    data_category text NOT NULL,
    recipient text NOT NULL,
    trainee_id uuid NOT NULL,
    state text NOT NULL,
    decided_on date NOT NULL,
    decided_at timestamptz,
    latest_at timestamptz,
    valid_from date,
    valid_until date,
    version integer NOT NULL,
    position bigint NOT NULL
    """,
    key=("organisation_id", "mentorship_id", "purpose", "data_category", "recipient"),
    indexes=("(organisation_id, purpose, trainee_id)",),
)


class ConsentStatus(StrEnum):
    """How a consent stands on a day. Only in force and running out permit anything."""

    IN_FORCE = "in-force"
    RUNNING_OUT = "running-out"
    NOT_YET = "not-yet"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    INVALIDATED = "invalidated"
    SUPERSEDED = "superseded"
    REFUSED = "refused"
    REQUESTED = "requested"
    DEFERRED = "deferred"
    MISSING = "missing"

    @property
    def permits(self) -> bool:
        return self in (ConsentStatus.IN_FORCE, ConsentStatus.RUNNING_OUT)


def status_on(
    today: date, state: ConsentState | None, valid_from: date | None = None, valid_until: date | None = None
) -> ConsentStatus:
    """How a decision stands on a day; None for a state means that nobody ever asked."""
    if state is None:
        return ConsentStatus.MISSING
    if not state.permits:
        return ConsentStatus(state.value)
    if valid_from is not None and today < valid_from:
        return ConsentStatus.NOT_YET
    if valid_until is None:
        return ConsentStatus.IN_FORCE
    if valid_until < today:
        return ConsentStatus.EXPIRED
    return ConsentStatus.RUNNING_OUT if valid_until - today <= RUNNING_OUT else ConsentStatus.IN_FORCE


@dataclass(frozen=True, slots=True)
class ConsentView:
    """One consent as it stands on the day asked about."""

    purpose: Purpose
    data_category: DataCategory
    recipient: Recipient
    status: ConsentStatus
    state: ConsentState
    decided_on: date
    valid_from: date | None
    valid_until: date | None
    version: int


def consents_on(today: date, consents: Sequence[Consent]) -> tuple[ConsentView, ...]:
    """In the order of the purposes in the vocabulary."""
    order = {purpose: place for place, purpose in enumerate(Purpose)}
    return tuple(
        ConsentView(
            purpose=consent.purpose,
            data_category=consent.data_category,
            recipient=consent.recipient,
            status=status_on(today, consent.state, consent.valid_from, consent.valid_until),
            state=consent.state,
            decided_on=consent.decided_on,
            valid_from=consent.valid_from,
            valid_until=consent.valid_until,
            version=consent.version,
        )
        for consent in sorted(consents, key=lambda c: (order[c.purpose], c.data_category, c.recipient))
    )


def _decided(seen: Seen, rows: Rows) -> None:
    fields = seen.fields
    stands = rows.get(CONSENTS, *seen.stream, fields.purpose, fields.data_category, fields.recipient)
    if stands is not None and stands.state.permits and _finds_invalid(seen, stands):
        # Also where it goes on to stand: a later hour of that day may be known of another decision.
        stands = replace(stands, state=ConsentState.INVALIDATED)
        rows.put(CONSENTS, stands)
    if stands is not None and stands.state.decides and not _STATES[seen.topic].decides:
        return  # asking again, or putting the answer off, decides nothing
    decided = Consent(
        *seen.stream,
        fields.purpose,
        fields.data_category,
        fields.recipient,
        fields.trainee_id,
        _STATES[seen.topic],
        seen.occurred_on,
        seen.occurred_at,
        seen.occurred_at,
        fields.valid_from,
        fields.valid_until,
        seen.version,
        seen.position,
    )
    if stands is None or (decided.state.decides and not stands.state.decides) or decided.decided_on > stands.decided_on:
        rows.put(CONSENTS, decided)
    elif decided.decided_on == stands.decided_on and not _earlier(decided.decided_at, stands.latest_at):
        rows.put(CONSENTS, replace(decided, latest_at=decided.decided_at or stands.latest_at))


def _finds_invalid(seen: Seen, stands: Consent) -> bool:
    found = Occurred(seen.occurred_on, seen.occurred_at)
    return _STATES[seen.topic] is ConsentState.INVALIDATED and Occurred(
        stands.decided_on, stands.decided_at
    ).known_before(found)


def _earlier(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and other is not None and one < other


_STATES = {event.TOPIC: state for state, event in CONSENT_EVENTS.items()}

PROJECTION = Projection("consents", 2, (CONSENTS,), dict.fromkeys(_STATES, _decided))
