"""Which periods a funder may ask for."""

from datetime import date
from itertools import pairwise

import pytest

from projections.funder_summary import NotAWholeQuarter, funders_period, quarters

TODAY = date(2026, 2, 14)


def test_a_funder_who_names_no_period_gets_the_last_quarter_that_is_over() -> None:
    assert funders_period(None, None, TODAY) == (date(2025, 10, 1), date(2025, 12, 31))


def test_a_funder_may_name_any_quarter_that_is_over() -> None:
    assert funders_period(date(2024, 4, 1), date(2024, 6, 30), TODAY) == (date(2024, 4, 1), date(2024, 6, 30))


@pytest.mark.parametrize(
    ("since", "until"),
    [
        (date(2025, 10, 1), date(2025, 12, 30)),
        (date(2025, 10, 2), date(2025, 12, 31)),
        (date(2025, 7, 1), date(2025, 12, 31)),
        (date(2026, 1, 1), date(2026, 3, 31)),
        (None, date(2025, 12, 31)),
        (date(2025, 10, 1), None),
        (date.min, date.max),
    ],
)
def test_periods_that_differ_from_a_quarter_by_a_day_are_refused(since: date | None, until: date | None) -> None:
    with pytest.raises(NotAWholeQuarter):
        funders_period(since, until, TODAY)


def test_quarters_follow_one_another_without_a_gap() -> None:
    found = quarters(date(2026, 1, 1), 8)
    assert found[0] == (date(2025, 10, 1), date(2025, 12, 31))
    assert all((earlier[1] - later[0]).days == -1 for later, earlier in pairwise(found))
