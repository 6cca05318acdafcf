"""Sessions that trainee and mentor held, with what each side says of them."""

from typing import Annotated
from uuid import UUID

from domain.errors import Invalid
from domain.mentorship.consent import ConsentPart
from domain.mentorship.part import AlreadyOnRecord, MentorshipEvent
from domain.occurred import Occurred
from domain.personal import OF_MENTOR, OF_TRAINEE
from domain.text import check_text
from domain.vocabulary import Medium, Purpose


class MinutesOutOfRange(Invalid):
    code = "minutes-out-of-range"
    message = "A session lasts from 1 to 1440 minutes."


class RatingOutOfRange(Invalid):
    code = "rating-out-of-range"
    message = "A rating is a whole number from 1 to 5, or left out."


class SessionHeld(MentorshipEvent):
    """`minutes` is the length. Ratings are 1 to 5 or None; the feedback of each side is sealed under that side's own key."""

    TOPIC = "session-held"
    PURPOSE = Purpose.MENTORING
    CORRECTABLE = frozenset(
        {
            "occurred_on",
            "minutes",
            "medium",
            "summary",
            "trainee_rating",
            "trainee_feedback",
            "mentor_rating",
            "mentor_feedback",
        }
    )
    session_id: UUID
    minutes: int
    medium: Medium
    summary: Annotated[str, OF_TRAINEE]
    trainee_rating: Annotated[int | None, OF_TRAINEE]
    trainee_feedback: Annotated[str, OF_TRAINEE]
    mentor_rating: Annotated[int | None, OF_MENTOR]
    mentor_feedback: Annotated[str, OF_MENTOR]

    def check(self) -> None:
        check_text(summary=self.summary, trainee_feedback=self.trainee_feedback, mentor_feedback=self.mentor_feedback)
        if not 1 <= self.minutes <= 1440:
            raise MinutesOutOfRange(fields=("minutes",))
        for name, rating in (("trainee_rating", self.trainee_rating), ("mentor_rating", self.mentor_rating)):
            if rating is not None and not 1 <= rating <= 5:
                raise RatingOutOfRange(fields=(name,))

    def apply(self, aggregate: "SessionPart") -> None:
        aggregate.sessions[self.session_id] = self.originator_version


class SessionPart(ConsentPart):
    """The sessions held, with the version of the fact that says so."""

    sessions: dict[UUID, int]

    def hold_session(
        self,
        session_id: UUID,
        occurred: Occurred,
        *,
        minutes: int,
        medium: Medium,
        summary: str = "",
        trainee_rating: int | None = None,
        trainee_feedback: str = "",
        mentor_rating: int | None = None,
        mentor_feedback: str = "",
    ) -> None:
        """Raises AlreadyOnRecord, a day outside the mentorship, MinutesOutOfRange, RatingOutOfRange or ConsentMissing."""
        if session_id in self.sessions:
            raise AlreadyOnRecord
        self._refuse_outside(occurred.on)
        self._record_fact(
            "hold_session",
            SessionHeld,
            occurred,
            session_id=session_id,
            minutes=minutes,
            medium=medium,
            summary=summary,
            trainee_rating=trainee_rating,
            trainee_feedback=trainee_feedback,
            mentor_rating=mentor_rating,
            mentor_feedback=mentor_feedback,
        )
