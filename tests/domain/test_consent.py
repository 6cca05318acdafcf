"""Consent: whose word stands at which moment, and what may be recorded on it."""

from typing import Any

import pytest

from domain.errors import Refusal
from domain.mentorship.accompaniments import AccompanimentRecorded
from domain.mentorship.consent import (
    Communication,
    ConsentGiven,
    ConsentInvalidated,
    ConsentMissing,
    ConsentRenewed,
    ConsentSuperseded,
    ConsentWithdrawn,
    ExpiryNotDecided,
    Expression,
    NotAConsent,
    NothingToInvalidate,
    NothingToRenew,
    NothingToWithdraw,
    Notice,
    NoticeChanged,
    NoticeDigestMalformed,
    Proxy,
    ProxyNeedsReview,
    Scope,
    ValidityEndsTooEarly,
    standing,
)
from domain.mentorship.sessions import SessionHeld
from domain.occurred import Occurred
from domain.text import TooLong
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
from tests.domain.scenario import (
    ACCOMPANIMENT_CONSENTED,
    BOOKED,
    CLOSED,
    MENTORING_CONSENTED,
    Step,
    accompanied,
    an,
    at,
    booked,
    case_of,
    consented,
    decided,
    given,
    held,
    on,
    withdrew,
)

MENTORING, ACCOMPANIMENT = Purpose.MENTORING, Purpose.ACCOMPANIMENT
NOTICE = Notice(version="2024-1", language="fa-AF", id="mentoring", form=NoticeForm.READ_ALOUD)


def allowed(*facts: Step, when: Occurred) -> bool:
    """Whether a session may be recorded for a moment."""
    try:
        case_of(*facts).relied_on(MENTORING, when)
    except ConsentMissing:
        return False
    return True


def gave(occurred: Occurred, **record: Any) -> Step:
    return consented(MENTORING, occurred, **record)


def renewed(occurred: Occurred, **record: Any) -> Step:
    return decided(ConsentState.RENEWED, MENTORING, occurred, **record)


def ended(state: ConsentState, occurred: Occurred) -> Step:
    return decided(state, MENTORING, occurred)


def test_the_whole_record_of_a_decision_is_kept() -> None:
    record: dict[str, Any] = {
        "notice": Notice("2024-1", "fa-AF", "mentoring", "0a" * 32, NoticeForm.READ_ALOUD),
        "communication": Communication("fa-AF", Interpreter.PROFESSIONAL, False, TeachBack.PASS),
        "expression": Expression(ConsentMethod.WITNESSED_ORAL, witness="Jo Falk", place="Office, room 4"),
        "proxy": Proxy("mother", "custody", "court order", assent=True, review_on=on(300).on),
        "legal_basis": LegalBasis.CONSENT,
        "jurisdiction": "DE-BE",
        "valid_from": on(1).on,
        "valid_until": on(700).on,
        "withdrawal_method": "A word to any caseworker",
        "note": "She asked who reads it",
    }
    scope = Scope(MENTORING, DataCategory.HEALTH, Recipient.MENTOR)
    given().when(lambda case: case.decide_consent(ConsentState.GIVEN, scope, at(0, 9), **record)).then(
        an(
            ConsentGiven,
            purpose=MENTORING,
            data_category=DataCategory.HEALTH,
            recipient=Recipient.MENTOR,
            occurred_at=at(0, 9).at,
            **record,
        )
    )


def test_without_any_consent_nothing_is_recorded() -> None:
    given().when(held(on(5))).then_refused(ConsentMissing)


def test_an_event_names_the_consent_that_it_relied_on() -> None:
    given(MENTORING_CONSENTED).when(held(on(5))).then(an(SessionHeld, relied_on=2))
    given(MENTORING_CONSENTED, renewed(on(3))).when(held(on(5))).then(an(SessionHeld, relied_on=3))
    given(MENTORING_CONSENTED, renewed(on(6))).when(held(on(5))).then(an(SessionHeld, relied_on=2))


def test_withdrawn_consent_refuses_an_accompaniment() -> None:
    facts = (MENTORING_CONSENTED, ACCOMPANIMENT_CONSENTED, BOOKED, withdrew(ACCOMPANIMENT, on(9)))
    given(*facts).when(accompanied(on(10))).then_refused(ConsentMissing)


