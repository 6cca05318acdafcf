"""Attackers that share nothing with the product: not its equations, not its programmes, not its rule.

One tries every table of whole numbers there is; it can be wrong about nothing and takes for ever. The other writes every published
figure as a sum of the smallest cells, with one linear programme for each end of each figure.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog

type Leaf = tuple[str, ...]


@dataclass(frozen=True)
class Published:
    """What is on paper: each figure as the smallest cells that it adds up, and its value, or None where the symbol stands."""

    leaves: tuple[Leaf, ...]
    figures: Mapping[str, tuple[frozenset[Leaf], int | None]]

    @property
    def hidden(self) -> dict[str, frozenset[Leaf]]:
        return {key: held for key, (held, value) in self.figures.items() if value is None}


def every_table(published: Published, unbounded: int) -> Iterator[dict[Leaf, int]]:
    """All tables of whole numbers that would look the same; a cell that nothing published holds goes up to `unbounded`."""
    said = [(held, value) for held, value in published.figures.values() if value is not None]
    most = {leaf: min((value for held, value in said if leaf in held), default=unbounded) for leaf in published.leaves}

    def fill(place: int, table: dict[Leaf, int]) -> Iterator[dict[Leaf, int]]:
        if place == len(published.leaves):
            yield dict(table)
            return
        leaf = published.leaves[place]
        for number in range(most[leaf] + 1):
            table[leaf] = number
            if _may_still_be(said, table):
                yield from fill(place + 1, table)
            del table[leaf]

    yield from fill(0, {})


def _may_still_be(said: Sequence[tuple[frozenset[Leaf], int]], table: Mapping[Leaf, int]) -> bool:
    for held, value in said:
        so_far = sum(table[leaf] for leaf in held if leaf in table)
        if so_far > value or (so_far < value and held <= table.keys()):
            return False
    return True


def possible_values(published: Published, asked: Mapping[str, frozenset[Leaf]], unbounded: int) -> dict[str, set[int]]:
    """For each sum of smallest cells that is asked about, every value that it has in some table."""
    found: dict[str, set[int]] = {key: set() for key in asked}
    for table in every_table(published, unbounded):
        for key, held in asked.items():
            found[key].add(sum(table[leaf] for leaf in held))
    return found


def ends(published: Published, asked: Mapping[str, frozenset[Leaf]]) -> dict[str, tuple[float, float]]:
    """For each sum of smallest cells that is asked about, the least and the most by linear programming."""
    places = {leaf: place for place, leaf in enumerate(published.leaves)}

    def row(held: frozenset[Leaf]) -> list[float]:
        line = [0.0] * len(places)
        for leaf in held:
            line[places[leaf]] = 1.0
        return line

    said = [(row(held), value) for held, value in published.figures.values() if value is not None]
    left = np.array([line for line, _ in said]) if said else None
    right = [value for _, value in said] if said else None

    def end(held: frozenset[Leaf], sign: float) -> float:
        solved = linprog([sign * one for one in row(held)], A_eq=left, b_eq=right, method="highs-ds")
        if solved.status == 3:
            return float("inf")
        assert solved.status == 0, solved.message
        return sign * float(solved.fun)

    return {key: (end(held, 1.0), end(held, -1.0)) for key, held in asked.items()}


def on_paper(
    leaves: Mapping[Leaf, int], places: Mapping[str, frozenset[Leaf]], hidden: Callable[[str], bool]
) -> Published:
    """A table of these smallest cells as it is printed."""
    return Published(
        tuple(leaves),
        {key: (held, None if hidden(key) else sum(leaves[leaf] for leaf in held)) for key, held in places.items()},
    )
