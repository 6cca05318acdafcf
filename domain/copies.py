"""Copies of a person's data that were handed out (GDPR articles 15 and 20): what went, to whom, and why."""

from enum import StrEnum
from uuid import UUID

from domain.erasure import AskedBy
from domain.events import PersonEvent
from domain.occurred import Occurred
from domain.restriction import RestrictionPart


class CopyForm(StrEnum):
    JSON = "json"
    PDF = "pdf"


class CopyReason(StrEnum):
    ACCESS = "access"
    PORTABILITY = "portability"
    LEGAL_CLAIM = "legal-claim"
    COMPLAINT = "complaint"


class PersonalDataExported(PersonEvent):
    """A copy of all that is held on the person left the record. `handed_out_by` is a member."""

    TOPIC = "personal-data-exported"
    handed_out_by: UUID
    asked_by: AskedBy
    form: CopyForm
    reason: CopyReason

    def apply(self, aggregate: "CopiesPart") -> None:
        aggregate.copies += 1


class CopiesPart(RestrictionPart):
    """Counts the copies, so that an erasure can say that they are with others. Never used by itself."""

    copies: int

    def hand_out_copy(
        self, told: Occurred, *, handed_out_by: UUID, asked_by: AskedBy, form: CopyForm, reason: CopyReason
    ) -> None:
        """A copy leaves the record. Raises PersonErased."""
        self._refuse_when_erased()
        self._tell(PersonalDataExported, told, handed_out_by=handed_out_by, asked_by=asked_by, form=form, reason=reason)
