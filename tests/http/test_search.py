"""Searching through the front door: what the API answers and what the page shows."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from fastapi import FastAPI

from adapters.http.app import create_app
from adapters.http.parts import Parts
from adapters.postgres.runner import Runner
from domain.vocabulary import Role
from tests.http.browsing import Page, Visit
from tests.http.front_door import Asker, Office, OpenCase, open_office, registered
from tests.installations import opened
from tests.search.place import indexer

pytestmark = pytest.mark.anyio


async def search(by: Asker, q: str, **more: Any) -> httpx.Response:
    return await by.client.post("/search", json={"q": q, **more}, params={"min_position": by.last})


async def found(by: Asker, q: str) -> list[tuple[str, str]]:
    answer = await search(by, q)
    assert answer.status_code == 200, answer.text
    return [(one["full_name"], one["matched_by"]) for one in answer.json()["people"]]


async def put_on_record(by: Asker, **details: str) -> str:
    answer = await by.post("/people", {"role": "trainee", **details})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


@pytest.mark.parametrize(
    ("typed", "matched_by"),
    [
        ("müller", "name"),
        ("ZOE mueller", "name"),
        ("ﬁel", "name"),
        ("0151 5550123", "phone"),
        ("+49-151-5550123", "phone"),
        ("0123", "phone"),
        ("t-00", "reference"),
        ("T 0042", "reference"),
    ],
)
async def test_whoever_was_registered_a_moment_ago_is_found(office: Office, typed: str, matched_by: str) -> None:
    by = await office.caseworker()
    name = "Zoe\u0308 Müller-Field"
    await put_on_record(by, full_name=name, phone="+49 (0)151 5550-123", reference="T-0042")
    assert await found(by, typed) == [(name, matched_by)]
    assert await found(await office.member(Role.CASEWORKER, "another"), typed) == []


async def test_a_case_is_found_by_its_number_and_leads_to_its_trainee(office: Office) -> None:
    by = await office.caseworker()
    trainee, mentor = (
        await registered(by, "trainee", "Parwana Invented"),
        await registered(by, "mentor", "Marek Erfunden"),
    )
    case = {"trainee_id": trainee, "mentor_id": mentor, "track": "healthcare", "occurred_on": "2025-01-10"}
    started = await by.post("/mentorships", {**case, "reference": "MS-77/2025"})
    assert started.status_code == 201, started.text
    [one] = (await search(by, "ms 77")).json()["people"]
    assert (one["person_id"], one["matched_by"], one["mentorships"]) == (
        trainee,
        "case-reference",
        [started.json()["id"]],
    )
    [other] = (await search(by, "erfunden")).json()["people"]
    assert (other["person_id"], other["mentorships"]) == (mentor, [started.json()["id"]])


async def test_a_corrected_name_is_found_and_the_former_one_is_not(office: Office) -> None:
    by = await office.caseworker()
    person_id = await put_on_record(by, full_name="Parwana Rahimi")
    changed = await by.patch(
        f"/people/{person_id}", {"full_name": "Parwana Karimi"}, if_match=await by.etag(f"/people/{person_id}")
    )
    assert changed.status_code == 200, changed.text
    assert await found(by, "karimi") == [("Parwana Karimi", "name")]
    assert await found(by, "rahimi") == []


async def test_many_are_shown_page_by_page(office: Office) -> None:
    by = await office.caseworker()
    everybody = {await put_on_record(by, full_name=f"Parwana Number{n}") for n in range(7)}
    shown: list[str] = []
    cursor: str | None = None
    sizes = []
    while True:
        answer = (await search(by, "parw", limit=3, cursor=cursor)).json()
        shown += [one["person_id"] for one in answer["people"]]
        sizes.append(len(answer["people"]))
        assert answer["complete"] is (answer["next"] is None)
        if (cursor := answer["next"]) is None:
            break
    assert sizes == [3, 3, 1]
    assert set(shown) == everybody
    assert len(shown) == len(everybody)


async def test_what_is_too_short_says_so(office: Office) -> None:
    by = await office.caseworker()
    answer = (await search(by, "z")).json()
    assert (answer["people"], answer["too_short"], answer["complete"]) == ([], True, True)
    assert (await search(by, "zz")).json()["too_short"] is False


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"q": ""}, 422),
        ({"q": "x" * 201}, 422),
        ({"q": "ab", "limit": 0}, 422),
        ({"q": "ab", "limit": True}, 422),
        ({"q": "ab", "cursor": "forged"}, 422),
        ({"q": "ab", "name": "Parwana"}, 422),
        ({"q": "a\u0000b"}, 422),
        ({"q": "ab & ! | ' \\ () :*"}, 200),
        ({"q": "\U000e0041\u202e﷽"}, 200),
    ],
)
async def test_a_question_that_is_none_is_refused_and_a_strange_one_is_answered(
    office: Office, body: dict[str, Any], status: int
) -> None:
    by = await office.caseworker()
    answer = await by.client.post("/search", json=body)
    assert answer.status_code == status, answer.text
    assert "Parwana" not in answer.text


async def test_half_a_character_is_refused_and_not_looked_for(office: Office) -> None:
    by = await office.caseworker()
    answer = await by.client.post(
        "/search", content=json.dumps({"q": "ab\ud83d"}), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code < 500


@pytest.fixture
async def lagging(database: str, tmp_path: Path) -> AsyncIterator[tuple[Office, FastAPI, Any]]:
    """Nobody keeps the index up to date here, unless a test does."""
    async with opened(tmp_path, database) as parts:
        app = create_app(Parts.of(parts))
        async with open_office(database, app) as office:
            yield office, app, parts


async def test_the_access_log_holds_whom_a_search_showed_and_not_who_was_compared(office: Office) -> None:
    by = await office.caseworker()
    shown_ones = {await put_on_record(by, full_name=f"Parwana Number{n}") for n in range(3)}
    for number in range(40):
        await put_on_record(by, full_name=f"Somebody Else{number}", phone=f"+49 151 {number:07d}")
    assert len(await found(by, "parwana")) == 3
    async with await psycopg.AsyncConnection.connect(office.dsn) as owner:
        cursor = await owner.execute(
            "SELECT person_id::text FROM accompany.access_log WHERE organisation_id = %s AND read LIKE '%%/search'",
            (office.organisation_id,),
        )
        assert {person_id for (person_id,) in await cursor.fetchall()} == shown_ones


async def test_an_index_that_is_behind_says_how_far_it_has_come(lagging: tuple[Office, FastAPI, Any]) -> None:
    office, _, parts = lagging
    by = await office.caseworker()
    await put_on_record(by, full_name="Parwana Rahimi")
    await Runner(parts.dsn).catch_up()
    answer = await by.client.post("/search", json={"q": "parwana"})
    body = answer.json()
    assert (body["people"], body["complete"], body["as_of_position"]) == ([], False, 0)
    assert answer.headers["accompany-position"] == "0"
    assert (await search(by, "parwana")).json()["code"] == "not-yet-projected"
    await indexer(parts).catch_up()
    answer = await search(by, "parwana")
    body = answer.json()
    assert (len(body["people"]), body["complete"], body["as_of_position"]) == (1, True, 1)
    by.last = 99
    assert (await search(by, "parwana")).json()["code"] == "position-unknown"


async def visit(app: FastAPI, office: Office, role: Role, clients: AsyncExitStack) -> Visit:
    return await Visit.begin(app, office, role, clients)


async def test_the_page_finds_somebody_and_keeps_what_was_typed_out_of_every_address(
    app: FastAPI, office: Office
) -> None:
    case = await OpenCase.begin(office)
    by = await office.caseworker()
    await by.get(case.path)
    assert await found(by, "parwana") == [("Parwana Invented", "name")]
    async with AsyncExitStack() as clients:
        at_desk = await visit(app, office, Role.CASEWORKER, clients)
        await at_desk.get("/dashboard")
        assert "/search" in at_desk.page.links()
        await at_desk.get("/search")
        assert at_desk.page.has("input", name="q", type="search", enterkeyhint="search")
        answer = await at_desk.send("/search", q=" parwana ")
        assert answer.status_code == 200
        assert "Parwana Invented" in at_desk.page.words
        assert "1 found" in at_desk.page.words
        assert "by name" in at_desk.page.words
        assert f"/cases/{case.mentorship_id}" in at_desk.page.links()
        assert not any("parwana" in link.lower() for link in at_desk.page.links())
        assert at_desk.page.fields["q"] == " parwana "
        assert "no-store" in answer.headers["cache-control"]
        await at_desk.send("/search", q="030/0000000")
        assert "2 found" in at_desk.page.words
        assert "by telephone number" in at_desk.page.words
        await at_desk.send("/search", q="p")
        assert "too short" in at_desk.page.words
        await at_desk.send("/search", q="")
        assert "too short" in at_desk.page.words
        await at_desk.send("/search", q="somebody else")
        assert "Nobody found" in at_desk.page.words
        answer = await at_desk.send("/search", q="x" * 300)
        assert "at most 200" in at_desk.page.words


async def test_the_page_shows_more_one_page_after_the_other(app: FastAPI, office: Office) -> None:
    by = await office.caseworker()
    for number in range(32):
        await put_on_record(by, full_name=f"Parwana Number{number:02d}")
    assert (await search(by, "parwana")).status_code == 200
    async with AsyncExitStack() as clients:
        at_desk = await visit(app, office, Role.CASEWORKER, clients)
        await at_desk.get("/search")
        await at_desk.send("/search", q="parwana")
        first = at_desk.page
        assert "30 of more found" in first.words
        assert first.fields["cursor"]
        await at_desk.send("/search")
        assert "2 found" in at_desk.page.words
        assert not shown(first) & shown(at_desk.page)


def shown(page: Page) -> set[str]:
    return {word for word in page.words.split() if word.startswith("Number")}


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.FUNDER, Role.ADMINISTRATOR])
async def test_nobody_else_has_a_search(app: FastAPI, office: Office, role: Role) -> None:
    async with AsyncExitStack() as clients:
        at_desk = await visit(app, office, role, clients)
        assert (await at_desk.get("/search")).status_code == 403
        assert "/search" not in at_desk.page.links()
        assert (await at_desk.client.post("/search", data={"q": "parwana"})).status_code == 403
