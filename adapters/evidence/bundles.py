"""Makes the bundle that a request for evidence asks for: rows as the log has them, proofs, what may be read, and who looked."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, LiteralString
from uuid import UUID

import msgspec
from psycopg.rows import dict_row

from adapters.disclosure import Disclosure, NobodyAnswers, OpenedEvent
from adapters.evidence.logged import LOGS
from adapters.evidence.reading import LogReader, NotInLog
from adapters.evidence.stored import StoredCheckpoint
from adapters.keys.key_ring import KeyRing
from adapters.keys.sealing import Place, Unreadable, opening_key
from adapters.postgres import mapper
from adapters.postgres.pool import Pool
from adapters.postgres.shapes import SEALED
from adapters.postgres.stored import RecordedEvent
from application.caller import Caller
from application.evidence import refuse_unless_may_open
from application.permissions import refuse_unless
from audit.bundle import Contents, Examined, LogPart, OpenedValue, WholeRange, around, examined, packed
from audit.consent_proof import StoredFact, prove
from audit.leaf import Envelope
from audit.merkle import Node, consistency_spans, inclusion_spans, proof_from
from audit.note import VerifierKey
from domain.errors import Busy, NotFound, RuleBroken
from domain.evidence import EvidenceOpening, EvidenceRequested, EvidenceSubject, PeriodEvidenceRequested
from domain.mentorship.consent import CONSENT_EVENTS

# A request is in the log within a second. A bundle waits that long for it, and no longer.
PATIENCE = 15.0
LOOK_AGAIN = 0.2
DECISIONS = frozenset(event.TOPIC for event in CONSENT_EVENTS.values())

OF_STREAMS: LiteralString = """
    JOIN unnest(%(streams)s::uuid[], %(versions)s::int[]) AS s (stream, last)
        ON stream_id = s.stream AND version <= s.last
    WHERE organisation_id = %(organisation)s ORDER BY position
