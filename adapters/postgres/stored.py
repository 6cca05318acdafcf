"""What stands in the store: an event with its metadata, a command's append, and the three ways an append can end."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from eventsourcing.persistence import DataError, OperationalError, StoredEvent

NIL_ORGANISATION = UUID(int=0)


@dataclass(frozen=True)
class RecordedEvent(StoredEvent):
    """One event as it is stored: its sealed state and the columns beside it, none of them personal.

    `position` counts the events of all organisations from 1 without a gap. It and `recorded_at` are the database's
    to give and None until then. `occurred_on` and `occurred_at` are as told.
    """

    originator_id: UUID
    schema_version: int = 1
    organisation_id: UUID = NIL_ORGANISATION
    actor_id: UUID | None = None
    purpose: str | None = None
    occurred_on: date | None = None
    occurred_at: datetime | None = None
    trace_id: str | None = None
    command_key: str | None = None
    recorded_at: datetime | None = None
    position: int | None = None


@dataclass(frozen=True, slots=True)
class Append:
    """One command's events, recorded whole or not at all, under the key that makes a repeat of the command a replay.

    `request_digest` is a keyed digest of the request; `answer` is small JSON without personal data, replayed to a
    repeat. The events may belong to several streams of the organisation; versions continue each without a gap. Each stream in
    `relies_on` has to be at that version still.
    """

    organisation_id: UUID
    actor_id: UUID
    events: tuple[RecordedEvent, ...]
    command_key: str
    request_digest: bytes
    answer: bytes = b""
    relies_on: tuple[tuple[UUID, int], ...] = ()

    def __post_init__(self) -> None:
        if not self.events:
            raise ValueError("an append holds at least one event")
        for event in self.events:
            if event.organisation_id != self.organisation_id:
                raise ValueError("an event belongs to the organisation of its append")
            if event.actor_id is not None and event.actor_id != self.actor_id:
                raise ValueError("an event is recorded by the actor of its append")


@dataclass(frozen=True, slots=True)
class Appended:
    """Recorded. `position` is that of the last event; the others of this append stand directly before it."""

    position: int
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Replayed:
    """The key was used before, and nothing was recorded now. `same_request` False means: for another request."""

    position: int
    answer: bytes
    same_request: bool


@dataclass(frozen=True, slots=True)
class Conflicted:
    """A stream has moved on, and nothing was recorded.

    The append built on `expected_version`, the stream is at `actual_version`; without events it is at 0.
    """

    stream_id: UUID
    expected_version: int
    actual_version: int


type Outcome = Appended | Replayed | Conflicted


class StoreBusy(OperationalError):
    """The store works, but slower than it is asked to. Ask again later with the same command key."""

    code: ClassVar[str] = "store-busy"

    def __init__(self) -> None:
        super().__init__("The record is busy. Ask again in a moment.")


class StoreUnavailable(OperationalError):
    """The database can't be reached or can't serve. Whether an append was recorded, the same command key will tell."""

    code: ClassVar[str] = "store-unavailable"

    def __init__(self, sqlstate: str | None = None) -> None:
        super().__init__("The record can't be reached. Ask again in a moment.")
        self.sqlstate = sqlstate


class NotStorable(DataError):
    """The database does not take a value of this append, such as text with a NUL. Asking again won't help."""

    code: ClassVar[str] = "not-storable"

    def __init__(self, sqlstate: str | None = None) -> None:
        super().__init__("The record can't hold one of the values.")
        self.sqlstate = sqlstate
