"""Every command through the front door: what it answers, and what can be read afterwards."""

from typing import Any

import httpx
import pytest

from domain.vocabulary import Role
from tests.http.front_door import Asker, Office, OpenCase, consent, registered

pytestmark = pytest.mark.anyio


def recorded(answer: httpx.Response) -> dict[str, Any]:
    """The body of a fact's answer, after a look at what all of them have."""
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    assert set(body) == {"id", "version", "position"}
    assert answer.headers["accompany-position"] == str(body["position"])
    assert answer.headers["location"].startswith("/api/v1/")
    return body


async def followed(by: Asker, answer: httpx.Response) -> Any:
    """What stands at the answer's Location."""
    found = await by.get(answer.headers["location"].removeprefix("/api/v1"))
    assert found.status_code == 200, found.text
    return found.json()


async def test_a_person_is_registered_and_put_right(office: Office) -> None:
    by = await office.caseworker()
    answer = await by.post(
        "/people",
        {
            "role": "trainee",
            "full_name": "Parwana Invented",
            "born_on": "1994-06-21",
            "languages": [{"language": "fa-AF", "level": "C2"}, {"language": "de"}],
            "phone": "+49 30 0000000",
        },
    )
    person = recorded(answer)
    path = f"/people/{person['id']}"
    etag = await by.etag(path)
    changed = await by.patch(path, {"phone": "", "born_on": None}, if_match=etag)
    assert changed.status_code == 200, changed.text
    assert changed.json()["version"] == 2
    found = (await by.get(path)).json()
    assert found["details"]["full_name"] == "Parwana Invented"
    assert found["details"]["languages"] == [
        {"language": "fa-AF", "level": "C2"},
        {"language": "de", "level": None},
    ]
    assert found["details"]["phone"] == ""
    assert found["details"]["born_on"] is None
    assert [p["person_id"] for p in (await by.get("/people")).json()["people"]] == [person["id"]]


async def test_a_mentorship_is_started_paused_resumed_and_closed(office: Office) -> None:
    by = await office.caseworker()
    case = await OpenCase.begin(office)
    found = (await by.get(case.path)).json()
    assert (found["trainee_name"], found["mentor_name"]) == ("Parwana Invented", "Marek Erfunden")
    recorded(await by.change(f"{case.path}/pause", {"reason": "Family abroad"}))
    assert (await by.get(case.path)).json()["paused_on"]
    recorded(await by.change(f"{case.path}/resumption"))
    answer = await by.change(f"{case.path}/closing", {"reason": "goals-reached"})
    assert (await followed(by, answer))["end_reason"] == "goals-reached"
    assert [m["mentorship_id"] for m in (await by.get("/mentorships")).json()["mentorships"]] == [
        str(case.mentorship_id)
    ]


async def test_a_case_that_was_handed_over_is_seen_by_the_one_who_has_it_now(office: Office) -> None:
    by = await office.caseworker()
    other = await office.member(Role.CASEWORKER, "other-caseworker")
    case = await OpenCase.begin(office)
    recorded(await by.change(f"{case.path}/handover", {"to_caseworker_id": str(other.member_id)}))
    assert (await by.get(case.path)).status_code == 404
    assert (await other.get(case.path)).status_code == 200
    assert (await by.post(f"{case.path}/goals", {"kind": "language", "description": "B2"})).status_code == 404


async def test_a_consent_is_asked_given_renewed_and_withdrawn(office: Office) -> None:
    by = await office.caseworker()
    case = await OpenCase.begin(office, purposes=())
    for state, day in (("requested", "2025-01-11"), ("given", "2025-01-12"), ("renewed", "2025-02-01")):
        recorded(await by.post(f"{case.path}/consents", consent("research", state, day)))
    withdrawn = await by.post(
        f"{case.path}/consents", {"state": "withdrawn", "purpose": "research", "occurred_on": "2025-03-01"}
    )
    assert (await followed(by, withdrawn))["topic"] == "consent-withdrawn"
    [stands] = (await by.get(f"{case.path}/consents")).json()["consents"]
    assert (stands["purpose"], stands["status"]) == ("research", "withdrawn")


