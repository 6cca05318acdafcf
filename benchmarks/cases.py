"""Invented mentorships to work on: real events, sealed as real ones are."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import batched
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg

from adapters.identity.members import ensure_member, issue
from adapters.wiring import Installation
from application.caller import Caller, Submission
from application.ids import new_id
from application.record import Entry
from benchmarks.ground import ZONE, organisation
from domain.mentorship import Mentorship
from domain.mentorship.consent import Scope
from domain.occurred import Occurred
from domain.person import Details, Person
from domain.vocabulary import ConsentState, Medium, PersonRole, Purpose, Role, Track

FIRST_DAY = date(2024, 1, 8)
SUMMARY = "Went through the letters of this week and wrote two answers together."
CASES_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Office:
    """One organisation, its caseworker and their token."""

    by: Caller
    token: str

    def now(self) -> Caller:
        return Caller(self.by.member_id, self.by.organisation_id, self.by.role, self.by.zone, datetime.now(UTC))


async def office(parts: Installation) -> Office:
    organisation_id = await organisation(parts.dsn)
    async with await psycopg.AsyncConnection.connect(parts.dsn, autocommit=True) as connection:
        member_id = new_id()
        await ensure_member(connection, organisation_id, member_id, "cw01")
        token = await issue(connection, organisation_id, member_id, Role.CASEWORKER, "bearer", timedelta(hours=9))
    by = Caller(member_id, organisation_id, Role.CASEWORKER, ZoneInfo(ZONE), datetime.now(UTC))
    return Office(by, token)


async def record_cases(parts: Installation, by: Caller, number: int, length: int) -> list[UUID]:
    """That many mentorships of that many events, each of two people of its own."""
    ids: list[UUID] = []
    for some in batched(range(number), CASES_AT_ONCE):
        # At once, as commands arrive: the appender gathers them.
        await asyncio.gather(*(parts.record.append(by, _case(by, length, ids)) for _ in some))
    return ids


def _case(by: Caller, length: int, ids: list[UUID]) -> list[Entry]:
    told = Occurred(FIRST_DAY)
    trainee = Person.register(
        new_id(), role=PersonRole.TRAINEE, details=Details(full_name="Parwana Invented"), told=told
    )
    mentor = Person.register(new_id(), role=PersonRole.MENTOR, details=Details(full_name="Marek Erfunden"), told=told)
    mentorship_id = new_id()
    ids.append(mentorship_id)
    case = Mentorship.start(
        mentorship_id, trainee=trainee, mentor=mentor, caseworker_id=by.member_id, track=Track.HEALTHCARE, started=told
    )
    case.decide_consent(ConsentState.GIVEN, Scope(Purpose.MENTORING), told)
    for number in range(length - 2):
        hold_session(case, Occurred(FIRST_DAY + timedelta(days=number // 4)))
    return [Entry.of(Submission(str(new_id()), b"d" * 32), aggregate, {}) for aggregate in (trainee, mentor, case)]


def hold_session(case: Mentorship, told: Occurred) -> None:
    case.hold_session(new_id(), told, **SESSION)


SESSION: dict[str, Any] = {
    "minutes": 60,
    "medium": Medium.IN_PERSON,
    "summary": SUMMARY,
    "trainee_rating": 4,
    "trainee_feedback": "",
    "mentor_rating": 5,
    "mentor_feedback": "",
}
