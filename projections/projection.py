"""What a projection is: tables, and a pure fold that keeps them while the events of the record go by.

Two rules make the rest simple. Every row belongs to one stream (its key begins with the organisation and the stream's id), so each
stream folds by itself. And no row holds anything personal: where a view shows some, the row has the log position of the event
that holds it sealed, and whoever asks opens that event. So the worker needs no key, and personal data has one home.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from enum import Enum
from functools import cached_property
from operator import attrgetter
from typing import Any, LiteralString, Protocol, cast, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec
import psycopg

from domain.events import TOPICS, RecordEvent
from domain.mentorship import MentorshipEvent

type Key = tuple[Any, ...]
type Stream = tuple[UUID, UUID]
type Params = Sequence[Any] | Mapping[str, Any]


class Seen(msgspec.Struct, frozen=True):
    """One event as projections see it: its place in the record, and as attributes of `fields` what in it is not personal."""

    position: int
    organisation_id: UUID
    stream_id: UUID
    version: int
    topic: str
    fields: Any
    actor_id: UUID
    purpose: str | None
    occurred_on: date
    occurred_at: datetime | None
    recorded_at: datetime

    @property
    def stream(self) -> Stream:
        return self.organisation_id, self.stream_id


class Opener(Protocol):
    """Opens the events at these log positions. One that nobody can read any more, or that is another's, is left out.

    `names` are positions of people's details of which a view shows the name: nothing else personal in them is opened up.
    """

    async def __call__(self, positions: Iterable[int], *, names: Iterable[int] = ()) -> Mapping[int, RecordEvent]: ...


def rows_of_stream(seen: Seen) -> Key | None:
    """For tables with few rows for each stream."""
    return seen.stream


def corrected_row(seen: Seen) -> Key | None:
    """For tables with a row for each event, under its version: only a correction looks back, at the row it corrects."""
    return (*seen.stream, seen.fields.corrects) if seen.topic in CORRECTIONS else None


def stream_if_corrected(seen: Seen) -> Key | None:
    """For tables with a row for each event that are summed up anew when one of them is corrected."""
    return seen.stream if seen.topic in CORRECTIONS else None


def corrected_value[T](correction: Any, name: str, kind: type[T], stood: T | None) -> Any:
    """A field after an `entry-corrected`, whose `changes` are in JSON's own types; `stood` where it does not change it."""
    return msgspec.convert(correction.changes[name], kind | None) if name in correction.changes else stood


CORRECTIONS = frozenset({"entry-corrected", "entry-retracted"})
MENTORSHIP_TOPICS = tuple(topic for topic, event in TOPICS.items() if issubclass(event, MentorshipEvent))


