"""Who looked at whose data: answered to the person, and to whoever supervises it."""

from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI

from domain.vocabulary import Role
from tests.http.browsing import Visit
from tests.http.front_door import Office, OpenCase, consent
from tests.http.operations import Filled
from tests.installations import BERLIN

pytestmark = pytest.mark.anyio


async def looked_at(office: Office) -> OpenCase:
    """A case that its caseworker opened, and that another one was refused."""
    case = await OpenCase.begin(office)
    caseworker = await office.caseworker()
    await Filled.fill(case, caseworker)
    for path in (case.path, f"{case.path}/goals", "/dashboard", "/dashboard"):
        assert (await caseworker.get(path)).status_code == 200
    other = await office.member(Role.CASEWORKER, "other-caseworker")
    assert (await other.get(case.path)).status_code == 404
    return case


async def test_a_trainee_sees_who_looked_and_why(office: Office) -> None:
    case = await looked_at(office)
    trainee = await case.trainee()
    answer = await trainee.get(f"/people/{case.trainee_id}/accesses")
    entries = answer.json()["entries"]
    assert [(one["member_handle"], one["role"], one["read"]) for one in entries] == [
        ("caseworker", "caseworker", "GET /api/v1/dashboard"),
        ("caseworker", "caseworker", "GET /api/v1/dashboard"),
        ("caseworker", "caseworker", "GET /api/v1/mentorships/{mentorship_id}/goals"),
        ("caseworker", "caseworker", "GET /api/v1/mentorships/{mentorship_id}"),
    ]
    assert {(one["purpose"], one["legal_basis"], one["outcome"]) for one in entries} == {
        ("mentoring", "consent", "shown")
    }
    assert all(one["consent_version"] for one in entries)
    again = (await trainee.get(f"/people/{case.trainee_id}/accesses", limit=1)).json()
    assert again["entries"][0]["member_handle"] != "caseworker", "that they looked themselves is in it, too"
    assert (await trainee.get(f"/people/{case.mentor_id}/accesses")).status_code == 404


async def test_supervisors_also_see_who_was_refused(office: Office) -> None:
    case = await looked_at(office)
    for role in (Role.COORDINATOR, Role.AUDITOR):
        by = await office.member(role)
        found = (await by.get("/accesses", outcome="denied", person_id=case.trainee_id)).json()["entries"]
        assert [(one["member_handle"], one["refusal"], one["person_id"]) for one in found] == [
            ("other-caseworker", "not-found", str(case.trainee_id))
        ]
        of_person = (await by.get(f"/people/{case.trainee_id}/accesses", limit=200)).json()["entries"]
        assert {one["outcome"] for one in of_person} == {"shown", "denied"}
        unknown = await by.get("/people/0192f000-0000-7000-8000-00000000dead/accesses")
        assert unknown.status_code == 404
    for role in (Role.CASEWORKER, Role.FUNDER, Role.ADMINISTRATOR):
        assert (await (await office.member(role)).get("/accesses")).status_code == 403


async def test_an_auditor_asks_by_person_member_and_period_page_by_page(office: Office) -> None:
    case = await looked_at(office)
    auditor = await office.member(Role.AUDITOR)
    caseworker = await office.caseworker()
    today = datetime.now(BERLIN).date()
    asked: dict[str, Any] = {"person_id": case.trainee_id, "member_id": caseworker.member_id}
    everything = (await auditor.get("/accesses", **asked)).json()["entries"]
    assert len(everything) == 4
    for period, count in (
        ({"since": today, "until": today}, 4),
        ({"until": today - timedelta(days=1)}, 0),
        ({"since": today + timedelta(days=1)}, 0),
    ):
        assert len((await auditor.get("/accesses", **asked, **period)).json()["entries"]) == count
    page, seen = (await auditor.get("/accesses", **asked, limit=3)).json(), []
    while True:
        seen += page["entries"]
        if page["next"] is None:
            break
        page = (await auditor.get("/accesses", **asked, limit=3, cursor=page["next"])).json()
    assert seen == everything
    reversed_ = await auditor.get("/accesses", since=today, until=today - timedelta(days=1))
    assert reversed_.json()["code"] == "period-reversed"


async def test_another_organisations_log_is_not_seen(office: Office, neighbour: Office) -> None:
    case = await looked_at(office)
    stranger = await neighbour.member(Role.AUDITOR)
    assert (await stranger.get("/accesses")).json()["entries"] == []
    assert (await stranger.get(f"/people/{case.trainee_id}/accesses")).status_code == 404


async def test_the_trainees_page_says_it_in_plain_words(app: FastAPI, office: Office) -> None:
    case = await looked_at(office)
    caseworker = await office.caseworker()
    withdrawn = await caseworker.post(f"{case.path}/consents", consent("mentoring", "withdrawn", "2025-03-01"))
    assert withdrawn.status_code == 201
    await caseworker.get(f"{case.path}/sessions")
    async with AsyncExitStack() as clients:
        handle = f"t{str(case.trainee_id)[-12:]}"
        visit = await Visit.begin(app, office, Role.TRAINEE, clients, handle=handle, person_id=case.trainee_id)
        assert (await visit.get("/my")).status_code == 200
        assert "/my/accesses" in visit.page.links()
        assert (await visit.get("/my/accesses")).status_code == 200
        words = " ".join(visit.page.words.split())
        assert "A caseworker (caseworker) opened the overview of their cases 2 times" in words
        assert "Saw your name, your appointments, your mentorship; for mentoring." in words
        assert "you agreed" in words
        assert "A caseworker (caseworker) opened the meetings with your mentor" in words
        assert "no consent then" in words
        assert "other-caseworker" not in words
        assert str(case.trainee_id) not in words
        staff = await Visit.begin(app, office, Role.CASEWORKER, clients)
        assert (await staff.get("/my/accesses")).status_code == 403
