"""The record on PostgreSQL: loads aggregates from their events, seals and appends what they decide, opens events to be read."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, cast
from uuid import UUID

import msgspec

from adapters.disclosure import Disclosure, NobodyAnswers, OpenedEvent
from adapters.keys.key_ring import KeyRing
from adapters.postgres import mapper
from adapters.postgres.appender import Appender
from adapters.postgres.pool import Pool
from adapters.postgres.reader import Reader
from adapters.postgres.snapshots import Snapshots
from adapters.postgres.stored import Append, Appended, Conflicted, RecordedEvent, Replayed
from adapters.telemetry import Telemetry, current_trace_id
from application.caller import Caller, Receipt, Submission
from application.record import Entry, KeyReused, MovedOn, StandingAt
from domain.errors import NotFound
from domain.events import RecordEvent
from domain.mentorship import Mentorship
from domain.person import Person
from domain.restriction import DECIDES_STANDING, standing_of


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
        envelopes, events = await self._opened(by.organisation_id, await self._stored(by, stream_id))
        if (disclosure := Disclosure.current()) is not None:
            disclosure.decided_on(map(_opened_event, envelopes, events))
        return events

    async def registered_by(self, by: Caller, stream_id: UUID) -> UUID:
        [first] = await self._stored(by, stream_id, up_to=1)
        assert first.actor_id is not None, "the table takes no event without an actor"
        return first.actor_id

    async def standings(self, by: Caller, people: Iterable[UUID]) -> Mapping[UUID, StandingAt]:
        with self._telemetry.sql("read-standing"):
            found = await self._reader.of_topics(by.organisation_id, list(set(people)), DECIDES_STANDING)
        return {
            person_id: StandingAt(standing_of((row.topic, mapper.envelope(row).plain) for row in stored), version)
            for person_id, (version, stored) in found.items()
        }

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
                entry.relies_on,
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

    async def opened(
        self, by: Caller, positions: Iterable[int], *, names: Iterable[int] = ()
    ) -> Mapping[int, RecordEvent]:
        """The events at these log positions, opened for `by`, by position; one that is not their organisation's is left out.

        `names` are positions of people's details of which the name alone is opened up: the events there have no other personal field.
        Raises NobodyAnswers outside of a `Disclosure`.
        """
        disclosure = Disclosure.current()
        if disclosure is None:
            raise NobodyAnswers
        whole = set(positions)
        wanted = whole.union(names)
        if not wanted:
            return {}
        with self._telemetry.sql("open-events", batch=len(wanted)):
            stored = await self._reader.at(by.organisation_id, list(wanted))
            envelopes, events = await self._opened(by.organisation_id, stored)
        found: dict[int, RecordEvent] = {}
        for envelope, event in zip(envelopes, events, strict=True):
            position = cast(int, envelope.stored.position)
            only = None if position in whole else _NAME
            disclosure.opened([_opened_event(envelope, event, only)])
            found[position] = event if only is None else _with_only(event, envelope, only)
        return found

    async def _stored(self, by: Caller, stream_id: UUID, up_to: int | None = None) -> list[RecordedEvent]:
        with self._telemetry.sql("read-stream"):
            stored = await self._reader.stream(by.organisation_id, stream_id, up_to=up_to)
        if not stored:
            raise NotFound
        return stored

    async def _opened(
        self, organisation_id: UUID, stored: Sequence[RecordedEvent]
    ) -> tuple[list[mapper.Envelope], list[RecordEvent]]:
        envelopes = [mapper.envelope(row) for row in stored]
        keys = await self._keys.fetch(organisation_id, mapper.needed(envelopes))
        return envelopes, [mapper.open(envelope, keys) for envelope in envelopes]


_NAME = frozenset({"full_name"})


def _opened_event(envelope: mapper.Envelope, event: RecordEvent, only: Collection[str] | None = None) -> OpenedEvent:
    return OpenedEvent(
        position=cast(int, envelope.stored.position),
        topic=envelope.stored.topic,
        stream_id=envelope.stream_id,
        trainee_id=getattr(envelope.plain, "trainee_id", None),
        fields_of={
            person_id: tuple(name for name in envelope.shape.groups[person_field].names if only is None or name in only)
            for person_field, person_id, _, _ in envelope.sealed
        },
    )


def _with_only(event: RecordEvent, envelope: mapper.Envelope, only: Collection[str]) -> RecordEvent:
    """The event without its other personal fields: to ask for one of them is an AttributeError."""
    hidden = {name for part in envelope.shape.groups.values() for name in part.names} - set(only)
    bare = object.__new__(type(event))
    object.__setattr__(bare, "__dict__", {name: value for name, value in vars(event).items() if name not in hidden})
    return bare


def _replayed(earlier: Replayed) -> Receipt:
    if not earlier.same_request:
        raise KeyReused
    return Receipt(earlier.position, msgspec.json.decode(earlier.answer), repeated=True)
