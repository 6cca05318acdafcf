"""Whoever is shown something of a person stands in the access log before they see it, at every address that there is."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row

from adapters.http.app import create_app
from adapters.http.pages import pages
from adapters.http.parts import Parts
from adapters.http.read_purposes import BASIS_OF_READ, NOTHING_PERSONAL
from adapters.postgres.access_log import AccessLog
from adapters.wiring import Installation
from domain.vocabulary import Role
from tests.http.browsing import Visit, post
from tests.http.front_door import Asker, Office, OpenCase, consent
from tests.http.operations import Filled

pytestmark = pytest.mark.anyio

LOCK = "SELECT pg_advisory_xact_lock(4702111234474983865)"
# What an address may have in braces, by the name that `Filled` knows it under; or what to put there.
BY_NAME = {
    "mentorship_id": "case",
    "person_id": "trainee",
    "goal_id": "goal",
    "appointment_id": "appointment",
    "credential_id": "credential",
    "version": "entry",
    "request_id": "evidence",
}
TAKEN = {"purpose": "mentoring", "which": "cases", "file": "report.csv", "log": "record", "tile": "0/000"}


def addresses(app: FastAPI, house: Installation) -> Iterator[tuple[str, str]]:
    """Method and template of every address of API and pages that is looked at."""
    for each in (app, pages(Parts.of(house))):
        for route in iter_route_contexts(each.routes):
            path = getattr(route, "path", None)
            for method in getattr(route, "methods", None) or ():
                if path is not None and (method == "GET" or path.endswith(("/search", "/copies"))):
                    yield method, path


class Watched:
    """The access log of one organisation, from when the test began to look."""

    def __init__(self, owner: psycopg.AsyncConnection[Any], organisation_id: UUID) -> None:
        self._owner = owner
        self._organisation_id = organisation_id
        self._seen = 0

    async def new(self) -> list[dict[str, Any]]:
        """The entries since this was last asked."""
        async with self._owner.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(
                "SELECT * FROM accompany.access_log WHERE organisation_id = %s AND position > %s ORDER BY position",
                (self._organisation_id, self._seen),
            )
            found = await cursor.fetchall()
        self._seen = found[-1]["position"] if found else self._seen
        return found


@pytest.fixture
async def watched(office: Office) -> AsyncIterator[Watched]:
    async with await psycopg.AsyncConnection.connect(office.dsn, autocommit=True) as owner:
        yield Watched(owner, office.organisation_id)


async def test_every_address_says_what_it_shows_people_for(app: FastAPI, house: Installation) -> None:
    found = {path for _, path in addresses(app, house)}
    assert found == {*BASIS_OF_READ, *NOTHING_PERSONAL}
    assert not BASIS_OF_READ.keys() & NOTHING_PERSONAL


async def test_nobody_is_shown_at_any_address_without_an_entry(
    app: FastAPI, house: Installation, office: Office, watched: Watched
) -> None:
    case = await OpenCase.begin(office)
    caseworker = await office.caseworker()
    filled = await Filled.fill(case, caseworker)
    for person_id, name in ((case.trainee_id, "Canary Trainee"), (case.mentor_id, "Wren Mentor")):
        path = f"/people/{person_id}"
        renamed = await caseworker.patch(path, {"full_name": name}, if_match=await caseworker.etag(path))
        assert renamed.status_code == 200
    await caseworker.get(case.path)
    shows_of = {
        case.trainee_id: ("Canary", str(case.trainee_id), str(case.mentorship_id)),
        case.mentor_id: ("Wren", str(case.mentor_id)),
    }
    shown_at: set[str] = set()
    await watched.new()
    async with AsyncExitStack() as clients:
        for role in Role:
            asker = await _asker(case, role)
            visit = await _visit(app, case, role, clients)
            for method, template in addresses(app, house):
                answer = await _ask(asker, visit, method, template, filled)
                new = await watched.new()
                assert {entry["read"] for entry in new} <= {f"{method} {template}"}
                assert {(entry["member_id"], entry["role"]) for entry in new} <= {(asker.member_id, role)}
                if template in NOTHING_PERSONAL:
                    assert not any(signs[0] in answer.text for signs in shows_of.values()), (template, role)
                    continue
                if answer.status_code in (403, 404):
                    assert [entry["outcome"] for entry in new] == ["denied"], (template, role)
                    continue
                assert answer.status_code < 400, (template, answer.text)
                assert {entry["outcome"] for entry in new} <= {"shown"}
                for person_id, signs in shows_of.items():
                    # What is only named by the address itself, the caller knew before.
                    of_person = [entry for entry in new if entry["person_id"] == person_id]
                    if any(sign in answer.text for sign in signs[:1]):
                        assert of_person, (template, role)
                        shown_at.add(template)
                    elif any(sign in answer.text for sign in signs[1:]) and answer.status_code == 200:
                        assert new, (template, role)
                    assert len(of_person) <= 1, "one entry for each person, or for each mentorship of theirs"
    looked_for = {
        "/dashboard",
        "/cases/{mentorship_id}",
        "/cases/{mentorship_id}/consents/{purpose}/override",
        "/cases/{mentorship_id}/overrides/{version}/review",
        "/my",
        "/api/v1/people",
        "/api/v1/dashboard",
        "/api/v1/search",
    }
    assert looked_for <= shown_at, "the walk knows a name when it sees one"


async def _ask(asker: Asker, visit: Visit, method: str, template: str, filled: Filled) -> httpx.Response:
    names = [part.strip("{}").removesuffix(":path") for part in template.split("/") if part.startswith("{")]
    if template in ("/sign-in/{link}", "/static/{name}") or template.startswith("/log/"):
        return httpx.Response(200, text="")
    path = template.replace(":path}", "}").format(**{name: TAKEN.get(name) or _named(name, filled) for name in names})
    if template == "/cases/{mentorship_id}/overrides/{version}/review":
        path = f"/cases/{filled.ids['case']}/overrides/{filled.ids['override']}/review"
    if (method, path) == ("POST", "/search"):
        return await post(visit.client, path, {"q": "canary"})
    if (method, path) == ("POST", "/my/copies"):
        return await post(visit.client, path, {"form": "json"})
    if method == "POST" and path.endswith("/copies"):
        return await asker.client.post(path.removeprefix("/api/v1"), json={})
    if method == "POST":
        return await asker.client.post("/search", json={"q": "canary"})
    if path.startswith("/api/v1"):
        return await asker.client.get(path.removeprefix("/api/v1"))
    return await visit.client.get(path)


def _named(name: str, filled: Filled) -> str:
    """An id of the case, or of nothing: what hangs on no case is looked for in vain. A new word fails here, to be thought about."""
    return filled.ids[BY_NAME[name]] if name in BY_NAME or not name.endswith("_id") else str(UUID(int=7))


async def _asker(case: OpenCase, role: Role) -> Asker:
    match role:
        case Role.MENTOR:
            return await case.mentor()
        case Role.TRAINEE:
            return await case.trainee()
    return await case.office.member(role)


async def _visit(app: FastAPI, case: OpenCase, role: Role, clients: AsyncExitStack) -> Visit:
    person = {Role.MENTOR: ("m", case.mentor_id), Role.TRAINEE: ("t", case.trainee_id)}.get(role)
    who: dict[str, Any] = (
        {} if person is None else {"handle": f"{person[0]}{str(person[1])[-12:]}", "person_id": person[1]}
    )
    return await Visit.begin(app, case.office, role, clients, **who)


async def test_an_entry_tells_who_saw_what_of_whom_and_on_which_consent(office: Office, watched: Watched) -> None:
    case = await OpenCase.begin(office)
    caseworker = await office.caseworker()
    await Filled.fill(case, caseworker)
    answer = await caseworker.get(f"{case.path}/goals")
    [trainee, mentor] = sorted(await watched.new(), key=lambda entry: entry["person_id"] != case.trainee_id)
    assert trainee["person_id"] == case.trainee_id
    assert trainee["mentorship_id"] == case.mentorship_id
    assert {"goal-set", "mentorship-started", "person-registered"} <= set(trainee["topics"])
    assert {"description", "full_name"} <= set(trainee["fields"])
    assert not {"phone", "email", "born_on"} & set(trainee["fields"]), "of their details the name alone"
    consents = (await caseworker.get(f"{case.path}/consents")).json()["consents"]
    [given] = [one for one in consents if one["purpose"] == "mentoring"]
    assert (trainee["purpose"], trainee["legal_basis"]) == ("mentoring", "consent")
    assert trainee["consent_version"] == given["version"]
    assert trainee["consent_as_of"] >= case.position
    assert (mentor["person_id"], mentor["fields"], mentor["purpose"]) == (case.mentor_id, ["full_name"], None)
    assert mentor["legal_basis"] == "contract"
    assert trainee["read_id"] == mentor["read_id"]
    assert trainee["trace_id"] == mentor["trace_id"]
    assert answer.status_code == 200


async def test_where_no_consent_stands_the_entry_says_so(office: Office, watched: Watched) -> None:
    case = await OpenCase.begin(office, purposes=("mentoring",))
    caseworker = await office.caseworker()
    withdrawn = await caseworker.post(f"{case.path}/consents", consent("mentoring", "withdrawn", "2025-03-01"))
    assert withdrawn.status_code == 201
    await caseworker.get(case.path)
    [entry] = [one for one in await watched.new() if one["person_id"] == case.trainee_id]
    assert (entry["legal_basis"], entry["purpose"], entry["consent_version"]) == ("consent", "mentoring", None)


async def test_ones_own_data_rest_on_the_right_to_see_them(office: Office, watched: Watched) -> None:
    case = await OpenCase.begin(office)
    trainee = await case.trainee()
    trainee.last = (await office.caseworker()).last
    await trainee.get(case.path)
    of = {one["person_id"]: one for one in await watched.new()}
    assert (of[case.trainee_id]["legal_basis"], of[case.trainee_id]["purpose"]) == ("legal-obligation", None)
    assert of[case.mentor_id]["legal_basis"] == "contract"


async def test_a_refusal_says_who_asked_for_whose_data(office: Office, watched: Watched) -> None:
    case = await OpenCase.begin(office)
    caseworker = await office.caseworker()
    await caseworker.get(case.path)
    await watched.new()
    other = await office.member(Role.CASEWORKER, "other-caseworker")
    mentor = await case.mentor()
    unknown = "0192f000-0000-7000-8000-00000000dead"
    assert (await other.client.get(case.path)).status_code == 404
    assert (await other.post(f"{case.path}/pause", {}, if_match='"1"')).status_code == 404
    assert (await other.client.get(f"/mentorships/{unknown}")).status_code == 404
    assert (await other.client.get(f"/people/{case.mentor_id}")).status_code == 404
    assert (await mentor.client.get(f"{case.path}/consents")).status_code == 403
    entries = await watched.new()
    assert [(one["read"], one["person_id"], one["mentorship_id"], one["refusal"]) for one in entries] == [
        ("GET /api/v1/mentorships/{mentorship_id}", case.trainee_id, case.mentorship_id, "not-found"),
        ("POST /api/v1/mentorships/{mentorship_id}/pause", case.trainee_id, case.mentorship_id, "not-found"),
        ("GET /api/v1/mentorships/{mentorship_id}", None, UUID(unknown), "not-found"),
        ("GET /api/v1/people/{person_id}", case.mentor_id, None, "not-found"),
        ("GET /api/v1/mentorships/{mentorship_id}/consents", case.trainee_id, case.mentorship_id, "not-allowed"),
    ]
    assert {one["outcome"] for one in entries} == {"denied"}
    assert [one["member_id"] for one in entries] == [other.member_id] * 4 + [mentor.member_id]


async def test_what_a_command_decides_on_is_not_shown_and_not_an_access(office: Office, watched: Watched) -> None:
    case = await OpenCase.begin(office)
    caseworker = await office.caseworker()
    filled = await Filled.fill(case, caseworker)
    etag = await caseworker.etag(f"/people/{case.trainee_id}")
    await watched.new()
    corrected = {"corrects": int(filled.ids["entry"]), "changes": {"minutes": 31}, "reason": "x"}
    assert (await caseworker.post(f"{case.path}/corrections", corrected)).status_code == 201
    changed = await caseworker.patch(f"/people/{case.trainee_id}", {"note": "moved"}, if_match=etag)
    assert changed.status_code == 200
    assert await watched.new() == []


async def test_a_dashboard_of_many_cases_is_one_entry_for_each_person(office: Office, watched: Watched) -> None:
    for _ in range(3):
        await OpenCase.begin(office)
    caseworker = await office.caseworker()
    await caseworker.get("/people")
    await watched.new()
    await caseworker.get("/dashboard")
    entries = await watched.new()
    assert len(entries) == len({one["person_id"] for one in entries}) == 6
    assert len({one["read_id"] for one in entries}) == 1


@pytest.fixture
async def deaf(house: Installation) -> AsyncIterator[FastAPI]:
    """The application with an access log that does not wait long."""
    async with AccessLog(house.dsn, house.pool, wait_limit=0.5) as accesses:
        yield create_app(replace(Parts.of(house), accesses=accesses))


@pytest.fixture
async def cut_off(house: Installation, tmp_path: Path) -> AsyncIterator[FastAPI]:
    """The application with an access log whose database has gone."""
    nowhere = make_conninfo(house.dsn, host=str(tmp_path))
    async with AccessLog(nowhere, house.pool, wait_limit=0.3) as accesses:
        yield create_app(replace(Parts.of(house), accesses=accesses))


async def test_what_can_not_be_written_down_is_not_shown(
    house: Installation, office: Office, deaf: FastAPI, cut_off: FastAPI
) -> None:
    case = await OpenCase.begin(office)
    caseworker = await office.caseworker()
    assert "Parwana" in (await caseworker.get(case.path)).text
    async with await psycopg.AsyncConnection.connect(house.dsn) as slow, AsyncExitStack() as clients:
        await slow.execute(LOCK)
        for app in (deaf, cut_off):
            client = await clients.enter_async_context(
                httpx.AsyncClient(
                    transport=httpx.ASGITransport(app=app),
                    base_url="http://accompany.test",
                    headers={"Authorization": f"Bearer {caseworker.token}"},
                )
            )
            for path in (
                f"/api/v1{case.path}",
                "/api/v1/dashboard",
                "/api/v1/people",
                "/api/v1/mentorships/" + "0" * 32,
            ):
                answer = await client.get(path)
                assert (answer.status_code, answer.json()["code"]) == (503, "access-not-logged")
                assert answer.headers["retry-after"]
                assert "Parwana" not in answer.text
            visit = await Visit.begin(app, office, Role.CASEWORKER, clients)
            page = await visit.get(f"/cases/{case.mentorship_id}")
            assert page.status_code == 503
            assert "out of reach" in visit.page.words
            assert "Parwana" not in page.text


async def test_many_readers_at_once_leave_one_entry_each(office: Office, watched: Watched) -> None:
    case = await OpenCase.begin(office)
    caseworker = await office.caseworker()
    await caseworker.get(case.path)
    await watched.new()
    answers = await asyncio.gather(*(caseworker.client.get(case.path) for _ in range(30)))
    assert {answer.status_code for answer in answers} == {200}
    entries = await watched.new()
    assert len({one["read_id"] for one in entries}) == 30
    assert _counted(one["person_id"] for one in entries) == {case.trainee_id: 30, case.mentor_id: 30}


def _counted(found: Iterable[UUID]) -> dict[UUID, int]:
    counted: dict[UUID, int] = {}
    for one in found:
        counted[one] = counted.get(one, 0) + 1
    return counted
