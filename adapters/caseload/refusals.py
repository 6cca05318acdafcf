"""The file of what was refused: people mend its cells in a spreadsheet, and import that same file again.

It is UTF-8 with a byte order mark and commas, readable by its owner only. Each line says file, line, column, reason and
message, how the row was read (`read_as`), and then holds the row's own cells under our names of their columns, or under
their own headers where they are ignored; a cell of a column that its file does not have stays empty.

Cells come back exactly as they were. Three spellings see to that, and people may write them too:
- a cell that a spreadsheet would calculate (it begins with = + - @, a tab or a line end) has an apostrophe before it;
- what text can't hold is shown by its code point: NUL as ⟦0000⟧, half a character as ⟦D83D⟧, ⟦ itself as ⟦27E6⟧;
- a cell that the row did not have at all, because it was too short, shows ⟦no cell⟧, and cells beyond the header stand
  in columns ⟦spare cell 1⟧ and on.
"""

import io
import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from zoneinfo import ZoneInfo

from adapters.caseload.columns import BY_NAME, RESOURCES
from adapters.caseload.encodings import EncodingUnknown, decode
from adapters.caseload.reading import DELIMITERS, records_of
from adapters.caseload.rows import ReadAs, Record, Refused, Table, rows_of
from adapters.refused_file import LEADING, replace_private, show, unshow
from domain.errors import Invalid

NO_CELL = "⟦no cell⟧"
_SPARE = "⟦spare cell {}⟧"
_SPARE_NAME = re.compile(r"⟦spare cell \d+⟧")


class NotRefusals(Invalid):
    """The file is not one that `write_refusals` wrote, or can no longer be read as one."""

    code = "not-a-refusals-file"
    message = f"This is no file of refused rows: it does not begin with the columns {', '.join(LEADING)}."


def write_refusals(path: Path, refused: Iterable[Refused]) -> None:
    """Writes what was refused to `path` in one step: whoever looks sees the old file or the whole new one."""
    told = list(refused)
    columns = _columns(told)
    replace_private(path, [[*LEADING, *columns], *(_line(refusal, columns) for refusal in told)])


def _columns(refused: list[Refused]) -> list[str]:
    """Our columns in our order, then the rows' others, then room for the spare cells of the longest row."""
    rows = [refusal.row for refusal in refused if refusal.row is not None]
    told = {row.resource.name for row in rows}
    ours = [column.name for resource in RESOURCES if resource.name in told for column in resource.columns]
    others = [show(name) for row in rows for name in [*row.cells, *row.missing]]
    spare = [_SPARE.format(number + 1) for number in range(max((len(row.spare) for row in rows), default=0))]
    return list(dict.fromkeys([*ours, *others, *spare]))


def _line(refusal: Refused, columns: list[str]) -> list[str]:
    row = refusal.row
    said = [refusal.file, str(refusal.line), refusal.column, refusal.reason, refusal.message]
    if row is None:
        return [show(cell) for cell in [*said, ""]]
    shown = {show(name): show(cell) for name, cell in row.cells.items()}
    shown |= {show(name): NO_CELL for name in row.missing}
    shown |= {_SPARE.format(number): show(cell) for number, cell in enumerate(row.spare, start=1)}
    return [*(show(cell) for cell in [*said, row.read_as.text()]), *(shown.get(name, "") for name in columns)]


def read_refusals(path: Path, *, zone: ZoneInfo) -> list[Table]:
    """The mended rows as tables, in the order of import; each row keeps the file and line that it first came from.

    Rows are read as they were at first: in the zone and the styles of their `read_as`, or in `zone` where somebody
    wrote a row of their own. Lines about whole files are left out. Raises NotRefusals, and OSError.
    """
    try:
        text, encoding = decode(path.read_bytes())
    except EncodingUnknown:
        raise NotRefusals("The encoding of this file could not be found. Save it as UTF-8.") from None
    lines = list(io.StringIO(text, newline=""))
    for delimiter in DELIMITERS:
        records = records_of(lines, 0, delimiter)
        header = next(records, Record(1, ())).cells
        if tuple(header[: len(LEADING)]) == LEADING:
            break
    else:
        raise NotRefusals
    found: dict[tuple[str, str], list[tuple[int, dict[str, str]]]] = {}
    for record in records:
        if record.broken:
            raise NotRefusals(f"The quotation marks in line {record.line} of this file do not match.")
        shown = [cell or "" for cell in record.cells]
        # A spreadsheet may leave out the empty cells at a line's end.
        shown += [""] * (len(header) - len(shown))
        file, line, read_as = shown[0], shown[1], shown[5]
        cells = zip(header[len(LEADING) :], shown[len(LEADING) :], strict=False)
        mended = {name: cell for name, cell in cells if name}
        if any(mended.values()):
            at = int(line) if line.isdecimal() else record.line
            found.setdefault((unshow(file), unshow(read_as)), []).append((at, mended))
    tables = [_table(file, read_as, rows, zone, encoding, delimiter) for (file, read_as), rows in found.items()]
    return sorted(tables, key=lambda table: RESOURCES.index(table.resource))


def _table(
    file: str, told: str, rows: list[tuple[int, dict[str, str]]], zone: ZoneInfo, encoding: str, delimiter: str
) -> Table:
    resource = BY_NAME.get(PurePosixPath(file).stem.casefold())
    read_as = ReadAs.told(told) or (ReadAs(resource, zone) if resource else None)
    if read_as is None:
        raise NotRefusals(f"It can't be told what line {rows[0][0]} is about. Fill its column file, as in people.csv.")
    ours = read_as.resource.by_name
    # All files share one header: of columns that are not ours, those that say something are this file's.
    header = tuple(
        name
        for name in dict.fromkeys(name for _, shown in rows for name in shown)
        if unshow(name) in ours or (not _SPARE_NAME.fullmatch(name) and any(shown.get(name) for _, shown in rows))
    )
    records = [_record(line, header, shown) for line, shown in rows]
    columns = tuple(unshow(name) for name in header)
    ignored = tuple(name for name in columns if name not in ours)
    missing = [name for name in read_as.resource.required if name not in columns]
    if missing:
        return Table.not_read(file, read_as.resource, "missing-column", columns=", ".join(missing))
    return Table(
        file,
        read_as.resource,
        rows_of(file, columns, records, read_as),
        ignored,
        encoding=encoding,
        delimiter=delimiter,
    )


def _record(line: int, header: tuple[str, ...], shown: Mapping[str, str]) -> Record:
    cells = tuple(None if shown.get(name) == NO_CELL else unshow(shown.get(name, "")) for name in header)
    spare = [unshow(cell) for name, cell in shown.items() if _SPARE_NAME.fullmatch(name)]
    while spare and not spare[-1]:
        spare.pop()
    return Record(line, cells, tuple(spare))
