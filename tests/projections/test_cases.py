from domain.mentorship.outcomes import OutcomeFound
from domain.mentorship.sessions import SessionHeld
from domain.vocabulary import EndReason, OutcomeStatus
from projections.cases import CASES, CONTACTS, PROJECTION, ContactKind
from tests.domain.scenario import (
    ACCOMPANIED,
    ACCOMPANIMENT_CONSENTED,
    BOOKED,
    CASEWORKER,
    CLOSED,
    MENTOR,
    MENTORING_CONSENTED,
    OTHER_CASEWORKER,
    OTHER_MENTOR,
    OUTCOME,
    TRAINEE,
    UNHEARD_OF,
    corrected,
    held,
    on,
)
from tests.projections.folding import folded, rows_of, the_row


def test_a_case_knows_its_people_and_its_version() -> None:
    case = the_row(CASES, folded(PROJECTION, MENTORING_CONSENTED, held(on(5))))
    assert (case.trainee_id, case.mentor_id, case.caseworker_id) == (TRAINEE.id, MENTOR.id, CASEWORKER)
    assert case.version == 3
    assert case.started_position == 1


def test_a_handover_changes_who_answers_for_the_case() -> None:
    case = the_row(
        CASES,
        folded(
            PROJECTION, lambda case: case.hand_over(on(9), to_caseworker_id=OTHER_CASEWORKER, to_mentor=OTHER_MENTOR)
        ),
    )
    assert (case.caseworker_id, case.mentor_id) == (OTHER_CASEWORKER, OTHER_MENTOR.id)


def test_a_pause_ends_when_the_case_goes_on() -> None:
    pause = folded(PROJECTION, lambda case: case.pause(on(8)))
    assert the_row(CASES, pause).paused_on == on(8).on
    resumed = folded(PROJECTION, lambda case: case.pause(on(8)), lambda case: case.resume(on(20)))
    assert the_row(CASES, resumed).paused_on is None


def test_a_closed_case_says_when_and_why() -> None:
    case = the_row(CASES, folded(PROJECTION, CLOSED))
    assert (case.closed_on, case.end_reason) == (on(100).on, EndReason.EMPLOYED)


def test_the_last_contact_is_the_latest_by_day_not_by_recording() -> None:
    rows = folded(PROJECTION, MENTORING_CONSENTED, held(on(30)), held(on(12), UNHEARD_OF))
    assert the_row(CASES, rows).last_contact_on == on(30).on


def test_an_accompaniment_and_a_follow_up_are_contacts() -> None:
    rows = folded(
        PROJECTION,
        MENTORING_CONSENTED,
        ACCOMPANIMENT_CONSENTED,
        BOOKED,
        ACCOMPANIED,
        lambda case: case.find_outcome(OUTCOME, on(200), status=OutcomeStatus.EMPLOYED),
    )
    assert [contact.kind for contact in rows_of(CONTACTS, rows)] == [ContactKind.ACCOMPANIMENT, ContactKind.FOLLOW_UP]
    assert the_row(CASES, rows).last_contact_on == on(200).on


def test_a_contact_moved_to_another_day_moves_the_last_contact() -> None:
    rows = folded(
        PROJECTION,
        MENTORING_CONSENTED,
        held(on(5)),
        held(on(30), UNHEARD_OF),
        corrected(SessionHeld, on(40), occurred_on=on(3).on.isoformat(), minutes=45),
    )
    assert the_row(CASES, rows).last_contact_on == on(5).on
    assert [contact.minutes for contact in rows_of(CONTACTS, rows)] == [60, 45]


def test_a_contact_taken_back_never_was() -> None:
    rows = folded(PROJECTION, MENTORING_CONSENTED, held(on(30)), corrected(SessionHeld, on(40)))
    case = the_row(CASES, rows)
    assert case.last_contact_on is None
    assert rows_of(CONTACTS, rows) == []
    assert case.version == 4


def test_a_corrected_finding_counts_as_corrected() -> None:
    rows = folded(
        PROJECTION,
        MENTORING_CONSENTED,
        lambda case: case.find_outcome(OUTCOME, on(90), status=OutcomeStatus.UNEMPLOYED),
        corrected(OutcomeFound, on(91), status="employed"),
    )
    assert the_row(CONTACTS, rows).status is OutcomeStatus.EMPLOYED
