"""Hands a copy out: gathered, put on record that it was, and only then given away."""

import asyncio
from dataclasses import dataclass
from uuid import UUID

import msgspec

from adapters.export.gathering import Gatherer
from adapters.export.readable import as_pdf
from application.caller import Caller, Submission
from application.rights import Rights
from domain.copies import CopyForm, CopyReason
from domain.erasure import AskedBy
from domain.person import Person
from domain.vocabulary import Role


@dataclass(frozen=True, slots=True)
class CopyFile:
    """A copy as it leaves. Its name holds the end of an id, and nothing that singles anybody out to others."""

    content: bytes
    media_type: str
    name: str


async def hand_out(
    rights: Rights,
    copies: Gatherer,
    by: Caller,
    submission: Submission,
    person_id: UUID,
    form: CopyForm,
    reason: CopyReason,
    asked_by: AskedBy,
) -> CopyFile:
    """Raises PersonErased, PdfNotInstalled, and as gathering and recording do. Whoever has a copy before it is on record has none."""
    copy = await copies.gather(by, person_id, reason)
    if form is CopyForm.PDF:
        content, media_type = await asyncio.to_thread(as_pdf, copy), "application/pdf"
    else:
        content, media_type = msgspec.json.format(msgspec.json.encode(copy), indent=2), "application/json"
    await rights.decide(
        by,
        submission,
        person_id,
        {},
        Person.hand_out_copy,
        by.told(),
        handed_out_by=by.member_id,
        asked_by=AskedBy.PERSON if by.role in (Role.TRAINEE, Role.MENTOR) else asked_by,
        form=form,
        reason=reason,
    )
    return CopyFile(content, media_type, f"copy-{person_id.hex[-8:]}.{form.value}")
