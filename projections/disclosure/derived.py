"""Percentages, means and medians that say no more than the table beside them.

What is computed from published figures alone adds nothing to them. A mean tells a sum and a median a person's own value, so both
are given for whole populations only, never group by group, where the groups' means would give away one another's.
"""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from statistics import median

from projections.disclosure.rule import Rule

BASE = 5


def rounded(published: int | None, base: int = BASE) -> int | None:
    """A published figure to the nearest multiple, half upwards. Rounding comes last: it makes what was safe vaguer."""
    return None if published is None else (2 * published + base) // (2 * base) * base


def percentage(part: int | None, whole: int | None) -> Decimal | None:
    """To a tenth, of published figures; None if one of them is kept back or the whole is zero."""
    return None if part is None or not whole else _tenth(Decimal(100 * part) / whole)


def mean(total: int, persons: int | None, rule: Rule) -> Decimal | None:
    """To a tenth, for each of a published number of persons; None if they are kept back or fewer than the rule asks for."""
    return None if persons is None or persons < rule.k else _tenth(Decimal(total) / persons)


def typical(values: Sequence[int], rule: Rule, base: int = BASE) -> int | None:
    """The median to the nearest multiple of `base`, so that it is no person's own value; None of fewer than the rule asks for."""
    return (
        None if len(values) < rule.k else int((Decimal(median(values)) / base).to_integral_value(ROUND_HALF_UP)) * base
    )


def _tenth(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.1"), ROUND_HALF_UP)
