"""Every error is answered here, once, by family: RFC 9457 problems with a stable `code`, and never a submitted value.

| what was raised                                        | status |
|--------------------------------------------------------|--------|
| RequestRefused                                         | its own: what is wrong with the request as HTTP |
| a body or parameter of the wrong type or size, Invalid | 422    |
| RuleBroken, `consent-missing` among them               | 409: the state of the record forbids it, and may change |
| NotFound, NotAllowed, Stale                            | 404, 403, 412 |
| KeyReused                                              | 422    |
| StoreBusy, StoreUnavailable, KeysUnavailable           | 503, to be tried again with the same Idempotency-Key |
| PdfNotInstalled                                        | 501: asking again does not help, another form does |
| anything else                                          | 500 `internal-error`; the log has its class and place |

`consent-missing` is no 403: the one who asks may do this, and does it once the person has said yes.
"""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, ClassVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.export.readable import PdfNotInstalled
from adapters.http.submitted import FIELD_NAMES
from adapters.keys.key_ring import KeysUnavailable
from adapters.postgres.stored import NotStorable, StoreBusy, StoreUnavailable
from application.record import KeyReused
from domain.errors import Busy, Invalid, NotAllowed, NotFound, Refusal, RuleBroken, Stale

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = "1"
# More than this helps nobody to mend a request.
_ERRORS_SHOWN = 50

_STATUS_OF: Mapping[type[Exception], int] = {
    KeyReused: 422,
    Invalid: 422,
    NotStorable: 422,
    RuleBroken: 409,
    NotFound: 404,
    NotAllowed: 403,
    Stale: 412,
    Busy: 503,
    Refusal: 422,
    StoreBusy: 503,
    StoreUnavailable: 503,
    KeysUnavailable: 503,
    PdfNotInstalled: 501,
}

_log = logging.getLogger(__name__)


class FieldProblem(BaseModel):
    """What is wrong with one field (`pointer`, RFC 6901) or one parameter of the address or header (`parameter`)."""

    pointer: str | None = Field(default=None, examples=["#/minutes"])
    parameter: str | None = Field(default=None, examples=["limit"])
    code: str = Field(examples=["out-of-range"])
    detail: str = Field(examples=["Take at most 1440."])


class Problem(BaseModel):
    """Why a request was not done (RFC 9457). `code` is stable; `detail` says what to do next."""

    type: str = Field(examples=["urn:problem-type:accompany:consent-missing"])
    title: str = Field(examples=["Conflict"])
    status: int = Field(examples=[409])
    code: str = Field(examples=["consent-missing"])
    detail: str = Field(examples=["No consent for this purpose was in force at that time. Ask the person first."])
    errors: list[FieldProblem] | None = None


class RequestRefused(Exception):
    """Something is wrong with the request as such, whatever the record holds. Nothing was recorded."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "bad-request"
    message: ClassVar[str] = "The request is not understood."

    def __init__(self, *, errors: Sequence[FieldProblem] = (), headers: Mapping[str, str] | None = None) -> None:
        super().__init__(self.message)
        self.errors = errors
        self.headers = headers


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    errors: Sequence[FieldProblem] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """The answer to a request that was not done."""
    body: dict[str, Any] = {
        "type": f"urn:problem-type:accompany:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
    }
    if errors:
        body["errors"] = [error.model_dump(exclude_none=True) for error in errors]
    more = {"Retry-After": RETRY_AFTER} if status == 503 else {}
    return JSONResponse(body, status, {**more, **(headers or {})}, MEDIA_TYPE)


def pointer(location: Sequence[object]) -> str:
    """A JSON pointer to a field, or to the nearest object around it whose name is ours and not the sender's."""
    segments: list[str] = []
    for part in location:
        if not (isinstance(part, int) or part in FIELD_NAMES):
            break
        segments.append(str(part))
    return "/".join(("#", *segments))


def install(app: FastAPI) -> None:
    """Answers what the framework itself raises; the rest is for `Problems`."""
    app.add_exception_handler(RequestValidationError, _not_valid)
    app.add_exception_handler(HTTPException, _from_framework)


