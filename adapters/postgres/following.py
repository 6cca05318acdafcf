"""Following the log in one of several processes: whoever has the lease works, the others stand by, and a lost connection is made anew."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from adapters.postgres.seen import code_of
from adapters.postgres.session import session

STAND_BY = 0.5
POLL = 0.5
LONGEST_PAUSE = 5.0
# A machine that vanished loses the lease within seconds: the database asks after it as it asks after the database.
KEEPALIVE = "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3"

log = logging.getLogger(__name__)

type Connect = Callable[[], Awaitable[AsyncConnection[Any]]]


async def connection_to_follow(dsn: str) -> AsyncConnection[Any]:
    """A session as `accompany_worker`, which may hold a lease."""
    options = f"{conninfo_to_dict(dsn).get('options', '')} {KEEPALIVE}"
    conninfo = session(make_conninfo(dsn, options=options), "accompany_worker", statement_timeout=60)
    return await AsyncConnection.connect(conninfo, autocommit=True)


async def keep_following(
    name: str,
    connect: Connect,
    lease: int,
    follow: Callable[[AsyncConnection[Any]], Awaitable[None]],
    stop: asyncio.Event,
    *,
    interrupted_by: tuple[type[Exception], ...],
) -> None:
    """Runs `follow` while this process has the lease, until told to stop; `name` stands in its log lines.

    Begins again after an error of the database or one of those named, at first soon and then less often.
    """
    interruptions: tuple[type[Exception], ...] = (psycopg.Error, OSError, *interrupted_by)
    pause = 0.1
    while not stop.is_set():
        try:
            async with await connect() as connection:
                while not stop.is_set() and not await take_lease(connection, lease):
                    await _pause(stop, STAND_BY)
                if not stop.is_set():
                    log.info("log-followed", extra={"reader": name})
                    pause = 0.1
                    await follow(connection)
        except interruptions as error:
            log.warning("following-interrupted", extra={"reader": name, "code": code_of(error)})
            await _pause(stop, pause)
            pause = min(LONGEST_PAUSE, pause * 2)


async def take_lease(connection: AsyncConnection[Any], lease: int) -> bool:
    """Whether this session has it now. It ends with the session."""
    cursor = await connection.execute("SELECT pg_try_advisory_lock(%s)", (lease,))
    return await cursor.fetchone() == (True,)


async def listen(connection: AsyncConnection[Any]) -> None:
    """Has the session told of what is recorded from now on."""
    await connection.execute("LISTEN accompany_events")


async def next_event(connection: AsyncConnection[Any]) -> None:
    """Waits until more is recorded, or for a moment: a notification can be lost, and the next look costs little."""
    async for _ in connection.notifies(timeout=POLL, stop_after=1):
        pass


async def comes_to(reached: Callable[[], Awaitable[int]], position: int, patience: float = 2.0) -> bool:
    """Whether a reader has come to a log position, or does within `patience` seconds. Holds no connection while it waits."""
    until = time.monotonic() + patience
    pause = 0.004
    while True:
        if await reached() >= position:
            return True
        if time.monotonic() + pause > until:
            return False
        await asyncio.sleep(pause)
        pause = min(0.02, pause * 1.5)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
