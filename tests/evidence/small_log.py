"""A whole log in memory, and bundles of it: the story of tests/golden, sealed, logged and asked for, without a database.

What it makes is what the service makes, by the same functions, so that a test can change any of it as its owner could.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adapters.keys.sealing import Place, opening_key
from adapters.postgres import mapper
from adapters.postgres.stored import RecordedEvent
from audit import leaf
from audit.bundle import Contents, LogPart, OpenedValue, WholeRange, around
from audit.checkpoint import Checkpoint
from audit.consent_proof import StoredFact, prove
from audit.cosignature import Cosigner
from audit.merkle import Node, consistency_spans, inclusion_spans, node_hash, proof_from, root_of
from audit.note import Ed25519Signer, signed
from domain.events import RecordEvent
from domain.evidence import (
    AboutPeriod,
    AboutSubject,
    EvidenceOpening,
    EvidenceReason,
    EvidenceRequest,
    EvidenceSubject,
    StreamUpTo,
)
from domain.mentorship.consent import CONSENT_EVENTS
from tests.domain.scenario import MENTORSHIP, TRAINEE, on
from tests.golden.stored import ORGANISATION, RECORDED_AT, key_of, sealed
from tests.golden.write import samples

ORIGIN = "accompany.test/events"
REQUEST = UUID(int=7007)
NEIGHBOUR = UUID(int=8008)
DECISIONS = {event.TOPIC for event in CONSENT_EVENTS.values()}


def signer(name: str = ORIGIN, seed: int = 1) -> Ed25519Signer:
    return Ed25519Signer(name, Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32))


def witness(name: str, seed: int) -> Cosigner:
    return Cosigner(name, Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32))


def envelope_of(row: RecordedEvent) -> bytes:
    columns: dict[str, Any] = {
        name: {"stream_id": row.originator_id, "version": row.originator_version}.get(name, getattr(row, name, None))
        for name in leaf.EVENTS.names
    }
    return leaf.EVENTS.encode(columns)


@dataclass
class SmallLog:
    """Rows in the order of positions; `entries` are their envelopes."""

    rows: list[RecordedEvent]
    signer: Ed25519Signer = field(default_factory=signer)
    cosigners: Sequence[Cosigner] = ()

    @property
    def entries(self) -> list[bytes]:
        return [envelope_of(row) for row in self.rows]

    def leaves(self) -> list[bytes]:
        return [leaf.leaf(one) for one in self.entries]

    def checkpoint(self, size: int | None = None) -> bytes:
        leaves = self.leaves()[:size]
        note = signed(Checkpoint(self.signer.name, len(leaves), root_of(leaves)).text, self.signer)
        return note.with_signatures(one.cosign(note.text, 1_760_000_000) for one in self.cosigners).encoded()

    def node(self) -> Callable[[Node], bytes]:
        leaves = self.leaves()

        @cache
        def found(at: Node) -> bytes:
            if at.level == 0:
                return leaves[at.number]
            return node_hash(found(Node(at.level - 1, at.number * 2)), found(Node(at.level - 1, at.number * 2 + 1)))

        return found

    def part(self, positions: Iterable[int], *, since: Sequence[int] = (), whole: range | None = None) -> LogPart:
        """What a bundle holds of these positions; of those in `whole` that are not among them, the leaf alone."""
        wanted, size, node = sorted(positions), len(self.rows), self.node()
        leaves = self.leaves()
        ranged = None
        if whole is not None:
            first, last = whole[0], whole[-1]
            ranged = WholeRange(
                first,
                last,
                proof_from(around(first, last, size), node),
                {at: leaves[at - 1] for at in whole if at not in wanted},
            )
        return LogPart(
            "events",
            self.signer.verifier_key,
            self.checkpoint(),
            {at: envelope_of(self.rows[at - 1]) for at in wanted},
            {at: proof_from(inclusion_spans(at - 1, size), node) for at in wanted if whole is None or at not in whole},
            ranged,
            {old: proof_from(consistency_spans(old, size), node) for old in since},
        )


def story() -> list[RecordedEvent]:
    """A person, a mentorship with all that can happen, and somebody else's events between them; recorded a minute apart."""
    rows: list[RecordedEvent] = []
    for number, event in enumerate((one for one in samples() if "evidence" not in one.TOPIC), 1):
        rows.append(replace(sealed(event), originator_version=event.originator_version))
        if number % 5 == 0:
            rows.append(replace(sealed(event), organisation_id=NEIGHBOUR))
    return _placed(rows)


