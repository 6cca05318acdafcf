"""Reading one case: who may see it, not before a position, and with its version as the ETag."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from fastapi import Response
from psycopg import AsyncConnection

from adapters.http.parts import Parts
from adapters.http.reading import opener, reading
from adapters.http.visible import visible_case
from application.caller import Caller
from domain.errors import NotAllowed, NotFound
from domain.vocabulary import Role
from projections.case_file import CaseFile, Part, case_file
from projections.cases import Case

# A mentor sees nothing of offices, papers and consents: immigration matters are between trainee and caseworker.
NOT_FOR_MENTORS = frozenset({Role.MENTOR})


@asynccontextmanager
async def reading_case(
    parts: Parts,
    by: Caller,
    mentorship_id: UUID,
    response: Response,
    min_position: int,
    *,
    hidden_from: Collection[Role] = (),
) -> AsyncIterator[tuple[AsyncConnection[Any], Case]]:
    """A connection to read a case with, and its bare row.

    Raises NotFound where the case is not the caller's to see, NotAllowed for a hidden part of it.
    """
    async with reading(parts, by, response, min_position) as connection:
        case = await visible_case(connection, by, mentorship_id)
        if by.role in hidden_from:
            raise NotAllowed
        response.headers["ETag"] = f'"{case.version}"'
        yield connection, case


async def read_case_file(
    parts: Parts,
    by: Caller,
    mentorship_id: UUID,
    response: Response,
    min_position: int,
    *,
    showing: Collection[Part],
    hidden_from: Collection[Role] = (),
) -> CaseFile:
    """The case file with the parts that a route shows. Raises as `reading_case`."""
    async with reading_case(parts, by, mentorship_id, response, min_position, hidden_from=hidden_from) as (
        connection,
        _,
    ):
        found = await case_file(
            connection,
            organisation_id=by.organisation_id,
            mentorship_id=mentorship_id,
            today=by.today,
            opened=opener(parts, by),
            showing=showing,
        )
    if found is None:
        raise NotFound
    return found
