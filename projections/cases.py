"""Cases: each mentorship with the people in it, its state, and when somebody was last in touch."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

import psycopg
from msgspec.structs import replace

from domain.vocabulary import EndReason, OutcomeStatus, Track
from projections.entries import told
from projections.people import details_positions, name_of
from projections.projection import (
    MENTORSHIP_TOPICS,
    Opener,
    Projection,
    Row,
    Rows,
    Seen,
    Table,
    corrected_value,
    select,
    stream_if_corrected,
)
from projections.rights import rights_of


class Case(Row, frozen=True):
    """`version` is that of the whole mentorship; `started_position` points at the event that holds the case's own number."""

    organisation_id: UUID
    mentorship_id: UUID
    trainee_id: UUID
    mentor_id: UUID
    caseworker_id: UUID
    track: Track
    started_on: date
    closed_on: date | None
    end_reason: EndReason | None
    paused_on: date | None
    last_contact_on: date | None
    started_position: int
    version: int


CASES = Table(
    "cases",
    Case,
    """
    organisation_id uuid NOT NULL,
    mentorship_id uuid NOT NULL,
    trainee_id uuid NOT NULL,
    mentor_id uuid NOT NULL,
    caseworker_id uuid NOT NULL,
    track text NOT NULL,
    started_on date NOT NULL,
    closed_on date,
    end_reason text,
    paused_on date,
    last_contact_on date,
    started_position bigint NOT NULL,
    version integer NOT NULL
    """,
    key=("organisation_id", "mentorship_id"),
    indexes=(
        "(organisation_id, caseworker_id, mentorship_id)",
        "(organisation_id, trainee_id)",
        "(organisation_id, mentor_id)",
    ),
)


class ContactKind(StrEnum):
    SESSION = "session"
    ACCOMPANIMENT = "accompaniment"
    FOLLOW_UP = "follow-up"


class Contact(Row, frozen=True):
    """One time that somebody was in touch. `minutes` of a session, `status` found at a follow-up."""

    organisation_id: UUID
    mentorship_id: UUID
    version: int
    trainee_id: UUID
    kind: ContactKind
    occurred_on: date
    minutes: int | None
    status: OutcomeStatus | None


CONTACTS = Table(
    "contacts",
    Contact,
    """
    organisation_id uuid NOT NULL,
    mentorship_id uuid NOT NULL,
    version integer NOT NULL,
    trainee_id uuid NOT NULL,
    kind text NOT NULL,
    occurred_on date NOT NULL,
    minutes integer,
    status text
    """,
    key=("organisation_id", "mentorship_id", "version"),
    indexes=("(organisation_id, kind, occurred_on)",),
    looks_back=stream_if_corrected,
)

