"""Who looked at whose data: read from the access log itself, which is no projection and never behind."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from domain.vocabulary import LegalBasis, Purpose, Role

type Outcome = Literal["shown", "denied"]


@dataclass(frozen=True, slots=True)
class Access:
    """One entry (docs/access-log.md). `member_handle` is the member's short code, never a name.

    `legal_basis` consent without a `consent_version` says that no consent was in force.
    """

    position: int
    recorded_at: datetime
    read_id: UUID
    member_id: UUID
    member_handle: str | None
    role: Role
    read: str
    person_id: UUID | None
    mentorship_id: UUID | None
    topics: tuple[str, ...]
    fields: tuple[str, ...]
    purpose: Purpose | None
    legal_basis: LegalBasis | None
    consent_version: int | None
    outcome: Outcome
    refusal: str | None
    trace_id: str


@dataclass(frozen=True, slots=True)
class AccessPage:
    """Newest first. `before` is the position to ask for the next page with; None on the last one."""

    entries: tuple[Access, ...]
    before: int | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries: of a person, by a member, but not by another one, from `since` until before `until`, with an outcome."""

    person_id: UUID | None = None
    member_id: UUID | None = None
    not_by: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    outcome: Outcome | None = None


async def accesses(
    connection: psycopg.AsyncConnection[Any],
    *,
    organisation_id: UUID,
    wanted: Wanted,
    before: int | None = None,
    limit: int = 50,
) -> AccessPage:
    """Entries of the organisation before the position `before`, or the newest. Who may see them is the caller's to ask."""
    async with connection.cursor(row_factory=class_row(_Row)) as cursor:
        await cursor.execute(
            """
            SELECT
                a.position, a.recorded_at, a.read_id, a.member_id, m.handle AS member_handle, a.role, a.read, a.person_id,
                a.mentorship_id, a.topics, a.fields, a.purpose, a.legal_basis, a.consent_version, a.outcome, a.refusal, a.trace_id
            FROM accompany.access_log a
            LEFT JOIN accompany.members m ON m.organisation_id = a.organisation_id AND m.member_id = a.member_id
            WHERE a.organisation_id = %(organisation_id)s
                AND (%(person_id)s::uuid IS NULL OR a.person_id = %(person_id)s)
                AND (%(member_id)s::uuid IS NULL OR a.member_id = %(member_id)s)
                AND (%(not_by)s::uuid IS NULL OR a.member_id <> %(not_by)s)
                AND (%(since)s::timestamptz IS NULL OR a.recorded_at >= %(since)s)
                AND (%(until)s::timestamptz IS NULL OR a.recorded_at < %(until)s)
                AND (%(outcome)s::text IS NULL OR a.outcome = %(outcome)s)
                AND a.position < %(before)s
            ORDER BY a.position DESC
            LIMIT %(limit)s + 1
            """,
            {
                "organisation_id": organisation_id,
                "person_id": wanted.person_id,
                "member_id": wanted.member_id,
                "not_by": wanted.not_by,
                "since": wanted.since,
                "until": wanted.until,
                "outcome": wanted.outcome,
                "before": 2**63 - 1 if before is None else before,
                "limit": limit,
            },
        )
        found = await cursor.fetchall()
    page = found[:limit]
    return AccessPage(tuple(row.entry() for row in page), page[-1].values["position"] if len(found) > limit else None)


class _Row:
    def __init__(self, **values: Any) -> None:
        self.values = values

    def entry(self) -> Access:
        values = self.values
        return Access(
            **{
                **values,
                "role": Role(values["role"]),
                "topics": tuple(values["topics"]),
                "fields": tuple(values["fields"]),
                "purpose": None if values["purpose"] is None else Purpose(values["purpose"]),
                "legal_basis": None if values["legal_basis"] is None else LegalBasis(values["legal_basis"]),
            }
        )
