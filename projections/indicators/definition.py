"""What an indicator is: words that anybody can read, and the function that counts."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from projections.indicators.life import Life, Question

UNKNOWN = "unknown"


class Unit(StrEnum):
    PERSONS = "persons"
    SESSIONS = "sessions"
    MINUTES = "minutes"
    APPOINTMENTS = "appointments"


@dataclass(frozen=True, slots=True)
class Split:
    """A breakdown: its categories are fixed before anything is counted, and each fact falls into one of them."""

    name: str
    categories: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """Something counted about one person: how much, and the category of each breakdown."""

    at: Mapping[str, str] = field(default_factory=dict)
    amount: int = 1


@dataclass(frozen=True)
class Indicator:
    """One definition. It never changes: another wording, window or way of counting is another `version` beside it.

    `tables` are the breakdowns shown, alone or crossed with each other; all of them share their totals. `facts` counts one person,
    and answers at most one fact where the unit is persons. `days` are numbers of days of which the median is given.
    """

    code: str
    version: int
    name: str
    question: str
    population: str
    numerator: str
    denominator: str
    window: str
    unknown: str
    source: str
    unit: Unit
    tables: tuple[tuple[Split, ...], ...]
    facts: Callable[[Life, Question], Iterable[Fact]]
    days: Callable[[Life, Question], Iterable[int]] | None = None

    @property
    def id(self) -> str:
        return f"{self.code}@{self.version}"

    @property
    def words(self) -> dict[str, object]:
        """All of the definition but the program, in JSON's own types."""
        return {
            "code": self.code,
            "version": self.version,
            "name": self.name,
            "question": self.question,
            "population": self.population,
            "numerator": self.numerator,
            "denominator": self.denominator,
            "window": self.window,
            "unknown": self.unknown,
            "source": self.source,
            "unit": self.unit.value,
            "tables": [
                [{"name": one.name, "categories": list(one.categories)} for one in table] for table in self.tables
            ],
            "median": self.days is not None,
        }

    @property
    def digest(self) -> str:
        """SHA-256 of the words as JSON with sorted keys and no blanks, in hexadecimal."""
        text = json.dumps(self.words, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()
