"""A person's rights in their data: to have it erased, to have its use restricted, to object, and to know how that stands."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from adapters.erasure.erasures import ErasureReceipt
from adapters.erasure.schedule import Due
from adapters.http.documented import FACT, READ, VERSIONED
from adapters.http.headers import Fact, Recorded, created
from adapters.http.parts import Parts
from adapters.http.reading import MinPosition, people_named, reading
from adapters.http.signed_in import SignedIn
from adapters.http.strict_json import StrictRoute
from adapters.http.submitted import Day, Long, Short, Submitted
from adapters.http.visible import refuse_unless_person_visible
from application.caller import Caller
from application.ids import new_id
from application.permissions import refuse_unless
from domain.erasure import AskedBy, AskedHow, ErasureGround, ErasureRefusal, HoldGround
from domain.errors import NotFound
from domain.person import Person
from domain.restriction import Interest, ObjectionOutcome, RestrictionGround
from domain.retention import CountedFrom
from domain.vocabulary import Role
from projections.rights import ErasureState, PersonsRights, rights_at_work

# Those who ask for themselves, and those who decide without seeing anybody's case.
_CONCERNED = frozenset({Role.TRAINEE, Role.MENTOR})


class ErasureRequest(Submitted):
    """`ground` is one of GDPR article 17 (1), or `retention-ended` for data that the organisation has kept long enough."""

    asked_by: AskedBy = Field(default=AskedBy.PERSON)
    asked_how: AskedHow = Field(examples=["in-person"])
    ground: ErasureGround = Field(examples=["consent-withdrawn"])
    note: Long = ""


class ErasureDenial(Submitted):
    reason: ErasureRefusal = Field(examples=["identity-not-shown"])
    note: Long = ""


class ErasureApproval(Submitted):
    """Nothing to say: whoever approves has seen what stands in the request. It can't be undone."""


class Restriction(Submitted):
    ground: RestrictionGround = Field(examples=["accuracy-contested"])
    note: Long = ""


class RestrictionLifting(Submitted):
    """The person is told before (GDPR article 18 (3)); `person_told_on` is that day."""

    person_told_on: Day
    note: Long = ""


class NewObjection(Submitted):
    interest: Interest = Field(examples=["case-administration"])
    note: Long = ""


class ObjectionDecision(Submitted):
    outcome: ObjectionOutcome = Field(examples=["upheld"])
    note: Long = ""


class NewHold(Submitted):
    ground: HoldGround = Field(examples=["legal-claim"])
    review_on: Day | None = None
    note: Long = ""


class HoldRelease(Submitted):
    note: Long = ""


class FundingNote(Submitted):
    """`funder` is a code, as the rules on keeping data name it. What is left out is not known."""

    funder: Short = Field(examples=["esf-plus"])
    last_payment_on: Day | None = None
    final_report_on: Day | None = None


@dataclass(frozen=True, slots=True)
class PeriodView:
    """A rule on keeping data, as it applies. `until` is its last day, null while that can't be known. A `duty` binds always."""

    rule: str
    title: str
    counted_from: CountedFrom
    duty: bool
    until: date | None


@dataclass(frozen=True, slots=True)
class ObjectionView:
    objection_id: UUID
    interest: Interest
    raised_on: date
    outcome: ObjectionOutcome | None


@dataclass(frozen=True, slots=True)
class HoldView:
    hold_id: UUID
    ground: HoldGround


@dataclass(frozen=True, slots=True)
class RightsView:
    """How a person's rights stand. `receipt` says what an erasure did where, once it is done."""

    person_id: UUID
    erasure: ErasureState
    requested_on: date | None
    ground: ErasureGround | None
    erased_on: date | None
    restricted_on: date | None
    objections: tuple[ObjectionView, ...]
    holds: tuple[HoldView, ...]
    kept: tuple[PeriodView, ...]
    copies: int
    receipt: ErasureReceipt | None


@dataclass(frozen=True, slots=True)
class RightsAtWork:
    """At most 500, the longest waiting first."""

    people: tuple[PersonsRights, ...]


@dataclass(frozen=True, slots=True)
class DueList:
    """The longest overdue first. `until` was the last day of the rule that held longest; `held` says that a legal hold stands."""

    people: tuple[Due, ...]