async def test_a_goal_is_set_revised_and_reached(office: Office) -> None:
    by = await office.caseworker()
    case = await OpenCase.begin(office)
    answer = await by.post(
        f"{case.path}/goals", {"kind": "language", "description": "B2 for nurses", "occurred_on": "2025-02-01"}
    )
    goal = recorded(answer)
    assert (await followed(by, answer))["description"] == "B2 for nurses"
    session = recorded(
        await by.post(f"{case.path}/sessions", {"minutes": 60, "medium": "video", "occurred_on": "2025-02-02"})
    )
    path = f"{case.path}/goals/{goal['id']}"
    revision = {"description": "B1 first", "session_id": session["id"], "occurred_on": "2025-02-02"}
    recorded(await by.change(f"{path}/revisions", revision))
    recorded(await by.change(f"{path}/conclusion", {"result": "reached", "occurred_on": "2025-05-01"}))
    assert (await by.get(path)).json()["status"] == "reached"
    [found] = (await by.get(f"{case.path}/goals")).json()["goals"]
    assert found["description"] == "B1 first"
    dropped = await by.post(f"{case.path}/goals", {"kind": "skills", "description": "Forklift licence"})
    gone = await by.change(f"{case.path}/goals/{dropped.json()['id']}/conclusion", {"result": "dropped"})
    assert (await followed(by, gone))["status"] == "dropped"


async def test_a_session_is_held(office: Office) -> None:
    by = await office.caseworker()
    case = await OpenCase.begin(office)
    answer = await by.post(
        f"{case.path}/sessions",
        {
            "minutes": 45,
            "medium": "in-person",
            "summary": "Letter of application",
            "occurred_at": "2025-02-03T17:00:00+01:00",
        },
    )
    session = recorded(answer)
    assert (await followed(by, answer))["fields"]["session_id"] == session["id"]
    [found] = (await by.get(f"{case.path}/sessions")).json()["entries"]
    assert (found["fields"]["minutes"], found["occurred_on"]) == (45, "2025-02-03")


async def booked(by: Asker, case: OpenCase) -> str:
    answer = await by.post(
        f"{case.path}/appointments",
        {
            "type": "job-centre",
            "starts_at": "2025-03-10T08:15:00+01:00",
            "office": "Room 214",
            "papers_needed": ["passport"],
            "occurred_on": "2025-02-20",
        },
    )
    assert (await followed(by, answer))["office"] == "Room 214"
    return f"{case.path}/appointments/{recorded(answer)['id']}"


async def test_an_appointment_is_booked_moved_and_accompanied_and_its_next_step_done(office: Office) -> None:
    by = await office.caseworker()
    case = await OpenCase.begin(office)
    path = await booked(by, case)
    moved = {"starts_at": "2025-03-11T08:15:00+01:00", "occurred_on": "2025-02-21"}
    recorded(await by.change(f"{path}/move", moved))
    answer = await by.post(
        f"{path}/accompaniment",
        {
            "outcome": "granted",
            "arrived_at": "2025-03-11T08:00:00+01:00",
            "seen_at": "2025-03-11T09:30:00+01:00",
            "left_at": "2025-03-11T10:00:00+01:00",
            "next_step": "Hand in the tenancy agreement",
            "deadline": "2025-03-24",
            "debriefed": True,
            "occurred_on": "2025-03-11",
        },
    )
    recorded(answer)
    found = await followed(by, answer)
    assert (found["status"], found["outcome"], found["companion_id"]) == ("accompanied", "granted", str(by.member_id))
    assert found["next_step_open"]
    [step] = (await by.get(f"{case.path}/appointments")).json()["next_steps"]
    assert step["due_on"] == "2025-03-24"
    recorded(await by.post(f"{path}/next-step-completion", {"occurred_on": "2025-03-20"}))
    assert (await by.get(f"{case.path}/appointments")).json()["next_steps"] == []


@pytest.mark.parametrize(
    ("what", "body", "status"),
    [
        ("miss", {"occurred_on": "2025-03-10"}, "missed"),
        ("conclusion", {"outcome": "information-only", "occurred_on": "2025-03-10"}, "concluded"),
    ],
)
async def test_an_appointment_ends_without_a_companion(
    office: Office, what: str, body: dict[str, Any], status: str
) -> None:
    by = await office.caseworker()
    case = await OpenCase.begin(office)
    path = await booked(by, case)
    answer = await by.post(f"{path}/{what}", body)
    recorded(answer)
    assert (await followed(by, answer))["status"] == status


async def test_an_appointment_is_cancelled(office: Office) -> None:
    by = await office.caseworker()
    case = await OpenCase.begin(office)
    path = await booked(by, case)
    recorded(await by.change(f"{path}/cancellation", {"reason": "The office is closed"}))
    assert (await by.get(path)).json()["status"] == "cancelled"


