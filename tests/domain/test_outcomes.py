"""What was found at a follow-up."""

from decimal import Decimal
from typing import Any

import pytest

from domain.errors import Refusal
from domain.mentorship.outcomes import HoursOutOfRange, OutcomeFound, WageOutOfRange
from domain.mentorship.part import BeforeStart
from domain.occurred import Occurred
from domain.text import TooLong
from domain.vocabulary import OutcomeStatus, Purpose
from tests.domain.scenario import CLOSED, MENTORING_CONSENTED, OUTCOME, Step, an, consented, given, on


def found(occurred: Occurred, **told: Any) -> Step:
    return lambda case: case.find_outcome(OUTCOME, occurred, **{"status": OutcomeStatus.EMPLOYED, **told})


def test_a_follow_up_after_the_close_finds_work_and_its_wage() -> None:
    told: dict[str, Any] = {
        "status": OutcomeStatus.EMPLOYED,
        "verified": True,
        "hours_per_week": Decimal("38.5"),
        "hourly_wage": Decimal("19.29"),
        "currency": "EUR",
        "source": "payslip",
        "note": "Same ward as the placement",
    }
    given(MENTORING_CONSENTED, CLOSED).when(found(on(190), **told)).then(an(OutcomeFound, outcome_id=OUTCOME, **told))


def test_unknown_is_a_finding() -> None:
    given(MENTORING_CONSENTED).when(found(on(90), status=OutcomeStatus.UNKNOWN)).then(
        an(OutcomeFound, status=OutcomeStatus.UNKNOWN, hours_per_week=None, hourly_wage=None)
    )


def test_nothing_is_found_before_the_start() -> None:
    given(consented(Purpose.MENTORING, on(-9))).when(found(on(-1))).then_refused(BeforeStart, "occurred_on")


@pytest.mark.parametrize(
    ("told", "refusal", "field"),
    [
        ({"hours_per_week": Decimal("168.1")}, HoursOutOfRange, "hours_per_week"),
        ({"hours_per_week": Decimal(-1)}, HoursOutOfRange, "hours_per_week"),
        ({"hours_per_week": Decimal("NaN")}, HoursOutOfRange, "hours_per_week"),
        ({"hours_per_week": Decimal("sNaN")}, HoursOutOfRange, "hours_per_week"),
        ({"hourly_wage": Decimal(0), "currency": "EUR"}, WageOutOfRange, "hourly_wage"),
        ({"hourly_wage": Decimal("Infinity"), "currency": "EUR"}, WageOutOfRange, "hourly_wage"),
        ({"hourly_wage": Decimal(1_000_000), "currency": "EUR"}, WageOutOfRange, "hourly_wage"),
        ({"hourly_wage": Decimal(19)}, WageOutOfRange, "currency"),
        ({"hourly_wage": Decimal(19), "currency": "eur"}, WageOutOfRange, "currency"),
        ({"currency": "E1R"}, WageOutOfRange, "currency"),
        ({"source": "x" * 501}, TooLong, "source"),
        ({"note": "x" * 10_001}, TooLong, "note"),
    ],
)
def test_a_finding_that_can_not_be_true_is_refused(told: dict[str, Any], refusal: type[Refusal], field: str) -> None:
    given(MENTORING_CONSENTED).when(found(on(90), **told)).then_refused(refusal, field)
