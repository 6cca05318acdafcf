"""The service's own secrets: the same for every process and at every start, and kept by a ring that is older than they are."""

import asyncio
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from adapters.keys.holder import PersonKey
from adapters.keys.holders import Holders
from adapters.keys.key_file import KeyFile
from adapters.keys.key_ring import KeyRing, WrongKey
from adapters.keys.service_secrets import ServiceSecrets
from adapters.postgres.migrate import FOLDERS, migrate
from tests.installations import opened as installed
from tests.keys.test_key_ring import ORGANISATION, OTHER_ORGANISATION, run, service

PERSON = uuid4()


def shown(secrets: ServiceSecrets) -> tuple[bytes, ...]:
    return secrets.digest_key, secrets.identifier_key, secrets.derived("search", ORGANISATION)


@pytest.fixture
def key_file(tmp_path: Path) -> KeyFile:
    return KeyFile.at(tmp_path / "key")


def test_first_starts_at_once_agree_and_every_later_start_finds_the_same(database: str, key_file: KeyFile) -> None:
    async def story() -> None:
        async with service(database) as pool:

            async def start() -> tuple[bytes, ...]:
                holders = Holders(key_file)
                await KeyRing(pool, holders).begin()
                return shown(await ServiceSecrets.kept_in(pool, holders))

            starts = await asyncio.gather(*(start() for _ in range(4)))
            assert len(set(starts)) == 1
            assert await start() == starts[0]
            assert len(set(starts[0])) == 3
            assert not set(starts[0]) & {key_file.digest_key, key_file.identifier_key}, (
                "a lost key file tells none of them"
            )

    run(story(), database)


def test_a_secret_is_for_one_use_in_one_organisation(database: str, key_file: KeyFile) -> None:
    async def story() -> None:
        async with service(database) as pool:
            holders = Holders(key_file)
            await KeyRing(pool, holders).begin()
            secrets = await ServiceSecrets.kept_in(pool, holders)
            several = {
                secrets.derived(name, organisation)
                for name in ("search", "export")
                for organisation in (ORGANISATION, OTHER_ORGANISATION)
            }
            assert len(several) == 4

    run(story(), database)


def test_a_ring_of_before_goes_on_with_the_secrets_of_its_key_file(tmp_path: Path, empty_database: str) -> None:
    """Or a repeated request would be recorded a second time, and a second import would find nobody."""
    key_file = KeyFile.at(tmp_path / "key-encryption.key")
    before = tmp_path / "before"
    before.mkdir()
    for file in (file for folder in FOLDERS for file in folder.iterdir() if file.name <= "301_key_ring.sql"):
        (before / file.name).write_bytes(file.read_bytes())
    asyncio.run(migrate(empty_database, (before,)))
    [wrapped] = asyncio.run(key_file.wrap([(PersonKey(ORGANISATION, PERSON, 1), bytes(32))]))
    with psycopg.connect(empty_database) as connection:
        connection.execute("INSERT INTO keys.person_keys VALUES (%s, %s, 1, %s)", (ORGANISATION, PERSON, wrapped))

    async def story() -> None:
        async with installed(tmp_path, empty_database) as installation:
            assert installation.secrets.digest_key == key_file.digest_key
            assert installation.secrets.identifier_key == key_file.identifier_key
            keys = await installation.keys.fetch(ORGANISATION, [(PERSON, 1)])
            assert keys(ORGANISATION, PERSON).secret == bytes(32)

    asyncio.run(story())


def test_a_secret_that_does_not_open_stops_the_start(database: str, key_file: KeyFile) -> None:
    async def story() -> None:
        async with service(database) as pool:
            holders = Holders(key_file)
            await KeyRing(pool, holders).begin()
            await ServiceSecrets.kept_in(pool, holders)
            with psycopg.connect(database) as administrator:
                administrator.execute(
                    "UPDATE keys.service_secrets mine SET wrapped = theirs.wrapped FROM keys.service_secrets theirs"
                    " WHERE mine.name = 'identifiers' AND theirs.name = 'request digests'"
                )
            with pytest.raises(WrongKey):
                await ServiceSecrets.kept_in(pool, holders)

    run(story(), database)
