"""The command as people and scripts run it: what stands on which stream, what the exit codes say, what is refused."""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import httpx
import psycopg
import pytest

from adapters.demo import SEES
from tests.cli.running import ACCOMPANY, answer, environment, run, serving
from tests.installations import small_caseload
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
