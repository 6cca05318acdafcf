"""The key ring in a database of its own: whoever has the database of the record has not even the wrapped keys."""

import asyncio
from collections.abc import Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from adapters.postgres.ring_database import KeyRingRefused, move_ring
from adapters.settings import Settings
from adapters.wiring import installation
from tests.installations import imported, organisation, small_caseload
from tests.postgres_servers import Clusters


@pytest.fixture
def ring(postgres_clusters: Clusters) -> Iterator[str]:
    """A superuser's URL of another, empty database."""
    with postgres_clusters.running("postgres-18").fresh_database(prepared=False) as dsn:
        yield dsn


@asynccontextmanager
async def opened(data: Path, record: str, ring: str | None) -> Any:
    said = {"ACCOMPANY_DATA": str(data), "DATABASE_URL": record, "ACCOMPANY_KEYS_DATABASE_URL": ring or ""}
    async with installation(Settings.read(said), record) as parts:
        yield parts


def count(dsn: str, table: str) -> int:
    with psycopg.connect(dsn) as connection:
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier("keys", table))
        row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


async def filled(data: Path, record: str, ring: str | None, caseload: Path) -> None:
    async with opened(data, record, ring) as parts:
        await imported(parts, await organisation(record), small_caseload(caseload), data / "reports")


def test_the_record_is_kept_in_one_database_and_its_keys_in_the_other(tmp_path: Path, database: str, ring: str) -> None:
    asyncio.run(filled(tmp_path / "data", database, ring, tmp_path / "caseload"))
    assert count(ring, "person_keys") == 2
    for table in ("person_keys", "service_secrets", "state"):
        assert count(database, table) == 0
    with psycopg.connect(ring) as connection:
        row = connection.execute("SELECT to_regclass('accompany.events')").fetchone()
    assert row == (None,), "and nothing of the record stands beside the keys"


def test_a_record_whose_ring_is_lost_gets_no_new_one(tmp_path: Path, database: str, ring: str) -> None:
    asyncio.run(filled(tmp_path / "data", database, ring, tmp_path / "caseload"))
    with psycopg.connect(ring) as connection:
        connection.execute("TRUNCATE keys.state, keys.person_keys, keys.service_secrets")

    async def start(keys: str | None) -> None:
        async with opened(tmp_path / "data", database, keys):
            pass

    for keys in (ring, None):
        with pytest.raises(KeyRingRefused, match=r"no keys for them\. Restore the key ring"):
            asyncio.run(start(keys))


def test_keys_left_in_the_record_are_not_forgotten_there(tmp_path: Path, database: str, ring: str) -> None:
    asyncio.run(filled(tmp_path / "data", database, None, tmp_path / "caseload"))

    async def start() -> None:
        async with opened(tmp_path / "data", database, ring):
            pass

    with pytest.raises(KeyRingRefused, match="the keys are in the database of the record"):
        asyncio.run(start())


def test_a_ring_is_moved_whole_and_nothing_of_it_is_left_behind(tmp_path: Path, database: str, ring: str) -> None:
    asyncio.run(filled(tmp_path / "data", database, None, tmp_path / "caseload"))
    assert asyncio.run(move_ring(database, ring)) == 2
    assert asyncio.run(move_ring(database, ring)) == 2, "a repeat finds it done"
    for table in ("person_keys", "service_secrets", "state"):
        assert count(database, table) == 0

    async def people() -> int:
        async with opened(tmp_path / "data", database, ring) as parts:
            with psycopg.connect(ring) as connection:
                everybody = connection.execute("SELECT organisation_id, person_id FROM keys.person_keys").fetchall()
            for organisation_id, person_id in everybody:
                assert (await parts.keys.fetch(organisation_id, [(person_id, 1)]))(organisation_id, person_id)
            return len(everybody)

    assert asyncio.run(people()) == 2
