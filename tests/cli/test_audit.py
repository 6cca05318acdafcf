"""`accompany audit` and what `doctor` says of the logs, as a person runs them."""

import subprocess
from pathlib import Path

import psycopg

from audit.note import VerifierKey
from tests.cli.running import answer, environment, run, serving
from tests.evidence.waiting import until_true
from tests.installations import small_caseload

SIGNED = (
    "SELECT EXISTS (SELECT FROM evidence.checkpoints c JOIN evidence.logs l USING (log, size) WHERE log = 'events')"
)


def test_a_record_is_verified_by_command_and_what_was_changed_is_named(tmp_path: Path, database: str) -> None:
    env = environment(tmp_path / "data", DATABASE_URL=database, ACCOMPANY_LOG_ORIGIN="example.org/office")
    assert run("audit", "verify", env=env).returncode == 3, "there is no key yet"
    assert run("import", str(small_caseload(tmp_path / "caseload")), env=env).returncode == 1
    with serving(env, tmp_path / "serve.log"):
        until_true(database, SIGNED)

    keys = answer("audit", "key", env=env)
    assert VerifierKey.parse(keys["events"]).name == "example.org/office/events"
    told = run("audit", "verify", env=env)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "verified" in told.stdout
    assert "Verifying events" in told.stderr
    assert "Verifying" not in told.stdout
    assert state(env) == "ok"

    with psycopg.connect(database) as owner:
        owner.execute("ALTER TABLE accompany.events DISABLE TRIGGER USER")
        [(stream, version)] = owner.execute(
            "UPDATE accompany.events SET state = set_byte(state, 9, get_byte(state, 9) # 1) WHERE position = 2"
            " RETURNING stream_id, version"
        ).fetchall()
    told = run("audit", "verify", env=env)
    assert told.returncode == 1
    assert f"row-changed  events: position 2, record {stream}, version {version}" in told.stdout
    report = answer("audit", "verify", env=env)
    assert report["verified"] is False
    assert report["logs"][0]["disagreements"][0]["what"] == "row-changed"

    with psycopg.connect(database) as owner:
        owner.execute("UPDATE evidence.logs SET size = 1")
    assert state(env) == "failed"


def test_a_checkpoint_that_was_kept_is_held_against_the_record(tmp_path: Path, database: str) -> None:
    env = environment(tmp_path / "data", DATABASE_URL=database)
    run("import", str(small_caseload(tmp_path / "caseload")), env=env)
    with serving(env, tmp_path / "serve.log"):
        until_true(database, SIGNED)
    with psycopg.connect(database) as owner:
        [(note,)] = owner.execute("SELECT note FROM evidence.checkpoints ORDER BY size DESC LIMIT 1").fetchall()
    kept = tmp_path / "kept.checkpoint"
    kept.write_text(note)
    assert run("audit", "verify", "--checkpoint", str(kept), env=env).returncode == 0
    kept.write_text(note.replace("\n", "\nx", 1))
    refused: subprocess.CompletedProcess[str] = run("audit", "verify", "--checkpoint", str(kept), env=env)
    assert refused.returncode == 3
    assert "note-refused" in refused.stderr


def state(env: dict[str, str]) -> str:
    checks = {one["check"]: one["state"] for one in answer("doctor", env=env)["checks"]}
    return str(checks["log events"])
