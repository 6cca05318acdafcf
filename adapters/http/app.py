"""The HTTP application: the API, health, and what surrounds every answer."""

from fastapi import FastAPI

from adapters.http import problems
from adapters.http.accesses_logged import AccessesLogged
from adapters.http.api import api_routes
from adapters.http.documented import describe
from adapters.http.headers import API
from adapters.http.health import health_routes
from adapters.http.pages import Pages
from adapters.http.parts import Parts
from adapters.http.route_table import RouteTable
from adapters.http.security_headers import SecurityHeaders
from adapters.http.signed_in import TokensOnly
from adapters.http.telemetry import HttpTelemetry
from adapters.http.transparency import transparency_routes
from adapters.telemetry import FRAMEWORK_TELEMETRY_OFF


def create_app(parts: Parts) -> FastAPI:
    """An application over parts that stay open for as long as it answers."""
    app = routed(parts)
    RouteTable.in_front_of(app)
    # The one added last stands outermost.
    app.add_middleware(AccessesLogged, parts=parts)
    app.add_middleware(Pages, parts=parts)
    app.add_middleware(TokensOnly, parts=parts)
    app.add_middleware(problems.Problems)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(HttpTelemetry, telemetry=parts.telemetry)
    return app


def routed(parts: Parts) -> FastAPI:
    """The routes alone, as the API document needs them. Nothing guards them yet."""
    app = FastAPI(
        openapi_url=f"{API}/openapi.json",
        # Those pages load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry=FRAMEWORK_TELEMETRY_OFF,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.parts = parts
    problems.install(app)
    for router in api_routes(parts):
        app.include_router(router, prefix=API)
    app.include_router(health_routes(parts))
    app.include_router(transparency_routes(parts))
    describe(app)
    return app
