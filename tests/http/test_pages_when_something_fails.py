"""What a page says when the record is out of reach, or something breaks that nobody thought of."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from adapters.http.app import create_app
from adapters.http.parts import Parts
from adapters.postgres.runner import Runner
from adapters.wiring import Installation
from domain.vocabulary import Role
from tests.http.browsing import HOUSE, Visit
from tests.http.front_door import Office, OpenCase, open_office
from tests.installations import opened

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def unreachable(dsn: str) -> AsyncIterator[None]:
    """The database lets nobody in, and whoever was in is out."""
    name = conninfo_to_dict(dsn)["dbname"]
    async with await psycopg.AsyncConnection.connect(make_conninfo(dsn, dbname="postgres"), autocommit=True) as owner:
        allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
        await owner.execute(allow.format(sql.Identifier(str(name)), sql.SQL("false")))
        await owner.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        try:
            yield
        finally:
            await owner.execute(allow.format(sql.Identifier(str(name)), sql.SQL("true")))


async def test_a_form_outlives_a_database_that_goes_away(database: str, tmp_path: Path) -> None:
    stop = asyncio.Event()
    async with opened(tmp_path, database) as installation, AsyncExitStack() as clients:
        app = create_app(Parts.of(installation))
        following = asyncio.create_task(Runner(database).run(stop))
        office = await clients.enter_async_context(open_office(database, app))
        case = await OpenCase.begin(office)
        visit = await Visit.begin(app, office, Role.CASEWORKER, clients)
        form = f"/cases/{case.mentorship_id}/sessions"
        await (await office.caseworker()).get(case.path)
        await visit.get(form)
        async with unreachable(database):
            answer = await visit.send(form, summary='Read "Der Sandmann" <together>')
            assert answer.status_code == 503
            assert answer.headers["retry-after"]
            assert "out of reach" in visit.page.words
            assert visit.page.fields["summary"] == 'Read "Der Sandmann" <together>'
            assert (await visit.client.get("/dashboard")).status_code == 503
        # The same key goes with it, so it is recorded once, however often it was sent.
        for _ in range(100):
            answer = await visit.send(form)
            if answer.status_code != 503:
                break
            await asyncio.sleep(0.1)
        page = await visit.follow(answer)
        assert page.text.count("Der Sandmann") == 1
        stop.set()
        await following


async def test_an_unforeseen_failure_tells_nobody_what_it_was_about(house: Installation, office: Office) -> None:
    def broken() -> datetime:
        raise ZeroDivisionError("canary")

    app = create_app(Parts.of(house))
    failing = create_app(replace(Parts.of(house), now=broken))
    async with AsyncExitStack() as clients:
        visit = await Visit.begin(app, office, Role.CASEWORKER, clients)
        transport = httpx.ASGITransport(app=failing)
        client = httpx.AsyncClient(transport=transport, base_url=HOUSE, cookies=visit.client.cookies)
        elsewhere = Visit(await clients.enter_async_context(client), visit.link)
        answer = await elsewhere.get("/dashboard")
        assert answer.status_code == 500
        assert "Something went wrong here" in elsewhere.page.words
        assert "canary" not in answer.text
