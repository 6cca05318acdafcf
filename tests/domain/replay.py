"""What an aggregate keeps, part by part, and the same aggregate rebuilt from its events as the store gives them back."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from adapters.keys.sealing import DataKey
from adapters.postgres import mapper
from domain.events import RecordEvent

ORGANISATION = UUID(int=1001)
RECORDED_AT = datetime(2025, 12, 1, 8, 15, tzinfo=UTC)
# Of the library, not ours: the two times are the database's in a loaded aggregate.
NOT_A_PART = {"_created_on", "_modified_on", "_pending_events"}


def parts(aggregate: object) -> dict[str, Any]:
    return {name: value for name, value in vars(aggregate).items() if name not in NOT_A_PART}


def stored_and_opened(events: Iterable[RecordEvent]) -> list[RecordEvent]:
    """Events after the way into the store and back, sealed under a key for each person."""
    return [_there_and_back(event) for event in events]


def replayed(events: Iterable[RecordEvent]) -> Any:
    """The aggregate folded from its events."""
    aggregate: Any = None
    for event in events:
        aggregate = event.mutate(aggregate)
    return aggregate


def _there_and_back(event: RecordEvent) -> RecordEvent:
    row = mapper.seal_event(event, _key_of, organisation_id=ORGANISATION)
    return mapper.open(mapper.envelope(replace(row, recorded_at=RECORDED_AT)), _key_of)


def _key_of(_organisation_id: UUID, person_id: UUID, key_version: int | None = None) -> DataKey:
    return DataKey(key_version or 1, b"replayed in test" + person_id.bytes)
