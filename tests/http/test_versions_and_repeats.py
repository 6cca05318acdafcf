"""What was decided on what, and what was asked twice."""

import asyncio
from datetime import timedelta

import psycopg
import pytest

from adapters.identity.members import issue
from domain.vocabulary import Role
from tests.http.front_door import Office, OpenCase
from tests.http.operations import OPERATIONS, Filled

pytestmark = pytest.mark.anyio

CHANGES = [name for name, operation in OPERATIONS.items() if operation.changes]
SESSION = {"minutes": 60, "medium": "video", "occurred_on": "2025-02-01"}


async def test_a_change_of_state_says_what_it_was_decided_on(office: Office) -> None:
    by = await office.caseworker()
    filled = await Filled.fill(await OpenCase.begin(office), by)
    for name in CHANGES:
        operation = OPERATIONS[name]
        path = operation.path.format(**filled.ids)
        missing = await by.client.request(operation.method, path, json=operation.body)
        assert (missing.status_code, missing.json()["code"]) == (428, "precondition-required"), name
        stale = await by.client.request(operation.method, path, json=operation.body, headers={"If-Match": '"99"'})
        assert (stale.status_code, stale.json()["code"]) == (412, "stale-version"), name


@pytest.mark.parametrize("if_match", ["7", "*", 'W/"7"', '"7", "8"', '"seven"', '"1234567890123"', '""', "\u0667"])
async def test_if_match_takes_one_version_in_quotes(office: Office, if_match: str) -> None:
    by = await office.caseworker()
    case = await OpenCase.begin(office)
    answer = await by.client.post(f"{case.path}/pause", json={}, headers={b"If-Match": if_match.encode()})
    assert (answer.status_code, answer.json()["code"]) == (400, "if-match-malformed")


