"""The tables of projections in PostgreSQL: made with their walls, loaded and written row by row, and swapped for new ones."""

from collections.abc import Iterable, Sequence
from typing import Any, LiteralString

from psycopg import AsyncConnection

from adapters.postgres.session import session
from projections.projection import Key, Projection, Rows, Seen, Table
from projections.registry import PROJECTIONS

# Next to the locks of migrations (…984) and of appending (…985).
PREPARING = 4702111234474983746

# A table that is being filled stands beside the one that is read, under this ending.
BESIDE = "__beside"

_KEY_TYPES = ("uuid", "uuid", "integer")


async def prepare(dsn: str, projections: Sequence[Projection] = PROJECTIONS) -> None:
    """Make what tables are missing. After `migrate`; may be called at every start and by several processes at once.

    Tables of an earlier version are left as they are, for readers, until the runner has filled those of this version.
    """
    conninfo = session(dsn, "accompany_worker", statement_timeout=30)
    async with await AsyncConnection.connect(conninfo, autocommit=True) as connection, connection.transaction():
        cursor = await connection.execute("SELECT projection FROM projections.tracking")
        known = {name for (name,) in await cursor.fetchall()}
        missing = [projection for projection in projections if projection.name not in known]
        if not missing:
            return
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", (PREPARING,))
        for projection in missing:
            tracked = await connection.execute(
                "INSERT INTO projections.tracking (projection, version, position) VALUES (%s, %s, 0)"
                " ON CONFLICT DO NOTHING",
                (projection.name, projection.version),
            )
            if tracked.rowcount:
                for table in projection.tables:
                    await make(connection, table)
                    await wall(connection, table)


async def make(connection: AsyncConnection[Any], table: Table[Any], ending: LiteralString = "") -> None:
    """An empty table. Without keys it fills fastest, so a table that is filled beside another gets them from `wall`."""
    await connection.execute(f"DROP TABLE IF EXISTS projections.{table.name}{ending}")
    await connection.execute(f"CREATE TABLE projections.{table.name}{ending} ({table.columns})")


async def wall(connection: AsyncConnection[Any], table: Table[Any], ending: LiteralString = "") -> None:
    """Keys and indexes, and the walls between organisations: the worker sees all, the service reads its own.

    The names of indexes are left to PostgreSQL, which finds free ones: old and new tables stand side by side.
    """
    name = f"projections.{table.name}{ending}"
    await connection.execute(f"ALTER TABLE {name} ADD PRIMARY KEY ({', '.join(table.key)})")
    for index in table.indexes:
        await connection.execute(f"CREATE INDEX ON {name} {index}")
    await connection.execute(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY")
    await connection.execute(f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY")
    await connection.execute(
        f"CREATE POLICY worker_sees_all ON {name} TO accompany_worker USING (true) WITH CHECK (true)"
    )
    await connection.execute(
        f"CREATE POLICY service_sees_its_organisation ON {name} FOR SELECT TO accompany_service"
        " USING (organisation_id = accompany.current_organisation())"
    )
    await connection.execute(f"GRANT SELECT ON {name} TO accompany_service")


async def swap(connection: AsyncConnection[Any], table: Table[Any]) -> None:
    """Puts the table filled beside in the place of the one that was read, within the caller's transaction."""
    await connection.execute(f"DROP TABLE IF EXISTS projections.{table.name}")
    await connection.execute(f"ALTER TABLE projections.{table.name}{BESIDE} RENAME TO {table.name}")


async def load(
    connection: AsyncConnection[Any], projection: Projection, seen: Iterable[Seen], rows: Rows, ending: str = ""
) -> None:
    """Loads the stored rows that folding these events may read."""
    concerned = [one for one in seen if one.topic in projection.on]
    for table in projection.tables:
        keys = {key for one in concerned if (key := table.looks_back(one)) is not None}
        for length in (2, 3):
            wanted = [key for key in keys if len(key) == length]
            if wanted:
                rows.load(table, await _rows_under(connection, table, wanted, length, ending))


async def _rows_under(
    connection: AsyncConnection[Any], table: Table[Any], keys: list[Key], length: int, ending: str
) -> list[Any]:
    columns = ", ".join(table.key[:length])
    lists = ", ".join(f"%b::{kind}[]" for kind in _KEY_TYPES[:length])
    query = (
        f"SELECT {', '.join(table.names)} FROM projections.{table.name}{ending}"  # noqa: S608 - names of our own tables
        f" WHERE ({columns}) IN (SELECT * FROM unnest({lists}))"
    )
    cursor = await connection.execute(query, [list(part) for part in zip(*keys, strict=True)], binary=True)
    return [table.row_of(values) for values in await cursor.fetchall()]


async def write(connection: AsyncConnection[Any], projection: Projection, rows: Rows, ending: str = "") -> None:
    """Writes what changed while events were folded."""
    async with connection.cursor() as cursor:
        for table in projection.tables:
            name = f"projections.{table.name}{ending}"
            if gone := list(rows.deleted(table)):
                which = " AND ".join(f"{column} = %s" for column in table.key)
                await cursor.executemany(f"DELETE FROM {name} WHERE {which}", gone)  # noqa: S608 - as above
            if written := [table.values_of(row) for row in rows.written(table)]:
                await cursor.executemany(_upsert(table, name), written)


def _upsert(table: Table[Any], name: str) -> str:
    others = [column for column in table.names if column not in table.key]
    changes = ", ".join(f"{column} = excluded.{column}" for column in others)
    return (
        f"INSERT INTO {name} ({', '.join(table.names)}) VALUES ({', '.join('%s' for _ in table.names)})"  # noqa: S608 - as above
        f" ON CONFLICT ({', '.join(table.key)}) DO UPDATE SET {changes}"
    )
