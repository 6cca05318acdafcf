"""A log over a database of one test, and what its owner may do to it behind everybody's back."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.evidence.signing import LogKey
from adapters.postgres.appender import Appender
from tests.evidence.kept_log import KeptLog


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def kept(postgres: str, tmp_path: Path) -> AsyncIterator[KeptLog]:
    """On the oldest and on the newest PostgreSQL."""
    async with Appender(postgres) as appender:
        yield KeptLog(postgres, tmp_path / "data", appender)


@pytest.fixture
async def one(database: str, tmp_path: Path) -> AsyncIterator[KeptLog]:
    """On one PostgreSQL, for what does not depend on it."""
    async with Appender(database) as appender:
        yield KeptLog(database, tmp_path / "data", appender)


@pytest.fixture
def key(tmp_path: Path) -> LogKey:
    return LogKey.at(tmp_path / "data", None)
