from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.consent_trail import ActDone, DecisionMade, Judgement, judge
from domain.errors import Refusal
from domain.mentorship import Mentorship
from domain.mentorship.consent import CONSENT_EVENTS, ConsentMissing, Scope, standing
from domain.occurred import Occurred
from domain.vocabulary import ConsentState, Purpose
from tests.domain.scenario import case_of

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


@pytest.mark.parametrize("between", ["withdrawn", "renewed", None])
def test_a_consent_known_to_be_invalid_covers_nothing_whatever_came_between(between: str | None) -> None:
    found = DecisionMade(4, SCOPE, "invalidated", on(20), None, None, None)
    decisions = (
        [GIVEN, found] if between is None else [GIVEN, found, replace(found, version=3, state=between, made_on=on(15))]
    )
    assert judge(ACT, decisions) is Judgement.NOT_IN_FORCE
    assert judge(replace(ACT, told_in=3), decisions) is Judgement.AS_KNOWN_THEN


def test_a_finding_of_invalidity_concerns_no_consent_given_or_recorded_after_it() -> None:
    found = DecisionMade(3, SCOPE, "invalidated", on(5), None, None, None)
    assert judge(ACT, [replace(GIVEN, made_on=on(6)), found]) is Judgement.IN_FORCE
    again = replace(GIVEN, version=4)
    assert judge(replace(ACT, relied_on=4), [replace(found, made_on=on(1)), again]) is Judgement.IN_FORCE


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
DECISIONS = st.lists(st.tuples(st.sampled_from(sorted(CONSENT_EVENTS)), DAYS, TIMES, st.none() | DAYS), max_size=8)


@settings(max_examples=400, deadline=None)
@given(told=DECISIONS, day=DAYS, hour=TIMES)
def test_the_record_and_the_audit_agree_without_sharing_a_rule(
    told: list[tuple[ConsentState, date, int | None, date | None]], day: date, hour: int | None
) -> None:
    """An act of one moment, recorded after each of the decisions in turn, is judged when all of them are known."""
    moment = Occurred(day, None if hour is None else at(day.day, hour))
    case = case_of()
    decisions: list[DecisionMade] = []
    acts: list[tuple[ActDone, bool]] = []
    for state, on_day, h, until in told:
        made = Occurred(on_day, None if h is None else at(on_day.day, h))
        with suppress(Refusal):
            case.decide_consent(state, Scope(Purpose.MENTORING), made, valid_until=until)
            decisions.append(DecisionMade(case.version, SCOPE, state, made.on, made.at, None, until))
        stood = standing(case.decisions.get(Scope(Purpose.MENTORING), ()), moment)
        act = ActDone(case.version + 1, SCOPE, day, moment.at, stood.version if stood else None)
        acts.append((act, recordable(case, moment)))
    for act, was_recordable in acts:
        judgement = judge(act, decisions)
        assert judgement.is_gap is not was_recordable
        assert (judgement is Judgement.IN_FORCE) is (was_recordable and recordable(case, moment))


def recordable(case: Mentorship, moment: Occurred) -> bool:
    try:
        case.relied_on(Purpose.MENTORING, moment)
    except ConsentMissing:
        return False
    return True
