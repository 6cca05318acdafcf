"""Finding somebody. The question is a body: a name must not stand in an address, where logs and histories keep it."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from adapters.http.documented import ASKED
from adapters.http.parts import Parts
from adapters.http.reading import MinPosition, opener, reading
from adapters.http.signed_in import SignedIn
from adapters.http.strict_json import StrictRoute
from adapters.http.submitted import Submitted
from adapters.http.visible import own_cases_only
from application.permissions import refuse_unless
from projections.search import SearchResult, search


class Question(Submitted):
    q: Annotated[str, Field(min_length=1, max_length=200)] = Field(examples=["parwana"])


def search_routes(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/search", tags=["search"], route_class=StrictRoute)

    @router.post("", responses=ASKED)
    async def search_people(
        body: Question, by: SignedIn, response: Response, min_position: MinPosition = 0
    ) -> SearchResult:
        """People by name, telephone number or reference, among those whom the one who asks may see. Records nothing."""
        refuse_unless(by, "search")
        async with reading(parts, by, response, min_position) as connection:
            return await search(
                connection,
                organisation_id=by.organisation_id,
                caseworker_id=own_cases_only(by),
                query=body.q,
                opened=opener(parts, by),
            )

    return router
