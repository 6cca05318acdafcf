"""Erasing a person: asked for by one, approved by another, held back by a hold or a duty."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from domain.copies import CopyForm, CopyReason
from domain.erasure import (
    AskedBy,
    AskedHow,
    ErasureApproved,
    ErasureGround,
    ErasureRefusal,
    ErasureRequestedAlready,
    FundingIncomplete,
    HoldGround,
    HoldIdTaken,
    HoldNotFound,
    LegalHoldStands,
    NoErasureRequested,
    PersonErased,
    RetentionHolds,
    SecondPersonNeeded,
)
from domain.person import Details, Person
from domain.retention import CountedFrom, Funding, Period, Rule
from domain.text import CodeMalformed, TooLong
from domain.vocabulary import PersonRole
from tests.domain.replay import parts, replayed, stored_and_opened
from tests.domain.scenario import on, told_of

ASKED_FOR_IT, SECOND, HOLD = UUID(int=41), UUID(int=42), UUID(int=43)
DUTY = Period(Rule("finance", "Finance records", "finance", 7, CountedFrom.LAST_PAYMENT, duty=True), date(2032, 3, 3))


def person() -> Person:
    return Person.register(
        UUID(int=7), role=PersonRole.TRAINEE, details=Details(full_name="Parwana Rahimi"), told=on(0)
    )


def asked() -> Person:
    found = person()
    found.request_erasure(
        on(1),
        requested_by=ASKED_FOR_IT,
        asked_by=AskedBy.PERSON,
        asked_how=AskedHow.LETTER,
        ground=ErasureGround.CONSENT_WITHDRAWN,
        note="By hand",
    )
    return found


def approved() -> Person:
    found = asked()
    found.approve_erasure(on(2), approved_by=SECOND, longest=None)
    return found


def erased() -> Person:
    found = approved()
    found.confirm_erased(on(2), approved_by=SECOND)
    return found


def test_one_asks_and_another_approves_and_it_is_done() -> None:
    found = erased()
    assert found.erased_on == on(2).on
    assert found.erasure is None
    approval = told_of(found)[-2]
    assert isinstance(approval, ErasureApproved)
    assert (approval.requested_by, approval.approved_by) == (ASKED_FOR_IT, SECOND)


def test_whoever_recorded_the_request_does_not_approve_it() -> None:
    with pytest.raises(SecondPersonNeeded):
        asked().approve_erasure(on(2), approved_by=ASKED_FOR_IT, longest=None)


def test_what_nobody_asked_for_is_neither_approved_nor_refused() -> None:
    with pytest.raises(NoErasureRequested):
        person().approve_erasure(on(2), approved_by=SECOND, longest=None)
    with pytest.raises(NoErasureRequested):
        person().refuse_erasure(on(2), refused_by=SECOND, reason=ErasureRefusal.NOT_FOUNDED)


def test_a_request_stands_once_and_may_be_made_again_after_it_was_refused() -> None:
    found = asked()
    again: dict[str, Any] = {"requested_by": SECOND, "asked_by": AskedBy.PERSON, "asked_how": AskedHow.PHONE}
    with pytest.raises(ErasureRequestedAlready):
        found.request_erasure(on(2), **again, ground=ErasureGround.UNLAWFUL)
    found.refuse_erasure(on(3), refused_by=SECOND, reason=ErasureRefusal.IDENTITY_NOT_SHOWN, note="No passport")
    assert found.erasure is None
    found.request_erasure(on(4), **again, ground=ErasureGround.UNLAWFUL)
    assert found.erasure is not None


def test_a_legal_hold_stops_the_approval_until_it_is_released() -> None:
    found = asked()
    found.place_hold(on(1), hold_id=HOLD, ground=HoldGround.LEGAL_CLAIM, review_on=on(90).on)
    with pytest.raises(HoldIdTaken):
        found.place_hold(on(1), hold_id=HOLD, ground=HoldGround.AUDIT)
    with pytest.raises(LegalHoldStands):
        found.approve_erasure(on(2), approved_by=SECOND, longest=None)
    found.release_hold(on(3), hold_id=HOLD)
    with pytest.raises(HoldNotFound):
        found.release_hold(on(3), hold_id=HOLD)
    found.approve_erasure(on(3), approved_by=SECOND, longest=None)


def test_the_duty_that_holds_longest_stops_the_approval_and_is_named() -> None:
    with pytest.raises(RetentionHolds, match=r"Finance records: kept until 2032-03-03\.") as refused:
        asked().approve_erasure(on(2), approved_by=SECOND, longest=DUTY)
    assert "Parwana" not in str(refused.value)


def test_the_schedule_proposes_once_and_people_decide() -> None:
    found = person()
    found.propose_erasure(on(1), rule="participants", due_on=on(0).on)
    with pytest.raises(ErasureRequestedAlready):
        found.propose_erasure(on(2), rule="participants", due_on=on(0).on)
    with pytest.raises(NoErasureRequested):
        found.approve_erasure(on(2), approved_by=SECOND, longest=None)
    found.place_hold(on(2), hold_id=HOLD, ground=HoldGround.INVESTIGATION)
    with pytest.raises(LegalHoldStands):
        found.propose_erasure(on(3), rule="participants", due_on=on(2).on)
    with pytest.raises(CodeMalformed):
        found.propose_erasure(on(3), rule="Parwana Rahimi", due_on=on(2).on)


def test_what_is_known_of_a_funder_is_said_anew_whole() -> None:
    found = person()
    found.note_funding(on(1), funder="esf-plus", last_payment_on=on(1).on)
    found.note_funding(on(9), funder="esf-plus", final_report_on=on(9).on)
    assert found.funding == [Funding("esf-plus", None, on(9).on)]
    with pytest.raises(FundingIncomplete):
        found.note_funding(on(9), funder="esf-plus")
    with pytest.raises(FundingIncomplete):
        found.note_funding(on(9), funder="", last_payment_on=on(1).on)
    with pytest.raises(CodeMalformed):
        found.note_funding(on(9), funder="Mr. Invented", last_payment_on=on(1).on)


@pytest.mark.parametrize("gone", [approved, erased])
def test_from_the_approval_on_nothing_is_recorded_about_the_person(gone: object) -> None:
    assert callable(gone)
    found = gone()
    assert isinstance(found, Person)
    assert found.standing.erased
    with pytest.raises(PersonErased):
        found.correct_details(role=PersonRole.TRAINEE, details=Details(full_name="New"), told=on(3))
    with pytest.raises(PersonErased):
        found.approve_erasure(on(3), approved_by=SECOND, longest=None)
    with pytest.raises(PersonErased):
        found.refuse_erasure(on(3), refused_by=SECOND, reason=ErasureRefusal.NOT_FOUNDED)
    with pytest.raises(PersonErased):
        found.place_hold(on(3), hold_id=HOLD, ground=HoldGround.AUDIT)
    with pytest.raises(PersonErased):
        found.hand_out_copy(
            on(3), handed_out_by=SECOND, asked_by=AskedBy.PERSON, form=CopyForm.PDF, reason=CopyReason.ACCESS
        )
    with pytest.raises(PersonErased):
        found.usable()


def test_it_is_done_once() -> None:
    with pytest.raises(PersonErased):
        erased().confirm_erased(on(3), approved_by=SECOND)


def test_a_note_is_kept_whole_or_not_at_all() -> None:
    with pytest.raises(TooLong):
        asked().refuse_erasure(on(3), refused_by=SECOND, reason=ErasureRefusal.NOT_FOUNDED, note="x" * 10_001)


def test_an_erased_person_is_the_same_after_the_way_through_the_store() -> None:
    found = asked()
    found.place_hold(on(1), hold_id=HOLD, ground=HoldGround.AUDIT, note="Until the report")
    found.note_funding(on(1), funder="esf-plus", last_payment_on=on(1).on)
    found.release_hold(on(2), hold_id=HOLD)
    found.approve_erasure(on(2), approved_by=SECOND, longest=None)
    found.confirm_erased(on(2), approved_by=SECOND)
    assert parts(replayed(stored_and_opened(told_of(found)))) == parts(found)
