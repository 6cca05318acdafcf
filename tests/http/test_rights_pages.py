"""The pages on a person's rights: restriction, objection and legal hold by forms without script, and what a case then says."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from fastapi import FastAPI

from domain.vocabulary import Role
from tests.http.browsing import Visit
from tests.http.front_door import Office, OpenCase

pytestmark = pytest.mark.anyio


@pytest.fixture
async def clients() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def test_a_restriction_and_an_objection_are_recorded_by_staff_and_ended_by_a_coordinator(
    app: FastAPI, office: Office, clients: AsyncExitStack
) -> None:
    case = await OpenCase.begin(office)
    caseworker = await Visit.begin(app, office, Role.CASEWORKER, clients)
    coordinator = await Visit.begin(app, office, Role.COORDINATOR, clients)
    rights, page = f"/people/{case.trainee_id}/rights", f"/cases/{case.mentorship_id}"
    await caseworker.get(f"{page}?position={case.position}")
    assert rights in caseworker.page.links()
    assert "restricted" not in caseworker.page.words

    await caseworker.get(rights)
    for others in ("Lift the restriction", "Place a legal hold"):
        assert others not in caseworker.page.words, "this is not theirs to do"
    nothing_said = await caseworker.send(rights, step="restrict")
    assert nothing_said.status_code == 422
    assert "Choose the ground." in caseworker.page.words
    await caseworker.follow(
        await caseworker.send(
            rights, step="restrict", restriction_ground="accuracy-contested", restriction_note="Says so"
        )
    )
    assert "the use of their data is restricted from now on" in caseworker.page.words
    assert not caseworker.page.has("select", id="restriction_ground")
    # Reading a case waits for nothing; the page before did.
    await caseworker.get(page)
    assert "The use of this trainee's data is restricted since" in caseworker.page.words
    assert f"{page}/sessions" not in caseworker.page.links(), "it would be refused"

    await caseworker.get(rights)
    await caseworker.follow(await caseworker.send(rights, step="object", interest="statistics"))
    assert "Objection to statistics" in caseworker.page.words
    assert not caseworker.page.has("button", name="outcome")

    await coordinator.get(rights)
    early = await coordinator.send(rights, step="lift", told_on="2199-01-01")
    assert (early.status_code, "Tell the person before" in coordinator.page.words) == (422, True)
    assert coordinator.page.has("input", id="told_on", value="2199-01-01"), "what was typed is still there"
    await coordinator.follow(await coordinator.send(rights, step="lift", told_on="2025-03-01"))
    assert "their data may be used again" in coordinator.page.words
    assert coordinator.page.has("button", name="outcome", value="upheld")
    await coordinator.follow(await coordinator.send(rights, step="decide-objection", outcome="upheld"))
    assert "what was decided on the objection" in coordinator.page.words
    assert not coordinator.page.has("button", name="outcome")
    await caseworker.get(page)
    assert "is restricted since" not in caseworker.page.words


async def test_a_legal_hold_is_placed_and_released_and_an_erased_trainees_case_says_so(
    app: FastAPI, office: Office, clients: AsyncExitStack
) -> None:
    case = await OpenCase.begin(office)
    caseworker = await Visit.begin(app, office, Role.CASEWORKER, clients)
    coordinator = await Visit.begin(app, office, Role.COORDINATOR, clients)
    rights = f"/people/{case.trainee_id}/rights"
    await coordinator.get(rights)
    await coordinator.follow(await coordinator.send(rights, step="hold", hold_ground="audit", review_on="2030-01-01"))
    assert "Nothing of them is erased until it is released" in coordinator.page.words
    refused = await caseworker.client.get(rights)
    assert 'value="release"' not in refused.text
    await caseworker.get(rights)
    denied = await caseworker.send(rights, step="release", hold="0" * 32)
    assert denied.status_code == 403
    unnamed = await coordinator.send(rights, step="release", hold="none")
    assert unnamed.status_code == 422
    await coordinator.get(rights)
    await coordinator.follow(await coordinator.send(rights, step="release"))
    assert "the legal hold is released" in coordinator.page.words

    await caseworker.get(rights)
    asked = {"asked_by": "person", "asked_how": "in-person", "ground": "consent-withdrawn"}
    await caseworker.follow(await caseworker.send(rights, step="request", **asked))
    await coordinator.get(rights)
    await coordinator.follow(await coordinator.send(rights, step="approve", sure="yes"))
    assert "Receipt of an erasure" in coordinator.page.words
    assert not coordinator.page.has("form", action=rights), "nothing is left to be recorded"
    await caseworker.get(f"/cases/{case.mentorship_id}")
    assert "This trainee was erased on" in caseworker.page.words


async def test_somebody_asks_to_be_erased_only_once_they_know_what_it_means(
    app: FastAPI, office: Office, clients: AsyncExitStack
) -> None:
    case = await OpenCase.begin(office)
    handle = f"t{str(case.trainee_id)[-12:]}"
    trainee = await Visit.begin(app, office, Role.TRAINEE, clients, handle=handle, person_id=case.trainee_id)
    coordinator = await office.coordinator()
    rights = f"/people/{case.trainee_id}/rights"
    await trainee.get("/my")
    assert "/my/erasure" in trainee.page.links()
    assert not trainee.page.has("form", action="/my/erasure"), "one tap is too few"
    await trainee.get("/my/erasure")
    without = await trainee.send("/my/erasure")
    assert without.status_code == 422
    assert "Tick that you know that nobody can undo this. Nothing was asked for." in trainee.page.words
    assert (await coordinator.get(rights)).json()["erasure"] == "none"

    await trainee.follow(await trainee.send("/my/erasure", sure="yes"))
    assert "You asked on" in trainee.page.words
    assert "/my/erasure" not in trainee.page.links()
    assert (await coordinator.get(rights)).json()["erasure"] == "requested"
    await trainee.get("/my/erasure")
    again = await trainee.send("/my/erasure", sure="yes")
    assert (again.status_code, again.headers["location"]) == (303, "/my")
