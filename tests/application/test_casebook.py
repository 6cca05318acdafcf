"""Who may do what to which case, what a repeat is answered, and what happens when two are at it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from application.caller import Caller, Receipt, Submission
from application.casebook import ATTEMPTS, Casebook
from application.ids import new_id
from application.people import People
from application.permissions import MAY
from application.record import KeyReused, Record
from domain.errors import Busy, NotAllowed, NotFound, Refusal, RuleBroken, Stale
from domain.mentorship import Mentorship
from domain.mentorship.appointments import AccompanimentAlreadyRecorded
from domain.mentorship.consent import ConsentMissing, Scope
from domain.mentorship.corrections import EntryCorrected, EntryNotFound, EntryRetracted, EntryRetractedAlready
from domain.mentorship.sessions import MinutesOutOfRange, SessionHeld
from domain.occurred import OccurredInFuture, TimeOutOfRange
from domain.person import Details, NameMissing, NothingChanged
from domain.vocabulary import (
    AppointmentOutcome,
    AppointmentType,
    ConsentState,
    EndReason,
    Medium,
    PersonRole,
    Purpose,
    Role,
    Track,
)
from tests.application.record_in_memory import RecordInMemory

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2025, 6, 2, 10, 0, tzinfo=UTC)
ORGANISATION, OTHER_ORGANISATION = UUID(int=1), UUID(int=2)
CASE, TRAINEE, MENTOR = UUID(int=10), UUID(int=11), UUID(int=12)


def caller(role: Role, number: int = 0, **known: Any) -> Caller:
    return Caller(UUID(int=100 + 10 * list(Role).index(role) + number), ORGANISATION, role, BERLIN, NOW, **known)


CASEWORKER, OTHER_CASEWORKER, COORDINATOR = (
    caller(Role.CASEWORKER),
    caller(Role.CASEWORKER, 1),
    caller(Role.COORDINATOR),
)
OF_ROLE = {role: caller(role) for role in Role} | {
    Role.MENTOR: caller(Role.MENTOR, person_id=MENTOR),
    Role.TRAINEE: caller(Role.TRAINEE, person_id=TRAINEE),
}


def submitted(key: str, content: bytes = b"", version: int | None = None) -> Submission:
    return Submission(key, b"digest of " + (content or key.encode()), version)


class Office:
    """A record with one case: trainee, mentor, a caseworker who answers for it, and consent to mentoring and accompaniment."""

    def __init__(self, record: RecordInMemory | None = None) -> None:
        self.record = record or RecordInMemory()
        kept: Record = self.record
        self.casebook, self.people = Casebook(kept), People(kept)

    @property
    def elsewhere(self) -> "Office":
        """Another process on the same record. Within one, commands on a case take turns."""
        return Office(self.record)

    async def open(self) -> "Office":
        for person_id, role in ((TRAINEE, PersonRole.TRAINEE), (MENTOR, PersonRole.MENTOR)):
            details = Details(full_name=f"Somebody {person_id.int}")
            await self.people.register(CASEWORKER, submitted(f"p{person_id}"), person_id, role=role, details=details)
        await self.start(CASEWORKER, submitted("start"))
        for purpose in (Purpose.MENTORING, Purpose.ACCOMPANIMENT):
            await self.consent(ConsentState.GIVEN, purpose)
        return self

    async def start(self, by: Caller, submission: Submission, **told: Any) -> Receipt:
        ids = {"trainee_id": TRAINEE, "mentor_id": MENTOR, "caseworker_id": CASEWORKER.member_id}
        started = by.told(NOW.date() - timedelta(days=30))
        return await self.casebook.start(
            by, submission, told.pop("case", CASE), track=Track.CRAFTS, started=started, **ids | told
        )

    async def consent(self, state: ConsentState, purpose: Purpose, by: Caller = CASEWORKER) -> Receipt:
        return await self.casebook.decide(
            by,
            submitted(f"{state}-{purpose}"),
            CASE,
            {},
            Mentorship.decide_consent,
            state,
            Scope(purpose),
            by.told(NOW.date() - timedelta(days=20)),
        )

    async def hold(
        self,
        by: Caller,
        submission: Submission,
        *,
        case: UUID = CASE,
        session_id: UUID | None = None,
        minutes: int = 60,
    ) -> Receipt:
        session_id = session_id or new_id()
        return await self.casebook.decide(
            by,
            submission,
            case,
            {"id": str(session_id)},
            Mentorship.hold_session,
            session_id,
            by.told(),
            minutes=minutes,
            medium=Medium.PHONE,
        )

    async def close(self, by: Caller, submission: Submission) -> Receipt:
        return await self.casebook.decide(by, submission, CASE, {}, Mentorship.close, by.told(), reason=EndReason.OTHER)

    def sessions(self) -> list[SessionHeld]:
        return [event for event in self.record.positions if isinstance(event, SessionHeld)]


def told(story: Callable[[Office], Awaitable[None]]) -> None:
    """Lets a story happen in an office that has one case."""

    async def run() -> None:
        await story(await Office().open())

    asyncio.run(run())


async def refused_with(refusal: type[Refusal], attempt: Awaitable[object]) -> None:
    with pytest.raises(Refusal) as refused:
        await attempt
    assert type(refused.value) is refusal


# Seeing and doing


def test_what_another_process_recorded_counts_at_once() -> None:
    async def story(office: Office) -> None:
        elsewhere = office.elsewhere
        await office.hold(CASEWORKER, submitted("before"))
        await elsewhere.consent(ConsentState.WITHDRAWN, Purpose.MENTORING)
        await refused_with(ConsentMissing, office.hold(CASEWORKER, submitted("withdrawn")))
        await elsewhere.casebook.decide(
            CASEWORKER,
            submitted("given again"),
            CASE,
            {},
            Mentorship.decide_consent,
            ConsentState.GIVEN,
            Scope(Purpose.MENTORING),
            CASEWORKER.told(),
        )
        await office.hold(CASEWORKER, submitted("given"))
        await refused_with(NotFound, office.hold(OTHER_CASEWORKER, submitted("not yet theirs")))
        await elsewhere.casebook.decide(
            COORDINATOR,
            submitted("handover"),
            CASE,
            {},
            Mentorship.hand_over,
            COORDINATOR.told(),
            to_caseworker_id=OTHER_CASEWORKER.member_id,
        )
        await office.hold(OTHER_CASEWORKER, submitted("theirs"))
        await refused_with(NotFound, office.hold(CASEWORKER, submitted("no longer")))
        assert len(office.sessions()) == 3

    told(story)


def test_a_refused_command_leaves_nothing_behind_in_memory() -> None:
    async def story(office: Office) -> None:
        await office.hold(CASEWORKER, submitted("good"))
        await refused_with(MinutesOutOfRange, office.hold(CASEWORKER, submitted("bad"), minutes=0))
        await office.hold(CASEWORKER, submitted("good"))
        receipt = await office.hold(CASEWORKER, submitted("good too"))
        assert receipt.answer["version"] == len(office.record.streams[ORGANISATION, CASE])

    told(story)


def test_what_one_may_not_see_is_not_found() -> None:
    async def story(office: Office) -> None:
        strangers = [
            OTHER_CASEWORKER,
            caller(Role.MENTOR, person_id=UUID(int=99)),
            caller(Role.MENTOR, person_id=TRAINEE),
            caller(Role.MENTOR),
            caller(Role.TRAINEE, person_id=MENTOR),
            caller(Role.TRAINEE),
            caller(Role.FUNDER),
            caller(Role.ADMINISTRATOR),
            replace(CASEWORKER, organisation_id=OTHER_ORGANISATION),
            replace(COORDINATOR, organisation_id=OTHER_ORGANISATION),
        ]
        for stranger in strangers:
            await refused_with(NotFound, office.hold(stranger, submitted("s")))
            await refused_with(NotFound, office.hold(stranger, submitted("s"), case=UUID(int=404)))
            correction = office.casebook.correct(stranger, submitted("c"), CASE, 2, changes={}, reason="x")
            await refused_with(NotFound, correction)
        assert not office.sessions()

    told(story)


def test_what_one_may_see_but_never_does_is_not_allowed() -> None:
    async def story(office: Office) -> None:
        for role in (Role.TRAINEE, Role.AUDITOR):
            await refused_with(NotAllowed, office.hold(OF_ROLE[role], submitted("s")))
        await refused_with(NotAllowed, office.close(OF_ROLE[Role.MENTOR], submitted("c")))
        correction = office.casebook.correct(OF_ROLE[Role.MENTOR], submitted("c"), CASE, 4, changes={}, reason="x")
        await refused_with(NotAllowed, correction)
        for role in Role:
            if role not in MAY["start"]:
                await refused_with(NotAllowed, office.start(OF_ROLE[role], submitted("s"), case=UUID(int=404)))

    told(story)


def test_caseworker_coordinator_and_mentor_of_the_case_record_a_session() -> None:
    async def story(office: Office) -> None:
        for number, role in enumerate((Role.CASEWORKER, Role.COORDINATOR, Role.MENTOR)):
            receipt = await office.hold(OF_ROLE[role], submitted(f"s{number}"))
            assert receipt.answer["version"] == 4 + number
        assert len(office.sessions()) == 3

    told(story)


@pytest.mark.parametrize("role", Role)
def test_the_table_of_roles_is_what_is_asked(role: Role) -> None:
    async def story(office: Office) -> None:
        by = replace(OF_ROLE[role], member_id=CASEWORKER.member_id)
        for name in sorted(set(MAY) & set(vars(Mentorship)) | {"hold_session", "close", "set_goal", "pause"}):
            if name in ("start", "correct_entry", "retract_entry"):
                continue

            def nothing_told(case: Mentorship) -> None:
                raise RuleBroken

            nothing_told.__name__ = name
            expected: type[Refusal] = RuleBroken if role in MAY[name] else NotAllowed
            if role in (Role.FUNDER, Role.ADMINISTRATOR):
                expected = NotFound
            await refused_with(expected, office.casebook.decide(by, submitted(name), CASE, {}, nothing_told))

    told(story)


def test_after_a_handover_the_case_is_the_other_caseworkers() -> None:
    async def story(office: Office) -> None:
        await office.casebook.decide(
            CASEWORKER,
            submitted("h"),
            CASE,
            {},
            Mentorship.hand_over,
            CASEWORKER.told(),
            to_caseworker_id=OTHER_CASEWORKER.member_id,
        )
        await refused_with(NotFound, office.hold(CASEWORKER, submitted("s")))
        await office.hold(OTHER_CASEWORKER, submitted("s"))

    told(story)


def test_people_are_registered_and_put_right_by_staff() -> None:
    async def story(office: Office) -> None:
        details = Details(full_name="Jo Falk")
        for role in Role:
            by, person_id = OF_ROLE[role], new_id()
            attempt = office.people.register(by, submitted("r"), person_id, role=PersonRole.MENTOR, details=details)
            if role in MAY["register"]:
                await attempt
                assert await office.record.registered_by(by, person_id) == by.member_id
            else:
                await refused_with(NotAllowed, attempt)
        await refused_with(
            NotAllowed,
            office.people.correct_details(
                OF_ROLE[Role.MENTOR], submitted("x", version=1), MENTOR, role=PersonRole.BOTH, details=details
            ),
        )

    told(story)


# Refusals of the domain


def test_refusals_of_the_domain_come_through_and_nothing_is_recorded() -> None:
    async def story(office: Office) -> None:
        before = len(office.record.positions)
        await refused_with(MinutesOutOfRange, office.hold(CASEWORKER, submitted("s"), minutes=0))
        await office.consent(ConsentState.WITHDRAWN, Purpose.MENTORING)
        await refused_with(ConsentMissing, office.hold(CASEWORKER, submitted("s")))
        assert len(office.record.positions) == before + 1
        # A key that recorded nothing is free.
        await office.consent(ConsentState.RENEWED, Purpose.ACCOMPANIMENT)

    told(story)


def test_a_case_starts_between_people_on_record() -> None:
    async def story(office: Office) -> None:
        new = {"case": UUID(int=77)}
        await refused_with(NotFound, office.start(CASEWORKER, submitted("n"), **new, trainee_id=UUID(int=404)))
        await refused_with(NotFound, office.start(CASEWORKER, submitted("n"), **new, trainee_id=CASE))
        elsewhere = replace(CASEWORKER, organisation_id=OTHER_ORGANISATION)
        await refused_with(NotFound, office.start(elsewhere, submitted("n"), **new))
        await office.start(CASEWORKER, submitted("n"), **new)

    told(story)


# Versions


def test_a_decision_on_a_version_that_has_passed_is_stale() -> None:
    async def story(office: Office) -> None:
        await refused_with(Stale, office.close(CASEWORKER, submitted("c", version=2)))
        await refused_with(Stale, office.close(CASEWORKER, submitted("c", version=4)))
        assert (await office.close(CASEWORKER, submitted("c", version=3))).answer == {"version": 4}

    told(story)


def test_a_fact_is_tried_again_when_somebody_else_was_faster() -> None:
    async def story(office: Office) -> None:
        def others(number: int) -> Callable[[], Awaitable[object]]:
            return lambda: office.elsewhere.hold(COORDINATOR, submitted(f"other{number}"))

        office.record.meanwhile = [others(number) for number in range(3)]
        receipt = await office.hold(CASEWORKER, submitted("mine"))
        assert [event.originator_version for event in office.sessions()] == [4, 5, 6, 7]
        assert (receipt.answer["version"], receipt.position, receipt.repeated) == (
            7,
            len(office.record.positions),
            False,
        )

    told(story)


def test_a_decision_on_a_version_is_stale_when_somebody_else_was_faster() -> None:
    async def story(office: Office) -> None:
        office.record.meanwhile = [lambda: office.elsewhere.hold(COORDINATOR, submitted("other"))]
        await refused_with(Stale, office.close(CASEWORKER, submitted("c", version=3)))

    told(story)


def test_what_somebody_else_recorded_counts_when_a_fact_is_tried_again() -> None:
    async def story(office: Office) -> None:
        office.record.meanwhile = [lambda: office.elsewhere.consent(ConsentState.WITHDRAWN, Purpose.MENTORING)]
        await refused_with(ConsentMissing, office.hold(CASEWORKER, submitted("mine")))
        assert not office.sessions()

    told(story)


def test_where_somebody_else_is_always_faster_the_case_is_busy() -> None:
    async def story(office: Office) -> None:
        async def always(number: int) -> None:
            office.record.meanwhile = []
            await office.elsewhere.hold(COORDINATOR, submitted(f"other{number}"))
            office.record.meanwhile = [lambda: always(number + 1)]

        office.record.meanwhile = [lambda: always(0)]
        await refused_with(Busy, office.hold(CASEWORKER, submitted("mine")))
        assert len(office.sessions()) == ATTEMPTS

    told(story)


def test_within_one_process_commands_on_a_case_take_turns() -> None:
    async def story(office: Office) -> None:
        async with asyncio.TaskGroup() as together:
            for number in range(3 * ATTEMPTS):
                together.create_task(office.hold(CASEWORKER, submitted(f"s{number}")))
        assert len(office.sessions()) == 3 * ATTEMPTS

    told(story)


def test_an_id_that_is_taken_by_another_request_is_stale() -> None:
    async def story(office: Office) -> None:
        await refused_with(Stale, office.start(CASEWORKER, submitted("other")))
        registration = office.people.register(
            CASEWORKER, submitted("other"), MENTOR, role=PersonRole.MENTOR, details=Details(full_name="Jo Falk")
        )
        await refused_with(Stale, registration)

    told(story)


# Repeats


def test_a_repeat_gets_the_first_answer_and_records_nothing() -> None:
    async def story(office: Office) -> None:
        first = await office.hold(CASEWORKER, submitted("s"))
        again = await office.hold(CASEWORKER, submitted("s"))
        assert (again.position, again.answer, again.repeated) == (first.position, first.answer, True)
        assert len(office.sessions()) == 1

    told(story)


def test_a_repeat_gets_the_first_answer_though_the_rules_would_refuse_it_by_now() -> None:
    async def story(office: Office) -> None:
        session_id = new_id()
        first = await office.hold(CASEWORKER, submitted("s"), session_id=session_id)
        assert (await office.hold(CASEWORKER, submitted("s"), session_id=session_id)).answer == first.answer
        await office.consent(ConsentState.WITHDRAWN, Purpose.MENTORING)
        assert (await office.hold(CASEWORKER, submitted("s"), session_id=session_id)).answer == first.answer
        closed = await office.close(CASEWORKER, submitted("c", version=5))
        again = await office.close(CASEWORKER, submitted("c", version=5))
        assert (again.answer, again.repeated) == (closed.answer, True)

    told(story)


def test_a_repeat_of_an_accompaniment_is_not_refused_as_already_recorded() -> None:
    async def story(office: Office) -> None:
        appointment_id = new_id()
        await office.casebook.decide(
            CASEWORKER,
            submitted("b"),
            CASE,
            {},
            Mentorship.book_appointment,
            appointment_id,
            CASEWORKER.told(),
            type=AppointmentType.BANK,
            starts=CASEWORKER.at(NOW - timedelta(hours=2)),
        )

        async def accompany(key: str) -> Receipt:
            return await office.casebook.decide(
                CASEWORKER,
                submitted(key),
                CASE,
                {},
                Mentorship.record_accompaniment,
                appointment_id,
                CASEWORKER.told(),
                companion_id=CASEWORKER.member_id,
                outcome=AppointmentOutcome.GRANTED,
            )

        first = await accompany("a")
        assert (await accompany("a")).answer == first.answer
        await refused_with(AccompanimentAlreadyRecorded, accompany("b2"))

    told(story)


def test_a_key_is_good_for_one_content() -> None:
    async def story(office: Office) -> None:
        await office.hold(CASEWORKER, submitted("s", b"60 minutes"))
        await refused_with(KeyReused, office.hold(CASEWORKER, submitted("s", b"90 minutes"), minutes=90))
        await refused_with(KeyReused, office.hold(CASEWORKER, submitted("s", b"0 minutes"), minutes=0))
        await refused_with(KeyReused, office.close(CASEWORKER, submitted("s", b"close", version=1)))
        assert len(office.sessions()) == 1

    told(story)


def test_keys_of_two_members_are_two_keys() -> None:
    async def story(office: Office) -> None:
        await office.hold(CASEWORKER, submitted("s", b"one"))
        await office.hold(COORDINATOR, submitted("s", b"other"))
        assert len(office.sessions()) == 2

    told(story)


def test_a_stranger_learns_nothing_from_somebody_elses_key() -> None:
    async def story(office: Office) -> None:
        await office.hold(CASEWORKER, submitted("s"))
        await refused_with(NotFound, office.hold(OTHER_CASEWORKER, submitted("s")))

    told(story)


def test_a_case_and_a_person_begin_once_however_often_they_are_submitted() -> None:
    async def story(office: Office) -> None:
        assert (await office.start(CASEWORKER, submitted("start"))).repeated
        assert (await office.start(CASEWORKER, submitted("start"), case=new_id())).answer["id"] == str(CASE)
        again = await office.people.register(
            CASEWORKER, submitted(f"p{MENTOR}"), MENTOR, role=PersonRole.MENTOR, details=Details(full_name="Jo")
        )
        assert (again.answer, again.repeated) == ({"id": str(MENTOR), "version": 1}, True)

    told(story)


# Details of people


def test_details_are_put_right_on_the_version_that_was_read() -> None:
    async def story(office: Office) -> None:
        async def put_right(key: str, version: int | None, name: str = "Sabine Krüger") -> Receipt:
            return await office.people.correct_details(
                CASEWORKER,
                submitted(key, version=version),
                MENTOR,
                role=PersonRole.MENTOR,
                details=Details(full_name=name),
            )

        await refused_with(Stale, put_right("a", 2))
        await refused_with(Stale, put_right("a", None))
        await refused_with(NameMissing, put_right("a", 1, ""))
        first = await put_right("a", 1)
        assert first.answer == {"id": str(MENTOR), "version": 2}
        assert (await put_right("a", 1)).repeated
        await refused_with(NothingChanged, put_right("b", 2))
        office.record.meanwhile = [lambda: put_right("c", 2, "S. Krüger")]
        await refused_with(Stale, put_right("d", 2, "Sabine K."))
        unknown = office.people.correct_details(
            CASEWORKER, submitted("e", version=1), CASE, role=PersonRole.MENTOR, details=Details(full_name="Jo")
        )
        await refused_with(NotFound, unknown)

    told(story)


# Corrections


def test_an_entry_is_corrected_by_its_version_and_taken_back_without_changes() -> None:
    async def story(office: Office) -> None:
        version = int((await office.hold(CASEWORKER, submitted("s"))).answer["version"])

        async def correct(key: str, changes: dict[str, Any], at: int = version) -> Receipt:
            return await office.casebook.correct(CASEWORKER, submitted(key), CASE, at, changes=changes, reason="Slip")

        receipt = await correct("a", {"minutes": 45})
        assert receipt.answer == {"corrects": version, "version": version + 1}
        assert isinstance(office.record.positions[-1], EntryCorrected)
        await correct("b", {})
        assert isinstance(office.record.positions[-1], EntryRetracted)
        assert (await correct("a", {"minutes": 45})).repeated
        await refused_with(EntryRetractedAlready, correct("c", {"minutes": 50}))
        for nowhere in (0, -1, 99):
            await refused_with(EntryNotFound, correct("c", {"minutes": 50}, nowhere))

    told(story)


def test_a_correction_sees_what_somebody_else_corrected_meanwhile() -> None:
    async def story(office: Office) -> None:
        version = int((await office.hold(CASEWORKER, submitted("s"))).answer["version"])

        async def correct(key: str, by: Caller, changes: dict[str, Any], where: Office = office) -> Receipt:
            return await where.casebook.correct(by, submitted(key), CASE, version, changes=changes, reason="Slip")

        office.record.meanwhile = [lambda: correct("other", COORDINATOR, {}, office.elsewhere)]
        await refused_with(EntryRetractedAlready, correct("mine", CASEWORKER, {"minutes": 45}))

    told(story)


# What a caller tells


def test_a_caller_tells_of_the_past_at_the_organisations_place() -> None:
    late = replace(CASEWORKER, asked_at=datetime(2025, 6, 2, 22, 30, tzinfo=UTC))
    assert late.today == datetime(2025, 6, 3, tzinfo=UTC).date()
    assert late.told().on == late.today
    with pytest.raises(OccurredInFuture):
        late.told(on=late.today + timedelta(days=1))
    assert late.at(late.asked_at + timedelta(days=9)).on == late.today + timedelta(days=9)
    with pytest.raises(TimeOutOfRange):
        late.at(datetime.max.replace(tzinfo=UTC))


def test_ids_are_version_7_and_go_up_with_time() -> None:
    ids = [new_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert {(one.version, one.variant) for one in ids} == {(7, "specified in RFC 4122")}
    assert [one.int >> 80 for one in ids] == sorted(one.int >> 80 for one in ids)
