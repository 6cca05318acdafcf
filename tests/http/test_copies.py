"""A copy of all that is held on a person: whole, with where it comes from, and nothing of anybody else's."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
import pytest
from fastapi import FastAPI

from adapters.export.gathering import Copy
from domain.vocabulary import Role
from tests.http.browsing import Visit
from tests.http.front_door import Office, OpenCase
from tests.http.operations import Filled

pytestmark = pytest.mark.anyio

SAID_BY_TRAINEE, SAID_BY_MENTOR, NAME = "I understood it", "Speaks up by now", "زهرا کریمی"


async def told(office: Office) -> OpenCase:
    case = await OpenCase.begin(office)
    by = await office.caseworker()
    await Filled.fill(case, by)
    person = f"/people/{case.trainee_id}"
    renamed = await by.patch(person, {"full_name": NAME, "phone": "+49 30 5550 0002"}, if_match=await by.etag(person))
    assert renamed.status_code == 200, renamed.text
    held = await by.post(
        f"{case.path}/sessions",
        {
            "minutes": 45,
            "medium": "phone",
            "summary": "Practised the interview",
            "trainee_feedback": SAID_BY_TRAINEE,
            "mentor_feedback": SAID_BY_MENTOR,
        },
    )
    assert held.status_code == 201
    fixed = await by.post(
        f"{case.path}/corrections",
        {"corrects": held.json()["version"], "changes": {"minutes": 50}, "reason": "Counted again"},
    )
    assert fixed.status_code == 201, fixed.text
    return case


async def test_a_trainees_copy_has_all_of_theirs_with_its_provenance_and_nothing_of_the_mentors(office: Office) -> None:
    case = await told(office)
    caseworker = await office.caseworker()
    await caseworker.get(case.path)
    trainee = await case.trainee()
    answer = await trainee.post(f"/people/{case.trainee_id}/copies", {"form": "json"})
    assert answer.status_code == 200, answer.text
    assert "attachment" in answer.headers["content-disposition"]
    copy = msgspec.json.decode(answer.content, type=Copy)
    assert (copy.format, copy.name, copy.person_id) == ("accompany-export/1", NAME, case.trainee_id)
    text = answer.text
    for mine in ("Parwana Invented", NAME, "+49 30 5550 0002", "Practised the interview", SAID_BY_TRAINEE):
        assert mine in text, mine
    for others in (SAID_BY_MENTOR, "Marek", str(case.mentor_id)):
        assert others not in text, others
    session = next(entry for entry in copy.entries if entry.fields.get("summary") == "Practised the interview")
    assert session.recorded_by == "caseworker"
    consent = next(entry for entry in copy.entries if entry.version == session.relied_on and entry.part == "trainee")
    assert (consent.topic, consent.fields["purpose"]) == ("consent-given", "mentoring")
    [correction] = [entry for entry in copy.entries if entry.corrects == session.version]
    assert session.corrected_by == (correction.version,)
    assert correction.fields["changes"] == {"minutes": 50}
    looks = {(look.by, look.asked_for) for look in copy.looks}
    assert ("caseworker", "GET /api/v1/mentorships/{mentorship_id}") in looks

    rights = (await trainee.get(f"/people/{case.trainee_id}/rights")).json()
    assert rights["copies"] == 1
    again = msgspec.json.decode((await trainee.post(f"/people/{case.trainee_id}/copies", {})).content, type=Copy)
    assert again.entries[-1].topic or again.looks
    assert any(entry.topic == "personal-data-exported" for entry in again.entries)


async def test_a_mentors_copy_has_their_words_and_nothing_of_the_trainees(office: Office) -> None:
    case = await told(office)
    answer = await (await case.mentor()).post(f"/people/{case.mentor_id}/copies", {})
    assert answer.status_code == 200, answer.text
    assert SAID_BY_MENTOR in answer.text
    assert "Marek Erfunden" in answer.text
    for others in (SAID_BY_TRAINEE, NAME, "Practised", "DEU", "consent-given", str(case.trainee_id)):
        assert others not in answer.text, others


async def test_a_copy_tells_who_asked_for_evidence_about_them_and_why(office: Office) -> None:
    case = await told(office)
    coordinator = await office.coordinator()
    for subject, subject_id, reason in (
        ("mentorship", case.mentorship_id, "Asked about the case"),
        ("person", case.mentor_id, "Asked about the mentor"),
    ):
        about = {"subject": subject, "subject_id": str(subject_id), "reason_code": "complaint", "reason": reason}
        assert (await coordinator.post("/evidence", about)).status_code == 201
    copies = {
        person_id: msgspec.json.decode((await by.post(f"/people/{person_id}/copies", {})).content, type=Copy)
        for by, person_id in ((await case.trainee(), case.trainee_id), (await case.mentor(), case.mentor_id))
    }
    reasons = {
        person_id: [entry.fields["reason"] for entry in copy.entries if entry.topic == "evidence-requested"]
        for person_id, copy in copies.items()
    }
    # One more was asked for about the case when it was filled.
    assert reasons == {case.trainee_id: ["x", "Asked about the case"], case.mentor_id: ["Asked about the mentor"]}


async def test_nobody_gets_a_copy_of_somebody_they_may_not_see(office: Office) -> None:
    case = await told(office)
    other = await office.member(Role.CASEWORKER, "other-caseworker")
    assert (await other.post(f"/people/{case.trainee_id}/copies", {})).status_code == 404
    assert (await (await case.mentor()).post(f"/people/{case.trainee_id}/copies", {})).status_code == 404
    for role in (Role.AUDITOR, Role.FUNDER, Role.ADMINISTRATOR):
        assert (await (await office.member(role)).post(f"/people/{case.trainee_id}/copies", {})).status_code == 403


async def test_the_copy_to_read_is_a_pdf_with_names_in_their_own_script(office: Office, tmp_path: Path) -> None:
    case = await told(office)
    answer = await (await office.caseworker()).post(f"/people/{case.trainee_id}/copies", {"form": "pdf"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF")
    if shutil.which("pdftotext") is None:
        if os.environ.get("ACCOMPANY_REQUIRE_PDFTOTEXT"):
            pytest.fail("pdftotext is not installed here, and ACCOMPANY_REQUIRE_PDFTOTEXT asks for it")
        pytest.skip("pdftotext is not installed here")
    (tmp_path / "copy.pdf").write_bytes(answer.content)
    shown = await asyncio.to_thread(_text_of, tmp_path / "copy.pdf")
    assert "Practised the interview" in shown
    assert "caseworker" in shown
    assert SAID_BY_MENTOR not in shown


def _text_of(pdf: Path) -> str:
    return subprocess.run(["pdftotext", pdf, "-"], capture_output=True, text=True, check=True).stdout


def test_the_schema_of_a_copy_is_the_one_that_is_documented() -> None:
    page = Path(__file__).parents[2] / "docs" / "export.schema.json"
    assert json.loads(page.read_text("utf-8")) == msgspec.json.schema(Copy), "write it anew, and count the format up"


async def test_where_no_pdf_can_be_made_none_is_offered_and_nobody_is_sent_to_try_again(
    office: Office, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = await OpenCase.begin(office)
    trainee = await case.trainee()
    async with AsyncExitStack() as clients:
        handle = f"t{str(case.trainee_id)[-12:]}"
        visit = await Visit.begin(app, office, Role.TRAINEE, clients, handle=handle, person_id=case.trainee_id)
        await visit.get("/my")
        assert visit.page.has("button", name="form", value="pdf"), "the tests' environment has the extra"
        monkeypatch.setitem(sys.modules, "typst", None)
        await visit.get("/my")
        assert not visit.page.has("button", name="form", value="pdf")
        assert visit.page.has("button", name="form", value="json")
        # A page that was opened before still has the button.
        answer = await visit.send("/my/copies", form="pdf")
        assert answer.status_code == 501
        assert "retry-after" not in answer.headers
        assert "Take the copy for a computer" in visit.page.words
        assert "out of reach" not in visit.page.words
    refused = await trainee.post(f"/people/{case.trainee_id}/copies", {"form": "pdf"})
    assert (refused.status_code, refused.json()["code"]) == (501, "pdf-not-installed")
    assert (await trainee.get(f"/people/{case.trainee_id}/rights")).json()["copies"] == 0, "nothing was handed out"
