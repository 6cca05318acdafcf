"""The groups that people are counted in. Each has a category for those of whom it is not known."""

from collections.abc import Mapping
from datetime import date

from domain.vocabulary import CefrLevel, EndReason, Gender, Track
from projections.indicators.definition import UNKNOWN, Split
from projections.indicators.life import Life, Question

# Lowest age of each band.
_BANDS = ((0, "under-18"), (18, "18-24"), (25, "25-34"), (35, "35-44"), (45, "45-54"), (55, "55-and-over"))
SEVERAL = "several"

AGE = Split("age", (*(name for _, name in _BANDS), UNKNOWN))
GENDER = Split("gender", (*(one.value for one in Gender), UNKNOWN))
# Someone on two tracks is one person: a category of its own, so that the parts come to the total.
TRACK = Split("track", (*(one.value for one in Track), SEVERAL))
LANGUAGE = Split("language", (*(one.value for one in CefrLevel), UNKNOWN))
REASON = Split("reason", tuple(one.value for one in EndReason))

OF_PERSONS = (AGE, GENDER, TRACK, LANGUAGE)


def groups_of(life: Life, question: Question) -> Mapping[str, str]:
    """The person's group in each of `OF_PERSONS`: age on the last day of the period, tracks of the mentorships that ran in it."""
    details = life.details
    level = life.level_of(question.language)
    return {
        "age": _band(details.born_on, question.until) if details and details.born_on else UNKNOWN,
        "gender": details.gender.value if details and details.gender else UNKNOWN,
        "track": _track(life, question),
        "language": level.value if level else UNKNOWN,
    }


def _band(born_on: date, on: date) -> str:
    age = on.year - born_on.year - ((on.month, on.day) < (born_on.month, born_on.day))
    return [name for lowest, name in _BANDS if lowest <= max(age, 0)][-1]


def _track(life: Life, question: Question) -> str:
    running = [
        case.track
        for case in life.cases
        if case.started_on <= question.until and (case.closed_on is None or case.closed_on >= question.since)
    ]
    tracks = set(running or (case.track for case in life.cases))
    return tracks.pop().value if len(tracks) == 1 else SEVERAL
