"""Counts indicators over lives: cells, how they add up, and the numbers of days of which a median may be given."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from uuid import UUID

from projections.disclosure.tables import AtMost, Cell, Sum, Tables
from projections.indicators.definition import Indicator, Split, Unit
from projections.indicators.life import Life, Question
from projections.indicators.served import is_served

LEFT_OUT = "left-out"


@dataclass(frozen=True)
class Counted:
    """The exact figures, for whoever prepares a report. `days` by indicator, in no order."""

    tables: Tables
    days: Mapping[str, tuple[int, ...]]


def key_of(indicator: Indicator, at: Mapping[str, str]) -> str:
    """A cell's name, as `served@1/standing=new/gender=female`; without categories it is the total."""
    return "/".join((indicator.id, *(f"{split}={category}" for split, category in at.items())))


def count(indicators: Sequence[Indicator], lives: Iterable[Life], question: Question) -> Counted:
    """All figures of a question. Those who may not be counted are in none but the number of those left out."""
    counted, left_out = [], 0
    for life in lives:
        if life.may_be_counted(question):
            counted.append(life)
        else:
            left_out += is_served(life, question)
    cells: dict[str, Cell] = {LEFT_OUT: Cell(LEFT_OUT, left_out)}
    sums: dict[tuple[str, tuple[str, ...]], Sum] = {}
    days = {}
    for indicator in indicators:
        amounts, persons = _amounts(indicator, counted, question)
        for table in indicator.tables or ((),):
            for at in _places(table):
                key = key_of(indicator, at)
                whose = None if indicator.unit is Unit.PERSONS else len(persons[key])
                cells[key] = Cell(key, amounts[key], whose)
                for one in _sums(indicator, table, at):
                    sums[one.total, one.parts] = one
        if indicator.days is not None:
            days[indicator.id] = tuple(number for life in counted for number in indicator.days(life, question))
    more_sums, limits = _known_besides(indicators)
    return Counted(Tables(tuple(cells.values()), (*sums.values(), *more_sums), limits), days)


def _amounts(
    indicator: Indicator, lives: Iterable[Life], question: Question
) -> tuple[Mapping[str, int], Mapping[str, set[UUID]]]:
    amounts: dict[str, int] = defaultdict(int)
    persons: dict[str, set[UUID]] = defaultdict(set)
    for life in lives:
        for fact in indicator.facts(life, question):
            keys = {
                key_of(indicator, {split.name: fact.at[split.name] for split in kept})
                for table in indicator.tables or ((),)
                for kept in _subsets(table)
            }
            for key in keys:
                amounts[key] += fact.amount
                persons[key].add(life.trainee_id)
    return amounts, persons


def _subsets(table: tuple[Split, ...]) -> Iterable[tuple[Split, ...]]:
    return (
        tuple(split for split, kept in zip(table, which, strict=True) if kept)
        for which in product((False, True), repeat=len(table))
    )


def _places(table: tuple[Split, ...]) -> Iterable[dict[str, str]]:
    """Every combination of categories and totals."""
    for place in product(*((None, *split.categories) for split in table)):
        yield {split.name: category for split, category in zip(table, place, strict=True) if category is not None}


def _sums(indicator: Indicator, table: tuple[Split, ...], at: Mapping[str, str]) -> Iterable[Sum]:
    for split in table:
        if split.name not in at:
            parts = tuple(
                key_of(indicator, {s.name: one for s in table if (one := {**at, split.name: category}.get(s.name))})
                for category in split.categories
            )
            yield Sum(key_of(indicator, at), parts)


def _known_besides(indicators: Sequence[Indicator]) -> tuple[tuple[Sum, ...], tuple[AtMost, ...]]:
    """What everybody knows of how indicators hang together, because it follows from their definitions: an attacker knows it, too."""
    known = {indicator.id for indicator in indicators}
    sums: list[Sum] = []
    limits: list[AtMost] = []
    if {"accompaniments@1", "appointments-kept@1"} <= known:
        missed = {
            "accompaniments@1/outcome=no-show-trainee": "appointments-kept@1/kept=trainee-did-not-come",
            "accompaniments@1/outcome=no-show-companion": "appointments-kept@1/kept=companion-did-not-come",
        }
        sums.append(Sum("accompaniments@1", ("appointments-kept@1/kept=accompanied", *missed), of_groups=False))
        limits += (AtMost(*pair) for pair in missed.items())
    if {"sessions@1", "session-time@1"} <= known:
        limits.append(AtMost("sessions@1", "session-time@1"))  # a session lasts a minute or more
    return tuple(sums), tuple(limits)
