"""The command as people and scripts run it: what stands on which stream, what the exit codes say, what is refused."""

import asyncio
import json
import os
import re
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import httpx
import psycopg
import pytest

from adapters import doctor
from adapters.data_folder import MARK, claim
from adapters.demo import SEES
from tests.cli.running import ACCOMPANY, answer, environment, run, serving
from tests.installations import settings, small_caseload
from tests.shared_data import shared_data


def test_the_demo_prints_an_address_and_a_link_for_each_role(reachable_folder: Path) -> None:
    env = environment(reachable_folder / "demo")
    began = time.monotonic()
    shown = run("demo", "--exit-when-ready", env=env)
    assert shown.returncode == 0, shown.stderr
    assert time.monotonic() - began < 120
    address = re.search(r"running at (http://127\.0\.0\.1:\d+)", shown.stdout)
    assert address is not None
    for role in SEES:
        assert re.search(rf"  {role} ", shown.stdout), f"no line for the {role}"
    links = re.findall(r"http://\S+/sign-in/[\w-]{43}", shown.stdout)
    assert len(set(links)) == len(SEES)
    assert "Importing" in shown.stderr, "progress goes to standard error"

    again = json.loads(run("demo", "--exit-when-ready", "--json", env=env).stdout)
    assert set(again["sign_in"]) == {str(role) for role in SEES}


def test_a_demo_keeps_away_from_real_data_and_real_data_from_a_demo(reachable_folder: Path) -> None:
    real, demo = environment(reachable_folder / "real"), environment(reachable_folder / "demo")
    caseload = small_caseload(reachable_folder / "caseload")
    assert run("import", str(caseload), env=real).returncode == 1, "two rows of it are refused"
    refused = run("demo", "--exit-when-ready", env=real)
    assert (refused.returncode, refused.stdout) == (3, "")
    assert "holds-real-data" in refused.stderr

    assert run("demo", "--exit-when-ready", env=demo).returncode == 0
    refused = run("import", str(caseload), env=demo)
    assert refused.returncode == 3
    assert "holds-demo" in refused.stderr


def test_a_demo_refuses_a_database_of_real_data_as_well(tmp_path: Path, database: str) -> None:
    caseload = small_caseload(tmp_path / "caseload")
    run("import", str(caseload), env=environment(tmp_path / "real", DATABASE_URL=database))
    refused = run("demo", "--exit-when-ready", env=environment(tmp_path / "demo", DATABASE_URL=database))
    assert refused.returncode == 3
    assert "holds-real-data" in refused.stderr


def test_an_import_answers_in_json_and_says_where_the_refused_rows_are(tmp_path: Path, database: str) -> None:
    env = environment(tmp_path / "data", DATABASE_URL=database)
    told = answer("import", str(small_caseload(tmp_path / "caseload")), env=env)
    assert told["files"]["sessions.csv"] == {
        "taken": 1,
        "unchanged": 0,
        "refused": {"minutes-out-of-range": 1, "unknown-mentorship": 1},
    }
    refusals = Path(told["refusals"])
    assert refusals.stat().st_mode & 0o077 == 0
    assert refusals.read_text(encoding="utf-8-sig").splitlines()[0].startswith("file,line,column,reason,message")


@pytest.mark.parametrize("shape", ["nothing", "empty"])
def test_an_import_without_a_caseload_is_refused(tmp_path: Path, database: str, shape: str) -> None:
    folder = tmp_path / "caseload"
    if shape == "empty":
        folder.mkdir()
    done = run("import", str(folder), env=environment(tmp_path / "data", DATABASE_URL=database))
    assert done.returncode == (3 if shape == "empty" else 2)
    assert done.stdout == ""


def test_doctor_shows_each_setting_with_its_source_and_no_password(tmp_path: Path, database: str) -> None:
    env = environment(tmp_path / "data", DATABASE_URL=database, ACCOMPANY_PROT="8017")
    run("import", str(small_caseload(tmp_path / "caseload")), env=env)
    told = answer("doctor", env=env)
    settings = {one["name"]: one for one in told["settings"]}
    assert settings["ACCOMPANY_DATA"]["source"] == "environment"
    assert settings["ACCOMPANY_TIME_ZONE"]["source"] == "default"
    assert "ACCOMPANY_PORT" in settings["ACCOMPANY_PROT"]["value"], "a slip in a name is pointed out"
    assert str(psycopg.conninfo.conninfo_to_dict(database)["password"]) not in json.dumps(told)
    checks = {one["check"]: one for one in told["checks"]}
    assert checks["walls"]["state"] == "ok"
    assert all(one["state"] == "ok" for name, one in checks.items() if name.startswith("projection "))


