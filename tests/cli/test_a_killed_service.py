"""`kill -9` in the middle of writes: what was acknowledged is there, once, and the projections count it once."""

import asyncio
import threading
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from adapters.postgres.runner import Runner
from tests.cli.running import answer, environment, run, serving
from tests.installations import small_caseload

KILLS = 3
WRITERS = 6
MINUTES = 30


def test_every_acknowledged_fact_outlives_a_killed_service(tmp_path: Path, database: str) -> None:
    env = environment(tmp_path / "data", DATABASE_URL=database)
    caseload = small_caseload(tmp_path / "caseload")
    assert answer("import", str(caseload), env=env)["files"]["consents.csv"]["taken"] == 1
    token = run("token", "--role", "coordinator", "--member", "anna", env=env).stdout.strip()
    headers = {"Authorization": f"Bearer {token}"}

    sent: set[str] = set()
    acknowledged: dict[str, int] = {}
    for kill in range(KILLS):
        with serving(env, tmp_path / f"serve-{kill}.log") as service:
            case = _case(service.address, headers)
            stop = threading.Event()
            writers = [
                threading.Thread(target=_write, args=(service.address, headers, case, stop, sent, acknowledged))
                for _ in range(WRITERS)
            ]
            for writer in writers:
                writer.start()
            time.sleep(1.5)
            service.kill()
            stop.set()
            for writer in writers:
                writer.join()
    assert len(acknowledged) > 50, "the service was at work when it was killed"

    with serving(env, tmp_path / "serve-last.log") as service, httpx.Client(headers=headers, timeout=30) as client:
        # Whoever got no answer sends the same again; whoever got one may do so too.
        positions = {key: _send(client, service.address, case, key).json()["position"] for key in sent}
        assert {key: positions[key] for key in acknowledged} == acknowledged, "a repeat gets the first answer"
        assert len(set(positions.values())) == len(sent), "each command was recorded by itself"

        summary = client.get(
            f"{service.address}/api/v1/reports/summary", params={"min_position": max(positions.values())}
        ).json()
        assert summary["sessions_held"] == len(sent) + 1, "and counted once, beside the one of the import"
        before = summary

    assert run("rebuild", env=env).returncode == 0
    with serving(env, tmp_path / "serve-rebuilt.log") as service:
        after = httpx.get(f"{service.address}/api/v1/reports/summary", headers=headers, timeout=30).json()
    assert after == before, "a rebuild from the events counts the same"
    assert asyncio.run(_lag(database)) == 0


def _write(
    address: str,
    headers: dict[str, str],
    case: str,
    stop: threading.Event,
    sent: set[str],
    acknowledged: dict[str, int],
) -> None:
    with httpx.Client(headers=headers, timeout=10) as client:
        while not stop.is_set():
            key = str(uuid4())
            sent.add(key)
            try:
                answered = _send(client, address, case, key)
            except httpx.TransportError:
                return
            assert answered.status_code == 201, answered.text
            acknowledged[key] = answered.json()["position"]


def _send(client: httpx.Client, address: str, case: str, key: str) -> httpx.Response:
    return client.post(
        f"{address}/api/v1/mentorships/{case}/sessions",
        json={"occurred_on": "2025-03-03", "minutes": MINUTES, "medium": "video"},
        headers={"Idempotency-Key": key},
    )


def _case(address: str, headers: dict[str, str]) -> str:
    listed: Any = httpx.get(f"{address}/api/v1/mentorships", headers=headers, timeout=30).json()
    [case] = listed["mentorships"]
    return str(case["mentorship_id"])


async def _lag(dsn: str) -> int:
    return max(status.lag for status in await Runner(dsn).status())
