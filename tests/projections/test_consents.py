from contextlib import suppress
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import Refusal
from domain.mentorship.consent import CONSENT_EVENTS, Scope, standing
from domain.occurred import Occurred
from domain.vocabulary import ConsentState, Purpose
from projections.consents import CONSENTS, PROJECTION, ConsentStatus, consents_on, status_on
from projections.projection import Rows
from tests.domain.scenario import at, case_of, consented, decided, history, on, withdrew
from tests.projections.folding import folded, rows_of, seen, the_row

DAY = date(2025, 6, 1)


def test_the_last_decision_made_stands_however_late_it_was_recorded() -> None:
    rows = folded(
        PROJECTION,
        consented(Purpose.MENTORING, on(1)),
        withdrew(Purpose.MENTORING, on(20)),
        decided(ConsentState.GIVEN, Purpose.MENTORING, on(10)),
    )
    consent = the_row(CONSENTS, rows)
    assert (consent.state, consent.decided_on, consent.version) == (ConsentState.WITHDRAWN, on(20).on, 3)


def test_of_two_decisions_on_one_day_the_later_hour_stands() -> None:
    rows = folded(
        PROJECTION,
        consented(Purpose.MENTORING, at(1, 9)),
        withdrew(Purpose.MENTORING, at(3, 15)),
        decided(ConsentState.GIVEN, Purpose.MENTORING, at(3, 10)),
    )
    assert the_row(CONSENTS, rows).state is ConsentState.WITHDRAWN


def test_a_consent_found_invalid_is_shown_so_even_where_an_answer_of_a_later_hour_went_before() -> None:
    rows = folded(
        PROJECTION,
        decided(ConsentState.REFUSED, Purpose.MENTORING, at(3, 16)),
        consented(Purpose.MENTORING, on(3)),
        decided(ConsentState.INVALIDATED, Purpose.MENTORING, at(3, 12)),
    )
    assert the_row(CONSENTS, rows).state is ConsentState.INVALIDATED


def test_to_be_asked_again_changes_nothing() -> None:
    rows = folded(
        PROJECTION,
        decided(ConsentState.REQUESTED, Purpose.MENTORING, on(0)),
        consented(Purpose.MENTORING, on(1)),
        decided(ConsentState.REQUESTED, Purpose.MENTORING, on(9)),
    )
    assert the_row(CONSENTS, rows).decided_on == on(1).on


MOMENTS = st.builds(
    lambda day, hour: on(day) if hour is None else at(day, hour),
    st.integers(1, 4),
    st.none() | st.sampled_from([6, 12, 18]),
)


@settings(max_examples=300, deadline=None)
@given(told=st.lists(st.tuples(st.sampled_from(sorted(CONSENT_EVENTS)), MOMENTS), max_size=8))
def test_what_stands_is_what_the_record_itself_would_rely_on(told: list[tuple[ConsentState, Occurred]]) -> None:
    case = case_of()
    for state, occurred in told:
        with suppress(Refusal):
            case.decide_consent(state, Scope(Purpose.MENTORING), occurred)
    rows = Rows()
    for one in seen(history(case)):
        PROJECTION.apply(one, rows)
    stood = standing(case.decisions.get(Scope(Purpose.MENTORING), ()), on(9))
    assert [(row.version, row.state) for row in rows_of(CONSENTS, rows)] == (
        [(stood.version, stood.state)] if stood else []
    )


def test_two_purposes_stand_for_themselves() -> None:
    rows = folded(
        PROJECTION, consented(Purpose.MENTORING), decided(ConsentState.REFUSED, Purpose.STORY_PUBLICATION, on(0))
    )
    views = consents_on(DAY, rows_of(CONSENTS, rows))
    assert [(view.purpose, view.status) for view in views] == [
        (Purpose.MENTORING, ConsentStatus.IN_FORCE),
        (Purpose.STORY_PUBLICATION, ConsentStatus.REFUSED),
    ]


@pytest.mark.parametrize(
    ("state", "valid_from", "valid_until", "status"),
    [
        (None, None, None, ConsentStatus.MISSING),
        (ConsentState.GIVEN, None, None, ConsentStatus.IN_FORCE),
        (ConsentState.GIVEN, DAY + timedelta(1), None, ConsentStatus.NOT_YET),
        (ConsentState.GIVEN, None, DAY - timedelta(1), ConsentStatus.EXPIRED),
        (ConsentState.RENEWED, None, DAY, ConsentStatus.RUNNING_OUT),
        (ConsentState.RENEWED, None, DAY + timedelta(60), ConsentStatus.RUNNING_OUT),
        (ConsentState.RENEWED, None, DAY + timedelta(61), ConsentStatus.IN_FORCE),
        (ConsentState.WITHDRAWN, None, DAY + timedelta(61), ConsentStatus.WITHDRAWN),
        (ConsentState.REQUESTED, None, None, ConsentStatus.REQUESTED),
    ],
)
def test_a_consent_is_judged_on_the_day_it_is_asked_about(
    state: ConsentState | None, valid_from: date | None, valid_until: date | None, status: ConsentStatus
) -> None:
    assert status_on(DAY, state, valid_from, valid_until) is status
    assert status.permits == (status in (ConsentStatus.IN_FORCE, ConsentStatus.RUNNING_OUT))
