"""A person's rights through the front door: erased by two, restricted, objecting; and what everybody else then reads."""

from datetime import date
from typing import Any

import pytest
from fastapi import FastAPI

from adapters.erasure.inventory import INVENTORY
from adapters.postgres.known_at import last_position, lives_at
from adapters.wiring import Installation
from domain.vocabulary import Role
from projections.indicators.catalogue import CATALOGUE
from projections.indicators.counting import count
from projections.indicators.life import Question
from tests.http.front_door import Asker, Office, OpenCase
from tests.http.operations import OPERATIONS, Filled
from tests.installations import caller

pytestmark = pytest.mark.anyio

ASKED = {"asked_how": "in-person", "ground": "consent-withdrawn", "note": "Said so at the door"}
NAME, GOAL, SAID_BY_MENTOR = "Parwana Invented", "Read the ward round aloud", "Speaks up by now"


async def filled(office: Office) -> tuple[OpenCase, Filled]:
    case = await OpenCase.begin(office)
    by = await office.caseworker()
    everything = await Filled.fill(case, by)
    goal = await by.post(f"{case.path}/goals", {"kind": "skills", "description": GOAL})
    held = await by.post(
        f"{case.path}/sessions",
        {"minutes": 30, "medium": "phone", "summary": "Canary summary", "mentor_feedback": SAID_BY_MENTOR},
    )
    assert (goal.status_code, held.status_code) == (201, 201)
    return case, everything


async def erase(case: OpenCase) -> Any:
    office = case.office
    caseworker, coordinator = await office.caseworker(), await office.coordinator()
    person = f"/people/{case.trainee_id}"
    holds = (await coordinator.get(f"{person}/rights")).json()["holds"]
    for hold in holds:
        assert (await coordinator.post(f"{person}/holds/{hold['hold_id']}/release")).status_code == 201
    assert (await caseworker.post(f"{person}/erasure-request", ASKED)).status_code == 201
    answer = await coordinator.post(f"{person}/erasure-approval", idempotency_key="approve")
    assert answer.status_code == 201, answer.text
    again = await coordinator.post(f"{person}/erasure-approval", idempotency_key="approve")
    assert (again.status_code, again.headers["idempotent-replayed"]) == (201, "true")
    caseworker.last = coordinator.last
    return (await coordinator.get(f"{person}/rights")).json()


async def test_an_erased_trainee_is_read_by_nobody_and_their_mentor_still_is(office: Office, app: FastAPI) -> None:
    case, everything = await filled(office)
    rights = await erase(case)
    assert rights["erasure"] == "erased"
    assert {one["store"] for one in rights["receipt"]["stores"]} == {one.name for one in INVENTORY}
    assert NAME not in str(rights)

    caseworker = await office.caseworker()
    auditor, coordinator = await office.member(Role.AUDITOR), await office.coordinator()
    for by in (caseworker, coordinator, auditor):
        by.last = caseworker.last
        for name, operation in OPERATIONS.items():
            if operation.method == "GET" and by in (caseworker, coordinator):
                waits = {} if name == "read_evidence" else {"min_position": by.last}
                answer = await by.client.get(operation.path.format(**everything.ids), params=waits)
                assert answer.status_code in (200, 403), (name, answer.text)
                for gone in (NAME, GOAL, "Canary summary"):
                    assert gone not in answer.text, name
    view = (await caseworker.get(case.path)).json()
    assert (view["trainee_name"], view["mentor_name"]) == (None, "Marek Erfunden")
    assert view["trainee_erased_on"] is not None
    person = (await caseworker.get(f"/people/{case.trainee_id}")).json()
    assert person["details"] is None
    assert person["erased_on"] is not None
    told = (await caseworker.get(f"{case.path}/timeline")).json()["entries"]
    session = next(entry for entry in told if entry["fields"].get("mentor_feedback"))
    assert session["fields"]["mentor_feedback"] == SAID_BY_MENTOR
    assert "summary" in session["erased"]
    assert (await coordinator.post("/search", {"q": "parwana"})).json()["people"] == []

    refused = await caseworker.post(f"{case.path}/sessions", {"minutes": 30, "medium": "phone"})
    assert (refused.status_code, refused.json()["code"]) == (409, "person-erased")
    assert (await caseworker.change(f"{case.path}/closing", {"reason": "other"})).status_code == 201


async def test_erasing_takes_two_and_waits_for_holds_and_duties(office: Office) -> None:
    case, _ = await filled(office)
    caseworker, coordinator = await office.caseworker(), await office.coordinator()
    other = await office.member(Role.COORDINATOR, "other-coordinator")
    person = f"/people/{case.trainee_id}"

    async def approve(by: Asker) -> tuple[str, str]:
        answer = await by.post(f"{person}/erasure-approval")
        assert answer.status_code == 409, answer.text
        return answer.json()["code"], answer.json()["detail"]

    assert (await approve(coordinator))[0] == "no-erasure-requested"
    assert (await coordinator.post(f"{person}/erasure-request", ASKED)).status_code == 201
    assert (await approve(coordinator))[0] == "second-person-needed"
    assert (await approve(other))[0] == "legal-hold"
    [hold] = (await coordinator.get(f"{person}/rights")).json()["holds"]
    assert (await coordinator.post(f"{person}/holds/{hold['hold_id']}/release")).status_code == 201
    paid = {"funder": "eu-funds", "last_payment_on": "2025-05-01"}
    assert (await caseworker.post(f"{person}/funding", paid)).status_code == 201
    code, said = await approve(other)
    assert code == "retention-holds"
    assert "Funds of the European Union" in said
    assert "2030-12-31" in said
    kept = {one["rule"]: one for one in (await coordinator.get(f"{person}/rights")).json()["kept"]}
    assert (kept["eu-funds"]["until"], kept["participants"]["until"]) == ("2030-12-31", None)
    refused = await other.post(f"{person}/erasure-refusal", {"reason": "retention-duty"})
    assert refused.status_code == 201
    assert (await coordinator.get(f"{person}/rights")).json()["erasure"] == "none"
    assert (await caseworker.get(f"/people/{case.trainee_id}")).json()["details"]["full_name"] == NAME


