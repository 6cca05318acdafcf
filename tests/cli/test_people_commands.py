"""`accompany export` and `accompany retention`: whoever opens people's data on the command line stands in the access log, too."""

import json
from pathlib import Path
from typing import Any

import psycopg

from tests.cli.running import answer, environment, run
from tests.installations import small_caseload

LOOKS = """
    SELECT m.handle, l.role, l.read, l.legal_basis, l.outcome FROM accompany.access_log l
    JOIN accompany.members m USING (organisation_id, member_id) ORDER BY l.position
"""


def looks(database: str) -> list[Any]:
    with psycopg.connect(database) as owner:
        return owner.execute(LOOKS).fetchall()


def closed_long_ago(folder: Path) -> Path:
    source = small_caseload(folder)
    cases = source / "mentorships.csv"
    told = cases.read_text("utf-8").replace("2025-01-10,,,", "2015-01-10,2015-06-30,goals-reached,")
    cases.write_text(told, encoding="utf-8")
    return source


def test_what_is_shown_of_people_on_the_command_line_is_in_the_access_log_first_or_not_shown(
    tmp_path: Path, database: str
) -> None:
    env = environment(tmp_path / "data", DATABASE_URL=database)
    run("import", str(closed_long_ago(tmp_path / "caseload")), env=env)
    file = tmp_path / "copy.json"
    who = ("--member", "cw01", "--to", str(file))

    with psycopg.connect(database) as slow:
        slow.execute("LOCK TABLE accompany.access_log IN SHARE ROW EXCLUSIVE MODE")
        refused = run("export", "T1", *who, env=env)
    assert (refused.returncode, "access-not-logged" in refused.stderr) == (3, True), refused.stderr
    assert "Traceback" not in refused.stderr
    assert not file.exists()
    assert looks(database) == []

    done = run("export", "T1", *who, env=env)
    assert done.returncode == 0, done.stderr
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(file.read_bytes())["name"] == "Invented Trainee"
    shown = looks(database)
    assert set(shown) == {("cw01", "coordinator", "accompany export", "legal-obligation", "shown")}
    # The next copy tells of this one.
    again = tmp_path / "again.json"
    assert run("export", "T1", "--member", "cw01", "--to", str(again), env=env).returncode == 0
    assert {look["asked_for"] for look in json.loads(again.read_bytes())["looks"]} == {"accompany export"}

    # So does whoever asks whose data are due.
    due = answer("retention", "--member", "cw01", env=env)["due"]
    assert due
    with psycopg.connect(database) as owner:
        logged = owner.execute(
            "SELECT person_id::text FROM accompany.access_log WHERE read = 'accompany retention' AND role = 'administrator'"
        ).fetchall()
    assert {one["person_id"] for one in due} <= {person for (person,) in logged}

    nobody = run("export", "T1", "--member", "nobody-known", "--to", str(tmp_path / "other.json"), env=env)
    assert (nobody.returncode, (tmp_path / "other.json").exists()) == (3, False)
