"""A sample of an event as it was stored, beside what it must open to.

`stored` is what the database held: it never changes again. `opened` is the event in the shape that the code has today, so a new schema
version changes it in the samples of the older ones.
"""

import json
from dataclasses import fields, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from adapters.keys.sealing import DataKey
from adapters.postgres import mapper
from adapters.postgres.stored import RecordedEvent
from domain.events import RecordEvent

FOLDER = Path(__file__).parent
ORGANISATION, ACTOR = UUID(int=1001), UUID(int=1002)
RECORDED_AT = datetime(2025, 12, 1, 8, 15, 0, 123456, tzinfo=UTC)
_TYPES = {
    "originator_id": UUID,
    "organisation_id": UUID,
    "actor_id": UUID | None,
    "occurred_on": date | None,
    "occurred_at": datetime | None,
    "recorded_at": datetime | None,
}


def key_of(_organisation_id: UUID, person_id: UUID, key_version: int | None = None) -> DataKey:
    """A person's key, which anybody may know: these people are invented."""
    return DataKey(key_version or 1, b"golden sample 16" + person_id.bytes)


def path_of(topic: str, schema_version: int) -> Path:
    return FOLDER / f"{topic}.v{schema_version}.json"


def sealed(event: RecordEvent) -> RecordedEvent:
    row = mapper.seal_event(
        event, key_of, organisation_id=ORGANISATION, actor_id=ACTOR, command_key="golden", trace_id="0" * 32
    )
    return replace(row, recorded_at=RECORDED_AT, position=event.originator_version)


def written(row: RecordedEvent, event: RecordEvent) -> str:
    stored = {field.name: getattr(row, field.name) for field in fields(row)}
    stored["state"] = row.state.decode()
    sample = {"stored": msgspec.to_builtins(stored), "opened": opened(event)}
    return json.dumps(sample, ensure_ascii=False, indent=2) + "\n"


def read(path: Path) -> tuple[RecordedEvent, dict[str, Any]]:
    """The row as the database held it, and what it must open to."""
    sample = json.loads(path.read_text("utf-8"))
    stored: dict[str, Any] = {
        name: msgspec.convert(value, _TYPES.get(name, Any)) for name, value in sample["stored"].items()
    }
    return RecordedEvent(**stored | {"state": sample["stored"]["state"].encode()}), sample["opened"]


def opened(event: RecordEvent) -> dict[str, Any]:
    """An event's fields in JSON's own types."""
    values = {field.name: getattr(event, field.name) for field in fields(event) if field.name != "timestamp"}
    return dict(msgspec.json.decode(msgspec.json.encode(values)))
