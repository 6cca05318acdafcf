from domain.mentorship.accompaniments import AccompanimentRecorded, AppointmentConcluded
from domain.mentorship.appointments import AppointmentBooked
from domain.vocabulary import AppointmentOutcome, AppointmentType
from projections.appointments import APPOINTMENTS, PROJECTION, Appointment, AppointmentStatus
from tests.domain.scenario import (
    ACCOMPANIED,
    ACCOMPANIMENT_CONSENTED,
    APPOINTMENT,
    BOOKED,
    CASEWORKER,
    MENTORING_CONSENTED,
    Step,
    accompanied,
    at,
    corrected,
    on,
)
from tests.projections.folding import folded, rows_of, the_row

CONSENTED = (MENTORING_CONSENTED, ACCOMPANIMENT_CONSENTED)


def appointment(*facts: Step) -> Appointment:
    return the_row(APPOINTMENTS, folded(PROJECTION, *CONSENTED, *facts))


def test_a_booked_appointment_waits_for_its_day() -> None:
    booked = appointment(BOOKED)
    assert booked.status is AppointmentStatus.BOOKED
    assert (booked.starts_on, booked.starts_at) == (at(10, 9).on, at(10, 9).at)
    assert booked.positions == (4,)


def test_a_moved_appointment_stands_at_its_new_time() -> None:
    moved = appointment(BOOKED, lambda case: case.move_appointment(APPOINTMENT, on(4), starts=at(12, 8)))
    assert (moved.starts_on, moved.starts_at) == (at(12, 8).on, at(12, 8).at)


def test_a_cancelled_appointment_is_off() -> None:
    cancelled = appointment(BOOKED, lambda case: case.cancel_appointment(APPOINTMENT, on(4)))
    assert cancelled.status is AppointmentStatus.CANCELLED


def test_a_missed_appointment_says_so() -> None:
    missed = appointment(BOOKED, lambda case: case.miss_appointment(APPOINTMENT, on(10)))
    assert missed.status is AppointmentStatus.MISSED
    assert missed.outcome is AppointmentOutcome.NO_SHOW_TRAINEE
    assert missed.companion_id is None


def test_an_accompaniment_leaves_a_deadline_until_the_next_step_is_done() -> None:
    done = appointment(BOOKED, ACCOMPANIED)
    assert done.status is AppointmentStatus.ACCOMPANIED
    assert (done.companion_id, done.outcome) == (CASEWORKER, AppointmentOutcome.GRANTED)
    assert (done.deadline, done.next_step_done_on) == (on(20).on, None)
    completed = appointment(BOOKED, ACCOMPANIED, lambda case: case.complete_next_step(APPOINTMENT, on(15)))
    assert completed.next_step_done_on == on(15).on


def test_a_corrected_accompaniment_stands_as_corrected() -> None:
    right = appointment(
        BOOKED,
        ACCOMPANIED,
        corrected(
            AccompanimentRecorded,
            on(30),
            occurred_on=on(11).on.isoformat(),
            outcome="adjourned",
            deadline=None,
            objection_until=on(50).on.isoformat(),
        ),
    )
    assert (right.concluded_on, right.outcome) == (on(11).on, AppointmentOutcome.ADJOURNED)
    assert (right.deadline, right.objection_until) == (None, on(50).on)
    assert right.positions == (4, 5, 6)


def test_a_correction_of_sealed_words_alone_is_pointed_at() -> None:
    right = appointment(BOOKED, ACCOMPANIED, corrected(AccompanimentRecorded, on(30), agreed="He hands in the form"))
    assert right.corrections == (6,)
    assert right.deadline == on(20).on


def test_an_accompaniment_taken_back_leaves_the_appointment_open() -> None:
    again = appointment(BOOKED, ACCOMPANIED, corrected(AccompanimentRecorded, on(30)))
    assert again.status is AppointmentStatus.BOOKED
    assert (again.outcome, again.deadline, again.companion_id, again.concluded_version) == (None, None, None, None)


def test_what_is_recorded_after_an_accompaniment_was_taken_back_stands() -> None:
    again = appointment(
        BOOKED,
        ACCOMPANIED,
        corrected(AccompanimentRecorded, on(30)),
        lambda case: case.conclude_appointment(APPOINTMENT, on(10), outcome=AppointmentOutcome.REFUSED),
        corrected(AppointmentConcluded, on(31), outcome="turned-away"),
    )
    assert (again.status, again.outcome) == (AppointmentStatus.CONCLUDED, AppointmentOutcome.TURNED_AWAY)


def test_an_appointment_of_another_kind_is_corrected() -> None:
    right = appointment(BOOKED, accompanied(on(10)), corrected(AppointmentBooked, on(11), type="bank"))
    assert right.type is AppointmentType.BANK


def test_a_booking_taken_back_never_was() -> None:
    rows = folded(PROJECTION, *CONSENTED, BOOKED, corrected(AppointmentBooked, on(4)))
    assert rows_of(APPOINTMENTS, rows) == []
