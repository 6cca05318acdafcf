"""Every command stands in one registry of purposes and one table of roles, and does what the registry says."""

import inspect
from dataclasses import fields
from datetime import date
from enum import StrEnum
from typing import get_args, get_type_hints
from uuid import UUID

import pytest

from application.permissions import MAY
from domain.events import TOPICS, RecordEvent
from domain.evidence import EvidenceRequest
from domain.mentorship import Mentorship, MentorshipEvent
from domain.mentorship.consent import ConsentMissing, Scope
from domain.person import Person
from domain.personal import personal_fields
from domain.purposes import BASIS_OF, OtherBasis, purpose_of
from domain.report import Report
from domain.vocabulary import ConsentState, DataCategory, LegalBasis, Purpose, Recipient
from tests.domain.commands import CONSENTED, PLAUSIBLE, TODAY
from tests.domain.scenario import Step, case_of, consented, decided, given, history, on, withdrew

QUERIES = {
    "see_rights",
    "see_rights_at_work",
    "see_retention",
    "see_people",
    "see_case",
    "see_dashboard",
    "search",
    "see_consent_trail",
    "see_accesses",
    "see_access_log",
    "see_summary",
    "see_reports",
    "see_system",
}
UNDER_CONSENT = sorted(name for name, basis in BASIS_OF.items() if isinstance(basis, Purpose))
FROM_ROW = {"originator_id", "originator_version", "timestamp"}
OURS = [event for event in TOPICS.values() if event.__module__.startswith("domain.")]
ON_ANOTHER_BASIS = sorted(set(PLAUSIBLE) - set(UNDER_CONSENT))


def commands_of(aggregate: type) -> set[str]:
    """Public methods of ours that answer nothing (they decide), or the aggregate itself (they begin it)."""
    ours = [one for one in aggregate.__mro__ if one.__module__.startswith("domain.")]
    found = set()
    for one in ours:
        for name, member in vars(one).items():
            function = inspect.unwrap(getattr(member, "__func__", member))
            if not name.startswith("_") and inspect.isfunction(function):
                answers = inspect.signature(function, eval_str=False).return_annotation
                if answers in (None, "None") or isinstance(member, classmethod):
                    found.add(name)
    return found


def test_every_command_names_what_it_rests_on_and_nothing_else_does() -> None:
    assert commands_of(Person) | commands_of(Mentorship) | commands_of(EvidenceRequest) | commands_of(Report) == set(
        BASIS_OF
    )


def test_every_command_says_which_roles_may_ask_for_it_and_nothing_else_does() -> None:
    assert set(MAY) - QUERIES == set(BASIS_OF)
    assert all(MAY.values())


def test_every_command_of_a_mentorship_is_tried_here() -> None:
    assert set(PLAUSIBLE) == commands_of(Mentorship) - {"start"}


def test_no_command_rests_on_another_basis_without_a_reason_or_on_consent_by_default() -> None:
    others = [basis for basis in BASIS_OF.values() if isinstance(basis, OtherBasis)]
    assert all(basis.why and basis.basis is not LegalBasis.CONSENT for basis in others)
    with pytest.raises(TypeError, match="does not rest on consent"):
        purpose_of("close")
    with pytest.raises(KeyError):
        purpose_of("see_case")


@pytest.mark.parametrize("name", UNDER_CONSENT)
def test_a_command_under_a_purpose_records_the_consent_it_relied_on(name: str) -> None:
    case = case_of(*CONSENTED, *PLAUSIBLE[name].facts)
    [event] = given(*CONSENTED, *PLAUSIBLE[name].facts).when(PLAUSIBLE[name].run).then(_recorded_by(name))
    [decision] = [d for scope, ds in case.decisions.items() if scope.purpose is BASIS_OF[name] for d in ds]
    assert event.relied_on == decision.version
    assert type(event).PURPOSE is BASIS_OF[name]


