"""Compares a table that was filled anew with the one that is read, row by row, before it takes its place."""

from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection

from adapters.postgres.projection_tables import BESIDE
from projections.projection import Projection, Table

# Of one name and one type in both: a new version may have other columns.
SHARED = """
    SELECT old.attname FROM pg_attribute old JOIN pg_attribute new USING (attname, atttypid)
    WHERE old.attrelid = to_regclass(%s) AND new.attrelid = to_regclass(%s) AND old.attnum > 0 AND new.attnum > 0
    ORDER BY new.attnum
"""


@dataclass(frozen=True, slots=True)
class Compared:
    """How many rows of a table are not in both as they are in one. Of a new version some may be meant to differ."""

    projection: str
    table: str
    differing: int


async def compare(
    connection: AsyncConnection[Any], projection: Projection, table: Table[Any], reached: int
) -> Compared | None:
    """Compares the columns that both tables have; the one beside has seen the log up to `reached`. None where they share no key.

    Rows of streams that only one of the two has seen to their end are left out.
    """
    old, new = f"projections.{table.name}", f"projections.{table.name}{BESIDE}"
    cursor = await connection.execute(SHARED, (old, new))
    shared = [name for (name,) in await cursor.fetchall()]
    if not set(table.key) <= set(shared):
        return None
    columns, key = ", ".join(shared), ", ".join(table.key)
    # One statement sees one moment, so nobody has to wait while it runs.
    cursor = await connection.execute(
        f"""
        WITH later AS MATERIALIZED (
            SELECT DISTINCT organisation_id, stream_id FROM accompany.events
            WHERE position > (SELECT least(position, %s) FROM projections.tracking WHERE projection = %s)
        )
        SELECT count(*) FROM (
            SELECT DISTINCT {key} FROM (
                (SELECT {columns} FROM {old} EXCEPT SELECT {columns} FROM {new})
                UNION ALL
                (SELECT {columns} FROM {new} EXCEPT SELECT {columns} FROM {old})
            ) differing
        ) d
        WHERE (d.{table.key[0]}, d.{table.key[1]}) NOT IN (SELECT organisation_id, stream_id FROM later)
        """,  # noqa: S608 - names of our own tables and columns
        (reached, projection.name),
    )
    [(differing,)] = await cursor.fetchall()
    return Compared(projection.name, table.name, differing)
