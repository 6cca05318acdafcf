"""Reads: not before a position, page by page, and with a version to decide on."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.http.app import create_app
from adapters.http.parts import Parts
from adapters.postgres.runner import Runner
from adapters.wiring import Installation
from tests.http.front_door import Asker, Office, OpenCase, open_office, registered
from tests.http.operations import OPERATIONS, Filled
from tests.installations import opened
from tests.postgres_servers import Clusters

pytestmark = pytest.mark.anyio


async def pages(by: Asker, path: str, key: str, limit: int) -> list[list[str]]:
    found: list[list[str]] = []
    cursor: str | None = None
    while True:
        more = {} if cursor is None else {"cursor": cursor}
        answer = await by.get(path, limit=limit, **more)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        found.append([str(one.get("version") or one) for one in body[key]])
        cursor = body["next"]
        if cursor is None:
            return found


async def test_a_timeline_is_read_page_by_page(office: Office) -> None:
    by = await office.caseworker()
    case = await OpenCase.begin(office)
    await Filled.fill(case, by)
    whole = await pages(by, f"{case.path}/timeline", "entries", 200)
    parts = await pages(by, f"{case.path}/timeline", "entries", 3)
    assert len(whole) == 1
    assert [len(part) for part in parts] == [3, 3, 3]
    assert [version for part in parts for version in part] == whole[0]


async def test_lists_are_read_page_by_page(office: Office) -> None:
    by = await office.caseworker()
    await OpenCase.begin(office)
    await OpenCase.begin(office)
    assert [len(page) for page in await pages(by, "/people", "people", 3)] == [3, 1]
    assert [len(page) for page in await pages(by, "/mentorships", "mentorships", 1)] == [1, 1]
    auditor = await office.coordinator()
    auditor.last = by.last
    trail = await pages(auditor, "/consent-trail", "entries", 4)
    assert [len(page) for page in trail] == [4, 2]


@pytest.mark.parametrize(
    "cursor", ["", "x", "!!!", "MjAyNS0wMS0wMXw5OTk5OTk5OTk5OTk5", "MjAyNS0wMS0wMXwxfDE", "_w", "LTE"]
)
async def test_a_cursor_that_is_not_ours_is_refused(office: Office, cursor: str) -> None:
    by = await office.coordinator()
    await office.caseworker()
    case = await OpenCase.begin(office)
    by.last = (await office.caseworker()).last
    for path in ("/people", "/mentorships", "/consent-trail", f"{case.path}/timeline", f"{case.path}/sessions"):
        answer = await by.get(path, cursor=cursor)
        assert (answer.status_code, answer.json()["code"]) == (422, "cursor-malformed"), path


@pytest.mark.parametrize("limit", ["0", "201", "-1", "many"])
async def test_a_page_has_from_1_to_200_entries(office: Office, limit: str) -> None:
    by = await office.caseworker()
    answer = await by.get("/people", limit=limit)
    assert (answer.status_code, answer.json()["errors"][0]["parameter"]) == (422, "limit")


async def test_an_etag_is_the_version_to_decide_on(office: Office) -> None:
    by = await office.caseworker()
    case = await OpenCase.begin(office)
    found = await by.get(case.path)
    assert found.headers["etag"] == f'"{found.json()["version"]}"' == '"4"'
    for part in ("goals", "sessions", "timeline", "consents", "appointments", "credentials", "outcomes"):
        assert (await by.get(f"{case.path}/{part}")).headers["etag"] == '"4"'


async def test_every_read_says_up_to_where_it_knows(office: Office) -> None:
    by = await office.coordinator()
    caseworker = await office.caseworker()
    filled = await Filled.fill(await OpenCase.begin(office), caseworker)
    for name, operation in OPERATIONS.items():
        # A bundle of evidence is read from the record itself, and its checkpoint says up to where.
        if operation.method == "GET" and name != "read_evidence":
            answer = await by.get(operation.path.format(**filled.ids), min_position=caseworker.last)
            assert int(answer.headers["accompany-position"]) >= caseworker.last, name


async def test_a_read_waits_for_what_was_just_recorded(office: Office) -> None:
    by = await office.caseworker()
    for number in range(5):
        person = await registered(by, "trainee", f"Invented {number}")
        assert (await by.get(f"/people/{person}")).status_code == 200


async def test_a_position_that_nobody_has_reached_is_a_mistake(office: Office) -> None:
    by = await office.caseworker()
    answer = await by.get("/people", min_position=2**62)
    assert (answer.status_code, answer.json()["code"]) == (422, "position-unknown")


async def test_many_reads_at_once_do_not_wait_for_each_other(office: Office) -> None:
    by = await office.caseworker()
    case = await OpenCase.begin(office)
    await Filled.fill(case, by)
    paths = ["/dashboard", case.path, f"{case.path}/timeline", "/people"] * 15
    answers = await asyncio.gather(*(by.get(path) for path in paths))
    assert {answer.status_code for answer in answers} == {200}


@pytest.fixture
async def lagging(postgres_clusters: Clusters, tmp_path: Path) -> AsyncIterator[Installation]:
    """An installation whose projections nobody keeps."""
    with postgres_clusters.running("postgres-18").fresh_database() as dsn:
        async with opened(tmp_path, dsn) as installation:
            yield installation


async def test_a_lagging_projection_is_waited_for(lagging: Installation) -> None:
    app = create_app(Parts.of(lagging))
    async with open_office(lagging.dsn, app) as office:
        by = await office.caseworker()
        person = await registered(by, "trainee", "Invented")
        reading = asyncio.create_task(by.get(f"/people/{person}"))
        await asyncio.sleep(0.3)
        assert not reading.done()
        await Runner(lagging.dsn).catch_up()
        assert (await reading).status_code == 200


async def test_a_read_gives_up_after_two_seconds(lagging: Installation) -> None:
    app = create_app(Parts.of(lagging))
    async with open_office(lagging.dsn, app) as office:
        by = await office.caseworker()
        await registered(by, "trainee", "Invented")
        began = time.monotonic()
        answer = await by.get("/people")
    assert (answer.status_code, answer.json()["code"]) == (503, "not-yet-projected")
    assert answer.headers["retry-after"] == "1"
    assert 1.9 < time.monotonic() - began < 3.5
