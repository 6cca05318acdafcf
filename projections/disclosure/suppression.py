"""Which cells to keep back beside the small ones, at the least loss.

The choice is a mixed-integer programme over the cells (1: kept back), after Fischetti and Salazar-González (2001): for a choice that an
attacker breaks, linear duality gives an inequality that every safe choice obeys and this one does not. It is added, the cheapest choice
is sought again, until the attacker finds nothing; so the first safe choice is a cheapest one.
"""

import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from projections.disclosure.attack import Attacker, demands
from projections.disclosure.programmes import NEARLY, Cut, Extreme, OutOfTime, cheapest
from projections.disclosure.rule import Rule, primary
from projections.disclosure.system import System, system
from projections.disclosure.tables import Tables


class Cost(StrEnum):
    """What is lost with a cell: as many smallest cells as it adds up, or as many people as it counts.

    The first says nothing about the figures, so who knows the method learns less from the choice: it is the one to use.
    """

    CELLS = "cells"
    PERSONS = "persons"


class Method(StrEnum):
    """How the choice was made. Each of them is safe; only the first is known to lose least."""

    CHEAPEST = "cheapest"
    STEPWISE = "stepwise"
    EVERYTHING = "everything"


class CannotProtect(Exception):
    """No choice is safe: earlier releases say too much already. `cells` are those that would be found, for the preparer only."""

    def __init__(self, cells: Collection[str]) -> None:
        super().__init__("no choice of cells protects these tables")
        self.cells = frozenset(cells)


@dataclass(frozen=True, slots=True)
class Pattern:
    """The cells kept back, small ones and others; readers see one symbol for both. `cost` is of the others."""

    primary: frozenset[str]
    complementary: frozenset[str]
    method: Method
    cost: int

    @property
    def kept_back(self) -> frozenset[str]:
        return self.primary | self.complementary


def suppress(
    tables: Tables, rule: Rule | None = None, *, cost: Cost = Cost.CELLS, seconds: float = 30, optimal: bool = True
) -> Pattern:
    """Choose what to keep back. When `seconds` are over, more is kept back than was needed, never less.

    Without `optimal` the stepwise choice is taken, which is safe and fast. Raises CannotProtect.
    """
    search = _Search(tables, rule or Rule(), cost, time.monotonic() + seconds)
    try:
        stepwise = search.stepwise()
    except OutOfTime:
        return search.everything()
    if not optimal:
        return search.pattern(stepwise, Method.STEPWISE)
    try:
        return search.pattern(search.cheapest(stepwise), Method.CHEAPEST)
    except OutOfTime:
        return search.pattern(stepwise, Method.STEPWISE)


