"""After an import of the shared caseload the API's figures are those that plain arithmetic on the files gives."""

import asyncio
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psycopg

from adapters.http.app import create_app
from adapters.http.parts import Parts
from adapters.identity.members import ensure_member, issue
from adapters.postgres.runner import Runner
from adapters.wiring import Installation
from domain.vocabulary import Role
from tests.installations import imported, opened, organisation
from tests.shared_data import shared_data, spreadsheet

type Row = dict[str, str]


def test_figures_and_dashboards_agree_with_the_files(tmp_path: Path, postgres: str) -> None:
    source = shared_data("caseload")

    async def ask() -> tuple[Any, dict[str, Any], Row, Any]:
        async with opened(tmp_path / "data", postgres) as parts:
            organisation_id = await organisation(postgres)
            summary = await imported(parts, organisation_id, source, tmp_path / "reports")
            await Runner(postgres).catch_up()
            assert summary.refusals is not None
            handles = {f"cw{number:02}": Role.CASEWORKER for number in range(1, 13)}
            answers = {
                handle: await _get(parts, organisation_id, handle, role, "/dashboard")
                for handle, role in handles.items()
            }
            figures = await _get(parts, organisation_id, "anna", Role.COORDINATOR, "/reports/summary")
            trail = await _get(parts, organisation_id, "otto", Role.AUDITOR, "/consent-trail")
            return figures, answers, {"refusals": str(summary.refusals)}, trail

    figures, dashboards, reports, trail = asyncio.run(ask())
    refused = {(row["file"], int(row["line"])) for row in spreadsheet(Path(reports["refusals"]))}
    taken = {path.stem: _taken(path, refused) for path in source.glob("*.csv")}
    cases = {row["mentorship_id"]: row for row in taken["mentorships"]}

    sessions, appointments = taken["sessions"], taken["appointments"]
    assert figures["sessions_held"] == len(sessions)
    assert figures["session_hours"] == round(sum(int(row["minutes"]) for row in sessions) / 60, 1)
    accompanied = [row for row in appointments if row["accompanied_by"]]
    assert figures["accompaniments"] == len(accompanied)
    assert _counts(figures["accompaniments_by_type"], "type") == Counter(row["type"] for row in accompanied)
    assert _counts(figures["accompaniments_by_outcome"], "outcome") == Counter(row["outcome"] for row in accompanied)

    held = [row for row in appointments if row["accompanied_by"] or not row["outcome"].startswith("no-show")]
    assert figures["persons_served"] == len({cases[row["mentorship_id"]]["trainee_id"] for row in sessions + held})
    assert figures["mentorships_started"] == len(cases)
    assert figures["mentorships_closed"] == sum(bool(row["ended_on"]) for row in cases.values())
    decided = Counter(row["result"] for row in taken["credential_steps"] if row["result"])
    assert _counts(figures["credentials_by_result"], "result") == decided
    latest = {
        cases[row["mentorship_id"]]["trainee_id"]: row["status"]
        for row in sorted(taken["outcomes"], key=lambda row: row["on"])
    }
    assert _counts(figures["employment"], "status") == Counter(latest.values()), "each person once, as found last"

    open_cases = Counter(row["caseworker"] for row in cases.values() if not row["ended_on"])
    assert {handle: len(dashboard["cases"]) for handle, dashboard in dashboards.items()} == dict(open_cases)
    assert trail["totals"]["gaps"] == 0, "no act was recorded without a consent in force"


async def _get(parts: Installation, organisation_id: UUID, handle: str, role: Role, path: str) -> Any:
    async with await psycopg.AsyncConnection.connect(parts.dsn, autocommit=True) as connection:
        member_id = await ensure_member(
            connection, organisation_id, parts.identify(organisation_id, "member", handle), handle
        )
        token = await issue(connection, organisation_id, member_id, role, "bearer", timedelta(hours=1))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=create_app(Parts.of(parts))), base_url="http://accompany.test/api/v1"
    ) as client:
        answered = await client.get(path, headers={"Authorization": f"Bearer {token}"})
    assert answered.status_code == 200, answered.text
    return answered.json()


def _counts(cells: list[dict[str, Any]], name: str) -> Counter[str]:
    return Counter({cell[name]: cell["count"] for cell in cells if cell["count"]})


def _taken(path: Path, refused: set[tuple[str, int]]) -> list[Row]:
    """The rows that were taken, each once. Lines are counted as they stand, since no cell of this caseload spans two."""
    rows = {
        tuple(row.items()): row for n, row in enumerate(spreadsheet(path), start=2) if (path.name, n) not in refused
    }
    return list(rows.values())
