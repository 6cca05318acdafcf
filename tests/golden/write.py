"""`python -m tests.golden.write` stores a sample of every event that has none in its present schema version. It never overwrites."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from domain.copies import CopyForm, CopyReason
from domain.erasure import AskedBy, AskedHow, ErasureGround, ErasureRefusal, HoldGround
from domain.events import TOPICS, RecordEvent
from domain.evidence import (
    AboutPeriod,
    AboutSubject,
    EvidenceOpening,
    EvidenceReason,
    EvidenceRequest,
    EvidenceSubject,
    StreamUpTo,
)
from domain.mentorship import Mentorship
from domain.mentorship.accompaniments import AccompanimentRecorded
from domain.mentorship.consent import Communication, Expression, Notice, Proxy, Scope
from domain.mentorship.sessions import SessionHeld
from domain.person import Details, LanguageSkill, Person
from domain.report import Audience, Content, Definition, Figure, Hidden, MedianDays, Report, WithdrawalReason
from domain.restriction import Interest, ObjectionOutcome, RestrictionGround
from domain.vocabulary import (
    AppointmentOutcome,
    AppointmentType,
    CefrLevel,
    CompanionRole,
    ConsentMethod,
    ConsentState,
    DataCategory,
    EndReason,
    Gender,
    GoalKind,
    Interpreter,
    LegalBasis,
    Medium,
    NoticeForm,
    OutcomeStatus,
    OverrideReason,
    PersonRole,
    Purpose,
    Recipient,
    RecognitionResult,
    TeachBack,
    Track,
)
from tests.domain.scenario import (
    APPOINTMENT,
    CASEWORKER,
    CREDENTIAL,
    GOAL,
    MENTOR,
    MENTORSHIP,
    OTHER_CASEWORKER,
    OTHER_MENTOR,
    OUTCOME,
    SESSION,
    TRAINEE,
    UNHEARD_OF,
    at,
    corrected,
    history,
    on,
)
from tests.golden.stored import path_of, sealed, written


def samples() -> Iterator[RecordEvent]:
    """A story in which every event happens, with every field filled."""
    yield from _person()
    yield from history(_mentorship())
    yield from _evidence()
    yield from _report()


def _person() -> list[RecordEvent]:
    details = Details(
        full_name="زهرا کریمی",
        born_on=on(-7600).on,
        gender=Gender.FEMALE,
        languages=(LanguageSkill("fa-AF"), LanguageSkill("de", CefrLevel.A2)),
        origin_country="AFG",
        occupation_isco="2221",
        phone="+49 30 5550 0001",
        email="zahra@example.org",
        care_duties=True,
        note="Calls in the evening 😀",
        reference="T0001",
    )
    person = Person.register(TRAINEE.id, role=PersonRole.TRAINEE, details=details, told=at(0, 9))
    person.correct_details(role=PersonRole.BOTH, details=replace(details, phone="+49 30 5550 0002"), told=at(1, 9))
    _rights(person)
    return [cast(RecordEvent, event) for event in person.collect_events()]


def _rights(person: Person) -> None:
    hold, objection, first, second = (UUID(int=number) for number in (141, 142, 143, 144))
    person.restrict(at(2, 9), ground=RestrictionGround.ACCURACY_CONTESTED, note="The date of birth")
    person.lift_restriction(at(3, 9), person_told_on=on(3).on, note="It was right")
    person.object_to(at(3, 9), objection_id=objection, interest=Interest.STATISTICS, note="On the phone")
    person.decide_objection(
        at(4, 9), objection_id=objection, decided_by=second, outcome=ObjectionOutcome.UPHELD, note="Told her"
    )
    person.hand_out_copy(
        at(4, 9), handed_out_by=first, asked_by=AskedBy.PERSON, form=CopyForm.PDF, reason=CopyReason.ACCESS
    )
    person.place_hold(
        at(4, 9), hold_id=hold, ground=HoldGround.LEGAL_CLAIM, review_on=on(90).on, note="Letter of a lawyer"
    )
    person.release_hold(at(5, 9), hold_id=hold, note="Settled")
    person.note_funding(at(5, 9), funder="esf-plus", last_payment_on=on(5).on, final_report_on=on(6).on)
    person.propose_erasure(at(6, 9), rule="participants", due_on=on(5).on)
    asked: dict[str, Any] = {
        "requested_by": first,
        "asked_by": AskedBy.PERSON,
        "asked_how": AskedHow.IN_PERSON,
        "note": "In the office",
    }
    person.request_erasure(at(7, 9), ground=ErasureGround.CONSENT_WITHDRAWN, **asked)
    person.refuse_erasure(
        at(8, 9), refused_by=second, reason=ErasureRefusal.IDENTITY_NOT_SHOWN, note="Comes again with papers"
    )
    person.request_erasure(at(9, 9), ground=ErasureGround.CONSENT_WITHDRAWN, **asked)
    person.approve_erasure(at(10, 9), approved_by=second, longest=None)
    person.confirm_erased(at(10, 9), approved_by=second)


def _mentorship() -> Mentorship:
    case = Mentorship.start(
        MENTORSHIP,
        trainee=TRAINEE,
        mentor=MENTOR,
        caseworker_id=CASEWORKER,
        track=Track.HEALTHCARE,
        started=at(0, 9),
        reference="MS0001",
    )
    _consents(case)
    case.hold_session(
        SESSION,
        at(5, 16),
        minutes=90,
        medium=Medium.VIDEO,
        summary="Practised the interview",
        trainee_rating=5,
        trainee_feedback="خوب بود",
        mentor_rating=4,
        mentor_feedback="Speaks up by now",
    )
    case.set_goal(GOAL, at(6, 9), kind=GoalKind.LANGUAGE, description="Read a file aloud", target_on=on(40).on)
    case.revise_goal(GOAL, at(7, 9), description="Read it to a colleague", target_on=on(50).on, session_id=SESSION)
    case.reach_goal(GOAL, at(8, 9), note="Without help")
    case.set_goal(UNHEARD_OF, at(8, 9), kind=GoalKind.NETWORK, description="Meet a nurse")
    case.drop_goal(UNHEARD_OF, at(9, 9), note="Met one at work")
    _appointments(case)
    _credential(case)
    case.find_outcome(
        OUTCOME,
        at(90, 9),
        status=OutcomeStatus.EMPLOYED,
        verified=True,
        hours_per_week=Decimal("38.5"),
        hourly_wage=Decimal("19.29"),
        currency="EUR",
        source="Payslip",
        note="Same ward as the placement",
    )
    corrected(SessionHeld, at(91, 9), occurred_on=on(6).on.isoformat(), summary="Grammar", mentor_feedback="Spoke up")(
        case
    )
    corrected(AccompanimentRecorded, at(92, 9))(case)
    case.pause(at(93, 9), reason="Ramadan", expected_until=on(120).on)
    case.resume(at(94, 9))
    case.hand_over(at(95, 9), to_caseworker_id=OTHER_CASEWORKER, to_mentor=OTHER_MENTOR, reason="Moved to Kassel")
    case.close(at(96, 9), reason=EndReason.EMPLOYED, note="Flowers")
    case.override_consent(
        at(90, 9),
        purpose=Purpose.SHARING_WITH_AUTHORITY,
        reason=OverrideReason.MEDICAL_EMERGENCY,
        until=at(91, 9),
        overridden_by=CASEWORKER,
        explanation="Unconscious, the hospital asks for her medicines",
    )
    case.review_override(
        case.version, at(92, 9), upheld=True, reviewed_by=OTHER_CASEWORKER, explanation="She could not be asked"
    )
    return case


def _consents(case: Mentorship) -> None:
    states: list[ConsentState] = [state for state in ConsentState if state is not ConsentState.EXPIRED]
    given = [Purpose.MENTORING, Purpose.ACCOMPANIMENT, Purpose.CREDENTIAL_RECOGNITION]
    decisions = [(ConsentState.GIVEN, purpose, Recipient.THIS_ORGANISATION) for purpose in given]
    for state in states:
        # Each on what was given just before, so that there is something to renew, withdraw and so on.
        decisions += [
            (ConsentState.GIVEN, Purpose.RESEARCH, Recipient.PARTNER),
            (state, Purpose.RESEARCH, Recipient.PARTNER),
        ]
    for state, purpose, recipient in decisions:
        case.decide_consent(
            state,
            Scope(purpose, DataCategory.CASE_RECORD, recipient),
            at(0, 10),
            notice=Notice("2024-1", "fa-AF", "what-we-keep", "0a" * 32, NoticeForm.READ_ALOUD),
            communication=Communication("fa-AF", Interpreter.PROFESSIONAL, False, TeachBack.PASS),
            expression=Expression(ConsentMethod.WITNESSED_ORAL, "Jo Falk", "Office, room 4"),
            proxy=Proxy("mother", "custody", "court order", True, on(300).on),
            legal_basis=LegalBasis.CONSENT,
            jurisdiction="DE-BE",
            valid_from=on(0).on,
            valid_until=on(700).on,
            withdrawal_method="A word to any caseworker",
            note="She asked who reads it",
        )


def _appointments(case: Mentorship) -> None:
    cancelled, missed, concluded = (UUID(int=number) for number in (131, 132, 133))
    for appointment_id in (APPOINTMENT, cancelled, missed, concluded):
        case.book_appointment(
            appointment_id,
            at(9, 9),
            type=AppointmentType.RECOGNITION_AUTHORITY,
            starts=at(20, 9),
            authority="Landesamt",
            office="Turmstraße 21, room 4",
            reference_number="AZ-77",
            papers_needed=("passport", "diploma"),
            note="Lift is broken",
        )
    told: dict[str, Any] = {
        "agreed": "A second date",
        "next_step": "Translate the diploma",
        "deadline": on(34).on,
        "objection_until": on(50).on,
        "note": "Two hours in the corridor",
    }
    case.move_appointment(APPOINTMENT, at(10, 9), starts=at(20, 9), reason="Office closed")
    case.record_accompaniment(
        APPOINTMENT,
        at(20, 9),
        companion_id=CASEWORKER,
        outcome=AppointmentOutcome.ADJOURNED,
        companion_role=CompanionRole.INTERPRETING,
        interpreter=Interpreter.COMMUNITY,
        arrived_at=at(20, 8).at,
        seen_at=at(20, 9).at,
        left_at=at(20, 10).at,
        papers_brought=("passport",),
        papers_missing=("diploma",),
        debriefed=True,
        **told,
    )
    case.complete_next_step(APPOINTMENT, at(21, 9), note="Handed in")
    case.cancel_appointment(cancelled, at(11, 9), reason="Not needed")
    case.miss_appointment(missed, at(20, 10), outcome=AppointmentOutcome.NO_SHOW_COMPANION, **told)
    case.conclude_appointment(concluded, at(20, 11), outcome=AppointmentOutcome.GRANTED, **told)


def _credential(case: Mentorship) -> None:
    case.open_credential_path(
        CREDENTIAL,
        at(12, 9),
        country="DEU",
        profession="nurse",
        template="deu-regulated",
        stages=("counselling", "papers-collected", "decision"),
        reference_occupation="Pflegefachfrau",
    )
    file = {"authority": "IHK FOSA", "reference_number": "AZ-15730"}
    case.take_credential_step(CREDENTIAL, at(13, 9), stage="papers-collected", note="By post", **file)
    case.decide_credential(
        CREDENTIAL,
        at(40, 9),
        result=RecognitionResult.PARTIAL,
        objection_until=on(40).on + timedelta(days=30),
        note="A year of practice is missing",
        **file,
    )
    case.appeal_credential(CREDENTIAL, at(41, 9), ground="Practice was left out", reference_number="AZ-15731")


def _evidence() -> Iterator[RecordEvent]:
    streams = (StreamUpTo(TRAINEE.id, 2), StreamUpTo(MENTORSHIP, 47))
    abouts: tuple[AboutSubject | AboutPeriod, ...] = (
        AboutSubject(EvidenceSubject.PERSON, TRAINEE.id, TRAINEE.id, streams, 3),
        AboutPeriod(on(0).on, on(100).on, 1, 60, 1, 9),
    )
    for number, about in enumerate(abouts):
        asked = EvidenceRequest.request_evidence(
            UUID(int=700 + number),
            about=about,
            opening=EvidenceOpening.CONSENT,
            reason_code=EvidenceReason.PERSON_ASKED,
            reason="She asked who had read her file",
            asked=at(101, 9),
        )
        yield from (cast(RecordEvent, event) for event in asked.collect_events())


def _report() -> Iterator[RecordEvent]:
    quarter = (date(2025, 1, 1), date(2025, 3, 31))
    content = Content(
        *quarter,
        position=812,
        asked_on=on(60).on,
        language="de",
        k=10,
        rounding=5,
        method="cheapest",
        cost="cells",
        definitions=(Definition("served@1", "a1" * 32),),
        figures=(Figure("served@1", 40), Figure("served@1/gender=female", None)),
        medians=(MedianDays("recognition-decided@1", 85),),
        hidden=(Hidden("served@1/gender=female", 0, 40), Hidden("left-out", 0, None)),
    )
    report = Report.prepare_report(
        UUID(int=720), audience=Audience.FUNDERS, content=content, prepared_by=CASEWORKER, told=at(60, 9)
    )
    report.review_report(at(60, 10), reviewed_by=OTHER_CASEWORKER, draft=1, agrees=True)
    report.release_report(at(60, 11), released_by=OTHER_CASEWORKER, draft=1)
    report.withdraw_report(at(61, 9), withdrawn_by=CASEWORKER, reason=WithdrawalReason.WRONG_FIGURES)
    yield from (cast(RecordEvent, event) for event in report.collect_events())


if __name__ == "__main__":
    for event in samples():
        assert TOPICS[event.TOPIC] is type(event)
        path = path_of(event.TOPIC, event.SCHEMA_VERSION)
        if not path.exists():
            path.write_text(written(sealed(event), event), encoding="utf-8")
