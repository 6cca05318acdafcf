"""The state of the service, for administrators: no case, no person."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request
from starlette.responses import Response

from adapters.http.pages.page import page
from adapters.http.pages.visitor import SignedInVisitor
from adapters.http.parts import Parts
from adapters.http.reading import reading
from application.permissions import refuse_unless


@dataclass(frozen=True, slots=True)
class Followed:
    """How far a projection has come; `lag` is in events, `error` a code."""

    name: str
    version: int
    position: int
    lag: int
    error: str | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class OwnCounts:
    """Of the visitor's organisation."""

    people: int
    mentorships: int
    open_mentorships: int
    events: int
    members: int


def system_routes(parts: Parts) -> APIRouter:
    router = APIRouter()

    @router.get("/system")
    async def read_system(request: Request, visitor: SignedInVisitor) -> Response:
        by = visitor.by
        refuse_unless(by, "see_system")
        async with reading(parts, by, Response(), 0) as connection:
            cursor = await connection.execute(
                """
                SELECT projection, version, position, accompany.last_position() - position, error, updated_at
                FROM projections.tracking ORDER BY projection
                """
            )
            followed = [Followed(*row) for row in await cursor.fetchall()]
            cursor = await connection.execute(
                """
                SELECT
                    (SELECT count(*) FROM projections.people WHERE organisation_id = %(organisation_id)s),
                    (SELECT count(*) FROM projections.cases WHERE organisation_id = %(organisation_id)s),
                    (SELECT count(*) FROM projections.cases
                        WHERE organisation_id = %(organisation_id)s AND closed_on IS NULL),
                    (SELECT count(*) FROM accompany.events WHERE organisation_id = %(organisation_id)s),
                    (SELECT count(*) FROM accompany.members WHERE organisation_id = %(organisation_id)s)
                """,
                {"organisation_id": by.organisation_id},
            )
            [row] = await cursor.fetchall()
        return page(request, "system.html", followed=followed, counts=OwnCounts(*row))

    return router
