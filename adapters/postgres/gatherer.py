"""Gathers what arrives together into one call of the database, and answers each by itself.

There is no delay to gather: while one call is under way, the next batch collects.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID, uuid4

import psycopg
from psycopg import AsyncConnection

from adapters.postgres.session import is_refusal_of_values, session, severed_after
from adapters.postgres.stored import NotStorable, StoreBusy, StoreUnavailable

FIRST_PAUSE = 0.02
LONGEST_PAUSE = 1.0


type Send[Item, Outcome] = Callable[[AsyncConnection[Any], Sequence[Item], Sequence[UUID]], Awaitable[list[Outcome]]]
"""Sends items with their attempts' ids in one transaction, and gives an outcome for each."""


@dataclass(eq=False, slots=True)
class Pending[Item, Outcome]:
    """An item on its way. `attempt_id` lets the database recognise it when it is sent a second time."""

    item: Item
    attempt_id: UUID
    outcome: asyncio.Future[Outcome]


class Gatherer[Item, Outcome]:
    """Writes the items of one event loop through one connection, as the role `accompany_service`.

    `send` writes, `weigh` says how many rows an item has. `wait_limit` is the longest that an item waits for its answer, in
    seconds; `queue_limit` is how many may wait; `batch_limit` and `batch_rows` bound one call, which a single larger item may exceed.
    """

    def __init__(
        self,
        dsn: str,
        send: Send[Item, Outcome],
        weigh: Callable[[Item], int],
        *,
        wait_limit: float,
        queue_limit: int,
        batch_limit: int,
        batch_rows: int,
    ) -> None:
        self._send = send
        self._weigh = weigh
        self._conninfo = session(
            dsn, "accompany_service", statement_timeout=wait_limit, target_session_attrs="read-write"
        )
        self._wait_limit = wait_limit
        self._queue_limit = queue_limit
        self._batch_limit = batch_limit
        self._batch_rows = batch_rows
        self._waiting: deque[Pending[Item, Outcome]] = deque()
        self._arrived = asyncio.Event()
        self._closing = False
        self._connection: AsyncConnection[Any] | None = None
        self._trouble: psycopg.Error | None = None
        self._writer: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to write. The database need not be there yet."""
        self._writer = asyncio.create_task(self._write(), name=type(self).__name__.lower())

    async def close(self) -> None:
        """Take nothing more, write what waits (within `wait_limit`) and leave the database."""
        self._closing = True
        self._arrived.set()
        if self._writer is not None:
            await self._writer
            self._writer = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _write_all(self, items: Sequence[Item]) -> list[Outcome]:
        """Writes these; in one call, where they fit in.

        Raises StoreBusy if too many wait or the wait was too long, StoreUnavailable if the database could not be reached in time,
        NotStorable if it does not take a value. After the first two, and for a caller who is cancelled, it is open whether it was written.
        """
        if self._closing or self._writer is None:
            raise StoreUnavailable
        if len(self._waiting) + len(items) > self._queue_limit:
            raise self._excuse()
        loop = asyncio.get_running_loop()
        pending = [Pending[Item, Outcome](item, uuid4(), loop.create_future()) for item in items]
        self._waiting.extend(pending)
        self._arrived.set()
        try:
            async with asyncio.timeout(self._wait_limit):
                return [await each.outcome for each in pending]
        except TimeoutError:
            raise self._excuse() from None
        finally:
            # Nobody waits for the rest any more: what was not sent yet never will be.
            for each in pending:
                if not each.outcome.cancel() and not each.outcome.cancelled():
                    each.outcome.exception()

    def _excuse(self) -> StoreBusy | StoreUnavailable:
        return StoreUnavailable(self._trouble.sqlstate) if self._trouble is not None else StoreBusy()

    async def _write(self) -> None:
        try:
            while self._waiting or not self._closing:
                if self._waiting:
                    await self._record(list(self._gather()))
                else:
                    self._arrived.clear()
                    await self._arrived.wait()
        finally:
            if self._connection is not None:
                await self._connection.close()

    def _gather(self) -> Iterator[Pending[Item, Outcome]]:
        items = rows = 0
        while self._waiting and items < self._batch_limit:
            size = self._weigh(self._waiting[0].item)
            if items and rows + size > self._batch_rows:
                return
            pending = self._waiting.popleft()
            if not pending.outcome.done():
                items += 1
                rows += size
                yield pending

    async def _record(self, batch: list[Pending[Item, Outcome]]) -> None:
        """Send until it is answered or nobody waits any more; the database knows what it has recorded already."""
        pause = 0.0
        while batch := [pending for pending in batch if not pending.outcome.done()]:
            try:
                connection = await self._connected()
                with severed_after(connection, 2 * self._wait_limit):
                    outcomes = await self._send(
                        connection,
                        [pending.item for pending in batch],
                        [pending.attempt_id for pending in batch],
                    )
            except Exception as error:
                if isinstance(error, psycopg.Error) and not is_refusal_of_values(error):
                    self._trouble = None if isinstance(error, psycopg.errors.QueryCanceled) else error
                    await asyncio.sleep(pause)
                    pause = min(LONGEST_PAUSE, pause * 2 or FIRST_PAUSE)
                elif len(batch) == 1:
                    batch[0].outcome.set_exception(_refusal(error))
                else:
                    for pending in batch:
                        await self._record([pending])
            else:
                self._trouble = None
                for pending, outcome in zip(batch, outcomes, strict=True):
                    if not pending.outcome.done():
                        pending.outcome.set_result(outcome)

    async def _connected(self) -> AsyncConnection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = None
            self._connection = await AsyncConnection.connect(self._conninfo, autocommit=True)
        return self._connection


def _refusal(error: Exception) -> Exception:
    if is_refusal_of_values(error):
        # Neither the message nor the cause goes along: both repeat the values.
        return NotStorable(getattr(error, "sqlstate", None))
    return error