def test_one_purpose_says_nothing_about_another() -> None:
    facts = (MENTORING_CONSENTED, ACCOMPANIMENT_CONSENTED, BOOKED)
    given(*facts, withdrew(ACCOMPANIMENT, on(4))).when(held(on(5))).then(SessionHeld)
    given(*facts, withdrew(MENTORING, on(4))).when(accompanied(on(10))).then(AccompanimentRecorded)
    given(*facts, withdrew(MENTORING, on(4))).when(held(on(5))).then_refused(ConsentMissing)


@pytest.mark.parametrize("state", [state for state in ConsentState if not state.permits and state != "expired"])
def test_only_given_and_renewed_permit_anything(state: ConsentState) -> None:
    assert not allowed(*([gave(on(0))] if state.decides else []), ended(state, on(2)), when=on(3))
    assert allowed(gave(on(0)), renewed(on(2)), when=on(3))


@pytest.mark.parametrize("state", [ConsentState.REQUESTED, ConsentState.DEFERRED])
def test_asking_again_or_putting_the_answer_off_leaves_a_consent_standing(state: ConsentState) -> None:
    assert allowed(gave(on(0)), ended(state, on(2)), when=on(3))
    assert not allowed(gave(on(0)), withdrew(MENTORING, on(1)), ended(state, on(2)), when=on(3))
    assert not allowed(gave(on(0), valid_until=on(2).on), ended(state, on(2)), when=on(3))


# When


def test_consent_counts_on_the_day_that_something_happened_not_on_the_day_it_is_told() -> None:
    facts = [gave(on(5)), withdrew(MENTORING, on(10))]
    assert [day for day in range(13) if allowed(*facts, when=on(day))] == [5, 6, 7, 8, 9]


def test_a_withdrawal_does_not_refuse_a_late_entry_about_a_day_before() -> None:
    given(MENTORING_CONSENTED, withdrew(MENTORING, on(10))).when(held(on(9))).then(an(SessionHeld, relied_on=2))


def test_a_consent_lasts_through_its_last_day_and_starts_on_its_first() -> None:
    facts = [gave(on(0), valid_from=on(3).on, valid_until=on(6).on)]
    assert [day for day in range(10) if allowed(*facts, when=on(day))] == [3, 4, 5, 6]


def test_a_renewal_goes_on_where_the_consent_expired() -> None:
    facts = [gave(on(0), valid_until=on(2).on), renewed(on(5), valid_until=on(7).on)]
    assert [day for day in range(10) if allowed(*facts, when=on(day))] == [0, 1, 2, 5, 6, 7]


def test_on_the_day_of_a_withdrawal_the_time_of_day_decides_if_both_are_known() -> None:
    facts = [gave(on(0)), withdrew(MENTORING, at(10, 12))]
    assert allowed(*facts, when=at(10, 11))
    assert not allowed(*facts, when=at(10, 12)), "at the same moment the withdrawal counts"
    assert not allowed(*facts, when=at(10, 13))
    assert not allowed(*facts, when=on(10)), "whether it happened before is not known"
    assert not allowed(gave(on(0)), withdrew(MENTORING, on(10)), when=at(10, 9))


def test_on_the_day_of_a_consent_the_time_of_day_decides_if_both_are_known() -> None:
    assert not allowed(gave(at(5, 12)), when=at(5, 11))
    assert allowed(gave(at(5, 12)), when=at(5, 12))
    assert allowed(gave(at(5, 12)), when=on(5))
    assert allowed(gave(on(5)), when=at(5, 1))


def test_a_withdrawal_on_the_day_of_the_consent_stands() -> None:
    """However precisely either was told: a day without a time must not outlast a withdrawal at noon."""
    for consent in (on(5), at(5, 9)):
        for withdrawal in (on(5), at(5, 12)):
            facts = [gave(consent), withdrew(MENTORING, withdrawal)]
            assert not allowed(*facts, when=at(5, 13)), (consent, withdrawal)
            assert not allowed(*facts, when=on(6)), (consent, withdrawal)


def test_a_change_of_mind_on_the_same_day_stands() -> None:
    for again in (on(5), at(5, 15)):
        assert allowed(gave(at(5, 9)), withdrew(MENTORING, at(5, 12)), gave(again), when=at(5, 16)), again


