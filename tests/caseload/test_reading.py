"""Spreadsheets are read as they come, and what can't be read is refused with its reason."""

import codecs
import json
import os
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.caseload.columns import RESOURCES
from adapters.caseload.datapackage import PackageInvalid
from adapters.caseload.encodings import EncodingUnknown, code_page, decode
from adapters.caseload.reading import MOST_LINES, NothingToRead, read_folder, records_of, strangers
from adapters.caseload.rows import Refused, Row, Table
from domain.vocabulary import AppointmentOutcome, CefrLevel, PersonRole

BERLIN = ZoneInfo("Europe/Berlin")
SHARED = Path(os.environ.get("ACCOMPANY_SHARED_DATA", "../shared/data")) / "caseload"

PEOPLE = "person_id,role,full_name,born_on\n"
APPOINTMENTS = "appointment_id;mentorship_id;type;starts_at\n"
OUTCOMES = "mentorship_id;on;status;hourly_wage\n"


def table_of(folder: Path, content: str | bytes, name: str = "people.csv") -> Table:
    data = content.encode() if isinstance(content, str) else content
    (folder / name).write_bytes(data)
    return next(table for table in read_folder(folder, zone=BERLIN) if table.file == name)


def only_row(table: Table) -> Row:
    (row,) = table.rows
    assert isinstance(row, Row)
    return row


def refusals(table: Table) -> list[tuple[int, str, str]]:
    return [(row.line, row.column, row.reason) for row in table.rows if isinstance(row, Refused)]


def values(table: Table, column: str) -> list[Any]:
    return [row.values[column] if isinstance(row, Row) else row.reason for row in table.rows]


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared caseload is not on this machine")
def test_the_shared_caseload_is_read_whole_but_for_five_people() -> None:
    tables = {table.resource.name: table for table in read_folder(SHARED, zone=BERLIN)}
    assert list(tables) == [resource.name for resource in RESOURCES]
    assert all(table.unread is None and not table.ignored for table in tables.values())
    assert {name: len(table.rows) for name, table in tables.items()} == {
        "people": 578,
        "mentorships": 283,
        "consents": 1738,
        "goals": 668,
        "sessions": 2498,
        "appointments": 1211,
        "credential_steps": 597,
        "outcomes": 120,
    }
    assert refusals(tables.pop("people")) == [
        (574, "person_id", "missing-value"),
        (575, "born_on", "not-a-date"),
        (577, "role", "unknown-term"),
        (578, "full_name", "missing-value"),
        (579, "full_name", "nul-character"),
    ]
    assert all(refusals(table) == [] for table in tables.values())
    # A column of wages with decimal commas stands beside one of hours with decimal points.
    first = tables["outcomes"].rows[3]
    assert isinstance(first, Row)
    assert (first.values["hours_per_week"], first.values["hourly_wage"]) == (Decimal("40"), Decimal("14.58"))


GERMAN = ["Jörg Größer", "Übersetzungsbüro", "Käthe Süßmilch"]
UKRAINIAN = ["Олена Шевченко", "Іван Коваль", "Любомир Гайворон"]
ARABIC = ["فاطمة درويش", "يوسف الشامي", "رنا الأحمد"]
POLISH = ["Łukasz Wójcik", "Żaneta Dąbrowska", "Grażyna Gołąb"]
TURKISH = ["Ayşe Yıldız", "Gülşah Öztürk", "İbrahim Çağlar"]  # noqa: RUF001 - Turkish is written so


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("utf-8", UKRAINIAN),
        ("utf-8-sig", ARABIC),
        ("utf-16", ARABIC),
        ("utf-16-le", UKRAINIAN),
        ("utf-16-be", GERMAN),
        ("utf-32", UKRAINIAN),
        ("cp1252", GERMAN),
        ("cp1250", POLISH),
        ("cp1251", UKRAINIAN),
        ("cp1254", TURKISH),
        ("cp1256", ARABIC),
    ],
)
def test_encoding_delimiter_and_line_ends_are_found(
    tmp_path: Path, encoding: str, names: list[str], delimiter: str, end: str
) -> None:
    lines = [
        ["person_id", "role", "full_name", "note"],
        *([f"T{n}", "trainee", name, ""] for n, name in enumerate(names)),
    ]
    text = end.join(delimiter.join(cells) for cells in lines)
    table = table_of(tmp_path, text.encode(encoding))
    assert table.unread is None
    assert table.delimiter == delimiter
    assert values(table, "full_name") == names
    assert [row.line for row in table.rows] == [2, 3, 4]


