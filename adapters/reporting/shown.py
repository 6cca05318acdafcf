"""A report as people read it: each indicator with its words, its total and its tables."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from domain.report import Content
from projections.disclosure.derived import percentage
from projections.indicators.catalogue import CATALOGUE
from projections.indicators.counting import LEFT_OUT, key_of
from projections.indicators.definition import Indicator, Split

TOTAL = "total"
# Of whom a share is given: the rate that is asked for, with those lost to follow-up beside it in the same table.
_RATE = "found"


@dataclass(frozen=True, slots=True)
class Row:
    """A category with one figure for each column; None is kept back. `share` is of the total, in per cent."""

    category: str
    figures: tuple[int | None, ...]
    share: Decimal | None


@dataclass(frozen=True, slots=True)
class ShownTable:
    """`columns` are categories of a second breakdown, the total last; rows that are zero throughout are left out."""

    split: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    has_shares: bool


@dataclass(frozen=True, slots=True)
class ShownIndicator:
    indicator: Indicator
    total: int | None
    tables: tuple[ShownTable, ...]
    median_days: int | None


@dataclass(frozen=True, slots=True)
class ShownReport:
    """`left_out` are those who were served and have not consented to be counted. `unknown` are indicators that this program lacks."""

    indicators: tuple[ShownIndicator, ...]
    left_out: int | None
    kept_back: int
    unknown: tuple[str, ...]


def shown(content: Content) -> ShownReport:
    figures = {figure.key: figure.value for figure in content.figures}
    medians = {one.indicator: one.days for one in content.medians}
    used = {one.id: one.digest for one in content.definitions}
    known = [one for one in CATALOGUE if used.get(one.id) == one.digest]
    return ShownReport(
        indicators=tuple(
            ShownIndicator(one, figures[one.id], tuple(_tables(one, figures)), medians.get(one.id)) for one in known
        ),
        left_out=figures[LEFT_OUT],
        kept_back=sum(value is None for value in figures.values()),
        unknown=tuple(sorted(used.keys() - {one.id for one in known})),
    )


def _tables(indicator: Indicator, figures: Mapping[str, int | None]) -> Iterator[ShownTable]:
    for table in indicator.tables:
        *across, down = table
        columns = _columns(across[0]) if across else ((TOTAL, {}),)
        total = figures[indicator.id]
        rows = []
        for category in down.categories:
            cells = tuple(figures[key_of(indicator, {**at, down.name: category})] for _, at in columns)
            if any(cell != 0 for cell in cells):
                rows.append(Row(category, cells, percentage(cells[-1], total)))
        yield ShownTable(down.name, tuple(name for name, _ in columns), tuple(rows), down.name == _RATE)


def _columns(split: Split) -> tuple[tuple[str, dict[str, str]], ...]:
    return (*((category, {split.name: category}) for category in split.categories), (TOTAL, {}))
