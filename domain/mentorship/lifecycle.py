"""A mentorship starts, pauses, resumes, is handed over and closes."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Self, cast
from uuid import UUID

from eventsourcing.domain import CanInitAggregate

from domain.errors import Invalid, RuleBroken
from domain.mentorship.part import MentorshipEvent, MentorshipPart
from domain.occurred import Occurred
from domain.person import Person
from domain.personal import OF_TRAINEE
from domain.text import SHORT, check_text
from domain.vocabulary import EndReason, Track


class SamePerson(Invalid):
    code = "same-person"
    message = "Trainee and mentor are the same person."


class NotATrainee(RuleBroken):
    code = "not-a-trainee"
    message = "This person is not on record as a trainee. Correct their role first."


class NotAMentor(RuleBroken):
    code = "not-a-mentor"
    message = "This person is not on record as a mentor. Correct their role first."


class EndsBeforeStart(RuleBroken):
    code = "ends-before-start"
    message = "The mentorship can't end before it started. Check the day."


class AlreadyClosed(RuleBroken):
    code = "already-closed"
    message = "This mentorship is closed already."


class AlreadyPaused(RuleBroken):
    code = "already-paused"
    message = "This mentorship is paused already."


class NotPaused(RuleBroken):
    code = "not-paused"
    message = "This mentorship is not paused."


class PauseEndsTooEarly(Invalid):
    code = "pause-ends-too-early"
    message = "The pause would end before it begins. Check the two days."


class ResumedBeforePause(RuleBroken):
    code = "resumed-before-pause"
    message = "This is dated before the pause began. Check the day."


class HandoverOutOfOrder(RuleBroken):
    code = "handover-out-of-order"
    message = "A later handover is on record already. Check the day."


class NothingHandedOver(RuleBroken):
    code = "nothing-handed-over"
    message = "The caseworker and the mentor are already the ones named."


@dataclass(frozen=True)
class MentorshipStarted(MentorshipEvent, CanInitAggregate[UUID]):
    """`reference` is the organisation's own number of the case."""

    TOPIC = "mentorship-started"
    track: Track
    caseworker_id: UUID
    reference: Annotated[str, OF_TRAINEE]

    def mutate(self, aggregate: Any) -> Any:
        from domain.mentorship import Mentorship  # noqa: PLC0415 - the aggregate is built from its parts, of which this is one

        mentorship = object.__new__(Mentorship)
        mentorship.__base_init__(self.originator_id, self.originator_version, self.timestamp)
        self.apply(mentorship)
        return mentorship

    def apply(self, aggregate: "LifecyclePart") -> None:
        aggregate.trainee_id = self.trainee_id
        aggregate.mentor_id = self.mentor_id
        aggregate.mentors = [(self.occurred_on, self.mentor_id)]
        aggregate.caseworker_id = self.caseworker_id
        aggregate.track = self.track
        aggregate.started_on = self.occurred_on
        aggregate.closed_on = None
        aggregate.paused_on = None
        aggregate._begin()


class MentorshipPaused(MentorshipEvent):
    TOPIC = "mentorship-paused"
    reason: Annotated[str, OF_TRAINEE]
    expected_until: date | None

    def apply(self, aggregate: "LifecyclePart") -> None:
        aggregate.paused_on = self.occurred_on


class MentorshipResumed(MentorshipEvent):
    TOPIC = "mentorship-resumed"

    def apply(self, aggregate: "LifecyclePart") -> None:
        aggregate.paused_on = None


class MentorshipHandedOver(MentorshipEvent):
    """The case has another caseworker, another mentor, or both. `mentor_id` is the one before."""

    TOPIC = "mentorship-handed-over"
    to_caseworker_id: UUID
    to_mentor_id: UUID
    reason: Annotated[str, OF_TRAINEE]

    def apply(self, aggregate: "LifecyclePart") -> None:
        aggregate.caseworker_id = self.to_caseworker_id
        aggregate.mentor_id = self.to_mentor_id
        aggregate.mentors.append((self.occurred_on, self.to_mentor_id))


class MentorshipClosed(MentorshipEvent):
    TOPIC = "mentorship-closed"
    reason: EndReason
    note: Annotated[str, OF_TRAINEE]

    def apply(self, aggregate: "LifecyclePart") -> None:
        aggregate.closed_on = self.occurred_on


