"""A whole installation served over real HTTP, for tools that ask from outside."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from adapters.http.app import create_app
from adapters.http.parts import Parts
from adapters.postgres.runner import Runner
from adapters.serving import watched_indexer
from tests.installations import opened

PATIENCE = 30


@contextmanager
def served(data: Path, dsn: str) -> Iterator[str]:
    """The address, for as long as the block lasts."""
    is_up = threading.Event()
    stopping: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
    address: list[str] = []

    async def serve() -> None:
        stop = asyncio.Event()
        stopping.append((asyncio.get_running_loop(), stop))
        async with opened(data, dsn) as installation:
            config = uvicorn.Config(create_app(Parts.of(installation)), port=0, log_config=None, access_log=False)
            server = uvicorn.Server(config)
            serving = asyncio.create_task(server.serve())
            following = asyncio.gather(
                Runner(dsn).run(stop), watched_indexer(installation).run(stop), installation.keeping.run(stop)
            )
            while not server.started:  # noqa: ASYNC110  # uvicorn tells it by a flag alone
                await asyncio.sleep(0.01)
            address.append(f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}")
            is_up.set()
            await stop.wait()
            server.should_exit = True
            await asyncio.gather(serving, following)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        assert is_up.wait(PATIENCE)
        yield address[0]
    finally:
        for loop, stop in stopping:
            loop.call_soon_threadsafe(stop.set)
        thread.join(PATIENCE)
