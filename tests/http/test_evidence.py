"""Evidence through the front door: asked for with a reason, handed out as a bundle, and checked by the program that came in it."""

import asyncio
import base64
import json
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest

from adapters.wiring import Installation
from audit.bundle import archived
from audit.verifier import accompany_verify as verifier
from domain.vocabulary import Role
from tests.http.front_door import Asker, Office, OpenCase, consent, registered
from tests.http.test_rights import erase

pytestmark = pytest.mark.anyio

REASON = {"reason_code": "regular-audit", "reason": "Sample of the year, asked by Ruth Beispiel"}


async def asked(by: Asker, case: OpenCase, **more: Any) -> httpx.Response:
    return await by.post(
        "/evidence", {"subject": "mentorship", "subject_id": str(case.mentorship_id), **REASON, **more}
    )


async def bundle(house: Installation, by: Asker, answer: httpx.Response, **known: int) -> httpx.Response:
    """What the request's Location hands out once the logs have it."""
    assert answer.status_code == 201, answer.text
    await asyncio.to_thread(house.keeping.integrator().catch_up)
    found = await by.client.get(answer.headers["location"].removeprefix("/api/v1"), params=known)
    assert found.status_code == 200, found.text
    return found


def checked(house: Installation, content: bytes, *known: verifier.Checkpoint) -> verifier.Bundle:
    """A bundle that holds, with the key that the installation hands to auditors."""
    keys = [verifier.read_key(str(house.keeping.key.verifier_key(log)), "key") for log in ("events", "access")]
    found = verifier.Bundle(verifier.read_archive(memoryview(content)), verifier.Trust(keys=keys, known=known))
    assert [check for check in found.run() if check.failures] == []
    return found


async def filled(office: Office) -> OpenCase:
    case = await OpenCase.begin(office)
    by = await office.caseworker()
    for body in (
        {"minutes": 60, "medium": "video", "summary": "Practised the interview", "occurred_on": "2025-02-01"},
        {"minutes": 30, "medium": "phone", "summary": "Called the chamber", "occurred_on": "2025-02-08"},
    ):
        assert (await by.post(f"{case.path}/sessions", body)).status_code == 201
    assert (await by.post(f"{case.path}/consents", consent("mentoring", "withdrawn", "2025-03-01"))).status_code == 201
    return case


async def test_an_auditor_takes_a_bundle_home_and_checks_it_without_us(
    house: Installation, office: Office, tmp_path: Path
) -> None:
    case, auditor = await filled(office), await office.member(Role.AUDITOR)
    # Somebody has looked: the bundle shows that as well.
    assert (await (await office.coordinator()).get(case.path)).status_code == 200
    answer = await bundle(house, auditor, await asked(auditor, case))
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-disposition"].startswith('attachment; filename="evidence-')
    (tmp_path / "bundle.zip").write_bytes(answer.content)
    with zipfile.ZipFile(tmp_path / "bundle.zip") as archive:
        archive.extract("accompany_verify.py", tmp_path)
        summary = archive.read("summary.html").decode()
    assert "<code>GET /api/v1/mentorships/{mentorship_id}</code>" in summary
    key = str(house.keeping.key.verifier_key("events"))
    command = [sys.executable, "-I", "accompany_verify.py", "bundle.zip", "--json", "--log-key", key]
    ran = await asyncio.to_thread(subprocess.run, command, cwd=tmp_path, capture_output=True, text=True, check=False)
    told = json.loads(ran.stdout)
    assert (ran.returncode, told["verdict"], ran.stderr) == (0, "holds", "")


async def test_a_bundle_shows_decisions_on_consent_and_nothing_that_was_said_in_a_session(
    house: Installation, office: Office
) -> None:
    case, auditor = await filled(office), await office.member(Role.AUDITOR)
    content = (await bundle(house, auditor, await asked(auditor, case))).content
    found = checked(house, content)
    assert {one.event.topic for one in found.opened} == {"consent-given", "consent-withdrawn", "evidence-requested"}
    assert b"Practised the interview" not in content
    assert b"Parwana Invented" not in content
    assert "professional" in found.opened[0].text
    assert [act.judgement for proof in found.proofs.values() for act in proof.acts.values()] == ["in-force", "in-force"]


async def test_a_log_with_fewer_entries_than_an_auditor_has_seen_is_an_alarm(
    house: Installation, office: Office
) -> None:
    case, auditor = await filled(office), await office.member(Role.AUDITOR)
    opened = await asked(auditor, case)
    await bundle(house, auditor, opened)
    address = opened.headers["location"].removeprefix("/api/v1")
    answer = await auditor.client.get(address, params={"known_events": 10**9})
    assert (answer.status_code, answer.json()["code"]) == (409, "log-smaller-than-known")


