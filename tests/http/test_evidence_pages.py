"""The auditor's way: find a case by its number, see the trail, verify it, ask for the evidence, take it home."""

from contextlib import AsyncExitStack

import pytest
from fastapi import FastAPI

from adapters.wiring import Installation
from audit.verifier import accompany_verify as verifier
from domain.vocabulary import Role
from tests.http.browsing import Visit
from tests.http.front_door import Office, OpenCase, registered

pytestmark = pytest.mark.anyio


async def test_an_auditor_finds_verifies_and_takes_a_case_home(
    house: Installation, office: Office, app: FastAPI
) -> None:
    case = await OpenCase.begin(office)
    trail = f"/consent-trail/{case.mentorship_id}"
    async with AsyncExitStack() as clients:
        visit = await Visit.begin(app, office, Role.AUDITOR, clients)
        await visit.get("/consent-trail")
        shown = str(case.mentorship_id)[-8:].upper()
        by_short_id = await visit.send("/consent-trail/find", reference=shown)
        found = await visit.send("/consent-trail/find", reference=str(case.mentorship_id))
        assert by_short_id.headers["location"] == found.headers["location"]
        assert found.headers["location"] == trail
        await visit.follow(found)
        assert f"{trail}/verification" in visit.page.links()

        assert (await visit.get(f"{trail}/verification")).status_code == 200
        assert "Every entry of this case stands in the log as it was recorded." in visit.page.words
        assert "What this does not prove" in visit.page.words
        assert not visit.page.has("script")

        await visit.get(f"{trail}/evidence")
        refused = await visit.send(f"{trail}/evidence", reason="")
        assert refused.status_code == 422
        assert "Choose why you ask." in visit.page.words
        sent = await visit.send(f"{trail}/evidence", reason_code="complaint", reason="File 7")
        again = await visit.client.get(sent.headers["location"])
        assert again.status_code == 200
        await visit.get(sent.headers["location"])
        [download] = [link for link in visit.page.links() if link.endswith("/bundle")]
        answer = await visit.client.get(download)
        assert answer.headers["cache-control"] == "no-store"
        key = verifier.read_key(str(house.keeping.key.verifier_key("events")), "key")
        bundle = verifier.Bundle(verifier.read_archive(memoryview(answer.content)), verifier.Trust(keys=[key]))
        assert [check for check in bundle.run() if check.failures] == []


async def test_a_case_is_found_by_its_number_and_never_by_a_name(
    house: Installation, office: Office, app: FastAPI
) -> None:
    by = await office.caseworker()
    trainee, mentor = await registered(by, "trainee", "Findling Invented"), await registered(by, "mentor", "Marek Two")
    body = {"trainee_id": trainee, "mentor_id": mentor, "track": "other", "occurred_on": "2025-01-10"}
    started = await by.post("/mentorships", {**body, "reference": "MX-77120"})
    assert started.status_code == 201, started.text
    waited = await by.client.post("/search", json={"q": "MX-77120"}, params={"min_position": by.last})
    assert waited.json()["people"], "the index has it"
    async with AsyncExitStack() as clients:
        visit = await Visit.begin(app, office, Role.AUDITOR, clients)
        await visit.get("/consent-trail")
        found = await visit.send("/consent-trail/find", reference="mx-77120")
        assert found.headers["location"] == f"/consent-trail/{started.json()['id']}"
        by_name = await visit.send("/consent-trail/find", reference="Findling")
        assert by_name.status_code == 200
        assert "No case is found" in visit.page.words
        assert "Findling Invented" not in by_name.text


async def test_roles_that_may_not_take_evidence_are_told_so(office: Office, app: FastAPI) -> None:
    case = await OpenCase.begin(office)
    async with AsyncExitStack() as clients:
        visit = await Visit.begin(app, office, Role.CASEWORKER, clients)
        for page in ("verification", "evidence"):
            assert (await visit.get(f"/consent-trail/{case.mentorship_id}/{page}")).status_code == 403
