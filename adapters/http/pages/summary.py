"""The summary for coordinators: figures with a bar and a table for each."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from adapters.http.pages.form import Form
from adapters.http.pages.page import page
from adapters.http.pages.visitor import SignedInVisitor
from adapters.http.pages.wording import sentence, words
from adapters.http.parts import Parts
from adapters.http.reading import reading
from application.permissions import refuse_unless
from projections.funder_summary import (
    FunderSummary,
    funder_summary,
    quarters,
)

Written = Annotated[str, Query(max_length=20)]


@dataclass(frozen=True, slots=True)
class Bar:
    """`share` of the longest bar, in per cent."""

    label: str
    count: int
    share: int


@dataclass(frozen=True, slots=True)
class Breakdown:
    """`bars` are empty where there is nothing to count."""

    name: str
    title: str
    of: str
    bars: tuple[Bar, ...]


def summary_routes(parts: Parts) -> APIRouter:
    router = APIRouter()

    @router.get("/summary")
    async def read_summary(
        request: Request, visitor: SignedInVisitor, since: Written = "", until: Written = ""
    ) -> Response:
        """Exact figures, for use inside the organisation."""
        by = visitor.by
        refuse_unless(by, "see_summary")
        form = Form({"since": since, "until": until})
        first, last = form.day("since"), form.day("until")
        if first is not None and last is not None and last < first:
            form.add("until", "The period ends before it begins. Swap the two days.")
        if form.problems:
            first = last = None
        async with reading(parts, by, Response(), 0) as connection:
            summary = await funder_summary(
                connection,
                organisation_id=by.organisation_id,
                since=first,
                until=last,
                reporting_consent_only=False,
                today=by.today,
            )
        return page(
            request,
            "summary.html",
            status=422 if form.problems else 200,
            form=form,
            summary=summary,
            breakdowns=_breakdowns(summary),
            quarters=_quarters(by.today),
        )

    return router


def _breakdowns(summary: FunderSummary) -> tuple[Breakdown, ...]:
    return (
        Breakdown(
            "by-type",
            "Accompaniments by kind of appointment",
            "Kind of appointment",
            _bars(summary.accompaniments_by_type, "type"),
        ),
        Breakdown(
            "by-outcome",
            "Accompaniments by outcome",
            "Outcome",
            _bars(summary.accompaniments_by_outcome, "outcome"),
        ),
        Breakdown(
            "by-result",
            "Recognition decided, by result",
            "Result",
            _bars(summary.credentials_by_result, "result"),
        ),
        Breakdown(
            "employment",
            "Persons by what they did at their latest follow-up",
            "Found at follow-up",
            _bars(summary.employment, "status"),
        ),
    )


def _bars(cells: Iterable[Any], term: str) -> tuple[Bar, ...]:
    """The counts that are not nought, the largest first; `term` is the field that says what is counted."""
    counted = sorted((cell for cell in cells if cell.count), key=lambda cell: -cell.count)
    longest = max((cell.count for cell in counted), default=1)
    return tuple(
        Bar(sentence(words(getattr(cell, term))), cell.count, max(1, round(100 * cell.count / longest)))
        for cell in counted
    )


def _quarters(today: date) -> list[tuple[str, str, str]]:
    """Quarters to choose from, the newest first: what they are called, their first and their last day."""
    found = list(quarters(today))
    begun = found[0][1] + timedelta(days=1)
    found = [(begun, (begun + timedelta(days=100)).replace(day=1) - timedelta(days=1)), *found[:-1]]
    return [(f"Q{(first.month + 2) // 3} {first.year}", str(first), str(last)) for first, last in found]
