"""The pages, through the front door: who sees what, and what becomes of a form."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest
from fastapi import FastAPI

from adapters.http.pages.page import PLACES
from adapters.identity.members import issue
from domain.vocabulary import Role
from tests.http.browsing import HOUSE, Page, Visit, post
from tests.http.front_door import PURPOSES, Office, OpenCase, consent, registered
from tests.installations import BERLIN

pytestmark = pytest.mark.anyio

HOSTILE = '{{7*7}}<script>alert("x")</script><img src=x onerror=alert(1)>\'"&\u202e'
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'"
)

type SignIn = Callable[..., Awaitable[Visit]]


@pytest.fixture
async def sign_in(app: FastAPI, office: Office) -> AsyncIterator[SignIn]:
    """Signs a member of the office in, each in a browser of their own."""
    async with AsyncExitStack() as clients:

        async def begin(role: Role, handle: str | None = None, person_id: Any = None) -> Visit:
            return await Visit.begin(app, office, role, clients, handle=handle, person_id=person_id)

        yield begin


async def begun(office: Office, purposes: tuple[str, ...] = PURPOSES) -> OpenCase:
    """A case that pages show already."""
    case = await OpenCase.begin(office, purposes=purposes)
    assert (await (await office.caseworker()).get(case.path)).status_code == 200
    return case


async def booked(case: OpenCase) -> str:
    """An appointment today; the address of its form."""
    by = await case.office.caseworker()
    starts = datetime.now(BERLIN).replace(hour=0, minute=5, second=0, microsecond=0)
    answer = await by.post(
        f"{case.path}/appointments",
        {
            "type": "job-centre",
            "starts_at": starts.isoformat(),
            "office": "Jobcenter Mitte",
            "papers_needed": ["passport", "lease"],
        },
    )
    assert answer.status_code == 201, answer.text
    # A read that waits, so that the page that is opened next shows it.
    assert (await by.get(f"{case.path}/appointments")).status_code == 200
    return f"/cases/{case.mentorship_id}/appointments/{answer.json()['id']}/accompaniment"


async def accompaniments(case: OpenCase, sent: httpx.Response | None = None) -> list[dict[str, Any]]:
    """Those on record, what was `sent` last among them."""
    by = await case.office.caseworker()
    if sent is not None:
        by.last = int(httpx.URL(sent.headers["location"]).params["position"])
    entries = (await by.get(f"{case.path}/timeline", limit=200)).json()["entries"]
    return [entry["fields"] for entry in entries if entry["topic"] == "accompaniment-recorded"]


async def test_a_sign_in_link_opens_a_session_once(sign_in: SignIn) -> None:
    visit = await sign_in(Role.CASEWORKER)
    first = await visit.get("/")
    assert (first.status_code, first.headers["location"]) == (303, "/dashboard")

    for again in (await visit.client.get(visit.link), await post(visit.client, visit.link, {})):
        assert again.status_code == 401
        assert "does not work any more" in Page(again.text).words
    # Whoever is signed in stays so.
    assert (await visit.get("/dashboard")).status_code == 200


async def unused_link(office: Office, role: Role) -> str:
    member = await office.member(role)
    async with await psycopg.AsyncConnection.connect(office.dsn, autocommit=True) as connection:
        secret = await issue(connection, office.organisation_id, member.member_id, role, "link", timedelta(minutes=5))
    return f"/sign-in/{secret}"


async def make_demo(office: Office) -> None:
    async with await psycopg.AsyncConnection.connect(office.dsn, autocommit=True) as connection:
        await connection.execute(
            "UPDATE accompany.organisations SET demo = true WHERE organisation_id = %s", (office.organisation_id,)
        )


async def test_looking_at_a_link_neither_uses_it_up_nor_signs_anybody_in(app: FastAPI, office: Office) -> None:
    link = await unused_link(office, Role.AUDITOR)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=HOUSE) as client:
        for site in ("none", "cross-site", "same-origin"):
            looked_at = await client.get(link, headers={"Sec-Fetch-Site": site})
            assert looked_at.status_code == 200
            assert "set-cookie" not in looked_at.headers
            shown = Page(looked_at.text)
            assert "Sign in as auditor" in shown.words
            assert shown.has("form", method="post", action=link)
            assert str(office.organisation_id) not in looked_at.text
        for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://elsewhere.test"}):
            assert (await post(client, link, {}, headers)).status_code == 403
        assert not client.cookies
        assert (await post(client, link, {}, {"Sec-Fetch-Site": "same-origin"})).status_code == 303
        assert (await client.get("/consent-trail")).status_code == 200


async def test_a_demos_link_opens_at_once_but_not_from_another_site(app: FastAPI, office: Office) -> None:
    await make_demo(office)
    link = await unused_link(office, Role.AUDITOR)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=HOUSE) as client:
        asked = await client.get(link, headers={"Sec-Fetch-Site": "cross-site"})
        assert asked.status_code == 200
        assert "set-cookie" not in asked.headers
        assert "Sign in as auditor" in Page(asked.text).words
        for headers in ({"Sec-Fetch-Site": "none"}, {"Sec-Fetch-Site": "same-origin"}, {}):
            assert (await client.get(link, headers=headers)).status_code == 303


async def test_the_session_cookie_is_kept_from_scripts_and_other_sites(
    app: FastAPI, sign_in: SignIn, office: Office
) -> None:
    visit = await sign_in(Role.AUDITOR)
    await visit.send("/sign-out")
    async with await psycopg.AsyncConnection.connect(office.dsn, autocommit=True) as connection:
        await connection.execute(
            "UPDATE accompany.organisations SET demo = true WHERE organisation_id = %s", (office.organisation_id,)
        )
        await connection.execute("UPDATE accompany.tokens SET ended_at = NULL WHERE kind = 'link'")
    for house, secure in ((HOUSE, False), ("https://accompany.test", True)):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=house) as client:
            answer = await client.get(visit.link)
            assert answer.status_code == 303
            cookie = answer.headers["set-cookie"].lower()
            assert cookie.startswith("accompany_session=")
            assert {"httponly", "samesite=lax", "path=/"} <= {part.strip() for part in cookie.split(";")}
            assert ("secure" in cookie) is secure
            assert ("strict-transport-security" in answer.headers) is secure


async def test_whoever_signs_out_is_out(sign_in: SignIn) -> None:
    visit = await sign_in(Role.CASEWORKER)
    session = visit.client.cookies["accompany_session"]
    await visit.get("/dashboard")
    assert (await visit.send("/sign-out")).status_code == 303
    assert "accompany_session" not in visit.client.cookies
    visit.client.cookies.set("accompany_session", session, domain="accompany.test")
    answer = await visit.get("/dashboard")
    assert answer.status_code == 401
    assert "You are not signed in" in visit.page.words


@pytest.mark.parametrize("path", ["/", "/dashboard", "/my", "/system", "/summary", "/consent-trail"])
async def test_nothing_is_shown_to_a_stranger(app: FastAPI, path: str) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=HOUSE) as client:
        for cookie in ("", "x" * 43, "ü", "x" * 5000):
            answer = await client.get(path, headers=[(b"cookie", f"accompany_session={cookie}".encode())])
            assert answer.status_code == 401
            assert "sign-in link" in Page(answer.text).words


async def test_each_role_begins_where_its_work_is_and_goes_nowhere_else(sign_in: SignIn, office: Office) -> None:
    case = await begun(office)
    person = {Role.MENTOR: case.mentor_id, Role.TRAINEE: case.trainee_id}
    every = {address for places in PLACES.values() for address, _ in places}
    for role in Role:
        visit = await sign_in(role, None, person.get(role))
        assert (await visit.get("/")).headers["location"] == PLACES[role][0][0]
        own = {address for address, _ in PLACES[role]}
        for address in every:
            answer = await visit.get(address)
            assert answer.status_code == (200 if address in own else 403), (role, address)
        if role not in (Role.CASEWORKER, Role.COORDINATOR):
            answer = await visit.get(f"/cases/{case.mentorship_id}")
            assert answer.status_code == 403
            assert "Parwana" not in answer.text


async def test_another_caseworkers_case_does_not_exist(sign_in: SignIn, office: Office) -> None:
    case = await begun(office)
    form = await booked(case)
    other = await sign_in(Role.CASEWORKER, "cw02")
    for path in (
        f"/cases/{case.mentorship_id}",
        f"/cases/{case.mentorship_id}/consents",
        f"/cases/{case.mentorship_id}/consents/accompaniment",
        f"/cases/{case.mentorship_id}/appointments",
        f"/cases/{case.mentorship_id}/sessions",
        f"/consent-trail/{case.mentorship_id}",
        form,
        "/cases/0197b6a0-5c1e-7d3a-9b0e-2f6f3c1d4e5a",
        "/cases/no-id",
        "/nowhere",
    ):
        answer = await other.get(path)
        assert answer.status_code == 404, path
        assert "Nothing here" in other.page.words
    sent = await other.send(
        form, outcome="granted", occurred_on="2025-03-01", companion_role="presence", interpreter="none"
    )
    assert sent.status_code == 404
    assert not await accompaniments(case)


async def test_a_caseworker_records_an_accompaniment(sign_in: SignIn, office: Office) -> None:
    case = await begun(office)
    form = await booked(case)
    visit = await sign_in(Role.CASEWORKER)
    await visit.get("/dashboard")
    assert form in visit.page.links()
    await visit.get(form)
    assert visit.page.fields["papers_brought"] == "passport\nlease"
    today = visit.page.fields["occurred_on"]

    answer = await visit.send(
        form,
        outcome="papers-missing",
        papers_brought="passport",
        papers_missing="lease\n\n birth certificate ",
        agreed="Come back.\nBring the lease.",
        next_step="Hand in the lease",
        deadline=today,
        debriefed="yes",
    )
    await visit.follow(answer)
    assert visit.page.has("p", id="notice", role="status")
    assert "Hand in the lease" in visit.page.words
    [told] = await accompaniments(case, answer)
    assert told["papers_missing"] == ["lease", "birth certificate"]
    assert told["agreed"] == "Come back.\nBring the lease."
    assert (told["debriefed"], told["outcome"]) == (True, "papers-missing")
    # And it is no longer asked about.
    await visit.get("/dashboard")
    assert form not in visit.page.links()
    await visit.get(form)
    assert "on record already" in visit.page.words

    done = next(attrs["action"] for tag, attrs in await _forms(visit, case) if "next-step" in attrs.get("action", ""))
    await visit.follow(await visit.send(done))
    assert "the next step is done" in visit.page.words


async def _forms(visit: Visit, case: OpenCase) -> list[tuple[str, dict[str, str]]]:
    await visit.get(f"/cases/{case.mentorship_id}")
    return [(tag, attrs) for tag, attrs in visit.page.tags if tag == "form"]


async def test_a_refused_form_keeps_what_was_typed_and_says_what_to_do(sign_in: SignIn, office: Office) -> None:
    case = await begun(office, purposes=("mentoring",))
    form = await booked(case)
    visit = await sign_in(Role.CASEWORKER)
    await visit.get(form)
    key = visit.page.fields["key"]

    typed = {"note": f"\n{HOSTILE}\n", "arrived_at": "25:99", "deadline": "soon", "agreed": "x" * 12_000}
    answer = await visit.send(form, **typed)
    assert answer.status_code == 422
    assert visit.page.has("div", id="problems", role="alert", tabindex="-1", autofocus="")
    for name in ("outcome", "arrived_at", "deadline"):
        assert f"#{name}" in visit.page.links()
    assert visit.page.has("input", id="arrived_at", **{"aria-invalid": "true"})
    kept = visit.page.fields
    assert {name: kept[name].replace("\r\n", "\n") for name in typed} == typed
    assert kept["key"] == key

    answer = await visit.send(form, outcome="granted", arrived_at="", deadline="", agreed="")
    assert answer.status_code == 422
    assert "There is no consent for this" in visit.page.words
    assert f"/cases/{case.mentorship_id}/consents/accompaniment" in visit.page.links()
    assert HOSTILE in visit.page.fields["note"]
    assert not await accompaniments(case)


async def test_a_form_sent_twice_records_one_fact(sign_in: SignIn, office: Office) -> None:
    case = await begun(office)
    form = await booked(case)
    visit = await sign_in(Role.CASEWORKER)
    await visit.get(form)
    fields = {**visit.page.fields, "outcome": "granted"}
    answers = await asyncio.gather(*(post(visit.client, form, fields) for _ in range(3)))
    answers.append(await post(visit.client, form, fields))
    assert {answer.status_code for answer in answers} == {303}
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert len(await accompaniments(case, answers[0])) == 1

    changed = await post(visit.client, form, {**fields, "outcome": "refused"})
    assert changed.status_code == 422
    assert "already sent once" in Page(changed.text).words


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": HOUSE},
        {"Origin": "http://elsewhere.test"},
        {"Origin": "null"},
        {"Origin": "http://accompany.test.elsewhere.test"},
        {"Origin": "http://[broken"},
        {},
    ],
)
async def test_what_another_site_sends_is_refused(sign_in: SignIn, office: Office, headers: dict[str, str]) -> None:
    case = await begun(office)
    form = await booked(case)
    visit = await sign_in(Role.CASEWORKER)
    await visit.get(form)
    fields = {**visit.page.fields, "outcome": "granted"}
    del visit.client.headers["Sec-Fetch-Site"]
    answer = await post(visit.client, form, fields, headers)
    assert answer.status_code == 403
    assert (await post(visit.client, "/sign-out", {}, headers)).status_code == 403
    assert not await accompaniments(case)


async def test_an_older_browser_is_known_by_its_origin(sign_in: SignIn) -> None:
    visit = await sign_in(Role.CASEWORKER)
    del visit.client.headers["Sec-Fetch-Site"]
    assert (await post(visit.client, "/sign-out", {}, {"Origin": HOUSE})).status_code == 303


async def test_every_page_tells_the_browser_to_be_careful(sign_in: SignIn, office: Office) -> None:
    case = await begun(office)
    visit = await sign_in(Role.CASEWORKER)
    for path in ("/dashboard", f"/cases/{case.mentorship_id}", "/nowhere", "/system", "/sign-in/unknown"):
        headers = (await visit.get(path)).headers
        assert headers["content-security-policy"] == POLICY
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"
        assert not visit.page.has("script")
        assert not any("style" in attrs or any(name.startswith("on") for name in attrs) for _, attrs in visit.page.tags)


async def test_the_stylesheet_may_be_kept_for_ever(sign_in: SignIn) -> None:
    visit = await sign_in(Role.CASEWORKER)
    await visit.get("/dashboard")
    address = next(attrs["href"] for tag, attrs in visit.page.tags if attrs.get("rel") == "stylesheet")
    answer = await visit.get(address)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert "immutable" in answer.headers["cache-control"]
    assert (await visit.get("/static/accompany.css")).status_code == 404


async def test_hostile_names_and_notes_are_words_and_nothing_else(sign_in: SignIn, office: Office) -> None:
    by = await office.caseworker()
    trainee = await registered(by, "trainee", HOSTILE)
    mentor = await registered(by, "mentor", f"{HOSTILE} M")
    started = await by.post(
        "/mentorships",
        {
            "trainee_id": trainee,
            "mentor_id": mentor,
            "track": "crafts",
            "occurred_on": "2025-01-10",
            "reference": HOSTILE,
        },
    )
    path = f"/mentorships/{started.json()['id']}"
    for purpose in PURPOSES:
        await by.post(f"{path}/consents", consent(purpose) | {"note": HOSTILE})
    await by.post(f"{path}/goals", {"kind": "skills", "description": HOSTILE})
    await by.post(f"{path}/sessions", {"minutes": 60, "medium": "phone", "summary": HOSTILE})
    appointment = await by.post(
        f"{path}/appointments",
        {
            "type": "bank",
            "starts_at": datetime.now(UTC).isoformat(),
            "office": HOSTILE,
            "reference_number": HOSTILE,
            "papers_needed": [HOSTILE],
        },
    )
    await by.get(path)
    case = path.replace("/mentorships", "/cases")
    visits = [
        (
            await sign_in(Role.CASEWORKER),
            ["/dashboard", "/dashboard/cases", case, f"{case}/consents", f"{case}/sessions"],
        ),
        (await sign_in(Role.MENTOR, "m", mentor), ["/my", f"{case}/sessions"]),
        (await sign_in(Role.TRAINEE, "t", trainee), ["/my"]),
    ]
    visits[0][1].append(f"{case}/appointments/{appointment.json()['id']}/accompaniment")
    for visit, paths in visits:
        for path in paths:
            answer = await visit.get(path)
            assert answer.status_code == 200
            assert "alert(" in visit.page.words or "alert(" in str(visit.page.fields)
            assert not visit.page.has("script")
            assert not visit.page.has("img")
            assert "{{7*7}}" in answer.text


async def test_a_demo_says_so_on_every_page(sign_in: SignIn, office: Office) -> None:
    visit = await sign_in(Role.COORDINATOR)
    await visit.get("/dashboard")
    assert "invented" not in visit.page.words
    async with await psycopg.AsyncConnection.connect(office.dsn, autocommit=True) as connection:
        await connection.execute(
            "UPDATE accompany.organisations SET demo = true WHERE organisation_id = %s", (office.organisation_id,)
        )
    visit = await sign_in(Role.COORDINATOR)
    for path in ("/dashboard", "/summary", "/consent-trail", "/nowhere", "/system"):
        await visit.get(path)
        assert "Demo: everybody here is invented" in visit.page.words, path


async def test_a_withdrawal_is_recorded_and_stops_what_rests_on_it(sign_in: SignIn, office: Office) -> None:
    case = await begun(office)
    form = await booked(case)
    visit = await sign_in(Role.CASEWORKER)
    consents = f"/cases/{case.mentorship_id}/consents/accompaniment"
    await visit.get(consents)
    assert (await visit.send(consents)).status_code == 422
    assert "#state" in visit.page.links()
    await visit.follow(await visit.send(consents, state="withdrawn"))
    assert "withdrawn" in visit.page.words

    await visit.get(form)
    assert (await visit.send(form, outcome="granted")).status_code == 422
    assert "There is no consent for this" in visit.page.words

    await visit.get(consents)
    later = {"state": "given", "notice_version": "2025-1", "notice_form": "read-aloud", "method": "signature"}
    await visit.follow(await visit.send(consents, **later))
    await visit.get(form)
    assert (await visit.send(form, outcome="granted")).status_code == 303


async def test_an_appointment_and_a_session_are_recorded(sign_in: SignIn, office: Office) -> None:
    case = await begun(office)
    visit = await sign_in(Role.CASEWORKER)
    booking = f"/cases/{case.mentorship_id}/appointments"
    await visit.get(booking)
    assert (await visit.send(booking, office="Room 7")).status_code == 422
    assert visit.page.fields["office"] == "Room 7"
    await visit.follow(await visit.send(booking, type="doctor", starts_on="2030-05-04", clock="08:15"))
    assert "Room 7" in visit.page.words
    assert visit.page.has("time", datetime="2030-05-04")

    mentor = await sign_in(Role.MENTOR, "m", case.mentor_id)
    session = f"/cases/{case.mentorship_id}/sessions"
    await mentor.get("/my")
    assert session in mentor.page.links()
    assert "Invented" not in mentor.page.words
    await mentor.get(session)
    assert (await mentor.send(session, minutes="2000")).status_code == 422
    await mentor.follow(await mentor.send(session, minutes="45", summary="Practised an interview"))
    assert "Practised an interview" in mentor.page.words
    assert "Room 7" not in mentor.page.words


async def test_the_trail_names_cases_and_never_people(sign_in: SignIn, office: Office) -> None:
    case = await begun(office)
    await booked(case)
    visit = await sign_in(Role.AUDITOR)
    for path in ("/consent-trail", f"/consent-trail/{case.mentorship_id}"):
        answer = await visit.get(path)
        assert answer.status_code == 200
        assert "Parwana" not in answer.text
    assert "covered" in visit.page.words
    assert "Consent given" in visit.page.words


async def test_a_time_of_day_that_the_clocks_leapt_over_is_refused_at_the_field(
    sign_in: SignIn, office: Office
) -> None:
    case = await begun(office)
    by = await office.caseworker()
    past = await by.post(f"{case.path}/appointments", {"type": "bank", "starts_at": "2025-03-30T08:00:00+02:00"})
    await by.get(f"{case.path}/appointments")
    visit = await sign_in(Role.CASEWORKER)
    cases = f"/cases/{case.mentorship_id}"
    went_along = f"{cases}/appointments/{past.json()['id']}/accompaniment"
    for path, field, typed in (
        (f"{cases}/appointments", "clock", {"type": "bank", "starts_on": "2027-03-28", "clock": "02:30"}),
        (f"{cases}/consents/mentoring", "clock", {"state": "refused", "occurred_on": "2025-03-30", "clock": "02:30"}),
        *(
            (went_along, name, {"outcome": "granted", "occurred_on": "2025-03-30", name: "02:30"})
            for name in ("arrived_at", "seen_at", "left_at")
        ),
    ):
        await visit.get(path)
        assert (await visit.send(path, **typed)).status_code == 422
        assert f"#{field}" in visit.page.links(), path
        assert "The clocks went forward" in visit.page.words

    await visit.get(f"{cases}/appointments")
    twice = {"type": "bank", "starts_on": "2027-10-31", "clock": "02:30"}
    await visit.follow(await visit.send(f"{cases}/appointments", **twice))
    [booked_then] = [
        entry["starts_at"]
        for entry in (await by.get(f"{case.path}/appointments")).json()["upcoming"]
        if entry["starts_on"] == "2027-10-31"
    ]
    assert datetime.fromisoformat(booked_then) == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)


async def test_after_a_handover_the_new_mentor_reads_nothing_that_the_former_one_said(
    sign_in: SignIn, office: Office
) -> None:
    case = await begun(office)
    by = await office.caseworker()
    for on, words in (("2025-02-01", "said by the first"), ("2025-06-01", "said by the second")):
        session = {"minutes": 60, "medium": "phone", "occurred_on": on, "mentor_feedback": words, "mentor_rating": 2}
        assert (await by.post(f"{case.path}/sessions", session)).status_code == 201
        if on == "2025-02-01":
            second = await registered(by, "mentor", "Second Erfunden")
            handover = {"to_mentor_id": second, "occurred_on": "2025-05-01"}
            assert (await by.change(f"{case.path}/handover", handover)).status_code == 201
    mentor = await office.member(Role.MENTOR, "second", UUID(second))
    mentor.last = by.last
    for path in ("sessions", "timeline"):
        told = (await mentor.get(f"{case.path}/{path}")).json()["entries"]
        assert [entry["fields"].get("mentor_feedback") for entry in told] == ["said by the second", None]
        assert "mentor_rating" not in told[1]["fields"]
        one = await mentor.get(f"{case.path}/timeline/{told[1]['version']}")
        assert "mentor_feedback" not in one.json()["fields"]
    visit = await sign_in(Role.MENTOR, "second", UUID(second))
    await visit.get("/my")
    assert "said by the second" in visit.page.words
    assert "said by the first" not in visit.page.words
    # The staff still read both.
    visit = await sign_in(Role.CASEWORKER)
    await visit.get(f"/cases/{case.mentorship_id}")
    assert "said by the first" in visit.page.words


async def test_a_form_sent_again_in_another_role_is_another_form(sign_in: SignIn, office: Office) -> None:
    case = await begun(office)
    # The case's own caseworker, who is a coordinator as well.
    coordinator, caseworker = [await sign_in(role, "caseworker") for role in (Role.COORDINATOR, Role.CASEWORKER)]
    form = f"/cases/{case.mentorship_id}/sessions"
    await coordinator.get(form)
    fields = coordinator.page.fields
    assert (await post(coordinator.client, form, fields)).status_code == 303
    assert (await post(coordinator.client, form, fields)).status_code == 303
    again = await post(caseworker.client, form, fields)
    assert again.status_code == 422
    assert "already sent once" in Page(again.text).words


async def test_a_timeline_goes_on_to_earlier_entries(sign_in: SignIn, office: Office) -> None:
    case = await begun(office)
    by = await office.caseworker()
    for number in range(25):
        await by.post(
            f"{case.path}/sessions",
            {"minutes": 30, "medium": "phone", "summary": f"number {number}", "occurred_on": "2025-02-01"},
        )
    await by.get(case.path)
    visit = await sign_in(Role.COORDINATOR)
    await visit.get(f"/cases/{case.mentorship_id}")
    assert "number 24" in visit.page.words
    earlier = next(link for link in visit.page.links() if "cursor=" in link)
    await visit.get(earlier)
    assert "number 24" not in visit.page.words
    assert "The mentorship started" in visit.page.words
    assert (await visit.get(f"/cases/{case.mentorship_id}?cursor=forged")).status_code == 422


@pytest.mark.parametrize(
    ("body", "media_type", "status"),
    [
        (b"{}", "application/json", 415),
        (b"a=%ff", "application/x-www-form-urlencoded", 415),
        (b"a=\xff", "application/x-www-form-urlencoded", 415),
        (b"&".join(b"a=1" for _ in range(200)), "application/x-www-form-urlencoded", 415),
        (b"note=" + b"x" * 600_000, "application/x-www-form-urlencoded", 413),
    ],
)
async def test_a_body_that_no_form_sends_is_refused(
    sign_in: SignIn, office: Office, body: bytes, media_type: str, status: int
) -> None:
    case = await begun(office)
    visit = await sign_in(Role.CASEWORKER)
    answer = await visit.client.post(
        f"/cases/{case.mentorship_id}/sessions", content=body, headers={"Content-Type": media_type}
    )
    assert answer.status_code == status
    assert "This was not done" in Page(answer.text).words


async def test_no_log_line_holds_a_link_or_an_id(
    sign_in: SignIn, office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    case = await begun(office)
    with caplog.at_level(logging.INFO):
        visit = await sign_in(Role.CASEWORKER)
        await visit.get(f"/cases/{case.mentorship_id}?recorded=session&position=1")
        await visit.get(f"/{HOSTILE}")
    routes = [getattr(record, "route", None) for record in caplog.records if record.getMessage() == "request"]
    assert routes[-3:] == ["/sign-in/{link}", "/cases/{mentorship_id}", None]
    secret = visit.link.rpartition("/")[2]
    for record in caplog.records:
        if record.name.startswith("adapters"):
            assert secret not in str(record.__dict__)
            assert str(case.mentorship_id) not in str(record.__dict__)