class Problems:
    """ASGI middleware: answers what is raised inside it. What nobody expected is logged by class and place, never by text."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            answer = answer_to(error)
            if answer.status_code == 500:
                _log.exception("request-failed")
            if started or scope["type"] != "http":
                raise
            await answer(scope, receive, send)


def answer_to(error: Exception) -> JSONResponse:
    """The problem that tells of an error."""
    if isinstance(error, RequestRefused):
        return problem(error.status, error.code, error.message, errors=error.errors, headers=error.headers)
    if isinstance(error, ClientDisconnect):
        return problem(400, "body-incomplete", "The connection ended before the body did.")
    for family, status in _STATUS_OF.items():
        if isinstance(error, family):
            code = str(getattr(error, "code", "refused"))
            fields: tuple[str, ...] = getattr(error, "fields", ())
            errors = [FieldProblem(pointer=pointer(name.split("/")), code=code, detail=str(error)) for name in fields]
            return problem(status, code, str(error), errors=errors)
    return problem(
        500, "internal-error", "Something went wrong here, not in your request. Tell whoever runs this service."
    )


async def _not_valid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found = [_field_problem(one) for one in error.errors()[:_ERRORS_SHOWN]]
    return problem(422, "invalid", "Some fields are not as they should be; `errors` says which.", errors=found)


async def _from_framework(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    match error.status_code:
        case 404:
            return problem(404, "no-such-address", "Nothing is found at this address.")
        case 405:
            allowed = ", ".join(sorted(_methods_at(request)))
            return problem(
                405, "method-not-allowed", "This address does not take that method.", headers={"Allow": allowed}
            )
        case status:
            return problem(status, "bad-request", "The request is not understood.", headers=error.headers)


def _methods_at(request: Request) -> set[str]:
    seen: set[str] = set()
    for route in iter_route_contexts(request.app.routes):
        pattern = getattr(route, "path_regex", None)
        if pattern is not None and pattern.match(request.scope["path"]):
            seen.update(getattr(route, "methods", None) or ())
    return seen


def _field_problem(error: Mapping[str, Any]) -> FieldProblem:
    """From Pydantic's account, of which only what stems from our own models is passed on: its texts quote the input."""
    place, *location = error["loc"]
    code, detail = _explained(error["type"], error.get("ctx", {}))
    if place != "body":
        return FieldProblem(parameter=str(location[0]), code=code, detail=detail)
    # An unknown field's name is the sender's, and so are the keys of a map.
    if error["type"] == "extra_forbidden" or location[-1:] == ["[key]"]:
        location = location[:-1] if error["type"] == "extra_forbidden" else location[:-2]
    return FieldProblem(pointer=pointer(location), code=code, detail=detail)


def _explained(kind: str, context: Mapping[str, Any]) -> tuple[str, str]:
    match kind:
        case "missing":
            return "missing", "This is required."
        case "extra_forbidden":
            return "unknown-field", "There is a field here that the API does not have."
        case "enum" | "literal_error":
            return "not-one-of", f"Take one of {context['expected']}."
        case "string_too_long":
            return "too-long", f"Take at most {context['max_length']} characters."
        case "string_too_short":
            return "too-short", f"Take at least {context['min_length']} characters."
        case "too_long":
            return "too-many", f"Take at most {context['max_length']}."
        case "too_short":
            return "too-few", f"Take at least {context['min_length']}."
        case "greater_than_equal":
            return "out-of-range", f"Take at least {context['ge']}."
        case "less_than_equal":
            return "out-of-range", f"Take at most {context['le']}."
        case "decimal_max_digits" | "decimal_max_places" | "decimal_whole_digits":
            return "out-of-range", "The number has more digits than the record takes."
    return "wrong-kind", _KINDS.get(kind.partition("_")[0], "The value is not of the kind that this field takes.")


_KINDS: Mapping[str, str] = {
    "bool": "Take true or false.",
    "date": "Take a day between 1900 and 2199, as 2025-03-01.",
    "datetime": "Take a time with its offset between 1900 and 2199, as 2025-03-01T08:15:00+01:00.",
    "decimal": "Take a number.",
    "dict": "Take an object.",
    "finite": "Take a number.",
    "int": "Take a whole number.",
    "list": "Take a list.",
    "model": "Take an object.",
    "string": "Take a text.",
    "tuple": "Take a list.",
    "uuid": "Take an id as the service gave it.",
}
