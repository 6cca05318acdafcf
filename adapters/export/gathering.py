"""Gathers all that is held on a person, with where each thing comes from: who recorded it, when, on which consent, and who looked.

What belongs to the other party of a mentorship is not in it. A mentor's copy has of a mentorship what is about the mentor: when it ran, the
sessions, and their own words; what was planned, decided or found for the trainee is the trainee's.
"""

from collections.abc import Mapping
from dataclasses import fields
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from psycopg.rows import tuple_row

from adapters.erasure.involved import Involved
from adapters.postgres.pool import Pool
from adapters.postgres.reader import Reader
from adapters.postgres.record import PostgresRecord
from adapters.postgres.stored import RecordedEvent
from application.caller import Caller
from domain.copies import CopyReason
from domain.errors import NotFound
from domain.events import RecordEvent
from domain.mentorship import MentorshipEvent
from domain.personal import fields_about, personal_fields

type Part = Literal["self", "trainee", "mentor"]

_OF_EVERY_ENTRY = frozenset({"originator_id", "originator_version", "timestamp", "occurred_on", "occurred_at"})
# Whom the copy is for knows who the other one is; others who may read it need not.
_OF_THE_OTHER = frozenset({"mentor_id", "to_mentor_id", "trainee_id"})
_MEMBERS = frozenset(
    {"requested_by", "approved_by", "refused_by", "decided_by", "handed_out_by", "companion_id", "caseworker_id", "to_caseworker_id"}
)  # fmt: skip
_MENTORS_TOPICS = frozenset(
    {
        "mentorship-started",
        "mentorship-paused",
        "mentorship-resumed",
        "mentorship-handed-over",
        "mentorship-closed",
        "session-held",
        "entry-corrected",
        "entry-retracted",
    }
)
_MENTORS_PLAIN = frozenset({"minutes", "medium", "track", "corrects"})

LOOKS = """
    SELECT recorded_at, member_id, role, read, purpose, legal_basis, mentorship_id, consent_version
    FROM accompany.access_log
    WHERE organisation_id = %s AND person_id = %s AND outcome = 'shown'
    ORDER BY position
"""


class CopyEntry(msgspec.Struct, frozen=True):
    """One thing on record. `record_id` is the person, the mentorship, or the request for evidence; `part` what the person is in it.

    `recorded_by` is a member's code. `relied_on` names the consent, by its version in the same record; `corrects` the entry that this
    one puts right, and `corrected_by` those that put this one right. `fields` are in JSON's own types.
    """

    record_id: UUID
    part: Part
    version: int
    topic: str
    occurred_on: date
    occurred_at: datetime | None
    recorded_at: datetime
    recorded_by: str
    purpose: str | None
    relied_on: int | None
    corrects: int | None
    corrected_by: tuple[int, ...]
    fields: dict[str, Any]


class Look(msgspec.Struct, frozen=True):
    """One time that somebody was shown something: what was asked for, and on which ground; by its version, the consent relied on."""

    at: datetime
    by: str
    role: str
    asked_for: str
    purpose: str | None
    legal_basis: str | None
    mentorship_id: UUID | None
    consent: int | None


class Copy(msgspec.Struct, frozen=True):
    """All that is held on a person, as of a log position. The schema of it is in docs/export.md; `format` counts its versions."""

    format: str
    made_at: datetime
    made_by: str
    reason: CopyReason
    organisation: str
    person_id: UUID
    name: str
    position: int
    entries: tuple[CopyEntry, ...]
    looks: tuple[Look, ...]


FORMAT = "accompany-export/1"


