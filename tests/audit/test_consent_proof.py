"""The consent proof says of each act what it rested on, from what is stored in plain text, and names what does not fit."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from adapters.keys.sealing import DataKey
from adapters.postgres import mapper
from audit.consent_proof import BASES, DECISIONS, FORMAT, PURPOSES, StoredFact, prove
from domain.events import TOPICS
from domain.mentorship import Mentorship, MentorshipEvent
from domain.mentorship.sessions import SessionHeld
from domain.vocabulary import Purpose
from tests.domain.scenario import (
    CASEWORKER,
    MENTORING_CONSENTED,
    MENTORSHIP,
    OTHER_CASEWORKER,
    Step,
    at,
    case_of,
    corrected,
    held,
    history,
    on,
    overridden,
    withdrew,
)

RECORDED = datetime(2025, 6, 1, 8, tzinfo=UTC)
SOON = RECORDED + timedelta(days=1)


def facts(case: Mentorship) -> list[StoredFact]:
    """As the store has them, each by whom it says that it was."""
    found = []
    for event in history(case):
        row = mapper.seal_event(event, _key_of, organisation_id=UUID(int=1001))
        plain = json.loads(row.state)
        plain.pop("sealed", None)
        actor = plain.get("overridden_by") or plain.get("reviewed_by") or str(CASEWORKER)
        found.append(
            StoredFact(
                position=10 * event.originator_version,
                version=event.originator_version,
                topic=row.topic,
                actor_id=UUID(actor),
                purpose=row.purpose,
                occurred_on=row.occurred_on,
                occurred_at=row.occurred_at,
                recorded_at=RECORDED,
                plain=plain,
            )
        )
    return found


def _key_of(_organisation_id: UUID, _person_id: UUID, key_version: int | None = None) -> DataKey:
    return DataKey(key_version or 1, bytes(32))


def proof_of(*steps: Step, now: datetime = SOON) -> dict[str, Any]:
    proved = prove(MENTORSHIP, facts(case_of(*steps)), now)
    assert json.loads(json.dumps(proved)) == proved, "in JSON's own types"
    return proved


def reviewed(upheld: bool, version: int = 2, by: UUID = OTHER_CASEWORKER) -> Step:
    return lambda case: case.review_override(version, on(30), upheld=upheld, reviewed_by=by, explanation="x")


OVERRIDDEN = overridden(at(10, 9))


def test_an_act_stands_beside_the_consent_that_it_relied_on() -> None:
    proved = proof_of(MENTORING_CONSENTED, held(at(5, 9)))
    assert (proved["format"], proved["events"], proved["findings"]) == (FORMAT, 3, [])
    assert proved["acts"] == [
        {
            "version": 3,
            "position": 30,
            "topic": "session-held",
            "actor": str(CASEWORKER),
            "purpose": "mentoring",
            "done_on": "2025-03-08",
            "done_at": "2025-03-08T09:00:00.000000+00:00",
            "told_in": 3,
            "legal_basis": "consent",
            "relied_on": 2,
            "judgement": "in-force",
            "gap": False,
            "retracted_by": None,
        }
    ]
    assert [decision["state"] for decision in proved["decisions"]] == ["given"]
    assert proved["other_bases"] == [{"version": 1, "topic": "mentorship-started", "legal_basis": "contract"}]


def test_what_was_told_later_and_put_right_is_in_it() -> None:
    steps = (MENTORING_CONSENTED, held(on(5)), withdrew(Purpose.MENTORING, on(4)))
    assert [act["judgement"] for act in proof_of(*steps)["acts"]] == ["as-known-then"]
    moved = proof_of(MENTORING_CONSENTED, held(on(5)), corrected(SessionHeld, on(9), occurred_on="2025-03-06"))
    [act] = moved["acts"]
    assert (act["done_on"], act["told_in"], act["judgement"]) == ("2025-03-06", 4, "in-force")
    [act] = proof_of(MENTORING_CONSENTED, held(on(5)), corrected(SessionHeld, on(9)))["acts"]
    assert act["retracted_by"] == 4


def test_an_act_under_an_override_rests_on_vital_interests() -> None:
    proved = proof_of(OVERRIDDEN, held(at(10, 12)))
    [act] = proved["acts"]
    assert (act["legal_basis"], act["relied_on"], act["judgement"]) == ("vital-interests", 2, "under-override")
    assert proved["overrides"] == [
        {
            "version": 2,
            "purpose": "mentoring",
            "reason": "medical-emergency",
            "begins_at": "2025-03-13T09:00:00.000000+00:00",
            "ends_at": "2025-03-14T09:00:00.000000+00:00",
            "by": str(CASEWORKER),
            "review": None,
        }
    ]
    assert proved["findings"] == []
    assert proved["totals"]["overrides_not_reviewed"] == 1


def test_an_override_that_was_found_wrong_leaves_a_gap() -> None:
    upheld = proof_of(OVERRIDDEN, held(at(10, 12)), reviewed(True))
    assert (upheld["totals"]["gaps"], upheld["findings"]) == (0, [])
    assert upheld["overrides"][0]["review"] == {"version": 4, "upheld": True, "by": str(OTHER_CASEWORKER)}
    wrong = proof_of(OVERRIDDEN, held(at(10, 12)), reviewed(False))
    assert wrong["totals"]["gaps"] == wrong["totals"]["override-not-upheld"] == 1
    assert [(one["code"], one["version"]) for one in wrong["findings"]] == [("act-override-not-upheld", 3)]


def test_an_override_that_nobody_reviewed_is_found_after_a_week() -> None:
    late = proof_of(OVERRIDDEN, now=RECORDED + timedelta(days=7, seconds=1))
    assert [(one["code"], one["version"]) for one in late["findings"]] == [("override-not-reviewed", 2)]


def spoilt(version: int, **columns: Any) -> Callable[[list[StoredFact]], list[StoredFact]]:
    return lambda stored: [replace(fact, **columns) if fact.version == version else fact for fact in stored]


def plainly(version: int, **fields: Any) -> Callable[[list[StoredFact]], list[StoredFact]]:
    return lambda stored: [
        replace(fact, plain={**fact.plain, **fields}) if fact.version == version else fact for fact in stored
    ]


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (lambda stored: [fact for fact in stored if fact.version != 3], {("version-missing", 4)}),
        (lambda stored: [*stored, replace(stored[2], position=99)], {("version-repeated", 3), ("out-of-order", 4)}),
        (spoilt(4, position=5), {("out-of-order", 4)}),
        (spoilt(4, topic="session-dreamt"), {("unknown-kind", 4)}),
        (spoilt(4, purpose=None), {("purpose-differs", 4)}),
        (spoilt(4, purpose="research"), {("purpose-differs", 4)}),
        (spoilt(4, occurred_on=on(6).on), {("time-differs", 4)}),
        (plainly(4, occurred_on="yesterday"), {("unreadable", 4)}),
        (plainly(4, relied_on="2"), {("unreadable", 4)}),
        (plainly(4, relied_on=1), {("act-none-named", 4)}),
        (plainly(4, relied_on=None), {("act-none-named", 4)}),
        (plainly(2, valid_until="2025-03-05"), {("act-not-in-force", 4)}),
        (plainly(2, purpose="research"), {("act-none-named", 4)}),
        (plainly(2, occurred_at="2025-03-03T09:00:00"), {("unreadable", 2), ("act-none-named", 4)}),
        (plainly(3, until_at="2025-04-13T09:00:00Z"), {("override-too-long", 3)}),
        (spoilt(3, actor_id=OTHER_CASEWORKER), {("override-by-another", 3), ("override-reviewed-by-its-author", 5)}),
        (spoilt(5, actor_id=CASEWORKER), {("override-reviewed-by-its-author", 5)}),
    ],
)
def test_what_was_tampered_with_is_found_and_named(
    spoil: Callable[[list[StoredFact]], list[StoredFact]], found: set[tuple[str, int]]
) -> None:
    whole = case_of(MENTORING_CONSENTED, OVERRIDDEN, held(at(5, 9)), reviewed(True, version=3))
    assert prove(MENTORSHIP, facts(whole), SOON)["findings"] == []
    proved = prove(MENTORSHIP, spoil(facts(whole)), SOON)
    assert found <= {(one["code"], one["version"]) for one in proved["findings"]}


def test_its_own_terms_are_those_of_the_record() -> None:
    ours = {
        topic: event for topic, event in TOPICS.items() if issubclass(event, MentorshipEvent) and "test" not in topic
    }
    decisions = {f"consent-{state}" for state in DECISIONS}
    assert set(ours) == {*PURPOSES, *BASES, *decisions}
    assert {topic: event.PURPOSE for topic, event in ours.items() if event.PURPOSE} == dict(PURPOSES)
