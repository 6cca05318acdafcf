"""Appointments: booked, moved, cancelled, missed, concluded alone, or accompanied."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from domain.mentorship.accompaniments import (
    AccompanimentRecorded,
    AppointmentConcluded,
    AppointmentMissed,
    BeforeAppointment,
    DeadlineTooEarly,
    NextStepCompleted,
    NoNextStep,
    NotANoShow,
    TimesOutOfOrder,
)
from domain.mentorship.appointments import (
    AccompanimentAlreadyRecorded,
    AppointmentBooked,
    AppointmentCancelled,
    AppointmentCancelledAlready,
    AppointmentMoved,
    AppointmentNotFound,
)
from domain.mentorship.part import AfterClose, AlreadyOnRecord, BeforeStart
from domain.occurred import Occurred, TimeWithoutZone
from domain.text import LoneSurrogate, TooLong
from domain.vocabulary import AppointmentOutcome, AppointmentType, CompanionRole, Interpreter
from tests.domain.scenario import (
    ACCOMPANIED,
    ACCOMPANIMENT_CONSENTED,
    APPOINTMENT,
    BOOKED,
    CASEWORKER,
    CLOSED,
    MENTORING_CONSENTED,
    Step,
    accompanied,
    an,
    at,
    booked,
    given,
    on,
)

CONSENTED = (MENTORING_CONSENTED, ACCOMPANIMENT_CONSENTED)
PENDING = (*CONSENTED, BOOKED)


def moved(starts: Occurred, occurred: Occurred | None = None) -> Step:
    return lambda case: case.move_appointment(APPOINTMENT, occurred or on(4), starts=starts, reason="Office closed")


def cancelled(occurred: Occurred) -> Step:
    return lambda case: case.cancel_appointment(APPOINTMENT, occurred, reason="Not needed")


def missed(occurred: Occurred, **told: Any) -> Step:
    return lambda case: case.miss_appointment(APPOINTMENT, occurred, **told)


def concluded(occurred: Occurred, **told: Any) -> Step:
    told = {"outcome": AppointmentOutcome.INFORMATION_ONLY, **told}
    return lambda case: case.conclude_appointment(APPOINTMENT, occurred, **told)


def step_done(occurred: Occurred) -> Step:
    return lambda case: case.complete_next_step(APPOINTMENT, occurred, note="Handed in")


ENDINGS: list[Any] = [missed, concluded, accompanied]


def test_an_appointment_is_booked_with_all_that_is_needed_to_go_there() -> None:
    told: dict[str, Any] = {
        "type": AppointmentType.RECOGNITION_AUTHORITY,
        "authority": "Landesamt",
        "office": "Turmstraße 21, room 4",
        "reference_number": "AZ-77",
        "papers_needed": ("passport", "diploma"),
        "note": "Lift is broken",
    }
    given(*CONSENTED).when(booked(at(10, 9), on(1), **told)).then(
        an(AppointmentBooked, starts_on=on(10).on, starts_at=at(10, 9).at, occurred_on=on(1).on, **told)
    )


def test_an_appointment_starts_at_a_moment_known_to_the_minute_and_zone() -> None:
    given(*CONSENTED).when(booked(on(10))).then_refused(TimeWithoutZone, "starts_at")
    naive = Occurred(on(10).on, datetime(2025, 3, 13, 9, 0))  # noqa: DTZ001 - a time without a zone is what is refused
    given(*CONSENTED).when(booked(naive)).then_refused(TimeWithoutZone, "starts_at")
    given(*PENDING).when(moved(naive)).then_refused(TimeWithoutZone, "starts_at")


def test_an_appointment_lies_within_the_mentorship() -> None:
    given(*CONSENTED).when(booked(at(-1, 9))).then_refused(BeforeStart, "starts_at")
    given(*CONSENTED).when(booked(at(10, 9), on(-1))).then_refused(BeforeStart, "occurred_on")
    given(*CONSENTED, CLOSED).when(booked(at(101, 9))).then_refused(AfterClose, "starts_at")
    given(*PENDING, CLOSED).when(moved(at(101, 9))).then_refused(AfterClose, "starts_at")
    given(*PENDING).when(moved(at(11, 9), on(-1))).then_refused(BeforeStart, "occurred_on")
    given(*PENDING).when(cancelled(on(-1))).then_refused(BeforeStart, "occurred_on")


def test_an_appointment_that_took_place_may_be_told_afterwards() -> None:
    given(*CONSENTED).when(booked(at(10, 9), on(30))).then(AppointmentBooked)


def test_an_appointment_is_booked_once() -> None:
    given(*PENDING).when(booked(at(11, 9))).then_refused(AlreadyOnRecord)


def test_texts_of_a_booking_are_bounded() -> None:
    for name in ("authority", "office", "reference_number"):
        given(*CONSENTED).when(booked(at(10, 9), on(1), **{name: "x" * 501})).then_refused(TooLong, name)
    given(*CONSENTED).when(booked(at(10, 9), papers_needed=("x",) * 101)).then_refused(TooLong, "papers_needed")
    given(*CONSENTED).when(booked(at(10, 9), papers_needed=("\udfff",))).then_refused(LoneSurrogate, "papers_needed")


def test_an_appointment_moves_and_is_cancelled() -> None:
    given(*PENDING).when(moved(at(12, 14))).then(
        an(AppointmentMoved, starts_on=on(12).on, starts_at=at(12, 14).at, reason="Office closed")
    )
    given(*PENDING).when(cancelled(on(4))).then(an(AppointmentCancelled, reason="Not needed"))


@pytest.mark.parametrize("end", ENDINGS)
def test_a_cancelled_appointment_is_over(end: Any) -> None:
    for step in (moved(at(12, 9)), cancelled(on(5)), end(on(10))):
        given(*PENDING, cancelled(on(4))).when(step).then_refused(AppointmentCancelledAlready)


@pytest.mark.parametrize("end", ENDINGS)
def test_what_came_of_an_appointment_is_recorded_once(end: Any) -> None:
    for step in (moved(at(12, 9)), cancelled(on(11)), missed(on(11)), concluded(on(11)), accompanied(on(11))):
        given(*PENDING, end(on(10))).when(step).then_refused(AccompanimentAlreadyRecorded)


@pytest.mark.parametrize(
    "step",
    [moved(at(12, 9)), cancelled(on(5)), missed(on(10)), concluded(on(10)), accompanied(on(10)), step_done(on(9))],
)
def test_an_appointment_that_was_never_booked_is_not_found(step: Step) -> None:
    given(*CONSENTED).when(step).then_refused(AppointmentNotFound)


@pytest.mark.parametrize("end", ENDINGS)
def test_nothing_came_of_an_appointment_before_its_day(end: Any) -> None:
    given(*PENDING).when(end(on(9))).then_refused(BeforeAppointment, "occurred_on")
    given(*PENDING, moved(at(12, 9))).when(end(on(10))).then_refused(BeforeAppointment, "occurred_on")
    given(*PENDING, CLOSED).when(end(on(101))).then_refused(AfterClose, "occurred_on")


def test_a_missed_appointment_says_who_did_not_come() -> None:
    given(*PENDING).when(missed(on(10))).then(an(AppointmentMissed, outcome=AppointmentOutcome.NO_SHOW_TRAINEE))
    us = AppointmentOutcome.NO_SHOW_COMPANION
    given(*PENDING).when(missed(on(10), outcome=us)).then(an(AppointmentMissed, outcome=us))
    given(*PENDING).when(missed(on(10), outcome=AppointmentOutcome.GRANTED)).then_refused(NotANoShow, "outcome")


def test_an_appointment_without_a_companion_is_concluded_under_mentoring() -> None:
    given(MENTORING_CONSENTED, BOOKED).when(concluded(on(10), agreed="Come again")).then(
        an(AppointmentConcluded, agreed="Come again", relied_on=2)
    )


def test_the_whole_accompaniment_is_recorded() -> None:
    told: dict[str, Any] = {
        "companion_id": CASEWORKER,
        "outcome": AppointmentOutcome.ADJOURNED,
        "companion_role": CompanionRole.INTERPRETING,
        "interpreter": Interpreter.COMMUNITY,
        "arrived_at": at(10, 8).at,
        "seen_at": at(10, 9).at,
        "left_at": at(10, 10).at,
        "papers_brought": ("passport",),
        "papers_missing": ("diploma",),
        "agreed": "A second date",
        "next_step": "Translate the diploma",
        "deadline": on(24).on,
        "objection_until": on(40).on,
        "debriefed": True,
        "note": "Two hours in the corridor",
    }
    given(*PENDING).when(accompanied(at(10, 9), **told)).then(an(AccompanimentRecorded, relied_on=3, **told))


def test_times_of_an_accompaniment_are_kept_as_instants() -> None:
    in_berlin = datetime(2025, 3, 13, 9, 5, tzinfo=timezone(timedelta(hours=1)))
    [event] = given(*PENDING).when(accompanied(on(10), arrived_at=in_berlin)).then(AccompanimentRecorded)
    assert event.arrived_at == in_berlin
    assert event.arrived_at.tzinfo is UTC


def test_somebody_arrives_is_seen_and_leaves_in_that_order() -> None:
    order = ("arrived_at", "seen_at", "left_at")
    given(*PENDING).when(accompanied(on(10), arrived_at=at(10, 9).at, left_at=at(10, 8).at)).then_refused(
        TimesOutOfOrder, *order
    )
    given(*PENDING).when(accompanied(on(10), seen_at=at(10, 9).at, left_at=at(10, 9).at)).then(AccompanimentRecorded)
    naive = datetime(2025, 3, 13, 9, 0)  # noqa: DTZ001 - a time without a zone is what is refused
    given(*PENDING).when(accompanied(on(10), seen_at=naive)).then_refused(TimeWithoutZone, "seen_at")


@pytest.mark.parametrize("end", ENDINGS)
def test_a_deadline_does_not_lie_before_the_day_it_was_set(end: Any) -> None:
    for name in ("deadline", "objection_until"):
        given(*PENDING).when(end(on(10), **{name: on(9).on})).then_refused(DeadlineTooEarly, name)


def test_a_next_step_is_done_once() -> None:
    given(*PENDING, ACCOMPANIED).when(step_done(on(12))).then(an(NextStepCompleted, note="Handed in"))
    given(*PENDING, ACCOMPANIED, step_done(on(12))).when(step_done(on(13))).then_refused(NoNextStep)
    given(*PENDING, ACCOMPANIED).when(step_done(on(9))).then_refused(BeforeAppointment, "occurred_on")


def test_a_next_step_is_open_where_a_step_or_a_deadline_was_named() -> None:
    for told in ({"next_step": "Call again"}, {"deadline": on(20).on}):
        given(*PENDING, accompanied(on(10), **told)).when(step_done(on(12))).then(NextStepCompleted)
    given(*PENDING, accompanied(on(10))).when(step_done(on(12))).then_refused(NoNextStep)
    given(*PENDING).when(step_done(on(12))).then_refused(NoNextStep)


def test_a_next_step_is_still_done_after_the_mentorship_closed() -> None:
    given(*PENDING, ACCOMPANIED, CLOSED).when(step_done(on(120))).then(NextStepCompleted)
