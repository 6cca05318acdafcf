"""The consent trail: every act beside the consent that it relied on. Cases stand here by their id, never by a name."""

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from adapters.http.pages.form import PostedForm
from adapters.http.pages.members import handles
from adapters.http.pages.page import page
from adapters.http.pages.visitor import SignedInVisitor
from adapters.http.parts import Parts
from adapters.http.reading import consents_shown, cursor_of, place_of, reading, whole
from adapters.http.visible import visible_case
from application.caller import Caller
from application.permissions import MAY, refuse_unless
from domain.errors import NotAllowed
from domain.events import RecordEvent
from domain.vocabulary import Role
from projections.cases import cases_ending
from projections.consent_trail import consent_trail
from projections.consent_trail_by_case import consent_trails_by_case
from projections.findable import MatchedBy, Question
from projections.phones import region_of
from projections.search import search

CASES, ENTRIES = 50, 50
_SHORT_ID = re.compile(r"[0-9a-f]{8}")

Cursor = Annotated[str | None, Query(max_length=200)]


def consent_trail_routes(parts: Parts) -> APIRouter:
    router = APIRouter()

    @router.get("/consent-trail")
    async def read_trails(request: Request, visitor: SignedInVisitor, cursor: Cursor = None) -> Response:
        """All cases, those with gaps first."""
        by = visitor.by
        refuse_unless(by, "see_consent_trail")
        if by.role is Role.CASEWORKER:
            raise NotAllowed
        after = None if cursor is None else place_of(cursor, whole(2**31), UUID)
        async with reading(parts, by, Response(), 0) as connection:
            found = await consent_trails_by_case(
                connection, organisation_id=by.organisation_id, after=after and (after[0], after[1]), limit=CASES
            )
            await consents_shown(connection, by, (case.mentorship_id for case in found.cases))
            totals = (await consent_trail(connection, organisation_id=by.organisation_id, limit=1)).totals
        return page(
            request,
            "consent_trails.html",
            cases=found.cases,
            totals=totals,
            next=None if found.after is None else cursor_of(*found.after),
            cursor=cursor,
        )

    @router.post("/consent-trail/find")
    async def find_case(request: Request, form: PostedForm, visitor: SignedInVisitor) -> Response:
        """By its number, or by its id as it stands in a bundle. What was typed stands in no address."""
        by = visitor.by
        refuse_unless(by, "see_consent_trail")
        if by.role is Role.CASEWORKER:
            raise NotAllowed
        found = await _cases_called(parts, by, form.text("reference"))
        if len(found) == 1:
            return RedirectResponse(f"/consent-trail/{found[0]}", 303)
        return page(request, "cases_found.html", found=found[:CASES], form=form)

    @router.get("/consent-trail/{mentorship_id}")
    async def read_trail(
        request: Request, mentorship_id: UUID, visitor: SignedInVisitor, cursor: Cursor = None
    ) -> Response:
        """One case, last recorded first."""
        by = visitor.by
        before = None if cursor is None else place_of(cursor, whole(2**63))[0]
        async with reading(parts, by, Response(), 0) as connection:
            await visible_case(connection, by, mentorship_id, "see_consent_trail")
            trail = await consent_trail(
                connection,
                organisation_id=by.organisation_id,
                mentorship_id=mentorship_id,
                before=before,
                limit=ENTRIES,
            )
            await consents_shown(connection, by, [mentorship_id])
            members = await handles(connection, by)
        return page(
            request,
            "consent_trail.html",
            mentorship_id=mentorship_id,
            trail=trail,
            handles=members,
            may_take_evidence=by.role in MAY["request_evidence"],
            earlier=None if trail.before is None else cursor_of(trail.before),
            cursor=cursor,
        )

    return router


async def _cases_called(parts: Parts, by: Caller, typed: str) -> list[UUID]:
    """Cases of this id, whole or as lists show it, or of this number or of a trainee with this number.

    Details are compared, and nothing of them is shown.
    """
    with suppress(ValueError):
        return [UUID(typed)]
    question = Question.read(typed, region_of(by.zone.key))
    compared = partial(parts.index.opening.at, by.organisation_id)

    async def nothing_is_shown(positions: Iterable[int], *, names: Iterable[int] = ()) -> Mapping[int, RecordEvent]:
        return await compared([*positions, *names])

    async with reading(parts, by, Response(), 0) as connection:
        end = typed.strip().lower()
        by_id = (
            await cases_ending(connection, organisation_id=by.organisation_id, end=end, limit=CASES)
            if _SHORT_ID.fullmatch(end)
            else []
        )
        answer = await search(
            connection,
            organisation_id=by.organisation_id,
            caseworker_id=None,
            question=question,
            limit=CASES,
            candidates=partial(parts.index.candidates, connection, by.organisation_id, question),
            compared=compared,
            opened=nothing_is_shown,
        )
    by_number = (one for one in answer.people if one.matched_by in (MatchedBy.REFERENCE, MatchedBy.CASE_REFERENCE))
    return sorted({*by_id, *(mentorship_id for one in by_number for mentorship_id in one.mentorships)})
