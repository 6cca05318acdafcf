"""Two services on one database: what both record on the same case at once stands there, each once and in order."""

import threading
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg

from tests.cli.running import answer, environment, run, serving
from tests.installations import small_caseload

EACH = 25
WRITERS = 3


def test_commands_on_one_case_from_two_services_are_all_recorded(tmp_path: Path, database: str) -> None:
    env = environment(tmp_path / "data", DATABASE_URL=database)
    answer("import", str(small_caseload(tmp_path / "caseload")), env=env)
    token = run("token", "--role", "coordinator", "--member", "anna", env=env).stdout.strip()
    headers = {"Authorization": f"Bearer {token}"}
    answers: list[tuple[str, httpx.Response]] = []
    with (
        serving(env, tmp_path / "one.log") as one,
        serving(env, tmp_path / "other.log", "--no-worker") as other,
        httpx.Client(headers=headers, timeout=30) as client,
    ):
        listed: Any = client.get(f"{one.address}/api/v1/mentorships").json()
        case = listed["mentorships"][0]["mentorship_id"]
        path = f"/api/v1/mentorships/{case}/sessions"
        # Every key is sent to both, by several at once: a race for the key and a race for the version.
        keys = [str(uuid4()) for _ in range(EACH * WRITERS)]

        def write(address: str, share: list[str]) -> None:
            with httpx.Client(headers=headers, timeout=30) as own:
                for key in share:
                    body = {"occurred_on": "2025-03-03", "minutes": 30, "medium": "video"}
                    answers.append((key, own.post(f"{address}{path}", json=body, headers={"Idempotency-Key": key})))

        threads = [
            threading.Thread(target=write, args=(service.address, keys[share::WRITERS]))
            for service in (one, other)
            for share in range(WRITERS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {answered.status_code for _, answered in answers} == {201}, [a.text for _, a in answers][:3]
        positions: dict[str, set[int]] = {}
        for key, answered in answers:
            positions.setdefault(key, set()).add(answered.json()["position"])
        assert all(len(found) == 1 for found in positions.values()), "both services gave the first answer"
        last = max(max(found) for found in positions.values())
        summary = client.get(f"{other.address}/api/v1/reports/summary", params={"min_position": last}).json()
        assert summary["sessions_held"] == len(keys) + 1

    with psycopg.connect(database) as administrator:
        query = "SELECT array_agg(version ORDER BY position) FROM accompany.events WHERE stream_id = %s"
        [(versions,)] = administrator.execute(query, (case,)).fetchall()
        assert versions == [*range(1, len(versions) + 1)]
