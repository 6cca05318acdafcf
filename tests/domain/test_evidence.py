"""Asking for evidence: a reason always, and the words of it where they belong."""

from dataclasses import replace
from datetime import date
from uuid import UUID

import pytest

from domain.evidence import (
    AboutPeriod,
    AboutSubject,
    EvidenceOpening,
    EvidenceReason,
    EvidenceReasonMissing,
    EvidenceRequest,
    EvidenceRequested,
    EvidenceSubject,
    NothingInPeriod,
    PeriodEvidenceRequested,
    PeriodOutOfOrder,
    StreamUpTo,
)
from domain.personal import OF_SELF, Personal, personal_fields
from domain.text import TooLong
from tests.domain.scenario import TRAINEE, on


def requested(
    about: AboutSubject | AboutPeriod, reason: str = "The yearly audit"
) -> EvidenceRequested | PeriodEvidenceRequested:
    request = EvidenceRequest.request_evidence(
        UUID(int=7),
        about=about,
        opening=EvidenceOpening.CONSENT,
        reason_code=EvidenceReason.REGULAR_AUDIT,
        reason=reason,
        asked=on(0),
    )
    [event] = request.collect_events()
    assert isinstance(event, EvidenceRequested | PeriodEvidenceRequested)
    return event


OF_PERSON = AboutSubject(EvidenceSubject.PERSON, TRAINEE.id, TRAINEE.id, (StreamUpTo(TRAINEE.id, 2),), 4)
DAYS = date(2025, 1, 1), date(2025, 3, 31)


def test_why_evidence_about_a_person_is_asked_for_is_personal_data_of_that_person() -> None:
    event = requested(OF_PERSON)
    assert isinstance(event, EvidenceRequested)
    assert personal_fields(type(event)) == {"reason": Personal("person_id")}
    assert (event.person_id, event.streams, event.access_entries) == (TRAINEE.id, OF_PERSON.streams, 4)


def test_where_the_person_has_been_erased_the_reason_belongs_to_the_request() -> None:
    event = requested(replace(OF_PERSON, person_id=None))
    assert isinstance(event, EvidenceRequested)
    assert event.person_id == event.originator_id


def test_why_evidence_about_a_period_is_asked_for_belongs_to_the_request_alone() -> None:
    event = requested(AboutPeriod(*DAYS, 1, 9))
    assert isinstance(event, PeriodEvidenceRequested)
    assert personal_fields(type(event)) == {"reason": OF_SELF}


def test_evidence_is_not_asked_for_without_a_reason() -> None:
    with pytest.raises(EvidenceReasonMissing):
        requested(OF_PERSON, " \n")
    with pytest.raises(TooLong):
        requested(OF_PERSON, "x" * 10_001)


def test_a_period_ends_no_earlier_than_it_begins_and_something_was_recorded_in_it() -> None:
    AboutPeriod(DAYS[0], DAYS[0], 5, 5)
    with pytest.raises(PeriodOutOfOrder):
        AboutPeriod(DAYS[1], DAYS[0], 1, 9)
    with pytest.raises(NothingInPeriod):
        AboutPeriod(*DAYS, 10, 9)