@pytest.mark.parametrize("name", UNDER_CONSENT)
def test_a_command_under_a_purpose_is_refused_without_a_consent_in_force(name: str) -> None:
    purpose = purpose_of(name)
    run = PLAUSIBLE[name].run
    facts = (*CONSENTED, *PLAUSIBLE[name].facts)
    given(*facts, withdrew(purpose, on(49))).when(run).then_refused(ConsentMissing)
    given(*facts, decided(ConsentState.INVALIDATED, purpose, on(49))).when(run).then_refused(ConsentMissing)
    given(*facts, decided(ConsentState.REFUSED, purpose, on(49))).when(run).then_refused(ConsentMissing)
    given(*facts, consented(purpose, on(49), valid_until=on(49).on)).when(run).then_refused(ConsentMissing)


@pytest.mark.parametrize("name", [name for name in UNDER_CONSENT if not PLAUSIBLE[name].facts])
def test_a_command_under_a_purpose_is_refused_when_only_other_purposes_were_consented_to(name: str) -> None:
    others = [consented(purpose) for purpose in Purpose if purpose is not BASIS_OF[name]]
    given(*others).when(PLAUSIBLE[name].run).then_refused(ConsentMissing)


@pytest.mark.parametrize("name", ON_ANOTHER_BASIS)
def test_a_command_on_another_basis_needs_no_consent(name: str) -> None:
    withdrawn = [withdrew(Purpose(purpose), on(49)) for purpose in sorted(set(map(purpose_of, UNDER_CONSENT)))]
    [event] = given(*CONSENTED, *PLAUSIBLE[name].facts, *withdrawn).when(PLAUSIBLE[name].run).then(_recorded_by(name))
    assert event.relied_on is None
    assert type(event).PURPOSE is None


@pytest.mark.parametrize("name", sorted(PLAUSIBLE))
def test_every_event_says_when_it_happened_and_between_whom(name: str) -> None:
    case = case_of(*CONSENTED, *PLAUSIBLE[name].facts)
    [event] = given(*CONSENTED, *PLAUSIBLE[name].facts).when(PLAUSIBLE[name].run).then(_recorded_by(name))
    assert event.occurred_on == TODAY.on
    assert (event.trainee_id, event.mentor_id) == (case.trainee_id, case.mentor_id)
    assert event.originator_version == case.version + 1


def test_every_event_under_a_purpose_is_recorded_by_a_command_under_that_purpose() -> None:
    recorded = {_recorded_by(name) for name in PLAUSIBLE}
    assert {event for event in OURS if event.PURPOSE} == {event for event in recorded if event.PURPOSE}


@pytest.mark.parametrize("event", OURS, ids=lambda event: event.TOPIC)
def test_a_field_in_plain_text_leaves_no_room_for_a_name(event: type[RecordEvent]) -> None:
    """It is an id, a number, a day, a term of the vocabulary or a code that was checked to be one: never free text."""
    codes = {
        "streams",
        "country",
        "profession",
        "template",
        "stage",
        "stages",
        "corrected_topic",
        "changes",
        "rule",
        "funder",
        "content",
        "digest",
    }
    hints = get_type_hints(event)
    plain = {field.name for field in fields(event)} - set(personal_fields(event)) - codes - FROM_ROW
    for name in sorted(plain):
        for kind in get_args(hints[name]) or (hints[name],):
            assert issubclass(kind, (UUID, int, date, StrEnum, type(None))), name


def test_a_consent_to_one_recipient_or_data_category_says_nothing_about_another() -> None:
    def given_for(scope: Scope) -> Step:
        return lambda case: case.decide_consent(ConsentState.GIVEN, scope, on(0))

    scopes = [Scope(Purpose.MENTORING, category, recipient) for category in DataCategory for recipient in Recipient]
    scopes.remove(Scope(Purpose.MENTORING))
    given(*map(given_for, scopes)).when(PLAUSIBLE["hold_session"].run).then_refused(ConsentMissing)


def _recorded_by(name: str) -> type[MentorshipEvent]:
    case = case_of(*CONSENTED, *PLAUSIBLE[name].facts)
    PLAUSIBLE[name].run(case)
    return type(history(case)[-1])
