"""A person: registered once, their details put right as often as needed."""

from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from domain.errors import Refusal
from domain.person import (
    BornInFuture,
    Details,
    LanguageSkill,
    NameMissing,
    NothingChanged,
    Person,
    PersonDetailsCorrected,
    PersonRegistered,
)
from domain.personal import personal_fields
from domain.text import LoneSurrogate, NulCharacter, TooLong
from domain.vocabulary import CefrLevel, Gender, PersonRole
from tests.domain.scenario import on

PERSON = UUID(int=7)
DETAILS = Details(
    full_name="زهرا کریمی",
    born_on=date(2004, 4, 21),
    gender=Gender.FEMALE,
    languages=(LanguageSkill("fa-AF"), LanguageSkill("de", CefrLevel.A1)),
    origin_country="AFG",
    occupation_isco="7112",
    phone="+49 30 5550 0001",
    email="z@example.org",
    care_duties=True,
    note="Calls in the evening",
    reference="T0001",
)


def registered(details: Details = DETAILS, role: PersonRole = PersonRole.TRAINEE) -> Person:
    return Person.register(PERSON, role=role, details=details, told=on(0))


def test_a_person_is_registered_as_they_write_themselves() -> None:
    person = registered()
    [event] = person.collect_events()
    assert isinstance(event, PersonRegistered)
    assert (event.details, event.role, event.occurred_on) == (DETAILS, PersonRole.TRAINEE, on(0).on)
    assert (person.id, person.version, person.details) == (PERSON, 1, DETAILS)


def test_a_name_may_hold_what_only_shapes_its_letters() -> None:
    name = "محمد\u200cحسین"
    assert registered(replace(DETAILS, full_name=name)).details.full_name == name


def test_everything_known_of_a_person_is_their_personal_data() -> None:
    """All but their role, without which nobody could tell who may be asked for what."""
    for event in (PersonRegistered, PersonDetailsCorrected):
        assert set(personal_fields(event)) == set(Details.__dataclass_fields__)


def test_what_is_unknown_of_a_person_stays_unknown() -> None:
    details = registered(Details(full_name="Jo")).details
    assert (details.born_on, details.gender, details.care_duties, details.languages) == (None, None, None, ())


def test_details_are_put_right_and_the_old_ones_stay_in_the_history() -> None:
    person = registered()
    right = replace(DETAILS, phone="+49 30 5550 0002")
    person.correct_details(role=PersonRole.BOTH, details=right, told=on(3))
    first, second = person.collect_events()
    assert isinstance(first, PersonRegistered)
    assert isinstance(second, PersonDetailsCorrected)
    assert (first.details, second.details) == (DETAILS, right)
    assert (person.details, person.role, person.version) == (right, PersonRole.BOTH, 2)


def test_details_that_are_right_already_are_not_put_right_again() -> None:
    person = registered()
    with pytest.raises(NothingChanged):
        person.correct_details(role=PersonRole.TRAINEE, details=replace(DETAILS), told=on(3))
    person.correct_details(role=PersonRole.MENTOR, details=DETAILS, told=on(3))


@pytest.mark.parametrize(
    ("role", "trainee", "mentor"),
    [(PersonRole.TRAINEE, True, False), (PersonRole.MENTOR, False, True), (PersonRole.BOTH, True, True)],
)
def test_a_role_says_who_may_be_what(role: PersonRole, trainee: bool, mentor: bool) -> None:
    person = registered(role=role)
    assert (person.may_be_trainee, person.may_be_mentor) == (trainee, mentor)


@pytest.mark.parametrize(
    ("told", "refusal", "field"),
    [
        ({"full_name": ""}, NameMissing, "full_name"),
        ({"full_name": " \u3000"}, NameMissing, "full_name"),
        ({"full_name": "\u200b"}, NameMissing, "full_name"),
        ({"full_name": "\u202e \u200c\u2066"}, NameMissing, "full_name"),
        ({"full_name": "x" * 501}, TooLong, "full_name"),
        ({"full_name": "Jo\x00"}, NulCharacter, "full_name"),
        ({"note": "\udc80"}, LoneSurrogate, "note"),
        ({"note": "x" * 10_001}, TooLong, "note"),
        ({"languages": (LanguageSkill("x" * 501),)}, TooLong, "languages"),
        ({"languages": (LanguageSkill("de"),) * 101}, TooLong, "languages"),
        ({"born_on": date(2025, 3, 4)}, BornInFuture, "born_on"),
    ],
)
def test_details_that_can_not_be_kept_are_refused(told: dict[str, Any], refusal: type[Refusal], field: str) -> None:
    wrong = replace(DETAILS, **told)
    with pytest.raises(refusal) as refused:
        registered(wrong)
    assert refused.value.fields == (field,)
    person = registered()
    with pytest.raises(refusal):
        person.correct_details(role=PersonRole.TRAINEE, details=wrong, told=on(0))
    assert person.version == 1


def test_somebody_born_on_the_day_they_are_registered_is_taken() -> None:
    assert registered(replace(DETAILS, born_on=on(0).on)).details.born_on == on(0).on