async def test_nothing_personal_is_open_in_a_bundle_that_was_asked_for_sealed(
    house: Installation, office: Office
) -> None:
    case, auditor = await filled(office), await office.member(Role.AUDITOR)
    found = checked(house, (await bundle(house, auditor, await asked(auditor, case, opening="sealed"))).content)
    assert [one.event.topic for one in found.opened] == ["evidence-requested"]


async def test_who_answers_for_the_organisation_may_open_what_was_done_and_an_auditor_may_not(
    house: Installation, office: Office
) -> None:
    case, auditor, coordinator = await filled(office), await office.member(Role.AUDITOR), await office.coordinator()
    refused = await asked(auditor, case, opening="acts")
    assert (refused.status_code, refused.json()["code"]) == (403, "opening-not-allowed")
    opened = await asked(coordinator, case, opening="acts")
    content = (await bundle(house, coordinator, opened)).content
    checked(house, content)
    taken = await auditor.client.get(opened.headers["location"].removeprefix("/api/v1"))
    assert (taken.status_code, taken.json()["code"]) == (403, "opening-not-allowed")
    assert b"Practised the interview" in content
    assert b"Parwana Invented" not in content


async def test_the_request_is_in_the_record_with_its_reason_sealed(house: Installation, office: Office) -> None:
    case, auditor = await filled(office), await office.member(Role.AUDITOR)
    answer = await asked(auditor, case)
    found = checked(house, (await bundle(house, auditor, answer)).content)
    assert found.request is not None
    assert found.request.event.position == answer.json()["position"]
    assert found.request.streams == {case.mentorship_id: 7}
    assert b"Ruth Beispiel" not in found.request.event.state
    [reason] = [one.text for one in found.opened if one.event.topic == "evidence-requested"]
    assert json.loads(reason) == {"reason": REASON["reason"]}


async def test_asking_twice_under_one_key_is_one_request_and_gives_the_same_bytes(
    house: Installation, office: Office
) -> None:
    case, auditor = await filled(office), await office.member(Role.AUDITOR)
    body = {"subject": "mentorship", "subject_id": str(case.mentorship_id), **REASON}
    first = await auditor.post("/evidence", body, idempotency_key="audit-1")
    again = await auditor.post("/evidence", body, idempotency_key="audit-1")
    assert (again.json(), again.headers["idempotent-replayed"]) == (first.json(), "true")
    other = await auditor.post("/evidence", {**body, "reason": "Another"}, idempotency_key="audit-1")
    assert other.json()["code"] == "idempotency-key-reused"
    one, two = (await bundle(house, auditor, again)).content, (await bundle(house, auditor, first)).content
    same = [
        name
        for name in verifier.read_archive(memoryview(one))
        if not name.startswith(("access", "proofs/access", "checkpoints/access"))
    ]
    assert {"events.jsonl", "opened.jsonl", "checkpoints/events.txt"} <= set(same)
    for name in ("events.jsonl", "opened.jsonl", "checkpoints/events.txt", "consent.json"):
        assert verifier.read_archive(memoryview(one))[name] == verifier.read_archive(memoryview(two))[name]


async def test_what_was_recorded_after_the_request_is_not_in_the_bundle(house: Installation, office: Office) -> None:
    case, auditor = await filled(office), await office.member(Role.AUDITOR)
    answer = await asked(auditor, case)
    by = await office.caseworker()
    assert (await by.post(f"{case.path}/consents", consent("research", "refused"))).status_code == 201
    found = checked(house, (await bundle(house, auditor, answer)).content)
    assert max(event.version for event in found.events if event.stream_id == case.mentorship_id) == 7


async def test_the_bundle_leads_from_the_checkpoint_that_the_auditor_has_kept(
    house: Installation, office: Office
) -> None:
    case, auditor = await filled(office), await office.member(Role.AUDITOR)
    first = checked(house, (await bundle(house, auditor, await asked(auditor, case))).content)
    kept = first.checkpoints["events"]
    again = await bundle(house, auditor, await asked(auditor, case), known_events=kept.size)
    second = checked(house, again.content, kept)
    assert second.checkpoints["events"].size > kept.size
    ahead = await auditor.client.get(f"/evidence/{uuid4()}/bundle", params={"known_events": 2**63 - 1})
    assert ahead.status_code == 404


async def test_a_persons_bundle_holds_their_details_sealed_and_all_their_mentorships(
    house: Installation, office: Office
) -> None:
    case, auditor = await filled(office), await office.member(Role.AUDITOR)
    by = await office.caseworker()
    other = await registered(by, "trainee", "Somebody Else")
    started = await by.post(
        "/mentorships",
        {"trainee_id": other, "mentor_id": str(case.mentor_id), "track": "other", "occurred_on": "2025-02-01"},
    )
    for person, streams in (
        (case.trainee_id, {case.trainee_id: 1, case.mentorship_id: 7}),
        (case.mentor_id, {case.mentor_id: 1, case.mentorship_id: 7, UUID(started.json()["id"]): 1}),
    ):
        answer = await auditor.post("/evidence", {"subject": "person", "subject_id": str(person), **REASON})
        content = (await bundle(house, auditor, answer)).content
        found = checked(house, content)
        assert found.request is not None
        assert found.request.streams == streams
        assert b"Invented" not in content
        assert b"Erfunden" not in content


