"""The timeline: everything that was recorded in a mentorship, each entry as it stands after its corrections."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import psycopg
from msgspec.structs import replace

from domain.events import RecordEvent
from domain.vocabulary import Purpose
from projections.entries import entry_at, own_fields
from projections.projection import (
    MENTORSHIP_TOPICS,
    Opener,
    Projection,
    Row,
    Rows,
    Seen,
    Table,
    as_of,
    corrected_row,
    corrected_value,
    select,
)


class Entry(Row, frozen=True):
    """`occurred_*` as it stands. `corrects` is the version that this entry is about; `corrections` are positions of those of this."""

    organisation_id: UUID
    mentorship_id: UUID
    version: int
    position: int
    topic: str
    occurred_on: date
    occurred_at: datetime | None
    recorded_at: datetime
    actor_id: UUID
    purpose: Purpose | None
    relied_on: int | None
    corrects: int | None
    corrections: tuple[int, ...]
    corrected_by: tuple[int, ...]
    retracted_by: int | None


TIMELINE = Table(
    "timeline",
    Entry,
    """
    organisation_id uuid NOT NULL,
    mentorship_id uuid NOT NULL,
    version integer NOT NULL,
    position bigint NOT NULL,
    topic text NOT NULL,
    occurred_on date NOT NULL,
    occurred_at timestamptz,
    recorded_at timestamptz NOT NULL,
    actor_id uuid NOT NULL,
    purpose text,
    relied_on integer,
    corrects integer,
    corrections bigint[] NOT NULL,
    corrected_by integer[] NOT NULL,
    retracted_by integer
    """,
    key=("organisation_id", "mentorship_id", "version"),
    indexes=("(organisation_id, mentorship_id, occurred_on, version)",),
    looks_back=corrected_row,
)


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One entry. `corrected_by` and `retracted_by` are versions; `erased` names the fields that nobody can read any more, because
    whose they were has been erased. They are not in `fields`, which is None where the entry itself can't be shown.
    """

    version: int
    position: int
    topic: str
    occurred_on: date
    occurred_at: datetime | None
    recorded_at: datetime
    actor_id: UUID
    purpose: Purpose | None
    relied_on: int | None
    corrects: int | None
    corrected_by: tuple[int, ...]
    retracted_by: int | None
    fields: dict[str, Any] | None
    erased: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TimelinePage:
    """Newest first. `before` asks for the next page; None on the last one."""

    entries: tuple[TimelineEntry, ...]
    before: tuple[date, int] | None
    as_of_position: int


async def timeline(
    connection: psycopg.AsyncConnection,
    *,
    organisation_id: UUID,
    mentorship_id: UUID,
    before: tuple[date, int] | None = None,
    topics: Iterable[str] | None = None,
    limit: int = 50,
    opened: Opener,
) -> TimelinePage:
    """The entries that happened before the day and version in `before`, or the newest; by day and, on one day, as recorded.

    `topics` limits them to those kinds.
    """
    on, version = before or (date.max, 2**31 - 1)
    of_topics = None if topics is None else list(topics)
    as_of_position = await as_of(connection, PROJECTION.name)
    found = await select(
        connection,
        TIMELINE,
        """
        WHERE organisation_id = %s AND mentorship_id = %s AND (occurred_on, version) < (%s::date, %s::integer)
            AND (%s::text[] IS NULL OR topic = ANY(%s))
        ORDER BY occurred_on DESC, version DESC
        LIMIT %s + 1
        """,
        (organisation_id, mentorship_id, on, version, of_topics, of_topics, limit),
    )
    page = found[:limit]
    events = await opened([position for entry in page for position in (entry.position, *entry.corrections)])
    return TimelinePage(
        entries=tuple(_view(entry, events) for entry in page),
        before=(page[-1].occurred_on, page[-1].version) if len(found) > limit else None,
        as_of_position=as_of_position,
    )


async def timeline_entry(
    connection: psycopg.AsyncConnection, *, organisation_id: UUID, mentorship_id: UUID, version: int, opened: Opener
) -> TimelineEntry | None:
    """One entry by its version; None where there is none."""
    found = await select(
        connection,
        TIMELINE,
        "WHERE organisation_id = %s AND mentorship_id = %s AND version = %s",
        (organisation_id, mentorship_id, version),
    )
    if not found:
        return None
    [entry] = found
    return _view(entry, await opened([entry.position, *entry.corrections]))


def _view(entry: Entry, events: Mapping[int, RecordEvent]) -> TimelineEntry:
    stands = entry_at(events, entry.position, entry.corrections)
    return TimelineEntry(
        version=entry.version,
        position=entry.position,
        topic=entry.topic,
        occurred_on=entry.occurred_on,
        occurred_at=entry.occurred_at,
        recorded_at=entry.recorded_at,
        actor_id=entry.actor_id,
        purpose=entry.purpose,
        relied_on=entry.relied_on,
        corrects=entry.corrects,
        corrected_by=entry.corrected_by,
        retracted_by=entry.retracted_by,
        fields=own_fields(stands),
        erased=tuple(sorted(stands.erased)) if stands else (),
    )


def _recorded(seen: Seen, rows: Rows) -> None:
    rows.put(
        TIMELINE,
        Entry(
            *seen.stream,
            seen.version,
            seen.position,
            seen.topic,
            seen.occurred_on,
            seen.occurred_at,
            seen.recorded_at,
            seen.actor_id,
            None if seen.purpose is None else Purpose(seen.purpose),
            seen.fields.relied_on,
            corrects=getattr(seen.fields, "corrects", None),
            corrections=(),
            corrected_by=(),
            retracted_by=None,
        ),
    )


def _corrected(seen: Seen, rows: Rows) -> None:
    _recorded(seen, rows)
    entry = rows.get(TIMELINE, *seen.stream, seen.fields.corrects)
    if entry is None:
        return
    if "occurred_on" in seen.fields.changes:
        on = corrected_value(seen.fields, "occurred_on", date, entry.occurred_on)
        entry = replace(entry, occurred_on=on, occurred_at=None, relied_on=seen.fields.relied_on or entry.relied_on)
    rows.put(
        TIMELINE,
        replace(
            entry,
            corrections=(*entry.corrections, seen.position),
            corrected_by=(*entry.corrected_by, seen.version),
        ),
    )


def _retracted(seen: Seen, rows: Rows) -> None:
    _recorded(seen, rows)
    entry = rows.get(TIMELINE, *seen.stream, seen.fields.corrects)
    if entry is not None:
        rows.put(TIMELINE, replace(entry, retracted_by=seen.version))


PROJECTION = Projection(
    "timeline",
    1,
    (TIMELINE,),
    {
        **dict.fromkeys(MENTORSHIP_TOPICS, _recorded),
        "entry-corrected": _corrected,
        "entry-retracted": _retracted,
    },
)
