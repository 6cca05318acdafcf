"""What the commands need of the place where the record is kept."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, Self, cast
from uuid import UUID

from eventsourcing.domain import Aggregate

from application.caller import Caller, Receipt, Submission
from domain.errors import Refusal
from domain.events import RecordEvent
from domain.mentorship import Mentorship
from domain.person import Person
from domain.restriction import Standing


class KeyReused(Refusal):
    """An idempotency key came back with another content."""

    code = "idempotency-key-reused"
    message = "This Idempotency-Key was used for another request. Send the same content again, or take a new key."


class MovedOn(Exception):
    """Somebody else recorded on the same stream since it was loaded. Nothing was recorded."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Events to record together, under one command key, and the answer that a repeat gets.

    `relies_on` are streams that have to be at these versions still: what was decided rests on what they say.
    """

    submission: Submission
    events: tuple[RecordEvent, ...]
    answer: dict[str, str | int]
    relies_on: tuple[tuple[UUID, int], ...] = ()

    @classmethod
    def of(
        cls,
        submission: Submission,
        aggregate: Aggregate,
        answer: Mapping[str, str | int],
        relies_on: Iterable[tuple[UUID, int]] = (),
    ) -> Self:
        """What the aggregate decided since it was loaded; the answer gains its new version."""
        events = tuple(cast(RecordEvent, event) for event in aggregate.collect_events())
        return cls(submission, events, {**answer, "version": aggregate.version}, tuple(relies_on))


@dataclass(frozen=True, slots=True)
class StandingAt:
    """What keeps a person's data from being used, as of a version of what is recorded about them; 0 of somebody unknown."""

    standing: Standing
    version: int


class Record(Protocol):
    """The record of one installation. Every method speaks for the caller's organisation only."""

    async def person(self, by: Caller, person_id: UUID) -> Person:
        """Raises NotFound."""

    async def mentorship(self, by: Caller, mentorship_id: UUID) -> Mentorship:
        """Raises NotFound."""

    async def history(self, by: Caller, stream_id: UUID) -> Sequence[RecordEvent]:
        """All events of a stream in order. Raises NotFound."""

    async def registered_by(self, by: Caller, stream_id: UUID) -> UUID:
        """Who recorded the first event of a stream. Raises NotFound."""

    async def standings(self, by: Caller, people: Iterable[UUID]) -> Mapping[UUID, StandingAt]:
        """What keeps these people's data from being used, as it is now; of somebody unknown, nothing does."""

    async def append(self, by: Caller, entries: Sequence[Entry]) -> list[Receipt]:
        """Records entries in order, each whole or not at all; later ones may build on earlier ones.

        Raises MovedOn where a stream is not at the version that an entry continues or relies on (nothing after the first conflict
        is recorded), or KeyReused.
        """

    async def receipt(self, by: Caller, submission: Submission) -> Receipt | None:
        """What an earlier command with this key was answered. Raises KeyReused."""
