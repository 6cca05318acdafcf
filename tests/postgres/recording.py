"""Real histories of invented people in a real log, and what projections made of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

import psycopg
from eventsourcing.domain import Aggregate

from adapters.wiring import Installation
from application.caller import Caller, Submission
from application.record import Entry
from domain.events import RecordEvent
from domain.mentorship import Mentorship, MentorshipEvent
from domain.mentorship.accompaniments import AccompanimentRecorded
from domain.mentorship.sessions import SessionHeld
from projections.projection import Projection
from projections.registry import PROJECTIONS
from tests.domain.scenario import (
    ACCOMPANIED,
    ACCOMPANIMENT_CONSENTED,
    BOOKED,
    CREDENTIAL_DECIDED,
    GOAL_SET,
    HELD,
    MENTOR,
    MENTORING_CONSENTED,
    PATH_OPENED,
    RECOGNITION_CONSENTED,
    TRAINEE,
    case_of,
    corrected,
    history,
    on,
)


@dataclass(frozen=True)
class Recording:
    """Records as one member of one organisation."""

    parts: Installation
    by: Caller

    async def events(self, events: Sequence[RecordEvent]) -> int:
        """Answers the position of the last one."""
        submission = Submission(str(uuid4()), b"digest")
        [receipt] = await self.parts.record.append(self.by, [Entry(submission, tuple(events), {})])
        return receipt.position

    async def whole(self, *aggregates: Aggregate) -> int:
        """Everything these decided since they began."""
        return [await self.events([*_pending(aggregate)]) for aggregate in aggregates][-1]

    async def people(self) -> int:
        """The trainee and the mentor of the scenarios."""
        return await self.whole(TRAINEE, MENTOR)

    async def case(self) -> int:
        """A mentorship of its own, in which much has happened."""
        return await self.events(a_history(uuid4()))


def _pending(aggregate: Aggregate) -> list[Any]:
    return list(aggregate.pending_events)


def a_history(mentorship_id: UUID) -> list[MentorshipEvent]:
    """Consents, a goal, a session, an appointment, a credential path, and corrections."""
    case = case_of(
        MENTORING_CONSENTED,
        ACCOMPANIMENT_CONSENTED,
        RECOGNITION_CONSENTED,
        GOAL_SET,
        HELD,
        BOOKED,
        ACCOMPANIED,
        PATH_OPENED,
        CREDENTIAL_DECIDED,
        corrected(SessionHeld, on(50), minutes=45, occurred_on=on(4).on.isoformat()),
        corrected(AccompanimentRecorded, on(51), outcome="adjourned"),
        corrected(SessionHeld, on(52)),
    )
    return moved_to(mentorship_id, case)


def moved_to(mentorship_id: UUID, case: Mentorship) -> list[MentorshipEvent]:
    """The same history under another id."""
    return [replace(event, originator_id=mentorship_id) for event in history(case)]


async def all_rows(dsn: str, projections: Sequence[Projection] = PROJECTIONS) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every projection, by table."""
    found = {}
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        for projection in projections:
            for table in projection.tables:
                columns, key = ", ".join(table.names), ", ".join(table.key)
                query = f"SELECT {columns} FROM projections.{table.name} ORDER BY {key}"  # noqa: S608 - our own names
                cursor = await connection.execute(query)
                found[table.name] = await cursor.fetchall()
    return found
