"""Persons served: new ones and those who were served before."""

from collections.abc import Iterable

from projections.cases import ContactKind
from projections.indicators.definition import Fact, Indicator, Split, Unit
from projections.indicators.going_along import took_place
from projections.indicators.groups import AGE, GENDER, LANGUAGE, TRACK, groups_of
from projections.indicators.life import Life, Question

STANDING = Split("standing", ("new", "continuing"))


def is_served(life: Life, question: Question) -> bool:
    """Whether there was a session, an accompaniment or an appointment that took place in the period."""
    return any(one.kind is ContactKind.SESSION and one.occurred_on in question for one in life.contacts) or any(
        took_place(one) and one.concluded_on in question for one in life.appointments
    )


def _facts(life: Life, question: Question) -> Iterable[Fact]:
    if is_served(life, question):
        is_new = min(case.started_on for case in life.cases) >= question.since
        yield Fact({"standing": "new" if is_new else "continuing", **groups_of(life, question)})


SERVED = Indicator(
    code="served",
    version=1,
    name="Persons served",
    question="How many people did the programme work with, and how many of them were new?",
    population="Trainees whose consent to funder reporting is in force on the day the report is prepared.",
    numerator="Those with a session or an appointment that took place in the period, whether somebody went along or not, each once, over "
    "all their mentorships. New: their first mentorship started in the period. Continuing: it started before.",
    denominator="None: a count.",
    window="The days of the period, by the day on which it happened.",
    unknown="Age, gender and language level of those who did not tell, or whose details can't be read any more, are unknown. Language "
    "level is that of the report's language; a first language without a level is unknown. Who is on several tracks counts under several.",
    source="session-held, accompaniment-recorded, appointment-concluded, mentorship-started, person-registered and their corrections",
    unit=Unit.PERSONS,
    tables=tuple((STANDING, split) for split in (AGE, GENDER, TRACK, LANGUAGE)),
    facts=_facts,
)
