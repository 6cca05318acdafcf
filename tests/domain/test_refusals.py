"""Refusals are named by stable codes, explained, listed in docs/refusals.md, and each is raised by a test."""

import re
from collections import Counter
from pathlib import Path

import pytest

from domain.errors import Refusal
from tests.domain.refusals import FAMILIES, PAGE, page, refusals

TESTS = "\n".join(path.read_text("utf-8") for path in Path(__file__).parents[1].glob("*/test_*.py"))


def test_a_code_names_one_refusal() -> None:
    all_of_them: list[type[Refusal]] = [*refusals(), *FAMILIES, Refusal]
    codes = Counter(one.code for one in all_of_them)
    assert not [code for code, count in codes.items() if count > 1]


@pytest.mark.parametrize("refusal", refusals(), ids=lambda one: one.code)
def test_a_refusal_has_a_code_and_a_message_of_its_own(refusal: type[Refusal]) -> None:
    assert {"code", "message"} <= set(vars(refusal))
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", refusal.code)
    assert refusal.message.endswith(".")
    assert str(refusal()) == refusal.message


@pytest.mark.parametrize("refusal", [one for one in refusals() if one.__module__.startswith("domain.")], ids=str)
def test_a_refusal_is_raised_by_a_test(refusal: type[Refusal]) -> None:
    raised = rf"(then_refused|raises|refusal_of|refused_with)\(\s*{refusal.__name__}\b"
    in_a_table_or_compared = rf"(, {refusal.__name__},|is {refusal.__name__}\b|, {refusal.__name__}\),)"
    assert re.search(f"{raised}|{in_a_table_or_compared}", TESTS)


def test_the_page_of_refusals_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == page(), "run: python -m tests.domain.refusals"
