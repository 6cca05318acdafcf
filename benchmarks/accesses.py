"""What it costs that a dashboard's reader stands in the access log first: the same application with the log and without it, in turns.

Both answer within this process. The reader waits for the entries to be durable; without the log nothing is written, nor is it asked
which consents a look rests on.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from adapters.disclosure import Disclosure
from adapters.http.accesses_logged import AccessesLogged
from adapters.http.app import create_app
from adapters.http.parts import Parts
from adapters.postgres.runner import Runner
from benchmarks.cases import office, record_cases
from benchmarks.ground import Ground
from benchmarks.measured import Figure, median, percentile

LENGTH = 12
AT_ONCE = 8
WARMING = 5


class NotLogged:
    """Where `AccessesLogged` stands: what is opened is gathered as it would be, and goes nowhere."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with Disclosure().active():
            await self._app(scope, receive, send)


async def accesses(ground: Ground) -> list[Figure]:
    sizes = (20,) if ground.quick else (20, 100)
    reads = 20 if ground.quick else 80
    return [figure for size in sizes for figure in await _measured(ground, size, reads)]


async def _measured(ground: Ground, cases: int, reads: int) -> list[Figure]:
    dsn = ground.empty_database()
    async with ground.installation(dsn) as installed, AsyncExitStack() as clients:
        at = await office(installed)
        await record_cases(installed, at.by, cases, LENGTH)
        await Runner(dsn).catch_up()
        parts = Parts.of(installed)
        logged = await clients.enter_async_context(_client(create_app(parts), at.token))
        bare = await clients.enter_async_context(_client(_unlogged(parts), at.token))
        return [
            figure
            for readers in (1, AT_ONCE)
            for figure in _compared(cases, readers, await _in_turns(logged, bare, reads, readers))
        ]


def _unlogged(parts: Parts) -> FastAPI:
    app = create_app(parts)
    # Starlette types what it keeps as a factory, which no class is to a type checker.
    log: object = AccessesLogged
    kept = [Middleware(NotLogged) if one.cls is log else one for one in app.user_middleware]
    assert kept != app.user_middleware, "the log stands somewhere else now"
    app.user_middleware = kept
    return app


@asynccontextmanager
async def _client(app: FastAPI, token: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app),
        base_url="http://accompany.bench",
        headers={"Authorization": f"Bearer {token}"},
    ) as client:
        yield client


async def _in_turns(
    logged: httpx.AsyncClient, bare: httpx.AsyncClient, reads: int, readers: int
) -> tuple[list[float], list[float]]:
    """Milliseconds of each read with the log, and without it. The one that goes first changes each time."""
    took: dict[httpx.AsyncClient, list[float]] = {logged: [], bare: []}
    for turn in range(WARMING + reads // readers):
        for client in (logged, bare) if turn % 2 else (bare, logged):
            found = await asyncio.gather(*(_milliseconds(client) for _ in range(readers)))
            if turn >= WARMING:
                took[client] += found
    return took[logged], took[bare]


async def _milliseconds(client: httpx.AsyncClient) -> float:
    began = time.perf_counter()
    answer = await client.get("/api/v1/dashboard")
    assert answer.status_code == 200, answer.status_code
    return 1000 * (time.perf_counter() - began)


def _compared(cases: int, readers: int, took: tuple[list[float], list[float]]) -> Iterator[Figure]:
    logged, bare = took
    who = "one reader" if readers == 1 else f"{readers} readers at once"
    yield Figure(
        "Access log",
        f"dashboard of {cases} cases, {2 * cases} entries a look, {who}",
        f"{median(logged):.1f} ms, 99 % in {percentile(logged, 99):.1f}",
        f"{median(bare):.1f} ms, 99 % in {percentile(bare, 99):.1f} without the log",
        median(logged) / median(bare),
    )
