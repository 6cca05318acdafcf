"""Tables as numbered unknowns and equations with whole coefficients, each of which is zero."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from projections.disclosure.tables import Tables


@dataclass(frozen=True, slots=True)
class Equation:
    """Sum of `coefficients` times the unknowns `at` is zero."""

    at: tuple[int, ...]
    coefficients: tuple[int, ...]


@dataclass(frozen=True)
class System:
    """The first unknowns are the tables' cells in their order. Those after them make a limit an equation; nobody ever sees one."""

    keys: tuple[str, ...]
    places: dict[str, int]
    values: tuple[int, ...]
    equations: tuple[Equation, ...]
    leaves: tuple[int, ...]
    """For each cell, how many of the smallest cells it adds up: what is lost without it."""

    @property
    def cells(self) -> int:
        return len(self.keys)

    def at(self, keys: Collection[str]) -> tuple[int, ...]:
        return tuple(self.places[key] for key in keys)

    def holds(self, unknowns: Sequence[int]) -> bool:
        """Whether these numbers could be the tables. Whole numbers, so there is nothing to round."""
        return min(unknowns, default=0) >= 0 and all(
            sum(c * unknowns[i] for i, c in zip(one.at, one.coefficients, strict=True)) == 0 for one in self.equations
        )


def system(tables: Tables) -> System:
    keys = tuple(cell.key for cell in tables.cells)
    places = {key: place for place, key in enumerate(keys)}
    values = [cell.value for cell in tables.cells]
    equations = [
        Equation((places[one.total], *(places[part] for part in one.parts)), (-1, *(1 for _ in one.parts)))
        for one in tables.sums
    ]
    for limit in tables.limits:
        lesser, greater = places[limit.lesser], places[limit.greater]
        equations.append(Equation((lesser, greater, len(values)), (1, -1, 1)))
        values.append(values[greater] - values[lesser])
    return System(keys, places, tuple(values), tuple(equations), _leaves(tables, places))


def _leaves(tables: Tables, places: dict[str, int]) -> tuple[int, ...]:
    parts: dict[str, list[tuple[str, ...]]] = {}
    for one in tables.sums:
        parts.setdefault(one.total, []).append(one.parts)
    found: dict[str, int] = {}

    def of(key: str) -> int:
        if key not in found:
            found[key] = 1  # also stops at a circle
            found[key] = max((sum(map(of, each)) for each in parts.get(key, ())), default=1)
        return found[key]

    return tuple(of(key) for key in places)
