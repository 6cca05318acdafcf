"""Calendar quarters that are over."""

from datetime import date
from itertools import pairwise

from projections.funder_summary import quarters


def test_quarters_are_whole_over_and_follow_each_other() -> None:
    found = quarters(date(2026, 2, 14), 5)
    assert found[0] == (date(2025, 10, 1), date(2025, 12, 31))
    assert all((later[0] - earlier[1]).days == 1 for later, earlier in pairwise(found))
    assert quarters(date(2026, 1, 1), 1) == (found[0],)
