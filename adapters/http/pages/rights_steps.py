"""What may be recorded about a person's rights besides an erasure: restriction, objection and legal hold, each from its own form."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from adapters.http.pages.form import Form
from adapters.http.parts import Parts
from application.caller import Caller, Receipt, Submission
from application.ids import new_id
from domain.erasure import HoldGround
from domain.person import Person
from domain.restriction import Interest, ObjectionOutcome, RestrictionGround


@dataclass(frozen=True, slots=True)
class Sent:
    """One form, as it was sent, about one person."""

    parts: Parts
    by: Caller
    submission: Submission
    person_id: UUID
    form: Form

    async def decide(
        self, command: Callable[..., None], answer: Mapping[str, str | int] | None = None, **told: Any
    ) -> Receipt:
        return await self.parts.rights.decide(
            self.by, self.submission, self.person_id, answer or {}, command, self.by.told(), **told
        )


@dataclass(frozen=True, slots=True)
class Step:
    """`take` answers None where the form says what is missing. `called` are the command's fields that the form calls otherwise."""

    command: str
    notice: str
    take: Callable[[Sent], Awaitable[Receipt | None]]
    called: Mapping[str, str]


async def _restrict(sent: Sent) -> Receipt | None:
    ground = sent.form.choice("restriction_ground", RestrictionGround, "Choose the ground.")
    if ground is None:
        return None
    return await sent.decide(Person.restrict, ground=ground, note=sent.form.text("restriction_note"))


async def _lift(sent: Sent) -> Receipt | None:
    told_on = sent.form.day("told_on", "Give the day on which you told them.")
    if told_on is None:
        return None
    return await sent.decide(Person.lift_restriction, person_told_on=told_on, note=sent.form.text("lifting_note"))


async def _object(sent: Sent) -> Receipt | None:
    interest = sent.form.choice("interest", Interest, "Say what they object to.")
    if interest is None:
        return None
    objection_id = new_id()
    return await sent.decide(
        Person.object_to,
        {"id": str(objection_id)},
        objection_id=objection_id,
        interest=interest,
        note=sent.form.text("objection_note"),
    )


async def _decide_objection(sent: Sent) -> Receipt | None:
    objection_id = _id(sent.form, "objection")
    outcome = sent.form.choice("outcome", ObjectionOutcome, "Say how the objection was decided.")
    if objection_id is None or outcome is None:
        return None
    return await sent.decide(
        Person.decide_objection,
        {"id": str(objection_id)},
        objection_id=objection_id,
        decided_by=sent.by.member_id,
        outcome=outcome,
        note="",
    )


async def _hold(sent: Sent) -> Receipt | None:
    ground = sent.form.choice("hold_ground", HoldGround, "Choose the ground.")
    review_on = sent.form.day("review_on")
    if ground is None or sent.form.problems:
        return None
    hold_id = new_id()
    return await sent.decide(
        Person.place_hold,
        {"id": str(hold_id)},
        hold_id=hold_id,
        ground=ground,
        review_on=review_on,
        note=sent.form.text("hold_note"),
    )


async def _release(sent: Sent) -> Receipt | None:
    hold_id = _id(sent.form, "hold")
    if hold_id is None:
        return None
    return await sent.decide(Person.release_hold, {"id": str(hold_id)}, hold_id=hold_id, note="")


def _id(form: Form, name: str) -> UUID | None:
    try:
        return UUID(form.value(name))
    except ValueError:
        form.add("step", "Choose what to do.", "missing")
        return None


STEPS: Mapping[str, Step] = {
    "restrict": Step(
        "restrict", "restriction", _restrict, {"ground": "restriction_ground", "note": "restriction_note"}
    ),
    "lift": Step("lift_restriction", "lifting", _lift, {"person_told_on": "told_on", "note": "lifting_note"}),
    "object": Step("object_to", "objection", _object, {"note": "objection_note"}),
    "decide-objection": Step("decide_objection", "objection-decision", _decide_objection, {}),
    "hold": Step("place_hold", "hold", _hold, {"ground": "hold_ground", "note": "hold_note"}),
    "release": Step("release_hold", "release", _release, {}),
}
