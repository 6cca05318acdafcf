"""People: who is on record, and where their details stand."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import psycopg
from msgspec.structs import replace

from domain.events import TOPICS, PersonEvent, RecordEvent
from domain.person import Details, PersonDetailsCorrected, PersonRegistered
from domain.vocabulary import PersonRole
from projections.projection import Opener, Projection, Row, Rows, Seen, Table, select
from projections.rights import rights_of


class PersonRow(Row, frozen=True):
    """`details_position` points at the event that holds the details as last told; `registered_by` is a member."""

    organisation_id: UUID
    person_id: UUID
    role: PersonRole
    registered_by: UUID
    details_position: int
    version: int
    registered_on: date


PEOPLE = Table(
    "people",
    PersonRow,
    """
    organisation_id uuid NOT NULL,
    person_id uuid NOT NULL,
    role text NOT NULL,
    registered_by uuid NOT NULL,
    details_position bigint NOT NULL,
    version integer NOT NULL,
    registered_on date NOT NULL
    """,
    key=("organisation_id", "person_id"),
    indexes=("(organisation_id, registered_by)",),
)


@dataclass(frozen=True, slots=True)
class PersonView:
    """A person as last told. `details` is None once the person has been erased; while `restricted_on` is set, their data rest."""

    person_id: UUID
    role: PersonRole
    version: int
    details: Details | None
    restricted_on: date | None
    erased_on: date | None


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """`after` is the id to ask for the next page with; None on the last one."""

    people: tuple[PersonView, ...]
    after: UUID | None


# A caseworker sees whom they registered and the people of their own cases; no caseworker at all means the whole organisation.
_VISIBLE = """
    WHERE organisation_id = %(organisation_id)s
        AND (
            %(caseworker_id)s::uuid IS NULL
            OR registered_by = %(caseworker_id)s
            OR person_id IN (
                SELECT unnest(ARRAY[trainee_id, mentor_id]) FROM projections.cases
                WHERE organisation_id = %(organisation_id)s AND caseworker_id = %(caseworker_id)s
            )
        )
        AND (%(person_id)s::uuid IS NULL OR person_id = %(person_id)s)
        AND (%(among)s::uuid[] IS NULL OR person_id = ANY(%(among)s))
        AND (%(after)s::uuid IS NULL OR person_id > %(after)s)
    ORDER BY person_id
    LIMIT %(limit)s
"""


async def people_page(
    connection: psycopg.AsyncConnection,
    *,
    organisation_id: UUID,
    caseworker_id: UUID | None,
    after: UUID | None = None,
    limit: int = 50,
    opened: Opener,
) -> PeoplePage:
    """The people whom a caseworker may see, or with None all of the organisation, by id."""
    found = await visible_people(connection, organisation_id, caseworker_id, after=after, limit=limit + 1)
    page = found[:limit]
    return PeoplePage(
        await _views(connection, organisation_id, page, opened), page[-1].person_id if len(found) > limit else None
    )


async def person_view(
    connection: psycopg.AsyncConnection,
    *,
    organisation_id: UUID,
    caseworker_id: UUID | None,
    person_id: UUID,
    opened: Opener,
) -> PersonView | None:
    """One person, or None where the caseworker may not see them."""
    found = await visible_people(connection, organisation_id, caseworker_id, person_id=person_id, limit=1)
    if not found:
        return None
    [view] = await _views(connection, organisation_id, found, opened)
    return view


async def person_visible(
    connection: psycopg.AsyncConnection, *, organisation_id: UUID, caseworker_id: UUID | None, person_id: UUID
) -> bool:
    """Whether a caseworker may see a person; None asks for the whole organisation."""
    return bool(await visible_people(connection, organisation_id, caseworker_id, person_id=person_id, limit=1))


async def visible_people(
    connection: psycopg.AsyncConnection,
    organisation_id: UUID,
    caseworker_id: UUID | None,
    *,
    person_id: UUID | None = None,
    among: list[UUID] | None = None,
    after: UUID | None = None,
    limit: int,
) -> list[PersonRow]:
    """The bare rows of the people whom a caseworker may see, by id; `among` these people, if any are named."""
    return await select(
        connection,
        PEOPLE,
        _VISIBLE,
        {
            "organisation_id": organisation_id,
            "caseworker_id": caseworker_id,
            "person_id": person_id,
            "among": among,
            "after": after,
            "limit": limit,
        },
    )


async def details_positions(
    connection: psycopg.AsyncConnection, organisation_id: UUID, people: Iterable[UUID]
) -> dict[UUID, int]:
    """Where the details of these people stand."""
    cursor = await connection.execute(
        "SELECT person_id, details_position FROM projections.people WHERE organisation_id = %s AND person_id = ANY(%s)",
        (organisation_id, list(people)),
    )
    return dict(await cursor.fetchall())


def name_of(events: Mapping[int, RecordEvent], position: int | None) -> str | None:
    """A person's name as they write it, from the event that holds their details; None once it has been erased."""
    event = None if position is None else events.get(position)
    if not isinstance(event, PersonRegistered | PersonDetailsCorrected) or event.erased:
        return None
    return event.full_name


def details_in(event: RecordEvent | None) -> Details | None:
    """The details that an event tells; None where it tells none, or where the person has been erased."""
    if not isinstance(event, PersonRegistered | PersonDetailsCorrected) or event.erased:
        return None
    return event.details


async def _views(
    connection: psycopg.AsyncConnection, organisation_id: UUID, people: list[PersonRow], opened: Opener
) -> tuple[PersonView, ...]:
    events = await opened([person.details_position for person in people])
    rights = await rights_of(connection, organisation_id, [person.person_id for person in people])
    return tuple(
        PersonView(
            person.person_id,
            person.role,
            person.version,
            details_in(events.get(person.details_position)),
            rights[person.person_id].restricted_on,
            rights[person.person_id].erased_on,
        )
        for person in people
    )


def _registered(seen: Seen, rows: Rows) -> None:
    rows.put(
        PEOPLE, PersonRow(*seen.stream, seen.fields.role, seen.actor_id, seen.position, seen.version, seen.occurred_on)
    )


def _details_corrected(seen: Seen, rows: Rows) -> None:
    person = rows.get(PEOPLE, *seen.stream)
    if person is not None:
        changes: dict[str, Any] = {"role": seen.fields.role, "details_position": seen.position}
        rows.put(PEOPLE, replace(person, version=seen.version, **changes))


def _moved_on(seen: Seen, rows: Rows) -> None:
    person = rows.get(PEOPLE, *seen.stream)
    if person is not None:
        rows.put(PEOPLE, replace(person, version=seen.version))


PROJECTION = Projection(
    "people",
    3,
    (PEOPLE,),
    {
        # Any fact moves the person on to another version.
        **{topic: _moved_on for topic, event in TOPICS.items() if issubclass(event, PersonEvent)},
        "person-registered": _registered,
        "person-details-corrected": _details_corrected,
    },
)
