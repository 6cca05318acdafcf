"""The handles of an organisation's members: short codes, never names."""

from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from application.caller import Caller


async def handles(connection: AsyncConnection[Any], by: Caller) -> dict[UUID, str]:
    """Of every member, by id."""
    cursor = await connection.execute(
        "SELECT member_id, handle FROM accompany.members WHERE organisation_id = %s", (by.organisation_id,)
    )
    return dict(await cursor.fetchall())
