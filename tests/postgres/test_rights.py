"""What nobody may do to the log, and what the service may see of it."""

from uuid import uuid4

import pytest
from psycopg import AsyncConnection, errors

from adapters.postgres.appender import Appender
from adapters.postgres.pool import Pool
from adapters.postgres.reader import Reader
from adapters.postgres.session import Role, session
from tests.postgres.facts import NEIGHBOUR, ORGANISATION, command, fact

pytestmark = pytest.mark.anyio


async def test_events_can_not_be_changed_or_removed(dsn: str, appender: Appender) -> None:
    await appender.append(command(fact(uuid4(), 1)))
    changes = (
        "UPDATE accompany.events SET topic = 'x'",
        "DELETE FROM accompany.events",
        "TRUNCATE accompany.events",
        "INSERT INTO accompany.commands SELECT * FROM accompany.commands",
        "DELETE FROM accompany.commands",
        "INSERT INTO accompany.events SELECT * FROM accompany.events",
    )
    roles: tuple[Role, ...] = ("accompany_service", "accompany_worker")
    for role in roles:
        for change in changes:
            async with await AsyncConnection.connect(session(dsn, role, statement_timeout=5)) as program:
                with pytest.raises(errors.InsufficientPrivilege):
                    await program.execute(change)
    for setting in ("origin", "replica"):
        for change in changes[:3]:
            async with await AsyncConnection.connect(dsn) as owner:
                await owner.execute(f"SET session_replication_role = {setting}")
                with pytest.raises(errors.InsufficientPrivilege, match="never changed"):
                    await owner.execute(change)


async def test_the_service_sees_one_organisation_and_owns_nothing(dsn: str, appender: Appender) -> None:
    mine, theirs = uuid4(), uuid4()
    await appender.append(command(fact(mine, 1)))
    await appender.append(command(fact(theirs, 1, organisation_id=NEIGHBOUR)))
    async with Pool(dsn, size=1) as pool:
        seen = "SELECT stream_id FROM accompany.events"
        async with pool.organisation(ORGANISATION) as connection:
            assert await (await connection.execute(seen)).fetchall() == [(mine,)]
        async with pool.organisation(NEIGHBOUR) as connection:
            assert await (await connection.execute(seen)).fetchall() == [(theirs,)]
        assert await Reader(pool).stream(ORGANISATION, theirs) == []
        assert await Reader(pool).stream(NEIGHBOUR, mine) == []
        async with pool.lend() as connection:
            assert await (await connection.execute(seen)).fetchall() == []
        assert await Reader(pool).after(0) == []
        async with pool.lend() as connection:
            cursor = await connection.execute(
                """
                SELECT current_user::text, rolsuper OR rolbypassrls OR rolcreaterole,
                    EXISTS (SELECT FROM pg_class WHERE relowner = pg_roles.oid)
                FROM pg_roles WHERE rolname = current_user
                """
            )
            assert await cursor.fetchone() == ("accompany_service", False, False)


async def test_every_table_of_an_organisation_forces_row_security(dsn: str) -> None:
    async with await AsyncConnection.connect(dsn) as owner:
        cursor = await owner.execute(
            """
            SELECT c.oid::regclass::text FROM pg_class c
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'organisation_id'
            WHERE c.relkind IN ('r', 'p') AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
            """
        )
        assert await cursor.fetchall() == []