async def test_a_credential_path_is_opened_walked_decided_and_appealed(office: Office) -> None:
    by = await office.caseworker()
    case = await OpenCase.begin(office)
    answer = await by.post(
        f"{case.path}/credentials", {"country": "DEU", "profession": "nurse", "occurred_on": "2025-02-01"}
    )
    path = f"{case.path}/credentials/{recorded(answer)['id']}"
    assert (await followed(by, answer))["template"] == "deu-general"
    recorded(await by.post(f"{path}/steps", {"stage": "counselling", "occurred_on": "2025-02-02"}))
    decision = {"result": "partial", "objection_until": "2025-07-01", "occurred_on": "2025-06-01"}
    recorded(await by.post(f"{path}/decision", decision))
    recorded(await by.post(f"{path}/appeal", {"ground": "Practice was left out", "occurred_on": "2025-06-10"}))
    found = (await by.get(path)).json()
    assert (found["result"], found["appealed_on"]) == ("partial", "2025-06-10")
    assert len((await by.get(f"{case.path}/credentials")).json()["credentials"]) == 1


async def test_an_outcome_is_found_at_a_follow_up(office: Office) -> None:
    by = await office.caseworker()
    case = await OpenCase.begin(office)
    answer = await by.post(
        f"{case.path}/outcomes",
        {"status": "employed", "hourly_wage": "17.20", "currency": "EUR", "hours_per_week": 38.5, "verified": True},
    )
    recorded(answer)
    [found] = (await by.get(f"{case.path}/outcomes")).json()["entries"]
    assert found["fields"]["hourly_wage"] == "17.20"
    assert found["fields"]["hours_per_week"] == "38.5"


async def test_an_entry_is_put_right_and_taken_back(office: Office) -> None:
    by = await office.caseworker()
    case = await OpenCase.begin(office)
    held = recorded(
        await by.post(f"{case.path}/sessions", {"minutes": 60, "medium": "phone", "occurred_on": "2025-02-03"})
    )
    correction = {"corrects": held["version"], "changes": {"minutes": 90}, "reason": "It was longer"}
    answer = await by.post(f"{case.path}/corrections", correction)
    assert (await followed(by, answer))["corrects"] == held["version"]
    path = f"{case.path}/timeline/{held['version']}"
    assert (await by.get(path)).json()["fields"]["minutes"] == 90
    retraction = recorded(
        await by.post(f"{case.path}/corrections", {"corrects": held["version"], "reason": "It was another case"})
    )
    assert (await by.get(path)).json()["retracted_by"] == retraction["version"]


async def test_a_person_is_found_by_a_part_of_their_name(office: Office) -> None:
    by = await office.caseworker()
    person = await registered(by, "trainee", "Zarghona Invented")
    answer = await by.client.post("/search", json={"q": "zargh"}, params={"min_position": by.last})
    assert answer.status_code == 200, answer.text
    assert [found["person_id"] for found in answer.json()["people"]] == [person]


async def test_the_dashboard_the_trail_and_the_summary_know_what_was_recorded(office: Office) -> None:
    by = await office.caseworker()
    case = await OpenCase.begin(office)
    recorded(await by.post(f"{case.path}/sessions", {"minutes": 60, "medium": "phone", "occurred_on": "2025-02-03"}))
    dashboard = (await by.get("/dashboard")).json()
    assert [line["mentorship_id"] for line in dashboard["cases"]] == [str(case.mentorship_id)]
    trail = (await by.get(f"{case.path}/consent-trail")).json()
    assert (trail["totals"]["decisions"], trail["totals"]["acts"], trail["totals"]["gaps"]) == (3, 1, 0)
    coordinator = await office.coordinator()
    summary = (await coordinator.get("/reports/summary", since="2025-01-01", until="2025-12-31")).json()
    assert (summary["persons_served"], summary["sessions_held"]) == (1, 1)


async def test_a_fact_without_consent_is_refused_and_says_so(office: Office) -> None:
    by = await office.caseworker()
    case = await OpenCase.begin(office, purposes=("mentoring",))
    path = await booked(by, case)
    answer = await by.post(f"{path}/accompaniment", {"outcome": "granted", "occurred_on": "2025-03-10"})
    assert answer.status_code == 409
    assert answer.json()["code"] == "consent-missing"
    recorded(await by.post(f"{case.path}/consents", consent("accompaniment")))
    recorded(await by.post(f"{path}/accompaniment", {"outcome": "granted", "occurred_on": "2025-03-10"}))
