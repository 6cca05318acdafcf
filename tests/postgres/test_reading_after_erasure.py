"""An event outlives the erasure of a person in it: what is the other's still opens, and what is gone says so."""

from dataclasses import fields
from typing import Any
from uuid import UUID

import pytest

from adapters.keys.sealing import DataKey, KeyDestroyed, Unreadable
from adapters.postgres import mapper
from domain.events import RecordEvent
from domain.mentorship import Mentorship, MentorshipEvent
from domain.mentorship.corrections import EntryCorrected, as_it_stands
from domain.mentorship.sessions import SessionHeld
from domain.person import Person
from domain.personal import personal_fields
from projections.entries import own_fields, told
from tests.domain.scenario import MENTOR, TRAINEE, on
from tests.golden.stored import key_of, sealed
from tests.golden.write import samples

STORY = [sealed(event) for event in samples()]
TOLD = list(samples())


def keys_without(*erased: UUID) -> mapper.Held:
    def held(organisation_id: UUID, person_id: UUID, key_version: int | None = None) -> DataKey:
        if person_id in erased:
            raise KeyDestroyed
        return key_of(organisation_id, person_id, key_version)

    return held


def opened(*erased: UUID) -> list[RecordEvent]:
    return [mapper.open(mapper.envelope(row), keys_without(*erased)) for row in STORY]


def whose(event: RecordEvent, name: str) -> UUID:
    found: UUID = getattr(event, personal_fields(type(event))[name].person_field)
    return found


@pytest.mark.parametrize("gone", [TRAINEE.id, MENTOR.id], ids=["trainee", "mentor"])
def test_what_was_an_erased_persons_is_empty_and_named_and_all_else_is_as_it_was(gone: UUID) -> None:
    for was, event in zip(TOLD, opened(gone), strict=True):
        of_the_gone = {name for name in personal_fields(type(was)) if whose(was, name) == gone}
        had_any = {name for name in of_the_gone if getattr(was, name)}
        assert had_any <= event.erased <= of_the_gone
        for field in fields(was):
            if field.name in event.erased:
                assert not getattr(event, field.name), field.name
                assert told(event, field.name) is None
            elif field.name != "timestamp":
                assert getattr(event, field.name) == getattr(was, field.name), field.name


def test_a_session_of_two_still_shows_what_the_mentor_said_when_the_trainee_is_erased() -> None:
    [session] = [event for event in opened(TRAINEE.id) if isinstance(event, SessionHeld)]
    assert (session.mentor_rating, session.mentor_feedback) == (4, "Speaks up by now")
    assert session.erased == {"summary", "trainee_rating", "trainee_feedback"}
    shown: dict[str, Any] = own_fields(session) or {}
    assert shown["mentor_feedback"] == "Speaks up by now"
    assert "summary" not in shown


@pytest.mark.parametrize("gone", [(TRAINEE.id,), (MENTOR.id,), (TRAINEE.id, MENTOR.id)])
def test_the_aggregates_of_erased_people_still_load(gone: tuple[UUID, ...]) -> None:
    person: Any = None
    case: Any = None
    for event in opened(*gone):
        if event.originator_id == TRAINEE.id:
            person = event.mutate(person)
        elif isinstance(event, MentorshipEvent):
            case = event.mutate(case)
    assert isinstance(person, Person)
    assert isinstance(case, Mentorship)
    assert person.erased_on == on(10).on
    assert case.closed_on == on(96).on


def test_a_correction_of_what_is_erased_changes_nothing_and_keeps_the_mark() -> None:
    events = opened(TRAINEE.id)
    [session] = [event for event in events if isinstance(event, SessionHeld)]
    stands = as_it_stands(session, [event for event in events if isinstance(event, EntryCorrected)])
    assert stands.erased == session.erased
    assert told(stands, "mentor_feedback") == "Spoke up"
    assert told(stands, "summary") is None


def test_a_key_that_is_missing_without_having_been_destroyed_is_still_a_fault() -> None:
    def lost(organisation_id: UUID, person_id: UUID, key_version: int | None = None) -> DataKey:
        raise Unreadable

    with pytest.raises(Unreadable):
        mapper.open(mapper.envelope(STORY[0]), lost)
    assert KeyDestroyed().code != Unreadable().code
