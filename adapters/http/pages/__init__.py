"""The pages for people: rendered here, whole without any script, for whoever signed in with a link."""

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from adapters.http.accesses_logged import AccessesLogged
from adapters.http.pages import page_errors
from adapters.http.pages.accesses import access_routes
from adapters.http.pages.accompaniment import accompaniment_routes
from adapters.http.pages.booking import booking_routes
from adapters.http.pages.case import case_routes
from adapters.http.pages.consent_trail import consent_trail_routes
from adapters.http.pages.consents import consent_routes
from adapters.http.pages.dashboard import dashboard_routes
from adapters.http.pages.evidence import evidence_routes
from adapters.http.pages.my import my_routes
from adapters.http.pages.my_data import my_data_routes
from adapters.http.pages.overrides import override_routes
from adapters.http.pages.reports import report_pages
from adapters.http.pages.rights import rights_routes
from adapters.http.pages.same_origin import SameOriginOnly
from adapters.http.pages.search import search_page_routes
from adapters.http.pages.session import session_routes
from adapters.http.pages.sign_in import sign_in_routes
from adapters.http.pages.stylesheet import stylesheet_routes
from adapters.http.pages.summary import summary_routes
from adapters.http.pages.system import system_routes
from adapters.http.parts import Parts

_NOT_PAGES = ("/api", "/health", "/log")


class Pages:
    """ASGI middleware: answers everything but the API, health and the logs with pages. Errors inside it are pages, not problems."""

    def __init__(self, app: ASGIApp, parts: Parts) -> None:
        self._app = app
        self._pages = pages(parts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_page = scope["type"] == "http" and not any(
            scope["path"] == root or scope["path"].startswith(f"{root}/") for root in _NOT_PAGES
        )
        await (self._pages if is_page else self._app)(scope, receive, send)


def pages(parts: Parts) -> FastAPI:
    """The pages by themselves, with what guards them."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.parts = parts
    page_errors.install(app)
    app.include_router(stylesheet_routes())
    for routes in (
        sign_in_routes,
        dashboard_routes,
        case_routes,
        accompaniment_routes,
        booking_routes,
        consent_routes,
        override_routes,
        session_routes,
        consent_trail_routes,
        evidence_routes,
        summary_routes,
        report_pages,
        my_routes,
        my_data_routes,
        rights_routes,
        access_routes,
        system_routes,
        search_page_routes,
    ):
        app.include_router(routes(parts), include_in_schema=False)
    # The one added last stands outermost.
    app.add_middleware(AccessesLogged, parts=parts)
    app.add_middleware(SameOriginOnly)
    app.add_middleware(page_errors.PageErrors)
    return app
