"""`accompany demo tamper`: the demo's record is copied, the copy changed, and the change found; the demo itself stays as it was."""

from pathlib import Path

import psycopg
import pytest

from adapters.data_folder import claim
from adapters.evidence.integrating import Integrator
from adapters.evidence.signing import LogKey
from adapters.evidence.tampering import NothingLogged, tamper
from tests.cli.running import answer, environment, run
from tests.installations import small_caseload

COPY = "SELECT md5(string_agg(e::text, '' ORDER BY position)) FROM accompany.events e"


def test_a_change_in_a_copy_of_the_demo_is_found_and_the_demo_is_only_read(tmp_path: Path, database: str) -> None:
    data = tmp_path / "data"
    env = environment(data, DATABASE_URL=database)
    run("import", str(small_caseload(tmp_path / "caseload")), env=env)
    refused = run("demo", "tamper", env=env)
    assert (refused.returncode, "holds-real-data" in refused.stderr) == (3, True)
    (data / "what-is-in-here.txt").unlink()
    (data / "key-encryption.key").rename(tmp_path / "key")
    claim(data, "demo")
    with psycopg.connect(database) as owner:
        owner.execute("UPDATE accompany.organisations SET demo = true")
        before = owner.execute(COPY).fetchone()
    not_yet = run("demo", "tamper", env=env)
    assert (not_yet.returncode, "nothing-logged" in not_yet.stderr) == (3, True)

    Integrator(database, data, LogKey.at(data, None)).catch_up()
    told = answer("demo", "tamper", env=env)
    assert told["before"]["count"] == 0
    found = told["after"]["disagreements"][0]
    assert (found["what"], found["position"]) == ("row-changed", told["changed"]["position"])
    with psycopg.connect(database) as owner:
        assert owner.execute(COPY).fetchone() == before


def test_without_a_consent_there_is_nothing_to_change(database: str) -> None:
    with pytest.raises(NothingLogged):
        tamper(database)
