"""Migrations: once each, in order, all or nothing, by whoever may; and a clear word to those who may not."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from adapters.postgres.appender import Appender
from adapters.postgres.embedded import EmbeddedPostgres
from adapters.postgres.migrate import FOLDERS, MigrationRefused, migrate
from adapters.postgres.pool import Pool
from adapters.postgres.reader import Reader
from adapters.postgres.stored import Appended
from tests.postgres.facts import ORGANISATION, command, fact
from tests.postgres_servers import VERSIONS, bin_dir_of

pytestmark = pytest.mark.anyio


@pytest.fixture(params=VERSIONS)
def cluster(request: pytest.FixtureRequest, reachable_folder: Path) -> Iterator[EmbeddedPostgres]:
    """A cluster of this test's own, in which no role of ours exists yet."""
    with EmbeddedPostgres(reachable_folder, bin_dir_of(request.param), durable=False) as server:
        yield server


def _applied(dsn: str) -> list[str]:
    with psycopg.connect(dsn) as connection:
        return [
            name for (name,) in connection.execute("SELECT name FROM accompany.migrations ORDER BY applied_at, name")
        ]


async def test_several_processes_may_migrate_at_once_and_again(empty_database: str) -> None:
    await asyncio.gather(*(migrate(empty_database) for _ in range(5)))
    applied = _applied(empty_database)
    await migrate(empty_database)
    assert _applied(empty_database) == applied == sorted(applied)
    assert applied[:4] == [
        "101_organisations.sql",
        "102_events.sql",
        "103_append.sql",
        "104_snapshots_and_tracking.sql",
    ]


async def test_a_migration_that_fails_leaves_nothing_behind(empty_database: str, tmp_path: Path) -> None:
    (tmp_path / "901_good.sql").write_text("CREATE TABLE accompany.good ();")
    (tmp_path / "902_bad.sql").write_text("CREATE TABLE accompany.bad (); SELECT 1/0;")
    with pytest.raises(psycopg.errors.DivisionByZero):
        await migrate(empty_database, (*FOLDERS, tmp_path))
    with psycopg.connect(empty_database) as connection:
        assert connection.execute("SELECT to_regnamespace('accompany')").fetchone() == (None,)
    (tmp_path / "902_bad.sql").write_text("CREATE TABLE accompany.mended ();")
    await migrate(empty_database, (*FOLDERS, tmp_path))
    assert _applied(empty_database)[-2:] == ["901_good.sql", "902_bad.sql"]


async def test_a_migration_changed_after_it_was_applied_is_refused(empty_database: str, tmp_path: Path) -> None:
    (tmp_path / "901_one.sql").write_text("CREATE TABLE accompany.one ();")
    await migrate(empty_database, (*FOLDERS, tmp_path))
    (tmp_path / "901_one.sql").write_text("CREATE TABLE accompany.one (a int);")
    with pytest.raises(MigrationRefused, match=r"901_one\.sql was changed"):
        await migrate(empty_database, (*FOLDERS, tmp_path))


async def test_a_database_of_a_newer_program_is_refused(empty_database: str, tmp_path: Path) -> None:
    (tmp_path / "901_newer.sql").write_text("CREATE TABLE accompany.newer ();")
    await migrate(empty_database, (*FOLDERS, tmp_path))
    with pytest.raises(MigrationRefused, match="newer program"):
        await migrate(empty_database)


async def test_logins_without_superuser_rights(cluster: EmbeddedPostgres) -> None:
    superuser = cluster.dsn()
    with psycopg.connect(superuser, autocommit=True) as administrator:
        for owner, rights in (("plain", sql.SQL("")), ("creator", sql.SQL("CREATEROLE")), ("granted", sql.SQL(""))):
            name = sql.Identifier(owner)
            administrator.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'p' {}").format(name, rights))
            administrator.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, name))
        administrator.execute("CREATE DATABASE second OWNER creator")
        administrator.execute("CREATE DATABASE third OWNER creator")

        def login(user: str, database: str) -> str:
            return make_conninfo(superuser, user=user, password="p", dbname=database)

        # Before the roles exist, a plain owner is told what an administrator has to do.
        with pytest.raises(
            MigrationRefused, match='GRANT accompany_service, accompany_worker, accompany_keys TO "plain"'
        ):
            await migrate(login("plain", "plain"))

        # Databases of one cluster share the roles, and may be migrated in the same moment.
        creators = [login("creator", name) for name in ("creator", "second", "third")]
        await asyncio.gather(*(migrate(dsn) for dsn in creators * 2))

        # Roles that exist are not enough; membership is.
        with pytest.raises(MigrationRefused):
            await migrate(login("granted", "granted"))
        administrator.execute("GRANT accompany_service, accompany_worker, accompany_keys TO granted")
        await migrate(login("granted", "granted"))

        for dsn in (*creators, login("granted", "granted")):
            await _works_and_is_safe(dsn)

        administrator.execute("ALTER ROLE accompany_service BYPASSRLS")
        with pytest.raises(MigrationRefused, match="row-level security"):
            await migrate(superuser)


async def _works_and_is_safe(dsn: str) -> None:
    stream = uuid4()
    async with Appender(dsn) as appender, Pool(dsn) as pool:
        assert isinstance(await appender.append(command(fact(stream, 1))), Appended)
        assert len(await Reader(pool).stream(ORGANISATION, stream)) == 1
    for change in (
        "UPDATE accompany.events SET topic = 'x'",
        "DELETE FROM accompany.events",
        "TRUNCATE accompany.events",
    ):
        with (
            psycopg.connect(dsn) as owner,
            pytest.raises(psycopg.errors.InsufficientPrivilege, match="never changed"),
        ):
            owner.execute(change)
