"""What was refused is written to one file that people mend in a spreadsheet and import again."""

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.caseload.columns import BY_NAME, RESOURCES
from adapters.caseload.reading import read_folder
from adapters.caseload.refusals import NotRefusals, read_refusals, write_refusals
from adapters.caseload.rows import ReadAs, Refused, Row, Table
from adapters.refused_file import show, unshow

BERLIN = ZoneInfo("Europe/Berlin")
ANYTHING = st.text(st.characters(codec=None, exclude_categories=()))
PEOPLE = BY_NAME["people"]


def as_row(told: Row | Refused) -> Row:
    row = told.row if isinstance(told, Refused) else told
    assert row is not None
    return row


def refused_in(tables: Sequence[Table]) -> list[Refused]:
    return [row for table in tables for row in table.rows if isinstance(row, Refused)]


@given(ANYTHING)
@example("=1+1")
@example("'=1+1")
@example("''=1+1")
@example("'Abd")
@example("-30")
@example("\0")
@example("⟦0000⟧")
@example("⟦no cell⟧")
@example("\r\n")
@example("\uff20x")
def test_every_cell_comes_back_exactly(cell: str) -> None:
    shown = show(cell)
    assert unshow(shown) == cell
    assert shown[:1] not in ("=", "+", "-", "@", "\t", "\r", "\n")
    assert "\0" not in shown
    shown.encode()


@given(ANYTHING.filter(lambda text: show(text) == text))
def test_what_people_write_is_taken_as_they_write_it(text: str) -> None:
    assert unshow(text) == text


