from domain.mentorship.sessions import SessionHeld
from domain.vocabulary import Purpose
from projections.projection import MENTORSHIP_TOPICS
from projections.timeline import PROJECTION, TIMELINE
from tests.domain.scenario import HELD, MENTORING_CONSENTED, corrected, on
from tests.projections.folding import ACTOR, folded, rows_of


def test_every_fact_of_a_mentorship_has_its_entry() -> None:
    assert set(PROJECTION.on) == set(MENTORSHIP_TOPICS)


def test_an_entry_says_what_when_who_and_under_which_consent() -> None:
    entry = rows_of(TIMELINE, folded(PROJECTION, MENTORING_CONSENTED, HELD))[2]
    assert (entry.topic, entry.occurred_on, entry.actor_id) == ("session-held", on(5).on, ACTOR)
    assert (entry.purpose, entry.relied_on) == (Purpose.MENTORING, 2)


def test_a_corrected_entry_stands_on_its_new_day_and_names_its_corrections() -> None:
    rows = folded(
        PROJECTION,
        MENTORING_CONSENTED,
        HELD,
        corrected(SessionHeld, on(8), occurred_on=on(4).on.isoformat()),
        corrected(SessionHeld, on(9), summary="Practised the interview"),
    )
    entry, first, _ = rows_of(TIMELINE, rows)[2:]
    assert (entry.occurred_on, entry.corrections, entry.corrected_by) == (on(4).on, (4, 5), (4, 5))
    assert (first.corrects, first.occurred_on) == (3, on(8).on)


def test_an_entry_taken_back_stays_and_says_so() -> None:
    entry = rows_of(TIMELINE, folded(PROJECTION, MENTORING_CONSENTED, HELD, corrected(SessionHeld, on(8))))[2]
    assert entry.retracted_by == 4
