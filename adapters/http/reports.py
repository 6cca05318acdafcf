"""Reports: figures, never a person."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from adapters.http.documented import READ
from adapters.http.parts import Parts
from adapters.http.reading import MinPosition, reading
from adapters.http.signed_in import SignedIn
from adapters.http.strict_json import StrictRoute
from adapters.http.submitted import Day
from application.permissions import refuse_unless
from domain.errors import Invalid
from projections.funder_summary import FunderSummary, funder_summary


class PeriodReversed(Invalid):
    code = "period-reversed"
    message = "The period ends before it begins. Swap `since` and `until`."


def report_routes(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/reports", tags=["reports"], route_class=StrictRoute)

    @router.get("/summary", responses=READ)
    async def read_summary(
        by: SignedIn,
        response: Response,
        since: Annotated[Day | None, Query(description="First day, or from the beginning.")] = None,
        until: Annotated[Day | None, Query(description="Last day, or up to now.")] = None,
        min_position: MinPosition = 0,
    ) -> FunderSummary:
        """What was done in a period: exact figures of everybody, for use inside the organisation. Funders get released reports."""
        refuse_unless(by, "see_summary")
        if since is not None and until is not None and until < since:
            raise PeriodReversed
        async with reading(parts, by, response, min_position) as connection:
            return await funder_summary(
                connection,
                organisation_id=by.organisation_id,
                since=since,
                until=until,
                reporting_consent_only=False,
                today=by.today,
            )

    return router
