"""The store for callers who are synchronous: an event loop in a thread of its own, with an appender and a pool."""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import CancelledError, Future
from typing import Any, ClassVar

from adapters.postgres.appender import Appender
from adapters.postgres.pool import Pool
from adapters.postgres.stored import StoreUnavailable


class Bridge:
    """Serves all threads of a process for one database, so that their appends too are recorded together.

    `Bridge.to(dsn)` joins the one that stands or builds it; whoever joined calls `leave()` once. It can't be used from
    its own event loop.
    """

    _standing: ClassVar[dict[str, "Bridge"]] = {}
    # Reentrant, because the garbage collector may let somebody leave while this thread is joining.
    _lock: ClassVar[threading.RLock] = threading.RLock()

    appender: Appender
    pool: Pool

    @classmethod
    def to(cls, dsn: str) -> "Bridge":
        with cls._lock:
            bridge = cls._standing.get(dsn)
            if bridge is None:
                bridge = cls._standing[dsn] = cls(dsn)
            bridge._users += 1
            return bridge

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self._users = 0
        started: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, args=(started,), name="bridge", daemon=True)
        self._thread.start()
        started.result()

    def call[Answer](self, work: Coroutine[Any, Any, Answer]) -> Answer:
        """Run a coroutine on the store's event loop and wait for its answer."""
        try:
            return asyncio.run_coroutine_threadsafe(work, self._loop).result()
        except (RuntimeError, CancelledError) as error:
            work.close()
            if self._left.is_set():
                raise StoreUnavailable from error
            raise

    def leave(self, *, wait: bool = True) -> None:
        """The last one to leave closes the connections; `wait` until that is done."""
        with self._lock:
            self._users -= 1
            if self._users > 0:
                return
            del self._standing[self.dsn]
        self._loop.call_soon_threadsafe(self._left.set)
        if wait:
            self._thread.join()

    def _run(self, started: Future[None]) -> None:
        try:
            asyncio.run(self._serve(started))
        except Exception as error:
            if started.done():
                raise
            started.set_exception(error)

    async def _serve(self, started: Future[None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._left = asyncio.Event()
        async with Appender(self.dsn) as self.appender, Pool(self.dsn) as self.pool:
            started.set_result(None)
            await self._left.wait()
