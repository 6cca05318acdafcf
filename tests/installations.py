"""A whole installation on a database of one test, and ways to put something into it."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg

from adapters.caseload.importing import Summary
from adapters.caseload.loading import load
from adapters.identity.members import ensure_organisation
from adapters.settings import Settings
from adapters.wiring import Installation, installation
from application.caller import Caller
from application.ids import new_id
from domain.vocabulary import Role

BERLIN = ZoneInfo("Europe/Berlin")


def settings(data: Path, dsn: str) -> Settings:
    return Settings.read({"ACCOMPANY_DATA": str(data), "DATABASE_URL": dsn, "HOME": os.environ.get("HOME", "/")})


@asynccontextmanager
async def opened(data: Path, dsn: str) -> AsyncIterator[Installation]:
    async with installation(settings(data, dsn), dsn) as parts:
        yield parts


async def organisation(dsn: str, name: str = "Test organisation") -> UUID:
    organisation_id = new_id()
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        await ensure_organisation(connection, organisation_id, name, BERLIN.key, demo=False)
    return organisation_id


def caller(organisation_id: UUID, role: Role = Role.COORDINATOR, member_id: UUID | None = None) -> Caller:
    return Caller(member_id or new_id(), organisation_id, role, BERLIN, datetime.now(UTC))


async def imported(parts: Installation, organisation_id: UUID, source: Path, reports: Path) -> Summary:
    async with await psycopg.AsyncConnection.connect(parts.dsn, autocommit=True) as connection:
        summary, _ = await load(parts, connection, organisation_id, BERLIN, source, reports, lambda done, total: None)
    return summary


def small_caseload(folder: Path) -> Path:
    """One mentorship; of three sessions one is good."""
    folder.mkdir()
    files = {
        "people.csv": "person_id,role,full_name\nT1,trainee,Invented Trainee\nM1,mentor,Invented Mentor\n",
        "mentorships.csv": (
            "mentorship_id,trainee_id,mentor_id,track,started_on,ended_on,end_reason,caseworker\n"
            "MS1,T1,M1,healthcare,2025-01-10,,,cw01\n"
        ),
        "consents.csv": (
            "mentorship_id,party,purpose,decision,decided_on,notice_version,language,method,interpreter,witness,valid_until\n"
            "MS1,trainee,mentoring,given,2025-01-10,2024-1,uk,signature,none,,2027-01-10\n"
        ),
        "goals.csv": (
            "mentorship_id,goal_id,set_on,kind,description,target_on,status,status_on\n"
            "MS1,G1,2025-02-01,language,B2,2025-12-01,open,\n"
        ),
        "sessions.csv": (
            "mentorship_id,held_on,minutes,medium,trainee_rating,mentor_rating,summary\n"
            "MS1,2025-02-01,60,video,5,4,Planned next steps\n"
            "MS1,2025-02-08,-30,video,,,x\n"
            "MS404,2025-02-09,45,phone,,,y\n"
        ),
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder
