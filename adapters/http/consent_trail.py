"""The consent trail: for every act of processing the consent that it relied on, judged anew."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from psycopg import AsyncConnection

from adapters.http.documented import READ
from adapters.http.parts import Parts
from adapters.http.reading import Cursor, Limit, MinPosition, consents_shown, cursor_of, place_of, reading, whole
from adapters.http.signed_in import SignedIn
from adapters.http.strict_json import StrictRoute
from adapters.http.visible import visible_case
from application.caller import Caller
from application.permissions import refuse_unless
from domain.errors import NotAllowed
from domain.vocabulary import Role
from projections.consent_trail import TrailEntry, TrailTotals, consent_trail


@dataclass(frozen=True, slots=True)
class Trail:
    """Last recorded first; `totals` are of the whole trail. `next` is the cursor of the next page, null on the last one."""

    entries: tuple[TrailEntry, ...]
    totals: TrailTotals
    next: str | None


def consent_trail_routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["consent trail"], route_class=StrictRoute)

    @router.get("/consent-trail", responses=READ)
    async def read_consent_trail(
        by: SignedIn, response: Response, min_position: MinPosition = 0, cursor: Cursor = None, limit: Limit = 50
    ) -> Trail:
        """The trail of the whole organisation, for auditors and coordinators."""
        refuse_unless(by, "see_consent_trail")
        if by.role is Role.CASEWORKER:
            raise NotAllowed
        async with reading(parts, by, response, min_position) as connection:
            return await _page(connection, by, None, cursor, limit)

    @router.get("/mentorships/{mentorship_id}/consent-trail", responses=READ)
    async def read_consent_trail_of_mentorship(
        mentorship_id: UUID,
        by: SignedIn,
        response: Response,
        min_position: MinPosition = 0,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Trail:
        """The trail of one case."""
        async with reading(parts, by, response, min_position) as connection:
            await visible_case(connection, by, mentorship_id, "see_consent_trail")
            return await _page(connection, by, mentorship_id, cursor, limit)

    return router


async def _page(
    connection: AsyncConnection[Any], by: Caller, mentorship_id: UUID | None, cursor: str | None, limit: int
) -> Trail:
    page = await consent_trail(
        connection,
        organisation_id=by.organisation_id,
        mentorship_id=mentorship_id,
        before=None if cursor is None else place_of(cursor, whole(2**63))[0],
        limit=limit,
    )
    await consents_shown(connection, by, (entry.mentorship_id for entry in page.entries))
    return Trail(page.entries, page.totals, None if page.before is None else cursor_of(page.before))
