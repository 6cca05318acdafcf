"""Copies rows into a table that stands beside the one that is read.

COPY refuses a table with row-level security, so this is for the time before it has its walls.
"""

from collections.abc import Sequence
from datetime import date, datetime
from enum import Enum
from functools import cache
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec
from msgspec.structs import astuple
from psycopg import AsyncConnection

from adapters.postgres.projection_tables import BESIDE
from projections.projection import Row, Table

_encode_lines = msgspec.json.Encoder().encode_lines
_PLAIN = (UUID, str, int, date, datetime)


async def copy(connection: AsyncConnection[Any], table: Table[Any], rows: Sequence[Any]) -> None:
    """Fills a table that stands beside. Raises what psycopg raises."""
    if not rows:
        return
    into = f"COPY projections.{table.name}{BESIDE} ({', '.join(table.names)}) FROM STDIN"
    lines = _lines(table, rows)
    async with connection.cursor() as cursor:
        if lines is not None:
            async with cursor.copy(f"{into} (FORMAT csv, NULL 'null')") as copying:
                await copying.write(lines)
            return
        async with cursor.copy(into) as copying:
            for row in rows:
                await copying.write_row(table.values_of(row))


def _lines(table: Table[Any], rows: Sequence[Any]) -> bytes | None:
    """Rows as CSV by msgspec, at five times the speed of psycopg's own way; None where that can't be.

    A JSON array without its brackets is a line of CSV, as long as no text in it has anything escaped.
    """
    lists = _lists(table)
    if lists is None:
        return None
    written: bytes = _encode_lines([_with_arrays(row, lists) for row in rows] if lists else rows)
    return None if b"\\" in written else written[1:-2].replace(b"]\n[", b"\n")


def _with_arrays(row: Row, lists: Sequence[int]) -> list[Any]:
    values = list(astuple(row))
    for place in lists:
        values[place] = f"{{{','.join(map(str, values[place]))}}}"
    return values


@cache
def _lists(table: Table[Any]) -> tuple[int, ...] | None:
    """Which columns hold lists of whole numbers; None for a table with a column of another kind than those and plain ones.

    None as well where its rows are dataclasses, which msgspec writes as objects.
    """
    if not issubclass(table.row, Row):
        return None
    hints = get_type_hints(table.row)
    kinds = [_kind(hints[name]) for name in table.names]
    if object in kinds:
        return None
    return tuple(place for place, kind in enumerate(kinds) if kind is list)


def _kind(hint: Any) -> Any:
    """`list` for whole numbers, `object` for what is neither those nor plain."""
    if get_origin(hint) is tuple:
        return list if get_args(hint) == (int, ...) else object
    several = [kind for kind in get_args(hint) if kind is not NoneType] or [hint]
    is_plain = len(several) == 1 and isinstance(several[0], type) and issubclass(several[0], (*_PLAIN, Enum))
    return several[0] if is_plain else object
