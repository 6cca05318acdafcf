"""What leaves in traces and metrics: names of routes and steps, times and counts, and nothing of a person."""

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from opentelemetry import trace
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import Message

from adapters.http.telemetry import HttpTelemetry
from adapters.telemetry import FRAMEWORK_TELEMETRY_OFF, PermittedOnly, Telemetry, current_trace_id
from domain.errors import RuleBroken

CANARY = "Amira-Haddad"
TRACE = "0af7651916cd43dd8448eb211c80319c"


class Observed:
    """Telemetry that keeps what it would send."""

    def __init__(self) -> None:
        self._spans = InMemorySpanExporter()
        self._metrics = InMemoryMetricReader()
        self.telemetry = Telemetry(spans=SimpleSpanProcessor(PermittedOnly(self._spans)), metrics=self._metrics)

    def spans(self) -> list[ReadableSpan]:
        return list(self._spans.get_finished_spans())

    def everything(self) -> str:
        metrics = self._metrics.get_metrics_data()
        return "".join(span.to_json() for span in self.spans()) + (metrics.to_json() if metrics else "")


@pytest.fixture
def observed() -> Iterator[Observed]:
    observed = Observed()
    yield observed
    observed.telemetry.close()


class Fell(Exception):
    pass


def mentorship_app() -> FastAPI:
    appointments = APIRouter(prefix="/appointments")

    @appointments.post("/{appointment_id}/accompaniment", status_code=201)
    async def record(mentorship_id: str, appointment_id: str) -> str:
        return current_trace_id()

    @appointments.get("/{appointment_id}/broken")
    async def broken(mentorship_id: str, appointment_id: str) -> None:
        raise Fell(f"{CANARY} {appointment_id}")

    mentorships = APIRouter(prefix="/mentorships/{mentorship_id}")
    mentorships.include_router(appointments)
    app = FastAPI(telemetry=FRAMEWORK_TELEMETRY_OFF)
    app.include_router(mentorships, prefix="/api/v1")
    return app


def ask(
    observed: Observed, method: str, path: str, headers: dict[str, str] | None = None, app: FastAPI | None = None
) -> httpx.Response:
    async def request() -> httpx.Response:
        front = HttpTelemetry(app or mentorship_app(), observed.telemetry)
        transport = httpx.ASGITransport(front, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.request(method, path, headers=headers, content=CANARY)

    return asyncio.run(request())


def test_a_request_is_known_by_its_whole_route_and_its_status(observed: Observed) -> None:
    answer = ask(observed, "POST", "/api/v1/mentorships/17/appointments/4/accompaniment")
    (span,) = observed.spans()
    route = "/api/v1/mentorships/{mentorship_id}/appointments/{appointment_id}/accompaniment"
    assert span.name == f"POST {route}"
    assert dict(span.attributes or {}) == {
        "http.request.method": "POST",
        "http.route": route,
        "http.response.status_code": 201,
    }
    assert span.context is not None
    assert answer.json() == trace.format_trace_id(span.context.trace_id)
    assert "http.server.request.duration" in observed.everything()


def test_a_starlette_route_is_known_by_its_template(observed: Observed) -> None:
    async def shown(request: Request) -> PlainTextResponse:
        return PlainTextResponse("")

    async def request() -> None:
        front = HttpTelemetry(Starlette(routes=[Route("/cases/{case_id:int}", shown)]), observed.telemetry)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(front), base_url="http://test") as client:
            await client.get("/cases/7")

    asyncio.run(request())
    assert [span.name for span in observed.spans()] == ["GET /cases/{case_id:int}"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"/api/v1/mentorships/{CANARY}/appointments/{CANARY}/accompaniment?name={CANARY}"),
        ("GET", f"/api/v1/mentorships/{CANARY}/appointments/{CANARY}/broken?name={CANARY}"),
        ("GET", f"/no/such/{CANARY}"),
        ("DELETE", f"/api/v1/mentorships/{CANARY}/appointments/{CANARY}/broken"),
        (CANARY.upper(), f"/api/v1/mentorships/{CANARY}/appointments/4/broken"),
    ],
)
def test_no_name_reaches_a_trace_or_a_metric(observed: Observed, method: str, path: str) -> None:
    headers = {
        "authorization": f"Bearer {CANARY}",
        "x-name": CANARY,
        "user-agent": CANARY,
        "baggage": f"name={CANARY}",
        "traceparent": f"00-{TRACE}-b7ad6b7169203331-01",
        "tracestate": f"vendor={CANARY}",
    }
    ask(observed, method, path, headers)
    (span,) = observed.spans()
    assert span.context is not None
    assert trace.format_trace_id(span.context.trace_id) == TRACE
    assert CANARY.lower() not in observed.everything().lower()