class Row(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Base of what a row of a table is in memory. Made and changed ten times as fast as a dataclass; a fold does little else.

    A row that is an answer of the API as well is a dataclass.
    """


@dataclass(frozen=True, eq=False)
class Table[R]:
    """A table in the schema `projections`, and the class of its rows.

    `columns` is the body of its CREATE TABLE, in the order of the class's fields; `key` are the first fields, the organisation
    and the stream's id in front; `looks_back` gives the beginning of the key of the rows that folding an event may read.
    """

    name: str
    row: type[R]
    columns: str
    key: tuple[str, ...]
    indexes: tuple[str, ...] = ()
    looks_back: Callable[[Seen], Key | None] = rows_of_stream

    @cached_property
    def names(self) -> tuple[str, ...]:
        if issubclass(self.row, Row):
            return self.row.__struct_fields__
        return tuple(field.name for field in fields(cast(Any, self.row)))

    @cached_property
    def _readers(self) -> tuple[Callable[[Any], Any] | None, ...]:
        hints = get_type_hints(self.row)
        return tuple(_reader(hints[name]) for name in self.names)

    @cached_property
    def key_of(self) -> Callable[[R], Any]:
        """Gives a row's key."""
        return attrgetter(*self.key)

    def row_of(self, values: Iterable[Any]) -> R:
        """The row that the database answered, its terms and lists of the declared types again."""
        read = (
            value if reader is None or value is None else reader(value)
            for value, reader in zip(values, self._readers, strict=True)
        )
        return self.row(*read)

    def values_of(self, row: R) -> list[Any]:
        """A row as the database takes it."""
        values = list(self._values(row))
        for place in self._lists:
            # psycopg writes a list as an array, and a tuple as a composite.
            values[place] = list(values[place])
        return values

    @cached_property
    def _values(self) -> Callable[[R], tuple[Any, ...]]:
        return attrgetter(*self.names)

    @cached_property
    def _lists(self) -> tuple[int, ...]:
        hints = get_type_hints(self.row)
        return tuple(place for place, name in enumerate(self.names) if get_origin(hints[name]) is tuple)


def _reader(hint: Any) -> Callable[[Any], Any] | None:
    """How to read a column's value back, where the database answers with a plainer type than was written."""
    kinds = [kind for kind in (get_args(hint) or (hint,)) if kind is not type(None)]
    if get_origin(hint) is tuple:
        each = _reader(kinds[0])
        return tuple if each is None else lambda values: tuple(None if v is None else each(v) for v in values)
    if isinstance(kinds[0], type) and issubclass(kinds[0], Enum):
        return kinds[0]
    return None


async def select[R](
    connection: psycopg.AsyncConnection[Any], table: Table[R], rest: LiteralString, values: Params
) -> list[R]:
    """Whole rows of a table; `rest` is what follows its name."""
    query: LiteralString = f"SELECT {', '.join(table.names)} FROM projections.{table.name} "  # noqa: S608 - our own names
    cursor = await connection.execute(query + rest, values)
    return [table.row_of(row) for row in await cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class Counted[R]:
    """The first rows of a list, and how many the whole list has."""

    rows: list[R]
    count: int


async def select_counted[R](
    connection: psycopg.AsyncConnection[Any], table: Table[R], rest: LiteralString, values: Params
) -> Counted[R]:
    """As `select`; the count is of all rows, whatever the LIMIT in `rest`."""
    query: LiteralString = f"SELECT count(*) OVER (), {', '.join(table.names)} FROM projections.{table.name} "  # noqa: S608 - our own names
    cursor = await connection.execute(query + rest, values)
    found = await cursor.fetchall()
    return Counted([table.row_of(row[1:]) for row in found], found[0][0] if found else 0)


async def as_of(connection: psycopg.AsyncConnection[Any], *names: str) -> int:
    """The log position up to which these projections have seen the record, or all of them if none is named."""
    cursor = await connection.execute(
        "SELECT coalesce(min(position), 0) FROM projections.tracking WHERE %(all)s OR projection = ANY(%(names)s)",
        {"all": not names, "names": list(names)},
    )
    row = await cursor.fetchone()
    return row[0] if row else 0


class Rows:
    """Rows in memory while events are folded into them, and which of them changed since they were loaded."""

    def __init__(self) -> None:
        self._streams: dict[Stream, _OfStream] = {}
        # The stream that was asked for last is asked for again and again, and to find it by its two ids takes longer than the rest.
        self._last: Stream | None = None
        self._at_last: _OfStream = {}

    def copy(self) -> "Rows":
        """The same rows, to fold into without touching these. Rows themselves never change."""
        other = Rows()
        other._streams = {
            stream: {table: _StreamRows(dict(rows.rows), set(rows.changed)) for table, rows in tables.items()}
            for stream, tables in self._streams.items()
        }
        return other

    def load[R](self, table: Table[R], rows: Iterable[R]) -> None:
        """Rows as they are stored."""
        for row in rows:
            key = table.key_of(row)
            self._of(table, key).rows[key[2:]] = row

    def get[R](self, table: Table[R], *key: Any) -> R | None:
        return self._of(table, key).rows.get(key[2:])

    def of[R](self, table: Table[R], stream: Stream) -> list[R]:
        """All rows of a stream that were loaded or put."""
        return list(self._of(table, stream).rows.values())

    def put[R](self, table: Table[R], row: R) -> None:
        key = table.key_of(row)
        stream = self._of(table, key)
        rest = key[2:]
        stream.rows[rest] = row
        stream.changed.add(rest)

    def delete[R](self, table: Table[R], row: R) -> None:
        key = table.key_of(row)
        stream = self._of(table, key)
        del stream.rows[key[2:]]
        stream.changed.add(key[2:])

    def written(self, table: Table[Any]) -> Iterator[Any]:
        """The rows put since they were loaded, as they are now."""
        for tables in self._streams.values():
            if (stream := tables.get(table)) is not None:
                for rest in stream.changed:
                    if (row := stream.rows.get(rest)) is not None:
                        yield row

    def deleted(self, table: Table[Any]) -> Iterator[Key]:
        """The keys of the rows that are gone."""
        for of_whom, tables in self._streams.items():
            if (stream := tables.get(table)) is not None:
                for rest in stream.changed:
                    if rest not in stream.rows:
                        yield (*of_whom, *rest)

    def _of(self, table: Table[Any], key: Key) -> "_StreamRows":
        last = self._last
        if last is None or key[1] is not last[1] or key[0] is not last[0]:
            last = self._last = key[0], key[1]
            self._at_last = self._streams.setdefault(last, {})
        found = self._at_last.get(table)
        if found is None:
            found = self._at_last[table] = _StreamRows({}, set())
        return found


@dataclass(slots=True)
class _StreamRows:
    """The rows of one stream in one table, by the rest of their keys."""

    rows: dict[Key, Any]
    changed: set[Key]


type _OfStream = dict[Table[Any], _StreamRows]


@dataclass(frozen=True)
class Projection:
    """`on` folds one event of each topic; topics that it does not name do not concern it. A new `version` is filled anew.

    One for `audit` stops before an event that it can't take; any other parks the event and goes on without what it says.
    """

    name: str
    version: int
    tables: tuple[Table[Any], ...]
    on: Mapping[str, Callable[[Seen, Rows], None]]
    audit: bool = False

    def apply(self, seen: Seen, rows: Rows) -> None:
        fold = self.on.get(seen.topic)
        if fold is not None:
            fold(seen, rows)
