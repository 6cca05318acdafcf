"""What the order suite is run against: our store, and the library's stock recorder with its database functions on."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID, uuid4

import psycopg
from eventsourcing.persistence import IntegrityError, InterfaceError, OperationalError, StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresFactory
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict

from adapters.postgres.append_call import record
from adapters.postgres.appender import Appender
from adapters.postgres.pool import Pool
from adapters.postgres.reader import Reader
from adapters.postgres.session import session
from adapters.postgres.stored import (
    Append,
    Conflicted,
    RecordedEvent,
    StoreBusy,
    StoreUnavailable,
)

ACTOR = UUID(int=9)
SIZE = 600

type Stream = tuple[UUID, UUID]
"""Organisation id and stream id."""


class TryAgain(Exception):
    """The store could not be reached, or was too slow. Whether the append was recorded is open."""


@dataclass(frozen=True, slots=True)
class Met:
    """An event as a reader met it. `key` names the append that it came with."""

    position: int
    stream: Stream
    version: int
    key: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """`position` is that of the append's last event."""

    position: int


@dataclass(frozen=True, slots=True)
class MovedOn:
    """Somebody else recorded on the stream, which is at `version`."""

    version: int


class Opened(Protocol):
    async def append(self, stream: Stream, after_version: int, size: int, key: str) -> Recorded | MovedOn:
        """Appends `size` events. Raises TryAgain."""

    async def after(self, position: int, limit: int) -> Sequence[Met]:
        """The next events that can be read after a position, in order. Raises TryAgain."""

    async def append_slowly(self, pause: float, *, give_up: bool) -> None:
        """One event, in a transaction that takes its time after recording it and may then roll back. Raises TryAgain."""