@given(
    st.lists(
        st.tuples(
            st.lists(ANYTHING, min_size=12, max_size=12),
            st.lists(ANYTHING, max_size=3).map(tuple).filter(lambda spare: not spare or spare[-1] != ""),
            ANYTHING,
        ).filter(lambda row: any(row[0])),
        min_size=1,
        max_size=4,
    )
)
def test_whole_rows_come_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, told: list[tuple[list[str], tuple[str, ...], str]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "refused.csv"
    names = [column.name for column in PEOPLE.columns]
    read_as = ReadAs(PEOPLE, BERLIN, {"born_on": "day-first"})
    rows = [
        Row(read_as, f"{file}people.csv", line, dict(zip(names, cells, strict=True)), spare=spare)
        for line, (cells, spare, file) in enumerate(told, start=2)
    ]
    write_refusals(path, [row.refused("rule", "note", "=message") for row in rows])
    back = [as_row(row) for table in read_refusals(path, zone=BERLIN) for row in table.rows]
    back.sort(key=lambda row: row.line)
    assert [replace(row, values={}) for row in back] == rows
    assert [row.canonical() for row in back] == [row.canonical() for row in rows]


def test_rows_of_all_files_stand_in_one_file_and_come_back_as_theirs(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "people.csv").write_bytes(
        b"person_id,role,full_name,born_on,line,office\nT1,wizard,=cmd,03/04/2025,7,x\nT2,trainee,Nul\0,13/02/2025,,\n"
        b'T3,trainee\nT4,trainee,Name,03/04/2025,,,y\n"T5"x,trainee,Name,,,\n'
    )
    (folder / "appointments.csv").write_text(
        "appointment_id,mentorship_id,type,starts_at\nA1,MS1,bank,30.03.2025 02:30\n"
    )
    (folder / "sessions.csv").write_text("mentorship_id\n")
    tables = read_folder(folder, zone=BERLIN)
    unread = [table.unread for table in tables if table.unread]
    before = refused_in(tables)
    assert [one.reason for one in before] == [
        "unknown-term",
        "nul-character",
        "wrong-number-of-cells",
        "wrong-number-of-cells",
        "broken-quotes",
        "no-such-local-time",
    ]
    write_refusals(tmp_path / "refused.csv", [*before, *unread])
    after = refused_in(read_refusals(tmp_path / "refused.csv", zone=ZoneInfo("UTC")))
    # A line whose marks did not match comes back as the one cell that it was.
    assert [one.reason for one in after] == [
        one.reason.replace("broken-quotes", "wrong-number-of-cells") for one in before
    ]
    assert [(one.file, one.line) for one in after] == [(one.file, one.line) for one in before]
    for one, other in zip(after, before, strict=True):
        assert as_row(one).canonical() == as_row(other).canonical()
        assert as_row(one).spare == as_row(other).spare
        assert set(as_row(one).missing) == set(as_row(other).missing)
        assert as_row(one).read_as == as_row(other).read_as


def mended(path: Path, changes: dict[str, str], *, delimiter: str = ",", encoding: str = "utf-8-sig") -> None:
    """As a spreadsheet would: opened, cells changed, saved in its own way."""
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(row | changes for row in rows)
    path.write_bytes(out.getvalue().encode(encoding))


@pytest.mark.parametrize(("delimiter", "encoding"), [(",", "utf-8-sig"), (";", "utf-8"), ("\t", "utf-16")])
def test_a_mended_cell_makes_the_row_whole_and_the_rest_stays_as_it_was(
    tmp_path: Path, delimiter: str, encoding: str
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    name = "  ጸሃይ 'Abd \u200f"
    (folder / "people.csv").write_text(
        f"person_id,role,full_name,born_on,note,phone\nT1,wizard,{name},03/04/1990,=1+1,+49 30 23125 001\n"
        "T2,trainee,Other,13/02/1990,,\n",
        encoding="utf-8",
    )
    path = tmp_path / "refused.csv"
    write_refusals(path, refused_in(read_folder(folder, zone=BERLIN)))
    mended(path, {"role": "trainee"}, delimiter=delimiter, encoding=encoding)
    (table,) = read_refusals(path, zone=BERLIN)
    (row,) = table.rows
    assert isinstance(row, Row)
    assert (row.file, row.line) == ("people.csv", 2)
    assert (row.values["full_name"], row.values["note"]) == (name, "=1+1")
    assert row.values["phone"] == "+49 30 23125 001"
    # Day first, as the column said in which it stood at first.
    assert row.values["born_on"] == date(1990, 4, 3)


def test_a_mended_time_stays_in_the_zone_it_was_told_in(tmp_path: Path) -> None:
    row = Row(
        ReadAs(BY_NAME["appointments"], ZoneInfo("Asia/Kolkata")), "Termine.csv", 9,
        {"appointment_id": "A1", "mentorship_id": "MS1", "type": "bank", "starts_at": "2025-03-01 08:15"},
    )  # fmt: skip
    write_refusals(tmp_path / "refused.csv", [row.refused("unknown-mentorship", "mentorship_id")])
    (table,) = read_refusals(tmp_path / "refused.csv", zone=BERLIN)
    (back,) = table.rows
    assert isinstance(back, Row)
    assert back.values["starts_at"] == datetime(2025, 3, 1, 2, 45, tzinfo=UTC)


def test_a_short_row_is_not_taken_before_somebody_mends_it(tmp_path: Path) -> None:
    folder, path = tmp_path / "folder", tmp_path / "refused.csv"
    folder.mkdir()
    (folder / "people.csv").write_text("person_id,role,full_name,note\nT1,trainee,Name\n")
    write_refusals(path, refused_in(read_folder(folder, zone=BERLIN)))
    assert [one.reason for one in refused_in(read_refusals(path, zone=BERLIN))] == ["wrong-number-of-cells"]
    mended(path, {"note": ""})
    assert refused_in(read_refusals(path, zone=BERLIN)) == []


def test_somebody_may_write_a_row_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "refused.csv"
    path.write_text(
        "file,line,column,reason,message,read_as,mentorship_id,on,status,hourly_wage\n"
        'outcomes.csv,,,,,,MS1,01.03.2025,employed,"19,29"\n'
    )
    (table,) = read_refusals(path, zone=BERLIN)
    assert table.resource is BY_NAME["outcomes"]
    assert isinstance(table.rows[0], Row)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"a,b\n1,2\n",
        b"file,line,column,reason,message,read_as,x\nrooms.csv,1,,,,,y\n",
        b'file,line,column,reason,message,read_as,x\npeople.csv,1,,,,,"y\n',
        b"file,line\xff\xfe\x81",
    ],
)
def test_any_other_file_is_a_clear_refusal(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "refused.csv"
    path.write_bytes(content)
    with pytest.raises(NotRefusals):
        read_refusals(path, zone=BERLIN)


def test_a_changed_read_as_can_not_do_harm(tmp_path: Path) -> None:
    path = tmp_path / "refused.csv"
    for told in ('{"resource": "people", "zone": "../../etc/passwd"}', "[]", "null", '{"resource": []}', "{" * 5000):
        write_refusals(path, [Row(ReadAs(PEOPLE, BERLIN), "people.csv", 2, {"person_id": "T1"}).refused("x")])
        mended(path, {"read_as": told})
        (table,) = read_refusals(path, zone=BERLIN)
        assert as_row(table.rows[0]).read_as == ReadAs(PEOPLE, BERLIN)


def test_the_file_is_its_owners_alone_and_is_replaced_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "refused.csv"
    path.write_text("old")
    os.chmod(path, 0o644)
    write_refusals(path, [])
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_bytes().startswith(b"\xef\xbb\xbffile,line,column,reason,message,read_as")

    def stopped() -> list[Refused]:
        return [Refused("people.csv", 2, "", "x", "", Row(None, "people.csv", 2, {}))]  # type: ignore[arg-type]  # breaks it half way

    with pytest.raises(AttributeError):
        write_refusals(path, stopped())
    assert [file.name for file in tmp_path.iterdir()] == ["refused.csv"]
    assert read_refusals(path, zone=BERLIN) == []


def test_every_column_has_its_place_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "refused.csv"
    rows = [
        Row(ReadAs(resource, BERLIN), f"{resource.name}.csv", 2, {resource.columns[0].name: "x"})
        for resource in RESOURCES
    ]
    write_refusals(path, [row.refused("x") for row in reversed(rows)])
    assert [table.resource for table in read_refusals(path, zone=BERLIN)] == list(RESOURCES)
