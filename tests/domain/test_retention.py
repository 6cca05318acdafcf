"""How long data are kept: what counts, which rule holds longest, and when data are due."""

from datetime import date

import pytest

from domain.retention import CountedFrom, Facts, Funding, Period, Rule, due, holding, longest, periods

PARTICIPANTS = Rule("participants", "Participants", "case-record", 3, CountedFrom.CASES_CLOSED)
FINANCE = Rule("finance", "Finance", "finance", 7, CountedFrom.LAST_PAYMENT, funder="city", duty=True)
EU = Rule("eu", "EU funds", "case-record", 5, CountedFrom.END_OF_YEAR_OF_LAST_PAYMENT, funder="esf-plus", duty=True)
US = Rule("us", "US grants", "case-record", 3, CountedFrom.FINAL_REPORT, funder="orr", duty=True)
RULES = (PARTICIPANTS, FINANCE, EU, US)
CLOSED = Facts(date(2018, 1, 9), 0, date(2020, 2, 29))


def ends(facts: Facts) -> dict[str, date | None]:
    return {period.rule.id: period.until for period in periods(RULES, facts)}


def test_a_rule_counts_from_its_own_day() -> None:
    funded = Facts(
        date(2018, 1, 9),
        0,
        date(2020, 2, 29),
        (
            Funding("city", date(2019, 5, 1)),
            Funding("esf-plus", date(2019, 5, 1)),
            Funding("orr", None, date(2021, 1, 31)),
        ),
    )
    assert ends(CLOSED) == {"participants": date(2023, 2, 28)}
    assert ends(funded) == {
        "participants": date(2023, 2, 28),
        "finance": date(2026, 5, 1),
        "eu": date(2024, 12, 31),
        "us": date(2024, 1, 31),
    }
    assert longest(periods(RULES, funded)) == Period(FINANCE, date(2026, 5, 1))


def test_a_day_that_nobody_knows_yet_outlasts_every_other() -> None:
    waiting = Facts(date(2018, 1, 9), 0, date(2020, 2, 29), (Funding("orr", date(2020, 1, 1)),))
    assert ends(waiting)["us"] is None
    found = holding(RULES, waiting, date(2099, 1, 1))
    assert found == Period(US, None)
    assert "not counted yet" in found.in_words()
    assert due(RULES, waiting, date(2099, 1, 1)) is None


def test_somebody_who_never_had_a_mentorship_is_counted_from_their_registration() -> None:
    assert ends(Facts(date(2018, 1, 9))) == {"participants": date(2021, 1, 9)}


@pytest.mark.parametrize(
    ("today", "is_due"), [(date(2023, 2, 27), False), (date(2023, 2, 28), False), (date(2023, 3, 1), True)]
)
def test_data_are_due_on_the_day_after_the_longest_rule_has_ended(today: date, is_due: bool) -> None:
    found = due(RULES, CLOSED, today)
    assert (found == Period(PARTICIPANTS, date(2023, 2, 28))) if is_due else found is None


def test_nothing_is_due_while_a_mentorship_is_open_or_where_there_is_no_rule() -> None:
    assert due(RULES, Facts(date(2018, 1, 9), open_cases=1), date(2099, 1, 1)) is None
    assert due((), CLOSED, date(2099, 1, 1)) is None


def test_only_a_duty_holds_against_the_persons_own_request() -> None:
    assert holding(RULES, CLOSED, date(2020, 3, 1)) is None
    funded = Facts(date(2018, 1, 9), 0, date(2020, 2, 29), (Funding("city", date(2019, 5, 1)),))
    assert holding(RULES, funded, date(2026, 5, 1)) == Period(FINANCE, date(2026, 5, 1))
    assert holding(RULES, funded, date(2026, 5, 2)) is None
