"""The dashboard: what is on today, what is due, where consent needs a talk, and whom nobody has spoken to."""

from typing import Any, Literal

from fastapi import APIRouter, Request
from starlette.responses import Response

from adapters.http.pages.members import handles
from adapters.http.pages.page import page
from adapters.http.pages.recorded import MinPosition, What, notice
from adapters.http.pages.visitor import SignedInVisitor
from adapters.http.parts import Parts
from adapters.http.reading import opener, reading
from adapters.http.visible import own_cases_only
from application.caller import Caller
from application.permissions import refuse_unless
from domain.vocabulary import Role
from projections.caseworker_dashboard import CaseworkerDashboard, caseworker_dashboard

# So many entries of each list stand on the dashboard itself; the whole list has a page of its own.
SHOWN = 6

type List = Literal["week", "deadlines", "to-record", "consents", "overrides", "no-contact", "cases"]


def dashboard_routes(parts: Parts) -> APIRouter:
    router = APIRouter()

    @router.get("/dashboard")
    async def read_dashboard(
        request: Request, visitor: SignedInVisitor, what: What = "", min_position: MinPosition = 0
    ) -> Response:
        return await _shown(request, visitor.by, "dashboard.html", min_position, shown=SHOWN, **notice(what))

    @router.get("/dashboard/{which}")
    async def read_list(request: Request, visitor: SignedInVisitor, which: List) -> Response:
        """One of the lists, whole."""
        return await _shown(request, visitor.by, "dashboard_list.html", 0, which=which, shown=None)

    async def _shown(request: Request, by: Caller, template: str, min_position: int, **more: Any) -> Response:
        refuse_unless(by, "see_dashboard")
        async with reading(parts, by, Response(), min_position) as connection:
            view: CaseworkerDashboard = await caseworker_dashboard(
                connection,
                organisation_id=by.organisation_id,
                caseworker_id=own_cases_only(by),
                today=by.today,
                zone=by.zone,
                opened=opener(parts, by),
            )
            whose = await handles(connection, by) if by.role is Role.COORDINATOR else {}
        return page(request, template, dashboard=view, handles=whose, **more)

    return router
