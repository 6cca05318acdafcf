"""Random tables as the tests see them: smallest cells, and which of them each figure adds up."""

from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import product

from hypothesis import strategies as st

from projections.disclosure.tables import TOTAL, Dimension, Tables, crossed
from tests.disclosure.attackers import Leaf, Published, on_paper

# Mostly around the rule's edge, where it matters; some zeros; some large.
COUNTS = st.one_of(st.just(0), st.integers(1, 4), st.integers(5, 20), st.sampled_from([9, 10, 11, 30, 60]))


@dataclass(frozen=True)
class RandomTable:
    dimensions: tuple[Dimension, ...]
    leaves: dict[Leaf, int]
    name: str = "t"
    places: dict[str, frozenset[Leaf]] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "places", self._places())

    def tables(self) -> Tables:
        return Tables(*crossed(self.name, self.dimensions, self.leaves))

    def value(self, key: str) -> int:
        return sum(self.leaves[leaf] for leaf in self.places[key])

    def whole_groups(self) -> dict[str, frozenset[Leaf]]:
        """Wherever all of a figure stand in one group of a breakdown: the smallest cells of the other groups."""
        found = {}
        for key, held in self.places.items():
            for axis, dimension in enumerate(self.dimensions):
                gathered = {category: name for name, held_by in dimension.subtotals.items() for category in held_by}
                for level in (dict[str, str](), gathered):
                    groups = {leaf: level.get(leaf[axis], leaf[axis]) for leaf in held}
                    full = {group for leaf, group in groups.items() if self.leaves[leaf]}
                    if len(set(groups.values())) > 1 and len(full) == 1:
                        rest = frozenset(leaf for leaf, group in groups.items() if group not in full)
                        found[f"{key} along {axis} by {len(level)}"] = rest
        return found

    def published(self, hidden: Collection[str]) -> Published:
        return on_paper(self.leaves, self.places, lambda key: key in hidden)

    def _places(self) -> dict[str, frozenset[Leaf]]:
        """By name and place alone: the sums of the product are not asked."""
        found = {}
        ways = [
            [
                *((c, {c}) for c in d.categories),
                *((s, set(held)) for s, held in d.subtotals.items()),
                (TOTAL, set(d.categories)),
            ]
            for d in self.dimensions
        ]
        for place in product(*ways):
            key = "/".join((self.name, *(name for name, _ in place)))
            found[key] = frozenset(
                leaf for leaf in self.leaves if all(c in h for c, (_, h) in zip(leaf, place, strict=True))
            )
        return found


def random_tables(
    shapes: list[tuple[int, ...]], counts: st.SearchStrategy[int] = COUNTS
) -> st.SearchStrategy[RandomTable]:
    """Tables of these numbers of categories; where there are more than three, the first two of a breakdown may have a subtotal."""

    @st.composite
    def one(draw: st.DrawFn) -> RandomTable:
        shape = draw(st.sampled_from(shapes))
        dimensions = []
        for axis, size in enumerate(shape):
            categories = tuple(f"{'abc'[axis]}{number}" for number in range(size))
            gathered = {"some": categories[:2]} if size > 3 and draw(st.booleans()) else {}
            dimensions.append(Dimension(categories, gathered))
        leaves = {leaf: draw(counts) for leaf in product(*(d.categories for d in dimensions))}
        return RandomTable(tuple(dimensions), leaves)

    return one()