"""
OF_POSITIONS: LiteralString = (
    "WHERE organisation_id = %(organisation)s AND position BETWEEN %(first)s AND %(last)s ORDER BY position"
)
OF_STREAM: LiteralString = "WHERE organisation_id = %(organisation)s AND stream_id = %(stream)s ORDER BY position"
OF_SUBJECT: Mapping[EvidenceSubject, LiteralString] = {
    EvidenceSubject.MENTORSHIP: """
        WHERE organisation_id = %(organisation)s AND mentorship_id = %(subject)s AND position <= %(last)s ORDER BY position
    """,
    EvidenceSubject.PERSON: """
        WHERE organisation_id = %(organisation)s AND person_id = %(subject)s AND position <= %(last)s ORDER BY position
    """,
}


class EvidenceNotYetLogged(Busy):
    """The transparency log has not taken the request in yet, or stands still."""

    code = "evidence-not-yet-logged"
    message = "The log has not taken this in yet. Ask again in a moment; if that does not help, the log stands still."


class LogSmallerThanKnown(RuleBroken):
    """A slip of the one who asks, or what they are there to find."""

    code = "log-smaller-than-known"
    message = (
        "This log has fewer entries than the checkpoint that you kept. If the size is right, the log was put back: "
        "nothing in it is proven, keep your checkpoint, and have `accompany audit verify --checkpoint` run with it."
    )


type Known = Mapping[str, int]
"""Of each log the size of the checkpoint that the one who asks has kept: the bundle leads from there to its own."""


@dataclass(frozen=True, slots=True)
class _Row:
    position: int
    envelope: bytes
    columns: Mapping[str, Any]


class Bundles:
    """One for each process. `logs` are the transparency logs by name, `keys` of their public keys; two bundles are made at a time."""

    def __init__(
        self, pool: Pool, ring: KeyRing, logs: Mapping[str, LogReader], keys: Mapping[str, VerifierKey]
    ) -> None:
        self._pool = pool
        self._ring = ring
        self._logs = logs
        self.keys = keys
        self._turns = asyncio.Semaphore(2)

    async def make(self, by: Caller, request_id: UUID, known: Known) -> bytes:
        """The bundle as a ZIP file. What it opens is held against the caller.

        Raises NotAllowed, OpeningNotAllowed, NotFound, EvidenceNotYetLogged, LogSmallerThanKnown, BundleDoubtful, or as the pool and
        the key ring do.
        """
        refuse_unless(by, "request_evidence")
        disclosure = Disclosure.current()
        if disclosure is None:
            raise NobodyAnswers
        asked, request = await self._asked(by, request_id)
        refuse_unless_may_open(by, request.opening)
        is_period = asked.columns["topic"] == PeriodEvidenceRequested.TOPIC
        rows = await self._events(by, request, is_period)
        envelopes = [mapper.envelope(_recorded(row)) for row in [*rows, asked]]
        opened = await self._opened(by, envelopes, request.opening)
        _tell(disclosure, envelopes, opened)
        consents = _consents(envelopes, asked.columns["recorded_at"])
        whole = range(request.first_position, request.last_position + 1) if is_period else None
        parts = [await self._part("events", [*rows, asked], asked.position, whole, known)]
        if "access" in self._logs:
            parts += await self._accesses(by, request, is_period, known)
        subject = {
            "kind": "period" if is_period else request.subject.value,
            "id": None if is_period else str(request.subject_id),
            "from": request.recorded_from.isoformat() if is_period else None,
            "until": request.recorded_until.isoformat() if is_period else None,
        }
        contents = Contents(by.organisation_id, subject, asked.position, request.opening.value, parts, opened, consents)
        async with self._turns:
            return await asyncio.to_thread(packed, contents)

    async def refuse_unless_about(self, by: Caller, request_id: UUID, subject_id: UUID) -> None:
        """Raises NotFound where there is no such request about this mentorship or person."""
        _, request = await self._asked(by, request_id)
        if getattr(request, "subject_id", None) != subject_id:
            raise NotFound

    async def examine(self, by: Caller, mentorship_id: UUID) -> tuple[Examined, StoredCheckpoint, int]:
        """The proof of one mentorship against the first checkpoint that holds all of it: what was found, the checkpoint, and how many
        timestamps it has. Nothing is opened.

        Raises NotFound, EvidenceNotYetLogged, or as the pool does. Whether the caller may see the case is theirs to check.
        """
        rows = await self._rows("events", by, OF_STREAM, {"stream": mentorship_id})
        if not rows:
            raise NotFound
        checkpoint = await _logged(self._logs["events"], rows[-1].position)
        consents = _consents([mapper.envelope(_recorded(row)) for row in rows], rows[-1].columns["recorded_at"])
        part = await self._part("events", rows, checkpoint.size, None, {})
        found = await asyncio.to_thread(examined, by.organisation_id, mentorship_id, part, consents)
        return found, checkpoint, len(part.timestamps)

    async def _asked(self, by: Caller, request_id: UUID) -> tuple[_Row, Any]:
        """A request's row and what is plain in it. Raises NotFound."""
        found = await self._rows("events", by, OF_STREAM, {"stream": request_id})
        if not found or found[0].columns["topic"] not in (EvidenceRequested.TOPIC, PeriodEvidenceRequested.TOPIC):
            raise NotFound
        return found[0], mapper.envelope(_recorded(found[0])).plain

    async def _events(self, by: Caller, request: Any, is_period: bool) -> list[_Row]:
        if is_period:
            wanted = {"first": request.first_position, "last": request.last_position}
            return await self._rows("events", by, OF_POSITIONS, wanted)
        streams = [one.stream_id for one in request.streams]
        versions = [one.versions for one in request.streams]
        return await self._rows("events", by, OF_STREAMS, {"streams": streams, "versions": versions})

    async def _accesses(self, by: Caller, request: Any, is_period: bool, known: Known) -> list[LogPart]:
        if is_period:
            if request.first_access is None:
                return []
            wanted = {"first": request.first_access, "last": request.last_access}
            rows = await self._rows("access", by, OF_POSITIONS, wanted)
            whole = range(request.first_access, request.last_access + 1)
            return [await self._part("access", rows, request.last_access, whole, known)]
        rows, last = await self._accesses_of(by, request)
        return [await self._part("access", rows, last, None, known)] if last else []

    async def _accesses_of(self, by: Caller, request: Any) -> tuple[list[_Row], int]:
        """The subject's entries up to the newest checkpoint, once it has all that the request counted; and its size.

        0 where nobody has looked at anything yet: then there is no checkpoint either.
        """
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    rows: list[_Row] = []
                    last = 0
                    with suppress(NotInLog):
                        last = (await self._logs["access"].newest()).size
                        wanted = {"subject": request.subject_id, "last": last}
                        rows = await self._rows("access", by, OF_SUBJECT[request.subject], wanted)
                    if len(rows) >= (request.access_entries or 0):
                        return rows, last
                    await asyncio.sleep(LOOK_AGAIN)
        except TimeoutError:
            raise EvidenceNotYetLogged from None

    async def _rows(self, log: str, by: Caller, which: LiteralString, wanted: Mapping[str, Any]) -> list[_Row]:
        """Rows of the caller's organisation, each with the envelope that its leaf is a hash of."""
        logged = next(one for one in LOGS if one.name == log)
        columns: Any = ", ".join(logged.envelope.names)
        schema, table = logged.table
        query: Any = f"SELECT {columns} FROM {schema}.{table} {which}"  # noqa: S608  # names of ours
        asked = {"organisation": by.organisation_id, **wanted}
        found = await self._pool.rows(by.organisation_id, query, asked, row_factory=dict_row)
        return [_Row(row["position"], _enveloped(logged.envelope, row), row) for row in found]

    async def _opened(
        self, by: Caller, envelopes: Sequence[mapper.Envelope], opening: EvidenceOpening
    ) -> list[OpenedValue]:
        """What may be read of the trainee, or of the person, and the request's own reason. What nobody can read any more is left out."""
        wanted = [one for one in envelopes if _may_be_read(one.stored, opening)]
        keys = await self._ring.fetch(by.organisation_id, mapper.needed(wanted))
        found = []
        for one in wanted:
            for group, person_id, version, sealed in one.sealed:
                place = Place(
                    by.organisation_id,
                    one.stream_id,
                    one.stored.originator_version,
                    one.stored.topic,
                    one.stored.schema_version,
                    group,
                    person_id,
                )
                if group == "mentor_id":
                    continue
                try:
                    prk, text = opening_key(keys(by.organisation_id, person_id, version), sealed, place)
                except Unreadable:
                    continue
                assert one.stored.position is not None, "it stands in the log"
                found.append(OpenedValue(one.stored.position, group, person_id, prk, text))
        return found

    async def _part(self, log: str, rows: Sequence[_Row], covered: int, whole: range | None, known: Known) -> LogPart:
        reader = self._logs[log]
        old = known.get(log, 0)
        checkpoint = await _logged(reader, covered)
        if old > checkpoint.size:
            if old > (await reader.newest()).size:
                raise LogSmallerThanKnown
            checkpoint = await _logged(reader, old)
        size = checkpoint.size
        single = [row.position for row in rows if whole is None or row.position not in whole]
        spans = {position: inclusion_spans(position - 1, size) for position in single}
        sides = around(whole[0], whole[-1], size) if whole is not None else []
        steps = consistency_spans(old, size) if 0 < old < size else []
        withheld = set(whole or ()) - {row.position for row in rows}
        leaves = [(Node(0, position - 1),) for position in sorted(withheld)]
        node = await reader.nodes([*(one for proof in spans.values() for one in proof), *sides, *steps, *leaves])
        return LogPart(
            log,
            self.keys[log],
            checkpoint.served.encode(),
            {row.position: row.envelope for row in rows},
            {position: proof_from(proof, node) for position, proof in spans.items()},
            None
            if whole is None
            else WholeRange(
                whole[0],
                whole[-1],
                proof_from(sides, node),
                {position: node(Node(0, position - 1)) for position in withheld},
            ),
            {old: proof_from(steps, node)} if steps else {},
            [response for _, response in await reader.timestamps(size)],
        )


