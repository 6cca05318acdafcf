"""What could carry opened data out beside the service: core dumps, and the log of somebody else's PostgreSQL."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from adapters.postgres.server_log import settings_that_log_values

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel by prctl and /proc")
def test_the_command_forbids_core_dumps_and_closes_its_memory() -> None:
    asked = (
        "import ctypes, resource; from typer.testing import CliRunner; from adapters.cli import app;"
        "CliRunner().invoke(app, ['doctor', '--help']);"
        "CliRunner().invoke(app, ['keys', 'show']);"
        "print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    )
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    done = subprocess.run(
        [sys.executable, "-c", asked],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "ACCOMPANY_DATA": "/nowhere/at/all", "DATABASE_URL": ""},
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout.strip() == "(0, 0) 0", most


async def test_a_server_that_would_log_values_is_told_what_to_set(postgres: str) -> None:
    async def found(**settings: str) -> list[str]:
        async with await psycopg.AsyncConnection.connect(postgres, autocommit=True) as connection:
            for name, value in settings.items():
                await connection.execute(sql.SQL("SET {} = {}").format(sql.Identifier(*name.split("__")), value))
            return await settings_that_log_values(connection)

    assert await found() == [], "the embedded server's own settings"
    everything = {"log_parameter_max_length": "-1"}
    for statements in (
        {"log_statement": "mod"},
        {"log_min_duration_statement": "250"},
        {"log_transaction_sample_rate": "0.5"},
    ):
        assert await found(**everything, **statements) == ["log_parameter_max_length = 0"]
        assert await found(**statements) == []
    assert await found(**everything) == [], "no statement is logged at all"
    on_error = {"log_parameter_max_length_on_error": "100"}
    assert await found(**on_error) == []
    assert await found(**on_error, log_min_error_statement="error") == ["log_parameter_max_length_on_error = 0"]
