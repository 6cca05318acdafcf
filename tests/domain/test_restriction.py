"""Restricting the use of a person's data, and objecting to one."""

from uuid import UUID

import pytest

from domain.erasure import PersonErased
from domain.person import Details, Person
from domain.purposes import BASIS_OF, OtherBasis
from domain.restriction import (
    DECIDES_STANDING,
    FREE,
    Interest,
    NotRestricted,
    ObjectedAlready,
    ObjectionNotFound,
    ObjectionOutcome,
    ObjectionStands,
    PersonNotTold,
    ProcessingRestrictedNow,
    RestrictedAlready,
    RestrictionGround,
    Standing,
    refuse_unless_free,
    standing_of,
)
from domain.vocabulary import PersonRole, Track
from tests.domain.scenario import MENTOR, TRAINEE, case_of, on, told_of
from tests.domain.test_erasure import approved, erased

OBJECTION, DECIDED_BY = UUID(int=51), UUID(int=52)
RESTRICTED, OBJECTED = Standing(restricted=True), Standing(objected=frozenset({Interest.CASE_ADMINISTRATION}))
GOES_ON = {
    "correct_details", "propose_erasure", "request_erasure", "refuse_erasure", "approve_erasure", "confirm_erased", "restrict",
    "lift_restriction", "object_to", "decide_objection", "hand_out_copy", "place_hold", "release_hold", "note_funding", "decide_consent",
    "correct_entry", "retract_entry", "override_consent", "review_override",
}  # fmt: skip


def person(number: int = 7, role: PersonRole = PersonRole.BOTH) -> Person:
    return Person.register(UUID(int=number), role=role, details=Details(full_name="Parwana Rahimi"), told=on(0))


def restricted() -> Person:
    found = person()
    found.restrict(on(1), ground=RestrictionGround.ACCURACY_CONTESTED, note="Says the date is wrong")
    return found


def objecting(interest: Interest = Interest.CASE_ADMINISTRATION) -> Person:
    found = person()
    found.object_to(on(1), objection_id=OBJECTION, interest=interest, note="Does not want to be counted")
    return found


def test_a_restriction_stands_until_the_person_was_told_that_it_ends() -> None:
    found = restricted()
    with pytest.raises(RestrictedAlready):
        found.restrict(on(2), ground=RestrictionGround.UNLAWFUL)
    for told_on in (None, on(9).on):
        with pytest.raises(PersonNotTold):
            found.lift_restriction(on(8), person_told_on=told_on)
    found.lift_restriction(on(8), person_told_on=on(7).on)
    assert found.standing == FREE
    with pytest.raises(NotRestricted):
        found.lift_restriction(on(9), person_told_on=on(7).on)


def test_an_objection_stands_until_it_is_decided_and_beyond_where_it_is_upheld() -> None:
    found = objecting()
    with pytest.raises(ObjectedAlready):
        found.object_to(on(2), objection_id=UUID(int=53), interest=Interest.CASE_ADMINISTRATION)
    found.object_to(on(2), objection_id=UUID(int=53), interest=Interest.STATISTICS)
    found.decide_objection(on(3), objection_id=OBJECTION, decided_by=DECIDED_BY, outcome=ObjectionOutcome.OVERRIDDEN)
    assert found.standing.objected == {Interest.STATISTICS}
    found.decide_objection(
        on(3), objection_id=UUID(int=53), decided_by=DECIDED_BY, outcome=ObjectionOutcome.UPHELD, note="Right"
    )
    assert found.standing.objected == {Interest.STATISTICS}
    with pytest.raises(ObjectionNotFound):
        found.decide_objection(on(4), objection_id=OBJECTION, decided_by=DECIDED_BY, outcome=ObjectionOutcome.UPHELD)
    with pytest.raises(ObjectionNotFound):
        found.decide_objection(on(4), objection_id=UUID(int=99), decided_by=DECIDED_BY, outcome=ObjectionOutcome.UPHELD)


@pytest.mark.parametrize("command", sorted(BASIS_OF))
def test_while_restricted_only_a_persons_rights_and_what_saves_a_life_go_on(command: str) -> None:
    if command in GOES_ON:
        refuse_unless_free(command, RESTRICTED)
        refuse_unless_free(command, FREE, RESTRICTED)
    else:
        with pytest.raises(ProcessingRestrictedNow):
            refuse_unless_free(command, RESTRICTED)
        with pytest.raises(ProcessingRestrictedNow):
            refuse_unless_free(command, FREE, RESTRICTED)


@pytest.mark.parametrize("command", sorted(BASIS_OF))
def test_an_objection_stops_what_rests_on_the_interest_objected_to(command: str) -> None:
    basis = BASIS_OF[command]
    if isinstance(basis, OtherBasis) and basis.basis == "legitimate-interests" and command != "close":
        with pytest.raises(ObjectionStands):
            refuse_unless_free(command, OBJECTED)
    else:
        refuse_unless_free(command, OBJECTED)
    refuse_unless_free(command, Standing(objected=frozenset({Interest.STATISTICS})))


@pytest.mark.parametrize("command", sorted(BASIS_OF))
def test_a_case_whose_trainee_is_erased_can_only_be_closed_and_an_erased_mentor_stops_nothing(command: str) -> None:
    refuse_unless_free(command, FREE, Standing(erased=True))
    if command == "close":
        refuse_unless_free(command, Standing(erased=True))
    else:
        with pytest.raises(PersonErased):
            refuse_unless_free(command, Standing(erased=True))


def test_nobody_starts_or_takes_over_a_case_while_their_data_rest() -> None:
    for unusable, refusal in ((restricted(), ProcessingRestrictedNow), (erased(), PersonErased)):
        with pytest.raises(refusal):
            type(case_of()).start(
                UUID(int=60),
                trainee=unusable,
                mentor=MENTOR,
                caseworker_id=DECIDED_BY,
                track=Track.OTHER,
                started=on(3),
            )
    case = case_of()
    with pytest.raises(ProcessingRestrictedNow):
        case.hand_over(on(9), to_mentor=restricted())
    assert case.trainee_id == TRAINEE.id


@pytest.mark.parametrize("whose", [person, restricted, objecting, approved, erased])
def test_what_keeps_data_from_being_used_is_known_without_any_key(whose: object) -> None:
    assert callable(whose)
    found = whose()
    assert isinstance(found, Person)
    plain = [(event.TOPIC, event) for event in told_of(found) if event.TOPIC in DECIDES_STANDING]
    assert standing_of(plain) == found.standing


def test_what_is_lifted_and_overridden_is_known_without_any_key_too() -> None:
    found = objecting()
    found.restrict(on(1), ground=RestrictionGround.NEEDED_FOR_CLAIMS)
    found.lift_restriction(on(2), person_told_on=on(1).on)
    found.decide_objection(on(3), objection_id=OBJECTION, decided_by=DECIDED_BY, outcome=ObjectionOutcome.OVERRIDDEN)
    assert standing_of([(event.TOPIC, event) for event in told_of(found)]) == found.standing == FREE
