"""Which role may do what, in one table. A later set of policies takes its place; the questions stay the same.

Seeing comes first: what one may not see is answered as if it did not exist.
"""

from typing import Protocol
from uuid import UUID

from application.caller import Caller
from domain.errors import NotAllowed, NotFound
from domain.vocabulary import Role

_STAFF = frozenset({Role.CASEWORKER, Role.COORDINATOR})
_COORDINATOR = frozenset({Role.COORDINATOR})
_WITH_MENTOR = _STAFF | {Role.MENTOR}
_ANSWERING = frozenset({Role.COORDINATOR, Role.ADMINISTRATOR})
_WITH_THOSE_CONCERNED = _STAFF | {Role.MENTOR, Role.TRAINEE}

MAY: dict[str, frozenset[Role]] = {
    "register": _STAFF,
    "correct_details": _STAFF,
    "propose_erasure": _ANSWERING,
    "request_erasure": _WITH_THOSE_CONCERNED | _ANSWERING,
    "refuse_erasure": _ANSWERING,
    "approve_erasure": _ANSWERING,
    "confirm_erased": _ANSWERING,
    "restrict": _STAFF,
    "lift_restriction": _COORDINATOR,
    "object_to": _WITH_THOSE_CONCERNED,
    "decide_objection": _COORDINATOR,
    "hand_out_copy": _STAFF | {Role.TRAINEE, Role.MENTOR},
    "place_hold": _ANSWERING,
    "release_hold": _ANSWERING,
    "note_funding": _STAFF,
    "start": _STAFF,
    "pause": _STAFF,
    "resume": _STAFF,
    "hand_over": _STAFF,
    "close": _STAFF,
    "decide_consent": _STAFF,
    "override_consent": _STAFF,
    "review_override": _COORDINATOR,
    "set_goal": _WITH_MENTOR,
    "revise_goal": _WITH_MENTOR,
    "reach_goal": _WITH_MENTOR,
    "drop_goal": _WITH_MENTOR,
    "hold_session": _WITH_MENTOR,
    "book_appointment": _STAFF,
    "move_appointment": _STAFF,
    "cancel_appointment": _STAFF,
    "miss_appointment": _STAFF,
    "conclude_appointment": _STAFF,
    "complete_next_step": _STAFF,
    "record_accompaniment": _STAFF,
    "open_credential_path": _STAFF,
    "take_credential_step": _STAFF,
    "decide_credential": _STAFF,
    "appeal_credential": _STAFF,
    "find_outcome": _STAFF,
    "correct_entry": _STAFF,
    "retract_entry": _STAFF,
    "prepare_report": _COORDINATOR,
    "prepare_anew": _COORDINATOR,
    "review_report": _COORDINATOR,
    "release_report": _COORDINATOR,
    "withdraw_report": _COORDINATOR,
    "request_evidence": frozenset({Role.AUDITOR, Role.COORDINATOR}),
    # Queries
    "see_rights": _WITH_THOSE_CONCERNED | _ANSWERING,
    "see_rights_at_work": _ANSWERING,
    "see_retention": _ANSWERING,
    "see_people": _STAFF,
    "see_case": _STAFF | {Role.MENTOR, Role.TRAINEE},
    "see_dashboard": _STAFF,
    "search": _STAFF,
    "see_consent_trail": _STAFF | {Role.AUDITOR},
    "see_accesses": frozenset({Role.TRAINEE, Role.MENTOR, Role.COORDINATOR, Role.AUDITOR}),
    "see_access_log": frozenset({Role.COORDINATOR, Role.AUDITOR}),
    "see_reports": frozenset({Role.COORDINATOR, Role.FUNDER, Role.AUDITOR}),
    "see_summary": _COORDINATOR,
    "see_system": frozenset({Role.ADMINISTRATOR}),
}


def refuse_unless(by: Caller, action: str) -> None:
    """Raises NotAllowed where the role never does this."""
    if by.role not in MAY[action]:
        raise NotAllowed


class Involving(Protocol):
    """Whom a case involves: the aggregate knows it, and so does a read model's row."""

    @property
    def caseworker_id(self) -> UUID: ...
    @property
    def mentor_id(self) -> UUID: ...
    @property
    def trainee_id(self) -> UUID: ...


def refuse_unless_involved(by: Caller, case: Involving) -> None:
    """Raises NotFound unless the case is the caller's to see."""
    match by.role:
        case Role.COORDINATOR | Role.AUDITOR:
            return
        case Role.CASEWORKER if case.caseworker_id == by.member_id:
            return
        case Role.MENTOR if by.person_id is not None and case.mentor_id == by.person_id:
            return
        case Role.TRAINEE if by.person_id is not None and case.trainee_id == by.person_id:
            return
    raise NotFound
