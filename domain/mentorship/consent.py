"""Consent: one decision for each purpose, data category and recipient, with the whole record of how it was made.

After ISO/IEC TS 27560 and the W3C Data Privacy Vocabulary. Consent lives in the mentorship, so that a fact and the consent it rests
on are decided in one append.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Annotated, Any, ClassVar

from domain.errors import Invalid, RuleBroken
from domain.mentorship.overrides import OverridePart
from domain.mentorship.part import MentorshipEvent
from domain.occurred import Occurred
from domain.personal import OF_TRAINEE
from domain.purposes import purpose_of
from domain.text import SHORT, check_text
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


class ConsentMissing(RuleBroken):
    """No consent in force covers this purpose at the time it happened."""

    code = "consent-missing"
    message = (
        "No consent for this purpose was in force at that time. Ask the person, record their decision, then try again."
    )


class NothingToRenew(RuleBroken):
    code = "nothing-to-renew"
    message = "No consent stands that could be renewed for this purpose. Record a new decision."


class NoticeChanged(RuleBroken):
    code = "notice-changed"
    message = "The notice is not the one that was consented to. A changed notice needs a new decision, not a renewal."


class NothingToWithdraw(RuleBroken):
    code = "nothing-to-withdraw"
    message = "There is no consent to withdraw for this purpose. If the person says no, record a refusal."


class NothingToInvalidate(RuleBroken):
    code = "nothing-to-invalidate"
    message = "There is no consent for this purpose that could be invalidated or superseded."


class NotAConsent(Invalid):
    code = "not-a-consent"
    message = (
        "A decision to consent rests on consent. Another legal basis needs no yes from the person "
        "and is not recorded as one."
    )


class ExpiryNotDecided(Invalid):
    code = "expiry-not-decided"
    message = "A consent expires by its last day, and nobody records that. Record what the person decided."


class ValidityEndsTooEarly(Invalid):
    code = "validity-ends-too-early"
    message = "The consent would end before it begins. Check the two days."


class ProxyNeedsReview(Invalid):
    code = "proxy-needs-review"
    message = "A decision made for somebody else needs the date on which it will be reviewed."


class NoticeDigestMalformed(Invalid):
    code = "notice-digest-malformed"
    message = "The digest of the notice is 64 lower-case hexadecimal digits (SHA-256), or empty if unknown."


@dataclass(frozen=True, slots=True)
class Notice:
    """What the person was shown: `sha256` is the digest of that rendition in that language, in hexadecimal, or empty."""

    version: str
    language: str
    id: str = ""
    sha256: str = ""
    form: NoticeForm | None = None


@dataclass(frozen=True, slots=True)
class Communication:
    """How it was explained, and whether it was understood."""

    language: str = ""
    interpreter: Interpreter = Interpreter.NONE
    interpreter_conflict_of_interest: bool | None = None
    teach_back: TeachBack | None = None


@dataclass(frozen=True, slots=True)
class Expression:
    """How the person said it."""

    method: ConsentMethod
    witness: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class Proxy:
    """Who decided in the person's place, and on what ground. `assent` is the minor's own yes or no."""

    relation: str
    authority: str
    evidence: str = ""
    assent: bool | None = None
    review_on: date | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """What a decision is about."""

    purpose: Purpose
    data_category: DataCategory = DataCategory.CASE_RECORD
    recipient: Recipient = Recipient.THIS_ORGANISATION


class _ConsentDecided(MentorshipEvent):
    STATE: ClassVar[ConsentState]

    purpose: Purpose
    data_category: DataCategory
    recipient: Recipient
    legal_basis: LegalBasis
    jurisdiction: Annotated[str, OF_TRAINEE]
    valid_from: date | None
    valid_until: date | None
    withdrawal_method: Annotated[str, OF_TRAINEE]
    notice: Annotated[Notice | None, OF_TRAINEE]
    communication: Annotated[Communication, OF_TRAINEE]
    expression: Annotated[Expression | None, OF_TRAINEE]
    proxy: Annotated[Proxy | None, OF_TRAINEE]
    note: Annotated[str, OF_TRAINEE]

    @property
    def scope(self) -> Scope:
        return Scope(self.purpose, self.data_category, self.recipient)

    def apply(self, aggregate: "ConsentPart") -> None:
        decision = Decision(
            self.originator_version,
            type(self).STATE,
            Occurred(self.occurred_on, self.occurred_at),
            self.valid_from,
            self.valid_until,
            (self.notice.id, self.notice.version) if self.notice else self._notice_before(aggregate),
        )
        aggregate.decisions.setdefault(self.scope, []).append(decision)

    def _notice_before(self, aggregate: "ConsentPart") -> tuple[str, str] | None:
        return None


class ConsentRequested(_ConsentDecided):
    TOPIC = "consent-requested"
    STATE = ConsentState.REQUESTED


class ConsentDeferred(_ConsentDecided):
    TOPIC = "consent-deferred"
    STATE = ConsentState.DEFERRED


class ConsentRefused(_ConsentDecided):
    TOPIC = "consent-refused"
    STATE = ConsentState.REFUSED


class ConsentGiven(_ConsentDecided):
    TOPIC = "consent-given"
    STATE = ConsentState.GIVEN


class ConsentRenewed(_ConsentDecided):
    """A renewal that names no notice goes on with the one before."""

    TOPIC = "consent-renewed"
    STATE = ConsentState.RENEWED

    def _notice_before(self, aggregate: "ConsentPart") -> tuple[str, str] | None:
        stood = standing(aggregate.decisions.get(self.scope, ()), Occurred(self.occurred_on, self.occurred_at))
        return stood.notice if stood else None


class ConsentWithdrawn(_ConsentDecided):
    TOPIC = "consent-withdrawn"
    STATE = ConsentState.WITHDRAWN


class ConsentInvalidated(_ConsentDecided):
    """The organisation found that the consent never was a valid one: nothing can be recorded on it from now on, for any day.

    What was withdrawn or renewed since was no more valid: it takes in every consent of that scope told before.
    """

    TOPIC = "consent-invalidated"
    STATE = ConsentState.INVALIDATED

    def apply(self, aggregate: "ConsentPart") -> None:
        found = Occurred(self.occurred_on, self.occurred_at)
        aggregate.decisions[self.scope] = [
            replace(decision, state=ConsentState.INVALIDATED)
            if decision.state.permits and decision.told.known_before(found)
            else decision
            for decision in aggregate.decisions.get(self.scope, ())
        ]
        super().apply(aggregate)


class ConsentSuperseded(_ConsentDecided):
    """The notice was replaced by a materially different one. A consent to the old one carries nothing new."""

    TOPIC = "consent-superseded"
    STATE = ConsentState.SUPERSEDED


CONSENT_EVENTS: dict[ConsentState, type[_ConsentDecided]] = {
    event.STATE: event
    for event in (
        ConsentRequested,
        ConsentDeferred,
        ConsentRefused,
        ConsentGiven,
        ConsentRenewed,
        ConsentWithdrawn,
        ConsentInvalidated,
        ConsentSuperseded,
    )
}


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision as the rules need it. `version` is its place in the stream, which later facts name as relied on."""

    version: int
    state: ConsentState
    told: Occurred
    valid_from: date | None
    valid_until: date | None
    notice: tuple[str, str] | None = None

    def in_force_on(self, day: date) -> bool:
        return (
            self.state.permits
            and (self.valid_from is None or self.valid_from <= day)
            and (self.valid_until is None or day <= self.valid_until)
        )


