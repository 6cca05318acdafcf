"""Headers of commands: who repeats what (`Idempotency-Key`), and what it was decided on (`If-Match`)."""

import re
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel, Field, WithJsonSchema

from adapters.http.parts import Parts
from adapters.http.problems import RequestRefused
from adapters.http.signed_in import SignedIn
from application.caller import Caller, Receipt, Submission
from application.ids import new_id

API = "/api/v1"
POSITION = "Accompany-Position"
REPLAYED = "Idempotent-Replayed"

_KEY = re.compile(r"^[!-~]{1,200}$")
_VERSION = re.compile(r'^"([0-9]{1,9})"$')


class KeyMalformed(RequestRefused):
    code = "idempotency-key-malformed"
    message = "Send one Idempotency-Key, of 1 to 200 visible ASCII characters."


class IfMatchMalformed(RequestRefused):
    code = "if-match-malformed"
    message = 'If-Match takes one version in quotes, as "7".'


class PreconditionRequired(RequestRefused):
    status = 428
    code = "precondition-required"
    message = "This changes a state: send If-Match with the version, in quotes, that you decided on."


class Recorded(BaseModel):
    """What was recorded. `id` is of what the fact is about; `version` is the entry's place in its record.

    `position` is the log position to hand to a read as `min_position`.
    """

    id: UUID = Field(examples=["0197b6a0-5c1e-7d3a-9b0e-2f6f3c1d4e5a"])
    version: int = Field(examples=[12])
    position: int = Field(examples=[48211])


IdempotencyKey = Annotated[
    str | None,
    WithJsonSchema({"type": "string", "pattern": _KEY.pattern}),
    Header(
        alias="Idempotency-Key",
        description="1 to 200 visible ASCII characters. A repeat with the same key and body gets the first answer again; "
        "another body is refused. Without one, a repeat is recorded as another fact.",
    ),
]
IfMatch = Annotated[
    str | None,
    WithJsonSchema({"type": "string", "pattern": _VERSION.pattern, "examples": ['"7"']}),
    Header(alias="If-Match", description='The version, in quotes, that this was decided on, as `"7"`.'),
]


async def _new(request: Request, by: SignedIn, idempotency_key: IdempotencyKey = None) -> Submission:
    return await _submission(request, by, idempotency_key, None)


async def _fact(
    request: Request, by: SignedIn, idempotency_key: IdempotencyKey = None, if_match: IfMatch = None
) -> Submission:
    return await _submission(request, by, idempotency_key, if_match)


async def _change(
    request: Request, by: SignedIn, idempotency_key: IdempotencyKey = None, if_match: IfMatch = None
) -> Submission:
    if if_match is None:
        raise PreconditionRequired
    return await _submission(request, by, idempotency_key, if_match)


NewRecord = Annotated[Submission, Depends(_new)]
"""A command that opens a record of its own: there is no version yet that it could build on."""

Fact = Annotated[Submission, Depends(_fact)]
"""A command that adds a fact, on whatever was recorded meanwhile; If-Match is honoured where it is sent."""

ChangeOfState = Annotated[Submission, Depends(_change)]
"""A command that decides on what its sender has seen: If-Match is required."""


async def _submission(request: Request, by: Caller, key: str | None, if_match: str | None) -> Submission:
    """The key is stored as a keyed digest too: a sender may have put a name in it.

    Somebody who holds two roles may see more in one of them, so that the same in another role is another request.
    """
    # Of two headers of a name only one would be heeded, and nobody can say which one was meant.
    if len(request.headers.getlist("idempotency-key")) > 1 or (key is not None and not _KEY.fullmatch(key)):
        raise KeyMalformed
    if len(request.headers.getlist("if-match")) > 1:
        raise IfMatchMalformed
    expected = None
    if if_match is not None:
        found = _VERSION.fullmatch(if_match.strip())
        if not found:
            raise IfMatchMalformed
        expected = int(found[1])
    digest = parts_of(request).digest
    stored_key = str(new_id()) if key is None else digest(b"Idempotency-Key\0" + key.encode()).hex()
    asked = f"{by.role} {request.method} {request.scope['path']}\0".encode()
    return Submission(stored_key, digest(asked + await request.body()), expected)


def parts_of(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


def created(receipt: Receipt, response: Response, address: str, subject: UUID) -> Recorded:
    """Answers a command with 201. `address` may hold `{id}` and `{version}`; `subject` is the id where the answer has none."""
    version = int(receipt.answer["version"])
    identifier = UUID(str(receipt.answer.get("id", subject)))
    response.headers["Location"] = f"{API}{address.format(id=identifier, version=version)}"
    return answered(receipt, response, identifier)


def answered(receipt: Receipt, response: Response, subject: UUID) -> Recorded:
    """The same without an address of its own."""
    response.headers[POSITION] = str(receipt.position)
    if receipt.repeated:
        response.headers[REPLAYED] = "true"
    return Recorded(id=subject, version=int(receipt.answer["version"]), position=receipt.position)
