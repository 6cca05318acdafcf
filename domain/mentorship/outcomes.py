"""What was found at a follow-up: in work, in training, not, or unknown."""

from decimal import Decimal
from typing import Annotated
from uuid import UUID

from domain.errors import Invalid
from domain.mentorship.credentials import CredentialPart
from domain.mentorship.part import AlreadyOnRecord, MentorshipEvent
from domain.occurred import Occurred
from domain.personal import OF_TRAINEE
from domain.text import SHORT, check_text
from domain.vocabulary import OutcomeStatus, Purpose


class HoursOutOfRange(Invalid):
    code = "hours-out-of-range"
    message = "A week has from 0 to 168 hours."


class WageOutOfRange(Invalid):
    code = "wage-out-of-range"
    message = "An hourly wage is a positive amount, and names its currency by three capital letters (ISO 4217), as EUR."


class OutcomeFound(MentorshipEvent):
    """`hourly_wage` is in `currency` (ISO 4217); `verified` says that a paper was seen, `source` which."""

    TOPIC = "outcome-found"
    PURPOSE = Purpose.MENTORING
    AFTER_CLOSE = True
    CORRECTABLE = frozenset(
        {"occurred_on", "status", "hours_per_week", "hourly_wage", "currency", "verified", "source", "note"}
    )
    outcome_id: UUID
    status: OutcomeStatus
    verified: bool
    hours_per_week: Annotated[Decimal | None, OF_TRAINEE]
    hourly_wage: Annotated[Decimal | None, OF_TRAINEE]
    currency: Annotated[str, OF_TRAINEE]
    source: Annotated[str, OF_TRAINEE]
    note: Annotated[str, OF_TRAINEE]

    def check(self) -> None:
        check_text(SHORT, source=self.source)
        check_text(note=self.note)
        if self.hours_per_week is not None and not (
            self.hours_per_week.is_finite() and 0 <= self.hours_per_week <= 168
        ):
            raise HoursOutOfRange(fields=("hours_per_week",))
        if self.hourly_wage is not None and not (self.hourly_wage.is_finite() and 0 < self.hourly_wage < 1_000_000):
            raise WageOutOfRange(fields=("hourly_wage",))
        if (self.hourly_wage is not None or self.currency) and not (
            len(self.currency) == 3 and self.currency.isascii() and self.currency.isalpha() and self.currency.isupper()
        ):
            raise WageOutOfRange(fields=("currency",))

    def apply(self, aggregate: "OutcomePart") -> None:
        aggregate.outcomes[self.outcome_id] = self.originator_version


class OutcomePart(CredentialPart):
    """Follow-ups, with the version of the fact of each; most of them come after the mentorship has closed."""

    outcomes: dict[UUID, int]

    def find_outcome(
        self,
        outcome_id: UUID,
        occurred: Occurred,
        *,
        status: OutcomeStatus,
        verified: bool = False,
        hours_per_week: Decimal | None = None,
        hourly_wage: Decimal | None = None,
        currency: str = "",
        source: str = "",
        note: str = "",
    ) -> None:
        """Raises AlreadyOnRecord, HoursOutOfRange, WageOutOfRange, a day before the start or ConsentMissing."""
        if outcome_id in self.outcomes:
            raise AlreadyOnRecord
        self._refuse_before_start(occurred.on)
        self._record_fact(
            "find_outcome",
            OutcomeFound,
            occurred,
            outcome_id=outcome_id,
            status=status,
            verified=verified,
            hours_per_week=hours_per_week,
            hourly_wage=hourly_wage,
            currency=currency,
            source=source,
            note=note,
        )