def standing(decisions: Iterable[Decision], at: Occurred) -> Decision | None:
    """The decision that stood at a moment, of those given in the order in which they were recorded.

    A decision counts for the whole of its day unless both times of day are known. Of two on the same day the one recorded later
    stands, unless both times of day are known and say otherwise. Asking again, or putting the answer off, decides nothing.
    """
    before = [decision for decision in decisions if decision.told.known_before(at)]
    return _last_made(d for d in before if d.state.decides) or _last_made(before)


def _last_made(decisions: Iterable[Decision]) -> Decision | None:
    last: Decision | None = None
    latest: datetime | None = None
    for decision in decisions:
        on, at = decision.told.on, decision.told.at
        if last is not None and on == last.told.on:
            if at is not None and latest is not None and at < latest:
                continue
            last, latest = decision, at or latest
        elif last is None or on > last.told.on:
            last, latest = decision, at
    return last


class ConsentPart(OverridePart):
    """The consents of the trainee."""

    decisions: dict[Scope, list[Decision]]

    def decide_consent(
        self,
        state: ConsentState,
        scope: Scope,
        occurred: Occurred,
        *,
        notice: Notice | None = None,
        communication: Communication | None = None,
        expression: Expression | None = None,
        proxy: Proxy | None = None,
        legal_basis: LegalBasis = LegalBasis.CONSENT,
        jurisdiction: str = "",
        valid_from: date | None = None,
        valid_until: date | None = None,
        withdrawal_method: str = "",
        note: str = "",
    ) -> None:
        """Records what the person decided. Never refused for being inconvenient: withdrawing takes no more than giving.

        Raises NothingToRenew, NoticeChanged, NothingToWithdraw, NothingToInvalidate, ExpiryNotDecided, NotAConsent,
        ValidityEndsTooEarly, ProxyNeedsReview, NoticeDigestMalformed or a refusal of the text.
        """
        if state is ConsentState.EXPIRED:
            raise ExpiryNotDecided(fields=("state",))
        if state.permits and legal_basis is not LegalBasis.CONSENT:
            raise NotAConsent(fields=("legal_basis",))
        check_text(note=note)
        check_text(SHORT, jurisdiction=jurisdiction, withdrawal_method=withdrawal_method)
        _check_record(notice, communication, expression, proxy)
        if valid_until is not None and valid_until < (valid_from or occurred.on):
            raise ValidityEndsTooEarly(fields=("valid_until",))
        self._check_transition(state, scope, occurred, notice)
        self._record(
            CONSENT_EVENTS[state],
            occurred,
            purpose=scope.purpose,
            data_category=scope.data_category,
            recipient=scope.recipient,
            legal_basis=legal_basis,
            jurisdiction=jurisdiction,
            valid_from=valid_from,
            valid_until=valid_until,
            withdrawal_method=withdrawal_method,
            notice=notice,
            communication=communication or Communication(),
            expression=expression,
            proxy=proxy,
            note=note,
        )

    def relied_on(self, purpose: Purpose, occurred: Occurred) -> int:
        """The version of the consent that processing for a purpose rests on, or where none was in force, of an override.

        Raises ConsentMissing.
        """
        decision = standing(self.decisions.get(Scope(purpose), ()), occurred)
        if decision is not None and decision.in_force_on(occurred.on):
            return decision.version
        override = self.overridden(purpose, occurred)
        if override is None:
            raise ConsentMissing
        return override

    def _record_fact(self, command: str, event: type[MentorshipEvent], occurred: Occurred, **fields: Any) -> None:
        """Records a fact under the purpose of its command, if a consent was in force when it happened."""
        self._record(event, occurred, relied_on=self.relied_on(purpose_of(command), occurred), **fields)

    def _check_transition(self, state: ConsentState, scope: Scope, occurred: Occurred, notice: Notice | None) -> None:
        decisions = self.decisions.get(scope, ())
        permitted = [d for d in decisions if d.state.permits and d.told.known_before(occurred)]
        if state is ConsentState.RENEWED:
            stood = standing(decisions, occurred)
            if stood is None or not stood.state.permits:
                raise NothingToRenew(fields=("purpose",))
            if notice is not None and stood.notice is not None and (notice.id, notice.version) != stood.notice:
                raise NoticeChanged(fields=("notice",))
        if state is ConsentState.WITHDRAWN and not permitted:
            raise NothingToWithdraw(fields=("purpose",))
        if state in (ConsentState.INVALIDATED, ConsentState.SUPERSEDED) and not permitted:
            raise NothingToInvalidate(fields=("purpose",))


def _check_record(
    notice: Notice | None, communication: Communication | None, expression: Expression | None, proxy: Proxy | None
) -> None:
    if notice is not None:
        check_text(SHORT, notice=f"{notice.id}{notice.version}{notice.language}")
        if notice.sha256 and (len(notice.sha256) != 64 or set(notice.sha256) - set("0123456789abcdef")):
            raise NoticeDigestMalformed(fields=("notice",))
    if communication is not None:
        check_text(SHORT, communication=communication.language)
    if expression is not None:
        check_text(SHORT, expression=f"{expression.witness}{expression.place}")
    if proxy is not None:
        check_text(SHORT, proxy=f"{proxy.relation}{proxy.authority}{proxy.evidence}")
        if proxy.review_on is None:
            raise ProxyNeedsReview(fields=("proxy",))
