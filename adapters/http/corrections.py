"""Corrections: nothing in the record is edited, an entry is put right or taken back by another one."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field, JsonValue, StrictInt

from adapters.http.documented import FACT
from adapters.http.headers import Fact, Recorded, created
from adapters.http.parts import Parts
from adapters.http.signed_in import SignedIn
from adapters.http.strict_json import StrictRoute
from adapters.http.submitted import FIELD_NAMES, Long, Submitted
from domain.errors import Refusal
from domain.events import TOPICS
from domain.mentorship import MentorshipEvent

_CORRECTABLE = sorted(
    {name for event in TOPICS.values() if issubclass(event, MentorshipEvent) for name in event.CORRECTABLE}
)
# Only these may be named, so that a refusal can point at one of them without saying what the sender said.
CorrectableField = StrEnum("CorrectableField", [(name.upper(), name) for name in _CORRECTABLE])  # type: ignore[misc]  # from the events
FIELD_NAMES.update(_CORRECTABLE)


class Correction(Submitted):
    """`corrects` is the version of the entry. `changes` are new values by field; none at all takes the whole entry back."""

    corrects: Annotated[StrictInt, Field(ge=1, le=2**31 - 1)] = Field(examples=[12])
    changes: dict[CorrectableField, JsonValue] = Field(default_factory=dict, examples=[{"minutes": 90}])
    reason: Long = Field(examples=["The session was longer than first noted."])


def correction_routes(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/mentorships/{mentorship_id}/corrections", tags=["corrections"], route_class=StrictRoute)

    @router.post("", status_code=201, responses=FACT)
    async def correct_entry(
        mentorship_id: UUID, body: Correction, by: SignedIn, submission: Fact, response: Response
    ) -> Recorded:
        """Puts an entry right, or takes it back. The history keeps both, and who said so when."""
        changes = {str(name): value for name, value in body.changes.items()}
        try:
            receipt = await parts.casebook.correct(
                by, submission, mentorship_id, body.corrects, changes=changes, reason=body.reason
            )
        except Refusal as refusal:
            refusal.fields = tuple(f"changes/{name}" if name in changes else name for name in refusal.fields)
            raise
        return created(receipt, response, f"/mentorships/{mentorship_id}/timeline/{{version}}", mentorship_id)

    return router
