"""Serves HTTP until told to stop, with a projection runner, the search's indexer and the keeping of the logs beside it."""

import asyncio
import logging
import signal
import socket
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import uvicorn

from adapters.evidence.keeping import Keeping
from adapters.evidence.proving import Found, Prover
from adapters.garbage import settle_garbage
from adapters.http.app import create_app
from adapters.http.parts import Parts
from adapters.postgres.parked import Trouble
from adapters.postgres.runner import Runner
from adapters.search.indexer import Indexer
from adapters.telemetry import Telemetry
from adapters.wiring import Installation
from domain.errors import Invalid

DRAIN_SECONDS = 15

log = logging.getLogger(__name__)


class PortTaken(Invalid):
    code = "port-taken"
    message = "Nothing can listen on this host and port. Is another service running there? Set ACCOMPANY_PORT."


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Ours to handle: uvicorn raises the signal again at its end, which would end the process before it has cleaned up."""
        yield


async def serve(
    installation: Installation,
    host: str,
    port: int,
    *,
    project: bool,
    prove_every: timedelta = timedelta(hours=24),
    listening: Callable[[int], Awaitable[bool]],
) -> None:
    """Answers requests on `host`:`port` (0: a free one) until SIGTERM or SIGINT, then lets the running ones end.

    `project` keeps projections and logs up to date in this process; one that holds the lease elsewhere goes first. The search index
    is kept by every process that serves, one at a time: it takes the keys.
    `listening` is told the port once requests are answered, and says whether to go on. Raises PortTaken.
    """
    server = _Server(
        uvicorn.Config(
            create_app(Parts.of(installation)),
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=DRAIN_SECONDS,
            limit_concurrency=1_000,
        )
    )
    listener = _listener(host, port)
    stop = stop_on_signals()
    readers = [asyncio.create_task(watched_indexer(installation).run(stop))]
    if project:
        beside = _beside(installation.dsn, installation.telemetry, installation.keeping, prove_every, stop)
        readers.append(asyncio.create_task(beside))
    rights = [
        asyncio.create_task(installation.erasures.keep_finishing(), name="erasures"),
        asyncio.create_task(installation.schedule.keep_proposing(), name="retention"),
    ]
    serving = asyncio.create_task(server.serve([listener]))
    try:
        while not server.started and not serving.done():  # noqa: ASYNC110  # uvicorn tells it by a flag alone
            await asyncio.sleep(0.01)
        if server.started:
            settle_garbage()
            if not await listening(listener.getsockname()[1]):
                stop.set()
            await _first(stop.wait(), serving)
    finally:
        server.should_exit = True
        stop.set()
        for task in rights:
            task.cancel()
        try:
            await serving
        finally:
            await asyncio.wait(rights)
            listener.close()
            await asyncio.gather(*readers)


async def project(dsn: str, telemetry: Telemetry, keeping: Keeping, prove_every: timedelta) -> None:
    """Keeps the projections and the logs up to date, and proves the consents every so often, until SIGTERM or SIGINT."""
    try:
        await _beside(dsn, telemetry, keeping, prove_every, stop_on_signals())
    finally:
        telemetry.close()


async def _beside(
    dsn: str, telemetry: Telemetry, keeping: Keeping, prove_every: timedelta, stop: asyncio.Event
) -> None:
    await asyncio.gather(
        watched_runner(dsn, telemetry).run(stop),
        keeping.run(stop),
        watched_prover(dsn, telemetry, prove_every).run(stop),
    )


def _listener(host: str, port: int) -> socket.socket:
    try:
        [(family, *_, address), *_] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        return socket.create_server(address, family=family, backlog=2048)
    except OSError:
        raise PortTaken from None


def watched_runner(dsn: str, telemetry: Telemetry) -> Runner:
    """A runner whose lag and troubles are metrics."""

    def watched(name: str, lag: int) -> None:
        telemetry.projection_lag.set(lag, {"accompany.projection": name})

    def troubled(name: str, trouble: Trouble) -> None:
        telemetry.projection_stopped.set(int(trouble.stopped), {"accompany.projection": name})
        telemetry.projection_parked.set(trouble.parked, {"accompany.projection": name})

    return Runner(dsn, watched=watched, troubled=troubled)


def watched_prover(dsn: str, telemetry: Telemetry, every: timedelta) -> Prover:
    """A prover whose findings are metrics, and lines in the log."""

    def found(what: Found) -> None:
        count = sum(what.findings.values())
        telemetry.findings.set(count, {"accompany.check": "consents"})
        if count:
            log.warning("consents-do-not-stand", extra={"check": "consents", "count": count})
        else:
            log.info("consents-stand", extra={"check": "consents", "count": what.mentorships})

    return Prover(dsn, every, found)


def watched_indexer(installation: Installation) -> Indexer:
    """An indexer whose lag is a metric."""

    def watched(lag: int) -> None:
        installation.telemetry.projection_lag.set(lag, {"accompany.projection": "search"})

    return Indexer(installation.dsn, installation.index.blinder, installation.index.opening, watched=watched)


def stop_on_signals() -> asyncio.Event:
    """Set by SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


async def _first(event: Coroutine[Any, Any, Any], task: asyncio.Task[None]) -> None:
    waiting = asyncio.create_task(event)
    await asyncio.wait((waiting, task), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
