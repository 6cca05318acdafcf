"""The key service goes away in the middle of the work: a clear 503, nothing recorded, and the same request later is recorded once."""

from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest

from tests.cli.running import environment, run, serving
from tests.keys.key_services import KeyService, SoftHsm
from tests.keys.offices import coordinators_token


@pytest.mark.parametrize("kind", ["pkcs11", "aws-kms"])
def test_a_command_waits_for_the_key_and_is_recorded_once(
    kind: str, tmp_path: Path, database: str, request: pytest.FixtureRequest
) -> None:
    if kind == "pkcs11":
        hsm: SoftHsm = request.getfixturevalue("hsm")
        chosen, away = hsm.environment | hsm.settings("office", uuid4().hex), hsm.taken_out()
    else:
        kms: KeyService = request.getfixturevalue("kms")
        chosen = kms.environment | {"ACCOMPANY_KEY_HOLDER": "aws-kms", "ACCOMPANY_AWS_KMS_KEY": kms.key()}
        away = kms.stopped()
    env = environment(tmp_path / "data", DATABASE_URL=database, **chosen)
    token = coordinators_token(database)
    person = {"role": "trainee", "full_name": "Canary Nameless", "phone": "+49 30 4711471"}
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": str(uuid4())}
    log = tmp_path / "serve.log"
    with serving(env, log) as service, httpx.Client(base_url=f"{service.address}/api/v1", timeout=60) as client:
        before = events(database)
        with away:
            # A person nobody knew: the first thing that is needed is a key of theirs, wrapped.
            refused = client.post("/people", json=person, headers=headers)
            assert refused.status_code == 503
            assert refused.headers["Retry-After"]
            assert refused.json()["code"] == "key-holder-unavailable"
            assert "Canary" not in refused.text
            assert httpx.get(f"{service.address}/health/live", timeout=30).status_code == 200
            assert events(database) == before
        recorded = [client.post("/people", json=person, headers=headers) for _ in range(2)]
        assert [one.status_code for one in recorded] == [201, 201], [one.text for one in recorded]
        assert recorded[0].json() == recorded[1].json()
        assert events(database) == before + 1
    assert "Canary" not in log.read_text()
    with psycopg.connect(database) as connection:
        kinds = connection.execute("SELECT DISTINCT get_byte(wrapped, 0) FROM keys.person_keys").fetchall()
    assert kinds == [(2 if kind == "pkcs11" else 3,)]
    assert not (tmp_path / "data" / "key-encryption.key").exists(), "no second key lies about in a file"


def test_a_start_without_the_key_service_names_it(tmp_path: Path, database: str, hsm: SoftHsm) -> None:
    env = environment(
        tmp_path / "data", DATABASE_URL=database, **hsm.environment, **hsm.settings("office", uuid4().hex)
    )
    with hsm.taken_out():
        done = run("serve", env=env)
    assert done.returncode == 3
    assert "key-holder-refused" in done.stderr
    assert "ACCOMPANY_PKCS11_MODULE, and whether the token is plugged in" in " ".join(done.stderr.split())


def events(dsn: str) -> int:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT count(*) FROM accompany.events").fetchone()
    assert row is not None
    return int(row[0])
