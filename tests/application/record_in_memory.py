"""A record that is kept in memory: small, but whole. It opens the sealed state of each event again at every load."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from uuid import UUID

from application.caller import Caller, Receipt, Submission
from application.record import Entry, KeyReused, MovedOn, StandingAt
from domain.errors import NotFound
from domain.events import RecordEvent
from domain.mentorship import Mentorship
from domain.person import Person
from domain.restriction import FREE
from tests.domain.replay import replayed, stored_and_opened


class RecordInMemory:
    """Implements `application.record.Record`. `meanwhile` happens, once each, before the next appends: what somebody else does."""

    def __init__(self) -> None:
        self.streams: dict[tuple[UUID, UUID], list[RecordEvent]] = {}
        self.positions: list[RecordEvent] = []
        self.meanwhile: list[Callable[[], Awaitable[object]]] = []
        self._actors: dict[tuple[UUID, UUID], UUID] = {}
        self._receipts: dict[tuple[UUID, UUID, str], tuple[bytes, Receipt]] = {}

    async def person(self, by: Caller, person_id: UUID) -> Person:
        return await self._load(by, person_id, Person)

    async def mentorship(self, by: Caller, mentorship_id: UUID) -> Mentorship:
        return await self._load(by, mentorship_id, Mentorship)

    async def history(self, by: Caller, stream_id: UUID) -> Sequence[RecordEvent]:
        events = self.streams.get((by.organisation_id, stream_id))
        if not events:
            raise NotFound
        return stored_and_opened(events)

    async def registered_by(self, by: Caller, stream_id: UUID) -> UUID:
        try:
            return self._actors[by.organisation_id, stream_id]
        except KeyError:
            raise NotFound from None

    async def standings(self, by: Caller, people: Iterable[UUID]) -> Mapping[UUID, StandingAt]:
        found = {}
        for person_id in people:
            version = len(self.streams.get((by.organisation_id, person_id), ()))
            standing = (await self.person(by, person_id)).standing if version else FREE
            found[person_id] = StandingAt(standing, version)
        return found

    async def append(self, by: Caller, entries: Sequence[Entry]) -> list[Receipt]:
        await asyncio.sleep(0)
        if self.meanwhile:
            await self.meanwhile.pop(0)()
        return [self._recorded(by, entry) for entry in entries]

    async def receipt(self, by: Caller, submission: Submission) -> Receipt | None:
        earlier = self._receipts.get((by.organisation_id, by.member_id, submission.key))
        if earlier is None:
            return None
        digest, receipt = earlier
        if digest != submission.digest:
            raise KeyReused
        return Receipt(receipt.position, receipt.answer, repeated=True)

    def _recorded(self, by: Caller, entry: Entry) -> Receipt:
        key = (by.organisation_id, by.member_id, entry.submission.key)
        if key in self._receipts:
            digest, earlier = self._receipts[key]
            if digest != entry.submission.digest:
                raise KeyReused
            return Receipt(earlier.position, earlier.answer, repeated=True)
        for stream_id, version in entry.relies_on:
            if len(self.streams.get((by.organisation_id, stream_id), ())) != version:
                raise MovedOn
        for event in entry.events:
            stream = self.streams.setdefault((by.organisation_id, event.originator_id), [])
            if event.originator_version != len(stream) + 1:
                raise MovedOn
            self._actors.setdefault((by.organisation_id, event.originator_id), by.member_id)
            stream.append(event)
            self.positions.append(event)
        receipt = Receipt(len(self.positions), entry.answer)
        self._receipts[key] = (entry.submission.digest, receipt)
        return receipt

    async def _load[A: (Person, Mentorship)](self, by: Caller, stream_id: UUID, aggregate: type[A]) -> A:
        loaded = replayed(await self.history(by, stream_id))
        if not isinstance(loaded, aggregate):
            raise NotFound
        return loaded
