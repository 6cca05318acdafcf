"""One command is one trace, from HTTP to SQL, without an id or a word of a person in it."""

from pathlib import Path

import httpx
import pytest
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from adapters.http.app import create_app
from adapters.http.parts import Parts
from adapters.telemetry import PermittedOnly, Telemetry
from adapters.wiring import installation
from domain.vocabulary import Role
from tests.http.front_door import open_office
from tests.installations import settings

pytestmark = pytest.mark.anyio

CANARY = "Canary-Haddad"


async def test_a_command_is_traced_from_http_to_sql_without_anything_personal(tmp_path: Path, database: str) -> None:
    spans, metrics = InMemorySpanExporter(), InMemoryMetricReader()
    telemetry = Telemetry(spans=SimpleSpanProcessor(PermittedOnly(spans)), metrics=metrics)
    async with (
        installation(settings(tmp_path, database), database, telemetry) as opened,
        open_office(database, create_app(Parts.of(opened))) as office,
    ):
        by = await office.member(Role.COORDINATOR)
        spans.clear()
        recorded = await by.post("/people", {"role": "trainee", "full_name": CANARY, "note": CANARY})
        assert recorded.status_code == 201, recorded.text
        missing = await by.client.get(f"/people/{opened.identify(office.organisation_id, 'person', CANARY)}")
        assert missing.status_code == httpx.codes.NOT_FOUND

    finished = spans.get_finished_spans()
    append = next(span for span in finished if span.name == "append")
    request = next(
        span for span in finished if span.attributes and span.attributes.get("http.route") == "/api/v1/people"
    )
    assert append.parent is not None
    assert append.parent.span_id == request.context.span_id
    assert dict(append.attributes or {}) == {
        "db.system.name": "postgresql",
        "db.operation.name": "append",
        "db.operation.batch.size": 1,
    }
    measured = metrics.get_metrics_data()
    assert measured is not None
    everything = "".join(span.to_json() for span in finished) + measured.to_json()
    assert "accompany.commands" in everything
    for secret in (CANARY, recorded.json()["id"], str(office.organisation_id), by.token):
        assert secret not in everything
    telemetry.close()
