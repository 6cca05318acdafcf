"""The record on PostgreSQL: loads aggregates from their events, seals and appends what they decide, opens events to be read."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast
from uuid import UUID

import msgspec

from adapters.keys.key_ring import KeyRing
from adapters.postgres import mapper
from adapters.postgres.appender import Appender
from adapters.postgres.pool import Pool
from adapters.postgres.reader import Reader
from adapters.postgres.snapshots import Snapshots
from adapters.postgres.stored import Append, Appended, Conflicted, RecordedEvent, Replayed
from adapters.telemetry import Telemetry, current_trace_id
from application.caller import Caller, Receipt, Submission
from application.record import Entry, KeyReused, MovedOn
from domain.errors import NotFound
from domain.events import RecordEvent
from domain.mentorship import Mentorship
from domain.person import Person
from domain.restriction import DECIDES_STANDING, Standing, standing_of


class PostgresRecord:
    """Implements `application.record.Record`. One for each process, on its event loop."""

    def __init__(
        self,
        pool: Pool,
        appender: Appender,
        keys: KeyRing,
        snapshots: Snapshots,
        telemetry: Telemetry,
    ) -> None:
        self._reader = Reader(pool)
        self._snapshots = snapshots
        self._appender = appender
        self._keys = keys
        self._telemetry = telemetry

    async def person(self, by: Caller, person_id: UUID) -> Person:
        loaded: Any = None
        for event in await self.history(by, person_id):
            loaded = event.mutate(loaded)
        if not isinstance(loaded, Person):
            raise NotFound
        return loaded

    async def mentorship(self, by: Caller, mentorship_id: UUID) -> Mentorship:
        with self._telemetry.sql("load-case"):
            return await self._snapshots.load(by.organisation_id, mentorship_id)

    async def history(self, by: Caller, stream_id: UUID) -> Sequence[RecordEvent]:
        return await self._opened(by.organisation_id, await self._stored(by, stream_id))

    async def registered_by(self, by: Caller, stream_id: UUID) -> UUID:
        [first] = await self._stored(by, stream_id, up_to=1)
        assert first.actor_id is not None, "the table takes no event without an actor"
        return first.actor_id

    async def standings(self, by: Caller, people: Iterable[UUID]) -> Mapping[UUID, Standing]:
        wanted = list(set(people))
        with self._telemetry.sql("read-standing"):
            stored = await self._reader.of_topics(by.organisation_id, wanted, DECIDES_STANDING)
        told: dict[UUID, list[tuple[str, Any]]] = {person: [] for person in wanted}
        for envelope in map(mapper.envelope, stored):
            told[envelope.stream_id].append((envelope.stored.topic, envelope.plain))
        return {person: standing_of(events) for person, events in told.items()}

    async def append(self, by: Caller, entries: Sequence[Entry]) -> list[Receipt]:
        people = {person for entry in entries for event in entry.events for person in mapper.people(event)}
        keys = await self._keys.ensure(by.organisation_id, people)
        trace_id = current_trace_id()
        appends = [
            Append(
                by.organisation_id,
                by.member_id,
                tuple(
                    mapper.seal_event(
                        event,
                        keys,
                        organisation_id=by.organisation_id,
                        actor_id=by.member_id,
                        command_key=entry.submission.key,
                        trace_id=trace_id,
                    )
                    for event in entry.events
                ),
                entry.submission.key,
                entry.submission.digest,
                msgspec.json.encode(entry.answer),
            )
            for entry in entries
        ]
        receipts: list[Receipt] = []
        with self._telemetry.sql("append", batch=len(appends)):
            outcomes = await self._appender.append_in_order(appends)
        for entry, outcome in zip(entries, outcomes, strict=True):
            self._telemetry.commands.add(1, {"accompany.outcome": type(outcome).__name__.lower()})
            match outcome:
                case Appended(position):
                    self._telemetry.append_size.record(len(entry.events), {})
                    receipts.append(Receipt(position, entry.answer))
                case Replayed():
                    receipts.append(_replayed(outcome))
                case Conflicted():
                    raise MovedOn
        return receipts

    async def receipt(self, by: Caller, submission: Submission) -> Receipt | None:
        with self._telemetry.sql("find-command"):
            earlier = await self._reader.command(by.organisation_id, by.member_id, submission.key, submission.digest)
        return None if earlier is None else _replayed(earlier)

    async def receipts(self, by: Caller, keys: Sequence[str]) -> dict[str, bytes]:
        """Of these command keys, those used before, with the digest of the request that used them."""
        return await self._reader.digests(by.organisation_id, by.member_id, keys)

    async def opened(self, organisation_id: UUID, positions: Iterable[int]) -> Mapping[int, RecordEvent]:
        """The events at these log positions, opened, by position; one that is not this organisation's is left out."""
        wanted = list(set(positions))
        if not wanted:
            return {}
        with self._telemetry.sql("open-events", batch=len(wanted)):
            stored = await self._reader.at(organisation_id, wanted)
            events = await self._opened(organisation_id, stored)
        return {cast(int, row.position): event for row, event in zip(stored, events, strict=True)}

    async def _stored(self, by: Caller, stream_id: UUID, up_to: int | None = None) -> list[RecordedEvent]:
        with self._telemetry.sql("read-stream"):
            stored = await self._reader.stream(by.organisation_id, stream_id, up_to=up_to)
        if not stored:
            raise NotFound
        return stored

    async def _opened(self, organisation_id: UUID, stored: Sequence[RecordedEvent]) -> list[RecordEvent]:
        envelopes = [mapper.envelope(row) for row in stored]
        keys = await self._keys.fetch(organisation_id, mapper.needed(envelopes))
        return [mapper.open(envelope, keys) for envelope in envelopes]


def _replayed(earlier: Replayed) -> Receipt:
    if not earlier.same_request:
        raise KeyReused
    return Receipt(earlier.position, msgspec.json.decode(earlier.answer), repeated=True)
