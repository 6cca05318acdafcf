"""The appender: commands that arrive together are recorded in one call, and each is answered by itself.

There is no delay to gather: while one call is under way, the next batch collects.
"""

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID, uuid4

import psycopg
from psycopg import AsyncConnection

from adapters.postgres.append_call import record
from adapters.postgres.session import is_refusal_of_values, session, severed_after
from adapters.postgres.stored import Append, NotStorable, Outcome, StoreBusy, StoreUnavailable

FIRST_PAUSE = 0.02
LONGEST_PAUSE = 1.0


@dataclass(eq=False, slots=True)
class Pending:
    """An append on its way. `attempt_id` lets the database recognise it when it is sent a second time."""

    append: Append
    attempt_id: UUID
    outcome: asyncio.Future[Outcome]


class Appender:
    """Records the appends of one event loop through one connection, as the role `accompany_service`.

    `wait_limit` is the longest that an append waits for its answer, in seconds; `queue_limit` is how many may wait;
    `batch_limit` and `batch_events` bound one call, which a single larger append may exceed.
    """

    def __init__(
        self,
        dsn: str,
        *,
        wait_limit: float = 5.0,
        queue_limit: int = 2_000,
        batch_limit: int = 256,
        batch_events: int = 4_096,
    ) -> None:
        self._conninfo = session(
            dsn, "accompany_service", statement_timeout=wait_limit, target_session_attrs="read-write"
        )
        self._wait_limit = wait_limit
        self._queue_limit = queue_limit
        self._batch_limit = batch_limit
        self._batch_events = batch_events
        self._waiting: deque[Pending] = deque()
        self._arrived = asyncio.Event()
        self._closing = False
        self._connection: AsyncConnection[Any] | None = None
        self._trouble: psycopg.Error | None = None
        self._writer: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to write. The database need not be there yet."""
        self._writer = asyncio.create_task(self._write(), name="appender")

    async def close(self) -> None:
        """Take no more appends, record those that wait (within `wait_limit`) and leave the database."""
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

    async def append(self, append: Append) -> Outcome:
        """Record one command's events. What is answered here stands in the log.

        Raises StoreBusy if too many wait or the wait was too long, StoreUnavailable if the database could not be
        reached in time, NotStorable if it does not take a value. After the first two, and for a caller who is
        cancelled, it is open whether it was recorded: the same command key will tell.
        """
        return (await self._append_all((append,)))[0]

    async def append_in_order(self, appends: Sequence[Append]) -> list[Outcome]:
        """Record several commands' events one after the other; a later one may build on an earlier one's versions.

        Answers in the same order; each is recorded or not by itself. Raises as `append` does, for the first that
        fails; whether the others were recorded, their command keys will tell.
        """
        outcomes: list[Outcome] = []
        for start in range(0, len(appends), self._batch_limit):
            outcomes += await self._append_all(appends[start : start + self._batch_limit])
        return outcomes

    async def _append_all(self, appends: Sequence[Append]) -> list[Outcome]:
        if self._closing or self._writer is None:
            raise StoreUnavailable
        if len(self._waiting) + len(appends) > self._queue_limit:
            raise self._excuse()
        loop = asyncio.get_running_loop()
        pending = [Pending(append, uuid4(), loop.create_future()) for append in appends]
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

    def _gather(self) -> Iterator[Pending]:
        appends = events = 0
        while self._waiting and appends < self._batch_limit:
            size = len(self._waiting[0].append.events)
            if appends and events + size > self._batch_events:
                return
            pending = self._waiting.popleft()
            if not pending.outcome.done():
                appends += 1
                events += size
                yield pending

    async def _record(self, batch: list[Pending]) -> None:
        """Send until it is answered or nobody waits any more; the database knows what it has recorded already."""
        pause = 0.0
        while batch := [pending for pending in batch if not pending.outcome.done()]:
            try:
                connection = await self._connected()
                with severed_after(connection, 2 * self._wait_limit):
                    outcomes = await record(
                        connection,
                        [pending.append for pending in batch],
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