_CONTACTS = {
    "session-held": ContactKind.SESSION,
    "accompaniment-recorded": ContactKind.ACCOMPANIMENT,
    "outcome-found": ContactKind.FOLLOW_UP,
}


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case with its people by name. A name is None once its person has been erased.

    `…_restricted_on` says since when a person's data rest: they are kept, and nothing is recorded with them.
    """

    mentorship_id: UUID
    reference: str | None
    trainee_id: UUID
    trainee_name: str | None
    trainee_restricted_on: date | None
    trainee_erased_on: date | None
    mentor_id: UUID
    mentor_name: str | None
    mentor_restricted_on: date | None
    mentor_erased_on: date | None
    caseworker_id: UUID
    track: Track
    started_on: date
    closed_on: date | None
    end_reason: EndReason | None
    paused_on: date | None
    last_contact_on: date | None
    version: int


@dataclass(frozen=True, slots=True)
class CasesPage:
    """`after` is the id to ask for the next page with; None on the last one."""

    cases: tuple[CaseView, ...]
    after: UUID | None


async def case_row(connection: psycopg.AsyncConnection, *, organisation_id: UUID, mentorship_id: UUID) -> Case | None:
    """The bare row, to ask who may see a case before anything in it is opened."""
    found = await select(
        connection, CASES, "WHERE organisation_id = %s AND mentorship_id = %s", (organisation_id, mentorship_id)
    )
    return found[0] if found else None


async def cases_ending(
    connection: psycopg.AsyncConnection, *, organisation_id: UUID, end: str, limit: int
) -> list[UUID]:
    """Cases by the last digits of their ids, in small letters, as lists show them."""
    cursor = await connection.execute(
        "SELECT mentorship_id FROM projections.cases WHERE organisation_id = %s"
        " AND right(mentorship_id::text, length(%s)) = %s ORDER BY mentorship_id LIMIT %s",
        (organisation_id, end, end, limit),
    )
    return [mentorship_id for (mentorship_id,) in await cursor.fetchall()]


async def trainees_of(
    connection: psycopg.AsyncConnection, organisation_id: UUID, mentorships: Iterable[UUID]
) -> dict[UUID, UUID]:
    """Whose these mentorships are."""
    cursor = await connection.execute(
        "SELECT mentorship_id, trainee_id FROM projections.cases WHERE organisation_id = %s AND mentorship_id = ANY(%s)",
        (organisation_id, list(mentorships)),
    )
    return dict(await cursor.fetchall())


async def cases_page(
    connection: psycopg.AsyncConnection,
    *,
    organisation_id: UUID,
    caseworker_id: UUID | None = None,
    mentor_id: UUID | None = None,
    trainee_id: UUID | None = None,
    after: UUID | None = None,
    limit: int = 50,
    opened: Opener,
) -> CasesPage:
    """The cases of a caseworker, a mentor or a trainee, or with none of them given of the whole organisation, by id."""
    found = await select(
        connection,
        CASES,
        """
        WHERE organisation_id = %(organisation_id)s
            AND (%(caseworker_id)s::uuid IS NULL OR caseworker_id = %(caseworker_id)s)
            AND (%(mentor_id)s::uuid IS NULL OR mentor_id = %(mentor_id)s)
            AND (%(trainee_id)s::uuid IS NULL OR trainee_id = %(trainee_id)s)
            AND (%(after)s::uuid IS NULL OR mentorship_id > %(after)s)
        ORDER BY mentorship_id
        LIMIT %(limit)s + 1
        """,
        {
            "organisation_id": organisation_id,
            "caseworker_id": caseworker_id,
            "mentor_id": mentor_id,
            "trainee_id": trainee_id,
            "after": after,
            "limit": limit,
        },
    )
    page = found[:limit]
    views = await case_views(connection, organisation_id, page, opened)
    return CasesPage(views, page[-1].mentorship_id if len(found) > limit else None)


async def case_views(
    connection: psycopg.AsyncConnection, organisation_id: UUID, cases: list[Case], opened: Opener
) -> tuple[CaseView, ...]:
    """These cases, with the names of their people and their own numbers opened."""
    people = {person for case in cases for person in (case.trainee_id, case.mentor_id)}
    details = await details_positions(connection, organisation_id, people)
    rights = await rights_of(connection, organisation_id, people)
    events = await opened([case.started_position for case in cases], names=details.values())
    return tuple(
        CaseView(
            mentorship_id=case.mentorship_id,
            reference=told(events.get(case.started_position), "reference"),
            trainee_id=case.trainee_id,
            trainee_name=name_of(events, details.get(case.trainee_id)),
            trainee_restricted_on=rights[case.trainee_id].restricted_on,
            trainee_erased_on=rights[case.trainee_id].erased_on,
            mentor_id=case.mentor_id,
            mentor_name=name_of(events, details.get(case.mentor_id)),
            mentor_restricted_on=rights[case.mentor_id].restricted_on,
            mentor_erased_on=rights[case.mentor_id].erased_on,
            caseworker_id=case.caseworker_id,
            track=case.track,
            started_on=case.started_on,
            closed_on=case.closed_on,
            end_reason=case.end_reason,
            paused_on=case.paused_on,
            last_contact_on=case.last_contact_on,
            version=case.version,
        )
        for case in cases
    )


def _started(seen: Seen, rows: Rows) -> None:
    fields = seen.fields
    rows.put(
        CASES,
        Case(
            *seen.stream,
            fields.trainee_id,
            fields.mentor_id,
            fields.caseworker_id,
            fields.track,
            started_on=seen.occurred_on,
            closed_on=None,
            end_reason=None,
            paused_on=None,
            last_contact_on=None,
            started_position=seen.position,
            version=seen.version,
        ),
    )


def _paused(seen: Seen, rows: Rows) -> None:
    _change(seen, rows, paused_on=seen.occurred_on)


def _resumed(seen: Seen, rows: Rows) -> None:
    _change(seen, rows, paused_on=None)


def _handed_over(seen: Seen, rows: Rows) -> None:
    _change(seen, rows, caseworker_id=seen.fields.to_caseworker_id, mentor_id=seen.fields.to_mentor_id)


def _closed(seen: Seen, rows: Rows) -> None:
    _change(seen, rows, closed_on=seen.occurred_on, end_reason=seen.fields.reason)


def _in_touch(seen: Seen, rows: Rows) -> None:
    rows.put(
        CONTACTS,
        Contact(
            *seen.stream,
            seen.version,
            seen.fields.trainee_id,
            _CONTACTS[seen.topic],
            seen.occurred_on,
            minutes=getattr(seen.fields, "minutes", None),
            status=getattr(seen.fields, "status", None),
        ),
    )
    case = rows.get(CASES, *seen.stream)
    last = case.last_contact_on if case else None
    _change(seen, rows, last_contact_on=seen.occurred_on if last is None else max(last, seen.occurred_on))


def _corrected(seen: Seen, rows: Rows) -> None:
    contact = rows.get(CONTACTS, *seen.stream, seen.fields.corrects)
    if contact is not None:
        rows.put(
            CONTACTS,
            replace(
                contact,
                occurred_on=corrected_value(seen.fields, "occurred_on", date, contact.occurred_on),
                minutes=corrected_value(seen.fields, "minutes", int, contact.minutes),
                status=corrected_value(seen.fields, "status", OutcomeStatus, contact.status),
            ),
        )
    _sum_up(seen, rows)


def _retracted(seen: Seen, rows: Rows) -> None:
    contact = rows.get(CONTACTS, *seen.stream, seen.fields.corrects)
    if contact is not None:
        rows.delete(CONTACTS, contact)
    _sum_up(seen, rows)


def _sum_up(seen: Seen, rows: Rows) -> None:
    days = (contact.occurred_on for contact in rows.of(CONTACTS, seen.stream))
    _change(seen, rows, last_contact_on=max(days, default=None))


def _change(seen: Seen, rows: Rows, **changes: Any) -> None:
    case = rows.get(CASES, *seen.stream)
    if case is not None:
        rows.put(CASES, replace(case, version=seen.version, **changes))


PROJECTION = Projection(
    "cases",
    1,
    (CASES, CONTACTS),
    {
        # Any fact moves the case on to another version.
        **dict.fromkeys(MENTORSHIP_TOPICS, _change),
        "mentorship-started": _started,
        "mentorship-paused": _paused,
        "mentorship-resumed": _resumed,
        "mentorship-handed-over": _handed_over,
        "mentorship-closed": _closed,
        "entry-corrected": _corrected,
        "entry-retracted": _retracted,
        **dict.fromkeys(_CONTACTS, _in_touch),
    },
)
