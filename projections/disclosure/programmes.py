"""The linear and mixed-integer programmes of disclosure control, solved by HiGHS through SciPy. The only file that calls it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from projections.disclosure.system import System

type Floats = NDArray[np.float64]
type Ints = NDArray[np.int64]

# Solvers compute in floating point; what follows from them is either checked in whole numbers or a bound that only costs a step.
NEARLY = 1e-6

_SOLVED, _OUT_OF_TIME, _INFEASIBLE, _UNBOUNDED = 0, 1, 2, 3


class OutOfTime(Exception):
    """The solver was stopped before it knew."""


@dataclass(frozen=True, slots=True)
class Extreme:
    """The most that a sum of cells can be, as far as an attacker can tell; infinite where nothing bounds it.

    `relief[i]` says how much more it could be for each unit by which cell i is less than it is, `opens` which cells would lift it if
    they could be more than they are (linear duality): from these follows what else to keep back. `table` are numbers, not always
    whole, at which it is that much.
    """

    value: float
    table: Floats
    relief: Floats
    opens: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Part:
    """Unknowns that hang together by equations, with those equations."""

    unknowns: Ints
    matrix: csr_array
    right: Floats
    equations: Ints


class Unknowns:
    """What an attacker knows once the cells of `shown` are published: the equations, and that no figure is negative."""

    def __init__(self, system: System, shown: Collection[int]) -> None:
        self.system = system
        self._values = np.array(system.values, dtype=np.int64)
        self._open = np.ones(len(system.values), dtype=bool)
        self._open[list(shown)] = False

    def highest(self, cells: Sequence[int]) -> Extreme:
        """The most that these cells can be together."""
        return self._extreme(cells, -1.0)

    def lowest(self, cells: Sequence[int]) -> Extreme:
        """The least, as a negative number: the most of its opposite."""
        return self._extreme(cells, 1.0)

    def _extreme(self, cells: Sequence[int], sign: float) -> Extreme:
        objective = np.zeros(len(self._values))
        objective[list(cells)] = sign
        reduced, total = objective.copy(), float(objective[~self._open] @ self._values[~self._open])
        table = self._values.astype(float)
        for part in self._parts_of(cells):
            solved = linprog(
                objective[part.unknowns], A_eq=part.matrix, b_eq=part.right, bounds=(0, None), method="highs"
            )
            if solved.status == _UNBOUNDED:
                return Extreme(np.inf, table, np.zeros(0), np.zeros(0, dtype=bool))
            if solved.status != _SOLVED:
                raise OutOfTime
            total += solved.fun
            table[part.unknowns] = solved.x
            reduced -= self._matrix[part.equations].T @ solved.eqlin.marginals
        reduced[np.abs(reduced) < NEARLY] = 0
        return Extreme(-total, table, np.where(reduced > 0, reduced, 0), reduced < 0)

    def table_with(
        self, cells: Sequence[int], total: int, seconds: float, at_least: bool | None = None
    ) -> Sequence[int] | None:
        """Whole numbers that could be the tables, with this total of `cells`; or at least, or at most, that much. None: there are none.

        They are checked in whole numbers: a solver's mistake can't make something look safe. Raises OutOfTime.
        """
        values = self._values.copy()
        parts = self._parts_of(cells)
        wanted = set(cells)
        if not parts:
            reached = sum(self.system.values[i] for i in cells)
            fits = reached == total if at_least is None else reached >= total if at_least else reached <= total
            return self.system.values if fits else None
        unknowns = np.concatenate([part.unknowns for part in parts])
        rows = np.concatenate([part.equations for part in parts])
        chosen = np.array([float(i in wanted) for i in unknowns])
        rest = total - sum(self.system.values[i] for i in wanted if not self._open[i])
        equations = self._matrix[rows][:, unknowns]
        right = np.concatenate([part.right for part in parts])
        solved = milp(
            np.zeros(len(unknowns)),
            integrality=np.ones(len(unknowns)),
            bounds=Bounds(0, np.inf),
            constraints=[
                LinearConstraint(equations, right, right),
                LinearConstraint(
                    chosen[np.newaxis, :],
                    -np.inf if at_least is False else rest,
                    np.inf if at_least is True else rest,
                ),
            ],
            options={"time_limit": max(seconds, 0.01)},
        )
        if solved.status == _INFEASIBLE:
            return None
        if solved.x is None:
            raise OutOfTime
        values[unknowns] = np.rint(solved.x).astype(np.int64)
        found = [int(value) for value in values]
        reached = sum(found[i] for i in wanted)
        fits = reached == total if at_least is None else reached >= total if at_least else reached <= total
        if not (fits and self.system.holds(found)):
            raise OutOfTime
        return found

    def beside(self, cells: Sequence[int]) -> frozenset[int]:
        """The unknowns that these cells hang together with."""
        return frozenset(int(i) for part in self._parts_of(cells) for i in part.unknowns)

    @cached_property
    def _matrix(self) -> csr_array:
        entries = [
            (c, row, i)
            for row, one in enumerate(self.system.equations)
            for i, c in zip(one.at, one.coefficients, strict=True)
        ]
        data, rows, columns = (list(each) for each in zip(*entries, strict=True)) if entries else ([], [], [])
        shape = (len(self.system.equations), len(self._values))
        return csr_array((np.array(data, dtype=float), (rows, columns)), shape=shape)

    @cached_property
    def _part_of(self) -> Ints:
        """For each unknown the number of the part that it is in."""
        of_open = self._matrix[:, np.flatnonzero(self._open)]
        _, labels = connected_components(of_open.T @ of_open, directed=False)
        found = np.full(len(self._values), -1, dtype=np.int64)
        found[self._open] = labels
        return found

    def _parts_of(self, cells: Sequence[int]) -> list[_Part]:
        numbers = sorted({int(self._part_of[i]) for i in cells if self._open[i]})
        return [self._part(number) for number in numbers]

    def _part(self, number: int) -> _Part:
        found: dict[int, _Part] = self.__dict__.setdefault("_found_parts", {})
        if number not in found:
            unknowns = np.flatnonzero(self._part_of == number)
            columns = self._matrix[:, unknowns]
            equations = np.flatnonzero(np.diff(columns.tocsr().indptr))
            known = np.where(self._open, 0, self._values)
            found[number] = _Part(unknowns, columns[equations], -(self._matrix[equations] @ known), equations)
        return found[number]


@dataclass(frozen=True, slots=True)
class Cut:
    """Of the cells in `weights` enough must be kept back that their weights come to 1; where `hidden` is set, only if that cell is."""

    weights: dict[int, float]
    hidden: int | None = None

    def reached_by(self, kept_back: Collection[int]) -> bool:
        if self.hidden is not None and self.hidden not in kept_back:
            return True
        return sum(weight for i, weight in self.weights.items() if i in kept_back) >= 1 - NEARLY


def cheapest(
    costs: Sequence[float], forced: Collection[int], barred: Collection[int], cuts: Sequence[Cut], seconds: float
) -> tuple[frozenset[int], float] | None:
    """The cells to keep back that cost least and reach all cuts, and what they cost. None: there is no such choice. Raises OutOfTime."""
    lower, upper = np.zeros(len(costs)), np.ones(len(costs))
    lower[list(forced)] = 1
    upper[list(barred)] = 0
    data: list[float] = []
    rows: list[int] = []
    columns: list[int] = []
    for row, cut in enumerate(cuts):
        weights = dict(cut.weights)
        if cut.hidden is not None:
            weights[cut.hidden] = weights.get(cut.hidden, 0.0) - 1
        rows += [row] * len(weights)
        columns += weights
        data += weights.values()
    matrix = csr_array((data, (rows, columns)), shape=(len(cuts), len(costs)))
    least = np.array([0.0 if cut.hidden is not None else 1.0 for cut in cuts])
    solved = milp(
        np.array(costs, dtype=float),
        integrality=np.ones(len(costs)),
        bounds=Bounds(lower, upper),
        constraints=[LinearConstraint(matrix, least - NEARLY / 2, np.inf)] if cuts else [],
        options={"time_limit": max(seconds, 0.01), "mip_rel_gap": 0.0},
    )
    if solved.status == _INFEASIBLE:
        return None
    if solved.status != _SOLVED:
        raise OutOfTime
    chosen = frozenset(int(i) for i in np.flatnonzero(solved.x > 0.5))
    return chosen, sum(costs[i] for i in chosen)
