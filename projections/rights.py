"""People's rights at work: whose erasure is asked for, whose data rest, who has objected, and what holds an erasure back."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

import psycopg

from domain.erasure import ErasureGround
from domain.restriction import Interest, ObjectionOutcome
from projections.projection import Projection, Rows, Seen, Table, select


class ErasureState(StrEnum):
    NONE = "none"
    PROPOSED = "proposed"
    REQUESTED = "requested"
    APPROVED = "approved"
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class PersonsRights:
    """One person. `state_on` is the day of the last step; `requested_by` a member; `rule` and `due_on` are the schedule's finding.

    `holds` counts the legal holds that stand, `objections` the ones that nobody has decided.
    """

    organisation_id: UUID
    person_id: UUID
    state: ErasureState
    state_on: date | None
    requested_by: UUID | None
    ground: ErasureGround | None
    rule: str | None
    due_on: date | None
    restricted_on: date | None
    holds: int
    objections: int

    @property
    def erased_on(self) -> date | None:
        return self.state_on if self.state is ErasureState.ERASED else None


RIGHTS = Table(
    "rights",
    PersonsRights,
    """
    organisation_id uuid NOT NULL,
    person_id uuid NOT NULL,
    state text NOT NULL,
    state_on date,
    requested_by uuid,
    ground text,
    rule text,
    due_on date,
    restricted_on date,
    holds integer NOT NULL,
    objections integer NOT NULL
    """,
    key=("organisation_id", "person_id"),
    indexes=("(organisation_id, state)",),
)


@dataclass(frozen=True, slots=True)
class ObjectionToCounting:
    """An objection to being counted that stands: undecided, or decided for the person. `since_version` is the entry that raised it."""

    organisation_id: UUID
    person_id: UUID
    objection_id: UUID
    since_version: int


OBJECTIONS_TO_COUNTING = Table(
    "objections_to_counting",
    ObjectionToCounting,
    """
    organisation_id uuid NOT NULL,
    person_id uuid NOT NULL,
    objection_id uuid NOT NULL,
    since_version integer NOT NULL
    """,
    key=("organisation_id", "person_id", "objection_id"),
)


async def rights_at_work(connection: psycopg.AsyncConnection, *, organisation_id: UUID) -> list[PersonsRights]:
    """Everybody for whom somebody has to decide something, or whose data rest or are held. The longest waiting first."""
    return await select(
        connection,
        RIGHTS,
        """
        WHERE organisation_id = %s
            AND (state IN ('proposed', 'requested', 'approved') OR restricted_on IS NOT NULL OR holds > 0 OR objections > 0)
        ORDER BY state_on NULLS LAST, person_id
        LIMIT 500
        """,
        (organisation_id,),
    )


async def rights_of(
    connection: psycopg.AsyncConnection, organisation_id: UUID, people: Iterable[UUID]
) -> Mapping[UUID, PersonsRights]:
    """How these people's rights stand; of whom nothing is on record, that nothing is."""
    wanted = set(people)
    found = await select(
        connection, RIGHTS, "WHERE organisation_id = %s AND person_id = ANY(%s)", (organisation_id, list(wanted))
    )
    return {person: nothing(organisation_id, person) for person in wanted} | {row.person_id: row for row in found}


def nothing(organisation_id: UUID, person_id: UUID) -> PersonsRights:
    """Somebody who asked for nothing."""
    return PersonsRights(organisation_id, person_id, ErasureState.NONE, None, None, None, None, None, None, 0, 0)


def _proposed(seen: Seen, rows: Rows) -> None:
    _change(
        seen, rows, state=ErasureState.PROPOSED, state_on=seen.occurred_on, rule=seen.fields.rule, due_on=seen.fields.due_on
    )  # fmt: skip


def _requested(seen: Seen, rows: Rows) -> None:
    _change(
        seen,
        rows,
        state=ErasureState.REQUESTED,
        state_on=seen.occurred_on,
        requested_by=seen.fields.requested_by,
        ground=seen.fields.ground,
    )


def _refused(seen: Seen, rows: Rows) -> None:
    _change(seen, rows, state=ErasureState.NONE, state_on=seen.occurred_on, requested_by=None, ground=None)


def _approved(seen: Seen, rows: Rows) -> None:
    _change(seen, rows, state=ErasureState.APPROVED, state_on=seen.occurred_on)


def _erased(seen: Seen, rows: Rows) -> None:
    _change(
        seen,
        rows,
        state=ErasureState.ERASED,
        state_on=seen.occurred_on,
        restricted_on=None,
        rule=None,
        due_on=None,
        holds=0,
        objections=0,
    )
    for objection in rows.of(OBJECTIONS_TO_COUNTING, seen.stream):
        rows.delete(OBJECTIONS_TO_COUNTING, objection)


def _restricted(seen: Seen, rows: Rows) -> None:
    _change(seen, rows, restricted_on=seen.occurred_on)


def _lifted(seen: Seen, rows: Rows) -> None:
    _change(seen, rows, restricted_on=None)


def _held(seen: Seen, rows: Rows) -> None:
    _change(seen, rows, holds=_row(seen, rows).holds + 1)


def _released(seen: Seen, rows: Rows) -> None:
    _change(seen, rows, holds=_row(seen, rows).holds - 1)


def _objected(seen: Seen, rows: Rows) -> None:
    _change(seen, rows, objections=_row(seen, rows).objections + 1)
    if seen.fields.interest is Interest.STATISTICS:
        rows.put(OBJECTIONS_TO_COUNTING, ObjectionToCounting(*seen.stream, seen.fields.objection_id, seen.version))


def _decided(seen: Seen, rows: Rows) -> None:
    _change(seen, rows, objections=_row(seen, rows).objections - 1)
    stands = rows.get(OBJECTIONS_TO_COUNTING, *seen.stream, seen.fields.objection_id)
    if stands is not None and seen.fields.outcome is ObjectionOutcome.OVERRIDDEN:
        rows.delete(OBJECTIONS_TO_COUNTING, stands)


def _row(seen: Seen, rows: Rows) -> PersonsRights:
    return rows.get(RIGHTS, *seen.stream) or nothing(*seen.stream)


def _change(seen: Seen, rows: Rows, **changes: Any) -> None:
    rows.put(RIGHTS, replace(_row(seen, rows), **changes))


PROJECTION = Projection(
    "rights",
    2,
    (RIGHTS, OBJECTIONS_TO_COUNTING),
    {
        "erasure-proposed": _proposed,
        "erasure-requested": _requested,
        "erasure-refused": _refused,
        "erasure-approved": _approved,
        "personal-data-erased": _erased,
        "processing-restricted": _restricted,
        "restriction-lifted": _lifted,
        "objection-raised": _objected,
        "objection-decided": _decided,
        "legal-hold-placed": _held,
        "legal-hold-released": _released,
    },
)
