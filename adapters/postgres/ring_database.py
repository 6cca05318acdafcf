"""Brings the key ring's database to this version's schema, and refuses a ring that can't be the one of this record."""

from typing import Any, ClassVar, LiteralString

from psycopg import AsyncConnection, sql

from adapters.postgres.migrate import KEY_RING, migrate


class KeyRingRefused(Exception):
    """This key ring is not the one that belongs to the record. The message says what to do."""

    code: ClassVar[str] = "key-ring-refused"


async def prepare_ring(dsn: str, keys_dsn: str) -> bool:
    """Whether the ring is new, so that a new key-encryption key would do. The record at `dsn` is migrated already.

    Raises KeyRingRefused for an empty ring beside a record that is not, and for a second ring left behind beside the record.
    """
    if keys_dsn != dsn:
        await migrate(keys_dsn, KEY_RING)
    async with (
        await AsyncConnection.connect(dsn, autocommit=True, connect_timeout=10) as record,
        await AsyncConnection.connect(keys_dsn, autocommit=True, connect_timeout=10) as ring,
    ):
        if not await _is(ring, "SELECT NOT EXISTS (SELECT FROM keys.state)"):
            return False
        if keys_dsn != dsn and await _is(record, "SELECT EXISTS (SELECT FROM keys.state)"):
            raise KeyRingRefused(
                "ACCOMPANY_KEYS_DATABASE_URL names an empty database, and the keys are in the database of the record. Stop the service, "
                "run accompany keys move, and start again."
            )
        if await _is(
            record, "SELECT EXISTS (SELECT FROM accompany.events WHERE position('\"sealed\"'::bytea IN state) > 0)"
        ):
            raise KeyRingRefused(
                "There are records here and no keys for them. Restore the key ring from its own backup, or check "
                "ACCOMPANY_KEYS_DATABASE_URL; a new ring would open none of them."
            )
        return True


async def _is(connection: AsyncConnection[Any], query: Any) -> bool:
    row = await (await connection.execute(query)).fetchone()
    return row == (True,)


async def move_ring(dsn: str, keys_dsn: str) -> int:
    """Moves a ring that stands beside the record into a database of its own, and answers how many people's keys are in it then.

    Killed at any moment it can be run again. No process may use the ring meanwhile. Raises KeyRingRefused if both hold another ring.
    """
    await migrate(dsn)
    await migrate(keys_dsn, KEY_RING)
    async with (
        await AsyncConnection.connect(dsn, connect_timeout=10) as record,
        await AsyncConnection.connect(keys_dsn, connect_timeout=10) as ring,
    ):
        await record.execute("SELECT keys.lock_alone()")
        for name, listed in _TABLES.items():
            table, columns = sql.Identifier("keys", name), sql.SQL(listed)
            source = sql.SQL("SELECT {} FROM {} ORDER BY 1, 2, 3").format(columns, table)
            rows = await (await record.execute(source)).fetchall()
            there = await (await ring.execute(source)).fetchall()
            if rows and there and rows != there:
                raise KeyRingRefused("Both databases hold keys, and not the same ones. Nothing was moved.")
            if rows and not there:
                marks = sql.SQL(", ").join([sql.Placeholder()] * len(rows[0]))
                async with ring.cursor() as cursor:
                    await cursor.executemany(
                        sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(table, columns, marks), rows
                    )
        # First whole there, then gone here: between the two commits the keys stand in both.
        await ring.commit()
        for name in _TABLES:
            await record.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier("keys", name)))
        await record.commit()
        row = await (await ring.execute("SELECT count(*) FROM keys.person_keys")).fetchone()
        return int(row[0]) if row else 0


_TABLES: dict[LiteralString, LiteralString] = {
    "person_keys": "organisation_id, person_id, key_version, wrapped, created_at",
    "destroyed": "organisation_id, person_id, destroyed_at",
    "service_secrets": "name, wrapped, created_at",
    "state": "holder, former, changes, secrets_from_file",
}
