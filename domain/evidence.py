"""Evidence for an auditor: that somebody asked for it, about what and why, is itself a fact in the record."""

from dataclasses import dataclass, fields
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Self, cast
from uuid import UUID

from eventsourcing.domain import Aggregate, CanInitAggregate

from domain.errors import Invalid, RuleBroken
from domain.events import RecordEvent
from domain.occurred import Occurred
from domain.personal import OF_SELF, Personal
from domain.text import check_text


class EvidenceReasonMissing(Invalid):
    code = "evidence-reason-missing"
    message = "Say in a few words why the evidence is asked for. They stand in the record."


class PeriodOutOfOrder(Invalid):
    code = "period-out-of-order"
    message = "The period ends before it begins. Check the two days."


class NothingInPeriod(RuleBroken):
    code = "nothing-in-period"
    message = "Nothing was recorded in that period. Check the two days."


class EvidenceSubject(StrEnum):
    """What a bundle of evidence is about, where it is not about a period."""

    MENTORSHIP = "mentorship"
    PERSON = "person"


class EvidenceOpening(StrEnum):
    """Which sealed data a bundle opens: none; decisions on consent; these and what was done under them."""

    SEALED = "sealed"
    CONSENT = "consent"
    ACTS = "acts"


class EvidenceReason(StrEnum):
    """Why evidence is asked for."""

    REGULAR_AUDIT = "regular-audit"
    FUNDER_AUDIT = "funder-audit"
    SUPERVISORY_AUTHORITY = "supervisory-authority"
    COURT = "court"
    COMPLAINT = "complaint"
    PERSON_ASKED = "person-asked"
    SUSPECTED_MISUSE = "suspected-misuse"


@dataclass(frozen=True, slots=True)
class StreamUpTo:
    """A stream with the version that it had reached."""

    stream_id: UUID
    versions: int


@dataclass(frozen=True, slots=True)
class AboutSubject:
    """A mentorship or a person: `streams` are all that belong to it, `access_entries` those about it.

    `person_id` is whose data it is, None where they have been erased: then nothing is sealed under their key any more.
    They are counted when the evidence is asked for, so that what is left out of the bundle later is found.
    """

    subject: EvidenceSubject
    subject_id: UUID
    person_id: UUID | None
    streams: tuple[StreamUpTo, ...]
    access_entries: int | None = None


@dataclass(frozen=True, slots=True)
class AboutPeriod:
    """What was recorded from one day to another (UTC, both included), which are the log positions of that time; so of the access log.

    Raises PeriodOutOfOrder.
    """

    recorded_from: date
    recorded_until: date
    first_position: int
    last_position: int
    first_access: int | None = None
    last_access: int | None = None

    def __post_init__(self) -> None:
        if self.recorded_until < self.recorded_from:
            raise PeriodOutOfOrder(fields=("recorded_from", "recorded_until"))
        if self.last_position < self.first_position:
            raise NothingInPeriod(fields=("recorded_from", "recorded_until"))


@dataclass(frozen=True)
class _Requested(RecordEvent):
    opening: EvidenceOpening
    reason_code: EvidenceReason

    def mutate(self, aggregate: Any) -> Any:
        request = object.__new__(EvidenceRequest)
        request.__base_init__(self.originator_id, self.originator_version, self.timestamp)
        return request


@dataclass(frozen=True)
class EvidenceRequested(_Requested, CanInitAggregate[UUID]):
    """About a mentorship or a person. The reason in words is their personal data.

    `person_id` is the request's own id where the person has been erased, so that the reason has a key to be sealed under.
    """

    TOPIC = "evidence-requested"

    subject: EvidenceSubject
    subject_id: UUID
    person_id: UUID
    streams: tuple[StreamUpTo, ...]
    access_entries: int | None
    reason: Annotated[str, Personal("person_id")]


@dataclass(frozen=True)
class PeriodEvidenceRequested(_Requested, CanInitAggregate[UUID]):
    """About a period. The reason in words is sealed under a key of this request's own."""

    TOPIC = "period-evidence-requested"

    recorded_from: date
    recorded_until: date
    first_position: int
    last_position: int
    first_access: int | None
    last_access: int | None
    reason: Annotated[str, OF_SELF]


class EvidenceRequest(Aggregate):
    """One request for evidence. It is made, and nothing happens to it afterwards."""

    TOPIC = "evidence-request"
    Event = RecordEvent  # type: ignore[assignment]  # the library declares a class of its own here
    # One of the two that begin it; the library asks for a single one.
    Created = EvidenceRequested  # type: ignore[assignment]  # the same

    @classmethod
    def request_evidence(
        cls,
        request_id: UUID,
        *,
        about: AboutSubject | AboutPeriod,
        opening: EvidenceOpening,
        reason_code: EvidenceReason,
        reason: str,
        asked: Occurred,
    ) -> Self:
        """Puts on record that evidence is asked for. Raises EvidenceReasonMissing or a refusal of the text."""
        if not reason.strip():
            raise EvidenceReasonMissing(fields=("reason",))
        check_text(reason=reason)
        kind = EvidenceRequested if isinstance(about, AboutSubject) else PeriodEvidenceRequested
        told = {field.name: getattr(about, field.name) for field in fields(about)}
        if isinstance(about, AboutSubject):
            told["person_id"] = about.person_id or request_id
        event = kind(
            originator_id=request_id,
            originator_version=cls.INITIAL_VERSION,
            timestamp=kind.create_timestamp(),
            occurred_on=asked.on,
            occurred_at=asked.at,
            opening=opening,
            reason_code=reason_code,
            reason=reason,
            **told,
        )
        request = cast(Self, event.mutate(None))
        request.pending_events.append(event)
        return request