async def test_of_two_headers_of_one_name_neither_is_guessed_at(office: Office) -> None:
    by = await office.caseworker()
    case = await OpenCase.begin(office)
    etag = await by.etag(case.path)
    for headers, code in (
        ([("If-Match", etag), ("If-Match", '"99"')], "if-match-malformed"),
        ([("If-Match", etag), ("Idempotency-Key", "a"), ("Idempotency-Key", "b")], "idempotency-key-malformed"),
        ([("If-Match", etag), ("Idempotency-Key", "a"), ("Idempotency-Key", "a")], "idempotency-key-malformed"),
    ):
        answer = await by.client.post(f"{case.path}/pause", json={}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert await by.etag(case.path) == etag


async def test_a_fact_needs_no_version_and_minds_one_that_is_sent(office: Office) -> None:
    by = await office.caseworker()
    case = await OpenCase.begin(office)
    etag = await by.etag(case.path)
    assert (await by.post(f"{case.path}/sessions", SESSION, if_match=etag)).status_code == 201
    assert (await by.post(f"{case.path}/sessions", SESSION, if_match=etag)).status_code == 412
    assert (await by.post(f"{case.path}/sessions", SESSION)).status_code == 201


async def test_facts_recorded_at_once_do_not_conflict(office: Office) -> None:
    by = await office.caseworker()
    case = await OpenCase.begin(office)
    answers = await asyncio.gather(*(by.post(f"{case.path}/sessions", SESSION) for _ in range(6)))
    assert [answer.status_code for answer in answers] == [201] * 6
    assert len({answer.json()["version"] for answer in answers}) == 6


async def test_a_repeat_gets_the_first_answer(office: Office) -> None:
    by = await office.caseworker()
    case = await OpenCase.begin(office)
    first = await by.post(f"{case.path}/sessions", SESSION, idempotency_key="from-the-phone-1")
    again = await by.post(f"{case.path}/sessions", SESSION, idempotency_key="from-the-phone-1")
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["location"] == first.headers["location"]
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert len((await by.get(f"{case.path}/sessions")).json()["entries"]) == 1


async def test_a_repeat_of_a_change_gets_the_first_answer_though_the_version_is_past(office: Office) -> None:
    by = await office.caseworker()
    case = await OpenCase.begin(office)
    etag = await by.etag(case.path)
    first = await by.post(f"{case.path}/pause", {}, if_match=etag, idempotency_key="k")
    again = await by.post(f"{case.path}/pause", {}, if_match=etag, idempotency_key="k")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()


async def test_a_person_and_a_case_are_made_once(office: Office) -> None:
    by = await office.caseworker()
    people = [
        await by.post("/people", {"role": role, "full_name": "Invented"}, idempotency_key=role)
        for role in ("trainee", "mentor", "trainee", "mentor")
    ]
    assert [one.json()["id"] for one in people[:2]] == [one.json()["id"] for one in people[2:]]
    body = {"trainee_id": people[0].json()["id"], "mentor_id": people[1].json()["id"], "track": "crafts"}
    cases = [await by.post("/mentorships", body, idempotency_key="case") for _ in range(2)]
    assert cases[0].json() == cases[1].json()
    path = f"/people/{people[0].json()['id']}"
    etag = await by.etag(path)
    changes = [await by.patch(path, {"note": "x"}, if_match=etag, idempotency_key="note") for _ in range(2)]
    assert [one.status_code for one in changes] == [200, 200]
    assert changes[0].json() == changes[1].json()


async def test_one_key_for_two_requests_is_a_mistake(office: Office) -> None:
    by = await office.caseworker()
    case = await OpenCase.begin(office)
    assert (await by.post(f"{case.path}/sessions", SESSION, idempotency_key="k")).status_code == 201
    for path, body in (
        (f"{case.path}/sessions", {**SESSION, "minutes": 61}),
        (f"{case.path}/outcomes", {"status": "unknown"}),
    ):
        answer = await by.post(path, body, idempotency_key="k")
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-key-reused")


async def test_two_at_once_with_one_key_record_one_fact(office: Office) -> None:
    by = await office.caseworker()
    case = await OpenCase.begin(office)
    answers = await asyncio.gather(
        *(by.post(f"{case.path}/sessions", SESSION, idempotency_key="twice") for _ in range(5))
    )
    assert [answer.status_code for answer in answers] == [201] * 5
    assert len({answer.text for answer in answers}) == 1
    assert len((await by.get(f"{case.path}/sessions")).json()["entries"]) == 1


async def test_a_key_belongs_to_the_one_who_sent_it(office: Office) -> None:
    by, coordinator = await office.caseworker(), await office.coordinator()
    case = await OpenCase.begin(office)
    answers = [await one.post(f"{case.path}/sessions", SESSION, idempotency_key="k") for one in (by, coordinator)]
    assert answers[0].json()["version"] != answers[1].json()["version"]


async def test_whoever_handed_a_case_over_gets_the_first_answer_again_and_sees_it_no_more(office: Office) -> None:
    by, other = await office.caseworker(), await office.member(Role.CASEWORKER, "other-caseworker")
    case = await OpenCase.begin(office)
    etag = await by.etag(case.path)
    handover = f"{case.path}/handover", {"to_caseworker_id": str(other.member_id)}
    first = await by.post(*handover, if_match=etag, idempotency_key="k")
    again = await by.post(*handover, if_match=etag, idempotency_key="k")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert (await by.post(*handover, if_match=etag, idempotency_key="another")).status_code == 404
    stranger = await office.member(Role.CASEWORKER, "stranger")
    assert (await stranger.post(*handover, if_match=etag, idempotency_key="k")).status_code == 404


async def test_the_same_member_in_another_role_gets_no_answer_of_the_first(office: Office) -> None:
    case = await OpenCase.begin(office)
    coordinator = await office.coordinator()
    roles = {}
    async with await psycopg.AsyncConnection.connect(office.dsn, autocommit=True) as connection:
        for role in (Role.CASEWORKER, Role.AUDITOR, Role.COORDINATOR):
            token = await issue(
                connection, office.organisation_id, coordinator.member_id, role, "bearer", timedelta(hours=1)
            )
            roles[role] = {"Authorization": f"Bearer {token}", "Idempotency-Key": "k"}
    statuses = [
        (await coordinator.client.post(f"{case.path}/sessions", json=SESSION, headers=roles[role])).status_code
        for role in (Role.COORDINATOR, Role.COORDINATOR, Role.CASEWORKER, Role.AUDITOR)
    ]
    assert statuses == [201, 201, 422, 403]


@pytest.mark.parametrize("key", ["", "x" * 201, "with blank", "schlüssel"])
async def test_a_key_has_visible_ascii_characters(office: Office, key: str) -> None:
    by = await office.caseworker()
    answer = await by.client.post("/people", json={}, headers={b"Idempotency-Key": key.encode()})
    assert answer.status_code in (400, 422)
    answer = await by.client.post(
        "/people", json={"role": "mentor", "full_name": "x"}, headers={b"Idempotency-Key": key.encode()}
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency-key-malformed")
