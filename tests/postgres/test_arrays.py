"""What we pack as arrays is what PostgreSQL unpacks."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql

from adapters.postgres.arrays import Packed, byte_strings, dates, integers, long_integers, moments, texts, uuids

BERLIN_SUMMER = timezone(timedelta(hours=2))

CASES: dict[str, tuple[Callable[[Any], Packed], Sequence[object]]] = {
    "uuid": (uuids, [uuid4(), None, UUID(int=0), UUID(int=2**128 - 1)]),
    "int": (integers, [0, 1, None, -1, 2**31 - 1, -(2**31), 0x7FFFFFFF]),
    "bigint": (long_integers, [0, None, -1, 2**63 - 1, -(2**63)]),
    "text": (texts, ["", None, "زهراء", "NULL", "{a,b}", "\U0001f600" * 100]),
    "bytea": (byte_strings, [b"", None, b"\0\xff", b"\xff\xff\xff\xff", bytes(70_000)]),
    "date": (dates, [date(1, 1, 1), None, date(1999, 12, 31), date(2000, 1, 1), date(9999, 12, 31)]),
    "timestamptz": (
        moments,
        [
            None,
            datetime(1970, 1, 1, tzinfo=UTC),
            datetime(1999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
            datetime(2025, 7, 1, 10, 15, 0, 1, tzinfo=BERLIN_SUMMER),
        ],
    ),
}


@pytest.mark.parametrize("type_name", CASES)
def test_an_array_arrives_as_it_was_packed(empty_database: str, type_name: str) -> None:
    packed, values = CASES[type_name]
    query = sql.SQL("SELECT %b::{}[]").format(sql.SQL(type_name))
    with psycopg.connect(empty_database, options="-c timezone=UTC") as connection:
        assert connection.execute(query, (packed(values),)).fetchone() == (list(values),)
        assert connection.execute(query, (packed(values[:1]),)).fetchone() == (list(values[:1]),)
