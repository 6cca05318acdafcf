"""Brings the key ring's database to this version's schema, and refuses a ring that can't be the one of this record."""

from typing import Any, ClassVar

from psycopg import AsyncConnection

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
                "move them (docs/keys.md says how), and start again."
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