def rights_routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["rights"], route_class=StrictRoute)

    @router.get("/rights", responses=READ)
    async def list_rights(by: SignedIn, response: Response, min_position: MinPosition = 0) -> RightsAtWork:
        """For whom something is to be decided, whose data rest, and whose are held. Ids and days; nobody's name."""
        refuse_unless(by, "see_rights_at_work")
        async with reading(parts, by, response, min_position) as connection:
            found = await rights_at_work(connection, organisation_id=by.organisation_id)
        people_named((one.person_id for one in found), "rights")
        return RightsAtWork(tuple(found))

    @router.get("/retention", responses=READ)
    async def list_due(by: SignedIn, response: Response, min_position: MinPosition = 0) -> DueList:
        """Whose data have been kept long enough, by which rule, and what holds them. Nothing is erased by that: people decide."""
        refuse_unless(by, "see_retention")
        async with reading(parts, by, response, min_position):
            pass  # Waits where it is to; the rules decide on the record itself.
        return DueList(tuple(await parts.schedule.due(by)))

    @router.get("/people/{person_id}/rights", responses=VERSIONED)
    async def read_rights(
        person_id: UUID, by: SignedIn, response: Response, min_position: MinPosition = 0
    ) -> RightsView:
        """What was asked for, what stands, how long data are kept, and after an erasure its receipt."""
        refuse_unless(by, "see_rights")
        async with reading(parts, by, response, min_position):
            pass  # Waits where it is to; what is shown comes from the record itself and is never older.
        await refuse_unless_concerned(parts, by, person_id)
        person = await parts.record.person(by, person_id)
        response.headers["ETag"] = f'"{person.version}"'
        return await rights_view(parts, by, person)

    @router.post("/people/{person_id}/erasure-request", status_code=201, responses=FACT)
    async def request_erasure(
        person_id: UUID, body: ErasureRequest, by: SignedIn, submission: Fact, response: Response
    ) -> Recorded:
        """Somebody asks that a person be erased. It takes another member to approve it."""
        refuse_unless(by, "request_erasure")
        await refuse_unless_concerned(parts, by, person_id)
        receipt = await parts.rights.decide(
            by,
            submission,
            person_id,
            {},
            Person.request_erasure,
            by.told(),
            requested_by=by.member_id,
            asked_by=AskedBy.PERSON if by.role in _CONCERNED else body.asked_by,
            asked_how=body.asked_how,
            ground=body.ground,
            note=body.note,
        )
        return created(receipt, response, f"/people/{person_id}/rights", person_id)

    @router.post("/people/{person_id}/erasure-refusal", status_code=201, responses=FACT)
    async def refuse_erasure(
        person_id: UUID, body: ErasureDenial, by: SignedIn, submission: Fact, response: Response
    ) -> Recorded:
        """The request is turned down, with the reason that the person is told."""
        refuse_unless(by, "refuse_erasure")
        receipt = await parts.rights.decide(
            by,
            submission,
            person_id,
            {},
            Person.refuse_erasure,
            by.told(),
            refused_by=by.member_id,
            reason=body.reason,
            note=body.note,
        )
        return created(receipt, response, f"/people/{person_id}/rights", person_id)

    @router.post("/people/{person_id}/erasure-approval", status_code=201, responses=FACT)
    async def approve_erasure(
        person_id: UUID, body: ErasureApproval, by: SignedIn, submission: Fact, response: Response
    ) -> Recorded:
        """Erases a person for good: nobody can undo it. Refused to whoever recorded the request, and while a hold or a duty stands.

        Answered once their keys are destroyed. Should the service stop before that, the erasure goes on when it starts again.
        """
        receipt = await parts.rights.approve_erasure(by, submission, person_id)
        await parts.erasures.carry_out(by.organisation_id, person_id)
        return created(receipt, response, f"/people/{person_id}/rights", person_id)

    @router.post("/people/{person_id}/restriction", status_code=201, responses=FACT)
    async def restrict_processing(
        person_id: UUID, body: Restriction, by: SignedIn, submission: Fact, response: Response
    ) -> Recorded:
        """From now on the person's data are kept and not used."""
        refuse_unless(by, "restrict")
        await refuse_unless_concerned(parts, by, person_id)
        receipt = await parts.rights.decide(
            by, submission, person_id, {}, Person.restrict, by.told(), ground=body.ground, note=body.note
        )
        return created(receipt, response, f"/people/{person_id}/rights", person_id)

    @router.post("/people/{person_id}/restriction-lifting", status_code=201, responses=FACT)
    async def lift_restriction(
        person_id: UUID, body: RestrictionLifting, by: SignedIn, submission: Fact, response: Response
    ) -> Recorded:
        """The data may be used again, after the person was told."""
        receipt = await parts.rights.decide(
            by,
            submission,
            person_id,
            {},
            Person.lift_restriction,
            by.told(),
            person_told_on=body.person_told_on,
            note=body.note,
        )
        return created(receipt, response, f"/people/{person_id}/rights", person_id)

    @router.post("/people/{person_id}/objections", status_code=201, responses=FACT)
    async def raise_objection(
        person_id: UUID, body: NewObjection, by: SignedIn, submission: Fact, response: Response
    ) -> Recorded:
        """The person objects to a use that rests on legitimate interests. Until it is decided, that use rests."""
        refuse_unless(by, "object_to")
        await refuse_unless_concerned(parts, by, person_id)
        objection_id = new_id()
        receipt = await parts.rights.decide(
            by,
            submission,
            person_id,
            {"id": str(objection_id)},
            Person.object_to,
            by.told(),
            objection_id=objection_id,
            interest=body.interest,
            note=body.note,
        )
        return created(receipt, response, f"/people/{person_id}/rights", objection_id)

    @router.post("/people/{person_id}/objections/{objection_id}/decision", status_code=201, responses=FACT)
    async def decide_objection(
        person_id: UUID,
        objection_id: UUID,
        body: ObjectionDecision,
        by: SignedIn,
        submission: Fact,
        response: Response,
    ) -> Recorded:
        """Upheld: the use ends. Overridden: compelling grounds were shown, and it goes on."""
        receipt = await parts.rights.decide(
            by,
            submission,
            person_id,
            {"id": str(objection_id)},
            Person.decide_objection,
            by.told(),
            objection_id=objection_id,
            decided_by=by.member_id,
            outcome=body.outcome,
            note=body.note,
        )
        return created(receipt, response, f"/people/{person_id}/rights", objection_id)

    @router.post("/people/{person_id}/holds", status_code=201, responses=FACT)
    async def place_hold(
        person_id: UUID, body: NewHold, by: SignedIn, submission: Fact, response: Response
    ) -> Recorded:
        """A legal hold: nothing of the person is erased until it is released."""
        hold_id = new_id()
        receipt = await parts.rights.decide(
            by,
            submission,
            person_id,
            {"id": str(hold_id)},
            Person.place_hold,
            by.told(),
            hold_id=hold_id,
            ground=body.ground,
            review_on=body.review_on,
            note=body.note,
        )
        return created(receipt, response, f"/people/{person_id}/rights", hold_id)

    @router.post("/people/{person_id}/holds/{hold_id}/release", status_code=201, responses=FACT)
    async def release_hold(
        person_id: UUID, hold_id: UUID, body: HoldRelease, by: SignedIn, submission: Fact, response: Response
    ) -> Recorded:
        """The hold ends."""
        receipt = await parts.rights.decide(
            by,
            submission,
            person_id,
            {"id": str(hold_id)},
            Person.release_hold,
            by.told(),
            hold_id=hold_id,
            note=body.note,
        )
        return created(receipt, response, f"/people/{person_id}/rights", hold_id)

    @router.post("/people/{person_id}/funding", status_code=201, responses=FACT)
    async def note_funding(
        person_id: UUID, body: FundingNote, by: SignedIn, submission: Fact, response: Response
    ) -> Recorded:
        """Who paid for the work with this person, so that the funder's rule on keeping records is known."""
        refuse_unless(by, "note_funding")
        await refuse_unless_concerned(parts, by, person_id)
        receipt = await parts.rights.decide(
            by,
            submission,
            person_id,
            {},
            Person.note_funding,
            by.told(),
            funder=body.funder,
            last_payment_on=body.last_payment_on,
            final_report_on=body.final_report_on,
        )
        return created(receipt, response, f"/people/{person_id}/rights", person_id)

    return router