async def test_a_period_is_whole_and_another_organisations_events_stay_theirs(
    house: Installation, office: Office, neighbour: Office
) -> None:
    today = datetime.now(UTC).date().isoformat()
    await filled(office)
    theirs = await filled(neighbour)
    case, auditor = await filled(office), await office.member(Role.AUDITOR)
    body = {"recorded_from": today, "recorded_until": datetime.now(UTC).date().isoformat(), **REASON}
    content = (await bundle(house, auditor, await auditor.post("/evidence/periods", body))).content
    found = checked(house, content)
    assert found.opened[0].event.topic == "period-evidence-requested"
    assert len(found.opened) == 1
    assert case.mentorship_id in found.proofs
    assert {event.organisation_id for event in found.events} == {office.organisation_id}
    assert found.files["withheld/events.jsonl"]
    assert str(theirs.mentorship_id).encode() not in content


@pytest.mark.parametrize(
    ("days", "code"),
    [
        (("2025-03-02", "2025-03-01"), "period-out-of-order"),
        (("1990-01-01", "1990-12-31"), "nothing-in-period"),
    ],
)
async def test_a_period_that_makes_no_sense_is_refused(days: tuple[str, str], code: str, office: Office) -> None:
    await OpenCase.begin(office)
    auditor = await office.member(Role.AUDITOR)
    answer = await auditor.post("/evidence/periods", {"recorded_from": days[0], "recorded_until": days[1], **REASON})
    assert answer.json()["code"] == code


async def test_evidence_is_asked_for_with_a_reason_and_only_about_what_there_is(
    office: Office, neighbour: Office
) -> None:
    case, auditor = await OpenCase.begin(office), await office.member(Role.AUDITOR)
    stranger = await neighbour.member(Role.AUDITOR)
    assert (await asked(auditor, case, reason="  ")).json()["code"] == "evidence-reason-missing"
    assert (await asked(stranger, case)).status_code == 404
    assert (await asked(auditor, case, subject="person")).status_code == 404
    assert (await asked(auditor, case, subject_id=str(uuid4()))).status_code == 404
    assert (await asked(await office.caseworker(), case)).status_code == 403


async def test_a_bundle_is_not_handed_to_another_organisation_nor_to_a_role_that_may_not(
    house: Installation, office: Office, neighbour: Office
) -> None:
    case, auditor = await filled(office), await office.member(Role.AUDITOR)
    answer = await asked(auditor, case)
    await bundle(house, auditor, answer)
    where = answer.headers["location"].removeprefix("/api/v1")
    assert (await (await neighbour.member(Role.AUDITOR)).client.get(where)).status_code == 404
    assert (await (await office.caseworker()).client.get(where)).status_code == 403
    no_request = await auditor.client.get(f"/evidence/{case.mentorship_id}/bundle")
    assert no_request.status_code == 404


