"""The front door of a whole installation, on each PostgreSQL that we support, and an office of invented people behind it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from fastapi import FastAPI

from adapters.http.app import create_app
from adapters.http.parts import Parts
from adapters.postgres.runner import Runner
from adapters.serving import watched_indexer
from adapters.wiring import Installation
from tests.http.front_door import Office, open_office
from tests.installations import opened
from tests.postgres_servers import VERSIONS, Clusters


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session", params=VERSIONS)
async def house(
    request: pytest.FixtureRequest, postgres_clusters: Clusters, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Installation]:
    """One installation for all tests of the interface, with all that runs beside it; each test has an organisation of its own."""
    data: Path = tmp_path_factory.mktemp("data")
    with postgres_clusters.running(request.param).fresh_database() as dsn:
        async with opened(data, dsn) as installation:
            stop = asyncio.Event()
            following = asyncio.gather(
                Runner(dsn).run(stop), watched_indexer(installation).run(stop), installation.keeping.run(stop)
            )
            yield installation
            stop.set()
            with suppress(asyncio.CancelledError):
                await following


@pytest.fixture(scope="session")
def app(house: Installation) -> FastAPI:
    return create_app(Parts.of(house))


@pytest.fixture
async def office(house: Installation, app: FastAPI) -> AsyncIterator[Office]:
    async with open_office(house.dsn, app) as office:
        yield office


@pytest.fixture
async def neighbour(house: Installation, app: FastAPI) -> AsyncIterator[Office]:
    """Another organisation in the same house."""
    async with open_office(house.dsn, app) as office:
        yield office
