"""Events as projections see them: what is plain in them, read from the log without any key."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString, cast
from uuid import UUID

from psycopg import AsyncConnection

from adapters.postgres import mapper
from adapters.postgres.reader import AFTER, recorded_event_row
from adapters.postgres.stored import RecordedEvent
from projections.projection import Projection, Rows, Seen

HEAD: LiteralString = "SELECT accompany.last_position()"


@dataclass(frozen=True, slots=True)
class Stuck:
    """An event that a projection could not take. `code` names the error and holds no value."""

    position: int
    code: str


@dataclass(frozen=True, slots=True)
class Batch:
    """The next events of the log. `stuck` is set where the one after them can't be read at all."""

    seen: list[Seen]
    stuck: Stuck | None


async def head(connection: AsyncConnection[Any]) -> int:
    """The position of the last event, 0 in an empty log."""
    row = await (await connection.execute(HEAD)).fetchone()
    return row[0] if row else 0


async def next_batch(connection: AsyncConnection[Any], after: int, limit: int) -> Batch:
    """The events after a position, at most `limit` of them."""
    async with connection.cursor(row_factory=recorded_event_row, binary=True) as cursor:
        await cursor.execute(AFTER, (after, limit), prepare=True)
        return read(await cursor.fetchall())


def read(stored: Iterable[RecordedEvent]) -> Batch:
    """Reads rows of the log, up to one that can't be read."""
    seen: list[Seen] = []
    last: Seen | None = None
    for row in stored:
        try:
            last = _seen(row, last)
        except Exception as error:
            return Batch(seen, Stuck(cast(int, row.position), code_of(error)))
        seen.append(last)
    return Batch(seen, None)


def fold(projection: Projection, seen: Iterable[Seen], rows: Rows) -> Stuck | None:
    """Folds events into rows; stops before one that the projection can't take, with the rows half done."""
    on = projection.on
    for one in seen:
        if (take := on.get(one.topic)) is not None:
            try:
                take(one, rows)
            except Exception as error:
                return Stuck(one.position, code_of(error))
    return None


def code_of(error: Exception) -> str:
    """Names an error by its stable code or its class. Its message is left out: it may quote a value."""
    code = getattr(error, "code", None) or getattr(error, "sqlstate", None)
    return code if isinstance(code, str) else type(error).__name__


def _seen(stored: RecordedEvent, before: Seen | None) -> Seen:
    envelope = mapper.envelope(stored)
    organisation_id, stream_id = stored.organisation_id, envelope.stream_id
    if before and before.stream_id == stream_id and before.organisation_id == organisation_id:
        # The very same objects, by which rows in memory know a stream at once.
        organisation_id, stream_id = before.organisation_id, before.stream_id
    # The three casts: the log's columns are NOT NULL, and only an event on its way there lacks them.
    return Seen(
        position=cast(int, stored.position),
        organisation_id=organisation_id,
        stream_id=stream_id,
        version=stored.originator_version,
        topic=stored.topic,
        fields=envelope.plain,
        actor_id=cast(UUID, stored.actor_id),
        purpose=stored.purpose,
        occurred_on=envelope.plain.occurred_on,
        occurred_at=envelope.plain.occurred_at,
        recorded_at=cast(datetime, stored.recorded_at),
    )