def test_names_that_two_code_pages_spell_differently_are_not_guessed(tmp_path: Path) -> None:
    table = table_of(tmp_path, (PEOPLE + "T1,trainee,Jørgen,\n").encode("cp1252"))
    assert table.unread is not None
    assert table.unread.reason == "encoding-unknown"
    assert "datapackage.json" in table.unread.message


@given(st.binary(max_size=300))
def test_any_bytes_are_text_or_of_no_known_encoding(data: bytes) -> None:
    try:
        text, encoding = decode(data)
    except EncodingUnknown:
        return
    assert text.encode(encoding.removesuffix("-sig"), "surrogatepass").endswith(data[-1:])


@given(st.lists(st.sampled_from([*GERMAN, "Straße", "Müller", "Ärztin"]), min_size=1))
def test_german_is_found_however_few_its_words(words: list[str]) -> None:
    data = " ".join(words).encode("cp1252")
    assert data.decode(code_page(data)) == " ".join(words)


def test_mixed_bytes_behind_a_byte_order_mark_are_refused(tmp_path: Path) -> None:
    table = table_of(tmp_path, codecs.BOM_UTF8 + (PEOPLE + "T1,trainee,Jörg,\n").encode("cp1252"))
    assert table.unread is not None
    assert table.unread.reason == "encoding-unknown"


def test_half_a_character_refuses_its_row_only(tmp_path: Path) -> None:
    content = (PEOPLE + "T1,trainee,half \ud83d,\nT2,trainee,whole 🙂,\n").encode("utf-16", "surrogatepass")
    table = table_of(tmp_path, content)
    assert refusals(table) == [(2, "full_name", "lone-surrogate")]
    assert values(table, "full_name")[1] == "whole 🙂"


@pytest.mark.parametrize(
    ("cells", "read"),
    [
        (["2025-03-01"], [date(2025, 3, 1)]),
        (["01.03.2025", "1.3.2025", " 2025-03-01 "], [date(2025, 3, 1)] * 3),
        (["13/02/2025", "03/04/2025"], [date(2025, 2, 13), date(2025, 4, 3)]),
        (["02/13/2025", "03/04/2025"], [date(2025, 2, 13), date(2025, 3, 4)]),
        (["03/04/2025", "05/05/2025"], ["ambiguous-date", date(2025, 5, 5)]),
        (
            ["13/02/2025", "02/13/2025", "03/04/2025"],
            [date(2025, 2, 13), date(2025, 2, 13), "ambiguous-date"],
        ),
        (["31.02.2025", "2025-02-30", "yesterday", "45000", "01.03.25"], ["not-a-date"] * 5),
    ],
)
def test_dates_are_read_as_their_column_speaks_for(tmp_path: Path, cells: list[str], read: list[object]) -> None:
    content = PEOPLE + "".join(f"T{n},trainee,Name,{cell}\n" for n, cell in enumerate(cells))
    assert values(table_of(tmp_path, content), "born_on") == read


@pytest.mark.parametrize(
    ("cells", "read"),
    [
        (["19,29", "20"], [Decimal("19.29"), Decimal("20")]),
        (["19.29", "1,234"], [Decimal("19.29"), Decimal("1234")]),
        (["19,29", "1,234", "1.234,5"], [Decimal("19.29"), Decimal("1.234"), Decimal("1234.5")]),
        (["1,234"], ["ambiguous-number"]),
        (["19,29", "19.29"], [Decimal("19.29")] * 2),
        (["nan", "1e5", "Infinity", "12 €", "1.2.3"], ["not-a-number"] * 5),
    ],
)
def test_decimals_are_read_with_comma_or_point(tmp_path: Path, cells: list[str], read: list[object]) -> None:
    content = OUTCOMES + "".join(f"MS1;2025-03-01;employed;{cell}\n" for cell in cells)
    assert values(table_of(tmp_path, content, "outcomes.csv"), "hourly_wage") == read


@pytest.mark.parametrize(
    ("cell", "read"),
    [
        ("01.03.2025 08:15", datetime(2025, 3, 1, 7, 15, tzinfo=UTC)),
        ("2025-07-01T08:15:30", datetime(2025, 7, 1, 6, 15, 30, tzinfo=UTC)),
        ("2025-07-01 08:15+05:30", datetime(2025, 7, 1, 2, 45, tzinfo=UTC)),
        ("2025-07-01T08:15Z", datetime(2025, 7, 1, 8, 15, tzinfo=UTC)),
        # Shown twice when summer time ends: the first is meant.
        ("26.10.2025 02:30", datetime(2025, 10, 26, 0, 30, tzinfo=UTC)),
        ("30.03.2025 02:30", "no-such-local-time"),
        ("01.03.2025", "not-a-time"),
        ("01.03.2025 25:00", "not-a-time"),
        ("0001-01-01 00:00", "not-a-time"),
        ("2025-07-01 08:15+99:00", "not-a-time"),
    ],
)
def test_times_are_local_to_the_organisation(tmp_path: Path, cell: str, read: object) -> None:
    table = table_of(tmp_path, APPOINTMENTS + f"A1;MS1;doctor;{cell}\n", "appointments.csv")
    (found,) = values(table, "starts_at")
    # Compared in UTC: Python calls a time that is shown twice equal to none in another zone (PEP 495).
    assert (found.astimezone(UTC) if isinstance(found, datetime) else found) == read


def test_a_row_keeps_its_cells_byte_for_byte_and_reads_the_rest(tmp_path: Path) -> None:
    header = "Person_ID,role, full_name ,gender,languages,care_duties,note,shoe size\n"
    name = "  e\u0301lodie \u200fשרה  "
    table = table_of(tmp_path, header + f' T1 ,TRAINEE,{name},,ar;de:b1,WAHR,"two\nlines, ""quoted""",41\n')
    row = only_row(table)
    assert table.ignored == ("shoe size",)
    assert row.cells["full_name"] == row.values["full_name"] == name
    assert row.cells["person_id"] == " T1 "
    assert row.values["person_id"] == "T1"
    assert row.values["role"] is PersonRole.TRAINEE
    assert row.values["gender"] is None
    assert row.values["care_duties"] is True
    assert row.values["note"] == 'two\nlines, "quoted"'
    assert row.values["born_on"] is None
    languages = row.values["languages"]
    assert isinstance(languages, tuple)
    assert [(language.code, language.level) for language in languages] == [("ar", None), ("de", CefrLevel.B1)]


def test_the_content_of_a_row_is_the_same_in_any_order_of_columns(tmp_path: Path) -> None:
    one = only_row(table_of(tmp_path, "person_id,role,full_name,note\nT1,trainee,Name,x\n"))
    other = only_row(table_of(tmp_path, "note;full_name;role;person_id;born_on;more\n\nx;Name;trainee;T1;;y\n"))
    assert one.canonical() == other.canonical()
    changed = only_row(table_of(tmp_path, "person_id,role,full_name,note\nT1,trainee,Name,x \n"))
    assert changed.canonical() != one.canonical()


def test_lines_are_counted_as_they_stand_in_the_file(tmp_path: Path) -> None:
    content = PEOPLE + 'T1,trainee,"Name\nin three\nlines",\n\n,,,\nT2,trainee,Name,x\n'
    assert refusals(table_of(tmp_path, content)) == [(7, "born_on", "not-a-date")]


def test_ragged_rows_are_refused_and_empty_cells_at_the_end_are_not(tmp_path: Path) -> None:
    table = table_of(tmp_path, PEOPLE + "T1,trainee,Name\nT3,trainee,Name,,,more\nT4,mentor,Name,,,,\n")
    assert refusals(table) == [(2, "", "wrong-number-of-cells"), (3, "", "wrong-number-of-cells")]
    assert [as_row.row and as_row.row.spare for as_row in table.rows if isinstance(as_row, Refused)] == [
        (),
        ("", "more"),
    ]
    assert isinstance(table.rows[-1], Row)


def test_a_stray_quotation_mark_costs_its_own_line_only(tmp_path: Path) -> None:
    content = PEOPLE + 'T1,trainee,"Name,\nT2,trainee,Name,\nT3,trainee,"a"b,\nT4,trainee,"Good",\n'
    table = table_of(tmp_path, content)
    assert refusals(table) == [(2, "", "broken-quotes"), (4, "", "broken-quotes")]
    assert values(table, "full_name")[1::2] == ["Name", "Good"]


def test_a_refusal_names_every_cell_at_fault_and_repeats_none(tmp_path: Path) -> None:
    table = table_of(tmp_path, PEOPLE + f"T1,wizard,{'x' * 301},soon\n")
    (refused,) = table.rows
    assert isinstance(refused, Refused)
    assert (refused.column, refused.reason) == ("role", "unknown-term")
    assert "Also full_name" in refused.message
    assert "Also born_on" in refused.message
    assert not any(word in refused.message for word in ("wizard", "xxx", "soon"))


