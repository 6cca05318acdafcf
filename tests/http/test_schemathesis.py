"""The API document against the service: whatever is sent, nothing fails and nothing undocumented is answered."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from adapters.http import openapi
from domain.vocabulary import Role
from tests.http.front_door import OpenCase, open_office
from tests.http.operations import Filled
from tests.http.served import served
from tests.postgres_servers import Clusters

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,unsupported_method,allow_header_conformance,ignored_auth"
)
SEED = 20251123


@dataclass(frozen=True, slots=True)
class Target:
    """A served case with one of everything in it."""

    address: str
    ids: dict[str, str]
    tokens: dict[Role, str]


@pytest.fixture(scope="module")
def target(postgres_clusters: Clusters, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with (
        postgres_clusters.running("postgres-18").fresh_database() as dsn,
        served(tmp_path_factory.mktemp("data"), dsn) as address,
    ):
        yield asyncio.run(_furnished(dsn, address))


async def _furnished(dsn: str, address: str) -> Target:
    async with open_office(dsn, address) as office:
        caseworker, coordinator = await office.caseworker(), await office.coordinator()
        filled = await Filled.fill(await OpenCase.begin(office), caseworker)
        tokens = {Role.CASEWORKER: caseworker.token, Role.COORDINATOR: coordinator.token}
        return Target(address, filled.ids, tokens)


@pytest.mark.parametrize(
    ("role", "phases", "examples"), [(Role.CASEWORKER, "coverage", 5), (Role.COORDINATOR, "examples,fuzzing", 10)]
)
def test_nothing_fails_and_nothing_undocumented_is_answered(
    target: Target, role: Role, phases: str, examples: int, tmp_path: Path
) -> None:
    # Invented ids would all be answered 404.
    known = {
        "mentorship_id": target.ids["case"],
        "person_id": target.ids["trainee"],
        "goal_id": target.ids["goal"],
        "appointment_id": target.ids["appointment"],
        "credential_id": target.ids["credential"],
    }
    config = tmp_path / "schemathesis.toml"
    config.write_text("[parameters]\n" + "".join(f'"path.{name}" = "{value}"\n' for name, value in known.items()))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run", str(openapi.FILE)),
            *("--url", target.address, "--header", f"Authorization: Bearer {target.tokens[role]}"),
            *("--checks", CHECKS, "--phases", phases, "--max-examples", str(examples)),
            *("--seed", str(SEED), "--generation-database", "none", "--no-shrink", "--request-timeout", "10"),
            *("--suppress-health-check", "all", "--warnings", "off", "--no-color", "--workers", "2"),
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "COLUMNS": "140"},
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
