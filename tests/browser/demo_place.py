"""The demo, served to a browser on the day of the test, shortly before noon: the same people and appointments in every run."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import uvicorn

from adapters import demo
from adapters.http.app import create_app
from adapters.http.parts import Parts
from adapters.postgres.runner import Runner
from adapters.serving import watched_indexer
from domain.vocabulary import Role
from tests.installations import BERLIN, opened, settings

NOW = datetime.now(BERLIN).replace(hour=11, minute=40, second=0, microsecond=0)
PATIENCE = 120


@dataclass(frozen=True, slots=True)
class Place:
    """Where the demo is served, and the sign-in link of each role."""

    address: str
    links: dict[Role, str]


@contextmanager
def served_demo(data: Path, dsn: str) -> Iterator[Place]:
    """For as long as the block lasts."""
    is_up = threading.Event()
    found: list[tuple[Place, asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve() -> None:
        stop = asyncio.Event()
        async with opened(data, dsn) as installation:
            ways = await demo.prepare(installation, settings(data, dsn), lambda done, total: None)
            await Runner(dsn).catch_up()
            app = create_app(replace(Parts.of(installation), now=lambda: NOW))
            server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False))
            serving = asyncio.create_task(server.serve())
            following = asyncio.gather(Runner(dsn).run(stop), watched_indexer(installation).run(stop))
            while not server.started:  # noqa: ASYNC110  # uvicorn tells it by a flag alone
                await asyncio.sleep(0.01)
            address = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
            links = {way.role: f"{address}{way.path}" for way in ways}
            found.append((Place(address, links), asyncio.get_running_loop(), stop))
            is_up.set()
            await stop.wait()
            server.should_exit = True
            await asyncio.gather(serving, following)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        while not is_up.wait(1) and thread.is_alive():
            pass
        assert found, "the demo did not start"
        yield found[0][0]
    finally:
        for _, loop, stop in found:
            loop.call_soon_threadsafe(stop.set)
        thread.join(PATIENCE)
