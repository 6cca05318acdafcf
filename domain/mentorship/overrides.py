"""An override: for hours, data are used without a consent, because somebody's life or health is in danger.

GDPR article 6 (1) d. It says why, ends by itself after three days at most, and another member judges afterwards whether it was right.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Annotated
from uuid import UUID

from domain.errors import Invalid, NotFound, RuleBroken
from domain.mentorship.part import MentorshipEvent, MentorshipPart
from domain.occurred import Occurred
from domain.personal import OF_TRAINEE
from domain.text import check_text
from domain.vocabulary import OverrideReason, Purpose

LONGEST = timedelta(hours=72)
# What somebody's life can depend on. Nobody's does on a report, a story or a contact years later.
FOR_LIFE = frozenset(
    {
        Purpose.MENTORING,
        Purpose.ACCOMPANIMENT,
        Purpose.CREDENTIAL_RECOGNITION,
        Purpose.SHARING_WITH_AUTHORITY,
        Purpose.SHARING_WITH_PARTNER,
    }
)


class OverrideNotForThis(Invalid):
    code = "override-not-for-this"
    message = "Nobody's life depends on this purpose. Ask the person for their consent."


class OverrideTooLong(Invalid):
    code = "override-too-long"
    message = "An override lasts up to 72 hours. If the danger goes on, another one can follow."


class OverrideWithoutTime(Invalid):
    code = "override-without-time"
    message = "An override begins at a time of day. Give it with its offset from UTC."


class OverrideUnexplained(Invalid):
    code = "override-unexplained"
    message = "Say what the danger is, or why the override was right or wrong: somebody else will read it."


class OverrideNotFound(NotFound):
    code = "override-not-found"
    message = "There is no such override in this mentorship."


class OverrideReviewedAlready(RuleBroken):
    code = "override-reviewed-already"
    message = "This override has been reviewed already."


class OwnOverride(RuleBroken):
    code = "own-override"
    message = "Nobody reviews an override of their own. Ask another member."


@dataclass(frozen=True)
class ConsentOverridden(MentorshipEvent):
    """From `occurred_at` until `until_at` data may be used for a purpose without a consent. `overridden_by` is a member."""

    TOPIC = "consent-overridden"
    purpose: Purpose
    reason: OverrideReason
    until_on: date
    until_at: datetime
    overridden_by: UUID
    explanation: Annotated[str, OF_TRAINEE]

    def apply(self, aggregate: "OverridePart") -> None:
        aggregate.overrides.append(
            Override(
                self.originator_version,
                self.purpose,
                Occurred(self.occurred_on, self.occurred_at),
                Occurred(self.until_on, self.until_at),
                self.overridden_by,
            )
        )


@dataclass(frozen=True)
class OverrideReviewed(MentorshipEvent):
    """Another member's judgement of the override of that version."""

    TOPIC = "override-reviewed"
    override: int
    upheld: bool
    reviewed_by: UUID
    explanation: Annotated[str, OF_TRAINEE]

    def apply(self, aggregate: "OverridePart") -> None:
        aggregate.overrides = [
            replace(one, upheld=self.upheld) if one.version == self.override else one for one in aggregate.overrides
        ]


@dataclass(frozen=True, slots=True)
class Override:
    """`upheld` is None until it was reviewed."""

    version: int
    purpose: Purpose
    since: Occurred
    until: Occurred
    overridden_by: UUID
    upheld: bool | None = None

    def covers(self, purpose: Purpose, at: Occurred) -> bool:
        """Whether something done at that moment may rest on it; where only the day is known, on any of its days."""
        return (
            purpose is self.purpose
            and self.upheld is not False
            and self.since.known_before(at)
            and at.known_before(self.until)
        )


class OverridePart(MentorshipPart):
    """Overrides in the order in which they were recorded."""

    overrides: list[Override]

    def override_consent(
        self,
        occurred: Occurred,
        *,
        purpose: Purpose,
        reason: OverrideReason,
        until: Occurred,
        overridden_by: UUID,
        explanation: str,
    ) -> None:
        """Lets data be used for a purpose without a consent, for hours.

        Raises OverrideNotForThis, OverrideWithoutTime, OverrideTooLong, OverrideUnexplained, a day outside the mentorship or a
        refusal of the text.
        """
        self._refuse_outside(occurred.on)
        if purpose not in FOR_LIFE:
            raise OverrideNotForThis(fields=("purpose",))
        if occurred.at is None or until.at is None:
            raise OverrideWithoutTime(fields=("occurred_at",))
        if not timedelta(0) < until.at - occurred.at <= LONGEST:
            raise OverrideTooLong(fields=("hours",))
        _explained(explanation)
        self._record(
            ConsentOverridden,
            occurred,
            purpose=purpose,
            reason=reason,
            until_on=until.on,
            until_at=until.at,
            overridden_by=overridden_by,
            explanation=explanation,
        )

    def review_override(
        self, override: int, occurred: Occurred, *, upheld: bool, reviewed_by: UUID, explanation: str
    ) -> None:
        """Judges an override, named by its version; one that is not upheld carries nothing more.

        Raises OverrideNotFound, OverrideReviewedAlready, OwnOverride, OverrideUnexplained or a refusal of the text.
        """
        found = next((one for one in self.overrides if one.version == override), None)
        if found is None:
            raise OverrideNotFound
        if found.upheld is not None:
            raise OverrideReviewedAlready
        if found.overridden_by == reviewed_by:
            raise OwnOverride
        _explained(explanation)
        self._record(
            OverrideReviewed,
            occurred,
            override=override,
            upheld=upheld,
            reviewed_by=reviewed_by,
            explanation=explanation,
        )

    def overridden(self, purpose: Purpose, at: Occurred) -> int | None:
        """The version of the override that something done at that moment may rest on: of several, the last."""
        return next((one.version for one in reversed(self.overrides) if one.covers(purpose, at)), None)


def _explained(text: str) -> None:
    if not text.strip():
        raise OverrideUnexplained(fields=("explanation",))
    check_text(explanation=text)
