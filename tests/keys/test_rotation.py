"""The key-encryption key is changed while people work: no request is lost, and a rotation that was killed goes on where it was."""

import asyncio
import base64
import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest

from adapters.keys.chosen import open_holder
from adapters.keys.holder import KeyHolder, PersonKey
from adapters.keys.holders import Holders
from adapters.keys.key_file import KeyFile
from adapters.keys.key_ring import KeyRing, WrongKey
from adapters.keys.rotation import Rotated, Rotation, RotationUnfinished
from adapters.keys.sealing import key_version
from adapters.keys.service_secrets import ServiceSecrets
from adapters.keys.settings import HolderSettings
from adapters.settings import Settings
from tests.cli.running import ACCOMPANY, answer, environment, run, serving
from tests.installations import opened
from tests.keys.key_services import KeyService, SoftHsm
from tests.keys.offices import coordinators_token
from tests.keys.test_key_ring import ORGANISATION, service
from tests.keys.test_key_ring import run as in_database

PATIENCE = 60.0


async def rotated(dsn: str, holders: Holders, target: KeyHolder, batch: int = 500) -> Rotated:
    seen: list[tuple[int, int]] = []
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as owner:
        done = await Rotation(owner, holders, target, batch).run(lambda *at: seen.append(at))
    assert seen[-1][0] == seen[-1][1], "the progress ends at the whole"
    return done


def holders_in(dsn: str) -> dict[bytes, int]:
    with psycopg.connect(dsn) as connection:
        found = connection.execute(
            "SELECT substr(wrapped, 1, 17), count(*) FROM keys.person_keys GROUP BY 1"
        ).fetchall()
    return {bytes(holder): count for holder, count in found}


