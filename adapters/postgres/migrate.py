"""Brings a database to this program's schema: numbered SQL files, each applied once, in the order of their names.

The files lie in `schema` folders of the rooms that own them: 1xx here, 2xx identity, 3xx keys, 4xx evidence, 5xx search. A file that was
applied is never changed again; a change is a new file.
"""

import asyncio
import hashlib
from collections.abc import Iterable
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import ClassVar

from psycopg import AsyncConnection, errors
from psycopg.rows import TupleRow

ROLES = files("adapters.postgres").joinpath("roles.sql")
FOLDERS: tuple[Traversable, ...] = tuple(
    files("adapters").joinpath(room, "schema") for room in ("postgres", "identity", "keys", "evidence", "search")
)
# What a key ring in a database of its own needs.
KEY_RING: tuple[Traversable, ...] = (files("adapters").joinpath("keys", "schema"),)

# Any number that nobody else locks in this database; the appending function locks the next one.
LOCK = 4702111234474983744
ATTEMPTS_AT_ROLES = 10


class MigrationRefused(Exception):
    """The database was left as it was. The message says what to do."""

    code: ClassVar[str] = "migration-refused"


async def migrate(dsn: str, folders: Iterable[Traversable] = FOLDERS) -> None:
    """Apply what this database lacks: all of it or nothing. For every start, by several processes at once.

    The login of `dsn` becomes the owner. Raises MigrationRefused if an applied file was changed, if the database was
    migrated by a newer program, or if the roles are missing and this login may not create them.
    """
    wanted = _migrations(folders)
    async with await AsyncConnection.connect(dsn, autocommit=True, connect_timeout=10) as connection:
        await create_roles(connection)
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
            applied = await _applied(connection)
            if unknown := applied.keys() - wanted.keys():
                raise MigrationRefused(
                    f"This database was migrated by a newer program ({', '.join(sorted(unknown))}). Start that one."
                )
            for name, sql in wanted.items():
                checksum = hashlib.sha256(sql).hexdigest()
                if name not in applied:
                    await connection.execute(sql)
                    await connection.execute(
                        "INSERT INTO accompany.migrations (name, checksum) VALUES (%s, %s)", (name, checksum)
                    )
                elif applied[name] != checksum:
                    raise MigrationRefused(
                        f"{name} was changed after it had been applied here. Restore it and write a new migration."
                    )


def _migrations(folders: Iterable[Traversable]) -> dict[str, bytes]:
    """The SQL of each file by name, in the order to apply."""
    found: dict[str, bytes] = {}
    for folder in folders:
        if not folder.is_dir():
            continue
        for file in folder.iterdir():
            if file.name.endswith(".sql"):
                if file.name in found:
                    raise ValueError(f"two migrations are called {file.name}")
                found[file.name] = file.read_bytes().replace(b"\r\n", b"\n")
    return dict(sorted(found.items()))


async def _applied(connection: AsyncConnection[TupleRow]) -> dict[str, str]:
    """The checksum of each applied file by name. A new database gets the schema and its list of migrations."""
    cursor = await connection.execute("SELECT to_regclass('accompany.migrations') IS NOT NULL")
    if await cursor.fetchone() == (False,):
        await connection.execute(
            """
            CREATE SCHEMA IF NOT EXISTS accompany;
            CREATE TABLE accompany.migrations (
                name text PRIMARY KEY,
                checksum text NOT NULL,
                applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
            )
            """
        )
    cursor = await connection.execute("SELECT name, checksum FROM accompany.migrations")
    return dict(await cursor.fetchall())


async def create_roles(connection: AsyncConnection[TupleRow]) -> None:
    """Makes the roles that the programs run as, where they are missing, and lets this login become them. Raises MigrationRefused."""
    sql = ROLES.read_bytes()
    for attempt in range(ATTEMPTS_AT_ROLES):
        try:
            await connection.execute(sql)
            return
        except errors.InsufficientPrivilege as error:
            raise MigrationRefused(
                "This login may neither create nor become the roles that the service runs as. An administrator must "
                "run once: CREATE ROLE accompany_service NOLOGIN; CREATE ROLE accompany_worker NOLOGIN; "
                "CREATE ROLE accompany_keys NOLOGIN; GRANT accompany_service, accompany_worker, accompany_keys "
                f'TO "{connection.info.user}";'
            ) from error
        except errors.InvalidRoleSpecification as error:
            raise MigrationRefused(
                "A role that the service runs as may pass row-level security. An administrator must run: "
                "ALTER ROLE accompany_service NOSUPERUSER NOBYPASSRLS; "
                "ALTER ROLE accompany_worker NOSUPERUSER NOBYPASSRLS; "
                "ALTER ROLE accompany_keys NOSUPERUSER NOBYPASSRLS;"
            ) from error
        except (errors.InternalError_, errors.UniqueViolation):
            # Another database of this cluster changes the same role in this moment ("tuple concurrently updated").
            if attempt + 1 == ATTEMPTS_AT_ROLES:
                raise
            await asyncio.sleep(0.05)
