"""Who may ask what: nobody without a token, no role beyond its own, nobody about what is not theirs."""

from datetime import timedelta

import httpx
import psycopg
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from adapters.identity.members import issue
from domain.vocabulary import Role
from tests.http.front_door import Asker, Office, OpenCase, registered
from tests.http.operations import OPERATIONS, Filled

pytestmark = pytest.mark.anyio

# A role that may do it can still be refused for the state of the record, and that is none of this file's business.
ASKED_AND_ANSWERED = {200, 201, 409, 412}


def operations(app: FastAPI) -> dict[str, tuple[str, str]]:
    return {
        operation["operationId"]: (method.upper(), path)
        for path, methods in app.openapi()["paths"].items()
        for method, operation in methods.items()
        if not path.startswith("/health/")
    }


async def asker(case: OpenCase, role: Role) -> Asker:
    match role:
        case Role.MENTOR:
            found = await case.mentor()
        case Role.TRAINEE:
            found = await case.trainee()
        case _:
            found = await case.office.member(role)
    found.last = (await case.office.caseworker()).last
    return found


async def test_nothing_but_health_and_the_logs_of_hashes_answers_without_a_token(app: FastAPI) -> None:
    """The pages have a sign-in of their own. What is under /log is public on purpose: docs/transparency-log.md says why."""
    open_to_all = {"/health/live", "/health/ready", "/log/{log}/checkpoint", "/log/{log}/tile/{tile:path}"}
    paths = {context.path for context in iter_route_contexts(app.routes) if context.path is not None}
    assert {path for path in paths if not path.startswith("/api/")} == open_to_all
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://accompany.test") as anybody:
        for method, path in operations(app).values():
            answer = await anybody.request(method, path)
            assert (answer.status_code, answer.json()["code"]) == (401, "token-missing"), path


async def test_every_operation_says_whom_it_is_for(app: FastAPI) -> None:
    assert set(OPERATIONS) == set(operations(app))
    for name, (method, path) in operations(app).items():
        assert OPERATIONS[name].method == method
        assert OPERATIONS[name].path.count("/") == path.removeprefix("/api/v1").count("/")


@pytest.mark.parametrize("role", list(Role))
async def test_a_role_does_what_it_is_for_and_nothing_else(office: Office, role: Role) -> None:
    case = await OpenCase.begin(office)
    filled = await Filled.fill(case, await office.caseworker())
    by = await asker(case, role)
    for name, operation in OPERATIONS.items():
        status = await filled.ask(by, operation)
        if role in operation.roles:
            assert status in ASKED_AND_ANSWERED, (name, status)
        else:
            assert status in (403, 404), (name, status)


async def test_what_is_another_caseworkers_does_not_exist(office: Office) -> None:
    case = await OpenCase.begin(office)
    filled = await Filled.fill(case, await office.caseworker())
    other = await office.member(Role.CASEWORKER, "other-caseworker")
    other.last = (await office.caseworker()).last
    for name, operation in OPERATIONS.items():
        if ("{" in operation.path and Role.CASEWORKER in operation.roles) or name == "start_mentorship":
            assert await filled.ask(other, operation) == 404, name
    for path, key in (("/people", "people"), ("/mentorships", "mentorships"), ("/dashboard", "cases")):
        assert (await other.get(path)).json()[key] == []
    found = await other.post("/search", {"q": "parwana"})
    assert found.json()["people"] == []


async def test_what_is_another_organisations_does_not_exist(office: Office, neighbour: Office) -> None:
    case = await OpenCase.begin(office)
    filled = await Filled.fill(case, await office.caseworker())
    for role in (Role.COORDINATOR, Role.AUDITOR, Role.CASEWORKER):
        by = await neighbour.member(role)
        by.last = (await office.caseworker()).last
        for name, operation in OPERATIONS.items():
            if "{" in operation.path and role in operation.roles:
                assert await filled.ask(by, operation) == 404, (role, name)


@pytest.mark.parametrize("role", [Role.MENTOR, Role.TRAINEE])
async def test_mentors_and_trainees_see_their_own_cases_only(office: Office, role: Role) -> None:
    mine = await OpenCase.begin(office)
    others = await Filled.fill(await OpenCase.begin(office), await office.caseworker())
    by = await asker(mine, role)
    listed = (await by.get("/mentorships")).json()["mentorships"]
    assert [one["mentorship_id"] for one in listed] == [str(mine.mentorship_id)]
    for name, operation in OPERATIONS.items():
        if "{case}" in operation.path and role in operation.roles:
            assert await others.ask(by, operation) == 404, name


