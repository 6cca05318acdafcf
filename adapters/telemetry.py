"""Traces and metrics over OTLP, off unless an endpoint is set, with allow-listed attributes only.

No provider is registered globally: a library that instruments itself would find it and send paths, queries and
exception texts. FastAPI does just that, so the app is made with `telemetry=FRAMEWORK_TELEMETRY_OFF`.
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version

from fastapi.telemetry import TelemetryConfig
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import Counter, Histogram, Meter, NoOpCounter, NoOpHistogram, NoOpMeterProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import NonRecordingSpan, NoOpTracerProvider, Span, SpanContext, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from adapters.permitted import ATTRIBUTES, METHODS, is_route, is_slug, only
from domain.errors import Refusal

FRAMEWORK_TELEMETRY_OFF: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}

# A collector that does not answer must not hold up a stop for long.
_EXPORT_SECONDS = 3
# Seconds; bounds after the OpenTelemetry semantic conventions for HTTP.
_DURATIONS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
_BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
_TRACEPARENT = TraceContextTextMapPropagator()


class Telemetry:
    """Spans and instruments of one process. Without an endpoint everything works and nothing is kept or sent."""

    def __init__(self, *, spans: SpanProcessor | None = None, metrics: MetricReader | None = None) -> None:
        """For tests and `from_endpoint`. `spans` must lead to an exporter wrapped in PermittedOnly."""
        about = Resource({"service.name": "accompany", "service.version": version("accompany")})
        self._tracers: TracerProvider | None = None
        self._meters: MeterProvider | None = None
        if spans:
            self._tracers = TracerProvider(resource=about, shutdown_on_exit=False)
            self._tracers.add_span_processor(spans)
        if metrics:
            self._meters = MeterProvider([metrics], resource=about, shutdown_on_exit=False)
        self._tracer = (self._tracers or NoOpTracerProvider()).get_tracer("accompany")
        meter = (self._meters or NoOpMeterProvider()).get_meter("accompany")
        self.commands = Counted(meter.create_counter("accompany.commands", "{command}", "Commands by outcome"))
        self.append_size = Measured(_histogram(meter, "accompany.append.size", "{event}", "Events an append", _BATCHES))
        self.request_duration = Measured(
            _histogram(meter, "http.server.request.duration", "s", "Duration of HTTP requests", _DURATIONS)
        )
        self.projection_lag = Level(meter, "accompany.projection.lag", "{event}", "Events not yet projected")
        self.projection_stopped = Level(meter, "accompany.projection.stopped", "1", "1 where one has stopped, else 0")
        self.log_size = Level(meter, "accompany.log.size", "{entry}", "Entries in a transparency log")
        self.log_witnesses_in_trouble = Level(
            meter, "accompany.log.witnesses_in_trouble", "{witness}", "Witnesses that did not sign"
        )
        self.log_stopped = Level(meter, "accompany.log.stopped", "1", "1 where a log has stopped, else 0")
        self.findings = Level(meter, "accompany.check.findings", "{finding}", "Open findings of a scheduled check")
        self.projection_parked = Level(meter, "accompany.projection.parked", "{event}", "Events gone on without")

    @classmethod
    def from_endpoint(cls, endpoint: str | None) -> "Telemetry":
        """`endpoint` is the collector's base URL, without `/v1/traces`; None switches telemetry off."""
        if endpoint is None:
            return cls()
        base = endpoint.rstrip("/")
        spans = PermittedOnly(OTLPSpanExporter(f"{base}/v1/traces", timeout=_EXPORT_SECONDS))
        metrics = OTLPMetricExporter(f"{base}/v1/metrics", timeout=_EXPORT_SECONDS)
        return cls(spans=BatchSpanProcessor(spans), metrics=PeriodicExportingMetricReader(metrics))

    @contextmanager
    def span(
        self, name: str, attributes: Mapping[str, object] | None = None, *, kind: SpanKind = SpanKind.INTERNAL
    ) -> Iterator[Span]:
        """One step of the work, named by a constant such as `append`. An error leaves its class or code alone."""
        if self._tracers is None:
            with self._in_some_trace():
                yield trace.INVALID_SPAN
            return
        with (
            self._in_some_trace(),
            self._tracer.start_as_current_span(
                name,
                kind=kind,
                attributes=only(ATTRIBUTES, attributes or {}),
                record_exception=False,
                set_status_on_exception=False,
            ) as span,
        ):
            try:
                yield span
            except BaseException as error:
                span.set_attribute("error.type", code_of(error))
                if not isinstance(error, Refusal):
                    span.set_status(StatusCode.ERROR)
                raise

    @contextmanager
    def sql(self, operation: str, *, batch: int | None = None) -> Iterator[Span]:
        """One call of the database; `operation` is a constant such as `append`, never SQL text."""
        if self._tracers is None:
            yield trace.INVALID_SPAN
            return
        about = {"db.system.name": "postgresql", "db.operation.name": operation, "db.operation.batch.size": batch}
        with self.span(operation, about, kind=SpanKind.CLIENT) as span:
            yield span

    @contextmanager
    def request(self, method: str, traceparent: str | None) -> Iterator[Span]:
        """One HTTP request. A W3C `traceparent` is honoured; `tracestate`, which holds any text, is not."""
        parent = _TRACEPARENT.extract({"traceparent": traceparent}) if traceparent else otel_context.Context()
        if self._tracers is None:
            # Nothing is kept, and there are no steps to put in order: only the trace's id is needed.
            if not trace.get_current_span(parent).get_span_context().is_valid:
                parent = trace.set_span_in_context(_nameless_trace(), parent)
            token = otel_context.attach(parent)
            try:
                yield trace.INVALID_SPAN
            finally:
                otel_context.detach(token)
            return
        token = otel_context.attach(parent)
        try:
            name = method if method in METHODS else "_OTHER"
            with self.span(name, {"http.request.method": name}, kind=SpanKind.SERVER) as span:
                yield span
        finally:
            otel_context.detach(token)

    @contextmanager
    def _in_some_trace(self) -> Iterator[None]:
        # Switched off, nothing would start a trace, yet the events and log lines of one command share its id.
        if self._tracers or trace.get_current_span().get_span_context().is_valid:
            yield
            return
        with trace.use_span(_nameless_trace(), record_exception=False, set_status_on_exception=False):
            yield

    def close(self) -> None:
        """Sends what is waiting; a collector that does not answer is given up after a few seconds."""
        if self._tracers:
            self._tracers.shutdown()
        if self._meters:
            self._meters.shutdown(timeout_millis=_EXPORT_SECONDS * 1000)


