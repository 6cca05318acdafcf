"""Asks the database of the key ring, as the ring's own role."""

from contextlib import suppress
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from adapters.keys.holder import KeysUnavailable

ATTEMPTS = 3


class KeyStore:
    """`pool` connects as `accompany_keys`. Raises KeysUnavailable where the database can't be asked."""

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool

    async def ask(self, organisation_id: UUID | None, sql: LiteralString, values: tuple[Any, ...] = ()) -> list[Any]:
        """The rows of one statement as this organisation, in one round trip.

        All that is asked here may be asked twice, so connections that a restarted database cut are replaced unseen.
        """
        try:
            for _ in range(ATTEMPTS):
                with suppress(_ConnectionCut):
                    return await self._ask_once(organisation_id, sql, values)
                await self._pool.check()
        except (psycopg.OperationalError, PoolTimeout):
            pass
        raise KeysUnavailable

    async def _ask_once(self, organisation_id: UUID | None, sql: LiteralString, values: tuple[Any, ...]) -> list[Any]:
        async with self._pool.connection() as connection:
            try:
                async with connection.pipeline(), connection.transaction():
                    await connection.execute(
                        "SELECT set_config('accompany.organisation', %s, true)", (str(organisation_id or ""),)
                    )
                    cursor = await connection.execute(sql, values, binary=True)
                rows: list[Any] = await cursor.fetchall()
                return rows
            except psycopg.OperationalError:
                if connection.closed:
                    raise _ConnectionCut from None
                raise


class _ConnectionCut(Exception):
    """The server closed the connection: it may be back already, on another one."""