@pytest.mark.parametrize(
    "way", ["file to token", "token to token", "key service to key service", "file to key service"]
)
def test_every_key_and_secret_opens_under_the_new_key_alone(
    way: str, database: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    def settings(kind: str, name: str) -> HolderSettings:
        if kind == "file":
            return HolderSettings(file=tmp_path / name)
        if kind == "token":
            hsm: SoftHsm = request.getfixturevalue("hsm")
            return Settings.read(hsm.settings(name, uuid4().hex)).key_holder
        kms: KeyService = request.getfixturevalue("kms")
        return HolderSettings("aws-kms", aws_kms_key=kms.key())

    old_kind, _, new_kind = way.partition(" to ")

    async def story() -> None:
        old = await open_holder(settings(old_kind, "office"), tmp_path, create=True)
        new = await open_holder(settings(new_kind, "next"), tmp_path, create=True)
        people = [uuid4() for _ in range(30)]
        async with service(database) as pool:
            before = KeyRing(pool, Holders(old, new))
            await before.begin()
            keys = await before.ensure(ORGANISATION, people)
            await before.renew(ORGANISATION, people[0])
            await before.destroy(ORGANISATION, people[1])
            secrets = await ServiceSecrets.kept_in(pool, Holders(old))

            done = await rotated(database, Holders(old, new), new, batch=7)

            assert (done.rewrapped, done.damaged) == (30 + 3, 0)
            assert holders_in(database) == {new.holder: 30}
            only_new = Holders(new)
            after = KeyRing(pool, only_new)
            await after.begin()
            found = await after.fetch(ORGANISATION, [(person, 1) for person in people] + [(people[0], 2)])
            assert all(found(ORGANISATION, one, 1) == keys(ORGANISATION, one, 1) for one in people if one != people[1])
            assert found(ORGANISATION, people[0]).version == 2
            assert (await ServiceSecrets.kept_in(pool, only_new)).digest_key == secrets.digest_key
            with pytest.raises(WrongKey):
                await KeyRing(pool, Holders(old)).begin()
            # The process that was there before and knows both goes on, for new people too.
            before.drop()
            assert (await before.ensure(ORGANISATION, [uuid4(), people[2]]))(ORGANISATION, people[2]).version == 1
            assert (await rotated(database, Holders(old, new), new)).rewrapped == 0, "a repeat finds it done"

    in_database(story(), database)


def test_a_rotation_is_not_turned_elsewhere_half_way_and_leaves_damage_as_it_is(database: str, tmp_path: Path) -> None:
    old, new, other = (KeyFile.at(tmp_path / name) for name in ("old", "new", "other"))
    people = [uuid4() for _ in range(20)]

    async def story() -> None:
        async with service(database) as pool:
            ring = KeyRing(pool, Holders(old))
            await ring.begin()
            await ring.ensure(ORGANISATION, people)
            with psycopg.connect(database) as administrator:
                administrator.execute(
                    "UPDATE keys.person_keys SET wrapped = set_byte(wrapped, 100, 255 - get_byte(wrapped, 100))"
                    " WHERE person_id = %s",
                    (people[3],),
                )
                administrator.execute("UPDATE keys.state SET holder = %s, former = %s", (new.holder, old.holder))
            with pytest.raises(RotationUnfinished, match=f"id {new.holder[1:].hex()}"):
                await rotated(database, Holders(old, other), other)
            assert holders_in(database) == {old.holder: 20}
            done = await rotated(database, Holders(old, new), new, batch=3)
            assert (done.rewrapped, done.damaged) == (19, 1)
            assert holders_in(database) == {new.holder: 19, old.holder: 1}

    in_database(story(), database)


@contextmanager
def working(address: str, token: str) -> Iterator[list[httpx.Response]]:
    """Somebody who registers one new person after the other, each of whom needs a new key, and reads them again."""
    answers: list[httpx.Response] = []
    stop = threading.Event()

    def work() -> None:
        with httpx.Client(
            base_url=f"{address}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=60
        ) as client:
            while not stop.is_set():
                made = client.post(
                    "/people",
                    json={"role": "trainee", "full_name": "Invented"},
                    headers={"Idempotency-Key": str(uuid4())},
                )
                answers.append(made)
                answers.append(client.get("/people"))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_rotation_under_load_loses_no_request_and_goes_on_after_it_was_killed(tmp_path: Path, database: str) -> None:
    data = tmp_path / "data"
    env = environment(data, DATABASE_URL=database)
    token = coordinators_token(database)
    data.mkdir(mode=0o700)
    old = KeyFile.at(data / "key-encryption.key")
    last = _more_keys(database, old, 1_500)
    with serving(env, tmp_path / "serve.log") as running:
        with working(running.address, token) as answers:
            _until(lambda: len(answers) > 6)
            # Half way the rotation meets a row that somebody else holds, and is killed there.
            with psycopg.connect(database) as holding:
                holding.execute("SELECT FROM keys.person_keys WHERE person_id = %s FOR UPDATE", (last,))
                rotation = subprocess.Popen(
                    [ACCOMPANY, "keys", "rotate", "--batch", "100"], env=env, stderr=subprocess.DEVNULL
                )
                _until(lambda: len(_waiting(database)) > 0 and len(holders_in(database)) == 2)
                half_way = len(answers)
                _until(lambda: len(answers) > half_way + 6)
                rotation.kill()
                rotation.wait(PATIENCE)
            assert holders_in(database)[old.holder] > 0
            done = answer("keys", "rotate", env=env)
            assert done["rewrapped"] > 0
            assert done["damaged"] == 0
            after = len(answers)
            _until(lambda: len(answers) > after + 6)
        assert {one.status_code for one in answers} == {200, 201}, [a.text for a in answers if a.status_code > 201][:3]
    new = KeyFile.at(data / "key-encryption.key", create=False)
    assert set(holders_in(database)) == {new.holder} != {old.holder}
    former = [path for path in data.iterdir() if path.name.startswith("former-")]
    assert [KeyFile.at(path, create=False).holder for path in former] == [old.holder]
    assert not (data / "next-key-encryption.key").exists()
    [row] = holders_and_people(database, 1)
    organisation_id, person_id = row

    async def opened_anew() -> None:
        async with opened(data, database) as installation:
            found = await installation.keys.fetch(organisation_id, [(person_id, 1)])
            assert found(organisation_id, person_id).version == 1

    asyncio.run(opened_anew())


def holders_and_people(dsn: str, number: int) -> list[tuple[UUID, UUID]]:
    """People who were registered through the door."""
    with psycopg.connect(dsn) as connection:
        return connection.execute(
            "SELECT organisation_id, stream_id FROM accompany.events ORDER BY position LIMIT %s", (number,)
        ).fetchall()


def test_a_renewed_key_seals_what_is_new_and_the_old_one_still_opens(tmp_path: Path, database: str) -> None:
    env = environment(tmp_path / "data", DATABASE_URL=database)
    token = coordinators_token(database)
    with serving(env, tmp_path / "serve.log") as running:
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=f"{running.address}/api/v1", headers=headers, timeout=60) as client:
            person = {"role": "trainee", "full_name": "Invented Trainee"}
            made = client.post("/people", json=person, headers={"Idempotency-Key": str(uuid4())}).json()
            path = f"/people/{made['id']}"
            assert client.get(path, params={"min_position": made["position"]}).status_code == 200
            assert answer("keys", "renew", made["id"], env=env) == {"key_version": 2}
            _until(lambda: _sealed_under_version_two(client, path, database))
            assert "Invented Trainee" in client.get(path).text, "told before, under the first version"
        refused = run("keys", "renew", str(UUID(int=4711)), env=env)
        assert (refused.returncode, "sealed-unreadable" in refused.stderr) == (3, True)


def _sealed_under_version_two(client: httpx.Client, path: str, dsn: str) -> bool:
    """Records something about the person, and whether the service had heard of the new key by then."""
    read = client.get(path)
    changed = client.patch(path, json={"note": uuid4().hex}, headers={"If-Match": read.headers["ETag"]})
    assert changed.status_code == 200, changed.text
    with psycopg.connect(dsn) as connection:
        row = connection.execute(
            "SELECT state FROM accompany.events WHERE topic = 'person-details-corrected' ORDER BY position DESC LIMIT 1"
        ).fetchone()
    assert row is not None
    [sealed] = json.loads(bytes(row[0]))["sealed"].values()
    return key_version(base64.b64decode(sealed)) == 2


def _more_keys(dsn: str, key_file: KeyFile, number: int) -> UUID:
    """Keys of people of another organisation; whose key comes last in the order of the ring."""
    organisation, people = UUID(int=2**128 - 1), [uuid4() for _ in range(number)]
    wrapped = asyncio.run(key_file.wrap([(PersonKey(organisation, one, 1), bytes(32)) for one in people]))
    with psycopg.connect(dsn) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO keys.person_keys VALUES (%s, %s, 1, %s)",
            [(organisation, one, key) for one, key in zip(people, wrapped, strict=True)],
        )
    return max(people)


def _waiting(dsn: str) -> list[object]:
    with psycopg.connect(dsn) as connection:
        return list(
            connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
                " AND query LIKE 'UPDATE keys.person_keys%'"
            ).fetchall()
        )


def _until(reached: object) -> None:
    assert callable(reached)
    deadline = time.monotonic() + PATIENCE
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.05)
