"""Erasing a person: asked for by one, approved by another, held back by law or by claim, and then done for good (GDPR article 17).

Erasing destroys the person's keys, so what this file keeps in plain text, ids, days and terms, is what stays.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from eventsourcing.domain import Aggregate

from domain.errors import Invalid, NotFound, RuleBroken
from domain.events import PersonEvent
from domain.occurred import Occurred
from domain.personal import OF_SELF
from domain.retention import Funding, Period
from domain.text import check_codes, check_text


class ErasureGround(StrEnum):
    """Article 17 (1), and the organisation's own rule that it has kept the data long enough."""

    NO_LONGER_NEEDED = "no-longer-needed"
    CONSENT_WITHDRAWN = "consent-withdrawn"
    OBJECTED = "objected"
    UNLAWFUL = "unlawful"
    LEGAL_DUTY = "legal-duty"
    RETENTION_ENDED = "retention-ended"


class AskedBy(StrEnum):
    PERSON = "person"
    REPRESENTATIVE = "representative"
    ORGANISATION = "organisation"


class AskedHow(StrEnum):
    IN_PERSON = "in-person"
    LETTER = "letter"
    EMAIL = "email"
    PHONE = "phone"
    SERVICE = "service"
    RETENTION_LIST = "retention-list"


class ErasureRefusal(StrEnum):
    """Article 17 (3), or a request that was none."""

    RETENTION_DUTY = "retention-duty"
    LEGAL_CLAIMS = "legal-claims"
    PUBLIC_INTEREST = "public-interest"
    IDENTITY_NOT_SHOWN = "identity-not-shown"
    NOT_FOUNDED = "not-founded"
    TAKEN_BACK = "taken-back"


class HoldGround(StrEnum):
    LEGAL_CLAIM = "legal-claim"
    INVESTIGATION = "investigation"
    AUDIT = "audit"
    SAFEGUARDING = "safeguarding"


class PersonErased(RuleBroken):
    code = "person-erased"
    message = "This person has been erased for good. Nothing about them is recorded any more, and nothing can be brought back."


class ErasureRequestedAlready(RuleBroken):
    code = "erasure-requested-already"
    message = "Erasing this person is asked for already. Approve or refuse that request."


class NoErasureRequested(RuleBroken):
    code = "no-erasure-requested"
    message = "Nobody has asked to erase this person. Record the request first."


class SecondPersonNeeded(RuleBroken):
    code = "second-person-needed"
    message = "Whoever recorded the request does not approve it. Erasing is for good: a second member has to agree."


class LegalHoldStands(RuleBroken):
    code = "legal-hold"
    message = "A legal hold stands on this person's data. Nothing is erased until it is released."


class RetentionHolds(RuleBroken):
    """The message names the rule that holds longest, and its last day."""

    code = "retention-holds"
    message = "A duty to keep this person's data has not ended."


class HoldNotFound(NotFound):
    code = "hold-not-found"
    message = "There is no such legal hold on this person's data, or it is released already."


class HoldIdTaken(RuleBroken):
    code = "hold-id-taken"
    message = "A legal hold with this id is on record already."


class FundingIncomplete(Invalid):
    code = "funding-incomplete"
    message = "Name the funder, and the day of the last payment or of the final report."


@dataclass(frozen=True, slots=True)
class ErasureCase:
    """A request that stands. `requested_by` is a member."""

    requested_by: UUID
    requested_on: date
    ground: ErasureGround


@dataclass(frozen=True, slots=True)
class Approval:
    """Who agreed. `requested_by` is None where a restored backup knows nothing of the request."""

    approved_by: UUID
    requested_by: UUID | None


class ErasureProposed(PersonEvent):
    """The schedule found that the longest rule for this person's data has ended. People decide what becomes of it."""

    TOPIC = "erasure-proposed"
    rule: str
    due_on: date

    def apply(self, aggregate: "ErasurePart") -> None:
        aggregate.proposed = (self.rule, self.due_on)


class ErasureRequested(PersonEvent):
    TOPIC = "erasure-requested"
    requested_by: UUID
    asked_by: AskedBy
    asked_how: AskedHow
    ground: ErasureGround
    note: Annotated[str, OF_SELF]

    def apply(self, aggregate: "ErasurePart") -> None:
        aggregate.erasure = ErasureCase(self.requested_by, self.occurred_on, self.ground)


class ErasureRefused(PersonEvent):
    TOPIC = "erasure-refused"
    refused_by: UUID
    reason: ErasureRefusal
    note: Annotated[str, OF_SELF]

    def apply(self, aggregate: "ErasurePart") -> None:
        aggregate.erasure = None


class ErasureApproved(PersonEvent):
    """From here on it is carried out. `approved_by` is another member than the one who recorded the request."""

    TOPIC = "erasure-approved"
    approved_by: UUID
    requested_by: UUID

    def apply(self, aggregate: "ErasurePart") -> None:
        aggregate.approval = Approval(self.approved_by, self.requested_by)


class PersonalDataErased(PersonEvent):
    """The person's keys are destroyed. `approved_by` is who agreed to it."""

    TOPIC = "personal-data-erased"
    approved_by: UUID

    def apply(self, aggregate: "ErasurePart") -> None:
        aggregate.erased_on = self.occurred_on
        requested_by = aggregate.approval.requested_by if aggregate.approval else None
        aggregate.approval = Approval(self.approved_by, requested_by)
        aggregate.erasure = None


class LegalHoldPlaced(PersonEvent):
    TOPIC = "legal-hold-placed"
    hold_id: UUID
    ground: HoldGround
    review_on: date | None
    note: Annotated[str, OF_SELF]

    def apply(self, aggregate: "ErasurePart") -> None:
        aggregate.holds[self.hold_id] = self.ground


