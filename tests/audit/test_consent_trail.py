from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.consent_trail import ActDone, DecisionMade, Judgement, judge
from domain.mentorship.consent import Decision, standing
from domain.occurred import Occurred
from domain.vocabulary import ConsentState

SCOPE = ("mentoring", "case-record", "this-organisation")


def on(day: int) -> date:
    return date(2025, 3, day)


def at(day: int, hour: int) -> datetime:
    return datetime(2025, 3, day, hour, tzinfo=UTC)


GIVEN = DecisionMade(2, SCOPE, "given", on(1), None, None, None)
ACT = ActDone(5, SCOPE, on(10), None, relied_on=2)


def test_an_act_under_a_consent_given_before_is_covered() -> None:
    assert judge(ACT, [GIVEN]) is Judgement.IN_FORCE


@pytest.mark.parametrize("state", ["requested", "deferred", "refused", "withdrawn", "invalidated", "expired"])
def test_nothing_but_given_and_renewed_permits(state: str) -> None:
    assert judge(ACT, [replace(GIVEN, state=state)]) is Judgement.NOT_IN_FORCE


def test_an_act_that_names_no_decision_is_a_gap() -> None:
    assert judge(replace(ACT, relied_on=None), [GIVEN]) is Judgement.NONE_NAMED
    assert judge(replace(ACT, relied_on=3), [GIVEN]) is Judgement.NONE_NAMED
    assert Judgement.NONE_NAMED.is_gap


def test_a_consent_to_another_purpose_or_recipient_covers_nothing() -> None:
    for scope in (("research", *SCOPE[1:]), (*SCOPE[:2], "employer")):
        assert judge(ACT, [replace(GIVEN, scope=scope)]) is Judgement.NONE_NAMED


def test_a_consent_given_afterwards_covers_nothing_before() -> None:
    assert judge(ACT, [replace(GIVEN, made_on=on(11))]) is Judgement.NOT_IN_FORCE


def test_a_consent_recorded_after_the_act_was_not_known_then() -> None:
    assert judge(replace(ACT, relied_on=6), [replace(GIVEN, version=6)]) is Judgement.NOT_IN_FORCE


def test_a_withdrawal_before_the_act_ends_the_consent() -> None:
    withdrawn = DecisionMade(3, SCOPE, "withdrawn", on(9), None, None, None)
    assert judge(ACT, [GIVEN, withdrawn]) is Judgement.NOT_IN_FORCE


def test_a_withdrawal_told_after_the_act_was_recorded_is_told_apart() -> None:
    withdrawn = DecisionMade(7, SCOPE, "withdrawn", on(9), None, None, None)
    assert judge(ACT, [GIVEN, withdrawn]) is Judgement.AS_KNOWN_THEN
    assert not Judgement.AS_KNOWN_THEN.is_gap


def test_a_consent_covers_its_first_and_its_last_day_and_no_other() -> None:
    limited = replace(GIVEN, valid_from=on(10), valid_until=on(10))
    assert judge(ACT, [limited]) is Judgement.IN_FORCE
    for day in (9, 11):
        assert judge(replace(ACT, done_on=on(day)), [limited]) is Judgement.NOT_IN_FORCE


def test_on_one_day_the_hours_decide_where_both_are_known() -> None:
    withdrawn = DecisionMade(3, SCOPE, "withdrawn", on(10), at(10, 15), None, None)
    assert judge(replace(ACT, done_at=at(10, 9)), [GIVEN, withdrawn]) is Judgement.IN_FORCE
    assert judge(replace(ACT, done_at=at(10, 16)), [GIVEN, withdrawn]) is Judgement.NOT_IN_FORCE
    assert judge(ACT, [GIVEN, withdrawn]) is Judgement.NOT_IN_FORCE


DAYS = st.integers(1, 5).map(on)
TIMES = st.none() | st.sampled_from([6, 12, 18])
DECISIONS = st.lists(
    st.tuples(
        st.sampled_from([s for s in ConsentState if s is not ConsentState.EXPIRED]), DAYS, TIMES, st.none() | DAYS
    ),
    max_size=8,
)


@settings(max_examples=400, deadline=None)
@given(told=DECISIONS, day=DAYS, hour=TIMES)
def test_the_record_and_the_audit_agree_without_sharing_a_rule(
    told: list[tuple[ConsentState, date, int | None, date | None]], day: date, hour: int | None
) -> None:
    moment = Occurred(day, None if hour is None else at(day.day, hour))
    decisions = [
        Decision(version, state, Occurred(made, None if h is None else at(made.day, h)), None, until)
        for version, (state, made, h, until) in enumerate(told, start=2)
    ]
    stood = standing(decisions, moment)
    recordable = stood is not None and stood.in_force_on(day)
    act = ActDone(100, SCOPE, day, moment.at, stood.version if stood else None)
    audited = judge(
        act,
        [DecisionMade(d.version, SCOPE, d.state, d.told.on, d.told.at, d.valid_from, d.valid_until) for d in decisions],
    )
    assert (audited is Judgement.IN_FORCE) == recordable
