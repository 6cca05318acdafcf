"""Rows that an import refused lie as they were in files beside the database. Those of an erased person are taken out of them."""

import csv
import io
import os
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from adapters.refused_file import LEADING, replace_private, unshow

_OF_PERSON = ("person_id", "trainee_id", "mentor_id")
# Shorter than this, a text may stand in another person's row by chance.
SHORTEST = 5


@dataclass(frozen=True, slots=True)
class Taken:
    """How many rows were taken out of how many files, and how many files could not be read."""

    rows: int
    files: int
    unread: int


@dataclass(frozen=True, slots=True)
class Whose:
    """What tells a row as an erased person's: ids made from the spreadsheets' own numbers, and their name, telephone number and email."""

    person_id: UUID
    mentorships: Collection[UUID]
    texts: Collection[str]
    identify: Callable[[str, str], UUID]

    def owns(self, row: dict[str, str]) -> bool:
        if any(row.get(name) and self.identify("person", row[name]) == self.person_id for name in _OF_PERSON):
            return True
        number = row.get("mentorship_id")
        if number and self.identify("mentorship", number) in self.mentorships:
            return True
        cells = [cell.casefold() for cell in row.values()]
        return any(text.casefold() in cell for text in self.texts if len(text) >= SHORTEST for cell in cells)


def take_out(folder: Path, whose: Whose) -> Taken:
    """Takes a person's rows out of every file of refusals; one in which nothing is left goes. What can't be read is left and counted."""
    rows = files = unread = 0
    for path in sorted(folder.glob("*.csv")):
        try:
            removed = _take_out_of(path, whose)
        except (OSError, UnicodeDecodeError, csv.Error):
            unread += 1
            continue
        if removed is None:
            unread += 1
        elif removed:
            rows += removed
            files += 1
    return Taken(rows, files, unread)


def _take_out_of(path: Path, whose: Whose) -> int | None:
    """How many rows went; None for a file that the import did not write."""
    lines = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))
    if not lines or tuple(lines[0][: len(LEADING)]) != LEADING:
        return None
    header, told = lines[0], lines[1:]
    kept = [line for line in told if not whose.owns(_row(header, line))]
    if len(kept) == len(told):
        return 0
    if kept:
        replace_private(path, [header, *kept])
    else:
        os.unlink(path)
    return len(told) - len(kept)


def _row(header: list[str], line: list[str]) -> dict[str, str]:
    named: Iterable[tuple[str, str]] = zip(header[len(LEADING) :], line[len(LEADING) :], strict=False)
    return {unshow(name): unshow(cell) for name, cell in named}
