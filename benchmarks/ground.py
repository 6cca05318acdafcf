"""What benchmarks stand on: a PostgreSQL with default durability in a folder that goes away, and an installation on it."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from adapters.data_folder import claim
from adapters.identity.members import ensure_organisation
from adapters.postgres.embedded import EmbeddedPostgres
from adapters.postgres.migrate import migrate
from adapters.postgres.programs import bundled_bin_dir
from adapters.settings import Settings
from adapters.wiring import Installation, installation
from application.ids import new_id

ZONE = "Europe/Berlin"
DATABASES = count(1)


@dataclass(frozen=True, slots=True)
class Ground:
    """`seconds` a round and `rounds` a figure; `quick` asks for a short run; `folder` goes away at the end.

    `tell` says what goes on, for whoever waits.
    """

    server: EmbeddedPostgres
    folder: Path
    seconds: float
    rounds: int
    quick: bool
    tell: Callable[[str], None]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Of records, in events."""
        return (2_000, 4_000) if self.quick else (10_000, 100_000, 1_000_000)

    @property
    def version(self) -> str:
        return self.server.version

    def program(self, name: str) -> Path:
        """One of PostgreSQL's own programs, of the version that runs."""
        return bundled_bin_dir() / name

    def empty_database(self) -> str:
        return self._created("template1")

    def copy_of(self, dsn: str) -> str:
        """Another database that holds the same. Nobody may be connected to the one that is copied."""
        return self._created(str(conninfo_to_dict(dsn)["dbname"]))

    def _created(self, template: str) -> str:
        name = f"bench{next(DATABASES)}"
        with psycopg.connect(self.server.dsn(), autocommit=True) as connection:
            create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
            connection.execute(create.format(sql.Identifier(name), sql.Identifier(template)))
        return self.server.dsn(name)

    async def database(self) -> str:
        """One with the schema of the record."""
        dsn = self.empty_database()
        await migrate(dsn)
        return dsn

    def environment(self, dsn: str) -> dict[str, str]:
        """What the service's own programs need to know."""
        return {"ACCOMPANY_DATA": str(self.folder / "data"), "DATABASE_URL": dsn}

    @asynccontextmanager
    async def installation(self, dsn: str | None = None) -> AsyncIterator[Installation]:
        dsn = dsn or self.empty_database()
        settings = Settings.read({**os.environ, **self.environment(dsn)})
        claim(settings.data, "real")
        async with installation(settings, dsn) as opened:
            yield opened

    def megabytes(self, dsn: str) -> float:
        """What a database takes on the disk."""
        with psycopg.connect(dsn) as connection:
            row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
        assert row is not None, "a function answers one row"
        return float(row[0]) / 1e6

    def flushes(self) -> int:
        """How often the whole server has flushed its log since it started. Sessions report when they end."""
        with psycopg.connect(self.server.dsn(), autocommit=True) as connection:
            connection.execute("SELECT pg_sleep(0.3)")
            row = connection.execute("SELECT sum(fsyncs)::bigint FROM pg_stat_io WHERE object = 'wal'").fetchone()
        assert row is not None, "an aggregate answers one row"
        return int(row[0] or 0)


@contextmanager
def ground(
    *, seconds: float, rounds: int, quick: bool = False, tell: Callable[[str], None] = lambda what: None
) -> Iterator[Ground]:
    # /tmp and 0o711, because PostgreSQL's account passes through where root runs this, and a socket's path is short.
    folder = Path(tempfile.mkdtemp(prefix="accompany-bench-"))
    folder.chmod(0o711)
    try:
        with EmbeddedPostgres(folder / "postgres") as server:
            yield Ground(server, folder, seconds, rounds, quick, tell)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def organisation(dsn: str) -> UUID:
    organisation_id = new_id()
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        await ensure_organisation(connection, organisation_id, f"Bench {organisation_id}", ZONE, demo=False)
    return organisation_id
