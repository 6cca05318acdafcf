"""One span, one measurement and one log line for each request, under the route's template and never its path."""

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.permitted import METHODS
from adapters.telemetry import Telemetry

log = logging.getLogger(__name__)


class HttpTelemetry:
    """ASGI middleware; the outermost one, so that what others answer counts too."""

    def __init__(self, app: ASGIApp, telemetry: Telemetry) -> None:
        self._app = app
        self._telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # Whatever ends the request before an answer is the server's failure.
        status = 500

        async def observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        started = time.perf_counter()
        method = scope["method"] if scope["method"] in METHODS else "_OTHER"
        with self._telemetry.request(method, _traceparent(scope)) as span:
            try:
                await self._app(scope, receive, observed)
            finally:
                seconds = time.perf_counter() - started
                route = route_of(scope)
                about = {"http.request.method": method, "http.response.status_code": status}
                if route:
                    about["http.route"] = route
                    span.update_name(f"{method} {route}")
                span.set_attributes(about)
                self._telemetry.request_duration.record(seconds, about)
                log.info(
                    "request",
                    extra={
                        "method": method,
                        "route": route,
                        "status": status,
                        "duration_ms": round(seconds * 1000, 1),
                    },
                )


def _traceparent(scope: Scope) -> str | None:
    found = [value for name, value in scope["headers"] if name == b"traceparent"]
    return found[0].decode("latin-1") if len(found) == 1 else None


def route_of(scope: Scope) -> str | None:
    """The template of the address that answers, once the router has found it; never the address itself."""
    # scope["route"] of an included router lacks the prefix; FastAPI keeps the whole template beside it.
    route = scope.get("fastapi", {}).get("effective_route_context") or scope.get("route")
    path = getattr(route, "path", None)
    return path if isinstance(path, str) else None
