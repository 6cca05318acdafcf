"""People's rights in their data: what waits for a decision, the two steps of an erasure, and what stands besides."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from adapters.erasure.erasures import in_words
from adapters.http.pages.form import Form, PostedForm
from adapters.http.pages.members import handles
from adapters.http.pages.page import page
from adapters.http.pages.recorded import MinPosition, What, notice, recorded
from adapters.http.pages.rights_steps import STEPS, Sent, Step
from adapters.http.pages.visitor import SignedInVisitor
from adapters.http.parts import Parts
from adapters.http.reading import opener, people_named, reading
from adapters.http.rights import refuse_unless_concerned, rights_view
from application.caller import Caller, Receipt
from application.permissions import MAY, refuse_unless
from domain.erasure import AskedBy, AskedHow, ErasureGround, ErasureRefusal, HoldGround
from domain.errors import NotAllowed, NotFound, Refusal
from domain.person import Person
from domain.restriction import Interest, RestrictionGround
from domain.vocabulary import Role
from projections.people import details_positions, name_of
from projections.rights import ErasureState, PersonsRights, rights_at_work

ADDRESS = "/people/{person_id}/rights"


@dataclass(frozen=True, slots=True)
class RightsLine:
    """One person for whom something stands. `name` is for those who may see people, None for administrators."""

    person_id: UUID
    name: str | None
    state: ErasureState
    state_on: date | None
    rule: str | None
    due_on: date | None
    restricted_on: date | None
    holds: int
    objections: int


def rights_routes(parts: Parts) -> APIRouter:
    router = APIRouter()

    @router.get("/rights")
    async def read_list(
        request: Request, visitor: SignedInVisitor, what: What = "", min_position: MinPosition = 0
    ) -> Response:
        by = visitor.by
        refuse_unless(by, "see_rights_at_work")
        async with reading(parts, by, Response(), min_position) as connection:
            found = await rights_at_work(connection, organisation_id=by.organisation_id)
            names: dict[UUID, str | None] = {}
            if by.role is Role.COORDINATOR:
                told = await details_positions(connection, by.organisation_id, [one.person_id for one in found])
                events = await opener(parts, by)([], names=told.values())
                names = {person_id: name_of(events, position) for person_id, position in told.items()}
            # Who is opened by name is in the access log by that.
            people_named((one.person_id for one in found if names.get(one.person_id) is None), "rights")
        lines = [_line(one, names.get(one.person_id)) for one in found]
        return page(request, "rights_list.html", lines=lines, names=by.role is Role.COORDINATOR, **notice(what))

    @router.get(ADDRESS)
    async def read_one(
        request: Request, person_id: UUID, visitor: SignedInVisitor, what: What = "", min_position: MinPosition = 0
    ) -> Response:
        async with reading(parts, visitor.by, Response(), min_position):
            pass  # Waits where it is to; what is shown comes from the record itself.
        return await shown(request, visitor.by, person_id, Form({}), what)

    @router.post(ADDRESS)
    async def decide(request: Request, person_id: UUID, form: PostedForm, visitor: SignedInVisitor) -> Response:
        """One address for all of them: whatever is shown again is then in the access log under it."""
        match form.value("step"):
            case "request":
                return await request_erasure(request, person_id, form, visitor.by)
            case "approve":
                return await approve_erasure(request, person_id, form, visitor.by)
            case "refuse":
                return await refuse_erasure(request, person_id, form, visitor.by)
            case name if name in STEPS:
                return await take(request, person_id, form, visitor.by, STEPS[name])
        form.add("step", "Choose what to do.", "missing")
        return await shown(request, visitor.by, person_id, form)

    async def take(request: Request, person_id: UUID, form: Form, by: Caller, step: Step) -> Response:
        refuse_unless(by, step.command)
        await refuse_unless_concerned(parts, by, person_id)
        try:
            receipt = await step.take(Sent(parts, by, form.submission(request, by), person_id, form))
        except (NotFound, NotAllowed):
            raise
        except Refusal as refusal:
            form.refuse(refusal, **step.called)
            receipt = None
        return onward(receipt, step.notice, person_id) if receipt else await shown(request, by, person_id, form)

    async def request_erasure(request: Request, person_id: UUID, form: Form, by: Caller) -> Response:
        refuse_unless(by, "request_erasure")
        await refuse_unless_concerned(parts, by, person_id)
        asked_by = form.choice("asked_by", AskedBy, "Say who asked.")
        asked_how = form.choice("asked_how", AskedHow, "Say how they asked.")
        ground = form.choice("ground", ErasureGround, "Choose the ground.")
        if asked_by is None or asked_how is None or ground is None:
            return await shown(request, by, person_id, form)
        try:
            receipt = await parts.rights.decide(
                by,
                form.submission(request, by),
                person_id,
                {},
                Person.request_erasure,
                by.told(),
                requested_by=by.member_id,
                asked_by=asked_by,
                asked_how=asked_how,
                ground=ground,
                note=form.text("note"),
            )
        except (NotFound, NotAllowed):
            raise
        except Refusal as refusal:
            form.refuse(refusal)
            return await shown(request, by, person_id, form)
        return onward(receipt, "erasure-request", person_id)

    async def approve_erasure(request: Request, person_id: UUID, form: Form, by: Caller) -> Response:
        refuse_unless(by, "approve_erasure")
        if not form.flag("sure"):
            form.add("sure", "Tick that you know that nobody can undo this. Nothing was erased.", "missing")
            return await shown(request, by, person_id, form)
        try:
            receipt = await parts.rights.approve_erasure(by, form.submission(request, by), person_id)
        except (NotFound, NotAllowed):
            raise
        except Refusal as refusal:
            form.refuse(refusal)
            return await shown(request, by, person_id, form)
        await parts.erasures.carry_out(by.organisation_id, person_id)
        return onward(receipt, "erased", person_id)

    async def refuse_erasure(request: Request, person_id: UUID, form: Form, by: Caller) -> Response:
        refuse_unless(by, "refuse_erasure")
        reason = form.choice("reason", ErasureRefusal, "Choose the reason that the person is told.")
        if reason is None:
            return await shown(request, by, person_id, form)
        try:
            receipt = await parts.rights.decide(
                by,
                form.submission(request, by),
                person_id,
                {},
                Person.refuse_erasure,
                by.told(),
                refused_by=by.member_id,
                reason=reason,
                note=form.text("note"),
            )
        except (NotFound, NotAllowed):
            raise
        except Refusal as refusal:
            form.refuse(refusal)
            return await shown(request, by, person_id, form)
        return onward(receipt, "erasure-refusal", person_id)

    async def shown(request: Request, by: Caller, person_id: UUID, form: Form, what: str = "") -> Response:
        refuse_unless(by, "see_rights")
        await refuse_unless_concerned(parts, by, person_id)
        person = await parts.record.person(by, person_id)
        if request.method != "GET":
            # What a command decided on is not taken for shown, and here it is.
            people_named([person_id], "rights")
        view = await rights_view(parts, by, person)
        async with parts.pool.organisation(by.organisation_id) as connection:
            of_members = await handles(connection, by)
        name = person.details.full_name if by.role is not Role.ADMINISTRATOR and person.erased_on is None else None
        return page(
            request,
            "rights.html",
            status=422 if form.problems else 200,
            view=view,
            name=name,
            requested_by=of_members.get(person.erasure.requested_by) if person.erasure else None,
            may_decide=by.role in MAY["approve_erasure"],
            asked_it_oneself=person.erasure is not None and person.erasure.requested_by == by.member_id,
            receipt=in_words(view.receipt) if view.receipt else None,
            form=form,
            asked_by=AskedBy,
            asked_how=AskedHow,
            grounds=ErasureGround,
            reasons=ErasureRefusal,
            may={name for name, step in STEPS.items() if by.role in MAY[step.command]},
            restriction_grounds=RestrictionGround,
            interests=Interest,
            hold_grounds=HoldGround,
            **notice(what),
        )

    def onward(receipt: Receipt, what: str, person_id: UUID) -> Response:
        return recorded(receipt, what, f"/people/{person_id}/rights")

    return router


def _line(one: PersonsRights, name: str | None) -> RightsLine:
    return RightsLine(
        one.person_id,
        name,
        one.state,
        one.state_on,
        one.rule,
        one.due_on,
        one.restricted_on,
        one.holds,
        one.objections,
    )
