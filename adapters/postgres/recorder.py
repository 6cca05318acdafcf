"""eventsourcing's recorder interface over our store, for synchronous callers and for the library's own test cases.

`Application(env={"PERSISTENCE_MODULE": "adapters.postgres.recorder", "ACCOMPANY_DATABASE_URL": ...})` uses it. What is
recorded goes through the same appender, and by the same rules, as everything else. The schema is `migrate`'s to create.
"""

import weakref
from collections.abc import Sequence
from typing import Any, LiteralString
from uuid import UUID, uuid4

import psycopg
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    InfrastructureFactory,
    InfrastructureFactoryError,
    IntegrityError,
    Notification,
    ProcessRecorder,
    StoredEvent,
    Tracking,
    TrackingRecorder,
)
from eventsourcing.utils import Environment, EnvType, resolve_topic, strtobool
from psycopg.rows import scalar_row, tuple_row

from adapters.postgres.append_call import record
from adapters.postgres.bridge import Bridge
from adapters.postgres.stored import (
    NIL_ORGANISATION,
    Append,
    Appended,
    Outcome,
    RecordedEvent,
)
from adapters.postgres.subscription import LogSubscription

NIL_ACTOR = UUID(int=0)

EVENTS_FORWARD: LiteralString = """
    SELECT stream_id, version, topic, state, schema_version FROM accompany.events
    WHERE organisation_id = %s AND stream_id = %s AND version > coalesce(%s, -1) AND version <= coalesce(%s, 2147483647)
    ORDER BY version LIMIT %s
"""
EVENTS_BACKWARD: LiteralString = EVENTS_FORWARD.replace("ORDER BY version", "ORDER BY version DESC")
SNAPSHOTS_FORWARD: LiteralString = EVENTS_FORWARD.replace("accompany.events", "accompany.snapshots")
SNAPSHOTS_BACKWARD: LiteralString = EVENTS_BACKWARD.replace("accompany.events", "accompany.snapshots")
KEEP_SNAPSHOTS: LiteralString = (
    "SELECT accompany.keep_snapshots(%b::uuid[], %b::int[], %b::text[], %b::int[], %b::bytea[])"
)
NOTIFICATIONS: LiteralString = """
    SELECT stream_id, version, topic, state, position FROM accompany.events
    WHERE organisation_id = %s AND position >= %s AND position <= coalesce(%s, 9223372036854775807)
        AND (%s::text[] = '{}' OR topic = ANY (%s::text[]))
    ORDER BY position LIMIT %s
"""
LAST_NOTIFICATION: LiteralString = """
    SELECT position FROM accompany.events WHERE organisation_id = %s ORDER BY position DESC LIMIT 1
"""
TRACK: LiteralString = "SELECT accompany.track(%s, %s)"
TRACKED: LiteralString = "SELECT notification_id FROM accompany.tracking WHERE application_name = %s"


class SnapshotRecorder(AggregateRecorder):
    """Keeps the snapshots of one organisation. Versions need not follow one another, but each is kept once."""

    def __init__(self, bridge: Bridge, organisation_id: UUID = NIL_ORGANISATION) -> None:
        self._bridge = bridge
        self._organisation_id = organisation_id

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> None:
        if stored_events:
            self._bridge.call(self._keep([_recorded(event, self._organisation_id) for event in stored_events]))

    async def _keep(self, snapshots: list[RecordedEvent]) -> None:
        columns = (
            [each.originator_id for each in snapshots],
            [each.originator_version for each in snapshots],
            [each.topic for each in snapshots],
            [each.schema_version for each in snapshots],
            [each.state for each in snapshots],
        )
        try:
            async with self._bridge.pool.organisation(self._organisation_id) as connection:
                await connection.execute(KEEP_SNAPSHOTS, columns)
        except psycopg.errors.UniqueViolation:
            raise IntegrityError("there is a snapshot of this version") from None

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> list[StoredEvent]:
        query = SNAPSHOTS_BACKWARD if desc else SNAPSHOTS_FORWARD
        return _select(self._bridge, self._organisation_id, query, (originator_id, gt, lte, limit))


class LogRecorder(ApplicationRecorder):
    """Records and reads the events of one organisation. Notification ids are positions in the log of all of them.

    Events come back as RecordedEvent with their schema version, or as the library's StoredEvent where they belong to no
    organisation, as in the library's own cases.
    """

    def __init__(self, bridge: Bridge, organisation_id: UUID = NIL_ORGANISATION) -> None:
        self._bridge = bridge
        self._organisation_id = organisation_id

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int]:
        """Record events under the command key and actor that the first of them names, or under new ones.

        Answers their positions. Raises IntegrityError if a stream has moved on or the key was used before.
        """
        if not stored_events:
            return []
        append = self._append(stored_events)
        return _positions(append, self._bridge.call(self._bridge.appender.append(append)))

    def _append(self, stored_events: Sequence[StoredEvent]) -> Append:
        events = tuple(_recorded(event, self._organisation_id) for event in stored_events)
        return Append(
            organisation_id=self._organisation_id,
            actor_id=events[0].actor_id or NIL_ACTOR,
            events=events,
            command_key=events[0].command_key or str(uuid4()),
            request_digest=b"",
        )

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> list[StoredEvent]:
        query = EVENTS_BACKWARD if desc else EVENTS_FORWARD
        return _select(self._bridge, self._organisation_id, query, (originator_id, gt, lte, limit))

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> list[Notification]:
        first = (start or 0) + (0 if inclusive_of_start else 1)
        params = (self._organisation_id, first, stop, list(topics), list(topics), limit)
        rows = self._bridge.call(
            self._bridge.pool.rows(self._organisation_id, NOTIFICATIONS, params, row_factory=tuple_row)
        )
        return [Notification(*row) for row in rows]

    def max_notification_id(self) -> int | None:
        rows = self._bridge.call(
            self._bridge.pool.rows(
                self._organisation_id, LAST_NOTIFICATION, (self._organisation_id,), row_factory=scalar_row
            )
        )
        return rows[0] if rows else None

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> LogSubscription:
        return LogSubscription(self, self._bridge.dsn, gt=gt, topics=topics)


