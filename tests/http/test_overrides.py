"""An override through the front door: recorded by one, relied on, seen, and reviewed by another."""

import psycopg
import pytest
from psycopg.rows import dict_row

from domain.vocabulary import Role
from tests.http.front_door import Office, OpenCase

pytestmark = pytest.mark.anyio

DANGER = {"purpose": "mentoring", "reason": "medical-emergency", "hours": 24, "explanation": "Unconscious in hospital"}


async def test_an_act_and_a_look_in_its_hours_rest_on_the_override_until_it_is_found_wrong(office: Office) -> None:
    case = await OpenCase.begin(office, purposes=())
    caseworker, coordinator = await office.caseworker(), await office.coordinator()
    call = {"minutes": 10, "medium": "phone"}
    refused = await caseworker.post(f"{case.path}/sessions", call)
    assert refused.json()["code"] == "consent-missing"
    overridden = await caseworker.post(f"{case.path}/overrides", DANGER)
    assert overridden.status_code == 201, overridden.text
    version = overridden.json()["version"]
    assert (await caseworker.post(f"{case.path}/sessions", call)).status_code == 201
    await caseworker.get(case.path)
    async with (
        await psycopg.AsyncConnection.connect(office.dsn) as owner,
        owner.cursor(row_factory=dict_row) as cursor,
    ):
        await cursor.execute(
            "SELECT legal_basis, consent_version FROM accompany.access_log WHERE person_id = %s", (case.trainee_id,)
        )
        assert await cursor.fetchall() == [{"legal_basis": "vital-interests", "consent_version": version}]

    auditor = await office.member(Role.AUDITOR)
    auditor.last = caseworker.last
    trail = (await auditor.get(f"{case.path}/consent-trail")).json()
    assert (trail["totals"]["under_override"], trail["totals"]["gaps"]) == (1, 0)
    review = f"{case.path}/overrides/{version}/review"
    assert (await caseworker.post(review, {"upheld": True, "explanation": "x"})).status_code == 403
    wrong = await coordinator.post(review, {"upheld": False, "explanation": "She could be asked"})
    assert wrong.status_code == 201, wrong.text
    auditor.last = coordinator.last
    trail = (await auditor.get(f"{case.path}/consent-trail")).json()
    assert (trail["totals"]["under_override"], trail["totals"]["gaps"]) == (0, 1)
    assert [one["judgement"] for one in trail["entries"] if one["kind"] == "act"] == ["override-not-upheld"]
    assert (await caseworker.post(f"{case.path}/sessions", call)).json()["code"] == "consent-missing"


async def test_nobody_reviews_their_own_override(office: Office) -> None:
    case = await OpenCase.begin(office)
    coordinator = await office.coordinator()
    version = (await coordinator.post(f"{case.path}/overrides", DANGER)).json()["version"]
    review = await coordinator.post(f"{case.path}/overrides/{version}/review", {"upheld": True, "explanation": "x"})
    assert (review.status_code, review.json()["code"]) == (409, "own-override")
    for hours in (0, 73, -5, 2**31 - 1):
        refused = await coordinator.post(f"{case.path}/overrides", {**DANGER, "hours": hours})
        assert (refused.status_code, refused.json()["code"]) == (422, "override-too-long")


async def test_an_override_goes_on_while_data_rest_and_never_for_somebody_who_is_erased(office: Office) -> None:
    case = await OpenCase.begin(office)
    caseworker, coordinator = await office.caseworker(), await office.coordinator()
    person = f"/people/{case.trainee_id}"
    assert (await caseworker.post(f"{person}/restriction", {"ground": "accuracy-contested"})).status_code == 201
    overridden = await caseworker.post(f"{case.path}/overrides", DANGER)
    assert overridden.status_code == 201, overridden.text
    # What is not the override itself rests as before.
    call = await caseworker.post(f"{case.path}/sessions", {"minutes": 10, "medium": "phone"})
    assert (call.status_code, call.json()["code"]) == (409, "processing-restricted")
    review = f"{case.path}/overrides/{overridden.json()['version']}/review"
    assert (await coordinator.post(review, {"upheld": True, "explanation": "Right"})).status_code == 201

    asked = {"asked_how": "in-person", "ground": "consent-withdrawn"}
    assert (await caseworker.post(f"{person}/erasure-request", asked)).status_code == 201
    assert (await coordinator.post(f"{person}/erasure-approval")).status_code == 201
    refused = await caseworker.post(f"{case.path}/overrides", DANGER)
    assert (refused.status_code, refused.json()["code"]) == (409, "person-erased")
