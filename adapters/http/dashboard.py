"""The dashboard of a caseworker, or of a coordinator over all cases."""

from fastapi import APIRouter, Response

from adapters.http.documented import READ
from adapters.http.parts import Parts
from adapters.http.reading import MinPosition, opener, reading
from adapters.http.signed_in import SignedIn
from adapters.http.strict_json import StrictRoute
from adapters.http.visible import own_cases_only
from application.permissions import refuse_unless
from projections.caseworker_dashboard import CaseworkerDashboard, caseworker_dashboard


def dashboard_routes(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/dashboard", tags=["dashboard"], route_class=StrictRoute)

    @router.get("", responses=READ)
    async def read_dashboard(by: SignedIn, response: Response, min_position: MinPosition = 0) -> CaseworkerDashboard:
        """What is on today, what is due, where consent runs out, and whom nobody has spoken to."""
        refuse_unless(by, "see_dashboard")
        async with reading(parts, by, response, min_position) as connection:
            return await caseworker_dashboard(
                connection,
                organisation_id=by.organisation_id,
                caseworker_id=own_cases_only(by),
                today=by.today,
                zone=by.zone,
                opened=opener(parts, by),
            )

    return router