async def refuse_unless_concerned(parts: Parts, by: Caller, person_id: UUID) -> None:
    """Raises NotFound: staff ask for people whom they may see, everybody else for themselves. Administrators see no name here."""
    if by.role in _CONCERNED:
        if by.person_id != person_id:
            raise NotFound
    elif by.role is not Role.ADMINISTRATOR:
        await refuse_unless_person_visible(parts, by, person_id)


async def rights_view(parts: Parts, by: Caller, person: Person) -> RightsView:
    """How a person's rights stand, from the record itself."""
    periods: list[Any] = [] if person.is_erased else await parts.rights.kept_until(by, person.id)
    return RightsView(
        person_id=person.id,
        erasure=state_of(person),
        requested_on=person.erasure.requested_on if person.erasure else None,
        ground=person.erasure.ground if person.erasure else None,
        erased_on=person.erased_on,
        restricted_on=person.restricted_on,
        objections=tuple(
            ObjectionView(key, one.interest, one.raised_on, one.outcome) for key, one in person.objections.items()
        ),
        holds=tuple(HoldView(key, ground) for key, ground in person.holds.items()),
        kept=tuple(
            PeriodView(one.rule.id, one.rule.title, one.rule.counted_from, one.rule.duty, one.until) for one in periods
        ),
        copies=person.copies,
        receipt=await parts.erasures.receipt(by.organisation_id, person.id),
    )


def state_of(person: Person) -> ErasureState:
    if person.erased_on is not None:
        return ErasureState.ERASED
    if person.approval is not None:
        return ErasureState.APPROVED
    if person.erasure is not None:
        return ErasureState.REQUESTED
    return ErasureState.PROPOSED if person.proposed else ErasureState.NONE
