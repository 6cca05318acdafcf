"""All consents are proved on a schedule and on demand: what does not stand is found, kept, and shown to whoever looks."""

import asyncio
import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from adapters import doctor
from adapters.evidence import proving
from adapters.evidence.proving import Found, Prover, prove_everything
from adapters.http.app import create_app
from adapters.http.parts import Parts
from adapters.postgres.following import connection_to_follow
from adapters.postgres.runner import Runner
from tests.cli.running import ACCOMPANY, environment
from tests.http.front_door import OpenCase, consent, open_office
from tests.installations import opened

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def office_with(dsn: str, data: Path, cases: int, *, withdrawn: bool = False) -> list[OpenCase]:
    """Cases with a session each, which their caseworker then looks at; the last one's consent is withdrawn before that."""
    async with opened(data, dsn) as installation, open_office(dsn, create_app(Parts.of(installation))) as office:
        caseworker = await office.caseworker()
        found = []
        for _ in range(cases):
            case = await OpenCase.begin(office)
            held = await caseworker.post(f"{case.path}/sessions", {"minutes": 10, "medium": "phone"})
            assert held.status_code == 201
            found.append(case)
        if withdrawn:
            told = consent("mentoring", "withdrawn", str(datetime.now(UTC).date() - timedelta(days=2)))
            assert (await caseworker.post(f"{found[-1].path}/consents", told)).status_code == 201
        await Runner(dsn).catch_up()
        for case in found:
            assert (await caseworker.get(case.path)).status_code == 200
        return found


async def proved(dsn: str) -> Found:
    async with await connection_to_follow(dsn) as connection:
        return await prove_everything(connection)


async def without_entry(dsn: str, case: OpenCase, version: int) -> None:
    """What somebody with all rights in the database can do to it."""
    async with await psycopg.AsyncConnection.connect(dsn) as owner:
        await owner.execute("ALTER TABLE accompany.events DISABLE TRIGGER ALL")
        gone = "DELETE FROM accompany.events WHERE stream_id = %s AND version = %s"
        await owner.execute(gone, (case.mentorship_id, version))


async def test_what_stands_leaves_nothing_and_what_was_tampered_with_is_found(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proving, "BATCH", 2)
    cases = await office_with(database, tmp_path, 5)
    assert await proved(database) == Found(mentorships=5, looks=5, findings={})
    assert (await doctor.consents(database)).state == "ok"
    await without_entry(database, cases[1], 2)
    async with await psycopg.AsyncConnection.connect(database) as owner:
        hidden = "UPDATE accompany.events SET purpose = NULL WHERE stream_id = %s AND topic = 'session-held'"
        await owner.execute(hidden, (cases[3].mentorship_id,))
    found = await proved(database)
    assert found.findings == {"act-none-named": 1, "purpose-differs": 1, "version-missing": 1}
    assert found == await proved(database), "a second look finds the same and nothing twice"
    finding = await doctor.consents(database)
    assert finding.state == "failed"
    assert "version-missing 1" in finding.found


async def test_a_look_without_a_consent_or_on_a_wrong_one_is_found(database: str, tmp_path: Path) -> None:
    cases = await office_with(database, tmp_path, 2, withdrawn=True)
    found = await proved(database)
    assert (found.looks, found.findings) == (2, {"shown-without-consent": 1})
    assert (await doctor.consents(database)).state == "warning"
    async with await psycopg.AsyncConnection.connect(database) as owner:
        row = await (await owner.execute("SELECT mentorship_id FROM checks.findings")).fetchone()
    assert row == (cases[1].mentorship_id,)
    # Somebody who writes a consent into the entry afterwards is found out by the events.
    async with await psycopg.AsyncConnection.connect(database) as owner:
        await owner.execute("ALTER TABLE accompany.access_log DISABLE TRIGGER ALL")
        await owner.execute(
            "UPDATE accompany.access_log SET consent_version = 2 WHERE consent_version IS NULL AND purpose <> ''"
        )
        await owner.execute("DELETE FROM checks.findings")
        await owner.execute("DELETE FROM checks.progress")
    assert (await proved(database)).findings == {"shown-on-wrong-consent": 1}


async def test_a_look_that_was_interrupted_goes_on_where_it_was(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proving, "BATCH", 1)
    await office_with(database, tmp_path, 4)

    class Interrupted(Exception):
        pass

    def show(done: int, _total: int) -> None:
        if done == 3:
            raise Interrupted

    async with await connection_to_follow(database) as connection:
        with pytest.raises(Interrupted):
            await prove_everything(connection, show)
        told: list[int] = []
        found = await prove_everything(connection, lambda done, _total: told.append(done))
    assert told == [4, 4]
    assert found.mentorships == 4


async def test_a_worker_looks_by_itself_and_tells_what_it_found(database: str, tmp_path: Path) -> None:
    await office_with(database, tmp_path, 1, withdrawn=True)
    told: asyncio.Queue[Found] = asyncio.Queue()
    stop = asyncio.Event()
    running = asyncio.create_task(Prover(database, timedelta(seconds=0.2), told.put_nowait).run(stop))
    async with asyncio.timeout(30):
        first, second = await told.get(), await told.get()
    stop.set()
    await running
    assert first.findings == second.findings == {"shown-without-consent": 1}


async def test_the_command_line_proves_on_demand(database: str, tmp_path: Path) -> None:
    [case] = await office_with(database, tmp_path / "data", 1)
    env = environment(tmp_path / "data", DATABASE_URL=database)

    async def run(*arguments: str) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            ACCOMPANY,
            "audit",
            "consents",
            *arguments,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert process.returncode is not None, err
        return process.returncode, out.decode()

    assert await run() == (0, "1 mentorships and 1 looks: each rests on a consent or another basis.\n")
    await without_entry(database, case, 2)
    code, out = await run("--json")
    assert code == 1
    found = {(one["code"], one["mentorship"], one["place"]) for one in json.loads(out)["findings"]}
    assert ("version-missing", str(case.mentorship_id), 3) in found
