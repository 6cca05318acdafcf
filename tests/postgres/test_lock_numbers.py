"""Advisory locks are numbers that every part of the program picks for itself: two parts that pick one number wait for each other."""

import re
from pathlib import Path

ADAPTERS = Path(__file__).parents[2] / "adapters"


def test_no_two_parts_of_the_program_lock_one_number() -> None:
    taken: dict[str, set[str]] = {}
    for file in ADAPTERS.rglob("*.py"):
        for name, number in re.findall(r"^([A-Z_]+) = (47\d{17})$", file.read_text(encoding="utf-8"), re.MULTILINE):
            taken.setdefault(number, set()).add(f"{file.stem}.{name}")
    assert len(taken) > 5
    assert {number: names for number, names in taken.items() if len(names) > 1} == {}
