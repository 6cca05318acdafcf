"""A destroyed key is gone for good: from the ring, from every process's memory, and nobody makes another by mistake."""

import asyncio
import time
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest

from adapters.keys import changes
from adapters.keys.changes import following
from adapters.keys.key_file import KeyFile
from adapters.keys.sealing import KeyDestroyed, Unreadable
from adapters.postgres.session import session
from domain.erasure import PersonErased
from tests.cli.running import environment, serving
from tests.installations import opened as installed
from tests.keys.offices import coordinators_token
from tests.keys.test_key_ring import ORGANISATION, OTHER_ORGANISATION, Clock, count, opened, run, service

PATIENCE = 30


@pytest.fixture
def key_file(tmp_path: Path) -> KeyFile:
    return KeyFile.at(tmp_path / "key")


def test_every_version_is_destroyed_and_nobody_gets_another_key(database: str, key_file: KeyFile) -> None:
    erased, other = uuid4(), uuid4()

    async def story() -> None:
        async with service(database) as pool:
            ring, elsewhere = await opened(pool, key_file), await opened(pool, key_file)
            await ring.ensure(ORGANISATION, [erased, other])
            await ring.ensure(OTHER_ORGANISATION, [erased])
            assert await ring.renew(ORGANISATION, erased) == 2

            assert await ring.destroy(ORGANISATION, erased) == 2
            assert await ring.destroy(ORGANISATION, erased) == 0, "a repeat finds it done"

            with pytest.raises(Unreadable):
                ring.cached(ORGANISATION, erased)
            for process in (ring, elsewhere):
                keys = await process.fetch(ORGANISATION, [(erased, 1), (other, 1)])
                assert keys(ORGANISATION, other).version == 1
                with pytest.raises(KeyDestroyed):
                    keys(ORGANISATION, erased, 1)
                for refused in (process.ensure(ORGANISATION, [other, erased]), process.renew(ORGANISATION, erased)):
                    with pytest.raises(PersonErased):
                        await refused
            assert await ring.destroyed(ORGANISATION, [erased, other]) == {erased}
            assert await ring.destroyed(OTHER_ORGANISATION, [erased]) == set(), "elsewhere they are another person"
            assert (await ring.ensure(OTHER_ORGANISATION, [erased]))(OTHER_ORGANISATION, erased).version == 1
        assert count(database) == 2

    run(story(), database)


def test_a_key_made_while_its_person_is_erased_does_not_outlive_the_erasure(database: str, key_file: KeyFile) -> None:
    people = [uuid4() for _ in range(60)]

    async def story() -> None:
        async with service(database) as pool:
            maker, eraser = await opened(pool, key_file), await opened(pool, key_file)

            async def erased() -> None:
                for person in people:
                    await eraser.destroy(ORGANISATION, person)

            made = asyncio.gather(*(maker.ensure(ORGANISATION, [person]) for person in people), return_exceptions=True)
            await asyncio.gather(made, erased())
        assert count(database) == 0

    run(story(), database)


def test_keys_in_the_memory_of_another_process_go_at_once(database: str, key_file: KeyFile) -> None:
    person, told = uuid4(), asyncio.Event()

    async def story() -> None:
        async with service(database) as pool:
            here, there = await opened(pool, key_file), await opened(pool, key_file)
            async with following(heard_at(database), there):
                await listening(database)
                await there.ensure(ORGANISATION, [person])
                there.when_dropped(told.set)
                await here.destroy(ORGANISATION, person)
                await asyncio.wait_for(told.wait(), PATIENCE)
                with pytest.raises(Unreadable):
                    there.cached(ORGANISATION, person)

    run(story(), database)


def test_a_notice_that_never_came_is_made_up_for(
    database: str, key_file: KeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As behind a proxy that hands connections on between transactions: it takes LISTEN and passes no notice on."""
    monkeypatch.setattr(changes, "BEAT", 0.05)
    person, told = uuid4(), asyncio.Event()

    async def story() -> None:
        async with service(database) as pool:
            here, there = await opened(pool, key_file), await opened(pool, key_file)
            async with following(heard_at(database), there):
                await listening(database)
                await there.ensure(ORGANISATION, [person])
                there.when_dropped(told.set)
                with psycopg.connect(database) as administrator:
                    administrator.execute("ALTER FUNCTION keys.tell_of_change(uuid, uuid) RENAME TO loud")
                    administrator.execute(
                        "CREATE FUNCTION keys.tell_of_change(uuid, uuid) RETURNS void LANGUAGE sql"
                        " AS 'UPDATE keys.state SET changes = changes + 1'"
                    )
                await here.destroy(ORGANISATION, person)
                await asyncio.wait_for(told.wait(), PATIENCE)
                with pytest.raises(Unreadable):
                    there.cached(ORGANISATION, person)

    run(story(), database)


def test_a_process_that_hears_nothing_soon_trusts_nothing_in_memory(database: str, key_file: KeyFile) -> None:
    person, clock = uuid4(), Clock()

    async def story() -> None:
        async with service(database) as pool:
            ring = await opened(pool, key_file, clock=clock)
            ring.trust_for(changes.TRUSTED)
            await ring.ensure(ORGANISATION, [person])
            clock.now += changes.TRUSTED - 1
            assert ring.cached(ORGANISATION, person).version == 1
            clock.now += 2
            with pytest.raises(Unreadable):
                ring.cached(ORGANISATION, person)

    run(story(), database)


def test_what_was_read_before_a_drop_does_not_come_into_memory_after_it(database: str, key_file: KeyFile) -> None:
    person = uuid4()

    async def story() -> None:
        async with service(database) as pool:
            ring = await opened(pool, key_file)
            asking = asyncio.create_task(ring.ensure(ORGANISATION, [person]))
            while count(database) == 0:  # noqa: ASYNC110  # what is waited for is in the database
                await asyncio.sleep(0)
            ring.drop((ORGANISATION, person))
            await asking
            with pytest.raises(Unreadable):
                ring.cached(ORGANISATION, person)

    run(story(), database)


def test_a_cut_line_is_taken_up_again_and_the_memory_emptied(database: str, key_file: KeyFile) -> None:
    person = uuid4()

    async def story() -> None:
        async with service(database) as pool:
            ring = await opened(pool, key_file)
            async with following(heard_at(database), ring):
                await listening(database)
                await ring.ensure(ORGANISATION, [person])
                with psycopg.connect(database) as administrator:
                    administrator.execute(
                        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                        " WHERE datname = current_database() AND query LIKE 'SELECT changes%%'"
                    )
                async with asyncio.timeout(PATIENCE):
                    while ring.held:  # noqa: ASYNC110  # nothing tells of it
                        await asyncio.sleep(0.02)
                await listening(database)

    run(story(), database)


def test_a_person_whose_keys_another_process_destroyed_is_shown_to_nobody(tmp_path: Path, database: str) -> None:
    """Two real processes: the service has the person's key, and opened text of theirs, in memory."""
    data, name = tmp_path / "data", "Parwana Invented"
    headers = {"Authorization": f"Bearer {coordinators_token(database)}"}

    async def destroyed(person_id: UUID) -> float:
        async with installed(data, database) as installation:
            with psycopg.connect(database) as connection:
                row = connection.execute("SELECT organisation_id FROM keys.person_keys").fetchone()
            assert row is not None
            assert await installation.keys.destroy(row[0], person_id) == 1
            return time.monotonic()

    with (
        serving(environment(data, DATABASE_URL=database), tmp_path / "serve.log") as running,
        httpx.Client(base_url=f"{running.address}/api/v1", headers=headers, timeout=30) as client,
    ):
        told = {"role": "trainee", "full_name": name}
        made = client.post("/people", json=told, headers={"Idempotency-Key": str(uuid4())}).json()
        path = f"/people/{made['id']}"
        assert name in client.get(path, params={"min_position": made["position"]}).text
        assert name in client.get(path).text
        since = asyncio.run(destroyed(UUID(made["id"])))
        while name in client.get(path).text:
            # Far below the five minutes for which keys are kept, and above what a crowded machine needs.
            assert time.monotonic() < since + PATIENCE
        changed = client.patch(path, json={"note": "x"}, headers={"If-Match": '"1"'})
        assert changed.status_code >= 400
        assert name not in changed.text


def heard_at(dsn: str) -> str:
    return session(dsn, "accompany_keys", statement_timeout=4)


async def listening(dsn: str) -> None:
    """Returns once somebody listens for changes of the ring in this database."""
    query = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = 'accompany-keys' AND query LIKE 'SELECT changes%'"
    )
    async with asyncio.timeout(PATIENCE):
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
            while True:
                row = await (await connection.execute(query.encode())).fetchone()
                if row and row[0]:
                    return
                await asyncio.sleep(0.02)
