"""Overrides of consent as somebody judges them: of whose data, by whom, until when, and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

import psycopg

from domain.events import RecordEvent
from domain.vocabulary import OverrideReason, Purpose
from projections.consent_acts import CONSENT_OVERRIDES, ConsentOverride
from projections.entries import entry_at, told
from projections.projection import Opener, select


@dataclass(frozen=True, slots=True)
class OverrideView:
    """`upheld` is None until another member has judged it; `explanation` is None where nobody can read it any more."""

    version: int
    purpose: Purpose
    reason: OverrideReason
    overridden_by: UUID
    ends_at: datetime
    in_force: bool
    upheld: bool | None
    explanation: str | None


async def open_overrides(
    connection: psycopg.AsyncConnection[Any],
    *,
    organisation_id: UUID,
    mentorship_id: UUID,
    now: datetime,
    opened: Opener,
) -> tuple[OverrideView, ...]:
    """Those of a case that carry something now, or that nobody has judged yet. The last one first."""
    return await _views(
        connection,
        "AND (upheld IS NULL OR upheld AND begins_at <= %(now)s AND ends_at >= %(now)s) ORDER BY version DESC",
        {"organisation_id": organisation_id, "mentorship_id": mentorship_id, "now": now},
        opened,
    )


async def override_of(
    connection: psycopg.AsyncConnection[Any],
    *,
    organisation_id: UUID,
    mentorship_id: UUID,
    version: int,
    now: datetime,
    opened: Opener,
) -> OverrideView | None:
    """One override, judged or not; None where there is none."""
    found = await _views(
        connection,
        "AND version = %(version)s",
        {"organisation_id": organisation_id, "mentorship_id": mentorship_id, "version": version, "now": now},
        opened,
    )
    return found[0] if found else None


async def _views(
    connection: psycopg.AsyncConnection[Any], which: LiteralString, values: Mapping[str, Any], opened: Opener
) -> tuple[OverrideView, ...]:
    mine: LiteralString = "WHERE organisation_id = %(organisation_id)s AND mentorship_id = %(mentorship_id)s "
    found = await select(connection, CONSENT_OVERRIDES, mine + which, values)
    events = await opened([row.position for row in found])
    return tuple(_view(row, events, values["now"]) for row in found)


def _view(row: ConsentOverride, events: Mapping[int, RecordEvent], now: datetime) -> OverrideView:
    return OverrideView(
        version=row.version,
        purpose=row.purpose,
        reason=row.reason,
        overridden_by=row.overridden_by,
        ends_at=row.ends_at,
        in_force=row.upheld is not False and row.begins_at is not None and row.begins_at <= now <= row.ends_at,
        upheld=row.upheld,
        explanation=told(entry_at(events, row.position), "explanation"),
    )
