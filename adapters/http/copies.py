"""Copies of all that is held on a person: for staff who are asked for one, and for the person themselves."""

from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from adapters.export.handing_out import hand_out
from adapters.http.documented import COPIED
from adapters.http.headers import Fact
from adapters.http.parts import Parts
from adapters.http.rights import refuse_unless_concerned
from adapters.http.signed_in import SignedIn
from adapters.http.strict_json import StrictRoute
from adapters.http.submitted import Submitted
from application.permissions import refuse_unless
from domain.copies import CopyForm, CopyReason
from domain.erasure import AskedBy


class CopyRequest(Submitted):
    """What for, and in which form. The schema of the JSON form is in docs/export.md."""

    form: CopyForm = Field(default=CopyForm.JSON)
    reason: CopyReason = Field(default=CopyReason.ACCESS)
    asked_by: AskedBy = Field(default=AskedBy.PERSON)


def copy_routes(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/people/{person_id}/copies", tags=["rights"], route_class=StrictRoute)

    @router.post("", responses=COPIED, response_class=Response)
    async def hand_out_copy(person_id: UUID, body: CopyRequest, by: SignedIn, submission: Fact) -> Response:
        """All that is held on a person, with who recorded it, on which consent, and who looked. That it was handed out is put on record.

        Nothing of the other party of a mentorship is in it.
        """
        refuse_unless(by, "hand_out_copy")
        await refuse_unless_concerned(parts, by, person_id)
        copy = await hand_out(
            parts.rights, parts.copies, by, submission, person_id, body.form, body.reason, body.asked_by
        )
        return as_file(copy.content, copy.media_type, copy.name)

    return router


def as_file(content: bytes, media_type: str, name: str) -> Response:
    return Response(
        content,
        media_type=media_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )
