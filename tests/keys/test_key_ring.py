"""The key ring on a real database: who gets a key, who sees it, and for how long it stays in memory."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg_pool import AsyncConnectionPool

from adapters.keys.holders import Holders
from adapters.keys.key_file import KeyFile
from adapters.keys.key_ring import KeyRing, KeysUnavailable, WrongKey
from adapters.keys.sealing import Unreadable
from adapters.postgres.migrate import ROLES, migrate

ORGANISATION, OTHER_ORGANISATION = uuid4(), uuid4()


class Clock:
    """Seconds that pass when told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def key_file(tmp_path: Path) -> KeyFile:
    return KeyFile.at(tmp_path / "key")


@asynccontextmanager
async def service(dsn: str, role: str = "accompany_keys") -> AsyncIterator[AsyncConnectionPool[Any]]:
    async with AsyncConnectionPool(
        dsn, min_size=1, max_size=4, open=False, timeout=5, kwargs={"options": f"-c role={role}", "autocommit": True}
    ) as pool:
        yield pool


async def opened(pool: AsyncConnectionPool[Any], key_file: KeyFile, **limits: Any) -> KeyRing:
    """A ring as a process that starts opens it."""
    ring = KeyRing(pool, Holders(key_file), **limits)
    await ring.begin()
    return ring


def run(coroutine: Coroutine[Any, Any, None], dsn: str) -> None:
    async def prepared() -> None:
        await migrate(dsn)
        await coroutine

    asyncio.run(prepared())


def count(dsn: str) -> int:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT count(*) FROM keys.person_keys").fetchone()
    assert row is not None
    return int(row[0])


def test_a_key_is_made_once_and_found_by_every_process(database: str, key_file: KeyFile) -> None:
    people = [uuid4() for _ in range(3)]

    async def story() -> None:
        async with service(database) as pool:
            one, other = await opened(pool, key_file), await opened(pool, key_file)
            made = await one.ensure(ORGANISATION, people)
            assert count(database) == 3
            again = await other.ensure(ORGANISATION, people)
            fetched = await (await opened(pool, key_file)).fetch(ORGANISATION, [(person, 1) for person in people])
            for person in people:
                key = made(ORGANISATION, person)
                assert key.version == 1
                assert again(ORGANISATION, person) == fetched(ORGANISATION, person, 1) == key
                assert one.cached(ORGANISATION, person) == other.cached(ORGANISATION, person, 1) == key
            assert len({made(ORGANISATION, person).secret for person in people}) == 3
            assert count(database) == 3

    run(story(), database)


def test_processes_that_make_keys_for_the_same_people_at_once_agree(database: str, key_file: KeyFile) -> None:
    people = [uuid4() for _ in range(40)]

    async def story() -> None:
        async with service(database) as pool:
            rings = [await opened(pool, key_file) for _ in range(8)]
            orders = [people if at % 2 else people[::-1] for at in range(len(rings))]
            made = await asyncio.gather(
                *(ring.ensure(ORGANISATION, order) for ring, order in zip(rings, orders, strict=True))
            )
            for person in people:
                assert len({keys(ORGANISATION, person).secret for keys in made}) == 1
        assert count(database) == len(people)

    run(story(), database)


def test_more_people_than_one_batch_get_their_keys(database: str, key_file: KeyFile) -> None:
    people = [uuid4() for _ in range(1201)]

    async def story() -> None:
        async with service(database) as pool:
            made = await (await opened(pool, key_file)).ensure(ORGANISATION, people)
            fetched = await (await opened(pool, key_file)).fetch(ORGANISATION, [(person, 1) for person in people])
            assert all(made(ORGANISATION, person) == fetched(ORGANISATION, person) for person in people)

    run(story(), database)


def test_nobody_is_asked_for_when_nobody_is_needed(key_file: KeyFile) -> None:
    async def story() -> None:
        ring = KeyRing(AsyncConnectionPool("host=/nowhere", min_size=0, max_size=1, open=False), Holders(key_file))
        await ring.ensure(ORGANISATION, [])
        await ring.fetch(ORGANISATION, [])

    asyncio.run(story())


def test_the_same_person_in_two_organisations_has_two_keys(database: str, key_file: KeyFile) -> None:
    person = uuid4()

    async def story() -> None:
        async with service(database) as pool:
            ring = await opened(pool, key_file)
            here, there = await ring.ensure(ORGANISATION, [person]), await ring.ensure(OTHER_ORGANISATION, [person])
            assert here(ORGANISATION, person) != there(OTHER_ORGANISATION, person)
            with pytest.raises(Unreadable):
                here(OTHER_ORGANISATION, person)

    run(story(), database)


def test_one_organisation_sees_no_key_of_another(database: str, key_file: KeyFile) -> None:
    async def story() -> None:
        async with service(database) as pool:
            await (await opened(pool, key_file)).ensure(ORGANISATION, [uuid4()])
            async with pool.connection() as connection:
                seen = []
                for organisation in (ORGANISATION, OTHER_ORGANISATION):
                    async with connection.transaction():
                        await connection.execute(
                            "SELECT set_config('accompany.organisation', %s, true)", (str(organisation),)
                        )
                        cursor = await connection.execute("SELECT count(*) FROM keys.person_keys")
                        seen += await cursor.fetchall()
                cursor = await connection.execute("SELECT count(*) FROM keys.person_keys")
                assert [*seen, *await cursor.fetchall()] == [(1,), (0,), (0,)]

    run(story(), database)


@pytest.mark.parametrize("role", ["accompany_service", "accompany_worker"])
def test_neither_service_nor_worker_sees_the_key_ring(database: str, role: str) -> None:
    async def story() -> None:
        async with service(database, role) as pool, pool.connection() as connection:
            for statement in (
                "SELECT FROM keys.person_keys",
                "SELECT FROM keys.service_secrets",
                "SELECT FROM keys.state",
                "SELECT keys.ensure('{}', '{}')",
                "SELECT keys.destroy(gen_random_uuid())",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    await connection.execute(statement.encode())

    run(story(), database)


@pytest.mark.parametrize("statement", ["SELECT FROM accompany.events", "SELECT FROM projections.tracking"])
def test_the_key_rings_role_sees_nothing_but_the_ring(database: str, statement: str) -> None:
    async def story() -> None:
        async with service(database) as pool, pool.connection() as connection:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                await connection.execute(statement.encode())

    run(story(), database)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO keys.person_keys VALUES (gen_random_uuid(), gen_random_uuid(), 1, sha512('x'))",
        "UPDATE keys.person_keys SET key_version = 2",
        "DELETE FROM keys.person_keys",
        "TRUNCATE keys.person_keys",
        "DROP TABLE keys.person_keys",
        "DELETE FROM keys.destroyed",
        "UPDATE keys.state SET former = NULL",
        "SELECT keys.tell_of_change(NULL, NULL)",
        "UPDATE keys.service_secrets SET name = 'x'",
    ],
)
@pytest.mark.parametrize("role", ["accompany_service", "accompany_worker", "accompany_keys"])
def test_no_role_changes_a_key_by_hand(database: str, key_file: KeyFile, role: str, statement: str) -> None:
    async def story() -> None:
        async with service(database, role) as pool, pool.connection() as connection:
            await connection.execute("SELECT set_config('accompany.organisation', %s, false)", (str(ORGANISATION),))
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                await connection.execute(statement.encode())

    run(story(), database)


def test_no_key_is_made_for_no_organisation(database: str, key_file: KeyFile) -> None:
    async def story() -> None:
        async with service(database) as pool, pool.connection() as connection:
            with pytest.raises(psycopg.errors.RaiseException, match="organisation is not set"):
                await connection.execute("SELECT keys.ensure(ARRAY[gen_random_uuid()], ARRAY['x'::bytea])")

    run(story(), database)


