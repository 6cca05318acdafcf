"""Prepares a report: counts, chooses what to keep back, and lets the attacker loose on it before anybody sees it.

Loads SciPy, so the service never imports it: reports are prepared by a command of its own.
"""

import time
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from adapters.postgres.known_at import last_position, lives_at
from adapters.wiring import Installation
from application.caller import Caller
from domain.errors import RuleBroken
from domain.report import Audience, Content, Definition, Figure, Hidden, MedianDays
from projections.disclosure.attack import attack
from projections.disclosure.derived import rounded, typical
from projections.disclosure.rule import Rule
from projections.disclosure.suppression import CannotProtect, Cost, suppress
from projections.indicators.catalogue import CATALOGUE
from projections.indicators.counting import Counted, count
from projections.indicators.life import Question


class FiguresNotProtected(RuleBroken):
    """`cells` are the figures that could be worked out: for whoever prepares the report, and nobody else."""

    code = "figures-not-protected"
    message = (
        "Some of these figures could be worked out from the others, whatever is kept back. Nothing was put on record."
    )

    def __init__(self, cells: frozenset[str] = frozenset()) -> None:
        super().__init__()
        self.cells = cells


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to prepare. `rounding` is 0 or 5; `seconds` is how long to look for the choice that loses least, where `optimal` asks for it."""

    since: date
    until: date
    rule: Rule
    rounding: int = 0
    language: str = "de"
    seconds: float = 120
    optimal: bool = True


def report_id(installation: Installation, organisation_id: UUID, audience: Audience, since: date) -> UUID:
    """The id of a quarter's report: the same for whoever prepares it, so that there is one."""
    return installation.identify(organisation_id, "report", f"{audience} {since}")


async def content_of(installation: Installation, by: Caller, wanted: Wanted) -> Content:
    """The report as it would be published. Raises FiguresNotProtected, PositionAhead or RecordNotReadable."""
    position = await last_position(installation.dsn)
    question = Question(wanted.since, wanted.until, position, by.today, wanted.language)
    found = await lives_at(installation.dsn, installation.record, installation.accesses, by, question)
    return published(count(CATALOGUE, found, question), question, wanted)


def published(counted: Counted, question: Question, wanted: Wanted) -> Content:
    """What may be said of these figures. Raises FiguresNotProtected."""
    began = time.monotonic()
    try:
        pattern = suppress(counted.tables, wanted.rule, cost=Cost.CELLS, seconds=wanted.seconds, optimal=wanted.optimal)
    except CannotProtect as unprotected:
        raise FiguresNotProtected(unprotected.cells) from None
    # Whatever was chosen and however: nothing is published that this attack has not been tried on.
    attacked = attack(
        counted.tables, pattern.kept_back, wanted.rule, seconds=max(60, wanted.seconds - (time.monotonic() - began))
    )
    if not attacked.is_safe:
        raise FiguresNotProtected(attacked.found)
    shown = {cell.key: None if cell.key in pattern.kept_back else cell.value for cell in counted.tables.cells}
    if wanted.rounding:
        shown = {key: rounded(value, wanted.rounding) for key, value in shown.items()}
    return Content(
        since=question.since,
        until=question.until,
        position=question.position,
        asked_on=question.asked_on,
        language=question.language,
        k=wanted.rule.k,
        rounding=wanted.rounding,
        method=pattern.method.value,
        cost=Cost.CELLS.value,
        definitions=tuple(Definition(one.id, one.digest) for one in CATALOGUE),
        figures=tuple(Figure(key, value) for key, value in shown.items()),
        medians=tuple(
            MedianDays(indicator, None if shown[indicator] is None else typical(days, wanted.rule))
            for indicator, days in counted.days.items()
        ),
        # Worked out from figures that are not rounded, they would tell those.
        hidden=()
        if wanted.rounding
        else tuple(Hidden(key, one.least, one.most) for key, one in sorted(attacked.ranges.items())),
    )
