"""The ledger of erasures is only added to, and shows it where somebody cut or changed it."""

import json
from datetime import date
from pathlib import Path
from uuid import UUID

import pytest

from adapters.erasure.ledger import ErasureLedger, LedgerDamaged, Length

ORGANISATION, MEMBER = UUID(int=1), UUID(int=2)
DAY = date(2026, 3, 1)


def ledger(path: Path, people: int = 3) -> ErasureLedger:
    found = ErasureLedger(path / "ledger.jsonl")
    for number in range(people):
        assert found.add(ORGANISATION, UUID(int=10 + number), MEMBER, DAY)
    return found


def test_a_person_is_noted_once_and_in_order(tmp_path: Path) -> None:
    found = ledger(tmp_path)
    assert not found.add(ORGANISATION, UUID(int=11), MEMBER, DAY)
    assert found.add(UUID(int=9), UUID(int=11), MEMBER, DAY), "elsewhere they are somebody else"
    assert [one.person_id.int for one in found.read()] == [10, 11, 12, 11]
    assert found.path.stat().st_mode & 0o777 == 0o600


def test_no_file_is_an_empty_ledger(tmp_path: Path) -> None:
    assert ErasureLedger(tmp_path / "none").read() == []
    assert ErasureLedger(tmp_path / "none").length() == Length(0)


@pytest.mark.parametrize("harm", ["change", "remove", "swap", "noise"])
def test_a_ledger_that_was_tampered_with_names_the_line(tmp_path: Path, harm: str) -> None:
    found = ledger(tmp_path)
    lines = found.path.read_bytes().splitlines(keepends=True)
    match harm:
        case "change":
            lines[0] = lines[0].replace(b"2026-03-01", b"2026-03-02")
        case "remove":
            del lines[1]
        case "swap":
            lines[1], lines[2] = lines[2], lines[1]
        case "noise":
            lines[1] = b"\xff\n"
    found.path.write_bytes(b"".join(lines))
    for use in (found.read, found.length, lambda: found.add(ORGANISATION, UUID(int=99), MEMBER, DAY)):
        with pytest.raises(LedgerDamaged, match="line 2 "):
            use()


def test_a_line_that_a_crash_cut_short_gives_way_to_the_next(tmp_path: Path) -> None:
    found = ledger(tmp_path)
    whole = found.path.read_bytes()
    found.path.write_bytes(whole + b'{"organisation_id":"0000')
    assert len(found.read()) == 3
    found.add(ORGANISATION, UUID(int=13), MEMBER, DAY)
    assert [one.person_id.int for one in found.read()] == [10, 11, 12, 13]
    assert found.path.read_bytes().startswith(whole)


def test_a_newer_ledger_follows_an_older_one_and_no_other(tmp_path: Path) -> None:
    older = ledger(tmp_path).length()
    (tmp_path / "other").mkdir()
    assert ledger(tmp_path / "other", 4).follows(older)
    assert ledger(tmp_path / "other", 0).follows(Length(0))
    (tmp_path / "shorter").mkdir()
    assert not ledger(tmp_path / "shorter", 2).follows(older)
    (tmp_path / "foreign").mkdir()
    foreign = ErasureLedger(tmp_path / "foreign" / "ledger.jsonl")
    for number in range(5):
        foreign.add(ORGANISATION, UUID(int=50 + number), MEMBER, DAY)
    assert not foreign.follows(older)
    assert foreign.take_over(ledger(tmp_path / "shorter", 0).read()) == 2


def test_what_stands_in_it_is_ids_and_a_day(tmp_path: Path) -> None:
    for line in ledger(tmp_path).path.read_text().splitlines():
        assert set(json.loads(line)) == {"organisation_id", "person_id", "approved_by", "erased_on", "before"}
