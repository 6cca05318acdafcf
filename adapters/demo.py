"""The demo: an organisation of invented people, imported as a real caseload would be, and a way in for each role."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from adapters.caseload.invented import write_invented_caseload
from adapters.caseload.loading import load
from adapters.caseload.rows import Row, Table
from adapters.data_folder import HoldsRealData
from adapters.identity.members import (
    OrganisationUnknown,
    ensure_member,
    ensure_organisation,
    issue,
    organisation_by_name,
)
from adapters.settings import Settings
from adapters.wiring import Installation
from application.ids import new_id
from domain.vocabulary import Role

NAME = "Wegweiser e.V. (demo)"
LINKS_LAST = timedelta(days=7)

SEES = {
    Role.CASEWORKER: "own cases, today's appointments, what needs them",
    Role.COORDINATOR: "all cases of the organisation",
    Role.AUDITOR: "each act beside the consent it relied on",
    Role.FUNDER: "reports that were released, and nobody behind them",
    Role.MENTOR: "own trainees, goals and sessions",
    Role.TRAINEE: "own record and consents",
    Role.ADMINISTRATOR: "the state of the service, no case",
}


@dataclass(frozen=True, slots=True)
class WayIn:
    """A role, what it sees, and the path of its sign-in link."""

    role: Role
    sees: str
    path: str


async def keep_away_from_real_data(dsn: str) -> None:
    """Raises HoldsRealData. Asked before anything is opened: a demo does not even have the key of a real record."""
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True, connect_timeout=10) as connection:
        cursor = await connection.execute("SELECT to_regclass('accompany.organisations') IS NOT NULL")
        if await cursor.fetchone() == (True,):
            cursor = await connection.execute("SELECT EXISTS (SELECT FROM accompany.organisations WHERE NOT demo)")
            if await cursor.fetchone() == (True,):
                raise HoldsRealData


async def prepare(installation: Installation, settings: Settings, progress: Callable[[int, int], None]) -> list[WayIn]:
    """Loads the invented caseload if it is not there, and answers a sign-in link for each role."""
    async with await psycopg.AsyncConnection.connect(installation.dsn, autocommit=True) as connection:
        organisation_id = await _organisation(connection, settings)
        folder = settings.data / "invented-caseload"
        if not folder.exists():
            _write_whole(folder, settings)
        _, tables = await load(
            installation,
            connection,
            organisation_id,
            settings.time_zone,
            folder,
            settings.data / "refusals",
            progress,
        )
        ways = await _ways_in(installation, connection, organisation_id, tables)
    await _release_a_report(installation, organisation_id, settings)
    return ways


async def _release_a_report(installation: Installation, organisation_id: UUID, settings: Settings) -> None:
    """Where SciPy is not installed, the funder finds no report."""
    # Here and not above: no other command pays for SciPy.
    with suppress(ModuleNotFoundError):
        from adapters.demo_report import release_last_quarter  # noqa: PLC0415 - see above

        await release_last_quarter(installation, organisation_id, settings.time_zone)


async def _organisation(connection: psycopg.AsyncConnection[Any], settings: Settings) -> UUID:
    try:
        organisation_id, _ = await organisation_by_name(connection, NAME)
    except OrganisationUnknown:
        organisation_id = new_id()
        await ensure_organisation(connection, organisation_id, NAME, settings.time_zone.key, demo=True)
    return organisation_id


def _write_whole(folder: Path, settings: Settings) -> None:
    draft = folder.with_name(f".{folder.name}")
    write_invented_caseload(draft, today=datetime.now(settings.time_zone).date())
    draft.rename(folder)


async def _ways_in(
    installation: Installation,
    connection: psycopg.AsyncConnection[Any],
    organisation_id: UUID,
    tables: Sequence[Table],
) -> list[WayIn]:
    case = _open_case(tables)
    people = {
        Role.MENTOR: installation.identify(organisation_id, "person", case["mentor_id"]),
        Role.TRAINEE: installation.identify(organisation_id, "person", case["trainee_id"]),
    }
    ways = []
    for role, sees in SEES.items():
        handle = case["caseworker"] if role is Role.CASEWORKER else f"demo-{role}"
        member_id = await ensure_member(
            connection,
            organisation_id,
            installation.identify(organisation_id, "member", handle),
            handle,
            people.get(role),
        )
        link = await issue(connection, organisation_id, member_id, role, "link", LINKS_LAST)
        ways.append(WayIn(role, sees, f"/sign-in/{link}"))
    return ways


def _open_case(tables: Sequence[Table]) -> dict[str, str]:
    """An open mentorship of the first caseworker, to look at the record through three pairs of eyes."""
    rows = [
        row for table in tables if table.resource.name == "mentorships" for row in table.rows if isinstance(row, Row)
    ]
    open_ones = [row.cells for row in rows if not row.cells["ended_on"]]
    return dict(min(open_ones, key=lambda cells: (cells["caseworker"], cells["mentorship_id"])))
