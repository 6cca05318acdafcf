"""Every operation of the API: how it is asked, and which roles it is for. One that is missing here fails a test."""

from dataclasses import dataclass
from typing import Any

from domain.vocabulary import Role
from tests.http.front_door import Asker, OpenCase

STAFF = frozenset({Role.CASEWORKER, Role.COORDINATOR})
COORDINATOR = frozenset({Role.COORDINATOR})
WITH_MENTOR = STAFF | {Role.MENTOR}
WITH_TRAINEE = STAFF | {Role.TRAINEE}
COORDINATOR = frozenset({Role.COORDINATOR})
ANSWERING = frozenset({Role.COORDINATOR, Role.ADMINISTRATOR})
OVERSEEING = frozenset({Role.COORDINATOR, Role.AUDITOR})
INVOLVED = STAFF | {Role.MENTOR, Role.TRAINEE}


@dataclass(frozen=True, slots=True)
class Operation:
    """`path` may name the ids of `Filled`; `changes` says that it needs If-Match."""

    method: str
    path: str
    roles: frozenset[Role]
    body: dict[str, Any] | None = None
    changes: bool = False


CASE = "/mentorships/{case}"
PERSON = "/people/{trainee}"
OPERATIONS: dict[str, Operation] = {
    "list_people": Operation("GET", "/people", STAFF),
    "register_person": Operation("POST", "/people", STAFF, {"role": "trainee", "full_name": "Invented"}),
    "read_person": Operation("GET", "/people/{trainee}", STAFF),
    "correct_person": Operation("PATCH", "/people/{trainee}", STAFF, {"note": "x"}, changes=True),
    "list_mentorships": Operation("GET", "/mentorships", INVOLVED),
    "start_mentorship": Operation(
        "POST", "/mentorships", STAFF, {"trainee_id": "{trainee}", "mentor_id": "{mentor}", "track": "other"}
    ),
    "read_mentorship": Operation("GET", CASE, INVOLVED),
    "pause_mentorship": Operation("POST", f"{CASE}/pause", STAFF, {}, changes=True),
    "resume_mentorship": Operation("POST", f"{CASE}/resumption", STAFF, {}, changes=True),
    "hand_over_mentorship": Operation("POST", f"{CASE}/handover", STAFF, {}, changes=True),
    "close_mentorship": Operation("POST", f"{CASE}/closing", STAFF, {"reason": "other"}, changes=True),
    "list_consents": Operation("GET", f"{CASE}/consents", WITH_TRAINEE),
    "decide_consent": Operation("POST", f"{CASE}/consents", STAFF, {"state": "refused", "purpose": "research"}),
    "override_consent": Operation(
        "POST",
        f"{CASE}/overrides",
        STAFF,
        {"purpose": "mentoring", "reason": "violence", "hours": 1, "explanation": "x"},
    ),
    "review_override": Operation(
        "POST", f"{CASE}/overrides/{{override}}/review", COORDINATOR, {"upheld": True, "explanation": "x"}
    ),
    "list_goals": Operation("GET", f"{CASE}/goals", INVOLVED),
    "set_goal": Operation("POST", f"{CASE}/goals", WITH_MENTOR, {"kind": "skills", "description": "x"}),
    "read_goal": Operation("GET", f"{CASE}/goals/{{goal}}", INVOLVED),
    "revise_goal": Operation(
        "POST", f"{CASE}/goals/{{goal}}/revisions", WITH_MENTOR, {"description": "y"}, changes=True
    ),
    "conclude_goal": Operation(
        "POST", f"{CASE}/goals/{{goal}}/conclusion", WITH_MENTOR, {"result": "reached"}, changes=True
    ),
    "list_sessions": Operation("GET", f"{CASE}/sessions", INVOLVED),
    "hold_session": Operation("POST", f"{CASE}/sessions", WITH_MENTOR, {"minutes": 5, "medium": "phone"}),
    "list_appointments": Operation("GET", f"{CASE}/appointments", WITH_TRAINEE),
    "book_appointment": Operation(
        "POST", f"{CASE}/appointments", STAFF, {"type": "bank", "starts_at": "2025-03-10T08:15:00+01:00"}
    ),
    "read_appointment": Operation("GET", f"{CASE}/appointments/{{appointment}}", WITH_TRAINEE),
    "move_appointment": Operation(
        "POST",
        f"{CASE}/appointments/{{appointment}}/move",
        STAFF,
        {"starts_at": "2025-03-11T08:15:00+01:00"},
        changes=True,
    ),
    "cancel_appointment": Operation(
        "POST", f"{CASE}/appointments/{{appointment}}/cancellation", STAFF, {}, changes=True
    ),
    "miss_appointment": Operation("POST", f"{CASE}/appointments/{{appointment}}/miss", STAFF, {}),
    "conclude_appointment": Operation(
        "POST", f"{CASE}/appointments/{{appointment}}/conclusion", STAFF, {"outcome": "granted"}
    ),
    "record_accompaniment": Operation(
        "POST", f"{CASE}/appointments/{{appointment}}/accompaniment", STAFF, {"outcome": "granted"}
    ),
    "complete_next_step": Operation("POST", f"{CASE}/appointments/{{appointment}}/next-step-completion", STAFF, {}),
    "list_credentials": Operation("GET", f"{CASE}/credentials", WITH_TRAINEE),
    "open_credential_path": Operation("POST", f"{CASE}/credentials", STAFF, {"country": "DEU", "profession": "nurse"}),
    "read_credential": Operation("GET", f"{CASE}/credentials/{{credential}}", WITH_TRAINEE),
    "take_credential_step": Operation("POST", f"{CASE}/credentials/{{credential}}/steps", STAFF, {"stage": "receipt"}),
    "decide_credential": Operation("POST", f"{CASE}/credentials/{{credential}}/decision", STAFF, {"result": "full"}),
    "appeal_credential": Operation("POST", f"{CASE}/credentials/{{credential}}/appeal", STAFF, {}),
    "list_outcomes": Operation("GET", f"{CASE}/outcomes", WITH_TRAINEE),
    "find_outcome": Operation("POST", f"{CASE}/outcomes", STAFF, {"status": "unknown"}),
    "correct_entry": Operation("POST", f"{CASE}/corrections", STAFF, {"corrects": 1, "reason": "x"}),
    "read_timeline": Operation("GET", f"{CASE}/timeline", INVOLVED),
    "read_timeline_entry": Operation("GET", f"{CASE}/timeline/{{entry}}", INVOLVED),
    "read_consent_trail": Operation("GET", "/consent-trail", frozenset({Role.COORDINATOR, Role.AUDITOR})),
    "read_consent_trail_of_mentorship": Operation("GET", f"{CASE}/consent-trail", STAFF | {Role.AUDITOR}),
    "read_accesses_of_person": Operation(
        "GET", "/people/{trainee}/accesses", frozenset({Role.TRAINEE, Role.COORDINATOR, Role.AUDITOR})
    ),
    "read_accesses": Operation("GET", "/accesses", frozenset({Role.COORDINATOR, Role.AUDITOR})),
    "request_evidence": Operation(
        "POST",
        "/evidence",
        OVERSEEING,
        {"subject": "mentorship", "subject_id": "{case}", "reason_code": "complaint", "reason": "x"},
    ),
    "request_evidence_of_period": Operation(
        "POST",
        "/evidence/periods",
        OVERSEEING,
        {"recorded_from": "2020-01-01", "recorded_until": "2020-01-02", "reason_code": "complaint", "reason": "x"},
    ),
    "read_evidence": Operation("GET", "/evidence/{evidence}/bundle", OVERSEEING),
    "read_dashboard": Operation("GET", "/dashboard", STAFF),
    "search_people": Operation("POST", "/search", STAFF, {"q": "invented"}),
    "list_due": Operation("GET", "/retention", ANSWERING),
    "hand_out_copy": Operation("POST", f"{PERSON}/copies", WITH_TRAINEE, {}),
    "list_rights": Operation("GET", "/rights", ANSWERING),
    "read_rights": Operation("GET", f"{PERSON}/rights", WITH_TRAINEE | ANSWERING),
    "request_erasure": Operation(
        "POST", f"{PERSON}/erasure-request", WITH_TRAINEE | ANSWERING, {"asked_how": "letter", "ground": "unlawful"}
    ),
    # Whoever asked a line above does not approve: nobody is erased here.
    "approve_erasure": Operation("POST", f"{PERSON}/erasure-approval", ANSWERING, {}),
    "refuse_erasure": Operation("POST", f"{PERSON}/erasure-refusal", ANSWERING, {"reason": "not-founded"}),
    "restrict_processing": Operation("POST", f"{PERSON}/restriction", STAFF, {"ground": "unlawful"}),
    "lift_restriction": Operation(
        "POST", f"{PERSON}/restriction-lifting", COORDINATOR, {"person_told_on": "2025-03-01"}
    ),
    "raise_objection": Operation("POST", f"{PERSON}/objections", WITH_TRAINEE, {"interest": "statistics"}),
    "decide_objection": Operation(
        "POST", f"{PERSON}/objections/{{objection}}/decision", COORDINATOR, {"outcome": "overridden"}
    ),
    "place_hold": Operation("POST", f"{PERSON}/holds", ANSWERING, {"ground": "audit"}),
    "release_hold": Operation("POST", f"{PERSON}/holds/{{hold}}/release", ANSWERING, {}),
    "note_funding": Operation("POST", f"{PERSON}/funding", STAFF, {"funder": "city", "last_payment_on": "2025-03-01"}),
    "read_summary": Operation("GET", "/reports/summary", frozenset({Role.COORDINATOR})),
}


