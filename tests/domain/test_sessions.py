"""Sessions held, with what each side says of them."""

from typing import Any

import pytest

from domain.errors import Refusal
from domain.mentorship.sessions import MinutesOutOfRange, RatingOutOfRange, SessionHeld
from domain.personal import OF_MENTOR, OF_TRAINEE, personal_fields
from domain.text import LoneSurrogate, NulCharacter, TooLong
from domain.vocabulary import Medium
from tests.domain.scenario import MENTORING_CONSENTED, SESSION, an, given, held, on


def test_a_session_is_recorded_with_the_feedback_of_both_sides() -> None:
    told: dict[str, Any] = {
        "minutes": 90,
        "medium": Medium.VIDEO,
        "summary": "Practised the interview",
        "trainee_rating": 5,
        "trainee_feedback": "خوب بود",
        "mentor_rating": 4,
        "mentor_feedback": "Speaks up by now",
    }
    given(MENTORING_CONSENTED).when(held(on(5), **told)).then(an(SessionHeld, session_id=SESSION, **told))


def test_the_feedback_of_each_side_belongs_to_that_side() -> None:
    marks = personal_fields(SessionHeld)
    assert marks["trainee_feedback"] == marks["trainee_rating"] == marks["summary"] == OF_TRAINEE
    assert marks["mentor_feedback"] == marks["mentor_rating"] == OF_MENTOR


@pytest.mark.parametrize(
    ("told", "refusal", "field"),
    [
        ({"minutes": 0}, MinutesOutOfRange, "minutes"),
        ({"minutes": 1441}, MinutesOutOfRange, "minutes"),
        ({"trainee_rating": 0}, RatingOutOfRange, "trainee_rating"),
        ({"mentor_rating": 6}, RatingOutOfRange, "mentor_rating"),
        ({"summary": "x" * 10_001}, TooLong, "summary"),
        ({"trainee_feedback": "a\x00b"}, NulCharacter, "trainee_feedback"),
        ({"mentor_feedback": "a\ud800b"}, LoneSurrogate, "mentor_feedback"),
    ],
)
def test_a_session_that_can_not_have_been_is_refused(told: dict[str, Any], refusal: type[Refusal], field: str) -> None:
    given(MENTORING_CONSENTED).when(held(on(5), **told)).then_refused(refusal, field)


def test_a_session_lasts_from_a_minute_to_a_day() -> None:
    for minutes in (1, 1440):
        given(MENTORING_CONSENTED).when(held(on(5), minutes=minutes)).then(SessionHeld)
