"""An organisation with a coordinator, for services that a test starts as processes of their own."""

import asyncio
from datetime import timedelta

import psycopg

from adapters.identity.members import ensure_member, issue
from application.ids import new_id
from domain.vocabulary import Role
from tests.installations import organisation


def coordinators_token(dsn: str) -> str:
    async def made() -> str:
        organisation_id = await organisation(dsn)
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
            member_id = await ensure_member(connection, organisation_id, new_id(), "co01")
            return await issue(connection, organisation_id, member_id, Role.COORDINATOR, "bearer", timedelta(hours=1))

    return asyncio.run(made())
