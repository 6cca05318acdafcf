"""Who may ask for what about a person's data, and what stops when they do."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from application.caller import Caller
from application.record import KeyReused, Record
from application.rights import Rights
from domain.erasure import (
    AskedBy,
    AskedHow,
    ErasureGround,
    ErasureRequestedAlready,
    PersonErased,
    RetentionHolds,
    SecondPersonNeeded,
)
from domain.errors import NotAllowed, NotFound
from domain.mentorship import Mentorship
from domain.person import Person
from domain.restriction import Interest, ObjectionStands, ProcessingRestrictedNow, RestrictionGround
from domain.retention import CountedFrom, Rule
from domain.vocabulary import ConsentState, EndReason, Purpose, Role
from tests.application.record_in_memory import RecordInMemory
from tests.application.test_casebook import (
    CASE,
    CASEWORKER,
    COORDINATOR,
    MENTOR,
    OF_ROLE,
    TRAINEE,
    Office,
    caller,
    submitted,
)

pytestmark = pytest.mark.anyio
OTHER_COORDINATOR = caller(Role.COORDINATOR, 1)
RULES = (
    Rule("participants", "Participants", "case-record", 3, CountedFrom.CASES_CLOSED),
    Rule("city", "City grants", "case-record", 7, CountedFrom.LAST_PAYMENT, funder="city", duty=True),
)


class RightsOffice(Office):
    def __init__(self, record: RecordInMemory | None = None) -> None:
        super().__init__(record)
        kept: Record = self.record
        self.rights = Rights(kept, RULES, self._mentorships_of)

    async def _mentorships_of(self, organisation_id: UUID, person_id: UUID) -> Sequence[UUID]:
        return [stream for _, stream in self.record.streams if stream == CASE]

    async def ask(self, by: Caller, key: str = "ask", person_id: UUID = TRAINEE) -> Any:
        return await self.rights.decide(
            by,
            submitted(key),
            person_id,
            {},
            Person.request_erasure,
            by.told(),
            requested_by=by.member_id,
            asked_by=AskedBy.PERSON,
            asked_how=AskedHow.LETTER,
            ground=ErasureGround.CONSENT_WITHDRAWN,
        )

    async def restrict(self, person_id: UUID = TRAINEE) -> None:
        await self.rights.decide(
            CASEWORKER,
            submitted(f"restrict {person_id}"),
            person_id,
            {},
            Person.restrict,
            CASEWORKER.told(),
            ground=RestrictionGround.UNLAWFUL,
        )


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def office() -> RightsOffice:
    found = RightsOffice()
    await found.open()
    return found


@pytest.mark.parametrize("whose", [TRAINEE, MENTOR])
async def test_a_restriction_stops_what_is_recorded_and_not_the_persons_own_word(whose: UUID) -> None:
    here = await office()
    # The case is in memory from the last command, so that the restriction is seen without loading it again.
    await here.hold(CASEWORKER, submitted("before"))
    await here.restrict(whose)
    for place in (here, RightsOffice(here.record)):
        with pytest.raises(ProcessingRestrictedNow):
            await place.hold(CASEWORKER, submitted("after"))
    await here.consent(ConsentState.WITHDRAWN, Purpose.ACCOMPANIMENT)


async def test_a_restriction_that_comes_between_the_decision_and_its_recording_holds() -> None:
    here = await office()
    here.record.meanwhile.append(here.restrict)
    with pytest.raises(ProcessingRestrictedNow):
        await here.hold(CASEWORKER, submitted("during"))
    assert here.sessions() == []


async def test_an_objection_stops_the_handover_and_not_the_end() -> None:
    here = await office()
    await here.rights.decide(
        OF_ROLE[Role.TRAINEE],
        submitted("object"),
        TRAINEE,
        {},
        Person.object_to,
        CASEWORKER.told(),
        objection_id=UUID(int=70),
        interest=Interest.CASE_ADMINISTRATION,
    )
    with pytest.raises(ObjectionStands):
        await here.casebook.decide(CASEWORKER, submitted("pause"), CASE, {}, Mentorship.pause, CASEWORKER.told())
    await here.casebook.decide(
        CASEWORKER, submitted("close"), CASE, {}, Mentorship.close, CASEWORKER.told(), reason=EndReason.OTHER
    )


async def test_one_asks_another_approves_and_the_case_takes_nothing_more_but_its_end() -> None:
    here = await office()
    await here.ask(CASEWORKER)
    with pytest.raises(NotAllowed):
        await here.rights.approve_erasure(CASEWORKER, submitted("approve"), TRAINEE)
    await here.rights.approve_erasure(COORDINATOR, submitted("approve"), TRAINEE)
    with pytest.raises(PersonErased):
        await here.hold(CASEWORKER, submitted("after"))
    await here.casebook.decide(
        CASEWORKER, submitted("close"), CASE, {}, Mentorship.close, CASEWORKER.told(), reason=EndReason.OTHER
    )


async def test_a_coordinator_does_not_approve_what_they_recorded_themselves() -> None:
    here = await office()
    await here.ask(COORDINATOR)
    with pytest.raises(SecondPersonNeeded):
        await here.rights.approve_erasure(COORDINATOR, submitted("approve"), TRAINEE)
    await here.rights.approve_erasure(OTHER_COORDINATOR, submitted("approve"), TRAINEE)


async def test_a_funders_rule_holds_until_its_day_and_is_named() -> None:
    here = await office()
    paid = date(2020, 6, 2)
    await here.rights.decide(
        CASEWORKER, submitted("paid"), TRAINEE, {}, Person.note_funding, CASEWORKER.told(), funder="city", last_payment_on=paid
    )  # fmt: skip
    await here.ask(CASEWORKER)
    with pytest.raises(RetentionHolds, match="City grants: kept until 2027-06-02"):
        await here.rights.approve_erasure(COORDINATOR, submitted("approve"), TRAINEE)
    assert await here.rights.due(COORDINATOR, TRAINEE) == (None, False)


async def test_data_are_due_when_the_case_was_closed_long_enough() -> None:
    here = await office()
    [open_ended] = await here.rights.kept_until(COORDINATOR, TRAINEE)
    assert open_ended.until is None
    closed = COORDINATOR.today - timedelta(days=1)
    await here.casebook.decide(
        COORDINATOR, submitted("close"), CASE, {}, Mentorship.close, COORDINATOR.told(closed), reason=EndReason.OTHER
    )
    [period] = await here.rights.kept_until(COORDINATOR, TRAINEE)
    assert period.until == closed.replace(year=closed.year + 3)


@pytest.mark.parametrize("role", [Role.TRAINEE, Role.MENTOR])
async def test_people_ask_for_themselves_and_for_nobody_else(role: Role) -> None:
    here = await office()
    by = OF_ROLE[role]
    own, others = (TRAINEE, MENTOR) if role is Role.TRAINEE else (MENTOR, TRAINEE)
    await here.ask(by, person_id=own)
    with pytest.raises(NotFound):
        await here.ask(by, "other", person_id=others)
    with pytest.raises(NotAllowed):
        await here.rights.approve_erasure(by, submitted("approve"), own)


async def test_a_repeat_gets_the_first_answer() -> None:
    here = await office()
    first = await here.ask(CASEWORKER)
    again = await here.ask(CASEWORKER)
    assert (again.position, again.repeated) == (first.position, True)
    with pytest.raises(ErasureRequestedAlready):
        await here.ask(CASEWORKER, "another")
    with pytest.raises(KeyReused):
        await here.rights.decide(
            CASEWORKER,
            submitted("ask", b"other content"),
            TRAINEE,
            {},
            Person.restrict,
            CASEWORKER.told(),
            ground=RestrictionGround.UNLAWFUL,
        )


async def test_of_two_who_are_at_it_both_are_heard() -> None:
    here = await office()

    async def faster() -> None:
        await here.restrict()

    here.record.meanwhile.append(faster)
    await here.ask(CASEWORKER)
    person = await here.record.person(CASEWORKER, TRAINEE)
    assert person.restricted_on is not None
    assert person.erasure is not None