def request(
    log: Sequence[RecordedEvent], about: AboutSubject | AboutPeriod, opening: EvidenceOpening = EvidenceOpening.CONSENT
) -> list[RecordedEvent]:
    """The log with a request for evidence at its end, and one event more."""
    asked = EvidenceRequest.request_evidence(
        REQUEST,
        about=about,
        opening=opening,
        reason_code=EvidenceReason.REGULAR_AUDIT,
        reason="Yearly audit <2025> & more",
        asked=on(100),
    )
    [event] = [one for one in asked.collect_events() if isinstance(one, RecordEvent)]
    return _placed([*log, sealed(event), replace(log[-1], organisation_id=NEIGHBOUR)])


def of_mentorship(log: Sequence[RecordedEvent]) -> AboutSubject:
    versions = max(row.originator_version for row in log if row.originator_id == MENTORSHIP)
    return AboutSubject(EvidenceSubject.MENTORSHIP, MENTORSHIP, TRAINEE.id, (StreamUpTo(MENTORSHIP, versions),))


def consent_of(rows: Sequence[RecordedEvent], now: datetime | None = None) -> dict[str, Any]:
    """The service's own consent proof, as known when the evidence was asked for."""
    facts = []
    for row in rows:
        if row.organisation_id == ORGANISATION and row.originator_id == MENTORSHIP:
            assert row.position is not None
            assert row.actor_id is not None
            assert row.recorded_at is not None
            plain = {name: value for name, value in json.loads(row.state).items() if name != "sealed"}
            facts.append(
                StoredFact(
                    row.position,
                    row.originator_version,
                    row.topic,
                    row.actor_id,
                    row.purpose,
                    row.occurred_on,
                    row.occurred_at,
                    row.recorded_at,
                    plain,
                )
            )
    asked = now or next(row.recorded_at for row in rows if "evidence" in row.topic and row.recorded_at)
    return {str(MENTORSHIP): prove(MENTORSHIP, facts, asked)}


def position_of(rows: Iterable[RecordedEvent], wanted: Callable[[RecordedEvent], bool]) -> int:
    """Of the first one of the organisation's own."""
    return next(row.position for row in rows if row.organisation_id == ORGANISATION and row.position and wanted(row))


def opened(rows: Iterable[RecordedEvent], wanted: Callable[[RecordedEvent], bool]) -> list[OpenedValue]:
    found = []
    for row in rows:
        if not wanted(row):
            continue
        envelope = mapper.envelope(row)
        for group, person_id, version, value in envelope.sealed:
            place = Place(
                row.organisation_id,
                row.originator_id,
                row.originator_version,
                row.topic,
                row.schema_version,
                group,
                person_id,
            )
            if group != "mentor_id":
                prk, text = opening_key(key_of(row.organisation_id, person_id, version), value, place)
                assert row.position is not None
                found.append(OpenedValue(row.position, group, person_id, prk, text))
    return found


def contents(log: SmallLog, *, since: Sequence[int] = ()) -> Contents:
    """A bundle about the mentorship: decisions on consent opened."""
    mine = [
        row for row in log.rows if row.organisation_id == ORGANISATION and row.originator_id in (MENTORSHIP, REQUEST)
    ]
    positions = [row.position for row in mine if row.position is not None]
    return Contents(
        ORGANISATION,
        {"kind": "mentorship", "id": str(MENTORSHIP), "from": None, "until": None},
        next(row.position for row in mine if row.topic == "evidence-requested" and row.position),
        "consent",
        [log.part(positions, since=since)],
        opened(mine, lambda row: row.topic in DECISIONS or row.topic == "evidence-requested"),
        consent_of(log.rows),
    )


def requested() -> SmallLog:
    rows = story()
    return SmallLog(request(rows, of_mentorship(rows)))


def _placed(rows: Sequence[RecordedEvent]) -> list[RecordedEvent]:
    return [
        replace(row, position=number, recorded_at=RECORDED_AT + timedelta(minutes=number))
        for number, row in enumerate(rows, 1)
    ]


def changed(rows: Sequence[RecordedEvent], position: int, **columns: Any) -> list[RecordedEvent]:
    """The log as its owner could have changed it."""
    return [replace(row, **columns) if row.position == position else row for row in rows]
