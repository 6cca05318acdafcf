"""Accompaniments by type and by outcome, and how appointments were kept."""

from collections.abc import Iterable

from domain.vocabulary import AppointmentOutcome, AppointmentType
from projections.appointments import Appointment, AppointmentStatus
from projections.indicators.definition import Fact, Indicator, Split, Unit
from projections.indicators.life import Life, Question

TYPE = Split("type", tuple(one.value for one in AppointmentType))
OUTCOME = Split("outcome", tuple(one.value for one in AppointmentOutcome))
KEPT = Split("kept", ("accompanied", "alone", "trainee-did-not-come", "companion-did-not-come"))
_NO_SHOWS = {
    AppointmentOutcome.NO_SHOW_TRAINEE: "trainee-did-not-come",
    AppointmentOutcome.NO_SHOW_COMPANION: "companion-did-not-come",
}
_POPULATION = (
    "Appointments of trainees whose consent to funder reporting is in force on the day the report is prepared."
)
_SOURCE = "appointment-booked, appointment-missed, appointment-concluded, accompaniment-recorded and their corrections"


def _accompaniments(life: Life, question: Question) -> Iterable[Fact]:
    for one in life.appointments:
        if one.status is AppointmentStatus.ACCOMPANIED and one.concluded_on in question and one.outcome:
            yield Fact({"type": one.type.value, "outcome": one.outcome.value})


def _appointments(life: Life, question: Question) -> Iterable[Fact]:
    for one in life.appointments:
        if one.concluded_on in question and (kept := _kept(one)):
            yield Fact({"kept": kept})


def took_place(one: Appointment) -> bool:
    """Whether both sides came."""
    return _kept(one) in ("accompanied", "alone")


def _kept(one: Appointment) -> str | None:
    # Also a companion who was sent and found nobody there has written down an accompaniment; the outcome says what it was.
    if one.outcome in _NO_SHOWS:
        return _NO_SHOWS[one.outcome]
    match one.status:
        case AppointmentStatus.ACCOMPANIED:
            return "accompanied"
        case AppointmentStatus.CONCLUDED:
            return "alone"
    return None


ACCOMPANIMENTS = Indicator(
    code="accompaniments",
    version=1,
    name="Accompaniments",
    question="To which offices did somebody go along, and what came of it?",
    population=_POPULATION,
    numerator="Accompaniments recorded with a day in the period, by the type of appointment and by outcome.",
    denominator="None: a count.",
    window="The days of the period, by the day of going along.",
    unknown="Nothing: an accompaniment is recorded with its outcome. A type that the list lacks is other.",
    source=_SOURCE,
    unit=Unit.APPOINTMENTS,
    tables=((TYPE,), (OUTCOME,)),
    facts=_accompaniments,
)
KEPT_APPOINTMENTS = Indicator(
    code="appointments-kept",
    version=1,
    name="How appointments were kept",
    question="How many appointments took place, and who did not come to the others?",
    population=_POPULATION,
    numerator="Appointments that were accompanied, gone to alone, or missed, by what came of them.",
    denominator="All of these. Appointments that were cancelled, or of which nothing was recorded, are none of them.",
    window="The days of the period, by the day on which it took place or was missed.",
    unknown="Nothing: what nobody recorded is not counted.",
    source=_SOURCE,
    unit=Unit.APPOINTMENTS,
    tables=((KEPT,),),
    facts=_appointments,
)
