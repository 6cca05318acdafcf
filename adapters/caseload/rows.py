"""Rows of a caseload: read, or refused with the reason and everything that is needed to mend them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Self
from zoneinfo import ZoneInfo

from adapters.caseload.cells import STYLES, Unreadable, Value, settled, value
from adapters.caseload.columns import BY_NAME, Resource

# Codes are stable: scripts count by them. Messages say what to do and never repeat what the cell holds.
MESSAGES: dict[str, str] = {
    "missing-value": "This cell must be filled in.",
    "not-a-date": "This is not a day of the calendar. Write it as 2025-03-01 or 01.03.2025.",
    "ambiguous-date": "Day and month could be either way round. Write it as 2025-03-01.",
    "not-a-time": "This is not a day with a time. Write it as 2025-03-01 08:15 or 01.03.2025 08:15.",
    "no-such-local-time": "The clocks skipped this time when summer time began. Write the time that was meant.",
    "not-a-number": "This is not a number.",
    "ambiguous-number": "The mark could be for decimals or for thousands. Write the number as 1234 or 1.23.",
    "not-yes-or-no": "Write yes or no, or leave the cell empty.",
    "unknown-term": "This is none of the terms that the column takes: {terms}.",
    "not-a-language": "Write languages as codes, as in fa-AF; in a list with levels, as in ar;de:B1.",
    "nul-character": "The cell holds a NUL character, which no text can hold. Delete what is shown as ⟦0000⟧.",
    "lone-surrogate": "The cell holds half a character. Write the one that was meant for what is shown in ⟦ ⟧.",
    "too-long": "The cell is longer than {longest} characters.",
    "wrong-number-of-cells": "The row has more or fewer cells than the header. Put each cell under its column.",
    "broken-quotes": "The quotation marks in this line do not match. Put each cell under its column.",
    "missing-column": "The file has no column for: {columns}.",
    "duplicate-column": "Two columns have the same name: {columns}.",
    "encoding-unknown": "The encoding could not be found. Save the file as UTF-8, or name it in datapackage.json.",
    "delimiter-unknown": "The delimiter could not be found. Use commas, or name it in datapackage.json.",
    "empty-file": "The file is empty: it has no line of column names.",
    "file-too-large": "The file is larger than {largest} MiB. Split it.",
    "unreadable-file": "The file could not be opened.",
    "missing-file": "datapackage.json names a file that is not there.",
    "leaves-the-folder": "The file leads out of the folder. Put the file itself there.",
}  # fmt: skip


@dataclass(frozen=True)
class ReadAs:
    """How a table is read: as which resource, in which zone, in which styles where a column can be read in two ways."""

    resource: Resource
    zone: ZoneInfo
    styles: Mapping[str, str] = field(default_factory=dict)

    def text(self) -> str:
        """For a cell beside a refused row, so that it is read in the same way when it comes back."""
        return json.dumps({"resource": self.resource.name, "zone": self.zone.key, **self.styles}, ensure_ascii=True)

    @classmethod
    def told(cls, text: str) -> Self | None:
        """What `text` wrote; None where somebody changed it so that it says nothing."""
        try:
            told = json.loads(text)
            resource, zone = BY_NAME[told.pop("resource")], ZoneInfo(told.pop("zone"))
        except (ValueError, KeyError, TypeError, AttributeError, OSError):
            return None
        styles = {
            name: style
            for name, style in told.items()
            if (column := resource.by_name.get(name)) is not None
            and isinstance(style, str)
            and (style in STYLES.get(column.kind, ()) or "%" in style)
        }
        return cls(resource, zone, styles)


@dataclass(frozen=True)
class Row:
    """One row as it came. `cells` are exact, by our column names, or by their own header for columns that are ignored.

    `values` holds one entry for each of the resource's columns, None where the cell is blank or the file has no such
    column; of a refused row it is empty. `spare` are cells beyond the header's, `missing` the columns of the header
    that a short row has no cell for. `line` is the physical line where the row starts, from 1.
    """

    read_as: ReadAs
    file: str
    line: int
    cells: Mapping[str, str]
    values: Mapping[str, Value] = field(default_factory=dict)
    spare: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def resource(self) -> Resource:
        return self.read_as.resource

    def canonical(self) -> bytes:
        """The content, for a digest: the same cells give the same bytes in any file, line or order of columns."""
        cells = [self.cells.get(column.name, "") for column in self.resource.columns]
        return json.dumps([self.resource.name, *cells], ensure_ascii=True, separators=(",", ":")).encode()

    def refused(self, reason: str, column: str = "", message: str = "") -> "Refused":
        """This row as refused by whoever took it further, for instance by a rule of the domain."""
        return Refused(self.file, self.line, column, reason, message or MESSAGES.get(reason, ""), self)


@dataclass(frozen=True)
class Refused:
    """What was not taken: a row, or with `row` None and `line` 0 a whole file. `column` is the first at fault.

    `message` says what to do and never repeats what the cell holds.
    """

    file: str
    line: int
    column: str
    reason: str
    message: str
    row: Row | None


@dataclass(frozen=True)
class Table:
    """One file. Where `unread` is set, nothing of it could be read; `ignored` are columns that are not ours."""

    file: str
    resource: Resource
    rows: tuple[Row | Refused, ...] = ()
    ignored: tuple[str, ...] = ()
    unread: Refused | None = None
    encoding: str = ""
    delimiter: str = ""

    @classmethod
    def not_read(cls, file: str, resource: Resource, reason: str, **said: object) -> Self:
        return cls(file, resource, unread=Refused(file, 0, "", reason, MESSAGES[reason].format(**said), None))


@dataclass(frozen=True, slots=True)
class Record:
    """Cells as a file gave them, before anybody knows what they mean. `broken` is a reason to refuse them at once."""

    line: int
    cells: tuple[str | None, ...]
    spare: tuple[str, ...] = ()
    broken: str = ""


def rows_of(
    file: str, header: tuple[str, ...], records: Iterable[Record], read_as: ReadAs
) -> tuple[Row | Refused, ...]:
    """Each record as a Row, or as Refused with its first fault and a message that names the others.

    `header` holds our column names, or the file's own for ignored columns; a record's cells stand in its order, None
    where missing.
    """
    raw = [(record.broken, _as_it_came(file, header, record, read_as)) for record in records]
    whole = [row for broken, row in raw if not broken and not row.spare and not row.missing]
    styles = dict(read_as.styles)
    for column in read_as.resource.columns:
        if column.kind in STYLES and column.name not in styles and column.name in header:
            style = settled((row.cells[column.name] for row in whole), column.kind)
            if style is not None:
                styles[column.name] = style
    told = replace(read_as, styles=styles)
    return tuple(_read(replace(row, read_as=told), broken) for broken, row in raw)


def _as_it_came(file: str, header: tuple[str, ...], record: Record, read_as: ReadAs) -> Row:
    named = dict(zip_longest(header, record.cells))
    cells = {name: cell for name, cell in named.items() if cell is not None}
    missing = tuple(name for name in header if name not in cells)
    return Row(read_as, file, record.line, cells, spare=record.spare, missing=missing)


def _read(row: Row, broken: str) -> Row | Refused:
    if broken:
        return row.refused(broken)
    if row.spare or row.missing:
        return row.refused("wrong-number-of-cells")
    values: dict[str, Value] = {}
    faults: list[tuple[str, str, str]] = []
    for column in row.resource.columns:
        try:
            values[column.name] = value(
                row.cells.get(column.name, ""), column, style=row.read_as.styles.get(column.name), zone=row.read_as.zone
            )
        except Unreadable as unreadable:
            said = MESSAGES[unreadable.code].format(terms=", ".join(column.terms), longest=column.longest)
            faults.append((column.name, unreadable.code, said))
    if not faults:
        return replace(row, values=values)
    (name, reason, message), *others = faults
    return row.refused(reason, name, " ".join([message, *(f"Also {also}: {said}" for also, _, said in others)]))
