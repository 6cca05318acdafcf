"""What every answer has in common, and what the API document says of it."""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from adapters.http import openapi
from tests.http.front_door import Office

pytestmark = pytest.mark.anyio


async def test_every_answer_is_kept_by_nobody_and_framed_by_nobody(office: Office, app: FastAPI) -> None:
    by = await office.caseworker()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://accompany.test") as anybody:
        answers = [
            await by.get("/people"),
            await by.client.get("/none"),
            await by.post("/people", {}),
            await anybody.get("/health/live"),
            await anybody.get("/api/v1/people"),
        ]
    assert [answer.status_code for answer in answers] == [200, 404, 422, 200, 401]
    for answer in answers:
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert "strict-transport-security" not in answer.headers


async def test_over_tls_a_browser_is_told_to_stay_there(office: Office, app: FastAPI) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="https://accompany.test") as anybody:
        assert (await anybody.get("/health/live")).headers["strict-transport-security"] == "max-age=31536000"


async def test_the_document_in_docs_is_the_one_that_is_answered(office: Office) -> None:
    by = await office.caseworker()
    answered = (await by.client.get("/openapi.json")).json()
    assert answered["openapi"].startswith("3.1")
    assert openapi.document() == openapi.FILE.read_text(encoding="utf-8")


async def test_the_document_tells_of_every_answer(app: FastAPI) -> None:
    document = app.openapi()
    operations: list[dict[str, Any]] = [
        operation
        for path, methods in document["paths"].items()
        for operation in methods.values()
        if not path.startswith("/health/")
    ]
    assert document["security"] == [{"token": []}]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    for operation in operations:
        assert operation["description"], operation["operationId"]
        assert operation["tags"], operation["operationId"]
        assert {"401", "403", "422", "500", "503"} <= set(operation["responses"])
        takes_if_match = [p["name"] for p in operation.get("parameters", ()) if p["name"] == "If-Match"]
        if "428" in operation["responses"]:
            assert takes_if_match, operation["operationId"]
        if "201" in operation["responses"]:
            assert "Location" in operation["responses"]["201"]["headers"]
