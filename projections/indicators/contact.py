"""Sessions and the time they took."""

from collections.abc import Iterable

from projections.cases import ContactKind
from projections.indicators.definition import Fact, Indicator, Unit
from projections.indicators.groups import TRACK, groups_of
from projections.indicators.life import Life, Question

_POPULATION = "Sessions of trainees whose consent to funder reporting is in force on the day the report is prepared."
_SOURCE = "session-held and its corrections"


def _sessions(life: Life, question: Question) -> Iterable[Fact]:
    for one in life.contacts:
        if one.kind is ContactKind.SESSION and one.occurred_on in question:
            yield Fact(groups_of(life, question))


def _minutes(life: Life, question: Question) -> Iterable[Fact]:
    for one in life.contacts:
        if one.kind is ContactKind.SESSION and one.occurred_on in question:
            yield Fact(amount=one.minutes or 0)


SESSIONS = Indicator(
    code="sessions",
    version=1,
    name="Sessions held",
    question="How often did mentors and trainees meet?",
    population=_POPULATION,
    numerator="Sessions held in the period, in whatever form.",
    denominator="None: a count.",
    window="The days of the period, by the day of the session.",
    unknown="Nothing: a session is recorded with its day. Sessions of somebody on several tracks count under several.",
    source=_SOURCE,
    unit=Unit.SESSIONS,
    tables=((TRACK,),),
    facts=_sessions,
)
TIME = Indicator(
    code="session-time",
    version=1,
    name="Time in sessions",
    question="How much time did mentors and trainees spend together?",
    population=_POPULATION,
    numerator="The lengths of the sessions held in the period, in minutes.",
    denominator="None: a sum.",
    window="The days of the period, by the day of the session.",
    unknown="Nothing: a session is recorded with its length.",
    source=_SOURCE,
    unit=Unit.MINUTES,
    tables=(),
    facts=_minutes,
)