def test_a_database_that_is_not_there_is_said_so_without_its_password(tmp_path: Path) -> None:
    env = environment(tmp_path / "data", DATABASE_URL="postgresql://someone:hush-hush@127.0.0.1:1/nowhere")
    done = run("token", "--role", "auditor", "--member", "otto", env=env)
    assert done.returncode == 3
    assert "store-unavailable" in done.stderr
    assert "hush-hush" not in done.stdout + done.stderr


def test_a_token_is_shown_once_and_kept_as_a_hash(tmp_path: Path, database: str) -> None:
    env = environment(tmp_path / "data", DATABASE_URL=database)
    run("import", str(small_caseload(tmp_path / "caseload")), env=env)
    token = run("token", "--role", "caseworker", "--member", "cw01", env=env).stdout.strip()
    assert re.fullmatch(r"[\w-]{43}", token)
    with psycopg.connect(database) as connection:
        stored = connection.execute("SELECT string_agg(t::text, '') FROM accompany.tokens t").fetchone()
    assert stored is not None
    assert token not in stored[0]
    with serving(env, tmp_path / "serve.log") as service, httpx.Client(base_url=service.address, timeout=30) as client:
        assert client.get("/health/live").status_code == 200
        assert client.get("/health/ready").status_code == 200
        assert client.get("/api/v1/dashboard").status_code == 401
        seen = client.get("/api/v1/dashboard", headers={"Authorization": f"Bearer {token}"})
        assert (seen.status_code, len(seen.json()["cases"])) == (200, 1)


def test_a_member_whom_the_spreadsheets_call_by_name_signs_in_and_the_name_is_stored_nowhere(
    tmp_path: Path, database: str
) -> None:
    env = environment(tmp_path / "data", DATABASE_URL=database)
    folder = small_caseload(tmp_path / "caseload")
    sheet = folder / "mentorships.csv"
    sheet.write_text(sheet.read_text().replace("cw01", "Petra Schmidt"))
    (folder / "appointments.csv").write_text(
        "mentorship_id,appointment_id,type,office,starts_at,accompanied_by,outcome,agreed,next_step,deadline\n"
        "MS1,A1,bank,,2025-02-03 10:00,Bob Smith,granted,,,\n"
    )
    shown = run("import", str(folder), "--json", env=env)
    assert shown.returncode == 1, shown.stderr
    assert json.loads(shown.stdout)["files"]["mentorships.csv"]["taken"] == 1
    assert "may be a name: 2." in shown.stderr
    told = run("token", "--role", "caseworker", "--member", " Petra Schmidt ", "--json", env=env)
    assert told.returncode == 0, told.stderr
    assert re.fullmatch(r"member-[0-9a-f]{8}", json.loads(told.stdout)["member"])
    assert "new" not in told.stderr, "it is the member of the import"
    for name in ("Petra", "Schmidt", "Bob Smith"):
        assert name not in shown.stdout + shown.stderr + told.stdout + told.stderr
    with psycopg.connect(database) as connection:
        handles = [row[0] for row in connection.execute("SELECT handle FROM accompany.members")]
    assert sorted(re.sub(r"[0-9a-f]{8}$", "", one) for one in handles) == ["import", "member-", "member-"]
    with serving(env, tmp_path / "serve.log") as service, httpx.Client(base_url=service.address, timeout=30) as client:
        token = json.loads(told.stdout)["token"]
        seen = client.get("/api/v1/dashboard", headers={"Authorization": f"Bearer {token}"})
        assert len(seen.json()["cases"]) == 1, "and the case is theirs"


def test_a_token_speaks_for_a_member_and_where_the_role_takes_one_for_a_person_on_record(
    tmp_path: Path, database: str
) -> None:
    env = environment(tmp_path / "data", DATABASE_URL=database)
    run("import", str(small_caseload(tmp_path / "caseload")), env=env)

    def refused(*arguments: str) -> str:
        done = run("token", "--role", *arguments, env=env)
        assert (done.returncode, done.stdout) == (3, ""), done.stderr
        return done.stderr.split()[0]

    assert refused("auditor", "--member", " ") == "member-missing"
    assert refused("trainee", "--member", "t1") == "person-needed"
    assert refused("trainee", "--member", "t1", "--person", "T404") == "unknown-person"
    assert refused("trainee", "--member", "t1", "--person", "") == "unknown-person"
    assert run("token", "--role", "trainee", "--member", "t1", "--person", "T1", env=env).returncode == 0
    assert run("token", "--role", "trainee", "--member", "t1", env=env).returncode == 0
    assert run("token", "--role", "trainee", "--member", "t1", "--person", "T1", env=env).returncode == 0
    assert refused("trainee", "--member", "t1", "--person", "M1") == "stands-for-another"