def test_a_consent_told_late_does_not_outlast_a_withdrawal_at_a_later_time_of_that_day() -> None:
    facts = [gave(on(0)), withdrew(MENTORING, at(5, 12))]
    assert not allowed(*facts, gave(at(5, 9)), when=at(5, 13))
    assert not allowed(*facts, ended(ConsentState.REFUSED, on(5)), gave(at(5, 9)), when=at(5, 13))


def test_decisions_told_in_another_order_than_they_were_made_stand_in_the_order_they_were_made() -> None:
    given(gave(on(20)), gave(on(0)), withdrew(MENTORING, on(10))).when(held(on(15))).then_refused(ConsentMissing)
    given(gave(on(20)), gave(on(0)), withdrew(MENTORING, on(10))).when(held(on(20))).then(an(SessionHeld, relied_on=2))
    given(gave(on(20)), gave(on(0)), withdrew(MENTORING, on(10))).when(held(on(5))).then(an(SessionHeld, relied_on=3))


def test_a_consent_told_today_about_last_month_covers_what_happened_since() -> None:
    given(gave(on(-30))).when(held(on(0))).then(SessionHeld)


def test_nothing_stands_before_the_first_decision() -> None:
    case = case_of(gave(on(5)))
    assert standing(case.decisions[Scope(MENTORING)], on(4)) is None
    assert standing([], on(4)) is None


def test_an_appointment_booked_under_consent_is_not_thereby_accompanied_under_it() -> None:
    facts = (consented(MENTORING), consented(ACCOMPANIMENT, valid_until=on(9).on))
    given(*facts, booked(at(10, 9))).when(accompanied(on(10))).then_refused(ConsentMissing)


# What may be decided


def test_renewing_needs_a_consent_that_stands() -> None:
    given().when(renewed(on(5))).then_refused(NothingToRenew, "purpose")
    given(gave(on(6))).when(renewed(on(5))).then_refused(NothingToRenew, "purpose")
    for state in (ConsentState.WITHDRAWN, ConsentState.REFUSED, ConsentState.INVALIDATED, ConsentState.SUPERSEDED):
        given(gave(on(0)), ended(state, on(4))).when(renewed(on(5))).then_refused(NothingToRenew, "purpose")
    given(gave(on(0))).when(renewed(on(5))).then(ConsentRenewed)
    given(gave(on(0)), ended(ConsentState.REQUESTED, on(4))).when(renewed(on(5))).then(ConsentRenewed)


def test_a_changed_notice_needs_a_new_decision() -> None:
    other = Notice(version="2025-1", language="fa-AF", id="mentoring")
    in_german = Notice(version="2024-1", language="de", id="mentoring")
    given(gave(on(0), notice=NOTICE)).when(renewed(on(5), notice=other)).then_refused(NoticeChanged, "notice")
    given(gave(on(0), notice=NOTICE)).when(renewed(on(5), notice=in_german)).then(ConsentRenewed)
    given(gave(on(0), notice=NOTICE)).when(gave(on(5), notice=other)).then(ConsentGiven)
    given(gave(on(0))).when(renewed(on(5), notice=NOTICE)).then(ConsentRenewed)


def test_a_renewal_without_a_notice_in_between_does_not_let_a_changed_one_slip_in() -> None:
    other = Notice(version="2025-1", language="fa-AF", id="mentoring")
    facts = (gave(on(0), notice=NOTICE), renewed(on(5)))
    given(*facts).when(renewed(on(9), notice=other)).then_refused(NoticeChanged, "notice")
    given(*facts).when(renewed(on(9), notice=NOTICE)).then(ConsentRenewed)


def test_withdrawing_takes_no_more_than_a_word_and_a_consent_given_before() -> None:
    given(gave(on(0))).when(withdrew(MENTORING, on(5))).then(ConsentWithdrawn)
    given(gave(on(0), valid_until=on(2).on)).when(withdrew(MENTORING, on(5))).then(ConsentWithdrawn)
    given(gave(on(0)), withdrew(MENTORING, on(4))).when(withdrew(MENTORING, on(5))).then(ConsentWithdrawn)
    given().when(withdrew(MENTORING, on(5))).then_refused(NothingToWithdraw, "purpose")
    given(consented(ACCOMPANIMENT)).when(withdrew(MENTORING, on(5))).then_refused(NothingToWithdraw, "purpose")


