"""Figures of a run: what was measured, the bar it has to reach, and whether it does."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Literal

__all__ = ["Bar", "Figure", "median", "percentile", "spread"]


@dataclass(frozen=True, slots=True)
class Bar:
    """What a figure is to be: at least or at most this."""

    kind: Literal["at least", "at most"]
    value: float

    def reached(self, figure: float) -> bool:
        return figure >= self.value if self.kind == "at least" else figure <= self.value

    def __str__(self) -> str:
        return f"{'≥' if self.kind == 'at least' else '≤'} {self.value:g}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. `ours` is a median in `unit`; `figure` is what the bar is about, most often a ratio to `theirs`."""

    group: str
    what: str
    ours: str
    theirs: str = ""
    figure: float | None = None
    bar: Bar | None = None

    @property
    def verdict(self) -> str:
        if self.bar is None or self.figure is None:
            return ""
        return "reached" if self.bar.reached(self.figure) else "not reached"


def percentile(values: Sequence[float], percent: int) -> float:
    """By interpolation; of one value, that value."""
    return values[0] if len(values) == 1 else quantiles(values, n=100, method="inclusive")[percent - 1]


def spread(values: Sequence[float], form: str = ",.0f") -> str:
    """The median, and the lowest and highest of the rounds."""
    return f"{median(values):{form}} ({min(values):{form}} to {max(values):{form}})"
