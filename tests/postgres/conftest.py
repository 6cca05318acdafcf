"""A migrated database on each PostgreSQL that we support, with an appender and readers on it."""

from collections.abc import AsyncIterator

import pytest

from adapters.postgres.appender import Appender
from adapters.postgres.migrate import migrate
from adapters.postgres.pool import Pool
from adapters.postgres.reader import Reader


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def dsn(postgres: str) -> str:
    await migrate(postgres)
    return postgres


@pytest.fixture
async def appender(dsn: str) -> AsyncIterator[Appender]:
    async with Appender(dsn) as appender:
        yield appender


@pytest.fixture
async def reader(dsn: str) -> AsyncIterator[Reader]:
    """Reads one organisation at a time, as the service does."""
    async with Pool(dsn) as pool:
        yield Reader(pool)


@pytest.fixture
async def log(dsn: str) -> AsyncIterator[Reader]:
    """Reads all organisations, as the worker does."""
    async with Pool(dsn, "accompany_worker") as pool:
        yield Reader(pool)
