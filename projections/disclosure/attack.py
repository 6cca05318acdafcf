"""The attacker: what somebody can work out who has every published figure, knows how they add up, and knows the rule.

Linear programmes say how far each hidden figure can be narrowed. Whether that is too far is not left to them: a figure counts as safe
only if there are tables in whole numbers, checked in whole numbers, that look the same from outside and have it at both ends of
the range that it must keep.
"""

import math
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np

from projections.disclosure.programmes import NEARLY, Extreme, OutOfTime, Unknowns
from projections.disclosure.rule import Guard, Rule, guards
from projections.disclosure.system import System, system
from projections.disclosure.tables import Tables


@dataclass(frozen=True, slots=True)
class Range:
    """The least and the most that an attacker finds possible; `most` is None where nothing bounds it."""

    least: int
    most: int | None


@dataclass(frozen=True)
class Attacked:
    """What the attacker got: the range of every figure kept back, and the figures that it narrows too far."""

    ranges: dict[str, Range]
    found: frozenset[str]

    @property
    def is_safe(self) -> bool:
        return not self.found


def attack(tables: Tables, kept_back: Collection[str], rule: Rule | None = None, *, seconds: float = 60) -> Attacked:
    """Attack these tables as they would stand published without the cells of `kept_back`.

    What can't be shown to be safe within `seconds` counts as found.
    """
    rule = rule or Rule()
    whole = system(tables)
    hidden = frozenset(whole.at(frozenset(kept_back) - tables.shown_anyway))
    attacker = Attacker(whole, hidden, rule)
    deadline = time.monotonic() + seconds
    found = {key for guard in guards(tables, rule) if not attacker.respects(guard, deadline) for key in guard.cells}
    ranges = {}
    for i in sorted(hidden):
        key = whole.keys[i]
        ranges[key] = attacker.range(i)
        if key not in found and not attacker.leaves_width(i, deadline):
            found.add(key)
    return Attacked(ranges, frozenset(found))


class Attacker:
    """One attack on one choice of hidden cells. Remembers the tables that it found possible, since one answers many questions."""

    def __init__(self, whole: System, hidden: Collection[int], rule: Rule) -> None:
        self.hidden = frozenset(hidden)
        self._system = whole
        self._rule = rule
        self._unknowns = Unknowns(whole, [i for i in range(whole.cells) if i not in self.hidden])
        self._possible = [whole.values]
        self._ranges: dict[int, Range] = {}
        # The least and the most of each unknown in any table so far, whole or not.
        self._least = self._most = np.array(whole.values, dtype=float)

    def reaches(self, cells: tuple[int, ...], bound: int, *, up: bool) -> Extreme | None:
        """None if fractions can take the cells to the bound, and else how far they get."""
        seen = (self._most if up else self._least)[cells[0]] if len(cells) == 1 else None
        if seen is not None and (seen >= bound - NEARLY if up else seen <= bound + NEARLY):
            return None
        extreme = self._extreme(cells, up=up)
        return None if extreme.value >= (bound if up else -bound) - NEARLY else extreme

    def narrows(self, cell: int) -> tuple[Extreme, Extreme] | None:
        """None if fractions leave the cell the rule's width, and else both ends."""
        if self._most[cell] - self._least[cell] >= self._rule.width - NEARLY:
            return None
        ends = self._extreme((cell,), up=True), self._extreme((cell,), up=False)
        return None if ends[0].value + ends[1].value >= self._rule.width - NEARLY else ends

    def range(self, cell: int) -> Range:
        if cell not in self._ranges:
            least, most = -self._extreme((cell,), up=False).value, self._extreme((cell,), up=True).value
            self._ranges[cell] = Range(
                math.ceil(least - NEARLY), None if math.isinf(most) else math.floor(most + NEARLY)
            )
        return self._ranges[cell]

    def respects(self, guard: Guard, deadline: float) -> bool:
        """Whether there are tables, in whole numbers, for all that the guard demands."""
        cells = self._system.at(guard.cells)
        try:
            if guard.every:
                assert guard.low is not None
                # From the ends inwards: whoever reaches those has most of what lies between.
                wanted = sorted(range(guard.low, guard.high + 1), key=lambda value: -abs(2 * value - guard.high - 1))
                return all(self._possible_at(cells, value, deadline) for value in wanted)
            return self._possible_beyond(cells, guard.high, deadline, up=True) and (
                guard.low is None or self._possible_beyond(cells, guard.low, deadline, up=False)
            )
        except OutOfTime:
            return False

    def leaves_width(self, cell: int, deadline: float) -> bool:
        """Whether a hidden cell can be at two whole values that lie as far apart as the rule's range is wide."""
        width = self._rule.width
        seen = [table[cell] for table in self._possible]
        if max(seen) - min(seen) >= width:
            return True
        span = self.range(cell)
        if span.most is not None and span.most - span.least < width:
            return False
        top = span.least + width if span.most is None else span.most
        try:
            # Whole numbers may stop short of the ends that fractions reach, so the lower end may have to come in.
            for low in range(span.least, top - width + 1):
                if self._possible_at((cell,), low, deadline):
                    return self._possible_beyond((cell,), low + width, deadline, up=True)
        except OutOfTime:
            pass
        return False

    def _extreme(self, cells: tuple[int, ...], *, up: bool) -> Extreme:
        found = self._unknowns.highest(cells) if up else self._unknowns.lowest(cells)
        self._least = np.minimum(self._least, found.table)
        self._most = np.maximum(self._most, found.table)
        whole = tuple(int(value) for value in np.rint(found.table))
        if self._system.holds(whole):
            self._possible.append(whole)
        return found

    def _possible_at(self, cells: tuple[int, ...], value: int, deadline: float) -> bool:
        return any(sum(table[i] for i in cells) == value for table in self._possible) or self._find(
            cells, value, deadline, None
        )

    def _possible_beyond(self, cells: tuple[int, ...], value: int, deadline: float, *, up: bool) -> bool:
        sums = [sum(table[i] for i in cells) for table in self._possible]
        return (max(sums) >= value if up else min(sums) <= value) or self._find(cells, value, deadline, up)

    def _find(self, cells: tuple[int, ...], value: int, deadline: float, at_least: bool | None) -> bool:
        if (left := deadline - time.monotonic()) <= 0:
            raise OutOfTime
        table = self._unknowns.table_with(cells, value, left, at_least)
        if table is None:
            return False
        self._possible.append(tuple(table))
        return True


def demands(tables: Tables, rule: Rule, whole: System) -> Iterator[tuple[Guard, tuple[int, ...]]]:
    """The guards with the places of their cells."""
    for guard in guards(tables, rule):
        yield guard, whole.at(guard.cells)
