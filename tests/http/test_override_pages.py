"""Overrides on the pages: recorded where a consent is missing, in sight until somebody else has judged them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import httpx
import psycopg
import pytest
from fastapi import FastAPI
from psycopg.rows import dict_row

from domain.vocabulary import Role
from tests.http.browsing import Visit
from tests.http.front_door import Office, OpenCase, consent

pytestmark = pytest.mark.anyio

DANGER = {
    "reason": "medical-emergency",
    "hours": "24",
    "explanation": 'Unconscious in hospital <b>"now"</b>\nSecond line',
}

type SignIn = Callable[..., Awaitable[Visit]]


@pytest.fixture
async def sign_in(app: FastAPI, office: Office) -> AsyncIterator[SignIn]:
    """Signs a member of the office in, each in a browser of their own."""
    async with AsyncExitStack() as clients:

        async def begin(role: Role, handle: str | None = None) -> Visit:
            return await Visit.begin(app, office, role, clients, handle=handle)

        yield begin


async def begun(office: Office, purposes: tuple[str, ...] = ()) -> OpenCase:
    """A case that pages show already."""
    case = await OpenCase.begin(office, purposes=purposes)
    assert (await (await office.caseworker()).get(case.path)).status_code == 200
    return case


def form_of(case: OpenCase, purpose: str = "mentoring") -> str:
    return f"/cases/{case.mentorship_id}/consents/{purpose}/override"


async def overridden(case: OpenCase, by: Visit) -> str:
    """The address at which somebody else judges it."""
    await by.get(form_of(case))
    await by.follow(await by.send(form_of(case), **DANGER))
    entries = (await (await case.office.coordinator()).get(f"{case.path}/timeline")).json()["entries"]
    [version] = [entry["version"] for entry in entries if entry["topic"] == "consent-overridden"]
    return f"/cases/{case.mentorship_id}/overrides/{version}/review"


async def test_a_missing_consent_is_overridden_and_somebody_else_judges_it(sign_in: SignIn, office: Office) -> None:
    case = await begun(office)
    caseworker, coordinator = await sign_in(Role.CASEWORKER), await sign_in(Role.COORDINATOR)
    await coordinator.get("/dashboard")
    assert "Overrides to review" not in coordinator.page.words
    await caseworker.get(f"/cases/{case.mentorship_id}")
    assert form_of(case) in caseworker.page.links()
    await caseworker.get(form_of(case))
    assert "vital interests" in caseworker.page.words
    assert "another member judges it" in caseworker.page.words

    review = await overridden(case, caseworker)
    assert "It ends by itself" in caseworker.page.words, "the notice says what follows"
    shown = " ".join(caseworker.page.words.split())
    for words in ("Mentoring: medical emergency", "in force", "not reviewed", 'hospital <b>"now"</b> Second line'):
        assert words in shown, words
    assert form_of(case) not in caseworker.page.links(), "it is overridden already"
    assert review not in caseworker.page.links(), "whoever recorded it does not judge it"
    assert (await caseworker.get(review)).status_code == 403

    await coordinator.get("/dashboard")
    assert "1 to review" in " ".join(coordinator.page.words.split())
    assert f"/cases/{case.mentorship_id}#overrides" in coordinator.page.links()
    await coordinator.get("/dashboard/overrides")
    assert "Mentoring: medical emergency" in coordinator.page.words
    await coordinator.get(f"/cases/{case.mentorship_id}")
    assert review in coordinator.page.links()
    await coordinator.get(review)
    assert "Unconscious in hospital" in coordinator.page.words
    await coordinator.follow(await coordinator.send(review, finding="not-upheld", explanation="She could be asked"))
    assert "your finding" in coordinator.page.words
    shown = " ".join(coordinator.page.words.split())
    assert "Override reviewed" in shown
    assert "found wrong" in shown
    assert "She could be asked" in shown
    assert not coordinator.page.has("h2", id="overrides"), "it carries nothing any more, and it is judged"
    assert form_of(case) in coordinator.page.links()
    await coordinator.get("/dashboard")
    assert "Overrides to review" not in coordinator.page.words
    await coordinator.get(review)
    assert "finding" not in coordinator.page.fields, "nobody judges twice"


async def test_an_override_found_right_stays_in_sight_while_it_lasts(sign_in: SignIn, office: Office) -> None:
    case = await begun(office)
    caseworker, coordinator = await sign_in(Role.CASEWORKER), await sign_in(Role.COORDINATOR)
    review = await overridden(case, caseworker)
    await coordinator.get(review)
    await coordinator.follow(await coordinator.send(review, finding="upheld", explanation="Right"))
    assert coordinator.page.has("h2", id="overrides")
    shown = " ".join(coordinator.page.words.split())
    assert "in force" in shown
    assert "found right" in shown
    assert review not in coordinator.page.links()


async def test_a_refused_override_keeps_what_was_typed(sign_in: SignIn, office: Office) -> None:
    case = await begun(office)
    visit = await sign_in(Role.CASEWORKER)
    await visit.get(form_of(case))
    key = visit.page.fields["key"]
    typed = {**DANGER, "reason": "", "hours": "soon"}
    assert (await visit.send(form_of(case), **typed)).status_code == 422
    assert visit.page.has("div", id="problems", role="alert", tabindex="-1", autofocus="")
    assert {"#reason", "#hours"} <= set(visit.page.links())
    assert (visit.page.fields["explanation"].replace("\r\n", "\n"), visit.page.fields["hours"]) == (
        DANGER["explanation"],
        "soon",
    )
    for changed, field in (
        ({"hours": "73"}, "hours"),
        ({"hours": "999999"}, "hours"),
        ({"explanation": " "}, "explanation"),
    ):
        await visit.get(form_of(case))
        assert (await visit.send(form_of(case), **{**DANGER, **changed})).status_code == 422
        assert f"#{field}" in visit.page.links(), changed
    assert visit.page.fields["key"] != key
    await visit.get(f"/cases/{case.mentorship_id}")
    assert not visit.page.has("h2", id="overrides"), "nothing was recorded"


async def test_nobody_judges_their_own_on_a_page(sign_in: SignIn, office: Office) -> None:
    case = await begun(office)
    coordinator, other = await sign_in(Role.COORDINATOR), await sign_in(Role.COORDINATOR, "second-coordinator")
    review = await overridden(case, coordinator)
    assert review not in coordinator.page.links()
    await coordinator.get(review)
    assert "Another coordinator has to judge it" in coordinator.page.words
    assert "finding" not in coordinator.page.fields
    await other.get(review)
    fields = {**other.page.fields, "finding": "upheld", "explanation": "Mine was right"}
    refused = await coordinator.send(review, **fields)
    assert refused.status_code == 422
    assert "Another coordinator has to judge it" in coordinator.page.words
    assert coordinator.page.fields["explanation"] == "Mine was right"
    empty = await other.send(review, explanation="Kept")
    assert empty.status_code == 422
    assert "#finding" in other.page.links()
    assert other.page.fields["explanation"] == "Kept"


async def test_only_a_missing_consent_that_a_life_can_hang_on_is_overridden(sign_in: SignIn, office: Office) -> None:
    case = await begun(office, purposes=("mentoring",))
    visit, other = await sign_in(Role.CASEWORKER), await sign_in(Role.CASEWORKER, "other-caseworker")
    await visit.get(f"/cases/{case.mentorship_id}")
    assert form_of(case) not in visit.page.links()
    assert form_of(case, "accompaniment") in visit.page.links()
    await visit.get(form_of(case))
    assert "There is nothing to override" in visit.page.words
    assert "hours" not in visit.page.fields
    await visit.get(f"/cases/{case.mentorship_id}/consents/sharing-with-authority")
    assert form_of(case, "sharing-with-authority") in visit.page.links()
    await visit.get(f"/cases/{case.mentorship_id}/consents/research")
    assert form_of(case, "research") not in visit.page.links()
    statuses: list[httpx.Response] = [
        await visit.get(form_of(case, "research")),
        await visit.get(f"/cases/{case.mentorship_id}/overrides/1/review"),
        await other.get(form_of(case, "accompaniment")),
    ]
    assert [answer.status_code for answer in statuses] == [404, 403, 404]


async def test_whoever_overrides_a_no_is_told_that_it_was_one(sign_in: SignIn, office: Office) -> None:
    case = await begun(office)
    visit = await sign_in(Role.CASEWORKER)
    await visit.get(form_of(case))
    assert "They decided against this" not in visit.page.words
    by = await office.caseworker()
    assert (await by.post(f"{case.path}/consents", consent("mentoring", "refused", "2025-03-01"))).status_code == 201
    assert (await by.get(f"{case.path}/consents")).status_code == 200
    await visit.get(form_of(case))
    assert "They decided against this" in visit.page.words


async def test_whoever_opens_an_override_stands_in_the_access_log(sign_in: SignIn, office: Office) -> None:
    case = await begun(office)
    caseworker, coordinator = await sign_in(Role.CASEWORKER), await sign_in(Role.COORDINATOR)
    review = await overridden(case, caseworker)
    await coordinator.get(review)
    async with (
        await psycopg.AsyncConnection.connect(office.dsn) as owner,
        owner.cursor(row_factory=dict_row) as cursor,
    ):
        await cursor.execute(
            "SELECT read, legal_basis, fields FROM accompany.access_log WHERE person_id = %s AND outcome = 'shown'"
            " AND 'explanation' = ANY(fields) AND read LIKE 'GET /cases%%' ORDER BY position",
            (case.trainee_id,),
        )
        found = await cursor.fetchall()
    assert [(entry["read"], entry["legal_basis"]) for entry in found] == [
        ("GET /cases/{mentorship_id}", "vital-interests"),
        ("GET /cases/{mentorship_id}/overrides/{version}/review", "legal-obligation"),
    ]
    assert "full_name" in found[-1]["fields"]
