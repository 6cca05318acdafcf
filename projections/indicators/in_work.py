"""In work 90, 180 and 365 days after leaving, and beside it those who were lost to follow-up."""

from collections.abc import Iterable
from datetime import timedelta
from functools import partial

from domain.vocabulary import OutcomeStatus
from projections.cases import ContactKind
from projections.indicators.definition import Fact, Indicator, Split, Unit
from projections.indicators.life import Life, Question

AROUND = timedelta(days=45)
LOST = "lost-to-follow-up"
FOUND = Split("found", ("in-work", "in-training", "not-in-work", "unknown", LOST))
_FOUND = {
    OutcomeStatus.EMPLOYED: "in-work",
    OutcomeStatus.SELF_EMPLOYED: "in-work",
    OutcomeStatus.APPRENTICESHIP: "in-training",
    OutcomeStatus.INTERNSHIP: "in-training",
    OutcomeStatus.STUDYING: "in-training",
    OutcomeStatus.UNEMPLOYED: "not-in-work",
    OutcomeStatus.UNKNOWN: "unknown",
}


def _facts(days: int, life: Life, question: Question) -> Iterable[Fact]:
    ends = [case.closed_on for case in life.cases]
    if any(end is None for end in ends):
        return
    left_on = max(end for end in ends if end is not None)
    due = left_on + timedelta(days=days)
    if due + AROUND not in question:
        return
    asked = [
        one
        for one in life.contacts
        if one.kind is ContactKind.FOLLOW_UP and due - AROUND <= one.occurred_on <= due + AROUND and one.status
    ]
    if not asked:
        yield Fact({"found": LOST})
        return
    nearest = min(asked, key=lambda one: (abs(one.occurred_on - due), -one.occurred_on.toordinal(), -one.version))
    assert nearest.status is not None
    yield Fact({"found": _FOUND[nearest.status]})


def _in_work(days: int) -> Indicator:
    return Indicator(
        code=f"in-work-{days}",
        version=1,
        name=f"In work {days} days after leaving",
        question=f"Of those who left the programme, how many were in work {days} days later?",
        population="Trainees whose consent to funder reporting is in force on the day the report is prepared, and whose mentorships are "
        "all closed.",
        numerator="In work: employed or self-employed. In training: apprenticeship, internship or studying. By the follow-up nearest to "
        f"the day {days} days after the last mentorship was closed; of two as near, the later one.",
        denominator=f"Those whose {days} days after leaving, and the 45 after them in which somebody may still ask, ended in the period. "
        "Lost to follow-up: nobody asked within 45 days before or after. They stay in the denominator.",
        window="The days of the period, by the 45th day after the day that is asked about.",
        unknown="Unknown: somebody asked, and it could not be found out. Lost to follow-up is not unknown.",
        source="mentorship-closed, outcome-found and its corrections. Hours and wages are on record sealed and are not counted yet.",
        unit=Unit.PERSONS,
        tables=((FOUND,),),
        facts=partial(_facts, days),
    )


IN_WORK = tuple(_in_work(days) for days in (90, 180, 365))