class LegalHoldReleased(PersonEvent):
    TOPIC = "legal-hold-released"
    hold_id: UUID
    note: Annotated[str, OF_SELF]

    def apply(self, aggregate: "ErasurePart") -> None:
        del aggregate.holds[self.hold_id]


class FundingNoted(PersonEvent):
    """Who paid for the work with this person, so that the funder's rule on keeping records is known. `funder` is a code."""

    TOPIC = "funding-noted"
    funder: str
    last_payment_on: date | None
    final_report_on: date | None

    def apply(self, aggregate: "ErasurePart") -> None:
        aggregate.funding = [one for one in aggregate.funding if one.funder != self.funder]
        aggregate.funding.append(Funding(self.funder, self.last_payment_on, self.final_report_on))


class ErasurePart(Aggregate):
    """What of a person decides on whether their data may and must be erased. Never used by itself."""

    registered_on: date
    proposed: tuple[str, date] | None
    erasure: ErasureCase | None
    approval: Approval | None
    erased_on: date | None
    holds: dict[UUID, HoldGround]
    funding: list[Funding]

    def propose_erasure(self, told: Occurred, *, rule: str, due_on: date) -> None:
        """The schedule's finding. Raises ErasureRequestedAlready, LegalHoldStands or PersonErased."""
        self._refuse_when_erased()
        check_codes(rule=(rule,))
        if self.erasure is not None or self.proposed == (rule, due_on):
            raise ErasureRequestedAlready
        if self.holds:
            raise LegalHoldStands
        self._tell(ErasureProposed, told, rule=rule, due_on=due_on)

    def request_erasure(
        self,
        told: Occurred,
        *,
        requested_by: UUID,
        asked_by: AskedBy,
        asked_how: AskedHow,
        ground: ErasureGround,
        note: str = "",
    ) -> None:
        """Somebody asks. Raises ErasureRequestedAlready or PersonErased."""
        self._refuse_when_erased()
        check_text(note=note)
        if self.erasure is not None:
            raise ErasureRequestedAlready
        self._tell(
            ErasureRequested,
            told,
            requested_by=requested_by,
            asked_by=asked_by,
            asked_how=asked_how,
            ground=ground,
            note=note,
        )

    def refuse_erasure(self, told: Occurred, *, refused_by: UUID, reason: ErasureRefusal, note: str = "") -> None:
        """The request is turned down, and why. Raises NoErasureRequested, or PersonErased once it was approved."""
        self._refuse_when_erased()
        check_text(note=note)
        if self.erasure is None:
            raise NoErasureRequested
        self._tell(ErasureRefused, told, refused_by=refused_by, reason=reason, note=note)

    def approve_erasure(self, told: Occurred, *, approved_by: UUID, longest: Period | None) -> None:
        """A second member agrees. `longest` is the duty to keep the data that ends last, None where none holds today.

        Raises NoErasureRequested, SecondPersonNeeded, LegalHoldStands, RetentionHolds or PersonErased.
        """
        self._refuse_when_erased()
        if self.erasure is None:
            raise NoErasureRequested
        if self.erasure.requested_by == approved_by:
            raise SecondPersonNeeded
        if self.holds:
            raise LegalHoldStands
        if longest is not None:
            raise RetentionHolds(longest.in_words())
        self._tell(ErasureApproved, told, approved_by=approved_by, requested_by=self.erasure.requested_by)

    def confirm_erased(self, told: Occurred, *, approved_by: UUID) -> None:
        """The keys are destroyed. Also after a restored backup, which knows nothing of the request. Raises PersonErased."""
        if self.erased_on is not None:
            raise PersonErased
        self._tell(PersonalDataErased, told, approved_by=approved_by)

    def place_hold(
        self, told: Occurred, *, hold_id: UUID, ground: HoldGround, review_on: date | None = None, note: str = ""
    ) -> None:
        """Nothing is erased until the hold is released. Raises HoldIdTaken or PersonErased."""
        self._refuse_when_erased()
        check_text(note=note)
        if hold_id in self.holds:
            raise HoldIdTaken
        self._tell(LegalHoldPlaced, told, hold_id=hold_id, ground=ground, review_on=review_on, note=note)

    def release_hold(self, told: Occurred, *, hold_id: UUID, note: str = "") -> None:
        """Raises HoldNotFound or PersonErased."""
        self._refuse_when_erased()
        check_text(note=note)
        if hold_id not in self.holds:
            raise HoldNotFound
        self._tell(LegalHoldReleased, told, hold_id=hold_id, note=note)

    def note_funding(
        self, told: Occurred, *, funder: str, last_payment_on: date | None = None, final_report_on: date | None = None
    ) -> None:
        """Says again, whole, what is known of a funder. Raises FundingIncomplete or PersonErased."""
        self._refuse_when_erased()
        check_codes(funder=(funder,))
        if not funder or (last_payment_on is None and final_report_on is None):
            raise FundingIncomplete(fields=("funder",))
        self._tell(FundingNoted, told, funder=funder, last_payment_on=last_payment_on, final_report_on=final_report_on)

    @property
    def is_erased(self) -> bool:
        """From the approval on: what is recorded after it would be lost with the keys."""
        return self.erased_on is not None or self.approval is not None

    def _refuse_when_erased(self) -> None:
        """Raises PersonErased."""
        if self.is_erased:
            raise PersonErased

    def _tell(self, event: type[PersonEvent], told: Occurred, **fields: object) -> None:
        self.trigger_event(event, occurred_on=told.on, occurred_at=told.at, **fields)
