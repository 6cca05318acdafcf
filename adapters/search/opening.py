"""Opens events to index them or to compare them with a question. What is opened here is shown to nobody: it never leaves the process."""

from collections.abc import Iterable, Mapping, Sequence
from typing import cast
from uuid import UUID

from adapters.keys.key_ring import KeyRing
from adapters.keys.sealing import Unreadable
from adapters.postgres import mapper
from adapters.postgres.reader import Reader
from adapters.postgres.stored import RecordedEvent
from domain.events import RecordEvent


class Opening:
    def __init__(self, reader: Reader, keys: KeyRing) -> None:
        self._reader = reader
        self._keys = keys

    async def at(self, organisation_id: UUID, positions: Iterable[int]) -> Mapping[int, RecordEvent]:
        """As an `Opener` does, of one organisation."""
        stored = await self._reader.at(organisation_id, list(set(positions)))
        events = await self.each(organisation_id, stored)
        return {cast(int, row.position): event for row, event in zip(stored, events, strict=True) if event is not None}

    async def each(self, organisation_id: UUID, stored: Sequence[RecordedEvent]) -> list[RecordEvent | None]:
        """Each event of one organisation, None for one that nobody can read any more. Raises KeysUnavailable, and NewerSchema."""
        envelopes = [_envelope(row) for row in stored]
        keys = await self._keys.fetch(organisation_id, mapper.needed(one for one in envelopes if one is not None))
        return [None if one is None else _opened(one, keys) for one in envelopes]


def _envelope(stored: RecordedEvent) -> mapper.Envelope | None:
    try:
        return mapper.envelope(stored)
    except (Unreadable, mapper.StateUnreadable):
        return None


def _opened(envelope: mapper.Envelope, keys: mapper.Held) -> RecordEvent | None:
    try:
        return mapper.open(envelope, keys)
    except (Unreadable, mapper.StateUnreadable):
        return None