def test_a_cell_longer_than_the_csv_module_likes_is_a_refusal(tmp_path: Path) -> None:
    content = "person_id,role,full_name,note\n" + f"T1,trainee,Name,{'x' * 200_000}\n"
    assert refusals(table_of(tmp_path, content)) == [(2, "note", "too-long")]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "empty-file"),
        ("\n \n", "empty-file"),
        ("person_id,role\nT1,trainee\n", "missing-column"),
        ("person_id,role,full_name,FULL_NAME\n", "duplicate-column"),
        ("Nr:Rolle:Name\n1:x:y\n", "delimiter-unknown"),
        (",,,\n", "delimiter-unknown"),
    ],
)
def test_a_file_that_can_not_be_read_says_why(tmp_path: Path, content: str, reason: str) -> None:
    table = table_of(tmp_path, content)
    assert table.rows == ()
    assert table.unread is not None
    assert (table.unread.reason, table.unread.row) == (reason, None)


def test_excels_own_hint_at_the_delimiter_is_followed(tmp_path: Path) -> None:
    row = only_row(table_of(tmp_path, "sep=;\r\nperson_id;role;full_name\r\nT1;trainee;Name\r\n"))
    assert (row.line, row.values["full_name"]) == (3, "Name")


def test_an_appointment_without_companion_has_no_outcome_yet(tmp_path: Path) -> None:
    header = "appointment_id,mentorship_id,type,starts_at,accompanied_by,outcome\n"
    content = header + "A1,MS1,bank,2025-03-01 08:15,,\nA2,MS1,bank,2025-03-01 08:15,cw01,Granted\n"
    assert values(table_of(tmp_path, content, "appointments.csv"), "outcome") == [None, AppointmentOutcome.GRANTED]


def test_a_missing_file_is_no_fault_but_an_empty_folder_is(tmp_path: Path) -> None:
    with pytest.raises(NothingToRead):
        read_folder(tmp_path, zone=BERLIN)
    with pytest.raises(NothingToRead):
        read_folder(tmp_path / "nowhere", zone=BERLIN)
    (tmp_path / "poeple.csv").write_text(PEOPLE)
    (tmp_path / "People.CSV").write_text(PEOPLE)
    assert [table.file for table in read_folder(tmp_path, zone=BERLIN)] == ["People.CSV"]
    assert strangers(tmp_path) == ["poeple.csv"]


def test_a_link_that_leaves_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text(PEOPLE)
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "people.csv").symlink_to("../secret.csv")
    os.mkfifo(folder / "goals.csv")
    reasons = [table.unread and table.unread.reason for table in read_folder(folder, zone=BERLIN)]
    assert reasons == ["leaves-the-folder", "unreadable-file"]


def package(folder: Path, *resources: dict[str, object], **more: object) -> None:
    (folder / "datapackage.json").write_text(json.dumps({"resources": resources, **more}), encoding="utf-8")


def test_a_data_package_renames_files_and_columns_and_says_how_to_read_them(tmp_path: Path) -> None:
    fields = [
        {"name": "Nr.", "accompany": "appointment_id"},
        {"name": "Fall", "accompany": "mentorship_id"},
        {"name": "Art", "accompany": "type"},
        {"name": "Wann", "type": "datetime", "accompany": "starts_at", "format": "%m/%d/%Y um %H.%M"},
        {"name": "Amt", "accompany": "office"},
        {"name": "Farbe"},
    ]
    package(
        tmp_path,
        {"name": "termine", "accompany": "appointments", "path": ["sub/Termine.txt"], "encoding": "cp1252",
         "dialect": {"delimiter": "^"}, "schema": {"fields": fields}},
        {"name": "people", "path": "gone.csv"},
        {"name": "rooms", "path": "rooms.csv", "accompany": "ignore"},
        timezone="Asia/Kolkata",
    )  # fmt: skip
    (tmp_path / "sub").mkdir()
    content = (
        "Nr.^Fall^Art^Wann^Amt^Farbe\n1^MS1^bank^02/03/2025 um 08.15^Jørgens Büro^rot\n2^MS1^bank^2025-02-04 08:15^^\n"
    )
    (tmp_path / "sub" / "Termine.txt").write_bytes(content.encode("cp1252"))
    people, appointments = read_folder(tmp_path, zone=BERLIN)
    assert people.unread is not None
    assert people.unread.reason == "missing-file"
    assert (appointments.file, appointments.ignored) == ("sub/Termine.txt", ("Farbe",))
    assert values(appointments, "office") == ["Jørgens Büro", None]
    # The second is written as refusals advise: ISO is read whatever the format.
    assert values(appointments, "starts_at") == [
        datetime(2025, 2, 3, 2, 45, tzinfo=UTC),
        datetime(2025, 2, 4, 2, 45, tzinfo=UTC),
    ]