class _Search:
    def __init__(self, tables: Tables, rule: Rule, cost: Cost, deadline: float) -> None:
        self._tables, self._rule, self._deadline = tables, rule, deadline
        self._system = whole = system(tables)
        self._demands = tuple(demands(tables, rule, whole))
        self._primary = frozenset(whole.at(primary(tables, rule)))
        self._forced = self._primary | frozenset(whole.at(tables.withheld))
        self._barred = frozenset(whole.at(tables.shown_anyway))
        self._costs = [
            0 if i in self._forced else whole.leaves[i] if cost is Cost.CELLS else whole.values[i] + 1
            for i in range(whole.cells)
        ]
        self._cuts: list[Cut] = list(_never_alone(whole, self._barred))

    def cheapest(self, known: frozenset[int]) -> frozenset[int]:
        """A choice that costs least. `known` is one that is safe: what costs as much need not be looked at."""
        bound = self._cost(known)
        while True:
            found = cheapest(self._costs, self._forced, self._barred, self._cuts, self._left())
            if found is None or found[1] >= bound - NEARLY:
                return known
            cuts = self._broken(found[0])
            if not cuts:
                return found[0]
            self._cuts += cuts

    def stepwise(self) -> frozenset[int]:
        """A safe choice, made by answering one broken demand after the other as cheaply as possible, then giving back what was too much."""
        chosen = self._forced
        while True:
            missed = [cut for cut in self._cuts if not cut.reached_by(chosen)] or self._broken(chosen)
            if not missed:
                break
            for cut in missed:
                if cut not in self._cuts:
                    self._cuts.append(cut)
                chosen = self._answer(cut, chosen)
        return self._without_the_superfluous(chosen)

    def everything(self) -> Pattern:
        """All that is not public yet."""
        all_of_it = frozenset(range(self._system.cells)) - self._barred
        self._deadline = time.monotonic() + 60
        if broken := self._found(all_of_it):
            raise CannotProtect(broken)
        return self.pattern(all_of_it, Method.EVERYTHING)

    def pattern(self, chosen: frozenset[int], method: Method) -> Pattern:
        keys = self._system.keys
        return Pattern(
            frozenset(keys[i] for i in self._primary),
            frozenset(keys[i] for i in chosen - self._primary),
            method,
            int(self._cost(chosen)),
        )

    def _answer(self, cut: Cut, chosen: frozenset[int]) -> frozenset[int]:
        """Keeps back what the cut demands, the best weight for its cost first."""
        candidates = sorted(
            cut.weights.keys() - chosen - self._barred, key=lambda i: (self._costs[i] / cut.weights[i], i)
        )
        for i in candidates:
            if cut.reached_by(chosen):
                break
            chosen |= {i}
        if not cut.reached_by(chosen):
            raise CannotProtect(self._found(frozenset(range(self._system.cells)) - self._barred))
        return chosen

    def _without_the_superfluous(self, chosen: frozenset[int]) -> frozenset[int]:
        for i in sorted(chosen - self._forced, key=lambda i: (-self._costs[i], i)):
            fewer = chosen - {i}
            if all(cut.reached_by(fewer) for cut in self._cuts):
                cuts = self._broken(fewer, first=True)
                self._cuts += cuts
                if not cuts:
                    chosen = fewer
        return chosen

    def _found(self, chosen: frozenset[int]) -> set[str]:
        attacker = Attacker(self._system, chosen, self._rule)
        found = {
            key for guard, _ in self._demands if not attacker.respects(guard, self._deadline) for key in guard.cells
        }
        return found | {self._system.keys[i] for i in chosen if not attacker.leaves_width(i, self._deadline)}

    def _broken(self, chosen: frozenset[int], *, first: bool = False) -> list[Cut]:
        """Inequalities that this choice breaks and every safe one obeys; none if it is safe. With `first`, one is enough."""
        attacker = Attacker(self._system, chosen, self._rule)
        cuts: list[Cut] = []
        for cut in self._broken_by_linear_programme(attacker):
            self._left()
            cuts.append(cut)
            if first:
                return cuts
        if cuts:
            return cuts
        return list(self._broken_in_whole_numbers(attacker))

    def _broken_by_linear_programme(self, attacker: Attacker) -> Iterator[Cut]:
        for guard, cells in self._demands:
            now = sum(self._system.values[i] for i in cells)
            if guard.high > now and (short := attacker.reaches(cells, guard.high, up=True)):
                yield self._cut(attacker, (short,), guard.high - now, None)
            if guard.low is not None and guard.low < now and (short := attacker.reaches(cells, guard.low, up=False)):
                yield self._cut(attacker, (short,), now - guard.low, None)
        for i in sorted(attacker.hidden - self._primary):
            if ends := attacker.narrows(i):
                yield self._cut(attacker, ends, self._rule.width, i)

    def _broken_in_whole_numbers(self, attacker: Attacker) -> Iterator[Cut]:
        """Where fractions would do and whole numbers do not: something else must be kept back, whatever it is."""
        for guard, _ in self._demands:
            if not attacker.respects(guard, self._deadline):
                self._left()
                yield self._anything_else(attacker, None)
        for i in sorted(attacker.hidden - self._primary):
            if not attacker.leaves_width(i, self._deadline):
                self._left()
                yield self._anything_else(attacker, i)

    def _cut(self, attacker: Attacker, extremes: Iterable[Extreme], wanted: float, hidden: int | None) -> Cut:
        """What an attack's dual solution says of every choice: that these weights, of what is kept back, come to what is wanted."""
        weights: dict[int, float] = {}
        always = 0.0
        for extreme in extremes:
            for i, value in enumerate(self._system.values):
                if extreme.opens[i]:
                    weights[i] = wanted
                elif i >= self._system.cells:
                    always += extreme.relief[i] * value
                elif extreme.relief[i] > 0 and value:
                    weights[i] = weights.get(i, 0.0) + extreme.relief[i] * value
        if wanted - always > NEARLY:
            scaled = {i: min(1.0, weight / (wanted - always)) for i, weight in weights.items()}
            cut = Cut(scaled, None if hidden in self._forced else hidden)
            if not cut.reached_by(attacker.hidden):
                return cut
        # Rounding made it one that this choice reaches, so it must not stand for an answer.
        return self._anything_else(attacker, hidden)

    def _anything_else(self, attacker: Attacker, hidden: int | None) -> Cut:
        weights = {i: 1.0 for i in range(self._system.cells) if i not in attacker.hidden and i not in self._barred}
        return Cut(weights, None if hidden in self._forced else hidden)

    def _cost(self, chosen: Iterable[int]) -> float:
        return sum(self._costs[i] for i in chosen)

    def _left(self) -> float:
        """Seconds left. Raises OutOfTime."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise OutOfTime
        return left


def _never_alone(whole: System, barred: Collection[int]) -> Iterator[Cut]:
    """A cell that is hidden alone in an equation is not hidden: known beforehand, so nobody needs to find it by attacking."""
    for one in whole.equations:
        if max(one.at) < whole.cells:
            for i in one.at:
                if i not in barred:
                    yield Cut({other: 1.0 for other in one.at if other != i and other not in barred}, i)
