"""Reading the log: a stream of one organisation, what became of a command, and the events of all in their order."""

from collections.abc import Callable, Collection, Sequence
from typing import Any
from uuid import UUID

from psycopg.rows import scalar_row, tuple_row

from adapters.postgres.pool import Pool
from adapters.postgres.stored import RecordedEvent, Replayed

STREAM = """
    SELECT
        version, topic, state, schema_version, actor_id, purpose,
        occurred_on, occurred_at, trace_id, command_key, recorded_at, position
    FROM accompany.events
    WHERE organisation_id = %s AND stream_id = %s AND version > %s AND version <= %s
    ORDER BY version
"""
# A snapshot comes first, without a topic, and then the event that it was taken at: without that one it stands for nothing.
SINCE_SNAPSHOT = """
    WITH kept AS MATERIALIZED (
        SELECT s.version, s.state FROM accompany.snapshots s
        WHERE s.organisation_id = %(organisation)s AND s.stream_id = %(stream)s AND s.topic = %(shape)s
        ORDER BY s.version DESC LIMIT 1
    )
    SELECT
        version, topic, state, schema_version, actor_id, purpose,
        occurred_on, occurred_at, trace_id, command_key, recorded_at, position
    FROM accompany.events
    WHERE organisation_id = %(organisation)s AND stream_id = %(stream)s
        AND version >= coalesce((SELECT version FROM kept), 0)
    UNION ALL
    SELECT version, NULL, state, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM kept
    ORDER BY position NULLS FIRST
"""
AFTER = """
    SELECT
        stream_id, version, topic, state, schema_version, organisation_id, actor_id, purpose,
        occurred_on, occurred_at, trace_id, command_key, recorded_at, position
    FROM accompany.events
    WHERE position > %s
    ORDER BY position
    LIMIT %s
"""
AT = """
    SELECT
        stream_id, version, topic, state, schema_version, organisation_id, actor_id, purpose,
        occurred_on, occurred_at, trace_id, command_key, recorded_at, position
    FROM accompany.events
    WHERE position = ANY(%s)
"""
OF_TOPICS = """
    SELECT
        asked.stream_id, coalesce(last.version, 0), e.version, e.topic, e.state, e.schema_version, e.actor_id, e.purpose,
        e.occurred_on, e.occurred_at, e.trace_id, e.command_key, e.recorded_at, e.position
    FROM unnest(%(streams)s::uuid[]) AS asked (stream_id)
    LEFT JOIN LATERAL (
        SELECT v.version FROM accompany.events v
        WHERE v.organisation_id = %(organisation)s AND v.stream_id = asked.stream_id
        ORDER BY v.version DESC LIMIT 1
    ) last ON true
    LEFT JOIN accompany.events e
        ON e.organisation_id = %(organisation)s AND e.stream_id = asked.stream_id AND e.topic = ANY(%(topics)s)
    ORDER BY asked.stream_id, e.version
"""
COMMAND = """
    SELECT position, answer, request_digest FROM accompany.commands
    WHERE organisation_id = %s AND actor_id = %s AND key = %s
"""
DIGESTS = """
    SELECT key, request_digest FROM accompany.commands
    WHERE organisation_id = %s AND actor_id = %s AND key = ANY(%s)
"""
LAST_VERSION = 2**31 - 1


class Reader:
    """Reads as its pool's role: `accompany_service` one organisation at a time, `accompany_worker` `after` a position.

    Each read is one round trip and raises StoreBusy or StoreUnavailable as the pool does.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def stream(
        self, organisation_id: UUID, stream_id: UUID, after_version: int = 0, up_to: int | None = None
    ) -> list[RecordedEvent]:
        """The events of a stream with versions from `after_version` (exclusive) to `up_to` (inclusive), in order."""
        last = LAST_VERSION if up_to is None else up_to

        rows = await self._pool.rows(
            organisation_id, STREAM, (organisation_id, stream_id, after_version, last), row_factory=tuple_row
        )
        # The two ids are those asked for: to read them from each row as well would take a third of the time.
        return [
            RecordedEvent(stream_id, version, topic, state, schema_version, organisation_id, *more)
            for version, topic, state, schema_version, *more in rows
        ]

    async def since_snapshot(
        self, organisation_id: UUID, stream_id: UUID, shape: str
    ) -> tuple[bytes | None, list[RecordedEvent]]:
        """The newest snapshot of this shape, the event that it was taken at and those after; without one, all events."""
        asked = {"organisation": organisation_id, "stream": stream_id, "shape": shape}
        rows = await self._pool.rows(organisation_id, SINCE_SNAPSHOT, asked, row_factory=tuple_row)
        snapshot = rows.pop(0)[2] if rows and rows[0][1] is None else None
        return snapshot, [
            RecordedEvent(stream_id, version, topic, state, schema_version, organisation_id, *more)
            for version, topic, state, schema_version, *more in rows
        ]

    async def command(self, organisation_id: UUID, actor_id: UUID, key: str, request_digest: bytes) -> Replayed | None:
        """What a command with this key was answered, if there was one; the digest is that of the request at hand."""
        found = await self._pool.rows(organisation_id, COMMAND, (organisation_id, actor_id, key), row_factory=tuple_row)
        if not found:
            return None
        position, answer, digest = found[0]
        return Replayed(position, answer, digest == request_digest)

    async def digests(self, organisation_id: UUID, actor_id: UUID, keys: Sequence[str]) -> dict[str, bytes]:
        """Of these command keys, those used before, each with the digest of the request that used it."""
        return dict(
            await self._pool.rows(
                organisation_id, DIGESTS, (organisation_id, actor_id, list(keys)), row_factory=tuple_row
            )
        )

    async def at(self, organisation_id: UUID, positions: Sequence[int]) -> list[RecordedEvent]:
        """The events at these positions, in no order; one that is not this organisation's is left out."""
        return await self._pool.rows(organisation_id, AT, (list(positions),), row_factory=recorded_event_row)

    async def of_topics(
        self, organisation_id: UUID, streams: Sequence[UUID], topics: Collection[str]
    ) -> dict[UUID, tuple[int, list[RecordedEvent]]]:
        """Of each stream its last version, 0 without events, and its events of these topics in order, all as of one moment."""
        asked = {"organisation": organisation_id, "streams": list(streams), "topics": list(topics)}
        found: dict[UUID, tuple[int, list[RecordedEvent]]] = {}
        for stream_id, last, version, topic, state, schema_version, *more in await self._pool.rows(
            organisation_id, OF_TOPICS, asked, row_factory=tuple_row
        ):
            _, events = found.setdefault(stream_id, (last, []))
            if version is not None:
                events.append(RecordedEvent(stream_id, version, topic, state, schema_version, organisation_id, *more))
        return found

    async def last_position(self) -> int:
        """The position of the last event of all organisations, 0 in an empty log."""
        (position,) = await self._pool.rows(None, "SELECT accompany.last_position()", row_factory=scalar_row)
        return int(position)

    async def after(self, position: int, limit: int = 500) -> list[RecordedEvent]:
        """The next events of all organisations, in order and without a gap. Only the worker's role sees them."""
        return await self._pool.rows(None, AFTER, (position, limit), row_factory=recorded_event_row)


def recorded_event_row(_cursor: Any) -> Callable[[Sequence[Any]], RecordedEvent]:
    """A row factory for psycopg: the columns of `AFTER`, in that order, as an event."""
    return lambda columns: RecordedEvent(*columns)