async def _logged(reader: LogReader, position: int) -> StoredCheckpoint:
    """The first checkpoint that holds this position, once there is one: the same request gets the same one each time."""
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    return await reader.first_over(position)
                except NotInLog:
                    await asyncio.sleep(LOOK_AGAIN)
    except TimeoutError:
        raise EvidenceNotYetLogged from None


def _enveloped(envelope: Envelope, row: Mapping[str, Any]) -> bytes:
    return envelope.encode({name: row[name] for name in envelope.names})


def _recorded(row: _Row) -> RecordedEvent:
    columns = dict(row.columns)
    return RecordedEvent(originator_id=columns.pop("stream_id"), originator_version=columns.pop("version"), **columns)


def _may_be_read(stored: RecordedEvent, opening: EvidenceOpening) -> bool:
    if stored.topic in (EvidenceRequested.TOPIC, PeriodEvidenceRequested.TOPIC):
        return True
    if stored.topic in DECISIONS:
        return opening is not EvidenceOpening.SEALED
    return opening is EvidenceOpening.ACTS and stored.purpose is not None


def _tell(disclosure: Disclosure, envelopes: Iterable[mapper.Envelope], opened: Iterable[OpenedValue]) -> None:
    """Holds against the caller what the bundle opens to them, and the consents that it shows of those of whom it opens nothing."""
    by_position = {one.stored.position: one for one in envelopes}
    read = set()
    for position, values in groupby(opened, key=lambda value: value.position):
        one = by_position[position]
        fields = {value.person_id: one.shape.groups[value.group].names for value in values}
        trainee = getattr(one.plain, "trainee_id", None)
        disclosure.opened([OpenedEvent(position, one.stored.topic, one.stream_id, trainee, fields)])
        read.add((trainee, one.stream_id))
    decided = {(one.plain.trainee_id, one.stream_id) for one in by_position.values() if one.stored.topic in DECISIONS}
    disclosure.named(sorted(decided - read), "consent-trail")


def _consents(envelopes: Sequence[mapper.Envelope], now: datetime) -> dict[str, dict[str, Any]]:
    """The consent proof of each mentorship that is here from its first event on, by the service's own implementation of it."""
    by_stream: dict[UUID, list[StoredFact]] = {}
    for one in envelopes:
        by_stream.setdefault(one.stream_id, []).append(_fact(one.stored))
    return {
        str(stream_id): prove(stream_id, facts, now)
        for stream_id, facts in by_stream.items()
        if (facts[0].topic, facts[0].version) == ("mentorship-started", 1)
    }


def _fact(stored: RecordedEvent) -> StoredFact:
    assert stored.position is not None
    assert stored.actor_id is not None
    assert stored.recorded_at is not None
    plain = msgspec.json.decode(stored.state, type=dict[str, Any])
    plain.pop(SEALED, None)
    return StoredFact(
        stored.position,
        stored.originator_version,
        stored.topic,
        stored.actor_id,
        stored.purpose,
        stored.occurred_on,
        stored.occurred_at,
        stored.recorded_at,
        plain,
    )
