"""Who is or ever was in which mentorship, and about whom evidence was asked for: to find all that is about a person."""

from collections.abc import Sequence
from uuid import UUID

import psycopg

from projections.projection import Projection, Row, Rows, Seen, Table


class Involvement(Row, frozen=True):
    """`since_version` names the entry by which the person came into the mentorship."""

    organisation_id: UUID
    mentorship_id: UUID
    person_id: UUID
    since_version: int


INVOLVEMENTS = Table(
    "involvements",
    Involvement,
    """
    organisation_id uuid NOT NULL,
    mentorship_id uuid NOT NULL,
    person_id uuid NOT NULL,
    since_version integer NOT NULL
    """,
    key=("organisation_id", "mentorship_id", "person_id"),
    indexes=("(organisation_id, person_id)",),
)


class EvidenceAbout(Row, frozen=True):
    """A request for evidence whose reason is sealed under this person's key."""

    organisation_id: UUID
    request_id: UUID
    person_id: UUID


EVIDENCE_ABOUT = Table(
    "evidence_about",
    EvidenceAbout,
    """
    organisation_id uuid NOT NULL,
    request_id uuid NOT NULL,
    person_id uuid NOT NULL
    """,
    key=("organisation_id", "request_id"),
    indexes=("(organisation_id, person_id)",),
)


async def mentorships_of(
    connection: psycopg.AsyncConnection, *, organisation_id: UUID, person_id: UUID
) -> Sequence[UUID]:
    """All mentorships that a person is or was in, open and closed."""
    cursor = await connection.execute(
        "SELECT mentorship_id FROM projections.involvements WHERE organisation_id = %s AND person_id = %s ORDER BY 1",
        (organisation_id, person_id),
    )
    return [mentorship_id for (mentorship_id,) in await cursor.fetchall()]


async def evidence_about(
    connection: psycopg.AsyncConnection, *, organisation_id: UUID, person_id: UUID
) -> Sequence[UUID]:
    """The requests for evidence about a person or a mentorship of theirs as its trainee, in the order of their ids."""
    cursor = await connection.execute(
        "SELECT request_id FROM projections.evidence_about WHERE organisation_id = %s AND person_id = %s ORDER BY 1",
        (organisation_id, person_id),
    )
    return [request_id for (request_id,) in await cursor.fetchall()]


def _started(seen: Seen, rows: Rows) -> None:
    for person_id in (seen.fields.trainee_id, seen.fields.mentor_id):
        _involve(seen, rows, person_id)


def _handed_over(seen: Seen, rows: Rows) -> None:
    _involve(seen, rows, seen.fields.to_mentor_id)


def _evidence_asked_for(seen: Seen, rows: Rows) -> None:
    # About somebody who is erased, its reason is sealed under a key of its own.
    if seen.fields.person_id != seen.stream_id:
        rows.put(EVIDENCE_ABOUT, EvidenceAbout(*seen.stream, seen.fields.person_id))


def _involve(seen: Seen, rows: Rows, person_id: UUID) -> None:
    if rows.get(INVOLVEMENTS, *seen.stream, person_id) is None:
        rows.put(INVOLVEMENTS, Involvement(*seen.stream, person_id, seen.version))


PROJECTION = Projection(
    "involvements",
    2,
    (INVOLVEMENTS, EVIDENCE_ABOUT),
    {
        "mentorship-started": _started,
        "mentorship-handed-over": _handed_over,
        "evidence-requested": _evidence_asked_for,
    },
)
