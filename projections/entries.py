"""Opened entries of a mentorship as they stand: found by position, with their corrections applied."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

import msgspec

from domain.events import RecordEvent
from domain.mentorship import MentorshipEvent
from domain.mentorship.corrections import EntryCorrected, as_it_stands

_OF_EVERY_ENTRY = frozenset(
    {"originator_id", "originator_version", "timestamp", "occurred_on", "occurred_at", "relied_on"}
)


def entry_at(
    events: Mapping[int, RecordEvent], position: int | None, corrections: Iterable[int] = ()
) -> MentorshipEvent | None:
    """The entry at a position, after those of the corrections that are about it. None where nobody can read it any more."""
    entry = None if position is None else events.get(position)
    if not isinstance(entry, MentorshipEvent):
        return None
    opened = (events.get(correction) for correction in corrections)
    return as_it_stands(entry, (event for event in opened if isinstance(event, EntryCorrected)))


def told(event: RecordEvent | None, name: str) -> Any:
    """What an event says in a field; None where nobody can read it any more, because whose it was has been erased."""
    return None if event is None or name in event.erased else getattr(event, name, None)


def own_fields(entry: MentorshipEvent | None) -> dict[str, Any] | None:
    """What an entry says beyond what all entries say, in JSON's own types. What was erased is left out."""
    if entry is None:
        return None
    return {
        field.name: msgspec.to_builtins(getattr(entry, field.name))
        for field in fields(entry)
        if field.name not in _OF_EVERY_ENTRY and field.name not in entry.erased
    }
