"""Imports a caseload: reads the folder, hands its rows to the intake, and writes what was refused to one file to be mended."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import batched
from pathlib import Path
from typing import Any

from adapters.caseload.columns import RESOURCES
from adapters.caseload.reading import read_folder
from adapters.caseload.refusals import read_refusals, write_refusals
from adapters.caseload.rows import Refused, Row, Table
from application.caller import Caller
from application.intake import Intake, Verdict
from application.sheet_rows import SheetRow

PEOPLE_AT_ONCE = 100
_ORDER = {resource.name: number for number, resource in enumerate(RESOURCES)}

# What the domain calls a fact's moment is called otherwise in each sheet.
_MOMENT = ("occurred_on", "occurred_at")


@dataclass(slots=True)
class Counts:
    """What became of the rows of one file."""

    taken: int = 0
    unchanged: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    def as_json(self) -> dict[str, Any]:
        return {"taken": self.taken, "unchanged": self.unchanged, "refused": dict(sorted(self.refused.items()))}


@dataclass(slots=True)
class Summary:
    """What became of an import, file by file; `refusals` is the file to mend, None where nothing was refused.

    `handles_given` counts the members whom the rows call by what is no handle, and may be a name.
    """

    files: dict[str, Counts]
    ignored: dict[str, tuple[str, ...]]
    refusals: Path | None = None
    handles_given: int = 0

    def as_json(self) -> dict[str, Any]:
        return {
            "files": {name: counts.as_json() for name, counts in self.files.items()},
            "refusals": str(self.refusals) if self.refusals else None,
        }

    @property
    def refused(self) -> int:
        return sum(counts.refused.total() for counts in self.files.values())


def read(source: Path, by: Caller) -> list[Table]:
    """The tables of a folder, or of a file of refusals that was mended. Raises NothingToRead, PackageInvalid, NotRefusals."""
    return read_folder(source, zone=by.zone) if source.is_dir() else read_refusals(source, zone=by.zone)


def member_labels(tables: Iterable[Table]) -> set[str]:
    """What the rows call caseworkers and companions: handles, or names, which must not be stored."""
    columns = ("caseworker", "accompanied_by")
    rows = (row for table in tables for row in table.rows if isinstance(row, Row))
    return {str(row.values[column]) for row in rows for column in columns if row.values.get(column)}


async def take_in(
    intake: Intake, by: Caller, tables: Sequence[Table], reports: Path, progress: Callable[[int], None]
) -> Summary:
    """Takes the rows in, people first and then mentorship by mentorship. `progress` is told how many rows each step dealt with.

    What was refused is written to a new file in the folder `reports`. Stopped half way, it can simply be run again.
    """
    summary = Summary(
        {table.file: Counts() for table in tables}, {table.file: table.ignored for table in tables if table.ignored}
    )
    refused: list[Refused] = []

    def refuse(refusal: Refused) -> None:
        refused.append(refusal)
        summary.files.setdefault(refusal.file, Counts()).refused[refusal.reason] += 1

    def settle(verdicts: Sequence[Verdict]) -> None:
        for verdict in verdicts:
            row = verdict.row.source
            assert isinstance(row, Row), "this importer made the sheet row from one"
            counts = summary.files.setdefault(row.file, Counts())
            if verdict.refusal is not None:
                column = _column(verdict, row)
                refuse(row.refused(verdict.refusal.code, column, str(verdict.refusal)))
            elif verdict.taken:
                counts.taken += 1
            else:
                counts.unchanged += 1
        progress(len(verdicts))

    for table in tables:
        if table.unread is not None:
            refuse(table.unread)
        for unreadable in (row for row in table.rows if isinstance(row, Refused)):
            refuse(unreadable)
            progress(1)
    rows = [row for table in tables for row in table.rows if isinstance(row, Row)]
    people = [_sheet_row(row) for row in rows if row.resource.name == "people"]
    for some in batched(people, PEOPLE_AT_ONCE):
        settle(await intake.people(by, some))
    for number, of_one in _by_mentorship(rows):
        settle(await intake.case(by, number, of_one))
    if refused:
        summary.refusals = _report(reports, list(summary.files), refused)
    return summary


def _report(folder: Path, files: list[str], refused: list[Refused]) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"refused-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.csv"
    write_refusals(path, sorted(refused, key=lambda one: (files.index(one.file), one.line)))
    return path


def _by_mentorship(rows: Iterable[Row]) -> Iterator[tuple[str, list[SheetRow]]]:
    cases: dict[str, list[Row]] = {}
    for row in rows:
        if row.resource.name != "people":
            cases.setdefault(str(row.values["mentorship_id"]), []).append(row)
    for number, of_one in cases.items():
        yield number, [_sheet_row(row) for row in sorted(of_one, key=lambda row: _ORDER[row.resource.name])]


def _sheet_row(row: Row) -> SheetRow:
    return SheetRow(row.resource.name, row.values, row)


def _column(verdict: Verdict, row: Row) -> str:
    """The column that a refusal is about, as the sheet calls it; empty where it is about none of its columns."""
    assert verdict.refusal is not None, "only refused rows are asked for"
    for name in verdict.refusal.fields:
        column = verdict.moment if name in _MOMENT else name
        if column in row.resource.by_name:
            return column
    return ""
