"""What every part of a mentorship rests on: who it is between, since when, and how a fact is recorded."""

from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar
from uuid import UUID

from eventsourcing.domain import Aggregate

from domain.errors import RuleBroken
from domain.events import RecordEvent
from domain.occurred import Occurred


class BeforeStart(RuleBroken):
    code = "before-start"
    message = "This is dated before the mentorship started. Check the day."


class AfterClose(RuleBroken):
    code = "after-close"
    message = "This is dated after the mentorship was closed. Check the day, or start a new mentorship."


class AlreadyOnRecord(RuleBroken):
    code = "already-on-record"
    message = "This mentorship has an entry with this id already."


@dataclass(frozen=True)
class MentorshipEvent(RecordEvent):
    """A fact of one mentorship. Carries the ids of both sides, so that it can be read, sealed and counted by itself.

    `mentor_id` is the mentor on the day that the fact is about, whoever it is by now.
    `relied_on` is the version, in this stream, of the consent (or override) that the fact rests on; None where it rests on another basis.
    `CORRECTABLE` are the fields that a later correction may put right; `check` holds the rules for their values.
    `AFTER_CLOSE` says that a fact of this kind may be dated after the mentorship was closed.
    """

    CORRECTABLE: ClassVar[frozenset[str]] = frozenset()
    AFTER_CLOSE: ClassVar[bool] = False

    trainee_id: UUID
    mentor_id: UUID
    relied_on: int | None

    def check(self) -> None:
        """Raises a refusal where a value can't be true. Called before the fact is recorded, never on replay."""

    def _rests_on(self, aggregate: "MentorshipPart", version: int) -> None:
        """An entry that has others resting on it is not taken back before them."""
        aggregate.resting.setdefault(version, {})[self.originator_version] = self.occurred_on


class MentorshipPart(Aggregate):
    """Base of the parts of a mentorship; never used by itself."""

    Event = MentorshipEvent  # type: ignore[assignment]  # the library declares a class of its own here

    trainee_id: UUID
    mentor_id: UUID
    caseworker_id: UUID
    mentors: list[tuple[date, UUID]]
    started_on: date
    closed_on: date | None
    resting: dict[int, dict[int, date]]
    """Of an entry, those that rest on it and can be taken back themselves, with the day of each; all by version."""

    def _record(
        self,
        event: type[MentorshipEvent],
        occurred: Occurred,
        *,
        relied_on: int | None = None,
        mentor_id: UUID | None = None,
        **fields: Any,
    ) -> None:
        fact = event(
            originator_id=self.id,
            originator_version=self.version + 1,
            timestamp=event.create_timestamp(),
            occurred_on=occurred.on,
            occurred_at=occurred.at,
            trainee_id=self.trainee_id,
            mentor_id=mentor_id or self._mentor_on(occurred.on),
            relied_on=relied_on,
            **fields,
        )
        fact.check()
        fact.mutate(self)
        self.pending_events.append(fact)

    def _mentor_on(self, day: date) -> UUID:
        """Who was the mentor on a day; on the day of a handover, the one who took over."""
        return next((mentor for since, mentor in reversed(self.mentors) if since <= day), self.mentors[0][1])

    def _refuse_before_start(self, day: date, field: str = "occurred_on") -> None:
        if day < self.started_on:
            raise BeforeStart(fields=(field,))

    def _refuse_outside(self, day: date, field: str = "occurred_on") -> None:
        """Refuses a day on which this mentorship did not run."""
        self._refuse_before_start(day, field)
        if self.closed_on is not None and day > self.closed_on:
            raise AfterClose(fields=(field,))