def test_a_lost_key_file_is_never_replaced_by_a_fresh_one(tmp_path: Path, database: str) -> None:
    env = environment(tmp_path / "data", DATABASE_URL=database)
    run("import", str(small_caseload(tmp_path / "caseload")), env=env)
    key = tmp_path / "data" / "key-encryption.key"
    kept = key.rename(tmp_path / "kept.key")
    for _ in range(2):
        refused = run("token", "--role", "auditor", "--member", "au01", env=env)
        assert refused.returncode == 3
        assert "key-file-refused" in refused.stderr
        assert "Put the one back" in refused.stderr
        assert not key.exists()
    kept.rename(key)
    assert run("token", "--role", "auditor", "--member", "au01", env=env).returncode == 0


@pytest.mark.parametrize("command", [("token", "--role", "auditor", "--member", "au01"), ("rebuild",), ("doctor",)])
def test_what_looks_for_an_installation_makes_none(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = run(*command, env=environment(tmp_path / "data"))
    assert done.returncode == (1 if command == ("doctor",) else 3)
    assert "There is no installation in this folder" in " ".join((done.stdout + done.stderr).split())
    assert not (tmp_path / "data").exists()


def test_a_database_that_is_kept_elsewhere_is_said_so(tmp_path: Path, database: str) -> None:
    data, place = tmp_path / "data", tmp_path / "elsewhere"
    place.mkdir()
    data.mkdir()
    (data / "postgres").symlink_to(place)
    findings = asyncio.run(doctor.examine(replace(settings(data, database), database_url=None), database))
    [found] = [one.found for one in findings if one.check == "database folder"]
    assert str(place) in found
    claim(data, "real")
    assert "`postgres`" in (data / MARK).read_text()


def test_a_service_told_to_stop_ends_within_twenty_seconds(tmp_path: Path, database: str) -> None:
    with serving(environment(tmp_path / "data", DATABASE_URL=database), tmp_path / "serve.log") as service:
        assert service.stop() < 20
        assert service.process.returncode == 0


def test_a_killed_service_leaves_nothing_that_the_next_start_cannot_take_over(reachable_folder: Path) -> None:
    env = environment(reachable_folder / "data")
    run("import", str(small_caseload(reachable_folder / "caseload")), env=env)
    with serving(env, reachable_folder / "first.log") as service:
        service.kill()
    with serving(env, reachable_folder / "second.log") as service:
        assert httpx.get(f"{service.address}/health/ready", timeout=30).status_code == 200


def test_two_commands_may_use_one_data_folder_at_once(reachable_folder: Path) -> None:
    env = environment(reachable_folder / "data")
    run("import", str(small_caseload(reachable_folder / "caseload")), env=env)
    with serving(env, reachable_folder / "serve.log") as service:
        token = run("token", "--role", "coordinator", "--member", "anna", env=env).stdout.strip()
        answered = httpx.get(
            f"{service.address}/api/v1/mentorships", headers={"Authorization": f"Bearer {token}"}, timeout=30
        )
        assert len(answered.json()["mentorships"]) == 1
        assert service.process.poll() is None, "the server that both used still runs for the one that stays"


def test_an_interrupted_import_is_finished_by_the_next(tmp_path: Path, database: str) -> None:
    env = environment(tmp_path / "data", DATABASE_URL=database)
    source = str(shared_data("caseload"))
    first = subprocess.Popen([ACCOMPANY, "import", source], env=env, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while _events(database) < 500 and first.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    before = _events(database)
    told = answer("import", source, env=env)
    assert sum(counts["unchanged"] for counts in told["files"].values()) > 100, "what was there was not taken again"
    assert told["files"]["sessions.csv"]["taken"] + told["files"]["sessions.csv"]["unchanged"] == 2494
    assert _events(database) > before


def _events(dsn: str) -> int:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT count(*) FROM accompany.events").fetchone()
    assert row is not None
    return int(row[0])
