"""The tables that logs are kept over, and their rows as envelopes, straight from the database's own binary form."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from audit.leaf import ACCESS, EVENTS, Envelope

# In front of the first row of COPY BINARY: signature, flags, and the length of an extension that there is none of.
_COPY_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_COPY_TRAILER = b"\xff\xff"
_POSITION = slice(4, 12)


@dataclass(frozen=True, slots=True)
class Log:
    """An append-only table whose positions count from 1 without a gap, and how its rows are spelled. Position p is entry p - 1.

    `channel` is what the database notifies when there are more; None where it does not.
    """

    envelope: Envelope
    table: tuple[str, str]
    channel: str | None

    @property
    def name(self) -> str:
        return self.envelope.log


LOGS = (
    Log(EVENTS, ("accompany", "events"), "accompany_events"),
    # Nobody is told of a read that was logged; the keeper looks every half second.
    Log(ACCESS, ("accompany", "access_log"), None),
)


@dataclass(frozen=True, slots=True)
class Row:
    position: int
    envelope: bytes


def rows(connection: psycopg.Connection[Any], log: Log, first: int, limit: int | None = None) -> Iterator[Row]:
    """The rows from a position on, in order, as the server sends them: one each message, says its protocol."""
    query = sql.SQL(
        "COPY (SELECT {columns} FROM {table} WHERE position >= {first} ORDER BY position LIMIT {limit}) TO STDOUT (FORMAT binary)"
    ).format(
        columns=sql.SQL(", ").join(map(sql.Identifier, log.envelope.names)),
        table=sql.Identifier(*log.table),
        first=sql.Literal(first),
        limit=sql.Literal(limit),
    )
    header = log.envelope.header
    begin = len(log.envelope.columns).to_bytes(2)
    at = len(header)
    with connection.cursor() as cursor, cursor.copy(query) as copy:
        for message in copy:
            found = bytes(message).removeprefix(_COPY_HEADER)
            if found in (b"", _COPY_TRAILER):
                continue
            assert found.startswith(begin), "a row has the columns that were asked for"
            envelope = header + found[2:]
            yield Row(int.from_bytes(envelope[at:][_POSITION], signed=True), envelope)
