"""What must not be found out: the rule of small numbers, written as ranges that an attacker must not be able to narrow."""

from collections.abc import Iterator
from dataclasses import dataclass

from projections.disclosure.tables import Cell, Sum, Tables


@dataclass(frozen=True, slots=True)
class Rule:
    """Figures of 1 to `k` - 1 are kept back. 5, 10 and 11 are in use."""

    k: int = 10

    def __post_init__(self) -> None:
        if self.k < 3:
            raise ValueError("a rule that protects one from being counted alone has a k of 3 or more")

    @property
    def width(self) -> int:
        """How far apart the least and the most must be that an attacker finds possible for any cell that is kept back."""
        return self.k - 2


@dataclass(frozen=True, slots=True)
class Guard:
    """The sum of `cells` must be possible, for all that an attacker knows, at `low` and at `high`.

    `low` is None where only the upper end matters. With `every`, every whole number between must be possible too.
    """

    cells: tuple[str, ...]
    low: int | None
    high: int
    every: bool = False


def is_small(cell: Cell, rule: Rule) -> bool:
    """Whether the cell itself may not be said: it counts 1 to k - 1, or comes from so few people."""
    return 0 < cell.value < rule.k or (cell.persons is not None and 0 < cell.persons < rule.k)


def primary(tables: Tables, rule: Rule) -> frozenset[str]:
    """The cells to keep back for what they are. One that the audience has already can't be."""
    return frozenset(cell.key for cell in tables.cells if is_small(cell, rule)) - tables.shown_anyway


def guards(tables: Tables, rule: Rule) -> Iterator[Guard]:
    """All that must be protected in these tables, whatever is then chosen to be kept back beside it."""
    by_key = {cell.key: cell for cell in tables.cells}
    for key in sorted(primary(tables, rule)):
        cell = by_key[key]
        if 0 < cell.value < rule.k:
            # The whole range of the rule: then the symbol says no more than the rule does.
            yield Guard((key,), 1, rule.k - 1, every=True)
        else:
            yield Guard((key,), max(0, cell.value - rule.width), cell.value + rule.width)
    for one in tables.sums:
        rest = _rest(one, by_key)
        if rest and not tables.shown_anyway.issuperset((one.total, *rest)):
            # All in one group: as many as the rule protects must still be thought to be in another.
            yield Guard(rest, None, rule.k - 1)


def _rest(one: Sum, by_key: dict[str, Cell]) -> tuple[str, ...]:
    """Where one group holds everybody, the others that could have held somebody."""
    total = by_key[one.total].value
    if not one.of_groups or total == 0:
        return ()
    full = [part for part in one.parts if by_key[part].value == total]
    return tuple(part for part in one.parts if part not in full and by_key[part].possible) if full else ()
