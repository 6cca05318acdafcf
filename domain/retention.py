"""How long data are kept: rules as data, what they count from, and which of them holds longest.

A rule is an organisation's own or a law's. Neither stands in this code: an organisation keeps them in a file, and has them checked.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class CountedFrom(StrEnum):
    """The day that a rule's years are counted from."""

    REGISTERED = "registered"
    CASES_CLOSED = "cases-closed"
    LAST_PAYMENT = "last-payment"
    END_OF_YEAR_OF_LAST_PAYMENT = "end-of-year-of-last-payment"
    FINAL_REPORT = "final-report"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `data_class` names what it is about, `funder` whose it is (empty: everybody's); both are codes.

    A `duty` binds also where the person asks to be erased (GDPR article 17 (3) b); without it the rule only says when data are due.
    """

    id: str
    title: str
    data_class: str
    years: int
    counted_from: CountedFrom
    funder: str = ""
    duty: bool = False
    source: str = ""


@dataclass(frozen=True, slots=True)
class Funding:
    """A funder of the work with a person, and the days that its rule counts from."""

    funder: str
    last_payment_on: date | None = None
    final_report_on: date | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules need to know of a person. `last_closed_on` is None while a mentorship is open, or where there never was one."""

    registered_on: date
    open_cases: int = 0
    last_closed_on: date | None = None
    funding: Sequence[Funding] = ()


@dataclass(frozen=True, slots=True)
class Period:
    """A rule applied to a person: the data are kept up to and including `until`. None: the day can't be known yet."""

    rule: Rule
    until: date | None

    def in_words(self) -> str:
        """What a refusal says: the rule and its last day, nothing about the person."""
        if self.until is None:
            return f"{self.rule.title}: the years are not counted yet, because a mentorship is open or its last day is not known."
        return f"{self.rule.title}: kept until {self.until.isoformat()}. Erase it after that day."


def periods(rules: Iterable[Rule], facts: Facts) -> list[Period]:
    """Every rule that applies, with its last day."""
    found = []
    for rule in rules:
        if not rule.funder:
            found.append(Period(rule, _until(rule, facts, None)))
        found += [Period(rule, _until(rule, facts, one)) for one in facts.funding if rule.funder == one.funder]
    return found


def longest(found: Iterable[Period]) -> Period | None:
    """The one that holds longest; one whose end is not known yet outlasts all others."""
    return max(found, key=lambda period: period.until or date.max, default=None)


def holding(rules: Iterable[Rule], facts: Facts, today: date) -> Period | None:
    """The duty that holds longest today, if any does."""
    return longest(
        period
        for period in periods(rules, facts)
        if period.rule.duty and (period.until is None or period.until >= today)
    )


def due(rules: Iterable[Rule], facts: Facts, today: date) -> Period | None:
    """The rule that held longest and has ended, so that the person's data are due to be erased; None while any holds."""
    last = longest(periods(rules, facts))
    return last if last is not None and last.until is not None and last.until < today and not facts.open_cases else None


def _until(rule: Rule, facts: Facts, funding: Funding | None) -> date | None:
    since = _counted_from(rule.counted_from, facts, funding)
    if since is None:
        return None
    try:
        return since.replace(year=since.year + rule.years)
    except ValueError:  # the 29th of February in a year that has none
        return since.replace(year=since.year + rule.years, day=28)


def _counted_from(counted_from: CountedFrom, facts: Facts, funding: Funding | None) -> date | None:
    match counted_from:
        case CountedFrom.REGISTERED:
            return facts.registered_on
        case CountedFrom.CASES_CLOSED:
            # Somebody who never had a mentorship was never more than registered.
            return None if facts.open_cases else facts.last_closed_on or facts.registered_on
        case CountedFrom.FINAL_REPORT:
            return funding.final_report_on if funding else None
        case CountedFrom.LAST_PAYMENT:
            return funding.last_payment_on if funding else None
        case CountedFrom.END_OF_YEAR_OF_LAST_PAYMENT:
            paid = funding.last_payment_on if funding else None
            return date(paid.year, 12, 31) if paid else None