@dataclass(frozen=True, slots=True)
class Filled:
    """A case with one of everything in it, and their ids by the names that paths use."""

    case: OpenCase
    ids: dict[str, str]

    @classmethod
    async def fill(cls, case: OpenCase, by: Asker) -> "Filled":
        ids = {"case": str(case.mentorship_id), "trainee": str(case.trainee_id), "mentor": str(case.mentor_id)}
        for name, subject, body in (
            ("goal", "goals", {"kind": "skills", "description": "x", "occurred_on": "2025-02-01"}),
            ("appointment", "appointments", {"type": "bank", "starts_at": "2025-03-10T08:15:00+01:00"}),
            ("credential", "credentials", {"country": "DEU", "profession": "nurse", "occurred_on": "2025-02-01"}),
            ("session", "sessions", {"minutes": 30, "medium": "phone", "occurred_on": "2025-02-01"}),
        ):
            answer = await by.post(f"{case.path}/{subject}", body)
            assert answer.status_code == 201, answer.text
            ids[name] = answer.json()["id"]
            ids["entry"] = str(answer.json()["version"])
        danger = {"purpose": "accompaniment", "reason": "missing", "hours": 24, "explanation": "x"}
        overridden = await by.post(f"{case.path}/overrides", danger)
        assert overridden.status_code == 201, overridden.text
        ids["override"] = str(overridden.json()["version"])
        coordinator = await case.office.coordinator()
        objection = await by.post(f"/people/{case.trainee_id}/objections", {"interest": "statistics"})
        hold = await coordinator.post(f"/people/{case.trainee_id}/holds", {"ground": "audit"})
        assert (objection.status_code, hold.status_code) == (201, 201), (objection.text, hold.text)
        ids |= {"objection": objection.json()["id"], "hold": hold.json()["id"]}
        # Both moved the person on: whoever reads their version next must see it.
        about = {"subject": "mentorship", "subject_id": ids["case"], "reason_code": "complaint", "reason": "x"}
        asked = await coordinator.post("/evidence", about)
        assert asked.status_code == 201, asked.text
        ids["evidence"] = asked.json()["id"]
        # What the coordinator did is theirs to wait for, too: it moved the person's version on.
        by.last = max(by.last, coordinator.last)
        return cls(case, ids)

    async def ask(self, by: Asker, operation: Operation, *, etag: str = '"1"') -> int:
        """The status of this operation, asked by somebody."""
        body = operation.body and {
            name: value.format(**self.ids) if isinstance(value, str) else value
            for name, value in operation.body.items()
        }
        answer = await by.client.request(
            operation.method,
            operation.path.format(**self.ids),
            json=body if operation.method != "GET" else None,
            headers={"If-Match": etag} if operation.changes else {},
            # Evidence stands in the log alone: there is no projection to wait for.
            params={"min_position": by.last} if operation.method == "GET" and "/evidence" not in operation.path else {},
        )
        return answer.status_code
