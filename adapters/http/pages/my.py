"""What is one's own: a mentor's trainees with their goals and sessions, a trainee's next appointment, goals and consents."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from fastapi import APIRouter, Request
from psycopg import AsyncConnection
from starlette.responses import Response

from adapters.export.readable import can_make_pdf
from adapters.http.pages.entries import EntryLine, entry_line
from adapters.http.pages.form import Form
from adapters.http.pages.page import page
from adapters.http.pages.recorded import MinPosition, What, notice
from adapters.http.pages.visitor import SignedInVisitor
from adapters.http.parts import Parts
from adapters.http.reading import opener, reading
from adapters.http.timeline import timeline_page
from application.caller import Caller
from domain.errors import NotAllowed
from domain.mentorship.sessions import SessionHeld
from domain.vocabulary import Role
from projections.case_file import WHOLE, CaseFile, GoalView, Part, case_file
from projections.cases import CaseView, cases_page
from projections.rights import rights_of

# More cases than one mentor or trainee has.
CASES = 20
SESSIONS = 5


@dataclass(frozen=True, slots=True)
class OwnTrainee:
    """What a mentor sees of a case: nothing of offices, papers and consents."""

    mentorship_id: UUID
    trainee_name: str | None
    case: CaseView
    goals: tuple[GoalView, ...]
    sessions: tuple[EntryLine, ...]


def my_routes(parts: Parts) -> APIRouter:
    router = APIRouter()

    @router.get("/my")
    async def read_my_own(
        request: Request, visitor: SignedInVisitor, what: What = "", min_position: MinPosition = 0
    ) -> Response:
        by = visitor.by
        if by.role not in (Role.MENTOR, Role.TRAINEE) or by.person_id is None:
            raise NotAllowed
        async with reading(parts, by, Response(), min_position) as connection:
            if by.role is Role.MENTOR:
                trainees = [await _trainee(connection, by, case) for case in await _cases(connection, by)]
                return page(request, "my_trainees.html", trainees=trainees, **notice(what))
            files = [await _file(connection, by, case) for case in await _cases(connection, by)]
            rights = await rights_of(connection, by.organisation_id, [by.person_id])
        return page(
            request,
            "my_record.html",
            files=[file for file in files if file is not None],
            rights=rights[by.person_id],
            form=Form({}),
            can_make_pdf=can_make_pdf(),
            **notice(what),
        )

    async def _cases(connection: AsyncConnection, by: Caller) -> list[CaseView]:
        """The open ones first, and of the ended ones the last."""
        whose = {"mentor_id": by.person_id} if by.role is Role.MENTOR else {"trainee_id": by.person_id}
        found = await cases_page(
            connection, organisation_id=by.organisation_id, limit=200, opened=opener(parts, by), **whose
        )
        return sorted(found.cases, key=lambda case: (case.closed_on is not None, -case.started_on.toordinal()))[:CASES]

    async def _trainee(connection: AsyncConnection, by: Caller, case: CaseView) -> OwnTrainee:
        file = await _file(connection, by, case, {"goals"})
        held = await timeline_page(
            connection, parts, by, case.mentorship_id, frozenset({SessionHeld.TOPIC}), None, SESSIONS
        )
        return OwnTrainee(
            mentorship_id=case.mentorship_id,
            trainee_name=case.trainee_name,
            case=case,
            goals=file.goals if file else (),
            sessions=tuple(entry_line(entry, {}) for entry in held.entries),
        )

    async def _file(
        connection: AsyncConnection, by: Caller, case: CaseView, showing: Collection[Part] = WHOLE
    ) -> CaseFile | None:
        return await case_file(
            connection,
            organisation_id=by.organisation_id,
            mentorship_id=case.mentorship_id,
            today=by.today,
            opened=opener(parts, by),
            showing=showing,
        )

    return router
