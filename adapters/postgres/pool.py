"""Connections to read with, each in a transaction of its own that sees one organisation."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import AsyncRowFactory, TupleRow
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout

from adapters.postgres.session import Role, failure, session, severed_after
from adapters.postgres.stored import StoreBusy, StoreUnavailable

ACT_FOR = "SELECT set_config('accompany.organisation', %s, true)"


class Pool(AsyncConnectionPool[AsyncConnection[TupleRow]]):
    """At most `size` sessions as `role`. Nobody waits for one, and no statement runs, longer than `limit` seconds.

    Opened and closed within one event loop: `async with Pool(dsn) as pool`. The database need not be there yet.
    """

    def __init__(self, dsn: str, role: Role = "accompany_service", *, size: int = 8, limit: float = 4.0) -> None:
        super().__init__(
            session(dsn, role, statement_timeout=limit),
            kwargs={"autocommit": True},
            min_size=1,
            max_size=size,
            timeout=limit,
            open=False,
            name=role,
        )
        self._limit = limit
        self._lent = 0

    async def getconn(
        self,
        timeout: float | None = None,  # noqa: ASYNC109  overrides psycopg_pool's own
    ) -> AsyncConnection[TupleRow]:
        # The pool's own check asks the server, which costs a round trip, and after a failure it pauses for a second.
        while _has_hung_up(connection := await super().getconn(timeout)):
            await self.putconn(connection)
        return connection

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[AsyncConnection[TupleRow]]:
        """A connection outside a transaction, for as long as the block lasts.

        Raises StoreBusy if none becomes free in time or a statement takes too long, StoreUnavailable if the database
        is gone. A block that has not ended after twice the limit finds its connection cut.
        """
        try:
            async with self.connection() as connection:
                self._lent += 1
                try:
                    with severed_after(connection, 2 * self._limit):
                        yield connection
                finally:
                    self._lent -= 1
        except PoolClosed as error:
            raise StoreUnavailable from error
        except PoolTimeout as error:
            raise (StoreBusy if self._lent >= self.max_size else StoreUnavailable)() from error
        except psycopg.OperationalError as error:
            raise failure(error) from error

    @asynccontextmanager
    async def organisation(self, organisation_id: UUID) -> AsyncIterator[AsyncConnection[TupleRow]]:
        """A connection within a transaction that acts for one organisation. Raises as `lend` does."""
        async with self.lend() as connection, connection.transaction():
            await connection.execute(ACT_FOR, (str(organisation_id),), prepare=True)
            yield connection

    async def rows[Row](
        self,
        organisation_id: UUID | None,
        query: LiteralString,
        params: Sequence[Any] | dict[str, Any] = (),
        *,
        row_factory: AsyncRowFactory[Row],
    ) -> list[Row]:
        """The rows of one statement, in a single round trip; None acts for no organisation, as the worker does.

        Raises as `lend` does.
        """
        async with self.lend() as connection:
            cursor = connection.cursor(row_factory=row_factory, binary=True)
            # What a pipeline sends before its end is one transaction, so the setting holds for the query and no longer.
            async with connection.pipeline():
                if organisation_id is not None:
                    await connection.execute(ACT_FOR, (str(organisation_id),), prepare=True)
                await cursor.execute(query, params, prepare=True)
            return await cursor.fetchall()


def _has_hung_up(connection: AsyncConnection[Any]) -> bool:
    """Whether the server has closed the line of an idle connection."""
    try:
        # The first look may take in the server's last words; the second then finds the end.
        connection.pgconn.consume_input()
        connection.pgconn.consume_input()
    except psycopg.OperationalError:
        return True
    return False
