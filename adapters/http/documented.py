"""What the API document says of answers: for each kind of operation every status that can happen, and the headers."""

from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from adapters.http.headers import POSITION, REPLAYED
from adapters.http.problems import MEDIA_TYPE, Problem

type Responses = dict[int | str, dict[str, Any]]

_WHY = {
    400: "The request is not understood: malformed JSON or a malformed header.",
    401: "No token, or one that is not valid any more.",
    403: "The role of the one who asks never does this.",
    404: "It does not exist, or the one who asks may not see it.",
    408: "The body did not arrive in time.",
    409: "The state of the record does not allow it; `consent-missing` is one of the codes.",
    412: "The record has changed since the version in If-Match.",
    413: "The body is larger than 64 KiB.",
    415: "The body is not application/json.",
    422: "A value is of the wrong kind or can't be true; or the Idempotency-Key was used for another request.",
    428: "If-Match is missing.",
    500: "Something unexpected went wrong.",
    501: "What was asked for needs a package that is not installed here; `pdf-not-installed` is the code.",
    503: "The record or what was asked for can't be reached right now. Try again, with the same Idempotency-Key.",
}
_REFUSED = {"$ref": "#/components/schemas/Problem"}
_POSITION_HEADER = {
    POSITION: {"description": "A log position, to hand to a read as `min_position`.", "schema": {"type": "integer"}}
}


def _problems(*statuses: int) -> Responses:
    return {status: _problem(status) for status in statuses}


def _problem(status: int) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = {"schema": {"type": "string"}}
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = {"description": "In seconds.", "schema": {"type": "integer"}}
    found: dict[str, Any] = {"description": _WHY[status], "content": {MEDIA_TYPE: {"schema": _REFUSED}}}
    return {**found, "headers": headers} if headers else found


_RECORDED_HEADERS = {
    **_POSITION_HEADER,
    REPLAYED: {"description": "`true` where this is the first answer again.", "schema": {"type": "string"}},
}
_LOCATION = {"Location": {"description": "Where it is to be found.", "schema": {"type": "string"}}}

READ: Responses = {
    200: {"description": "What stands in the record.", "headers": _POSITION_HEADER},
    **_problems(401, 403, 404, 422, 500, 503),
}
VERSIONED: Responses = {
    **READ,
    200: {
        "description": "What stands in the record.",
        "headers": {
            **_POSITION_HEADER,
            "ETag": {"description": "The version, in quotes, for If-Match.", "schema": {"type": "string"}},
        },
    },
}
ASKED: Responses = {
    200: {"description": "What was found.", "headers": _POSITION_HEADER},
    **_problems(400, 401, 403, 408, 413, 415, 422, 500, 503),
}
FACT: Responses = {
    201: {"description": "Recorded.", "headers": {**_RECORDED_HEADERS, **_LOCATION}},
    **_problems(400, 401, 403, 404, 408, 409, 412, 413, 415, 422, 500, 503),
}
CHANGE: Responses = {**FACT, **_problems(428)}
CHANGED: Responses = {
    200: {"description": "Recorded.", "headers": _RECORDED_HEADERS},
    **{status: answer for status, answer in CHANGE.items() if status != 201},
}
COPIED: Responses = {
    200: {
        "description": "The copy, as a file.",
        "content": {
            "application/json": {"schema": {"type": "object"}},
            "application/pdf": {"schema": {"type": "string", "format": "binary"}},
        },
    },
    **_problems(400, 401, 403, 404, 408, 409, 412, 413, 415, 422, 500, 501, 503),
}


TAGS = (
    ("people", "Trainees, mentors, and those who are both."),
    ("rights", "A person's rights in their data: erasure, restriction, objection, copies."),
    ("mentorships", "Cases: started, paused, handed over, closed."),
    ("consents", "What the trainee decided about their data, purpose by purpose."),
    ("goals", "Set, revised, reached or dropped."),
    ("sessions", "What trainee and mentor did together."),
    ("appointments", "At offices, and going along to them."),
    ("credentials", "Recognition of what somebody learned elsewhere."),
    ("outcomes", "What was found at follow-ups."),
    ("corrections", "Putting an entry right without editing it."),
    ("timeline", "Everything that was recorded in a case."),
    ("consent trail", "For every act of processing the consent behind it."),
    ("evidence", "What an auditor takes home, and checks without us."),
    ("dashboard", "What is on today, and what is due."),
    ("search", "Finding somebody."),
    ("reports", "Figures, never a person."),
    ("health", "For whoever runs the service. Answered without a token."),
)
ABOUT = """\
The record of vocational mentorships between refugee trainees and experienced professionals, kept under consent.

- **Facts and changes.** A new fact is a POST, answered 201 with its `Location` and its log position. A change of state needs
  `If-Match` with the version, in quotes, that it was decided on.
- **Repeats.** With the same `Idempotency-Key` and body a command is done once, and answered the same each time.
- **Reading your own writes.** Hand the position of what you recorded to a read as `min_position`.
- **Errors** are problems (RFC 9457) with a stable `code`. They never repeat what was sent.
"""


def describe(app: FastAPI) -> None:
    """Makes the app answer with this document: the framework's own, with problems, security and order added."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    # FastAPI's documented way to extend its document.
    app.openapi = document  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    found = get_openapi(
        title="Accompany",
        version=version("accompany"),
        description=ABOUT,
        routes=app.routes,
        tags=[{"name": name, "description": description} for name, description in TAGS],
    )
    schemas = found["components"]["schemas"]
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= problem.pop("$defs") | {"Problem": problem}
    found["components"]["schemas"] = dict(sorted(schemas.items()))
    found["components"]["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "`accompany token` issues one."}
    }
    found["security"] = [{"token": []}]
    shared = found["components"]["responses"] = {}
    for path, operations in found["paths"].items():
        for operation in operations.values():
            if path.startswith("/health/"):
                operation["security"] = []
            for status, answer in sorted(operation["responses"].items()):
                if MEDIA_TYPE in answer.get("content", {}):
                    shared[f"Problem{status}"] = operation["responses"].pop(status)
                    operation["responses"][status] = {"$ref": f"#/components/responses/Problem{status}"}
    found["components"]["responses"] = dict(sorted(shared.items()))
    return found
