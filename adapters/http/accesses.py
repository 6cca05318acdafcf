"""Who looked at whose data: for the person themselves, and for whoever supervises it."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from psycopg import AsyncConnection

from adapters.disclosure import hold
from adapters.http.documented import READ
from adapters.http.parts import Parts
from adapters.http.reading import Cursor, Limit, MinPosition, cursor_of, place_of, reading, whole
from adapters.http.reports import PeriodReversed
from adapters.http.signed_in import SignedIn
from adapters.http.strict_json import StrictRoute
from adapters.http.submitted import Day
from application.caller import Caller
from application.permissions import refuse_unless
from domain.errors import NotFound
from domain.vocabulary import Role
from projections.accesses import Access, AccessPage, Outcome, Wanted, accesses
from projections.people import person_visible

TOPIC = "access-log"


@dataclass(frozen=True, slots=True)
class Accesses:
    """Newest first. `next` is the cursor of the next page, null on the last one."""

    entries: tuple[Access, ...]
    next: str | None


def access_routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["access log"], route_class=StrictRoute)

    @router.get("/people/{person_id}/accesses", responses=READ)
    async def read_accesses_of_person(
        person_id: UUID,
        by: SignedIn,
        response: Response,
        min_position: MinPosition = 0,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Accesses:
        """Who looked at a person's data, when and what for. For the person: what was shown; a refusal is for those who supervise."""
        refuse_unless(by, "see_accesses")
        own = by.role in (Role.TRAINEE, Role.MENTOR)
        if own and by.person_id != person_id:
            raise NotFound
        async with reading(parts, by, response, min_position) as connection:
            if not await person_visible(
                connection, organisation_id=by.organisation_id, caseworker_id=None, person_id=person_id
            ):
                raise NotFound
            wanted = Wanted(person_id=person_id, outcome="shown" if own else None)
            return _answer(await accesses_page(connection, by, wanted, cursor, limit))

    @router.get("/accesses", responses=READ)
    async def read_accesses(
        by: SignedIn,
        response: Response,
        person_id: Annotated[UUID | None, Query(description="Whose data.")] = None,
        member_id: Annotated[UUID | None, Query(description="Who looked.")] = None,
        since: Annotated[Day | None, Query(description="First day, or from the beginning.")] = None,
        until: Annotated[Day | None, Query(description="Last day, or up to now.")] = None,
        outcome: Annotated[Outcome | None, Query(description="What was shown, or what was denied.")] = None,
        min_position: MinPosition = 0,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Accesses:
        """The access log of the organisation, for auditors and coordinators; denials are in it."""
        refuse_unless(by, "see_access_log")
        if since is not None and until is not None and until < since:
            raise PeriodReversed
        wanted = Wanted(
            person_id=person_id,
            member_id=member_id,
            since=None if since is None else datetime.combine(since, time(), by.zone),
            until=None if until is None else datetime.combine(until + timedelta(days=1), time(), by.zone),
            outcome=outcome,
        )
        async with reading(parts, by, response, min_position) as connection:
            return _answer(await accesses_page(connection, by, wanted, cursor, limit))

    return router


async def accesses_page(
    connection: AsyncConnection[Any], by: Caller, wanted: Wanted, cursor: str | None, limit: int
) -> AccessPage:
    """A page of entries, itself an access to the data of everybody on it. Raises CursorMalformed."""
    page = await accesses(
        connection,
        organisation_id=by.organisation_id,
        wanted=wanted,
        before=None if cursor is None else place_of(cursor, whole(2**63))[0],
        limit=limit,
    )
    people = {wanted.person_id, *(entry.person_id for entry in page.entries)} - {None}
    hold(((person_id, None) for person_id in people if person_id is not None), TOPIC)
    return page


def _answer(page: AccessPage) -> Accesses:
    return Accesses(page.entries, None if page.before is None else cursor_of(page.before))