@pytest.mark.parametrize(
    ("told", "place"),
    [
        ({"name": "rooms", "path": "x.csv"}, "resources[0]"),
        ({"name": "people", "path": "../people.csv"}, "resources[0].path"),
        ({"name": "people", "path": "/etc/passwd"}, "resources[0].path"),
        ({"name": "people", "path": "https://example.org/people.csv"}, "resources[0].path"),
        ({"name": "people"}, "resources[0]"),
        ({"name": "people", "path": 7}, "$.resources[0].path"),
        ({"name": "people", "path": "x.csv", "encoding": "klingon"}, "resources[0].encoding"),
        ({"name": "people", "path": "x.csv", "encoding": "hex"}, "resources[0].encoding"),
        ({"name": "people", "path": "x.csv", "timezone": "../etc"}, "resources[0].timezone"),
        ({"name": "people", "path": "x.csv", "dialect": {"delimiter": "ab"}}, "resources[0].dialect.delimiter"),
        ({"name": "people", "path": "x.csv", "dialect": {"quoteChar": "'"}}, "resources[0].dialect"),
        ({"name": "people", "path": "x.csv", "schema": {"missingValues": ["", "NA"]}}, "missingValues"),
        ({"name": "people", "path": "x.csv", "schema": {"fields": [{"name": "a", "accompany": "b"}]}}, "fields[0].accompany"),
        (
            {"name": "people", "path": "x.csv", "schema": {"fields": [{"name": "note"}, {"name": "b", "accompany": "note"}]}},
            "fields[1]",
        ),
        (
            {"name": "people", "path": "x.csv", "schema": {"fields": [{"name": "born_on", "format": "%b %y"}]}},
            "fields[0].format",
        ),
    ],
)  # fmt: skip
def test_a_data_package_that_can_not_be_followed_says_where(
    tmp_path: Path, told: dict[str, object], place: str
) -> None:
    package(tmp_path, told)
    with pytest.raises(PackageInvalid) as refusal:
        read_folder(tmp_path, zone=BERLIN)
    assert place in str(refusal.value)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000, b'{"resources": [{"name": "\xff"}]}']
)
def test_a_broken_data_package_is_a_clear_refusal(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "datapackage.json").write_bytes(content)
    with pytest.raises(PackageInvalid):
        read_folder(tmp_path, zone=BERLIN)


@given(st.text(max_size=400), st.sampled_from([",", ";", "\t", "|"]))
def test_no_text_is_too_strange_to_be_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, text: str, delimiter: str
) -> None:
    folder = tmp_path_factory.getbasetemp() / "strange"
    folder.mkdir(exist_ok=True)
    content = PEOPLE.replace(",", delimiter).encode() + text.encode("utf-8", "surrogatepass")
    table = table_of(folder, content)
    assert all(isinstance(row, Refused) or row.values["full_name"] for row in table.rows)


class _Counted(list[str]):
    """Lines that know how often one of them was read."""

    read = 0

    def __getitem__(self, index: Any) -> Any:
        self.read += 1
        return super().__getitem__(index)


def test_many_broken_quotes_cost_no_more_than_their_number() -> None:
    lines = _Counted(['a",",\n'] * (4 * MOST_LINES))
    found = list(records_of(lines, 0, ","))
    assert len(found) == len(lines)
    assert all(record.broken for record in found)
    assert lines.read <= (MOST_LINES + 1) * len(lines)


def test_a_cell_of_many_lines_is_read_whole_up_to_a_bound() -> None:
    def record(lines: int) -> list[str]:
        return ['"a\n', *["b\n"] * (lines - 2), 'c",d\n', "e,f\n"]

    [long, short] = records_of(record(MOST_LINES), 0, ",")
    assert (long.line, short.line, long.broken) == (1, MOST_LINES + 1, "")
    assert next(records_of(record(MOST_LINES + 1), 0, ",")).broken
