"""The shared caseload imported as it comes, through the same rules as the API, onto a real PostgreSQL."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from adapters.caseload.importing import Summary
from adapters.wiring import Installation
from application.intake import Intake
from domain.person import Person
from tests.installations import caller, imported, opened, organisation, small_caseload
from tests.shared_data import shared_data, spreadsheet

EXPECTED: dict[str, dict[str, Any]] = {
    # T0011 stands in the file twice, word for word; T0021 a second time with another name.
    "people.csv": {
        "taken": 570,
        "unchanged": 1,
        "refused": {
            "born-in-future": 1,
            "differs-from-record": 1,
            "missing-value": 2,
            "not-a-date": 1,
            "nul-character": 1,
            "unknown-term": 1,
        },
    },
    "mentorships.csv": {
        "taken": 280,
        "unchanged": 0,
        "refused": {"ends-before-start": 1, "same-person": 1, "unknown-person": 1},
    },
    "consents.csv": {"taken": 1738, "unchanged": 0, "refused": {}},
    "goals.csv": {"taken": 668, "unchanged": 0, "refused": {}},
    "sessions.csv": {
        "taken": 2494,
        "unchanged": 0,
        "refused": {"before-start": 1, "minutes-out-of-range": 1, "rating-out-of-range": 1, "unknown-mentorship": 1},
    },
    "appointments.csv": {"taken": 1134, "unchanged": 0, "refused": {"consent-missing": 77}},
    "credential_steps.csv": {"taken": 488, "unchanged": 0, "refused": {"consent-missing": 109}},
    "outcomes.csv": {"taken": 120, "unchanged": 0, "refused": {}},
}


def run[T](work: Callable[[Installation, UUID], Coroutine[Any, Any, T]], data: Path, dsn: str) -> T:
    async def prepared() -> T:
        async with opened(data, dsn) as parts:
            return await work(parts, await organisation(dsn))

    return asyncio.run(prepared())


def events_in(dsn: str) -> int:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT count(*) FROM accompany.events").fetchone()
    assert row is not None
    return int(row[0])


def test_the_shared_caseload_is_taken_and_refused_row_by_row(tmp_path: Path, postgres: str) -> None:
    source = shared_data("caseload")

    async def twice(parts: Installation, organisation_id: UUID) -> tuple[Summary, int, Summary]:
        first = await imported(parts, organisation_id, source, tmp_path / "reports")
        recorded = events_in(postgres)
        return first, recorded, await imported(parts, organisation_id, source, tmp_path / "reports")

    first, recorded, second = run(twice, tmp_path / "data", postgres)

    assert first.as_json()["files"] == EXPECTED
    assert {name: counts.as_json() for name, counts in second.files.items()} == {
        name: {"taken": 0, "unchanged": told["taken"] + told["unchanged"], "refused": told["refused"]}
        for name, told in EXPECTED.items()
    }, "the same import run again takes nothing"
    assert events_in(postgres) == recorded, "and records nothing"


def test_what_is_refused_is_the_same_that_plain_arithmetic_on_the_files_refuses(tmp_path: Path, database: str) -> None:
    """An independent look at the files: whose accompaniment, whose credential step had no consent on its day?"""
    source = shared_data("caseload")
    tables = {path.stem: spreadsheet(path) for path in source.glob("*.csv")}
    consents: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in tables["consents"]:
        consents.setdefault((row["mentorship_id"], row["purpose"]), []).append(row)

    def covered(row: dict[str, str], purpose: str, day: str) -> bool:
        before = [c for c in consents.get((row["mentorship_id"], purpose), []) if c["decided_on"] <= day]
        return bool(before) and before[-1]["decision"] == "given" and day <= before[-1]["valid_until"]

    uncovered = {
        ("appointments.csv", number)
        for number, row in enumerate(tables["appointments"], start=2)
        if row["accompanied_by"] and not covered(row, "accompaniment", _iso(row["starts_at"]))
    } | {
        ("credential_steps.csv", number)
        for number, row in enumerate(tables["credential_steps"], start=2)
        if not covered(row, "credential-recognition", row["on"])
    }

    async def once(parts: Installation, organisation_id: UUID) -> Summary:
        return await imported(parts, organisation_id, source, tmp_path / "reports")

    summary = run(once, tmp_path / "data", database)
    assert summary.refusals is not None
    refused = {
        (row["file"], int(row["line"])) for row in spreadsheet(summary.refusals) if row["reason"] == "consent-missing"
    }
    assert refused == uncovered


def test_a_persons_spelling_survives_byte_for_byte(tmp_path: Path, database: str) -> None:
    source = shared_data("caseload")
    people = {row["person_id"]: row for row in spreadsheet(source / "people.csv") if row["person_id"].startswith("T00")}

    async def names(parts: Installation, organisation_id: UUID) -> dict[str, Person]:
        await imported(parts, organisation_id, source, tmp_path / "reports")
        by = caller(organisation_id)
        return {
            number: await parts.record.person(by, parts.identify(organisation_id, "person", number))
            for number in people
        }

    for number, person in run(names, tmp_path / "data", database).items():
        if number != "T0021":  # the file holds another person under this number, who is refused
            assert person.details.full_name.encode() == people[number]["full_name"].encode()
            assert person.details.note == people[number]["note"]


def test_a_mended_file_of_refusals_is_imported_again(tmp_path: Path, database: str) -> None:
    folder = small_caseload(tmp_path / "caseload")

    async def mended(parts: Installation, organisation_id: UUID) -> tuple[Summary, Summary, Summary]:
        first = await imported(parts, organisation_id, folder, tmp_path / "reports")
        assert first.refusals is not None
        assert first.refusals.stat().st_mode & 0o777 == 0o600
        text = first.refusals.read_text(encoding="utf-8-sig")
        first.refusals.write_text(text.replace("'-30", "30").replace("MS404", "MS1"), encoding="utf-8-sig")
        second = await imported(parts, organisation_id, first.refusals, tmp_path / "reports")
        return first, second, await imported(parts, organisation_id, first.refusals, tmp_path / "reports")

    first, second, third = run(mended, tmp_path / "data", database)
    assert first.files["sessions.csv"].as_json() == {
        "taken": 1,
        "unchanged": 0,
        "refused": {"minutes-out-of-range": 1, "unknown-mentorship": 1},
    }
    assert (second.files["sessions.csv"].taken, second.refused) == (2, 0)
    assert (third.files["sessions.csv"].unchanged, third.refused) == (2, 0)


def test_a_later_export_adds_only_what_is_new(tmp_path: Path, database: str) -> None:
    folder = small_caseload(tmp_path / "caseload")

    async def again(parts: Installation, organisation_id: UUID) -> tuple[int, Summary, int]:
        await imported(parts, organisation_id, folder, tmp_path / "reports")
        before = events_in(database)
        _append(
            folder / "goals.csv", "MS1,G1,2025-02-01,language,B2,2025-12-01,reached,2025-06-01\n", replacing="open,"
        )
        later = await imported(parts, organisation_id, folder, tmp_path / "reports")
        return before, later, events_in(database)

    before, later, after = run(again, tmp_path / "data", database)
    assert later.files["goals.csv"].taken == 1
    assert after == before + 1, "the goal was set before; that it was reached is all that is new"


def test_a_number_that_comes_back_with_other_content_is_refused(tmp_path: Path, database: str) -> None:
    folder = small_caseload(tmp_path / "caseload")

    async def again(parts: Installation, organisation_id: UUID) -> Summary:
        await imported(parts, organisation_id, folder, tmp_path / "reports")
        text = (folder / "people.csv").read_text(encoding="utf-8")
        (folder / "people.csv").write_text(text.replace("Invented Trainee", "Somebody Else"), encoding="utf-8")
        return await imported(parts, organisation_id, folder, tmp_path / "reports")

    counts = run(again, tmp_path / "data", database).files["people.csv"]
    assert (counts.taken, counts.unchanged, counts.refused) == (0, 1, Counter({"differs-from-record": 1}))


def test_an_import_that_was_stopped_half_way_is_finished_by_the_next(
    tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = shared_data("caseload")
    whole = Intake.case
    done = 0

    async def stops(self: Intake, *args: Any) -> Any:
        nonlocal done
        done += 1
        if done > 40:
            raise KeyboardInterrupt
        return await whole(self, *args)

    async def first(parts: Installation, organisation_id: UUID) -> UUID:
        monkeypatch.setattr(Intake, "case", stops)
        with pytest.raises(KeyboardInterrupt):
            await imported(parts, organisation_id, source, tmp_path / "reports")
        monkeypatch.setattr(Intake, "case", whole)
        return organisation_id

    organisation_id = run(first, tmp_path / "data", database)
    assert events_in(database) > 0

    async def second(parts: Installation, _new: UUID) -> tuple[Summary, Summary]:
        finished = await imported(parts, organisation_id, source, tmp_path / "reports")
        return finished, await imported(parts, organisation_id, source, tmp_path / "reports")

    finished, again = run(second, tmp_path / "data", database)
    for name, told in EXPECTED.items():
        counts = finished.files[name]
        assert counts.taken + counts.unchanged == told["taken"] + told["unchanged"]
        assert dict(counts.refused) == told["refused"]
    assert sum(counts.taken for counts in again.files.values()) == 0


def test_columns_under_other_names_are_read_by_a_datapackage(tmp_path: Path, database: str) -> None:
    folder = small_caseload(tmp_path / "caseload")
    text = (folder / "sessions.csv").read_text(encoding="utf-8")
    (folder / "sessions.csv").unlink()
    (folder / "Treffen.csv").write_text(text.replace("held_on", "Datum").replace("minutes", "Dauer"), encoding="cp1252")
    resources = [{"name": path.stem, "path": path.name} for path in folder.glob("*.csv") if path.stem != "Treffen"]
    fields = [{"name": "Datum", "accompany": "held_on"}, {"name": "Dauer", "accompany": "minutes"}]
    resources.append({"name": "sessions", "path": "Treffen.csv", "schema": {"fields": fields}})  # type: ignore[dict-item]  # JSON
    (folder / "datapackage.json").write_text(json.dumps({"resources": resources}), encoding="utf-8")

    async def once(parts: Installation, organisation_id: UUID) -> Summary:
        return await imported(parts, organisation_id, folder, tmp_path / "reports")

    assert run(once, tmp_path / "data", database).files["Treffen.csv"].taken == 1


def test_a_refusal_about_a_day_names_the_column_that_holds_it(tmp_path: Path, database: str) -> None:
    folder = small_caseload(tmp_path / "caseload")
    ahead = f"{datetime.now(UTC).year + 2}"
    (folder / "mentorships.csv").write_text(
        "mentorship_id,trainee_id,mentor_id,track,started_on,ended_on,end_reason,caseworker\n"
        "MS1,T1,M1,healthcare,2025-01-10,,,cw01\n"
        f"MS2,T1,M1,healthcare,{ahead}-01-10,,,cw01\n"
        "MS3,T1,M1,healthcare,2025-01-10,2024-01-10,,cw01\n"
        f"MS4,T1,M1,healthcare,2025-01-10,{ahead}-01-10,,cw01\n"
    )
    (folder / "goals.csv").write_text(
        "mentorship_id,goal_id,set_on,kind,description,target_on,status,status_on\n"
        f"MS1,G1,{ahead}-02-01,language,B2,,open,\n"
        "MS1,G2,2025-02-01,language,B2,,reached,2025-01-20\n"
    )
    (folder / "appointments.csv").write_text(
        "mentorship_id,appointment_id,type,office,starts_at,accompanied_by,outcome,agreed,next_step,deadline\n"
        f"MS1,A1,bank,,{ahead}-02-03 10:00,,granted,,,\n"
        "MS1,A2,bank,,2025-01-03 10:00,,,,,\n"
    )

    async def once(parts: Installation, organisation_id: UUID) -> Summary:
        return await imported(parts, organisation_id, folder, tmp_path / "reports")

    refusals = run(once, tmp_path / "data", database).refusals
    assert refusals is not None
    named = {(row["file"], row["line"]): row["column"] for row in spreadsheet(refusals)}
    assert {at: column for at, column in named.items() if at[0] != "sessions.csv"} == {
        ("mentorships.csv", "3"): "started_on",
        ("mentorships.csv", "4"): "ended_on",
        ("mentorships.csv", "5"): "ended_on",
        ("goals.csv", "2"): "set_on",
        ("goals.csv", "3"): "status_on",
        ("appointments.csv", "2"): "starts_at",
        ("appointments.csv", "3"): "starts_at",
    }


def _iso(local: str) -> str:
    day, month, year = local[:10].split(".")
    return f"{year}-{month}-{day}"


def _append(path: Path, line: str, *, replacing: str) -> None:
    kept = [one for one in path.read_text(encoding="utf-8").splitlines(keepends=True) if replacing not in one]
    path.write_text("".join(kept) + line, encoding="utf-8")