class Gatherer:
    """Reads for whoever has the right to it: to ask that is the caller's part. What it opens is in the access log of the request."""

    def __init__(self, record: PostgresRecord, pool: Pool, involved: Involved) -> None:
        self._record = record
        self._pool = pool
        self._reader = Reader(pool)
        self._involved = involved

    async def gather(self, by: Caller, person_id: UUID, reason: CopyReason) -> Copy:
        """Raises NotFound, or StoreBusy where a read model does not catch up in time."""
        handles, organisation = await self._known(by)
        position = await self._reader.last_position()
        entries: list[CopyEntry] = []
        name = ""
        cases = await self._involved(by.organisation_id, person_id)
        requests = await self._involved.evidence(by.organisation_id, person_id)
        for stream_id in (person_id, *cases, *requests):
            stored = await self._reader.stream(by.organisation_id, stream_id)
            opened = await self._record.opened(by, [row.position for row in stored if row.position is not None])
            events = [(row, opened[row.position]) for row in stored if row.position is not None]
            entries += _entries(person_id, events, handles)
            if stream_id == person_id:
                name = next((e.full_name for _, e in reversed(events) if hasattr(e, "full_name")), "")
        if not entries:
            raise NotFound
        return Copy(
            format=FORMAT,
            made_at=by.asked_at,
            made_by=_handle(handles, by.member_id),
            reason=reason,
            organisation=organisation,
            person_id=person_id,
            name=name,
            position=position,
            entries=tuple(entries),
            looks=await self._looks(by, person_id, handles),
        )

    async def _known(self, by: Caller) -> tuple[dict[UUID, str], str]:
        rows = await self._pool.rows(
            by.organisation_id,
            """
            SELECT m.member_id, m.handle, o.name FROM accompany.organisations o
            LEFT JOIN accompany.members m USING (organisation_id) WHERE o.organisation_id = %s
            """,
            (by.organisation_id,),
            row_factory=tuple_row,
        )
        return {member_id: handle for member_id, handle, _ in rows}, rows[0][2] if rows else ""

    async def _looks(self, by: Caller, person_id: UUID, handles: Mapping[UUID, str]) -> tuple[Look, ...]:
        rows = await self._pool.rows(by.organisation_id, LOOKS, (by.organisation_id, person_id), row_factory=tuple_row)
        return tuple(
            Look(at, _handle(handles, member_id), role, read, purpose, basis, mentorship_id, consent)
            for at, member_id, role, read, purpose, basis, mentorship_id, consent in rows
        )


def _entries(
    person_id: UUID, events: list[tuple[RecordedEvent, RecordEvent]], handles: Mapping[UUID, str]
) -> list[CopyEntry]:
    corrected_by: dict[int, list[int]] = {}
    for _, event in events:
        corrects = getattr(event, "corrects", None)
        if corrects is not None:
            corrected_by.setdefault(corrects, []).append(event.originator_version)
    found = []
    for row, event in events:
        part = _part(person_id, event)
        if part is None:
            continue
        assert row.recorded_at is not None, "the log's columns are NOT NULL"
        assert row.actor_id is not None, "as above"
        found.append(
            CopyEntry(
                record_id=event.originator_id,
                part=part,
                version=event.originator_version,
                topic=event.TOPIC,
                occurred_on=event.occurred_on,
                occurred_at=event.occurred_at,
                recorded_at=row.recorded_at,
                recorded_by=_handle(handles, row.actor_id),
                purpose=row.purpose,
                relied_on=getattr(event, "relied_on", None),
                corrects=getattr(event, "corrects", None),
                corrected_by=tuple(corrected_by.get(event.originator_version, ())),
                fields=_fields(person_id, event, part, handles),
            )
        )
    return found


def _part(person_id: UUID, event: RecordEvent) -> Part | None:
    """What the person is in it; None for what is none of theirs, as what was planned for a trainee while they were mentor."""
    if not isinstance(event, MentorshipEvent):
        return "self"
    if event.trainee_id == person_id:
        return "trainee"
    theirs = event.mentor_id == person_id or getattr(event, "to_mentor_id", None) == person_id
    return "mentor" if theirs and event.TOPIC in _MENTORS_TOPICS else None


def _fields(person_id: UUID, event: RecordEvent, part: Part, handles: Mapping[UUID, str]) -> dict[str, Any]:
    personal = personal_fields(type(event))
    mine = set(fields_about(event, person_id)) - event.erased
    plain = {field.name for field in fields(event)} - personal.keys() - _OF_EVERY_ENTRY - _OF_THE_OTHER - {"relied_on"}
    if part == "mentor":
        plain &= _MENTORS_PLAIN
    found: dict[str, Any] = {}
    for field in fields(event):
        if field.name in mine | plain:
            value = getattr(event, field.name)
            found[field.name] = _handle(handles, value) if field.name in _MEMBERS else msgspec.to_builtins(value)
    return found


def _handle(handles: Mapping[UUID, str], member_id: UUID) -> str:
    return handles.get(member_id, "a former member")
