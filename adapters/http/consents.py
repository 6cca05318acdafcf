"""Consents: what the trainee decided about their data, purpose by purpose, with the whole record of how."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from adapters.http.case_reading import NOT_FOR_MENTORS, read_case_file
from adapters.http.documented import FACT, VERSIONED
from adapters.http.headers import Fact, Recorded, created
from adapters.http.parts import Parts
from adapters.http.reading import MinPosition
from adapters.http.signed_in import SignedIn
from adapters.http.strict_json import StrictRoute
from adapters.http.submitted import Day, Long, Short, Submitted, Told
from domain.mentorship import Mentorship, consent
from domain.vocabulary import (
    ConsentMethod,
    ConsentState,
    DataCategory,
    Interpreter,
    LegalBasis,
    NoticeForm,
    Purpose,
    Recipient,
    TeachBack,
)
from projections.case_file import NO_PART
from projections.consents import ConsentView

# Expired is judged by the clock; nobody tells it.
Decided = StrEnum("Decided", [(s.name, s.value) for s in ConsentState if s is not ConsentState.EXPIRED])  # type: ignore[misc]  # from the vocabulary


class Notice(Submitted):
    """What the person was shown; `sha256` is the digest of that rendition in that language."""

    version: Short = Field(examples=["2025-1"])
    language: Short = Field(examples=["fa-AF"])
    id: Short = Field(default="", examples=["participant-notice"])
    sha256: Short = ""
    form: NoticeForm | None = Field(default=None, examples=["read-aloud"])


class Communication(Submitted):
    """How it was explained, and whether it was understood."""

    language: Short = Field(default="", examples=["fa-AF"])
    interpreter: Interpreter = Interpreter.NONE
    interpreter_conflict_of_interest: bool | None = Field(default=None, strict=True)
    teach_back: TeachBack | None = Field(default=None, examples=["pass"])


class Expression(Submitted):
    """How the person said it."""

    method: ConsentMethod = Field(examples=["signature"])
    witness: Short = ""
    place: Short = ""


class Proxy(Submitted):
    """Who decided in the person's place, and on what ground."""

    relation: Short
    authority: Short
    evidence: Short = ""
    assent: bool | None = Field(default=None, strict=True)
    review_on: Day | None = None


class ConsentDecision(Told):
    state: Decided = Field(examples=["given"])
    purpose: Purpose = Field(examples=["accompaniment"])
    data_category: DataCategory = DataCategory.CASE_RECORD
    recipient: Recipient = Recipient.THIS_ORGANISATION
    notice: Notice | None = None
    communication: Communication | None = None
    expression: Expression | None = None
    proxy: Proxy | None = None
    legal_basis: LegalBasis = LegalBasis.CONSENT
    jurisdiction: Short = Field(default="", examples=["DE"])
    valid_from: Day | None = None
    valid_until: Day | None = Field(default=None, examples=["2026-03-02"])
    withdrawal_method: Short = Field(default="", examples=["Say so to any member of staff."])
    note: Long = ""


@dataclass(frozen=True, slots=True)
class Consents:
    """How each stands on the day `as_of`. A purpose that is not listed was never asked about."""

    consents: tuple[ConsentView, ...]
    as_of: date


def consent_routes(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/mentorships/{mentorship_id}/consents", tags=["consents"], route_class=StrictRoute)

    @router.get("", responses=VERSIONED)
    async def list_consents(
        mentorship_id: UUID, by: SignedIn, response: Response, min_position: MinPosition = 0
    ) -> Consents:
        """The consents of a case as they stand today. Not for mentors."""
        found = await read_case_file(
            parts, by, mentorship_id, response, min_position, showing=NO_PART, hidden_from=NOT_FOR_MENTORS
        )
        return Consents(found.consents, found.today)

    @router.post("", status_code=201, responses=FACT)
    async def decide_consent(
        mentorship_id: UUID, body: ConsentDecision, by: SignedIn, submission: Fact, response: Response
    ) -> Recorded:
        """Records what the person decided: asked, put off, refused, given, renewed, withdrawn, or found invalid.

        Withdrawing needs no If-Match either: a person's word is a fact, and must not be lost because somebody else was faster.
        """
        receipt = await parts.casebook.decide(
            by,
            submission,
            mentorship_id,
            {},
            Mentorship.decide_consent,
            ConsentState(body.state.value),
            consent.Scope(body.purpose, body.data_category, body.recipient),
            by.told(body.occurred_on, body.occurred_at),
            notice=consent.Notice(**dict(body.notice)) if body.notice else None,
            communication=consent.Communication(**dict(body.communication)) if body.communication else None,
            expression=consent.Expression(**dict(body.expression)) if body.expression else None,
            proxy=consent.Proxy(**dict(body.proxy)) if body.proxy else None,
            legal_basis=body.legal_basis,
            jurisdiction=body.jurisdiction,
            valid_from=body.valid_from,
            valid_until=body.valid_until,
            withdrawal_method=body.withdrawal_method,
            note=body.note,
        )
        return created(receipt, response, f"/mentorships/{mentorship_id}/timeline/{{version}}", mentorship_id)

    return router
