"""What is computed from figures says no more than they do."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.disclosure.derived import mean, percentage, rounded, typical
from projections.disclosure.rule import Rule

RULE = Rule(10)


def test_a_percentage_of_a_figure_that_is_kept_back_is_kept_back() -> None:
    assert percentage(None, 40) is None
    assert percentage(13, None) is None
    assert percentage(0, 0) is None
    assert percentage(13, 40) == Decimal("32.5")
    assert percentage(1, 3) == Decimal("33.3")


def test_a_mean_or_median_of_few_is_kept_back() -> None:
    assert mean(90, 9, RULE) is None
    assert mean(90, None, RULE) is None
    assert mean(95, 10, RULE) == Decimal("9.5")
    assert typical([7] * 9, RULE) is None


@given(st.lists(st.integers(0, 400), min_size=10, max_size=30))
def test_a_median_is_no_persons_own_number_of_days(days: list[int]) -> None:
    found = typical(days, RULE)
    assert found is not None
    assert found % 5 == 0
    assert min(days) - 3 < found < max(days) + 3


@pytest.mark.parametrize(("exact", "said"), [(0, 0), (10, 10), (12, 10), (13, 15), (None, None)])
def test_a_rounded_figure_is_the_nearest_multiple_of_five(exact: int | None, said: int | None) -> None:
    assert rounded(exact) == said
