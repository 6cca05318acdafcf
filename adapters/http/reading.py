"""How a read is done: not before a position that the reader waits for, in one transaction that sees one organisation."""

import base64
import binascii
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Response
from psycopg import AsyncConnection
from pydantic import WithJsonSchema

from adapters.disclosure import hold
from adapters.http.headers import POSITION
from adapters.http.parts import Parts
from adapters.http.problems import RequestRefused
from adapters.postgres.reader import Reader
from adapters.postgres.runner import reached, wait_for
from application.caller import Caller
from domain.events import RecordEvent
from projections.cases import trainees_of
from projections.projection import Opener, as_of

MinPosition = Annotated[
    int,
    Query(
        ge=0,
        le=2**63 - 1,
        description="Wait up to two seconds until what was recorded up to this log position can be read.",
    ),
]
Limit = Annotated[int, Query(ge=1, le=200, description="At most so many entries on a page.")]
Cursor = Annotated[
    str | None,
    WithJsonSchema({"type": "string", "maxLength": 200}),
    Query(max_length=200, description="`next` of the page before. It means nothing to anybody but this service."),
]


class NotYetProjected(RequestRefused):
    status = 503
    code = "not-yet-projected"
    message = "What you wait for is recorded, but can't be read yet. Ask again in a moment."


class PositionUnknown(RequestRefused):
    status = 422
    code = "position-unknown"
    message = "Nothing is recorded at this log position. Take one that an answer of this service named."


class CursorMalformed(RequestRefused):
    status = 422
    code = "cursor-malformed"
    message = "The cursor is not one that this service gave. Start from the first page."


@asynccontextmanager
async def reading(
    parts: Parts, by: Caller, response: Response, min_position: int
) -> AsyncIterator[AsyncConnection[Any]]:
    """A connection that sees the caller's organisation.

    Raises NotYetProjected, PositionUnknown, StoreBusy or StoreUnavailable.
    """
    # Nobody holds a connection while waiting.
    if min_position and min_position > await reached(parts.pool):
        if min_position > await Reader(parts.pool).last_position():
            raise PositionUnknown
        if not await wait_for(parts.pool, min_position):
            raise NotYetProjected
    async with parts.reads, parts.pool.organisation(by.organisation_id) as connection:
        # Asked before reading: what is read may be newer than this says, and never older.
        response.headers[POSITION] = str(await as_of(connection))
        with parts.telemetry.sql("read-view"):
            yield connection


def opener(parts: Parts, by: Caller) -> Opener:
    """Opens events of the caller's organisation. What it opens is in the access log before the answer leaves."""

    async def opened(positions: Iterable[int], *, names: Iterable[int] = ()) -> Mapping[int, RecordEvent]:
        return await parts.opened(by, positions, names=names)

    return opened


async def consents_shown(connection: AsyncConnection[Any], by: Caller, mentorships: Iterable[UUID]) -> None:
    """Holds against the caller that they are shown what the trainees of these mentorships decided: nothing of it is sealed."""
    whose = await trainees_of(connection, by.organisation_id, set(mentorships))
    hold(((trainee_id, mentorship_id) for mentorship_id, trainee_id in whose.items()), "consent-trail")


def people_named(people: Iterable[UUID], what: str) -> None:
    """Holds against the caller that they are shown something about people that is not sealed."""
    hold(((person_id, None) for person_id in people), what)


def cursor_of(*place: object) -> str:
    """A cursor that stands for the last entry of a page."""
    return base64.urlsafe_b64encode("|".join(map(str, place)).encode()).rstrip(b"=").decode()


def place_of(cursor: str, *kinds: Any) -> tuple[Any, ...]:
    """What a cursor stands for, each part read by its kind. Raises CursorMalformed."""
    try:
        written = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
        return tuple(kind(part) for kind, part in zip(kinds, written.split("|"), strict=True))
    except (ValueError, binascii.Error, OverflowError):
        raise CursorMalformed from None


def whole(limit: int) -> Callable[[str], int]:
    """Reads a whole number from 0 to below `limit`: a cursor must not hold what PostgreSQL does not take."""

    def read(written: str) -> int:
        number = int(written)
        if not 0 <= number < limit:
            raise ValueError
        return number

    return read
