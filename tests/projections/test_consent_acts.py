from audit.consent_trail import Judgement
from domain.events import TOPICS
from domain.mentorship.sessions import SessionHeld
from domain.purposes import BASIS_OF
from domain.vocabulary import ConsentState, Purpose
from projections.consent_acts import CONSENT_ACTS, CONSENT_DECISIONS, PROJECTION
from tests.domain.scenario import (
    HELD,
    MENTORING_CONSENTED,
    UNHEARD_OF,
    consented,
    corrected,
    decided,
    held,
    on,
    withdrew,
)
from tests.projections.folding import folded, rows_of, the_row


def test_every_act_under_a_purpose_is_on_the_trail() -> None:
    under_a_purpose = {basis for basis in BASIS_OF.values() if isinstance(basis, Purpose)}
    assert {TOPICS[topic].PURPOSE for topic in PROJECTION.on if TOPICS[topic].PURPOSE} == under_a_purpose


def test_an_act_stands_beside_the_consent_it_relied_on() -> None:
    rows = folded(PROJECTION, MENTORING_CONSENTED, HELD)
    act = the_row(CONSENT_ACTS, rows)
    assert (act.purpose, act.relied_on, act.judgement) == (Purpose.MENTORING, 2, Judgement.IN_FORCE)
    assert the_row(CONSENT_DECISIONS, rows).state is ConsentState.GIVEN


def test_a_later_withdrawal_leaves_what_was_done_before_covered() -> None:
    rows = folded(PROJECTION, MENTORING_CONSENTED, HELD, withdrew(Purpose.MENTORING, on(9)))
    assert the_row(CONSENT_ACTS, rows).judgement is Judgement.IN_FORCE


def test_a_withdrawal_told_too_late_shows_in_the_acts_after_its_day() -> None:
    rows = folded(
        PROJECTION,
        MENTORING_CONSENTED,
        held(on(2)),
        held(on(5), session_id=UNHEARD_OF),
        withdrew(Purpose.MENTORING, on(3)),
    )
    assert [act.judgement for act in rows_of(CONSENT_ACTS, rows)] == [Judgement.IN_FORCE, Judgement.AS_KNOWN_THEN]


def test_what_was_recorded_before_a_consent_was_found_invalid_is_told_apart() -> None:
    rows = folded(
        PROJECTION,
        MENTORING_CONSENTED,
        held(on(2)),
        withdrew(Purpose.MENTORING, on(5)),
        decided(ConsentState.INVALIDATED, Purpose.MENTORING, on(7)),
        consented(Purpose.MENTORING, on(8)),
        held(on(9), session_id=UNHEARD_OF),
    )
    assert [act.judgement for act in rows_of(CONSENT_ACTS, rows)] == [Judgement.AS_KNOWN_THEN, Judgement.IN_FORCE]


def test_an_act_moved_to_another_day_is_judged_by_that_day() -> None:
    rows = folded(
        PROJECTION,
        consented(Purpose.MENTORING, on(0), valid_until=on(4).on),
        held(on(3)),
        decided(ConsentState.GIVEN, Purpose.MENTORING, on(6)),
        corrected(SessionHeld, on(9), occurred_on=on(8).on.isoformat()),
    )
    act = the_row(CONSENT_ACTS, rows)
    assert (act.occurred_on, act.relied_on, act.told_in) == (on(8).on, 4, 5)
    assert act.judgement is Judgement.IN_FORCE


def test_an_act_taken_back_stays_on_the_trail() -> None:
    act = the_row(CONSENT_ACTS, folded(PROJECTION, MENTORING_CONSENTED, HELD, corrected(SessionHeld, on(9))))
    assert act.retracted_by == 4
