"""The register of reports: four eyes, once for each quarter, and nothing replaced."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from uuid import UUID

import pytest

from domain.errors import Refusal
from domain.occurred import Occurred
from domain.report import (
    Audience,
    Content,
    Definition,
    DraftReplaced,
    Figure,
    Hidden,
    MedianDays,
    NotAgreedTo,
    NotReleased,
    QuarterNotOver,
    QuarterReleased,
    Report,
    ReportState,
    SecondReviewerNeeded,
    WithdrawalReason,
    quarter_of,
)

PREPARER, REVIEWER = UUID(int=801), UUID(int=802)
TODAY = Occurred(date(2026, 1, 15), None)
CONTENT = Content(
    since=date(2025, 10, 1),
    until=date(2025, 12, 31),
    position=900,
    asked_on=TODAY.on,
    language="de",
    k=10,
    rounding=0,
    method="cheapest",
    cost="cells",
    definitions=(Definition("served@1", "ab" * 32),),
    figures=(Figure("served@1", 40), Figure("served@1/gender=female", None), Figure("served@1/gender=male", None)),
    medians=(MedianDays("recognition-decided@1", 85),),
    hidden=(Hidden("served@1/gender=female", 0, 40), Hidden("served@1/gender=male", 0, 40)),
)


def prepared(content: Content = CONTENT) -> Report:
    return Report.prepare_report(
        UUID(int=800), audience=Audience.FUNDERS, content=content, prepared_by=PREPARER, told=TODAY
    )


def reviewed(report: Report, *, agrees: bool = True, by: UUID = REVIEWER) -> Report:
    report.review_report(TODAY, reviewed_by=by, draft=report.draft, agrees=agrees)
    return report


def released() -> Report:
    report = reviewed(prepared())
    report.release_report(TODAY, released_by=REVIEWER, draft=1)
    return report


def refused_with(refusal: type[Refusal], run: Callable[[], object]) -> None:
    with pytest.raises(refusal):
        run()


def test_a_report_is_prepared_agreed_to_by_a_second_person_and_released() -> None:
    report = released()
    assert report.state is ReportState.RELEASED
    assert [event.TOPIC for event in report.pending_events] == ["report-prepared", "report-reviewed", "report-released"]  # type: ignore[attr-defined] # ours have one
    assert report.digest == CONTENT.digest


def test_who_prepared_the_figures_can_not_agree_to_them() -> None:
    refused_with(SecondReviewerNeeded, lambda: reviewed(prepared(), by=PREPARER))


def test_nothing_is_released_that_nobody_agreed_to() -> None:
    refused_with(NotAgreedTo, lambda: prepared().release_report(TODAY, released_by=REVIEWER, draft=1))
    turned_down = reviewed(prepared(), agrees=False)
    refused_with(NotAgreedTo, lambda: turned_down.release_report(TODAY, released_by=REVIEWER, draft=1))


def test_an_agreement_is_to_one_draft_and_not_to_the_next() -> None:
    report = reviewed(prepared())
    report.prepare_anew(TODAY, content=replace(CONTENT, position=901), prepared_by=PREPARER)
    refused_with(NotAgreedTo, lambda: report.release_report(TODAY, released_by=REVIEWER, draft=3))
    refused_with(DraftReplaced, lambda: report.release_report(TODAY, released_by=REVIEWER, draft=1))
    refused_with(DraftReplaced, lambda: report.review_report(TODAY, reviewed_by=REVIEWER, draft=1, agrees=True))


def test_a_quarter_is_released_once_and_never_again() -> None:
    for report in (released(), released()):
        report.withdraw_report(TODAY, withdrawn_by=PREPARER, reason=WithdrawalReason.WRONG_FIGURES)
        with pytest.raises(QuarterReleased):
            report.prepare_anew(TODAY, content=CONTENT, prepared_by=PREPARER)
        with pytest.raises(NotReleased):
            report.withdraw_report(TODAY, withdrawn_by=PREPARER, reason=WithdrawalReason.WRONG_FIGURES)
    with pytest.raises(QuarterReleased):
        released().release_report(TODAY, released_by=REVIEWER, draft=1)
    with pytest.raises(QuarterReleased):
        reviewed(released())


@pytest.mark.parametrize(
    "changes",
    [
        {"since": date(2025, 10, 2)},
        {"until": date(2025, 12, 30)},
        {"since": date(2025, 7, 1)},
        {"asked_on": date(2025, 12, 31)},
        {"since": date(2025, 1, 1), "until": date(2025, 12, 31)},
    ],
)
def test_a_report_is_about_a_calendar_quarter_that_is_over(changes: dict[str, date]) -> None:
    with pytest.raises(QuarterNotOver):
        prepared(replace(CONTENT, **changes))  # type: ignore[arg-type]  # days for days


def test_the_digest_is_that_of_the_published_file() -> None:
    assert CONTENT.digest == hashlib.sha256(CONTENT.as_json.encode()).hexdigest()
    assert '"since":"2025-10-01"' in CONTENT.as_json
    assert replace(CONTENT, figures=()).digest != CONTENT.digest


def test_every_day_is_in_its_quarter() -> None:
    assert quarter_of(date(2024, 2, 29)) == (date(2024, 1, 1), date(2024, 3, 31))
    assert quarter_of(date(2025, 12, 31)) == (date(2025, 10, 1), date(2025, 12, 31))
