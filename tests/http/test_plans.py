"""The short way to a route and through it, beside the framework's own: whatever is asked, both answer the same."""

from typing import Annotated, Any
from uuid import UUID

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Header, Query, Request, Response
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel, Field

from adapters.http.app import create_app
from adapters.http.arguments import plan_of
from adapters.http.parts import Parts
from adapters.http.strict_json import StrictRoute
from adapters.wiring import Installation
from tests.http.operations import OPERATIONS

pytestmark = pytest.mark.anyio

ID = "0197b6a0-5c1e-7d3a-9b0e-2f6f3c1d4e5a"


class Body(BaseModel):
    minutes: Annotated[int, Field(ge=1)]
    note: str = "none"


class Answer(BaseModel):
    told: list[Any]


async def who(request: Request) -> str:
    return request.headers.get("x-who", "nobody")


Who = Annotated[str, Depends(who)]


async def key_of(by: Who, key: Annotated[str | None, Header(alias="Idempotency-Key", max_length=5)] = None) -> str:
    return f"{by}:{key}"


def routes(kind: type[APIRoute]) -> FastAPI:
    router = APIRouter(route_class=kind, prefix="/things")

    @router.post("/{thing_id}/parts", status_code=201)
    async def add(
        thing_id: UUID, body: Body, by: Who, key: Annotated[str, Depends(key_of)], response: Response
    ) -> Answer:
        response.headers["X-Added"] = "yes"
        return Answer(told=[thing_id, body.minutes, body.note, by, key])

    @router.get("/{thing_id}")
    async def read(
        thing_id: UUID,
        response: Response,
        limit: Annotated[int, Query(ge=1, le=9)] = 5,
        after: Annotated[str | None, Query(max_length=4)] = None,
    ) -> Answer:
        if limit == 9:
            response.status_code = 203
        return Answer(told=[thing_id, limit, after])

    @router.get("/{thing_id}/names")
    async def names(thing_id: str, name: Annotated[list[str], Query()]) -> Answer:
        return Answer(told=[thing_id, *name])

    @router.get("/{thing_id}/raw")
    async def raw(thing_id: str, response: Response) -> Response:
        response.headers["X-Added"] = "no"
        return Response(thing_id.encode(), media_type="text/plain")

    app = FastAPI()
    app.include_router(router, prefix="/v1")
    return app


ASKED: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", f"/v1/things/{ID}/parts", {"json": {"minutes": 5}}),
    ("POST", f"/v1/things/{ID}/parts", {"json": {"minutes": 5, "note": "é"}, "headers": {"X-Who": "me"}}),
    ("POST", f"/v1/things/{ID}/parts", {"json": {"minutes": 5}, "headers": {"Idempotency-Key": "abc"}}),
    ("POST", f"/v1/things/{ID}/parts", {"json": {"minutes": 5}, "headers": {"Idempotency-Key": "too long"}}),
    ("POST", f"/v1/things/{ID}/parts", {"json": {"minutes": 0}}),
    ("POST", f"/v1/things/{ID}/parts", {"json": None}),
    ("POST", f"/v1/things/{ID}/parts", {"json": []}),
    ("POST", f"/v1/things/{ID}/parts", {}),
    ("POST", "/v1/things/none/parts", {"json": {"minutes": "x"}}),
    ("GET", f"/v1/things/{ID}", {}),
    ("GET", f"/v1/things/{ID}?limit=9&after=abcd", {}),
    ("GET", f"/v1/things/{ID}?limit=0&after=abcde", {}),
    ("GET", f"/v1/things/{ID}?limit=2&limit=3", {}),
    ("GET", "/v1/things/x/names?name=a&name=b", {}),
    ("GET", "/v1/things/x/names", {}),
    ("GET", "/v1/things/x/raw", {}),
    ("DELETE", f"/v1/things/{ID}", {}),
    ("GET", f"/v1/things/{ID}/", {}),
]


@pytest.mark.parametrize(("method", "path", "how"), ASKED)
async def test_a_plan_answers_as_the_framework_does(method: str, path: str, how: dict[str, Any]) -> None:
    answers = []
    for kind in (StrictRoute, APIRoute):
        transport = httpx.ASGITransport(routes(kind))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            answer = await client.request(method, path, **how)
            answers.append((answer.status_code, answer.content, sorted(answer.headers.multi_items())))
    assert answers[0] == answers[1]


async def test_every_command_goes_the_short_way(house: Installation) -> None:
    app = create_app(Parts.of(house))
    commands = [
        route.original_route
        for route in iter_route_contexts(app.routes[1:])
        if isinstance(route.original_route, StrictRoute) and route.original_route.body_field is not None
    ]
    assert len(commands) > 20
    # Answers with a file.
    assert [route.name for route in commands if plan_of(route) is None] == ["hand_out_copy"]


async def test_the_table_finds_what_the_framework_finds(house: Installation) -> None:
    by_table = create_app(Parts.of(house))
    by_search = create_app(Parts.of(house))
    table = by_table.routes[0]
    del by_search.router.routes[0]
    paths = {f"/api/v1{one.path}" for one in OPERATIONS.values()} | {"/health/live", "/health/ready"}
    for path in sorted(paths | {f"{path}/more" for path in paths} | {"/api/v1", "/api/v1/", "/health//live"}):
        for method in ("GET", "POST", "PATCH", "DELETE"):
            asked: dict[str, Any] = {"type": "http", "method": method, "path": path, "headers": []}
            found = [scope_after(app, dict(asked)) for app in (by_table, by_search)]
            assert found[0] == found[1], path
    is_found, _ = table.matches({"type": "http", "method": "GET", "path": "/api/v1/people"})
    assert is_found.name == "FULL"


def scope_after(app: FastAPI, scope: dict[str, Any]) -> tuple[Any, ...]:
    """Which route the app takes, and with which values."""
    for route in app.routes:
        match, child = route.matches(scope)
        if match.name == "FULL":
            if "endpoint" not in child:
                _, child, _, _ = route._match(scope)  # type: ignore[attr-defined]  # what an included router finds
            return child["endpoint"].__name__, child["path_params"]
    return (None,)
