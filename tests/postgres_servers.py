"""Real PostgreSQL servers for tests: one cluster of each version in a session, and a fresh database for each test.

`conftest.py` imports the fixtures by name. Let it set `prepare_template` to a function that takes a superuser's URL and
makes the schema: that runs once in each cluster, and every test's database is a cheap copy of what it made.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
from psycopg import sql

from adapters.postgres.embedded import EmbeddedPostgres, EmbeddedPostgresError
from adapters.postgres.programs import bundled_bin_dir, version_of

prepare_template: Callable[[str], None] | None = None

VERSIONS = ("postgres-15", "postgres-18")


class ThrowawayCluster:
    """A server without durability, and the databases in it."""

    def __init__(self, folder: Path, bin_dir: Path) -> None:
        self._server = EmbeddedPostgres(folder, bin_dir, durable=False)
        self._administrator = psycopg.connect(self._server.start(), autocommit=True)
        self._numbers = count(1)
        self._is_prepared = False

    def stop(self) -> None:
        self._administrator.close()
        self._server.stop()

    @contextmanager
    def fresh_database(self, *, prepared: bool = True) -> Iterator[str]:
        """A superuser's URL of a database for one test alone: a copy of the prepared one, or an empty one."""
        template = self._template() if prepared and prepare_template else "template0"
        name = f"test_{next(self._numbers)}"
        self._execute("CREATE DATABASE {} TEMPLATE {}", name, template)
        try:
            yield self._server.dsn(name)
        finally:
            self._execute("DROP DATABASE {} WITH (FORCE)", name)

    def _template(self) -> str:
        if not self._is_prepared and prepare_template:
            self._execute("DROP DATABASE IF EXISTS {}", "prepared")
            self._execute("CREATE DATABASE {}", "prepared")
            prepare_template(self._server.dsn("prepared"))
            self._is_prepared = True
        return "prepared"

    def _execute(self, statement: LiteralString, *names: str) -> None:
        self._administrator.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


class Clusters:
    """The session's clusters, each started when a test first asks for it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[str, ThrowawayCluster] = {}

    def running(self, version: str) -> ThrowawayCluster:
        if version not in self._running:
            self._running[version] = ThrowawayCluster(self._folder / version, bin_dir_of(version))
        return self._running[version]

    def stop(self) -> None:
        for cluster in self._running.values():
            cluster.stop()


def bin_dir_of(version: str) -> Path:
    """The wheel's PostgreSQL 18 or the system's 15.

    Without a 15 the test is skipped, or fails where ACCOMPANY_REQUIRE_POSTGRES_15 is set.
    """
    if version == "postgres-18":
        return bundled_bin_dir()
    candidates = [Path("/usr/lib/postgresql/15/bin")]
    if pg_config := shutil.which("pg_config"):
        answer = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=True).stdout
        candidates.append(Path(answer.strip()))
    if postgres := shutil.which("postgres"):
        candidates.append(Path(postgres).resolve().parent)
    for bin_dir in candidates:
        try:
            if version_of(bin_dir).startswith("15."):
                return bin_dir
        except EmbeddedPostgresError:
            continue
    missing = "PostgreSQL 15 is not installed here"
    if os.environ.get("ACCOMPANY_REQUIRE_POSTGRES_15"):
        pytest.fail(f"{missing}, and ACCOMPANY_REQUIRE_POSTGRES_15 asks for it")
    pytest.skip(missing)


@contextmanager
def short_folder() -> Iterator[Path]:
    """A temporary folder that PostgreSQL's account may pass through, as pytest's own may not be, with a short path."""
    folder = Path(tempfile.mkdtemp(prefix="at-", dir="/tmp"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_clusters() -> Iterator[Clusters]:
    with short_folder() as folder:
        clusters = Clusters(folder)
        try:
            yield clusters
        finally:
            clusters.stop()


@pytest.fixture
def reachable_folder() -> Iterator[Path]:
    """A test's own temporary folder for an embedded PostgreSQL, as `tmp_path` is for everything else."""
    with short_folder() as folder:
        yield folder


@pytest.fixture(params=VERSIONS)
def postgres(request: pytest.FixtureRequest, postgres_clusters: Clusters) -> Iterator[str]:
    """A superuser's URL of a fresh prepared database, on the oldest and on the newest PostgreSQL that we support."""
    with postgres_clusters.running(request.param).fresh_database() as dsn:
        yield dsn


@pytest.fixture
def database(postgres_clusters: Clusters) -> Iterator[str]:
    """A superuser's URL of a fresh prepared database on PostgreSQL 18, or on what ACCOMPANY_TEST_POSTGRES names."""
    version = f"postgres-{os.environ.get('ACCOMPANY_TEST_POSTGRES', '18')}"
    with postgres_clusters.running(version).fresh_database() as dsn:
        yield dsn


@pytest.fixture
def empty_database(postgres_clusters: Clusters) -> Iterator[str]:
    """A superuser's URL of a database without any schema, for the tests of what makes the schema."""
    version = f"postgres-{os.environ.get('ACCOMPANY_TEST_POSTGRES', '18')}"
    with postgres_clusters.running(version).fresh_database(prepared=False) as dsn:
        yield dsn
