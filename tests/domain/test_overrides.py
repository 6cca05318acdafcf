"""An override: without a consent, for hours, where a life is in danger; judged afterwards by somebody else."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.errors import Refusal
from domain.mentorship.consent import ConsentMissing
from domain.mentorship.corrections import EntryNotCorrectable
from domain.mentorship.overrides import (
    ConsentOverridden,
    OverrideNotForThis,
    OverrideNotFound,
    OverrideReviewed,
    OverrideReviewedAlready,
    OverrideTooLong,
    OverrideUnexplained,
    OverrideWithoutTime,
    OwnOverride,
)
from domain.mentorship.part import AfterClose, BeforeStart
from domain.mentorship.sessions import SessionHeld
from domain.occurred import Occurred
from domain.vocabulary import OverrideReason, Purpose
from tests.domain.scenario import (
    CASEWORKER,
    MENTORING_CONSENTED,
    OTHER_CASEWORKER,
    Step,
    at,
    closed,
    corrected,
    given,
    held,
    on,
    overridden,
    withdrew,
)

OVERRIDDEN = overridden(at(10, 9))


def reviewed(upheld: bool, version: int = 2, by: Any = OTHER_CASEWORKER, explanation: str = "x") -> Step:
    return lambda case: case.review_override(version, at(12, 9), upheld=upheld, reviewed_by=by, explanation=explanation)


def overriding(**changed: Any) -> Step:
    asked: dict[str, Any] = {
        "occurred": at(10, 9),
        "purpose": Purpose.MENTORING,
        "reason": OverrideReason.VIOLENCE,
        "until": at(11, 9),
        "overridden_by": CASEWORKER,
        "explanation": "x",
    }
    return lambda case: case.override_consent(**(asked | changed))


def test_an_act_in_the_hours_of_an_override_names_it_as_what_it_rests_on() -> None:
    for when in (at(10, 9), at(10, 20), at(11, 9), on(10), on(11)):
        [event] = given(OVERRIDDEN).when(held(when)).then(SessionHeld)
        assert event.relied_on == 2
    for when in (at(10, 8), on(9), at(11, 10), on(12)):
        given(OVERRIDDEN).when(held(when)).then_refused(ConsentMissing)


def test_a_consent_in_force_goes_before_an_override_and_a_withdrawn_one_does_not() -> None:
    [event] = given(MENTORING_CONSENTED, OVERRIDDEN).when(held(at(10, 12))).then(SessionHeld)
    assert event.relied_on == 2
    steps = (MENTORING_CONSENTED, withdrew(Purpose.MENTORING, on(5)), OVERRIDDEN)
    [event] = given(*steps).when(held(at(10, 12))).then(SessionHeld)
    assert event.relied_on == 4


def test_an_override_is_for_its_purpose_alone() -> None:
    given(overridden(at(10, 9), Purpose.ACCOMPANIMENT)).when(held(at(10, 12))).then_refused(ConsentMissing)


def test_the_last_of_several_overrides_is_named() -> None:
    [event] = given(OVERRIDDEN, overridden(at(10, 12))).when(held(at(10, 13))).then(SessionHeld)
    assert event.relied_on == 3


def test_an_override_that_was_not_upheld_carries_nothing_more() -> None:
    given(OVERRIDDEN, reviewed(False)).when(held(at(10, 12))).then_refused(ConsentMissing)
    [event] = given(OVERRIDDEN, reviewed(True)).when(held(at(10, 12))).then(SessionHeld)
    assert event.relied_on == 2


def test_a_review_names_the_override_and_both_members() -> None:
    [event] = given(OVERRIDDEN).when(reviewed(True)).then(OverrideReviewed)
    assert (event.override, event.upheld, event.reviewed_by, event.relied_on) == (2, True, OTHER_CASEWORKER, None)


@pytest.mark.parametrize(
    ("changed", "refusal", "field"),
    [
        ({"purpose": Purpose.FUNDER_REPORTING}, OverrideNotForThis, "purpose"),
        ({"purpose": Purpose.STORY_PUBLICATION}, OverrideNotForThis, "purpose"),
        ({"occurred": on(10)}, OverrideWithoutTime, "occurred_at"),
        ({"until": on(11)}, OverrideWithoutTime, "occurred_at"),
        ({"until": at(10, 9)}, OverrideTooLong, "hours"),
        ({"until": at(13, 10)}, OverrideTooLong, "hours"),
        ({"explanation": " \n"}, OverrideUnexplained, "explanation"),
        ({"occurred": at(-1, 9), "until": at(0, 9)}, BeforeStart, "occurred_on"),
    ],
)
def test_what_an_override_is_not(changed: dict[str, Any], refusal: type[Refusal], field: str) -> None:
    given().when(overriding(**changed)).then_refused(refusal, field)


def test_an_override_lasts_three_days_at_most_and_ends_with_the_mentorship() -> None:
    given().when(overriding(until=at(13, 9))).then(ConsentOverridden)
    given(closed(on(9))).when(overriding()).then_refused(AfterClose, "occurred_on")


def test_what_a_review_is_not() -> None:
    given(OVERRIDDEN).when(reviewed(True, version=1)).then_refused(OverrideNotFound)
    given(OVERRIDDEN).when(reviewed(True, by=CASEWORKER)).then_refused(OwnOverride)
    given(OVERRIDDEN).when(reviewed(True, explanation="")).then_refused(OverrideUnexplained, "explanation")
    given(OVERRIDDEN, reviewed(True)).when(reviewed(False)).then_refused(OverrideReviewedAlready)


def test_an_override_is_reviewed_and_never_put_right_or_taken_back() -> None:
    given(OVERRIDDEN).when(corrected(ConsentOverridden, on(20))).then_refused(EntryNotCorrectable)


def test_nothing_rests_on_an_override_a_second_after_its_end() -> None:
    late = at(11, 9)
    assert late.at is not None
    shifted = replace(late, at=late.at + timedelta(seconds=1))
    given(OVERRIDDEN).when(held(Occurred(shifted.on, shifted.at))).then_refused(ConsentMissing)