async def test_a_bundle_is_not_handed_out_before_the_log_has_the_request(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.evidence.bundles.PATIENCE", 0.1)
    case, auditor = await filled(office), await office.member(Role.AUDITOR)
    answer = await asked(auditor, case)
    early = await auditor.client.get(answer.headers["location"].removeprefix("/api/v1"))
    assert (early.status_code, early.json()["code"]) == (503, "evidence-not-yet-logged")


async def test_what_a_bundle_opens_stands_in_the_access_log(house: Installation, office: Office) -> None:
    case, auditor = await filled(office), await office.member(Role.AUDITOR)
    await bundle(house, auditor, await asked(auditor, case))
    async with await psycopg.AsyncConnection.connect(house.dsn) as connection:
        found = await connection.execute(
            "SELECT person_id, topics, outcome FROM accompany.access_log WHERE organisation_id = %s AND member_id = %s AND read LIKE %s",
            (office.organisation_id, auditor.member_id, "GET%evidence%"),
        )
        entries = await found.fetchall()
    assert {(person, outcome) for person, _, outcome in entries} == {(case.trainee_id, "shown")}
    assert {"consent-given", "consent-withdrawn", "evidence-requested"} <= {
        topic for _, topics, _ in entries for topic in topics
    }


async def test_the_receipt_of_an_erasure_counts_the_bundles_that_somebody_took_along(
    house: Installation, office: Office
) -> None:
    case, auditor = await filled(office), await office.member(Role.AUDITOR)
    other = await filled(office)
    answer = await asked(auditor, case)
    await bundle(house, auditor, answer)
    await bundle(house, auditor, answer)
    await bundle(house, auditor, await asked(auditor, other))
    stores = (await erase(case))["receipt"]["stores"]
    [evidence] = [one for one in stores if one["store"] == "evidence handed out"]
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    assert evidence["left"] == f"2 handed out ({today}); they are with those who got them"


async def test_after_an_erasure_old_bundles_hold_and_a_new_one_proves_what_nobody_can_read(
    house: Installation, office: Office
) -> None:
    case, auditor = await filled(office), await office.member(Role.AUDITOR)
    before = (await bundle(house, auditor, await asked(auditor, case))).content
    assert await house.keys.destroy(office.organisation_id, case.trainee_id) == 1
    checked(house, before)
    after = checked(house, (await bundle(house, auditor, await asked(auditor, case))).content)
    assert len(after.events) == 8
    assert [act.judgement for proof in after.proofs.values() for act in proof.acts.values()] == ["in-force", "in-force"]
    [reason] = after.opened
    assert reason.event.topic == "evidence-requested"
    assert reason.person == reason.event.stream_id


async def test_an_event_that_the_databases_owner_changed_is_never_handed_out(
    house: Installation, office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    case, auditor = await filled(office), await office.member(Role.AUDITOR)
    answer = await asked(auditor, case)
    await bundle(house, auditor, answer)
    async with await psycopg.AsyncConnection.connect(house.dsn) as owner:
        await owner.execute("ALTER TABLE accompany.events DISABLE TRIGGER USER")
        await owner.execute(
            "UPDATE accompany.events SET purpose = 'research' WHERE stream_id = %s AND topic = 'session-held'",
            (case.mentorship_id,),
        )
        await owner.execute("ALTER TABLE accompany.events ENABLE ALWAYS TRIGGER events_stay_as_recorded")
        await owner.commit()
        try:
            refused = await auditor.client.get(answer.headers["location"].removeprefix("/api/v1"))
        finally:
            await owner.execute("ALTER TABLE accompany.events DISABLE TRIGGER USER")
            await owner.execute(
                "UPDATE accompany.events SET purpose = 'mentoring' WHERE stream_id = %s AND topic = 'session-held'",
                (case.mentorship_id,),
            )
            await owner.execute("ALTER TABLE accompany.events ENABLE ALWAYS TRIGGER events_stay_as_recorded")
            await owner.commit()
    assert (refused.status_code, refused.json()["code"]) == (500, "evidence-doubtful")
    assert "evidence-doubtful" in caplog.text


async def test_who_looked_is_in_the_bundle_and_an_entry_that_was_replaced_or_left_out_is_named(
    house: Installation, office: Office
) -> None:
    case, auditor = await filled(office), await office.member(Role.AUDITOR)
    reader = await office.caseworker()
    for _ in range(2):
        assert (await reader.get(f"{case.path}/sessions")).status_code == 200
    content = (await bundle(house, auditor, await asked(auditor, case))).content
    found = checked(house, content)
    assert found.request is not None
    assert found.request.accesses
    assert len(found.accesses) >= found.request.accesses
    mine = [entry for entry in found.accesses if entry.member_id == reader.member_id and "session-held" in entry.topics]
    assert len(mine) == 2
    assert {entry.purpose for entry in mine} == {"mentoring"}

    files = {name: bytes(one) for name, one in found.files.items()}
    lines = files["access.jsonl"].splitlines(keepends=True)
    entry = json.loads(lines[-1])
    row = found.accesses[-1]
    forged = row.envelope.replace(row.member_id.bytes, auditor.member_id.bytes)
    assert forged != row.envelope or row.member_id == auditor.member_id
    forged = forged if forged != row.envelope else row.envelope.replace(b"GET", b"PUT")
    replaced = {**entry, "envelope": base64.b64encode(forged).decode()}
    other = {**files, "access.jsonl": b"".join(lines[:-1]) + verifier.canonical(replaced) + b"\n"}
    checks = {check.name: check for check in verifier.Bundle(other, verifier.Trust()).run()}
    assert (f"access entry {row.position}", "it does not stand in the log like this") in checks["accesses"].failures
    fewer = {**files, "access.jsonl": b""}
    checks = {check.name: check for check in verifier.Bundle(fewer, verifier.Trust()).run()}
    assert any("were on record when the bundle was asked for" in said for _, said in checks["accesses"].failures)


def test_a_bundle_is_a_zip_file_for_everybody_elses_tools() -> None:
    archive = zipfile.ZipFile(BytesIO(archived({"manifest.json": b"{}", "proofs/events/1.tlog-proof": b"x"})))
    assert archive.testzip() is None
    assert archive.namelist() == ["manifest.json", "proofs/events/1.tlog-proof"]