def test_an_error_leaves_its_class_and_no_text(observed: Observed) -> None:
    ask(observed, "GET", "/api/v1/mentorships/1/appointments/2/broken")
    (span,) = observed.spans()
    assert (span.attributes or {})["error.type"] == "Fell"
    assert (span.attributes or {})["http.response.status_code"] == 500
    assert not span.status.is_ok
    assert span.status.description is None
    assert span.events == ()


def test_a_refusal_is_an_answer_and_no_failure(observed: Observed) -> None:
    with pytest.raises(RuleBroken), observed.telemetry.span("append"):
        raise RuleBroken(CANARY)
    (span,) = observed.spans()
    assert (span.attributes or {})["error.type"] == "rule-broken"
    assert span.status.is_ok or span.status.is_unset
    assert CANARY not in observed.everything()


def test_attributes_that_nobody_allowed_are_left_out(observed: Observed) -> None:
    given = {
        "accompany.projection": "dashboard",
        "accompany.batch.size": 12,
        "person": CANARY,
        "http.route": f"/people/{CANARY}",
        "accompany.command": "7d1f3b9e-7a52-4a40-8e35-5dbd0d1f2f0c",
    }
    with observed.telemetry.span("project", given) as span:
        span.set_attribute("db.query.text", f"SELECT '{CANARY}'")
        span.set_attribute("accompany.outcome", f"{CANARY} came")
        span.add_event(CANARY, {"name": CANARY})
        span.record_exception(ValueError(CANARY))
        span.update_name(f"{CANARY} ran")
    observed.telemetry.commands.add(1, given)
    observed.telemetry.append_size.record(3, given)
    observed.telemetry.projection_lag.set(5, given)
    (sent,) = observed.spans()
    assert sent.name == "unnamed"
    assert dict(sent.attributes or {}) == {"accompany.projection": "dashboard", "accompany.batch.size": 12}
    everything = observed.everything()
    for measured in ("accompany.commands", "accompany.append.size", "accompany.projection.lag"):
        assert measured in everything
    assert CANARY not in everything
    assert "7d1f3b9e" not in everything


def test_a_call_of_the_database_stands_below_its_request(observed: Observed) -> None:
    with observed.telemetry.request("POST", None) as request, observed.telemetry.sql("append", batch=3):
        pass
    below, above = observed.spans()
    assert below.parent is not None
    assert above.context is not None
    assert below.parent.span_id == above.context.span_id == request.get_span_context().span_id
    assert dict(below.attributes or {}) == {
        "db.system.name": "postgresql",
        "db.operation.name": "append",
        "db.operation.batch.size": 3,
    }


def test_a_collector_is_sent_traces_and_metrics() -> None:
    received: dict[str, bytes] = {}

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received[self.path] = self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as collector:
        threading.Thread(target=collector.serve_forever).start()
        telemetry = Telemetry.from_endpoint(f"http://127.0.0.1:{collector.server_port}/")
        with telemetry.span("project", {"accompany.projection": "dashboard", "person": CANARY}):
            telemetry.commands.add(1, {"accompany.command": "hold-session", "person": CANARY})
        telemetry.close()
        collector.shutdown()
    assert received.keys() == {"/v1/traces", "/v1/metrics"}
    assert b"dashboard" in received["/v1/traces"]
    assert b"hold-session" in received["/v1/metrics"]
    assert CANARY.encode() not in b"".join(received.values())


def test_without_an_endpoint_one_request_still_has_one_trace_id() -> None:
    telemetry = Telemetry.from_endpoint(None)
    with telemetry.request("POST", f"00-{TRACE}-b7ad6b7169203331-01"):
        assert current_trace_id() == TRACE
    with telemetry.request("POST", "00-not-a-trace-01"):
        first = current_trace_id()
        with telemetry.sql("append"):
            assert current_trace_id() == first
    with telemetry.request("POST", None):
        assert current_trace_id() not in (first, TRACE)
    telemetry.close()


def test_outside_of_any_trace_an_id_is_made_up() -> None:
    assert len(current_trace_id()) == 32
    assert current_trace_id() != current_trace_id()


def test_the_framework_sends_nothing_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
    app = mentorship_app()

    told = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    async def receive() -> Message:
        return next(told)

    async def send(message: Message) -> None:
        assert message["type"].endswith(".complete")

    asyncio.run(app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send))
    assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
