"""Finding somebody. The question is a body: a name must not stand in an address, where logs and histories keep it."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field, StrictInt

from adapters.http.documented import ASKED
from adapters.http.headers import POSITION
from adapters.http.parts import Parts
from adapters.http.reading import MinPosition, NotYetProjected, cursor_of, opener, place_of, reading
from adapters.http.signed_in import SignedIn
from adapters.http.strict_json import StrictRoute
from adapters.http.submitted import Submitted
from adapters.http.visible import own_cases_only
from adapters.postgres.following import comes_to
from adapters.postgres.reader import Reader
from application.caller import Caller
from application.permissions import refuse_unless
from projections.findable import Question
from projections.phones import region_of
from projections.search import PersonFound, search

FOUND = 50


class Search(Submitted):
    """`cursor` is `next` of an answer to the same question."""

    q: Annotated[str, Field(min_length=1, max_length=200)] = Field(examples=["parwana"])
    limit: Annotated[StrictInt, Field(ge=1, le=200)] = FOUND
    cursor: Annotated[str | None, Field(max_length=200)] = None


@dataclass(frozen=True, slots=True)
class SearchResult:
    """People by name.

    `complete` where nobody else is known to match: where it is false, either more people do, and `next` is the cursor to ask for them
    with, or the index does not hold the whole record yet. `too_short` where the question has too few letters to look for anybody.
    `as_of_position` is the log position up to which people are found.
    """

    people: tuple[PersonFound, ...]
    complete: bool
    next: str | None
    too_short: bool
    as_of_position: int


def search_routes(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/search", tags=["search"], route_class=StrictRoute)

    @router.post("", responses=ASKED)
    async def search_people(
        body: Search, by: SignedIn, response: Response, min_position: MinPosition = 0
    ) -> SearchResult:
        """People by name, telephone number or reference, among those whom the one who asks may see. Records nothing."""
        return await found(parts, by, response, body.q, limit=body.limit, cursor=body.cursor, min_position=min_position)

    return router


async def found(
    parts: Parts,
    by: Caller,
    response: Response,
    typed: str,
    *,
    limit: int = FOUND,
    cursor: str | None = None,
    min_position: int = 0,
) -> SearchResult:
    """Raises NotAllowed, CursorMalformed, or as `reading`."""
    refuse_unless(by, "search")
    beyond = None if cursor is None else place_of(cursor, UUID)[0]
    question = Question.read(typed, region_of(by.zone.key))
    if min_position:
        await _indexed(parts, min_position)
    async with reading(parts, by, response, min_position) as connection:
        projected = int(response.headers[POSITION])
        as_of = min(projected, await parts.index.position(connection))
        response.headers[POSITION] = str(as_of)
        answer = await search(
            connection,
            organisation_id=by.organisation_id,
            caseworker_id=own_cases_only(by),
            question=question,
            beyond=beyond,
            limit=limit,
            candidates=partial(parts.index.candidates, connection, by.organisation_id, question),
            compared=partial(parts.index.opening.at, by.organisation_id),
            opened=opener(parts, by),
        )
    return SearchResult(
        people=answer.people,
        complete=answer.beyond is None and as_of >= projected,
        next=None if answer.beyond is None else cursor_of(answer.beyond),
        too_short=not question.alternatives,
        as_of_position=as_of,
    )


async def _indexed(parts: Parts, position: int) -> None:
    """Waits for the index. A position that nobody has recorded is refused elsewhere, at once."""
    is_recorded = position <= await Reader(parts.pool).last_position()
    if is_recorded and not await comes_to(parts.index.reached, position):
        raise NotYetProjected
