"""Free text is kept byte for byte, and codes are codes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as some

from domain.errors import Refusal
from domain.mentorship.sessions import SessionHeld
from domain.text import CodeMalformed, LoneSurrogate, NulCharacter, TooLong, check_codes, check_text, check_texts
from tests.domain.scenario import MENTORING_CONSENTED, an, held, on
from tests.domain.scenario import given as given_case
from tests.shared_data import shared_data


@given(some.text(some.characters(exclude_characters="\x00", exclude_categories=["Cs"])))
def test_whatever_a_person_can_write_is_taken(text: str) -> None:
    check_text(note=text)


def test_strings_that_break_software_are_kept_as_they_are() -> None:
    for text in json.loads(shared_data("naughty-strings", "blns.json").read_text("utf-8")):
        if "\x00" not in text:
            given_case(MENTORING_CONSENTED).when(held(on(5), summary=text)).then(an(SessionHeld, summary=text))


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("\x00", NulCharacter),
        ("a\x00b", NulCharacter),
        ("\ud83d", LoneSurrogate),
        ("\ude00\ud83d", LoneSurrogate),
        ("x" * 10_001, TooLong),
    ],
)
def test_what_no_store_can_keep_is_refused_and_not_repeated(text: str, refusal: type[Refusal]) -> None:
    with pytest.raises(refusal) as refused:
        check_text(note=text)
    assert refused.value.fields == ("note",)
    assert text not in str(refused.value)


def test_length_is_counted_in_characters() -> None:
    check_text(note="😀" * 10_000)
    with pytest.raises(TooLong):
        check_text(3, note="😀" * 4)
    check_text(note=None)


def test_a_list_of_texts_is_bounded_in_both_directions() -> None:
    check_texts(papers=("x" * 500,) * 100)
    for papers in (("x" * 501,), ("x",) * 101):
        with pytest.raises(TooLong) as refused:
            check_texts(papers=papers)
        assert refused.value.fields == ("papers",)


@pytest.mark.parametrize("code", ["nurse", "papers-collected", "2221", "deu-regulated-2", ""])
def test_a_code_is_taken(code: str) -> None:
    check_codes(stage=(code,))


@pytest.mark.parametrize(
    "code", ["Nurse", "two words", "-a", "a-", "a--b", "a_b", "pflegekräfte", "a\n", "٣", "x" * 81]
)
def test_anything_else_is_no_code(code: str) -> None:
    with pytest.raises(CodeMalformed) as refused:
        check_codes(stage=(code,))
    assert refused.value.fields == ("stage",)
