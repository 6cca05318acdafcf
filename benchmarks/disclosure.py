"""Disclosure control as tables grow: the time it takes, and what is lost beside a step-by-step choice and beside whole rows and columns.

The tables are random: a third of the figures are small, some are zero. Nothing is sent to a database.
"""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from benchmarks.ground import Ground
from benchmarks.measured import Bar, Figure, median, spread
from projections.disclosure.attack import attack
from projections.disclosure.rule import Rule, primary
from projections.disclosure.suppression import suppress
from projections.disclosure.tables import Dimension, Tables, crossed

RULE = Rule(10)


@dataclass(frozen=True, slots=True)
class _Lost:
    cells: int
    persons: int


async def disclosure(ground: Ground) -> list[Figure]:
    shapes = [(6, 4), (10, 6), (14, 8)] if ground.quick else [(6, 4), (10, 6), (14, 8), (20, 10), (30, 12), (6, 5, 4)]
    return [figure for shape in shapes for figure in _measured(shape, 2 if ground.quick else 5)]


def _measured(shape: tuple[int, ...], tables: int) -> Iterator[Figure]:
    ours: list[_Lost] = []
    stepwise: list[_Lost] = []
    rows: list[_Lost] = []
    seconds: list[float] = []
    quick_seconds: list[float] = []
    attacks: list[float] = []
    for seed in range(tables):
        one = _table(shape, seed)
        small = primary(one, RULE)
        began = time.perf_counter()
        best = suppress(one, RULE, seconds=120)
        seconds.append(time.perf_counter() - began)
        began = time.perf_counter()
        quick = suppress(one, RULE, seconds=120, optimal=False)
        quick_seconds.append(time.perf_counter() - began)
        began = time.perf_counter()
        assert attack(one, best.kept_back, RULE, seconds=120).is_safe, "a choice that an attacker breaks"
        attacks.append(time.perf_counter() - began)
        ours.append(_lost(one, best.complementary))
        stepwise.append(_lost(one, quick.complementary))
        rows.append(_lost(one, _whole_rows(one, small) - small))
    name = " by ".join(map(str, shape))
    cells = len(_table(shape, 0).cells)
    yield Figure(
        "Disclosure control",
        f"table of {name}, {cells} figures with totals: seconds to choose",
        spread(seconds, ",.2f"),
        f"{spread(quick_seconds, ',.2f')} step by step; attack {spread(attacks, ',.2f')}",
    )
    lost, others = sum(one.cells for one in ours), sum(one.cells for one in rows)
    yield Figure(
        "Disclosure control",
        f"table of {name}: figures kept back beside the small ones",
        f"{median([one.cells for one in ours]):g} ({median([one.persons for one in ours]):,g} persons in them)",
        f"{median([one.cells for one in stepwise]):g} step by step; "
        f"{median([one.cells for one in rows]):g} whole rows and columns ({median([one.persons for one in rows]):,g} persons)",
        lost / others if others else None,
        Bar("at most", 0.5),
    )


def _table(shape: tuple[int, ...], seed: int) -> Tables:
    chance = random.Random(seed)  # noqa: S311 - the same tables in every run
    dimensions = [Dimension(tuple(f"{axis}.{n}" for n in range(size))) for axis, size in enumerate(shape)]
    counts = {
        leaf: chance.choice([0, chance.randint(1, 9), chance.randint(10, 30), chance.randint(10, 120)])
        for leaf in product(*(dimension.categories for dimension in dimensions))
    }
    return Tables(*crossed("t", dimensions, counts))


def _whole_rows(tables: Tables, small: frozenset[str]) -> frozenset[str]:
    """All parts of every sum that has a small one among them, as the first quarter summary withheld whole breakdowns."""
    return frozenset(part for one in tables.sums if not small.isdisjoint(one.parts) for part in one.parts)


def _lost(tables: Tables, cells: frozenset[str]) -> _Lost:
    return _Lost(len(cells), sum(tables.values[cell] for cell in cells))
