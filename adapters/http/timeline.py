"""The timeline of a case: everything that was recorded, as it stands."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Response
from psycopg import AsyncConnection

from adapters.http.case_reading import reading_case
from adapters.http.documented import VERSIONED
from adapters.http.parts import Parts
from adapters.http.reading import Cursor, Limit, MinPosition, cursor_of, opener, place_of, whole
from adapters.http.signed_in import SignedIn
from adapters.http.strict_json import StrictRoute
from application.caller import Caller
from domain.errors import NotFound
from domain.vocabulary import Role
from projections.timeline import TimelineEntry, timeline, timeline_entry

# What a mentor reads of a case is the work they do in it.
SEEN_BY_MENTORS = frozenset({"goal-set", "goal-revised", "goal-reached", "goal-dropped", "session-held"})
# What one side says of the other is for the staff.
_SAID_BY_MENTOR = frozenset({"mentor_rating", "mentor_feedback", "mentor_changes"})
_SAID_BY_TRAINEE = frozenset({"trainee_rating", "trainee_feedback"})


@dataclass(frozen=True, slots=True)
class Timeline:
    """Newest first. `next` is the cursor of the next page, null on the last one."""

    entries: tuple[TimelineEntry, ...]
    next: str | None


def timeline_routes(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/mentorships/{mentorship_id}/timeline", tags=["timeline"], route_class=StrictRoute)

    @router.get("", responses=VERSIONED)
    async def read_timeline(
        mentorship_id: UUID,
        by: SignedIn,
        response: Response,
        min_position: MinPosition = 0,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Timeline:
        """Everything that was recorded in a case, newest first by the day it happened."""
        async with reading_case(parts, by, mentorship_id, response, min_position) as (connection, _):
            return await timeline_page(connection, parts, by, mentorship_id, None, cursor, limit)

    @router.get("/{version}", responses=VERSIONED)
    async def read_timeline_entry(
        mentorship_id: UUID,
        version: Annotated[int, Path(ge=1, le=2**31 - 1)],
        by: SignedIn,
        response: Response,
        min_position: MinPosition = 0,
    ) -> TimelineEntry:
        """One entry, by its version."""
        async with reading_case(parts, by, mentorship_id, response, min_position) as (connection, _):
            entry = await timeline_entry(
                connection,
                organisation_id=by.organisation_id,
                mentorship_id=mentorship_id,
                version=version,
                opened=opener(parts, by),
            )
        if entry is None or (by.role is Role.MENTOR and entry.topic not in SEEN_BY_MENTORS):
            raise NotFound
        return as_seen_by(by, entry)

    return router


async def timeline_page(
    connection: AsyncConnection[Any],
    parts: Parts,
    by: Caller,
    mentorship_id: UUID,
    topics: frozenset[str] | None,
    cursor: str | None,
    limit: int,
) -> Timeline:
    """A page of the entries that the caller may see, of these topics or of all. Raises CursorMalformed."""
    if by.role is Role.MENTOR:
        topics = SEEN_BY_MENTORS if topics is None else topics & SEEN_BY_MENTORS
    page = await timeline(
        connection,
        organisation_id=by.organisation_id,
        mentorship_id=mentorship_id,
        before=None if cursor is None else place_of(cursor, date.fromisoformat, whole(2**31)),
        topics=topics,
        limit=limit,
        opened=opener(parts, by),
    )
    return Timeline(
        tuple(as_seen_by(by, entry) for entry in page.entries), None if page.before is None else cursor_of(*page.before)
    )


def as_seen_by(by: Caller, entry: TimelineEntry) -> TimelineEntry:
    """The entry without what is not the caller's to see."""
    if entry.fields is None:
        return entry
    match by.role:
        case Role.TRAINEE:
            hidden = _SAID_BY_MENTOR
        case Role.MENTOR if entry.fields["mentor_id"] == str(by.person_id):
            hidden = _SAID_BY_TRAINEE
        case Role.MENTOR:
            # Said by the mentor before a handover.
            hidden = _SAID_BY_TRAINEE | _SAID_BY_MENTOR
        case _:
            return entry
    return replace(
        entry,
        fields={name: value for name, value in entry.fields.items() if name not in hidden},
        erased=tuple(name for name in entry.erased if name not in hidden),
    )
