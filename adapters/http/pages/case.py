"""One case: who it is about, consent first, what comes next, goals, recognition, and everything that was recorded."""

from collections.abc import Collection
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from adapters.http.pages.entries import entry_line
from adapters.http.pages.form import PostedForm
from adapters.http.pages.members import handles
from adapters.http.pages.page import page
from adapters.http.pages.recorded import MinPosition, What, notice, recorded
from adapters.http.pages.visitor import SignedInVisitor
from adapters.http.parts import Parts
from adapters.http.reading import opener, reading
from adapters.http.timeline import timeline_page
from adapters.http.visible import visible_case
from application.caller import Caller
from application.permissions import MAY
from domain.errors import NotFound
from domain.mentorship import Mentorship
from projections.case_file import NO_PART, AppointmentView, CaseFile, Part, case_file
from projections.consents import ConsentStatus, ConsentView
from projections.dashboard_rows import WATCHED
from projections.overrides import open_overrides

ENTRIES = 20
_SEES = "see_dashboard"


def case_routes(parts: Parts) -> APIRouter:
    router = APIRouter()

    @router.get("/cases/{mentorship_id}")
    async def read_case(
        request: Request,
        mentorship_id: UUID,
        visitor: SignedInVisitor,
        cursor: Annotated[str | None, Query(max_length=200)] = None,
        what: What = "",
        min_position: MinPosition = 0,
    ) -> Response:
        by = visitor.by
        async with reading(parts, by, Response(), min_position) as connection:
            await visible_case(connection, by, mentorship_id, _SEES)
            found = await case_file(
                connection,
                organisation_id=by.organisation_id,
                mentorship_id=mentorship_id,
                today=by.today,
                opened=opener(parts, by),
            )
            if found is None:
                raise NotFound
            overrides = await open_overrides(
                connection,
                organisation_id=by.organisation_id,
                mentorship_id=mentorship_id,
                now=by.asked_at,
                opened=opener(parts, by),
            )
            told = await timeline_page(connection, parts, by, mentorship_id, None, cursor, ENTRIES)
            members = await handles(connection, by)
        types = {str(a.appointment_id): a.type for a in (*found.upcoming, *found.past)}
        return page(
            request,
            "case.html",
            file=found,
            unrecorded=[a for a in found.past if a.status == "booked"],
            offices={a.appointment_id: a for a in (*found.upcoming, *found.past)},
            watched=watched(found),
            overrides=overrides,
            overridden={override.purpose.value for override in overrides if override.in_force},
            may_review=by.role in MAY["review_override"],
            entries=[entry_line(entry, types) for entry in told.entries],
            earlier=told.next,
            cursor=cursor,
            handles=members,
            **notice(what),
        )

    @router.post("/cases/{mentorship_id}/appointments/{appointment_id}/next-step-completion")
    async def complete_next_step(
        request: Request, mentorship_id: UUID, appointment_id: UUID, form: PostedForm, visitor: SignedInVisitor
    ) -> Response:
        """The next step was done today."""
        receipt = await parts.casebook.decide(
            visitor.by,
            form.submission(request, visitor.by),
            mentorship_id,
            {},
            Mentorship.complete_next_step,
            appointment_id,
            visitor.by.told(),
        )
        return recorded(receipt, "next-step", f"/cases/{mentorship_id}")

    return router


async def read_file(parts: Parts, by: Caller, mentorship_id: UUID, showing: Collection[Part] = NO_PART) -> CaseFile:
    """The case that a form is about, and the parts that it shows. Raises NotAllowed, or NotFound where it is not the caller's to see."""
    async with reading(parts, by, Response(), 0) as connection:
        await visible_case(connection, by, mentorship_id, _SEES)
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


def appointment_of(file: CaseFile, appointment_id: UUID) -> AppointmentView:
    """Raises NotFound."""
    for appointment in (*file.upcoming, *file.past):
        if appointment.appointment_id == appointment_id:
            return appointment
    raise NotFound


def watched(file: CaseFile) -> list[tuple[str, ConsentView | None, ConsentStatus]]:
    """The consents to the purposes that everyday work needs, asked about or not."""
    standing = {view.purpose: view for view in file.consents if in_everyday_scope(view)}
    return [
        (purpose.value, view, view.status if view else ConsentStatus.MISSING)
        for purpose in WATCHED
        for view in [standing.get(purpose)]
    ]


def in_everyday_scope(view: ConsentView) -> bool:
    """Whether a consent is to what commands rely on: the case record, within this organisation."""
    return view.data_category == "case-record" and view.recipient == "this-organisation"
