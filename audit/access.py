"""One entry of the access log: who was shown whose data, and what that rests on."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

type AccessOutcome = Literal["shown", "denied"]


@dataclass(frozen=True, slots=True)
class AccessEntry:
    """What one answer showed of one person, or would have shown and did not. Terms and ids alone: nothing that was read.

    `read_id` is shared by the entries of one answer; `read` is what was asked for, as method and template of the address.
    `person_id` is None for a denial of something that is nobody's or of which nobody knows whose it is; `mentorship_id` is the
    mentorship that the data came from. `positions` are those of the events that were opened, `topics` and `fields` what was in them.
    `consent_version` is the consent relied on, by its place in the mentorship's stream, as known up to the position `consent_as_of`;
    None beside the basis `consent` says that none was in force. `refusal` is the code of a denial.
    """

    organisation_id: UUID
    read_id: UUID
    member_id: UUID
    role: str
    read: str
    person_id: UUID | None
    mentorship_id: UUID | None
    positions: tuple[int, ...]
    topics: tuple[str, ...]
    fields: tuple[str, ...]
    purpose: str | None
    legal_basis: str | None
    consent_version: int | None
    consent_as_of: int | None
    outcome: AccessOutcome
    refusal: str | None
    trace_id: str
