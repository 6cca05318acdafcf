"""Credential recognition: persons who applied, persons with a decision, and how long it took."""

from collections.abc import Iterable
from datetime import date

from domain.vocabulary import RecognitionResult
from projections.credentials import CredentialPath
from projections.indicators.definition import Fact, Indicator, Split, Unit
from projections.indicators.groups import GENDER, groups_of
from projections.indicators.life import Life, Question

# The stage, in the credential paths that come with the service, at which an authority has the application.
APPLICATION = "application-filed"
# Of several decisions the best one counts.
RESULT = Split("result", tuple(one.value for one in RecognitionResult))
_POPULATION = "Trainees whose consent to funder reporting is in force on the day the report is prepared."


def applied_on(path: CredentialPath) -> date | None:
    days = [day for stage, day in zip(path.step_stages, path.step_days, strict=True) if stage == APPLICATION]
    return min(days, default=None)


def _applied(life: Life, question: Question) -> Iterable[Fact]:
    if any(applied_on(path) in question for path in life.credentials):
        yield Fact(groups_of(life, question))


def _decided(life: Life, question: Question) -> Iterable[Fact]:
    results = {path.result for path in life.credentials if path.result and path.decided_on in question}
    if results:
        yield Fact({"result": min(results, key=list(RecognitionResult).index).value})


def _days(life: Life, question: Question) -> Iterable[int]:
    for path in life.credentials:
        applied, decided = applied_on(path), path.decided_on
        if decided is not None and decided in question and applied is not None and applied <= decided:
            yield (decided - applied).days


APPLIED = Indicator(
    code="recognition-applied",
    version=1,
    name="Persons who applied for recognition",
    question="How many people handed in an application to have a qualification recognised?",
    population=_POPULATION,
    numerator="Those with the step application-filed in the period, each once.",
    denominator="None: a count.",
    window="The days of the period, by the day of the first application on a path.",
    unknown="Gender of those who did not tell, or whose details can't be read any more, is unknown.",
    source="credential-path-opened, credential-step-taken and their corrections, person-registered",
    unit=Unit.PERSONS,
    tables=((GENDER,),),
    facts=_applied,
)
DECIDED = Indicator(
    code="recognition-decided",
    version=1,
    name="Persons with a decision on recognition",
    question="How many people got a decision, with what result, and how long did it take?",
    population=_POPULATION,
    numerator="Those with a decision in the period that stands, each once, by the best result. Median days: from the first application on "
    "the path to the decision, over all decisions of which both days are known.",
    denominator="None: a count.",
    window="The days of the period, by the day of the decision.",
    unknown="Nothing: a decision is recorded with its result. Decisions without an application on record are left out of the median.",
    source="credential-step-taken, credential-decided and their corrections",
    unit=Unit.PERSONS,
    tables=((RESULT,),),
    facts=_decided,
    days=_days,
)