class PositionRecorder(TrackingRecorder):
    """Remembers how far each reader of a log has come. It only ever moves forward."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge

    def insert_tracking(self, tracking: Tracking) -> None:
        (moved,) = self._bridge.call(
            self._bridge.pool.rows(
                None, TRACK, (tracking.application_name, tracking.notification_id), row_factory=scalar_row
            )
        )
        if not moved:
            raise IntegrityError("this reader has come as far or further")

    def max_tracking_id(self, application_name: str) -> int | None:
        rows = self._bridge.call(self._bridge.pool.rows(None, TRACKED, (application_name,), row_factory=scalar_row))
        return rows[0] if rows else None


class LogProcessRecorder(PositionRecorder, LogRecorder, ProcessRecorder):
    """Records events together with the position of the notification that they follow from, or neither."""

    def __init__(self, bridge: Bridge, organisation_id: UUID = NIL_ORGANISATION) -> None:
        LogRecorder.__init__(self, bridge, organisation_id)

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int]:
        tracking: Tracking | None = kwargs.get("tracking")
        if tracking is None:
            return super().insert_events(stored_events, **kwargs)
        if not stored_events:
            self.insert_tracking(tracking)
            return []
        return self._bridge.call(self._record(self._append(stored_events), tracking))

    async def _record(self, append: Append, tracking: Tracking) -> Sequence[int]:
        async with self._bridge.pool.organisation(self._organisation_id) as connection:
            cursor = await connection.execute(TRACK, (tracking.application_name, tracking.notification_id))
            if await cursor.fetchone() != (True,):
                raise IntegrityError("this reader has come as far or further")
            (outcome,) = await record(connection, (append,), (uuid4(),))
            return _positions(append, outcome)


class Factory(InfrastructureFactory[PositionRecorder]):
    """Builds the recorders from `ACCOMPANY_DATABASE_URL` and, for an organisation's log, `ACCOMPANY_ORGANISATION_ID`.

    Refuses the settings of the library that lose events or are not safe among threads.
    """

    DATABASE_URL = "ACCOMPANY_DATABASE_URL"
    ORGANISATION_ID = "ACCOMPANY_ORGANISATION_ID"

    def __init__(self, env: Environment | EnvType | None) -> None:
        super().__init__(env)
        if strtobool(self.env.get("POSTGRES_ENABLE_DB_FUNCTIONS") or "no"):
            raise InfrastructureFactoryError("POSTGRES_ENABLE_DB_FUNCTIONS makes tailing readers miss events: unset it")
        if self.env.get("AGGREGATE_CACHE_MAXSIZE"):
            raise InfrastructureFactoryError("AGGREGATE_CACHE_MAXSIZE is not safe among threads: unset it")
        dsn = self.env.get(self.DATABASE_URL)
        if not dsn:
            raise InfrastructureFactoryError(f"{self.DATABASE_URL} names no database")
        organisation_id = self.env.get(self.ORGANISATION_ID)
        self._organisation_id = UUID(organisation_id) if organisation_id else NIL_ORGANISATION
        self._bridge = Bridge.to(dsn)
        # An application that is dropped without being closed leaves the database too.
        self._leave = weakref.finalize(self, self._bridge.leave, wait=False)

    def close(self) -> None:
        if self._leave.detach():
            self._bridge.leave()

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        if purpose == "snapshots":
            return SnapshotRecorder(self._bridge, self._organisation_id)
        return LogRecorder(self._bridge, self._organisation_id)

    def application_recorder(self) -> LogRecorder:
        return LogRecorder(self._bridge, self._organisation_id)

    def tracking_recorder(self, tracking_recorder_class: type[PositionRecorder] | None = None) -> PositionRecorder:
        if tracking_recorder_class is None:
            topic = self.env.get(self.TRACKING_RECORDER_TOPIC)
            tracking_recorder_class = resolve_topic(topic) if topic else PositionRecorder
        return tracking_recorder_class(self._bridge)

    def process_recorder(self) -> LogProcessRecorder:
        return LogProcessRecorder(self._bridge, self._organisation_id)


def _recorded(event: StoredEvent, organisation_id: UUID) -> RecordedEvent:
    if isinstance(event, RecordedEvent):
        return event
    stream_id = event.originator_id
    return RecordedEvent(
        stream_id if isinstance(stream_id, UUID) else UUID(stream_id),
        event.originator_version,
        event.topic,
        event.state,
        organisation_id=organisation_id,
    )


def _positions(append: Append, outcome: Outcome) -> Sequence[int]:
    if not isinstance(outcome, Appended):
        raise IntegrityError("a stream has moved on, or the command key was used before")
    return list(range(outcome.position - len(append.events) + 1, outcome.position + 1))


def _select(bridge: Bridge, organisation_id: UUID, query: LiteralString, params: tuple[Any, ...]) -> list[StoredEvent]:
    rows = bridge.call(bridge.pool.rows(organisation_id, query, (organisation_id, *params), row_factory=tuple_row))
    if organisation_id == NIL_ORGANISATION:
        return [StoredEvent(*columns) for *columns, _schema_version in rows]
    return [
        RecordedEvent(stream_id, version, topic, state, schema_version, organisation_id)
        for stream_id, version, topic, state, schema_version in rows
    ]
