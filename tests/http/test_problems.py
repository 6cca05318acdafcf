"""What is refused: with a status, a stable code and a place, and never with what was sent."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request

from adapters.http import strict_json
from adapters.http.app import create_app
from adapters.http.parts import Parts
from adapters.keys.key_ring import KeysUnavailable
from adapters.postgres.stored import StoreBusy, StoreUnavailable
from adapters.wiring import Installation
from tests.http.front_door import Office, OpenCase
from tests.http.operations import OPERATIONS, Filled

pytestmark = pytest.mark.anyio

CANARY = "Zebedäus-Kanarienvogel"
ASCII_CANARY = "canary-zebedee"


def problem(answer: httpx.Response) -> dict[str, Any]:
    """The problem, after a look at what all of them have."""
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == answer.status_code
    assert body["type"] == f"urn:problem-type:accompany:{body['code']}"
    assert body["title"]
    assert body["detail"]
    for hidden in (CANARY, ASCII_CANARY, json.dumps(CANARY)[1:-1]):
        assert hidden not in answer.text
        assert hidden not in str(answer.headers)
    return body


def places(body: dict[str, Any]) -> set[tuple[str, str]]:
    return {(error.get("pointer") or error["parameter"], error["code"]) for error in body["errors"]}


async def test_a_refusal_points_at_the_fields(office: Office) -> None:
    by = await office.caseworker()
    answer = await by.post(
        "/people",
        {
            "role": CANARY,
            "full_name": "x" * 501 + CANARY,
            "born_on": CANARY,
            "gender": 7,
            "languages": [{"language": "de", "level": CANARY}, {"language": ["de"]}],
            "care_duties": "yes",
            "note": None,
        },
    )
    assert answer.status_code == 422
    assert places(problem(answer)) == {
        ("#/role", "not-one-of"),
        ("#/full_name", "too-long"),
        ("#/born_on", "wrong-kind"),
        ("#/gender", "not-one-of"),
        ("#/languages/0/level", "not-one-of"),
        ("#/languages/1/language", "wrong-kind"),
        ("#/care_duties", "wrong-kind"),
        ("#/note", "wrong-kind"),
    }


async def test_an_unknown_field_is_refused_and_not_named(office: Office) -> None:
    by = await office.caseworker()
    body = {"role": "trainee", "full_name": "x", CANARY: 1, "languages": [{"language": "de", CANARY: {CANARY: 1}}]}
    answer = await by.post("/people", body)
    assert answer.status_code == 422
    assert places(problem(answer)) == {("#", "unknown-field"), ("#/languages/0", "unknown-field")}


async def test_every_operation_refuses_unknown_fields_and_parameters(office: Office) -> None:
    by = await office.coordinator()
    filled = await Filled.fill(await OpenCase.begin(office), await office.caseworker())
    for name, operation in OPERATIONS.items():
        path = operation.path.format(**filled.ids)
        if operation.body is not None:
            body = {**operation.body, ASCII_CANARY: ASCII_CANARY}
            answer = await by.client.request(operation.method, path, json=body, headers={"If-Match": '"1"'})
            assert answer.status_code == 422, name
            assert ("#", "unknown-field") in places(problem(answer)), name
        answer = await by.client.request(operation.method, path, params={ASCII_CANARY: ASCII_CANARY})
        assert (answer.status_code, problem(answer)["code"]) == (422, "unknown-parameter"), name


async def test_a_rule_of_the_domain_points_at_its_fields(office: Office) -> None:
    by = await office.caseworker()
    case = await OpenCase.begin(office)
    answer = await by.post(f"{case.path}/sessions", {"minutes": -5, "medium": "phone", "summary": CANARY})
    assert answer.status_code == 422
    assert places(problem(answer)) == {("#/minutes", "minutes-out-of-range")}


async def test_a_correction_points_at_the_change_and_names_no_field_of_the_senders(office: Office) -> None:
    by = await office.caseworker()
    case = await OpenCase.begin(office)
    held = await by.post(f"{case.path}/sessions", {"minutes": 5, "medium": "phone", "occurred_on": "2025-02-01"})
    version = held.json()["version"]
    for changes, place in (
        ({"minutes": CANARY}, ("#/changes/minutes", "value-not-understood")),
        ({"minutes": 5000}, ("#/changes/minutes", "minutes-out-of-range")),
        ({"stage": CANARY}, ("#/changes", "field-not-correctable")),
        ({CANARY: 5}, ("#/changes", "not-one-of")),
    ):
        answer = await by.post(f"{case.path}/corrections", {"corrects": version, "changes": changes, "reason": CANARY})
        assert answer.status_code == 422, changes
        assert places(problem(answer)) == {place}


BODIES = {
    b'{"role": "trainee", "full_name": NaN}': (400, "number-too-large"),
    b'{"role": "trainee", "full_name": -Infinity}': (400, "number-too-large"),
    b'{"role": "trainee", "full_name": 1e999}': (400, "number-too-large"),
    b'{"role": "trainee", "full_name": ' + b"9" * 5_000 + b"}": (400, "number-too-large"),
    b'{"role": "trainee", "role": "mentor"}': (400, "duplicate-name"),
    b'{"role": "trainee", "languages": [{"level": 1, "level": 2}]}': (400, "duplicate-name"),
    b'{"full_name": "\\ud83d canary-zebedee"}': (422, "lone-surrogate"),
    b'{"\\udc00 canary-zebedee": 1}': (422, "lone-surrogate"),
    b'{"full_name": "canary-zebedee \\u0000"}': (422, "nul-character"),
    b'{"full_name": "canary-zebedee \x00"}': (400, "malformed-json"),
    b'{"full_name": "\xff\xfe"}': (400, "malformed-json"),
    '{"full_name": "x"}'.encode("utf-16"): (400, "malformed-json"),
    b'\xef\xbb\xbf{"full_name": "x"}': (400, "malformed-json"),
    b'{"full_name": "canary-zebedee"': (400, "malformed-json"),
    b"{'full_name': 'canary-zebedee'}": (400, "malformed-json"),
    b"canary-zebedee": (400, "malformed-json"),
    b" ": (400, "malformed-json"),
    b"[" * 60_000: (400, "too-deep"),
    b'{"note":' * 40 + b"1" + b"}" * 40: (400, "too-deep"),
    b"[" * 33 + b"]" * 33: (400, "too-deep"),
    b"": (422, "invalid"),
    b"null": (422, "invalid"),
    b"[]": (422, "invalid"),
    b'"canary-zebedee"': (422, "invalid"),
    b'{"full_name": "' + b"x" * 70_000 + b'"}': (413, "body-too-large"),
}


@pytest.mark.parametrize("body", BODIES, ids=[f"{code}-{number}" for number, (_, code) in enumerate(BODIES.values())])
async def test_a_body_that_means_nothing_or_two_things_is_refused(office: Office, body: bytes) -> None:
    by = await office.caseworker()
    answer = await by.client.post("/people", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, problem(answer)["code"]) == BODIES[body]


async def test_a_body_without_an_end_is_cut(office: Office) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 10_000

    by = await office.caseworker()
    answer = await by.client.post("/people", content=endless(), headers={"Content-Type": "application/json"})
    assert (answer.status_code, problem(answer)["code"]) == (413, "body-too-large")


async def test_a_body_that_trickles_in_is_not_waited_for(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    async def trickling() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(5)
        yield b"}"

    monkeypatch.setattr(strict_json, "SECONDS", 0.1)
    by = await office.caseworker()
    answer = await by.client.post("/people", content=trickling(), headers={"Content-Type": "application/json"})
    assert (answer.status_code, problem(answer)["code"]) == (408, "body-too-slow")


async def test_lists_are_bounded(office: Office) -> None:
    by = await office.caseworker()
    languages = [{"language": "de"}] * 101
    answer = await by.post("/people", {"role": "trainee", "full_name": "x", "languages": languages})
    assert places(problem(answer)) == {("#/languages", "too-many")}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/merge-patch+json"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
async def test_a_body_is_json_in_utf_8(office: Office, headers: dict[str, str]) -> None:
    by = await office.caseworker()
    answer = await by.client.post("/people", content=b'{"full_name": "x"}', headers=headers)
    assert (answer.status_code, problem(answer)["code"]) == (415, "not-json")


@pytest.mark.parametrize("content_type", ["application/json;charset=UTF-8", 'Application/JSON; charset="utf-8"'])
async def test_utf_8_may_be_named(office: Office, content_type: str) -> None:
    by = await office.caseworker()
    body = json.dumps({"role": "mentor", "full_name": CANARY}, ensure_ascii=False).encode()
    answer = await by.client.post("/people", content=body, headers={"Content-Type": content_type})
    assert answer.status_code == 201


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("occurred_on", "0001-01-01"),
        ("occurred_on", "2025-02-30"),
        ("occurred_on", 1_700_000_000),
        ("occurred_on", "1700000000"),
        ("occurred_on", "2025-03-01T00:00:00"),
        ("occurred_at", "0001-01-01T00:00:00+14:00"),
        ("occurred_at", 1_700_000_000),
        ("occurred_at", "2025-03-01 10:00"),
        ("occurred_at", "2025-03-01T10:00:00"),
        ("occurred_at", "2025-03-01T25:00:00Z"),
        ("occurred_at", "9999-12-31T23:59:59Z"),
        ("minutes", "60"),
        ("minutes", 60.5),
        ("minutes", True),
        ("minutes", 10**15),
        ("medium", ["phone"]),
    ],
)
async def test_values_are_of_json_s_own_kinds(office: Office, field: str, value: Any) -> None:
    by = await office.caseworker()
    case = await OpenCase.begin(office)
    answer = await by.post(f"{case.path}/sessions", {"minutes": 60, "medium": "phone", field: value})
    assert answer.status_code == 422
    assert {pointer for pointer, _ in places(problem(answer))} == {f"#/{field}"}


async def test_a_malformed_id_points_at_its_parameter(office: Office) -> None:
    by = await office.caseworker()
    answer = await by.client.get(
        f"/mentorships/{ASCII_CANARY}/timeline", params={"limit": ASCII_CANARY, "cursor": "x" * 201}
    )
    assert answer.status_code == 422
    assert places(problem(answer)) == {
        ("mentorship_id", "wrong-kind"),
        ("limit", "wrong-kind"),
        ("cursor", "too-long"),
    }


async def test_an_address_that_is_none_says_so(office: Office) -> None:
    by = await office.caseworker()
    for path in (f"/{ASCII_CANARY}", f"/people/{ASCII_CANARY}/{ASCII_CANARY}", "/people/"):
        answer = await by.client.get(path)
        assert (answer.status_code, problem(answer)["code"]) == (404, "no-such-address")


async def test_a_method_that_is_none_names_those_that_are(office: Office) -> None:
    by = await office.caseworker()
    for method in ("PUT", "DELETE", "OPTIONS", "TRACE"):
        answer = await by.client.request(method, "/people")
        assert (answer.status_code, problem(answer)["code"]) == (405, "method-not-allowed")
        assert answer.headers["allow"] == "GET, POST"


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (StoreBusy(), 503, "store-busy"),
        (StoreUnavailable(), 503, "store-unavailable"),
        (KeysUnavailable(), 503, "keys-unavailable"),
        (ValueError(CANARY), 500, "internal-error"),
        (KeyError(ASCII_CANARY), 500, "internal-error"),
    ],
)
async def test_what_fails_inside_is_told_without_its_text(
    house: Installation, office: Office, caplog: pytest.LogCaptureFixture, error: Exception, status: int, code: str
) -> None:
    app: FastAPI = create_app(Parts.of(house))

    @app.get("/api/v1/failing")
    async def fail(_request: Request) -> None:
        raise error

    by = await office.caseworker()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://accompany.test") as client:
        answer = await client.get("/api/v1/failing", headers={"Authorization": f"Bearer {by.token}"})
    assert (answer.status_code, problem(answer)["code"]) == (status, code)
    assert ("retry-after" in answer.headers) == (status == 503)
    assert CANARY not in "".join(record.getMessage() for record in caplog.records)
