"""Health: liveness touches nothing, readiness looks at the database, its schema and the projections."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import LiteralString

import httpx
import psycopg
import pytest

from adapters.http.app import create_app
from adapters.http.parts import Parts
from adapters.postgres.pool import Pool
from adapters.wiring import Installation
from tests.installations import opened
from tests.postgres_servers import Clusters

pytestmark = pytest.mark.anyio


@pytest.fixture
async def alone(postgres_clusters: Clusters, tmp_path: Path) -> AsyncIterator[Installation]:
    """An installation that only this test has."""
    with postgres_clusters.running("postgres-18").fresh_database() as dsn:
        async with opened(tmp_path, dsn) as installation:
            yield installation


def asking(parts: Parts) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=create_app(parts))
    return httpx.AsyncClient(transport=transport, base_url="http://accompany.test")


async def test_a_service_in_order_is_alive_and_ready(alone: Installation) -> None:
    async with asking(Parts.of(alone)) as anybody:
        assert (await anybody.get("/health/live")).json() == {"status": "alive"}
        answer = await anybody.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ready"
    assert [check["name"] for check in answer.json()["checks"]] == ["database", "schema", "projections"]


@pytest.mark.parametrize(
    ("fault", "check", "code"),
    [
        (
            "UPDATE projections.tracking SET error = 'KeyError' WHERE projection = 'cases'",
            "projections",
            "projection-stopped",
        ),
        ("UPDATE projections.tracking SET position = -6000", "projections", "projections-behind"),
        ("UPDATE projections.tracking SET version = version + 1", "schema", "schema-of-another-version"),
        ("DELETE FROM projections.tracking", "schema", "schema-of-another-version"),
        ("DROP TABLE projections.tracking", "schema", "schema-missing"),
    ],
)
async def test_a_service_with_a_fault_is_not_ready_and_says_which(
    alone: Installation, fault: LiteralString, check: str, code: str
) -> None:
    async with await psycopg.AsyncConnection.connect(alone.dsn, autocommit=True) as owner:
        await owner.execute(fault)
    async with asking(Parts.of(alone)) as anybody:
        answer = await anybody.get("/health/ready")
    assert (answer.status_code, answer.json()["status"]) == (503, "not-ready")
    assert (answer.json()["checks"][-1]["name"], answer.json()["checks"][-1]["code"]) == (check, code)


async def test_a_service_without_its_database_is_alive_and_not_ready(alone: Installation) -> None:
    nowhere = Pool("postgresql://nobody@127.0.0.1:9/none", limit=0.5)
    async with nowhere, asking(replace(Parts.of(alone), pool=nowhere)) as anybody:
        assert (await anybody.get("/health/live")).status_code == 200
        answer = await anybody.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["checks"] == [{"name": "database", "ready": False, "code": "store-unavailable", "lag": None}]