class PermittedOnly(SpanExporter):
    """Passes on name, times, kind and allow-listed attributes of a span: no events, no links, no error's text."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._exporter.export([_permitted(span) for span in spans])

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


class Counted:
    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._is_kept = not isinstance(counter, NoOpCounter)

    def add(self, amount: int, attributes: Mapping[str, object]) -> None:
        if self._is_kept:
            self._counter.add(amount, only(ATTRIBUTES, attributes))


class Measured:
    def __init__(self, histogram: Histogram) -> None:
        self._histogram = histogram
        self._is_kept = not isinstance(histogram, NoOpHistogram)

    def record(self, amount: float, attributes: Mapping[str, object]) -> None:
        if self._is_kept:
            self._histogram.record(amount, only(ATTRIBUTES, attributes))


class Level:
    def __init__(self, meter: Meter, name: str, unit: str, description: str) -> None:
        self._gauge = meter.create_gauge(name, unit, description)

    def set(self, amount: int, attributes: Mapping[str, object]) -> None:
        self._gauge.set(amount, only(ATTRIBUTES, attributes))


def current_trace_id() -> str:
    """The trace that this work belongs to, as 32 hexadecimal digits; a random one outside of any."""
    context = trace.get_current_span().get_span_context()
    return trace.format_trace_id(context.trace_id if context.is_valid else secrets.randbits(128) or 1)


def code_of(error: BaseException) -> str:
    """What an error may be called outside: a refusal's code, PostgreSQL's SQLSTATE or the name of the class."""
    if isinstance(error, Refusal):
        return error.code
    return getattr(error, "sqlstate", None) or type(error).__name__


def _nameless_trace() -> Span:
    return NonRecordingSpan(SpanContext(secrets.randbits(128) or 1, secrets.randbits(64) or 1, is_remote=False))


def _histogram(meter: Meter, name: str, unit: str, description: str, bounds: Sequence[float]) -> Histogram:
    return meter.create_histogram(name, unit, description, explicit_bucket_boundaries_advisory=bounds)


def _permitted(span: ReadableSpan) -> ReadableSpan:
    method, _, route = span.name.partition(" ")
    named = is_slug(span.name) or (method in METHODS | {"_OTHER"} and (not route or is_route(route)))
    return ReadableSpan(
        name=span.name if named else "unnamed",
        context=_without_state(span.context),
        parent=_without_state(span.parent),
        resource=span.resource,
        attributes=only(ATTRIBUTES, span.attributes or {}),
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _without_state(context: SpanContext | None) -> SpanContext | None:
    if context is None:
        return None
    return SpanContext(context.trace_id, context.span_id, context.is_remote, context.trace_flags)
