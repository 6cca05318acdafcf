"""Views end to end: facts recorded and sealed, projected without a key, and opened again for whoever may see them."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from adapters.disclosure import Disclosure
from adapters.postgres.runner import Runner
from audit.consent_trail import Judgement
from domain.mentorship.accompaniments import AccompanimentRecorded
from domain.mentorship.goals import GoalSet
from domain.mentorship.sessions import SessionHeld
from domain.occurred import Occurred
from domain.person import Details, Person
from domain.vocabulary import AppointmentOutcome, AppointmentType, OutcomeStatus, PersonRole, Purpose, RecognitionResult
from projections.case_file import case_file
from projections.cases import case_row, cases_page
from projections.caseworker_dashboard import CaseworkerDashboard, DeadlineKind, caseworker_dashboard
from projections.consent_trail import TrailKind, consent_trail
from projections.consents import ConsentStatus
from projections.funder_summary import FunderSummary, funder_summary
from projections.people import people_page, person_view, person_visible
from projections.timeline import TimelineEntry, timeline
from tests.domain.scenario import (
    ACCOMPANIMENT_CONSENTED,
    APPOINTMENT,
    BOOKED,
    CASEWORKER,
    CREDENTIAL,
    FIRST_DAY,
    GOAL_SET,
    HELD,
    MENTOR,
    MENTORING_CONSENTED,
    MENTORSHIP,
    OTHER_CASEWORKER,
    RECOGNITION_CONSENTED,
    TRAINEE,
    Step,
    accompanied,
    at,
    booked,
    case_of,
    closed,
    consented,
    corrected,
    credential_decided,
    held,
    on,
    overridden,
    path_opened,
    withdrew,
)
from tests.installations import BERLIN, caller, opened, organisation
from tests.postgres.recording import Recording, moved_to

pytestmark = pytest.mark.anyio

ALL_CONSENTED = (MENTORING_CONSENTED, ACCOMPANIMENT_CONSENTED, RECOGNITION_CONSENTED)


@dataclass(frozen=True)
class Views:
    """Asks for views, in an organisation whose trainee and mentor are on record."""

    recording: Recording

    async def case(self, *facts: Step, mentorship_id: UUID = MENTORSHIP, trainee: Person = TRAINEE) -> None:
        events = moved_to(mentorship_id, case_of(*facts))
        await self.recording.events([replace(event, trainee_id=trainee.id) for event in events])
        await Runner(self.recording.parts.dsn).catch_up()

    async def ask(self, view: Callable[..., Any], **asked: Any) -> Any:
        organisation_id = self.recording.by.organisation_id
        async with self.recording.parts.pool.organisation(organisation_id) as connection:
            with Disclosure().active():
                return await view(connection, organisation_id=organisation_id, **asked)

    @property
    def opened(self) -> Any:
        return partial(self.recording.parts.record.opened, self.recording.by)

    async def dashboard(self, today: Occurred, caseworker_id: UUID | None = CASEWORKER) -> CaseworkerDashboard:
        found: CaseworkerDashboard = await self.ask(
            caseworker_dashboard, caseworker_id=caseworker_id, today=today.on, zone=BERLIN, opened=self.opened
        )
        return found

    async def summary(self, **asked: Any) -> FunderSummary:
        period = {"since": None, "until": None, "reporting_consent_only": False, "today": on(300).on}
        found: FunderSummary = await self.ask(funder_summary, **(period | asked))
        return found


@pytest.fixture
async def views(database: str, tmp_path: Path) -> AsyncIterator[Views]:
    async with opened(tmp_path, database) as parts:
        recording = Recording(parts, caller(await organisation(database)))
        await recording.people()
        await Runner(database).catch_up()
        yield Views(recording)


async def test_the_dashboard_shows_today_and_the_week(views: Views) -> None:
    await views.case(
        *ALL_CONSENTED,
        booked(at(10, 9), office="Room 4", papers_needed=("passport", "lease")),
        lambda case: case.book_appointment(uuid4(), on(2), type=AppointmentType.BANK, starts=at(17, 8)),
        lambda case: case.book_appointment(uuid4(), on(2), type=AppointmentType.DOCTOR, starts=at(18, 8)),
    )
    dashboard = await views.dashboard(on(10))
    [today] = dashboard.todays_appointments
    assert (today.appointment_id, today.trainee_name, today.office) == (APPOINTMENT, "Parwana Rahimi", "Room 4")
    assert today.papers_needed == ("passport", "lease")
    assert today.starts_at.utcoffset() == timedelta(hours=1)
    assert [line.type for line in dashboard.weeks_appointments] == [AppointmentType.BANK]
    assert dashboard.counts.appointments == 2


async def test_an_appointment_that_passed_without_a_word_is_unconfirmed(views: Views) -> None:
    await views.case(*ALL_CONSENTED, BOOKED)
    assert (await views.dashboard(on(10))).unconfirmed == ()
    [line] = (await views.dashboard(on(11))).unconfirmed
    assert line.appointment_id == APPOINTMENT


async def test_deadlines_come_overdue_first_until_they_are_met(views: Views) -> None:
    facts = (
        *ALL_CONSENTED,
        BOOKED,
        accompanied(on(10), next_step="Hand in the form", deadline=on(20).on, objection_until=on(40).on),
        path_opened(on(3)),
        credential_decided(on(15), objection_until=on(30).on, authority="Chamber of Crafts"),
    )
    await views.case(*facts)
    dashboard = await views.dashboard(on(22))
    assert [(line.kind, line.days_left, line.what) for line in dashboard.deadlines] == [
        (DeadlineKind.NEXT_STEP, -2, "Hand in the form"),
        (DeadlineKind.OBJECTION, 8, "Chamber of Crafts"),
        (DeadlineKind.OBJECTION, 18, ""),
    ]
    assert [line.credential_id for line in dashboard.deadlines] == [None, CREDENTIAL, None]
    await views.case(
        *facts,
        lambda case: case.complete_next_step(APPOINTMENT, on(21)),
        lambda case: case.appeal_credential(CREDENTIAL, on(21)),
        mentorship_id=uuid4(),
    )
    assert len((await views.dashboard(on(22))).deadlines) == 4


async def test_the_dashboard_lists_consents_that_need_a_talk(views: Views) -> None:
    await views.case(
        consented(Purpose.MENTORING, on(0), valid_until=on(50).on),
        ACCOMPANIMENT_CONSENTED,
        withdrew(Purpose.ACCOMPANIMENT, on(5)),
    )
    dashboard = await views.dashboard(on(10))
    assert [(line.purpose, line.status, line.days_left) for line in dashboard.consents] == [
        (Purpose.MENTORING, ConsentStatus.RUNNING_OUT, 40),
        (Purpose.ACCOMPANIMENT, ConsentStatus.WITHDRAWN, None),
        (Purpose.CREDENTIAL_RECOGNITION, ConsentStatus.MISSING, None),
    ]
    assert [consent.status for consent in dashboard.cases[0].consents] == [line.status for line in dashboard.consents]


async def test_an_override_is_listed_until_somebody_judges_it_closed_mentorship_or_not(views: Views) -> None:
    hospital = overridden(at(2, 9))
    judged = uuid4()
    await views.case(hospital, closed(on(3)))
    await views.case(
        hospital,
        lambda case: case.review_override(
            2, on(2), upheld=True, reviewed_by=OTHER_CASEWORKER, explanation="Nobody could ask her"
        ),
        mentorship_id=judged,
    )
    dashboard = await views.dashboard(on(10), None)
    [line] = dashboard.overrides
    assert (line.mentorship_id, line.version, line.days) == (MENTORSHIP, 2, 8)
    assert (line.trainee_name, dashboard.counts.overrides) == ("Parwana Rahimi", 1)
    assert (await views.dashboard(on(10), OTHER_CASEWORKER)).overrides == ()


async def test_a_case_without_contact_for_thirty_days_is_named_unless_it_is_paused(views: Views) -> None:
    await views.case(*ALL_CONSENTED, HELD)
    assert (await views.dashboard(on(34))).no_contact == ()
    [line] = (await views.dashboard(on(35))).no_contact
    assert (line.days, line.last_contact_on, line.mentor_name) == (30, on(5).on, "Sabine Krüger")
    await views.case(lambda case: case.pause(on(1)), mentorship_id=uuid4())
    await views.case(mentorship_id=uuid4())
    assert [line.days for line in (await views.dashboard(on(35))).no_contact] == [35, 30]


async def test_a_caseworker_sees_own_cases_and_a_coordinator_all(views: Views) -> None:
    await views.case(*ALL_CONSENTED, BOOKED)
    await views.case(lambda case: case.hand_over(on(1), to_caseworker_id=OTHER_CASEWORKER), mentorship_id=uuid4())
    await views.case(closed(on(2)), mentorship_id=uuid4())
    assert [line.mentorship_id for line in (await views.dashboard(on(10))).cases] == [MENTORSHIP]
    assert (await views.dashboard(on(10), OTHER_CASEWORKER)).todays_appointments == ()
    assert (await views.dashboard(on(10), None)).counts.cases == 2


async def test_the_case_file_shows_everything_as_it_stands(views: Views) -> None:
    await views.case(
        *ALL_CONSENTED,
        GOAL_SET,
        corrected(GoalSet, on(4), description="Read a ward round aloud"),
        BOOKED,
        accompanied(on(10), next_step="Hand in the form", deadline=on(20).on, agreed="To come back"),
        corrected(AccompanimentRecorded, on(12), agreed="To write", deadline=on(25).on.isoformat()),
        path_opened(on(3), stages=("counselling", "papers-collected", "application-filed", "decision")),
        lambda case: case.take_credential_step(CREDENTIAL, on(6), stage="papers-collected", authority="IHK FOSA"),
        credential_decided(on(40), result=RecognitionResult.FULL),
    )
    file = await views.ask(case_file, mentorship_id=MENTORSHIP, today=on(22).on, opened=views.opened)
    assert (file.case.trainee_name, file.case.mentor_name, file.case.version) == ("Parwana Rahimi", "Sabine Krüger", 12)
    assert [consent.status for consent in file.consents] == [ConsentStatus.IN_FORCE] * 3
    assert [goal.description for goal in file.goals] == ["Read a ward round aloud"]
    [path] = file.credentials
    assert (path.ahead, path.result) == (("application-filed", "decision"), RecognitionResult.FULL)
    assert [(step.stage, step.authority) for step in path.steps] == [("papers-collected", "IHK FOSA")]
    [past] = file.past
    assert (past.agreed, past.deadline, past.next_step_open) == ("To write", on(25).on, True)
    assert [(step.what, step.days_left) for step in file.next_steps] == [("Hand in the form", 3)]
    assert await views.ask(case_file, mentorship_id=uuid4(), today=on(22).on, opened=views.opened) is None


async def test_the_timeline_is_read_in_pages_each_entry_once_and_as_it_stands(views: Views) -> None:
    await views.case(
        *ALL_CONSENTED,
        HELD,
        corrected(SessionHeld, on(9), summary="Practised the interview", occurred_on=on(4).on.isoformat()),
        corrected(SessionHeld, on(9), minutes=45),
    )
    entries: list[TimelineEntry] = []
    before = None
    while True:
        page = await views.ask(timeline, mentorship_id=MENTORSHIP, before=before, limit=2, opened=views.opened)
        entries += page.entries
        before = page.before
        if before is None:
            break
    assert [entry.version for entry in entries] == [7, 6, 5, 4, 3, 2, 1]
    session = entries[2]
    assert (session.occurred_on, session.corrected_by, session.retracted_by) == (on(4).on, (6, 7), None)
    assert session.fields is not None
    assert (session.fields["summary"], session.fields["minutes"]) == ("Practised the interview", 45)
    assert entries[0].fields is not None
    assert entries[0].fields["reason"] == "Written down wrongly"


async def test_the_consent_trail_shows_decisions_and_acts_with_their_judgement(views: Views) -> None:
    await views.case(MENTORING_CONSENTED, HELD, withdrew(Purpose.MENTORING, on(3)))
    trail = await views.ask(consent_trail, mentorship_id=MENTORSHIP)
    assert [entry.kind for entry in trail.entries] == [TrailKind.DECISION, TrailKind.ACT, TrailKind.DECISION]
    act = trail.entries[1]
    assert act.judgement is Judgement.AS_KNOWN_THEN
    assert act.relied_on is not None
    assert act.relied_on.decided_on == on(0).on
    assert (trail.totals.decisions, trail.totals.acts, trail.totals.gaps) == (2, 1, 0)
    first = await views.ask(consent_trail, limit=2)
    rest = await views.ask(consent_trail, limit=2, before=first.before)
    assert (*first.entries, *rest.entries) == trail.entries
    assert rest.before is None


async def test_a_person_in_two_mentorships_is_served_once(views: Views) -> None:
    await views.case(*ALL_CONSENTED, HELD, BOOKED, accompanied(on(10)))
    await views.case(*ALL_CONSENTED, held(on(40), minutes=90), mentorship_id=uuid4())
    summary = await views.summary()
    assert (summary.persons_served, summary.sessions_held, summary.session_hours) == (1, 2, 2.5)
    assert (summary.mentorships_active, summary.mentorships_started, summary.accompaniments) == (2, 2, 1)
    assert summary.accompaniments_by_type_and_outcome is not None
    [cell] = summary.accompaniments_by_type_and_outcome
    assert (cell.type, cell.outcome, cell.count) == (AppointmentType.JOB_CENTRE, AppointmentOutcome.GRANTED, 1)


async def test_figures_are_of_their_period(views: Views) -> None:
    await views.case(
        *ALL_CONSENTED,
        HELD,
        held(on(40), uuid4()),
        path_opened(on(3)),
        credential_decided(on(40)),
        closed(on(50)),
    )
    early = await views.summary(until=on(39).on)
    assert (early.sessions_held, early.credentials_opened, early.credentials_decided) == (1, 1, 0)
    assert (early.mentorships_closed, early.mentorships_active) == (0, 1)
    late = await views.summary(since=on(40).on, until=on(60).on)
    assert (late.sessions_held, late.credentials_opened, late.credentials_decided) == (1, 0, 1)
    assert (late.mentorships_started, late.mentorships_closed) == (0, 1)
    assert (await views.summary(since=on(51).on)).mentorships_active == 0


async def test_employment_is_that_of_the_latest_follow_up_and_who_has_none_is_lost(views: Views) -> None:
    def found(day: int, status: OutcomeStatus) -> Step:
        return lambda case: case.find_outcome(uuid4(), on(day), status=status)

    await views.case(
        MENTORING_CONSENTED,
        closed(on(50)),
        found(100, OutcomeStatus.UNEMPLOYED),
        found(200, OutcomeStatus.EMPLOYED),
    )
    summary = await views.summary()
    assert summary.employment is not None
    assert {cell.status: cell.count for cell in summary.employment if cell.count} == {OutcomeStatus.EMPLOYED: 1}
    assert {cell.status for cell in summary.employment} == set(OutcomeStatus)
    assert summary.lost_to_follow_up == 0
    other = Person.register(uuid4(), role=PersonRole.TRAINEE, details=Details(full_name="Amin"), told=on(0))
    await views.case(MENTORING_CONSENTED, closed(on(50)), mentorship_id=uuid4(), trainee=other)
    assert (await views.summary()).lost_to_follow_up == 1
    assert (await views.summary(today=on(139).on)).lost_to_follow_up == 0


async def test_only_people_who_consented_to_reporting_count_for_a_funder(views: Views) -> None:
    await views.case(*ALL_CONSENTED, HELD)
    without = await views.summary(reporting_consent_only=True)
    assert (without.persons_served, without.left_out, without.sessions_held) == (0, 1, 0)
    await views.case(*ALL_CONSENTED, consented(Purpose.FUNDER_REPORTING, on(1)), HELD, mentorship_id=uuid4())
    given = await views.summary(reporting_consent_only=True)
    assert (given.persons_served, given.left_out, given.sessions_held) == (1, 0, 2)
    await views.case(
        consented(Purpose.FUNDER_REPORTING, on(0)), withdrew(Purpose.FUNDER_REPORTING, on(9)), mentorship_id=uuid4()
    )
    withdrawn = await views.summary(reporting_consent_only=True)
    assert (withdrawn.persons_served, withdrawn.left_out) == (0, 1)


async def test_a_caseworker_sees_people_of_own_cases_or_own_registration(views: Views) -> None:
    await views.case(*ALL_CONSENTED)
    registrar = views.recording.by.member_id
    for caseworker_id, visible in ((CASEWORKER, True), (registrar, True), (OTHER_CASEWORKER, False), (None, True)):
        assert (await views.ask(person_visible, caseworker_id=caseworker_id, person_id=TRAINEE.id)) is visible
    page = await views.ask(people_page, caseworker_id=CASEWORKER, limit=1, opened=views.opened)
    rest = await views.ask(people_page, caseworker_id=CASEWORKER, limit=1, after=page.after, opened=views.opened)
    assert [view.details.full_name for view in (*page.people, *rest.people)] == ["Parwana Rahimi", "Sabine Krüger"]
    assert rest.after is None
    asked = {"person_id": MENTOR.id, "opened": views.opened}
    assert (await views.ask(person_view, caseworker_id=OTHER_CASEWORKER, **asked)) is None
    assert (await views.ask(person_view, caseworker_id=CASEWORKER, **asked)).details == MENTOR.details


async def test_cases_are_listed_for_each_side_of_them(views: Views) -> None:
    await views.case(*ALL_CONSENTED)
    for side in ({"caseworker_id": CASEWORKER}, {"mentor_id": MENTOR.id}, {"trainee_id": TRAINEE.id}, {}):
        page = await views.ask(cases_page, opened=views.opened, **side)
        assert [(case.mentorship_id, case.trainee_name) for case in page.cases] == [(MENTORSHIP, "Parwana Rahimi")]
    assert (await views.ask(cases_page, opened=views.opened, caseworker_id=OTHER_CASEWORKER)).cases == ()
    row = await views.ask(case_row, mentorship_id=MENTORSHIP)
    assert row.trainee_id == TRAINEE.id
    assert await views.ask(case_row, mentorship_id=uuid4()) is None


async def test_words_that_nobody_can_read_any_more_are_none(views: Views) -> None:
    async def sealed(positions: Any, *, names: Any = ()) -> dict[int, Any]:
        return {}

    await views.case(*ALL_CONSENTED, GOAL_SET, BOOKED)
    file = await views.ask(case_file, mentorship_id=MENTORSHIP, today=FIRST_DAY, opened=sealed)
    assert (file.case.trainee_name, file.goals[0].description, file.upcoming[0].office) == (None, None, None)
    page = await views.ask(timeline, mentorship_id=MENTORSHIP, opened=sealed)
    assert {entry.fields for entry in page.entries} == {None}
    dashboard = await views.ask(
        caseworker_dashboard, caseworker_id=CASEWORKER, today=date(2025, 3, 13), zone=BERLIN, opened=sealed
    )
    assert [line.trainee_name for line in dashboard.todays_appointments] == [None]