def test_a_key_that_does_not_exist_is_unreadable_where_it_is_used(database: str, key_file: KeyFile) -> None:
    known, unknown = uuid4(), uuid4()

    async def story() -> None:
        async with service(database) as pool:
            ring = await opened(pool, key_file)
            await ring.ensure(ORGANISATION, [known])
            keys = await ring.fetch(ORGANISATION, [(known, 1), (unknown, 1)])
            assert keys(ORGANISATION, known).version == 1
            for person, version in ((unknown, 1), (unknown, None), (known, 2)):
                with pytest.raises(Unreadable):
                    keys(ORGANISATION, person, version)
                with pytest.raises(Unreadable):
                    ring.cached(ORGANISATION, person, version)

    run(story(), database)


def test_a_newer_key_made_elsewhere_is_found_though_the_old_one_is_in_memory(database: str, key_file: KeyFile) -> None:
    person = uuid4()

    async def story() -> None:
        async with service(database) as pool:
            ring, elsewhere = await opened(pool, key_file), await opened(pool, key_file)
            old = (await ring.ensure(ORGANISATION, [person]))(ORGANISATION, person)
            assert await elsewhere.renew(ORGANISATION, person) == 2
            keys = await ring.fetch(ORGANISATION, [(person, 2)])
            assert keys(ORGANISATION, person).version == 2
            assert keys(ORGANISATION, person, 1) == old

    run(story(), database)


def test_one_damaged_key_keeps_nobody_else_from_being_read(database: str, key_file: KeyFile) -> None:
    whole, damaged = uuid4(), uuid4()

    async def story() -> None:
        async with service(database) as pool:
            await (await opened(pool, key_file)).ensure(ORGANISATION, [whole, damaged])
            with psycopg.connect(database) as connection:
                connection.execute(
                    "UPDATE keys.person_keys SET wrapped = set_byte(wrapped, 100, 255 - get_byte(wrapped, 100))"
                    " WHERE person_id = %s",
                    (damaged,),
                )
            keys = await (await opened(pool, key_file)).fetch(ORGANISATION, [(whole, 1), (damaged, 1)])
            assert keys(ORGANISATION, whole).version == 1
            with pytest.raises(Unreadable):
                keys(ORGANISATION, damaged)

    run(story(), database)


def test_a_key_swapped_with_another_persons_opens_nothing(database: str, key_file: KeyFile) -> None:
    one, other = uuid4(), uuid4()

    async def story() -> None:
        async with service(database) as pool:
            await (await opened(pool, key_file)).ensure(ORGANISATION, [one, other])
            with psycopg.connect(database) as connection:
                connection.execute(
                    "UPDATE keys.person_keys mine SET wrapped = theirs.wrapped FROM keys.person_keys theirs"
                    " WHERE mine.person_id <> theirs.person_id"
                )
            keys = await (await opened(pool, key_file)).fetch(ORGANISATION, [(one, 1), (other, 1)])
            for person in (one, other):
                with pytest.raises(Unreadable):
                    keys(ORGANISATION, person)

    run(story(), database)


def test_a_start_with_another_key_file_is_refused_and_says_which_one_is_wanted(
    database: str, key_file: KeyFile, tmp_path: Path
) -> None:
    async def story() -> None:
        async with service(database) as pool:
            stranger = KeyFile.at(tmp_path / "another")
            await opened(pool, key_file)
            with pytest.raises(WrongKey, match=f"a key file, id {key_file.holder[1:].hex()}.*Put the right key back"):
                await opened(pool, stranger)
            await opened(pool, key_file)

    run(story(), database)


def test_keys_leave_memory_when_their_time_is_over(database: str, key_file: KeyFile) -> None:
    person, clock = uuid4(), Clock()

    async def story() -> None:
        async with service(database) as pool:
            ring = await opened(pool, key_file, keep_seconds=60, clock=clock)
            keys = await ring.ensure(ORGANISATION, [person])
            clock.now += 59
            assert ring.cached(ORGANISATION, person) == keys(ORGANISATION, person)
            clock.now += 2
            with pytest.raises(Unreadable):
                ring.cached(ORGANISATION, person)
            assert keys(ORGANISATION, person).version == 1, "what is being read at this moment stays readable"

    run(story(), database)


