"""Reads a folder of spreadsheets as it comes: encoding, delimiter, line ends and date formats are found from the files.

A file is read whole or refused whole with the reason; in a file that is read, each row is taken or refused by itself.
"""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

from adapters.caseload.columns import BY_NAME, RESOURCES
from adapters.caseload.datapackage import Source, read_package, stays_in
from adapters.caseload.encodings import EncodingUnknown, decode
from adapters.caseload.rows import ReadAs, Record, Table, rows_of
from domain.errors import Invalid

DELIMITERS = (",", ";", "\t", "|")
LARGEST_MIB = 256
# Without a bound, each of many stray marks would have the rest of the file read for it.
MOST_LINES = 1_000
_ENDINGS = (".csv", ".tsv")


class NothingToRead(Invalid):
    """The folder holds none of the spreadsheets of a caseload."""

    code = "nothing-to-read"
    message = (
        "There is no spreadsheet of a caseload in this folder. Name them people.csv, mentorships.csv and so on, "
        "or say in datapackage.json which is which."
    )


def read_folder(folder: Path, *, zone: ZoneInfo) -> list[Table]:
    """The folder's tables in the order of import. Local times are in `zone`, unless datapackage.json names another.

    A spreadsheet that is not there is no fault; one that can't be read comes as a Table with `unread` set. Raises
    NothingToRead, and PackageInvalid for a datapackage.json that can't be followed.
    """
    sources = read_package(folder, zone=zone)
    if sources is None:
        sources = tuple(
            Source(resource, path.name, zone)
            for resource in RESOURCES
            for path in _spreadsheets(folder)
            if path.stem.casefold() == resource.name
        )
    if not sources:
        raise NothingToRead
    return [_table(folder, source) for source in sources]


def strangers(folder: Path) -> list[str]:
    """Spreadsheets in the folder that nothing says how to read: a slip in a name would otherwise pass in silence."""
    if read_package(folder, zone=ZoneInfo("UTC")) is not None:
        return []
    return [path.name for path in _spreadsheets(folder) if path.stem.casefold() not in BY_NAME]


def _spreadsheets(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix.casefold() in _ENDINGS)


def _table(folder: Path, source: Source) -> Table:
    path, resource = folder / source.path, source.resource
    if not stays_in(folder, path):
        return Table.not_read(source.path, resource, "leaves-the-folder")
    if not path.exists():
        return Table.not_read(source.path, resource, "missing-file")
    try:
        # Neither a pipe nor a device ever ends; they are not read.
        if not path.is_file():
            return Table.not_read(source.path, resource, "unreadable-file")
        if path.stat().st_size > LARGEST_MIB * 2**20:
            return Table.not_read(source.path, resource, "file-too-large", largest=LARGEST_MIB)
        data = path.read_bytes()
    except OSError:
        return Table.not_read(source.path, resource, "unreadable-file")
    try:
        text, encoding = decode(data, source.encoding)
    except EncodingUnknown:
        return Table.not_read(source.path, resource, "encoding-unknown")
    return _from_text(text, encoding, source)


def _from_text(text: str, encoding: str, source: Source) -> Table:
    file, resource = source.path, source.resource
    lines = list(io.StringIO(text, newline=""))
    # Excel puts its delimiter before the header, as in sep=;
    hint = re.fullmatch(r"sep=(.)\s*", lines[0]) if lines else None
    first = 1 if hint else 0
    if not any(line.strip() for line in lines[first:]):
        return Table.not_read(file, resource, "empty-file")
    delimiter = source.delimiter or (hint[1] if hint else _delimiter(lines[first:], source))
    if delimiter is None:
        return Table.not_read(file, resource, "delimiter-unknown")
    records = records_of(lines, first, delimiter)
    header = _header(records, source)
    # Spreadsheets add columns without a name or any cell; no two of ours may share one.
    twice = sorted({name for name in header if header.count(name) > 1 and name in resource.by_name})
    if twice:
        return Table.not_read(file, resource, "duplicate-column", columns=", ".join(twice))
    missing = [name for name in resource.required if name not in header]
    if missing:
        return Table.not_read(file, resource, "missing-column", columns=", ".join(missing))
    header = _told_apart(header)
    rows = rows_of(file, header, _fitted(records, len(header)), ReadAs(resource, source.zone, source.styles))
    ignored = tuple(name for name in header if name not in resource.by_name)
    return Table(file, resource, rows, ignored, encoding=encoding, delimiter=delimiter)


def _header(records: Iterator[Record], source: Source) -> tuple[str, ...]:
    first = next(records, None)
    return tuple(_our_name(cell or "", source) for cell in first.cells) if first else ()


def _our_name(header: str, source: Source) -> str:
    """The column that a header means: as datapackage.json tells, or ours of that name in any case; else as it is."""
    for told in (header, header.strip()):
        if told in source.renamed:
            return source.renamed[told]
    ours = header.strip().casefold()
    return ours if ours in source.resource.by_name else header


def _told_apart(header: tuple[str, ...]) -> tuple[str, ...]:
    seen: dict[str, int] = {}
    names: list[str] = []
    for name in header:
        seen[name] = seen.get(name, 0) + 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return tuple(names)


def _delimiter(lines: list[str], source: Source) -> str | None:
    """The delimiter under which the header names most of our columns; None where two do alike or none names any."""
    found: dict[str, int] = {}
    for delimiter in DELIMITERS:
        header = _header(records_of(lines, 0, delimiter), source)
        found[delimiter] = sum(name in source.resource.by_name for name in header)
    most = max(found.values())
    best = [delimiter for delimiter, names in found.items() if names == most]
    return best[0] if most and len(best) == 1 else None


def records_of(lines: list[str], start: int, delimiter: str) -> Iterator[Record]:
    """Every record that holds anything, from the line with index `start`.

    Quotation marks that don't match within `MOST_LINES` cost their own line only: reading goes on with the next, so
    that one stray mark does not swallow the rest of the file.
    """
    # The module's own limit is for all readers of the process, and would end in an exception instead of a refusal.
    csv.field_size_limit(2**31 - 1)
    while start < len(lines):
        rest = _Lines(lines, start)
        reader = csv.reader(rest, delimiter=delimiter, strict=True)
        at = start
        try:
            for cells in reader:
                if any(cells):
                    yield Record(at + 1, tuple(cells))
                at = rest.record_ended()
            return
        except csv.Error:
            yield Record(at + 1, (lines[at].rstrip("\r\n"),), broken="broken-quotes")
            start = at + 1


class _Lines:
    """The lines from `start` on, of which one record may take `MOST_LINES`; more than that raise csv.Error."""

    def __init__(self, lines: list[str], start: int) -> None:
        self._lines = lines
        self._next = self._record = start

    def __iter__(self) -> Iterator[str]:
        while self._next < len(self._lines):
            if self._next - self._record >= MOST_LINES:
                raise csv.Error("a record of too many lines")
            self._next += 1
            yield self._lines[self._next - 1]

    def record_ended(self) -> int:
        """The index of the line that the next record starts in."""
        self._record = self._next
        return self._record


def _fitted(records: Iterator[Record], width: int) -> Iterator[Record]:
    for record in records:
        spare = [cell or "" for cell in record.cells[width:]]
        # Empty cells at the end come from delimiters at the line's end, and say nothing.
        while spare and not spare[-1]:
            spare.pop()
        yield Record(record.line, record.cells[:width], tuple(spare), record.broken)