def test_consent_is_withdrawn_after_the_mentorship_closed_too() -> None:
    given(gave(on(0)), CLOSED).when(withdrew(MENTORING, on(120))).then(ConsentWithdrawn)


def test_an_invalid_consent_carries_no_late_entry_either() -> None:
    facts = (gave(on(0)), decided(ConsentState.INVALIDATED, MENTORING, on(10)))
    given(*facts).when(held(on(5))).then_refused(ConsentMissing)
    given(*facts, gave(on(11))).when(held(on(12))).then(SessionHeld)
    given(gave(on(0))).when(ended(ConsentState.INVALIDATED, on(10))).then(ConsentInvalidated)


@pytest.mark.parametrize("between", [withdrew(MENTORING, on(6)), renewed(on(6))], ids=["withdrawn", "renewed"])
def test_a_consent_found_invalid_carries_nothing_new_whatever_came_between(between: Step) -> None:
    facts = (gave(on(0)), between)
    given(*facts).when(held(on(2))).then(SessionHeld)
    invalidated = ended(ConsentState.INVALIDATED, on(10))
    for day in (0, 2, 6, 8, 12):
        given(*facts, invalidated).when(held(on(day))).then_refused(ConsentMissing)
    given(*facts, invalidated, gave(on(11))).when(held(on(12))).then(SessionHeld)
    given(*facts, gave(on(11)), invalidated).when(held(on(12))).then(SessionHeld)


@pytest.mark.parametrize("basis", [basis for basis in LegalBasis if basis is not LegalBasis.CONSENT])
def test_a_yes_on_another_legal_basis_is_no_consent(basis: LegalBasis) -> None:
    given().when(gave(on(0), legal_basis=basis)).then_refused(NotAConsent, "legal_basis")
    given(gave(on(0))).when(renewed(on(5), legal_basis=basis)).then_refused(NotAConsent, "legal_basis")
    given(gave(on(0))).when(decided(ConsentState.WITHDRAWN, MENTORING, on(5), legal_basis=basis)).then(ConsentWithdrawn)


def test_a_superseded_consent_carries_what_happened_before_and_nothing_after() -> None:
    given(gave(on(0))).when(ended(ConsentState.SUPERSEDED, on(10))).then(ConsentSuperseded)
    facts = [gave(on(0)), ended(ConsentState.SUPERSEDED, on(10))]
    assert allowed(*facts, when=on(9))
    assert not allowed(*facts, when=on(10))


@pytest.mark.parametrize("state", [ConsentState.INVALIDATED, ConsentState.SUPERSEDED])
def test_what_was_never_given_is_neither_invalidated_nor_superseded(state: ConsentState) -> None:
    given().when(ended(state, on(5))).then_refused(NothingToInvalidate, "purpose")


def test_nobody_decides_that_a_consent_expires() -> None:
    given(gave(on(0))).when(ended(ConsentState.EXPIRED, on(5))).then_refused(ExpiryNotDecided, "state")


@pytest.mark.parametrize(
    ("record", "refusal", "field"),
    [
        ({"valid_until": on(4).on}, ValidityEndsTooEarly, "valid_until"),
        ({"valid_from": on(9).on, "valid_until": on(8).on}, ValidityEndsTooEarly, "valid_until"),
        ({"proxy": Proxy("mother", "custody")}, ProxyNeedsReview, "proxy"),
        ({"notice": Notice("1", "de", sha256="0A" * 32)}, NoticeDigestMalformed, "notice"),
        ({"notice": Notice("1", "de", sha256="0a" * 31)}, NoticeDigestMalformed, "notice"),
        ({"notice": Notice("x" * 501, "de")}, TooLong, "notice"),
        ({"communication": Communication("x" * 501)}, TooLong, "communication"),
        ({"expression": Expression(ConsentMethod.DIGITAL, witness="x" * 501)}, TooLong, "expression"),
        ({"proxy": Proxy("x" * 501, "custody", review_on=on(9).on)}, TooLong, "proxy"),
        ({"jurisdiction": "x" * 501}, TooLong, "jurisdiction"),
        ({"note": "x" * 10_001}, TooLong, "note"),
    ],
)
def test_a_record_of_consent_that_can_not_be_true_is_refused(
    record: dict[str, Any], refusal: type[Refusal], field: str
) -> None:
    given().when(gave(on(5), **record)).then_refused(refusal, field)
