"""The figures of a report, and of what was released before it, as one system: cells, and what everybody knows of how they add up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product


class TablesDisagree(ValueError):
    """The cells are not what their sums say: a mistake in the program that counted, so the message names no cell."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure: a whole number, never negative.

    `persons` is how many people it comes from, where it counts something else (hours, sessions). `possible` is False where everybody
    knows that the figure can only be zero: such a zero is shown and hides nothing.
    """

    key: str
    value: int
    persons: int | None = None
    possible: bool = True


@dataclass(frozen=True, slots=True)
class Sum:
    """`total` is the sum of `parts`. `of_groups` says that the parts are groups, so that it tells something if one holds everybody."""

    total: str
    parts: tuple[str, ...]
    of_groups: bool = True


@dataclass(frozen=True, slots=True)
class AtMost:
    """`lesser` is never more than `greater`: those still in work a year later, and those whom somebody asked."""

    lesser: str
    greater: str


@dataclass(frozen=True)
class Tables:
    """Cells of all tables, each once however many tables show it.

    `released` are the figures that the same audience has already, as it has them. `withheld` are those that were kept back then and
    are in no table now: they can't be released any more, and are still to be protected.
    """

    cells: tuple[Cell, ...]
    sums: tuple[Sum, ...] = ()
    limits: tuple[AtMost, ...] = ()
    released: Mapping[str, int] = field(default_factory=dict)
    withheld: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        values = self.values
        if len(values) != len(self.cells) or any(value < 0 for value in values.values()):
            raise TablesDisagree("a cell is there twice or is negative")
        try:
            agree = (
                all(values[one.total] == sum(values[part] for part in one.parts) for one in self.sums)
                and all(values[one.lesser] <= values[one.greater] for one in self.limits)
                and all(values[key] == value for key, value in self.released.items())
            )
        except KeyError:
            raise TablesDisagree("a sum, a limit or a release names a cell that is not there") from None
        if not agree or any(cell.value and not cell.possible for cell in self.cells):
            raise TablesDisagree("a sum, a limit, a release or an impossible cell does not agree with the cells")

    @cached_property
    def values(self) -> dict[str, int]:
        return {cell.key: cell.value for cell in self.cells}

    @cached_property
    def shown_anyway(self) -> frozenset[str]:
        """What can't be kept back: it was released, or everybody knows it."""
        return frozenset(self.released) | {cell.key for cell in self.cells if not cell.possible}


@dataclass(frozen=True, slots=True)
class Dimension:
    """A breakdown: its categories, and the subtotals that gather some of them. Categories of no subtotal stand under the total."""

    categories: tuple[str, ...]
    subtotals: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    of_groups: bool = True


TOTAL = "total"


def crossed(
    name: str, dimensions: Sequence[Dimension], counts: Mapping[tuple[str, ...], int]
) -> tuple[tuple[Cell, ...], tuple[Sum, ...]]:
    """The cells and sums of one table, all totals and subtotals among them. `counts` by category of each dimension; none is 0.

    A cell's key is `name` and its place in each dimension, joined by slashes.
    """
    members = [_members(dimension) for dimension in dimensions]
    cells = tuple(
        Cell("/".join((name, *place)), sum(counts.get(leaf, 0) for leaf in product(*_leaves(members, place))))
        for place in product(*members)
    )
    sums = tuple(
        Sum(
            "/".join((name, *place)),
            tuple("/".join((name, *place[:axis], part, *place[axis + 1 :])) for part in parts),
            dimension.of_groups,
        )
        for axis, dimension in enumerate(dimensions)
        for place in product(*members)
        if (parts := _parts(dimension, place[axis]))
    )
    return cells, sums


def _members(dimension: Dimension) -> dict[str, tuple[str, ...]]:
    """Every place along a dimension, with the categories that it holds."""
    return {
        **{category: (category,) for category in dimension.categories},
        **dimension.subtotals,
        TOTAL: dimension.categories,
    }


def _leaves(members: Sequence[Mapping[str, tuple[str, ...]]], place: Sequence[str]) -> list[tuple[str, ...]]:
    return [held[at] for held, at in zip(members, place, strict=True)]


def _parts(dimension: Dimension, at: str) -> tuple[str, ...]:
    if at != TOTAL:
        return dimension.subtotals.get(at, ())
    gathered = {category for parts in dimension.subtotals.values() for category in parts}
    return (*dimension.subtotals, *(category for category in dimension.categories if category not in gathered))