class Store(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def sessions(self) -> str:
        """Whom the suite kills: a pattern for LIKE on their application_name."""

    def open(self) -> AbstractAsyncContextManager[Opened]: ...


def store_named(name: str, dsn: str) -> Store:
    """For a writing process: the store's tables are there."""
    return Ours(dsn) if name == "ours" else Stock(dsn, makes_table=False)


def state_of(key: str) -> bytes:
    return key.encode().ljust(SIZE)


@dataclass(frozen=True)
class Ours:
    dsn: str
    name: str = "ours"
    sessions: str = "accompany-%"

    @asynccontextmanager
    async def open(self) -> AsyncIterator["OursOpened"]:
        async with Appender(self.dsn, wait_limit=2) as appender, Pool(self.dsn, "accompany_worker", size=2) as pool:
            yield OursOpened(self.dsn, appender, Reader(pool))


@dataclass(frozen=True)
class OursOpened:
    dsn: str
    appender: Appender
    reader: Reader

    async def append(self, stream: Stream, after_version: int, size: int, key: str) -> Recorded | MovedOn:
        organisation, stream_id = stream
        events = tuple(
            RecordedEvent(stream_id, after_version + step, "test-order", state_of(key), organisation_id=organisation)
            for step in range(1, size + 1)
        )
        try:
            outcome = await self.appender.append(Append(organisation, ACTOR, events, key, b""))
        except (StoreBusy, StoreUnavailable):
            raise TryAgain from None
        return MovedOn(outcome.actual_version) if isinstance(outcome, Conflicted) else Recorded(outcome.position)

    async def after(self, position: int, limit: int) -> Sequence[Met]:
        try:
            events = await self.reader.after(position, limit)
        except (StoreBusy, StoreUnavailable):
            raise TryAgain from None
        return [
            Met(event.position or 0, (event.organisation_id, event.originator_id), event.originator_version, key(event))
            for event in events
        ]

    async def append_slowly(self, pause: float, *, give_up: bool) -> None:
        organisation, stream_id, name = UUID(int=1), uuid4(), str(uuid4())
        event = RecordedEvent(stream_id, 1, "test-slow", state_of(name), organisation_id=organisation)
        try:
            conninfo = session(self.dsn, "accompany_service", statement_timeout=5)
            async with await AsyncConnection.connect(conninfo) as connection:
                await record(connection, [Append(organisation, ACTOR, (event,), name, b"")], [uuid4()])
                await asyncio.sleep(pause)
                if give_up:
                    await connection.rollback()
        except psycopg.OperationalError:
            raise TryAgain from None


@dataclass(frozen=True)
class Stock:
    dsn: str
    name: str = "stock"
    # Nobody's: it pauses so long after a cut that its readers have no chance to miss anything, and slow transactions are enough.
    sessions: str = "nobody"
    makes_table: bool = True

    @asynccontextmanager
    async def open(self) -> AsyncIterator["StockOpened"]:
        to = conninfo_to_dict(self.dsn)
        factory = PostgresFactory(
            {
                "POSTGRES_DBNAME": str(to["dbname"]),
                "POSTGRES_HOST": str(to["host"]),
                "POSTGRES_PORT": str(to.get("port", 5432)),
                "POSTGRES_USER": str(to["user"]),
                "POSTGRES_PASSWORD": str(to["password"]),
                "POSTGRES_ENABLE_DB_FUNCTIONS": "y",
                "CREATE_TABLE": "y" if self.makes_table else "n",
            }
        )
        try:
            recorder = factory.application_recorder()
            assert isinstance(recorder, PostgresApplicationRecorder)
            yield StockOpened(recorder)
        finally:
            factory.close()


class _GivenUp(Exception):
    """Ends a transaction without a commit."""


@dataclass(frozen=True)
class StockOpened:
    recorder: PostgresApplicationRecorder

    async def append(self, stream: Stream, after_version: int, size: int, key: str) -> Recorded | MovedOn:
        return await asyncio.to_thread(self._append, _one_id(stream), after_version, size, key)

    def _append(self, stream_id: UUID, after_version: int, size: int, key: str) -> Recorded | MovedOn:
        events = [
            StoredEvent(stream_id, after_version + step, "test-order", state_of(key)) for step in range(1, size + 1)
        ]
        try:
            try:
                positions = self.recorder.insert_events(events)
            except IntegrityError:
                last = self.recorder.select_events(stream_id, desc=True, limit=1)
                return MovedOn(last[0].originator_version if last else 0)
        except (InterfaceError, OperationalError):
            raise TryAgain from None
        assert positions
        return Recorded(positions[-1])

    async def after(self, position: int, limit: int) -> Sequence[Met]:
        try:
            found = await asyncio.to_thread(self.recorder.select_notifications, position + 1, limit)
        except (InterfaceError, OperationalError):
            raise TryAgain from None
        return [Met(each.id, _two_ids(each.originator_id), each.originator_version, key(each)) for each in found]

    async def append_slowly(self, pause: float, *, give_up: bool) -> None:
        await asyncio.to_thread(self._append_slowly, pause, give_up)

    def _append_slowly(self, pause: float, give_up: bool) -> None:
        event = self.recorder.construct_pg_stored_event(uuid4(), 1, "test-slow", state_of(str(uuid4())))
        try:
            with suppress(_GivenUp), self.recorder.datastore.transaction(commit=True) as cursor:
                cursor.execute(self.recorder.sql_invoke_pg_function_insert_events, ([event],))
                time.sleep(pause)
                if give_up:
                    raise _GivenUp
        except (InterfaceError, OperationalError, psycopg.Error):
            raise TryAgain from None


def key(event: Any) -> str:
    return bytes(event.state).decode().strip()


def _one_id(stream: Stream) -> UUID:
    """The stock recorder knows no organisations."""
    return UUID(int=stream[0].int << 64 | stream[1].int)


def _two_ids(stream_id: UUID | str) -> Stream:
    assert isinstance(stream_id, UUID)
    return UUID(int=stream_id.int >> 64), UUID(int=stream_id.int & (1 << 64) - 1)
