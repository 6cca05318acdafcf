"""The shared caseload, imported and projected: the figures are those of the files, and a rebuild changes nothing."""

import csv
import io
from datetime import date
from pathlib import Path

import pytest

from adapters.postgres.runner import Runner
from projections.consent_trail import consent_trail
from projections.funder_summary import funder_summary
from tests.installations import imported, opened, organisation
from tests.postgres.recording import all_rows
from tests.shared_data import shared_data

pytestmark = pytest.mark.anyio


def refused(reports: Path) -> set[tuple[str, int]]:
    """File and line of each row that the import refused."""
    [report] = reports.glob("*.csv")
    with report.open(encoding="utf-8-sig", newline="") as file:
        return {(row["file"], int(row["line"])) for row in csv.DictReader(file)}


def rows_of(name: str, taken_out: set[tuple[str, int]]) -> list[dict[str, str]]:
    """The rows of a file that were taken: all but those that begin on a refused line."""
    content = shared_data("caseload", name).read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252")
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=";" if ";" in text[: text.index("\n")] else ",")
    assert reader.fieldnames
    taken, line = [], reader.line_num + 1
    for row in reader:
        if (name, line) not in taken_out:
            taken.append(row)
        line = reader.line_num + 1
    return taken


async def test_the_figures_of_the_caseload_are_those_of_its_files(database: str, tmp_path: Path) -> None:
    async with opened(tmp_path, database) as parts:
        organisation_id = await organisation(database)
        await imported(parts, organisation_id, shared_data("caseload"), tmp_path / "refusals")
        runner = Runner(database)
        await runner.catch_up()
        async with parts.pool.organisation(organisation_id) as connection:
            summary = await funder_summary(
                connection,
                organisation_id=organisation_id,
                since=None,
                until=None,
                reporting_consent_only=False,
                today=date(2026, 12, 31),
            )
            trail = await consent_trail(connection, organisation_id=organisation_id)
        followed = await all_rows(database)
        await runner.rebuild([])
        assert await all_rows(database) == followed
    taken_out = refused(tmp_path / "refusals")
    sessions = rows_of("sessions.csv", taken_out)
    appointments = rows_of("appointments.csv", taken_out)
    assert summary.sessions_held == len(sessions)
    assert summary.session_hours == round(sum(int(row["minutes"]) for row in sessions) / 60, 1)
    assert summary.accompaniments == sum(bool(row["accompanied_by"]) and bool(row["outcome"]) for row in appointments)
    assert summary.mentorships_started == len(rows_of("mentorships.csv", taken_out))
    assert trail.totals.decisions == len(rows_of("consents.csv", taken_out))
    assert (trail.totals.gaps, trail.totals.as_known_then) == (0, 0)