class LifecyclePart(MentorshipPart):
    """From start to close. Late entries about the time before the close are still taken after it."""

    track: Track
    paused_on: date | None

    def _begin(self) -> None:
        """Empties every part. The aggregate extends it."""

    @classmethod
    def start(
        cls,
        mentorship_id: UUID,
        *,
        trainee: Person,
        mentor: Person,
        caseworker_id: UUID,
        track: Track,
        started: Occurred,
        reference: str = "",
    ) -> Self:
        """Opens the record of a mentorship. Raises SamePerson, NotATrainee, NotAMentor, or as `Person.usable`."""
        check_text(SHORT, reference=reference)
        if trainee.id == mentor.id:
            raise SamePerson(fields=("trainee_id", "mentor_id"))
        if not trainee.may_be_trainee:
            raise NotATrainee(fields=("trainee_id",))
        if not mentor.may_be_mentor:
            raise NotAMentor(fields=("mentor_id",))
        trainee.usable()
        mentor.usable()
        event = MentorshipStarted(
            originator_id=mentorship_id,
            originator_version=cls.INITIAL_VERSION,
            timestamp=MentorshipStarted.create_timestamp(),
            occurred_on=started.on,
            occurred_at=started.at,
            trainee_id=trainee.id,
            mentor_id=mentor.id,
            relied_on=None,
            track=track,
            caseworker_id=caseworker_id,
            reference=reference,
        )
        mentorship = cast(Self, event.mutate(None))
        mentorship.pending_events.append(event)
        return mentorship

    def pause(self, occurred: Occurred, *, reason: str = "", expected_until: date | None = None) -> None:
        """No contact is expected for a while. Raises AlreadyPaused, PauseEndsTooEarly, or a day outside the mentorship."""
        self._refuse_when_closed()
        self._refuse_outside(occurred.on)
        check_text(reason=reason)
        if self.paused_on is not None:
            raise AlreadyPaused
        if expected_until is not None and expected_until < occurred.on:
            raise PauseEndsTooEarly(fields=("expected_until",))
        self._record(MentorshipPaused, occurred, reason=reason, expected_until=expected_until)

    def resume(self, occurred: Occurred) -> None:
        """Contact goes on. Raises NotPaused or ResumedBeforePause."""
        self._refuse_when_closed()
        self._refuse_outside(occurred.on)
        if self.paused_on is None:
            raise NotPaused
        if occurred.on < self.paused_on:
            raise ResumedBeforePause(fields=("occurred_on",))
        self._record(MentorshipResumed, occurred)

    def hand_over(
        self,
        occurred: Occurred,
        *,
        to_caseworker_id: UUID | None = None,
        to_mentor: Person | None = None,
        reason: str = "",
    ) -> None:
        """Another caseworker or mentor takes the case on.

        Raises NotAMentor, SamePerson, NothingHandedOver, HandoverOutOfOrder, or a day outside the mentorship.
        """
        self._refuse_when_closed()
        self._refuse_outside(occurred.on)
        check_text(reason=reason)
        if to_mentor is not None:
            if to_mentor.id == self.trainee_id:
                raise SamePerson(fields=("to_mentor_id",))
            if not to_mentor.may_be_mentor:
                raise NotAMentor(fields=("to_mentor_id",))
            to_mentor.usable()
        caseworker_id = to_caseworker_id or self.caseworker_id
        mentor_id = to_mentor.id if to_mentor else self.mentor_id
        if (caseworker_id, mentor_id) == (self.caseworker_id, self.mentor_id):
            raise NothingHandedOver
        if occurred.on < self.mentors[-1][0]:
            raise HandoverOutOfOrder(fields=("occurred_on",))
        self._record(
            MentorshipHandedOver,
            occurred,
            mentor_id=self.mentor_id,
            to_caseworker_id=caseworker_id,
            to_mentor_id=mentor_id,
            reason=reason,
        )

    def close(self, occurred: Occurred, *, reason: EndReason, note: str = "") -> None:
        """The mentorship ends. Raises AlreadyClosed or EndsBeforeStart."""
        self._refuse_when_closed()
        check_text(note=note)
        if occurred.on < self.started_on:
            raise EndsBeforeStart(fields=("occurred_on",))
        self._record(MentorshipClosed, occurred, reason=reason, note=note)

    def _refuse_when_closed(self) -> None:
        if self.closed_on is not None:
            raise AlreadyClosed
