"""Figures counted from what is known, beside the same figures counted the slow way straight from the events."""

import json
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from projections.indicators.catalogue import CATALOGUE
from projections.indicators.counting import Counted, count
from projections.indicators.life import Life, Question
from tests.domain.scenario import FIRST_DAY
from tests.indicators.random_records import Op, a_record, known, ops
from tests.indicators.slowly import figures

DIGESTS = Path(__file__).with_name("definitions.json")
WHOLE_TIME = Question(FIRST_DAY, FIRST_DAY + timedelta(days=900), 10**9, FIRST_DAY + timedelta(days=300))


def shown(counted: Counted) -> dict[str, int]:
    return {key: value for key, value in counted.tables.values.items() if value}


def counted(lives: Sequence[Life], question: Question) -> Counted:
    return count(CATALOGUE, lives, question)


@settings(max_examples=150, deadline=None)
@given(ops(), st.integers(0, 300), st.integers(30, 700), st.floats(0.3, 1), st.integers(0, 700))
def test_every_figure_is_that_of_the_events_up_to_the_position(
    ops: list[Op], begin: int, length: int, share: float, asked: int
) -> None:
    log = a_record(ops)
    since = FIRST_DAY + timedelta(days=begin)
    position = len(log) if share > 0.7 else round(share * len(log))
    question = Question(since, since + timedelta(days=length), position, FIRST_DAY + timedelta(days=asked))
    found = counted(known(log, question.position), question)
    slow, days = figures(log, question.since, question.until, question.position, question.asked_on)
    assert shown(found) == slow
    assert {key: sorted(numbers) for key, numbers in found.days.items()} == days


@settings(max_examples=40, deadline=None)
@given(ops(), st.integers(0, 60))
def test_what_was_told_later_and_the_order_of_streams_move_no_figure(ops: list[Op], back: int) -> None:
    log = a_record(ops)
    question = Question(WHOLE_TIME.since, WHOLE_TIME.until, max(1, len(log) - back), WHOLE_TIME.asked_on)
    then = counted(known(log[: question.position], question.position), question)
    assert counted(known(log, question.position), question) == then
    backwards = counted(known(log, question.position, backwards=True), question)
    assert shown(backwards) == shown(then)


def test_a_definition_keeps_its_words_for_ever() -> None:
    """Other words are another version. To add one, add its line here: `accompany@1` is then still what it was."""
    kept = json.loads(DIGESTS.read_text("utf-8"))
    assert {one.id: one.digest for one in CATALOGUE}.items() <= kept.items()


def test_every_definition_says_what_it_counts() -> None:
    for one in CATALOGUE:
        assert all(
            (
                one.name,
                one.question,
                one.population,
                one.numerator,
                one.denominator,
                one.window,
                one.unknown,
                one.source,
            )
        )
        for table in one.tables:
            assert all(len(set(split.categories)) == len(split.categories) for split in table)


def test_nobody_is_counted_who_has_not_consented() -> None:
    log = a_record(
        [(0, 0, 30, 1), (1, 0, 70, 1), (0, 10, 80, 3)]
    )  # Two sessions in two mentorships, then funder reporting is withdrawn.
    before, after = (
        counted(known(log, len(log)), Question(FIRST_DAY, date(2026, 1, 1), position, date(2026, 1, 1)))
        for position in (len(log) - 1, len(log))
    )
    assert shown(counted(known(log, len(log) - 1), WHOLE_TIME))["served@1"] == 1
    assert "served@1" not in shown(counted(known(log, len(log)), WHOLE_TIME))
    assert shown(after)["left-out"] == 1
    assert before.tables.values["sessions@1"] == 0


def test_somebody_in_two_programmes_counts_once() -> None:
    log = a_record([(0, 0, 30, 1), (1, 0, 70, 1)])
    found = shown(counted(known(log, len(log)), WHOLE_TIME))
    assert found["served@1"] == 1
    assert found["served@1/track=several"] == 1
    assert found["sessions@1"] == 2
