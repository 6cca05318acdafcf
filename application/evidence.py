"""Asking for evidence: what there is about a case, a person or a period is counted, and the request goes on record with it."""

from datetime import date
from typing import Protocol
from uuid import UUID

from application.caller import Caller, Receipt, Submission
from application.permissions import refuse_unless
from application.record import Entry, MovedOn, Record
from domain.errors import NotAllowed, Stale
from domain.evidence import (
    AboutPeriod,
    AboutSubject,
    EvidenceOpening,
    EvidenceReason,
    EvidenceRequest,
    EvidenceSubject,
)
from domain.vocabulary import Role

# An auditor judges consents, not what was said in a session. Whoever answers for the organisation reads that anyway.
MAY_OPEN: dict[Role, frozenset[EvidenceOpening]] = {
    Role.AUDITOR: frozenset({EvidenceOpening.SEALED, EvidenceOpening.CONSENT}),
    Role.COORDINATOR: frozenset(EvidenceOpening),
}


class OpeningNotAllowed(NotAllowed):
    code = "opening-not-allowed"
    message = (
        "Your role may not have this much opened. Ask for the evidence with decisions on consent opened, or sealed."
    )


class Counting(Protocol):
    """Counts what the record holds. Every method speaks for the caller's organisation only."""

    async def about_subject(self, by: Caller, subject: EvidenceSubject, subject_id: UUID) -> AboutSubject:
        """Raises NotFound."""

    async def about_period(self, by: Caller, recorded_from: date, recorded_until: date) -> AboutPeriod:
        """Raises PeriodOutOfOrder, NothingInPeriod or a refusal of too long a one."""


class Evidence:
    """Puts requests for evidence on record."""

    def __init__(self, record: Record, counting: Counting) -> None:
        self._record = record
        self._counting = counting

    async def request_about_subject(
        self,
        by: Caller,
        submission: Submission,
        request_id: UUID,
        *,
        subject: EvidenceSubject,
        subject_id: UUID,
        opening: EvidenceOpening,
        reason_code: EvidenceReason,
        reason: str,
    ) -> Receipt:
        """Raises NotAllowed, OpeningNotAllowed, NotFound, KeyReused or the domain's refusal. A repeat gets the first answer."""
        refuse_unless_may_open(by, opening)
        about = await self._counting.about_subject(by, subject, subject_id)
        return await self._request(by, submission, request_id, about, opening, reason_code, reason)

    async def request_about_period(
        self,
        by: Caller,
        submission: Submission,
        request_id: UUID,
        *,
        recorded_from: date,
        recorded_until: date,
        opening: EvidenceOpening,
        reason_code: EvidenceReason,
        reason: str,
    ) -> Receipt:
        """The same about the days from one to another (UTC)."""
        refuse_unless_may_open(by, opening)
        about = await self._counting.about_period(by, recorded_from, recorded_until)
        return await self._request(by, submission, request_id, about, opening, reason_code, reason)

    async def _request(
        self,
        by: Caller,
        submission: Submission,
        request_id: UUID,
        about: AboutSubject | AboutPeriod,
        opening: EvidenceOpening,
        reason_code: EvidenceReason,
        reason: str,
    ) -> Receipt:
        request = EvidenceRequest.request_evidence(
            request_id, about=about, opening=opening, reason_code=reason_code, reason=reason, asked=by.told()
        )
        entry = Entry.of(submission, request, {"id": str(request_id)})
        try:
            [receipt] = await self._record.append(by, [entry])
        except MovedOn:
            earlier = await self._record.receipt(by, submission)
            if earlier is None:
                raise Stale from None
            return earlier
        return receipt


def refuse_unless_may_open(by: Caller, opening: EvidenceOpening) -> None:
    """For whoever asks, and again for whoever takes the bundle: they need not be the same. Raises NotAllowed or OpeningNotAllowed."""
    refuse_unless(by, "request_evidence")
    if opening not in MAY_OPEN[by.role]:
        raise OpeningNotAllowed
