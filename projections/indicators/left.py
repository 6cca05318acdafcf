"""Persons who left: all their mentorships are closed, the last one in the period."""

from collections.abc import Iterable

from projections.indicators.definition import Fact, Indicator, Unit
from projections.indicators.groups import GENDER, REASON, groups_of
from projections.indicators.life import Life, Question


def _facts(life: Life, question: Question) -> Iterable[Fact]:
    # One that is closed after the period was still running in it.
    if not all(case.closed_on is not None and case.closed_on <= question.until for case in life.cases):
        return
    last = max(life.cases, key=lambda case: (case.closed_on, case.started_position))
    if last.closed_on in question and last.end_reason is not None:
        yield Fact({"reason": last.end_reason.value, **groups_of(life, question)})


LEFT = Indicator(
    code="left",
    version=1,
    name="Persons who left",
    question="How many people ended their time in the programme, and why?",
    population="Trainees whose consent to funder reporting is in force on the day the report is prepared.",
    numerator="Those whose last mentorship was closed in the period and who had none open on its last day, each once.",
    denominator="None: a count.",
    window="The days of the period, by the day of closing.",
    unknown="Gender of those who did not tell, or whose details can't be read any more, is unknown. A mentorship is never closed without "
    "a reason.",
    source="mentorship-started, mentorship-closed, person-registered",
    unit=Unit.PERSONS,
    tables=((REASON,), (GENDER,)),
    facts=_facts,
)