async def test_while_restricted_nothing_is_recorded_and_views_say_so(office: Office) -> None:
    case, _ = await filled(office)
    caseworker, coordinator = await office.caseworker(), await office.coordinator()
    person = f"/people/{case.trainee_id}"
    assert (await caseworker.post(f"{person}/restriction", {"ground": "accuracy-contested"})).status_code == 201
    refused = await caseworker.post(f"{case.path}/sessions", {"minutes": 30, "medium": "phone"})
    assert (refused.status_code, refused.json()["code"]) == (409, "processing-restricted")
    withdrawn = {"state": "withdrawn", "purpose": "accompaniment"}
    assert (await caseworker.post(f"{case.path}/consents", withdrawn)).status_code == 201
    assert (await caseworker.get(person)).json()["restricted_on"] is not None
    assert (await caseworker.get(case.path)).json()["trainee_restricted_on"] is not None
    at_work = (await coordinator.get("/rights", min_position=caseworker.last)).json()["people"]
    assert [one["person_id"] for one in at_work if one["restricted_on"]] == [str(case.trainee_id)]
    lifted = {"person_told_on": "2025-03-01"}
    assert (await coordinator.post(f"{person}/restriction-lifting", lifted)).status_code == 201
    assert (await caseworker.post(f"{case.path}/sessions", {"minutes": 30, "medium": "phone"})).status_code == 201


async def test_a_trainee_asks_for_themselves_and_sees_how_it_stands(office: Office) -> None:
    case, _ = await filled(office)
    trainee = await case.trainee()
    person = f"/people/{case.trainee_id}"
    assert (await trainee.post(f"{person}/erasure-request", {**ASKED, "asked_by": "organisation"})).status_code == 201
    assert (await trainee.post(f"{person}/objections", {"interest": "case-administration"})).status_code == 201
    stands = (await trainee.get(f"{person}/rights")).json()
    assert stands["erasure"] == "requested"
    assert {one["interest"] for one in stands["objections"]} == {"statistics", "case-administration"}
    assert (await trainee.get(f"/people/{case.mentor_id}/rights")).status_code == 404
    pause = await (await office.caseworker()).change(f"{case.path}/pause", {})
    assert (pause.status_code, pause.json()["code"]) == (409, "objection-stands")


async def test_who_objects_to_being_counted_is_in_no_figure_from_then_on(house: Installation, office: Office) -> None:
    case = await OpenCase.begin(office, purposes=("mentoring", "funder-reporting"))
    caseworker, coordinator = await office.caseworker(), await office.coordinator()
    person = f"/people/{case.trainee_id}"
    held = {"minutes": 30, "medium": "phone", "occurred_on": "2025-02-01"}
    assert (await caseworker.post(f"{case.path}/sessions", held)).status_code == 201
    by = caller(office.organisation_id)

    async def counted() -> tuple[int, int]:
        """In the summary of the day, and in a report that is prepared now."""
        coordinator.last = max(coordinator.last, caseworker.last)
        summary = (await coordinator.get("/reports/summary", since="2025-01-01", until="2025-03-31")).json()
        question = Question(date(2025, 1, 1), date(2025, 3, 31), await last_position(house.dsn), by.today)
        lives = await lives_at(house.dsn, house.record, house.accesses, by, question)
        return summary["persons_served"], count(CATALOGUE, lives, question).tables.values["served@1"]

    async def objected() -> str:
        answer = await caseworker.post(f"{person}/objections", {"interest": "statistics"})
        assert answer.status_code == 201, answer.text
        return f"{person}/objections/{answer.json()['id']}/decision"

    assert await counted() == (1, 1)
    decision = await objected()
    assert await counted() == (0, 0), "it stands from the moment it is raised"
    assert (await coordinator.post(decision, {"outcome": "overridden"})).status_code == 201
    assert await counted() == (1, 1)
    assert (await caseworker.post(f"{person}/objections", {"interest": "case-administration"})).status_code == 201
    assert await counted() == (1, 1), "this one is to something else"
    assert (await caseworker.post(f"{person}/restriction", {"ground": "unlawful"})).status_code == 201
    assert await counted() == (0, 0)
    assert (
        await coordinator.post(f"{person}/restriction-lifting", {"person_told_on": "2025-03-01"})
    ).status_code == 201
    assert await counted() == (1, 1)
    decision = await objected()
    assert (await coordinator.post(decision, {"outcome": "upheld"})).status_code == 201
    assert await counted() == (0, 0), "for good"
