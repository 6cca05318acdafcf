"""All indicators there are, in the order in which a report shows them, and what the record can't tell yet."""

from projections.indicators.contact import SESSIONS, TIME
from projections.indicators.definition import Indicator
from projections.indicators.going_along import ACCOMPANIMENTS, KEPT_APPOINTMENTS
from projections.indicators.in_work import IN_WORK
from projections.indicators.left import LEFT
from projections.indicators.recognition import APPLIED, DECIDED
from projections.indicators.served import SERVED

CATALOGUE: tuple[Indicator, ...] = (
    SERVED,
    LEFT,
    *IN_WORK,
    APPLIED,
    DECIDED,
    SESSIONS,
    TIME,
    ACCOMPANIMENTS,
    KEPT_APPOINTMENTS,
)

NOT_ON_RECORD = (
    "Supports paid by kind and grant: the record has no entry for them.",
    "Hourly wages and their growth: they are on record, sealed, with follow-ups, and are not counted yet.",
    "Language level gained: the record keeps the level told last, with no day on which it was tested.",
)
