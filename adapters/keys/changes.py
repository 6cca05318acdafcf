"""Follows what other processes do to the key ring, so that no key stays in memory after it was destroyed."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import psycopg
from psycopg import AsyncConnection

from adapters.keys.key_ring import KeyRing

# Notices come at once. This is how often it is made sure that none was missed, as behind a proxy that passes none on.
BEAT = 2.0
TRUSTED = 10.0
"""Seconds after the last beat in which keys in memory are still used. Then they are asked for anew, one by one."""
PAUSE = 0.5

log = logging.getLogger(__name__)


@asynccontextmanager
async def following(conninfo: str, ring: KeyRing) -> AsyncIterator[None]:
    """Listens for as long as the block lasts, over a connection of its own; `conninfo` connects as `accompany_keys`."""
    follower = _Follower(conninfo, ring)
    task = asyncio.create_task(follower.run(), name="key-ring-changes")
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


class _Follower:
    def __init__(self, conninfo: str, ring: KeyRing) -> None:
        self._conninfo = conninfo
        self._ring = ring
        self._seen = -1

    async def run(self) -> None:
        # Until it listens for the first time, nothing in memory is trusted for long.
        self._ring.trust_for(TRUSTED)
        while True:
            try:
                async with await AsyncConnection.connect(self._conninfo, autocommit=True) as connection:
                    await connection.execute("LISTEN accompany_keys")
                    # What happened while nobody listened told nobody.
                    self._ring.drop()
                    await self._listen(connection)
            except (psycopg.Error, TimeoutError):
                log.warning("key-ring-out-of-hearing")
            await asyncio.sleep(PAUSE)

    async def _listen(self, connection: AsyncConnection[Any]) -> None:
        while True:
            # A server that hangs looks like one that is gone.
            async with asyncio.timeout(2 * BEAT):
                cursor = await connection.execute("SELECT changes, holder, former FROM keys.state")
                state = await cursor.fetchone()
            if state is not None:
                changes, holder, former = state
                if changes > self._seen >= 0:
                    self._ring.drop()
                self._seen = max(self._seen, changes)
                await self._ring.move_to(holder, former)
            self._ring.trust_for(TRUSTED)
            async for notice in connection.notifies(timeout=BEAT):
                self._heard(notice.payload)

    def _heard(self, payload: str) -> None:
        number, *person = payload.split("/")
        self._seen = max(self._seen, int(number))
        self._ring.drop((UUID(person[0]), UUID(person[1])) if len(person) == 2 else None)