def test_an_idle_process_drops_its_keys_too(database: str, key_file: KeyFile) -> None:
    async def story() -> None:
        async with service(database) as pool:
            ring = await opened(pool, key_file, keep_seconds=0.05)
            await ring.ensure(ORGANISATION, [uuid4()])
            assert ring.held == 1
            await asyncio.sleep(0.03)
            await ring.ensure(ORGANISATION, [uuid4()])
            await asyncio.sleep(0.2)
            assert ring.held == 0

    run(story(), database)


def test_no_more_keys_stay_in_memory_than_there_is_room_for(database: str, key_file: KeyFile) -> None:
    people = [uuid4() for _ in range(10)]

    async def story() -> None:
        async with service(database) as pool:
            ring = await opened(pool, key_file, capacity=4)
            keys = await ring.ensure(ORGANISATION, people)
            assert ring.held == 4
            needed = {keys(ORGANISATION, person).secret for person in people}
            assert len(needed) == 10, "one call may need more than the memory keeps"

    run(story(), database)


def test_an_unreachable_ring_says_so_and_gives_nothing(key_file: KeyFile, tmp_path: Path) -> None:
    async def story() -> None:
        async with AsyncConnectionPool(f"host={tmp_path}", min_size=0, max_size=1, open=False, timeout=0.2) as pool:
            ring = KeyRing(pool, Holders(key_file))
            for asking in (
                ring.ensure(ORGANISATION, [uuid4()]),
                ring.fetch(ORGANISATION, [(uuid4(), 1)]),
                ring.begin(),
                ring.destroy(ORGANISATION, uuid4()),
            ):
                with pytest.raises(KeysUnavailable):
                    await asking

    asyncio.run(story())


def test_a_cut_connection_is_replaced_unseen(database: str, key_file: KeyFile) -> None:
    person = uuid4()

    async def story() -> None:
        async with service(database) as pool:
            key = (await (await opened(pool, key_file)).ensure(ORGANISATION, [person]))(ORGANISATION, person)
            with psycopg.connect(database) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            fetched = await (await opened(pool, key_file)).fetch(ORGANISATION, [(person, 1)])
            assert fetched(ORGANISATION, person) == key

    run(story(), database)


def test_a_plain_owner_without_superpowers_is_enough(empty_database: str, key_file: KeyFile) -> None:
    """Forced row-level security binds the owner, whom the functions run as; only a superuser would not notice."""
    person, owner = uuid4(), f"owner_{uuid4().hex}"
    as_owner = make_conninfo(empty_database, options=f"-c role={owner}")
    with psycopg.connect(empty_database, autocommit=True) as connection:
        database, role = sql.Identifier(connection.info.dbname), sql.Identifier(owner)
        connection.execute(ROLES.read_bytes())
        connection.execute(sql.SQL("CREATE ROLE {} CREATEROLE").format(role))
        connection.execute(sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(database, role))
        connection.execute(sql.SQL("GRANT accompany_service, accompany_worker, accompany_keys TO {}").format(role))

    async def story() -> None:
        async with service(empty_database) as pool:
            ring = await opened(pool, key_file)
            await ring.ensure(ORGANISATION, [person])
            assert (await (await opened(pool, key_file)).fetch(ORGANISATION, [(person, 1)]))(
                ORGANISATION, person
            ).version == 1

    try:
        run(story(), as_owner)
    finally:
        with psycopg.connect(empty_database) as connection:
            for statement in ("DROP OWNED BY {} CASCADE", "DROP ROLE {}"):
                connection.execute(sql.SQL(statement).format(sql.Identifier(owner)))


def test_no_data_key_stands_unwrapped_in_the_database(database: str, key_file: KeyFile) -> None:
    person = uuid4()

    async def story() -> None:
        async with service(database) as pool:
            key = (await (await opened(pool, key_file)).ensure(ORGANISATION, [person]))(ORGANISATION, person)
            with psycopg.connect(database) as connection:
                row = connection.execute("SELECT wrapped FROM keys.person_keys").fetchone()
            assert row is not None
            assert key.secret not in row[0]

    run(story(), database)