@pytest.mark.parametrize("role", [Role.MENTOR, Role.TRAINEE])
async def test_a_member_whom_no_person_stands_behind_sees_no_case_at_all(office: Office, role: Role) -> None:
    await OpenCase.begin(office)
    nobody = await office.member(role, "nobody")
    assert (await nobody.get("/mentorships")).status_code == 403


async def test_neither_side_reads_what_the_other_says_of_it(office: Office) -> None:
    case = await OpenCase.begin(office)
    staff = await office.caseworker()
    said = {
        "minutes": 30,
        "medium": "phone",
        "occurred_on": "2025-02-01",
        "trainee_rating": 2,
        "trainee_feedback": "He was late",
        "mentor_rating": 4,
        "mentor_feedback": "She is quick",
    }
    held = await staff.post(f"{case.path}/sessions", said)
    for role, hidden, shown in ((Role.MENTOR, "trainee", "mentor"), (Role.TRAINEE, "mentor", "trainee")):
        by = await asker(case, role)
        pages = [await by.get(f"{case.path}/{page}") for page in ("sessions", "timeline")]
        one = await by.get(f"{case.path}/timeline/{held.json()['version']}")
        for entry in (pages[0].json()["entries"][0], pages[1].json()["entries"][0], one.json()):
            assert entry["fields"][f"{shown}_feedback"] == said[f"{shown}_feedback"]
            assert not {f"{hidden}_feedback", f"{hidden}_rating"} & set(entry["fields"])


async def test_a_mentor_reads_of_their_work_and_nothing_of_offices_and_consents(office: Office) -> None:
    case = await OpenCase.begin(office)
    await Filled.fill(case, await office.caseworker())
    by = await asker(case, Role.MENTOR)
    entries = (await by.get(f"{case.path}/timeline")).json()["entries"]
    assert {entry["topic"] for entry in entries} == {"goal-set", "session-held"}
    assert (await by.get(f"{case.path}/timeline/1")).status_code == 404


async def test_a_caseworker_cannot_open_a_case_about_somebody_they_may_not_see(office: Office) -> None:
    theirs = await office.caseworker()
    trainee = await registered(theirs, "trainee", "Parwana Invented")
    other = await office.member(Role.CASEWORKER, "other-caseworker")
    mentor = await registered(other, "mentor", "Marek Erfunden")
    body = {"trainee_id": trainee, "mentor_id": mentor, "track": "other"}
    assert (await other.post("/mentorships", body)).status_code == 404
    # A trainee's id in the mentor's place tells nothing about them either.
    swapped = {"trainee_id": mentor, "mentor_id": trainee, "track": "other"}
    assert (await other.post("/mentorships", swapped)).status_code == 404
    # Mentors are matched across caseloads.
    assert (await theirs.post("/mentorships", body)).status_code == 201


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer not-a-token"},
        {"Authorization": "Basic Y2FzZTp3b3JrZXI="},
        {"Authorization": "Bearer " + "x" * 5_000},
    ],
)
async def test_nothing_but_health_answers_without_a_good_token(app: FastAPI, headers: dict[str, str]) -> None:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://accompany.test", headers=headers) as anybody:
        addresses = [(method, path.replace("{", "").replace("}", "")) for method, path in operations(app).values()]
        for method, path in (*addresses, ("GET", "/api"), ("GET", "/api/v1/openapi.json"), ("PUT", "/api/v2/none")):
            answer = await anybody.request(method, path)
            assert answer.status_code == 401, (method, path)
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert answer.headers["content-type"] == "application/problem+json"
            assert "x" * 100 not in answer.text


async def test_a_token_that_has_expired_or_ended_opens_nothing(office: Office) -> None:
    member = await office.caseworker()
    async with await psycopg.AsyncConnection.connect(office.dsn, autocommit=True) as connection:
        expired = await issue(
            connection, office.organisation_id, member.member_id, Role.CASEWORKER, "bearer", timedelta(seconds=-1)
        )
        link = await issue(
            connection, office.organisation_id, member.member_id, Role.CASEWORKER, "link", timedelta(hours=1)
        )
    for secret in (expired, link):
        answer = await member.client.get("/dashboard", headers={"Authorization": f"Bearer {secret}"})
        assert answer.status_code == 401
        assert answer.json()["code"] == "token-unknown"
