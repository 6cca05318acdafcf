"""`accompany audit bundle`: evidence by command, in a file that only its owner reads, checked by the verifier."""

import subprocess
import sys
from pathlib import Path

import psycopg

from audit.verifier import accompany_verify
from tests.cli.running import answer, environment, run
from tests.installations import small_caseload

WHY = ("--member", "co01", "--reason-code", "funder-audit", "--reason", "Asked by the fund")


def test_evidence_is_made_by_command_and_checked_without_the_service(tmp_path: Path, database: str) -> None:
    env = environment(tmp_path / "data", DATABASE_URL=database)
    run("import", str(small_caseload(tmp_path / "caseload")), env=env)
    with psycopg.connect(database) as owner:
        [(mentorship,)] = owner.execute(
            "SELECT stream_id FROM accompany.events WHERE topic = 'mentorship-started' LIMIT 1"
        ).fetchall()
    file = tmp_path / "bundle.zip"
    told = answer("audit", "bundle", str(file), "--mentorship", str(mentorship), *WHY, env=env)
    assert told["file"] == str(file)
    assert file.stat().st_mode & 0o777 == 0o600
    checked = subprocess.run(
        [sys.executable, accompany_verify.__file__, str(file)], capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stderr) == (0, "")
    with psycopg.connect(database) as owner:
        shown = owner.execute("SELECT DISTINCT read, outcome FROM accompany.access_log").fetchall()
    assert ("accompany audit bundle", "shown") in shown

    again = run("audit", "bundle", str(file), "--mentorship", str(mentorship), *WHY, env=env)
    assert (again.returncode, "file-in-the-way" in again.stderr) == (3, True)
    nothing = run("audit", "bundle", str(tmp_path / "other.zip"), *WHY, env=env)
    assert (nothing.returncode, "subject-missing" in nothing.stderr) == (3, True)
    assert not (tmp_path / "other.zip").exists()
