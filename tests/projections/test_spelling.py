"""Names are found however they are typed: in another script's letters of the same name, without accents, joined or apart."""

# ruff: noqa: RUF001 - letters that look alike are what this is about

import json
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.person import Details
from projections.findable import MatchedBy, Question
from projections.spelling import beginnings, forms, one_word, shortest, words
from tests.shared_data import shared_data, spreadsheet


def is_found(typed: str, name: str) -> bool:
    return Question.read(typed, None).matched_by(Details(full_name=name), ()) is MatchedBy.NAME


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        # Latin letters with and without marks, composed or not
        ("Müller", "muller"),
        ("Müller", "mueller"),
        ("Mueller", "müller"),
        ("Müller", "MU\u0308LL"),
        ("Jürgen Groß", "gross juergen"),
        ("GROẞ", "groß"),
        ("Åse Østergård", "oestergaard"),
        ("Åse Østergård", "ostergard ase"),
        ("Łukasz Wałęsa", "lukasz walesa"),
        ("Nguyễn Văn Đức", "duc nguyen"),
        ("Þórður Ægisson", "thordur aegis"),
        ("ﬁeldﬁsher", "fieldf"),
        # Turkish: four letters i, of which only two have a dot
        ("Işık İnci", "isik inci"),
        ("IŞIK", "ışık"),
        ("İbrahim Kılıç", "IBRAHIM kilic"),
        ("Ibrahim", "ibrahım"),
        # Arabic and Persian keyboards, vowel marks, hamza, joiners, tatweel, marks of direction
        ("أحمد", "احمد"),
        ("احمد", "أَحْمَد"),
        ("یاسمن کریمی", "ياسمن كريمي"),
        ("مصطفى", "مصطفي"),
        ("فاطمة", "فاطمه"),
        ("علی\u200cرضا", "علیرضا"),
        ("علی\u200cرضا", "علی رضا"),
        ("علیرضا", "علی\u200cرضا"),
        ("عبد الله", "عبدالله"),
        ("عبدالله", "عبد الله"),
        ("محـــمد", "محمد"),
        ("\u202bمحمد\u202c", "محمد"),
        ("رؤوف", "رووف"),
        ("رائد", "رايد"),
        ("الأحمدي", "احمدي"),
        # Digits of every script
        ("Wohnung ٤٢", "42"),
        # Ukrainian and Russian letters, and the apostrophe that has many codes
        ("Дар'я Ґалаґан", "дарья галаган"),
        ("Дар\u2019я", "дар\u02bcя"),
        ("Їжакевич Ірина", "ирина"),
        ("Єва Йосипівна", "ева иосип"),
        ("Алёна", "алена"),
        # Words in any order, joined or apart
        ("Abdul Rahman Karimi", "karimi abdul"),
        ("Abdul Rahman Karimi", "abdulrahman"),
        ("Abdulrahman Karimi", "abdul rahman karimi"),
        ("Maria de la Cruz", "dela cruz"),
        ("Shaun O'Brien", "obrien"),
        ("Shaun O'Brien", "brien"),
        ("Shaun O\u2019Brien", "o'bri"),
        ("Anna-Lena Meyer", "lena"),
        # Scripts without blanks
        ("王小明", "小明"),
        ("王小明", "王"),
        ("김민준", "민준"),
        ("さくら", "くら"),
        ("Ｗａｎｇ", "wang"),
        # Other scripts
        ("Γιώργος", "γιωργοσ"),
        ("שָׁלוֹם", "שלום"),
        ("ሰላም", "ሰላ"),
        ("प्रिया शर्मा", "शर्मा"),
        ("Գրիգորյան", "գրիգոր"),
    ],
)
def test_a_name_is_found_as_people_type_it(name: str, typed: str) -> None:
    assert is_found(typed, name)


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("Müller", "ller"),
        ("Muller", "mueller"),
        ("Parwana Rahimi", "parwana karimi"),
        ("محمد", "محمود"),
        ("Ирина", "Марина"),
        ("王小明", "明小"),
    ],
)
def test_another_name_is_not_found(name: str, typed: str) -> None:
    assert not is_found(typed, name)


@pytest.mark.parametrize("typed", ["", " ", "a", "  é ", "'", "♥", "…", "\u200c", "\x00", "م"])
def test_a_single_letter_or_none_asks_for_nobody(typed: str) -> None:
    assert Question.read(typed, "DE").alternatives == ()


def published_names() -> set[str]:
    found = set()
    for file in ("common-forenames-by-country.csv", "common-surnames-by-country.csv"):
        for row in spreadsheet(shared_data("names", file)):
            found |= {row["Localized Name"], row["Romanized Name"]}
    return {name for name in found if name and name.strip()}


def test_every_published_name_is_found_by_each_beginning_of_each_of_its_words() -> None:
    names = published_names()
    assert len(names) > 3_000
    missed = [
        (name, word[:length])
        for name in names
        for word in re.split(r"[\s,/()\-]+", name)
        for length in range(1, len(word) + 1)
        if long_enough(word[:length]) and not is_found(word[:length], name)
    ]
    assert missed == []


def long_enough(typed: str) -> bool:
    return any(len(word[0]) >= shortest(word[0]) for word in words(typed))


def naughty() -> list[str]:
    strings: list[str] = json.loads(shared_data("naughty-strings", "blns.json").read_text("utf-8"))
    return [string for string in strings if string.strip()]


def test_every_naughty_string_is_found_by_itself_or_asks_for_nobody() -> None:
    strings = naughty()
    assert len(strings) > 400
    asked = [string for string in strings if Question.read(string, "DE").alternatives]
    assert len(asked) > 300
    for string in asked:
        assert Question.read(string, "DE").matched_by(Details(full_name=string), ()) is MatchedBy.NAME


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(texts)
def test_what_was_folded_stays_as_it_is(text: str) -> None:
    for form in forms(text):
        assert forms(form)[0] == form


@given(texts, st.data())
def test_the_beginning_of_a_word_is_the_beginning_of_its_form(text: str, data: st.DataObject) -> None:
    word = next(iter(text.split()), "")
    start = word[: data.draw(st.integers(0, len(word)))]
    if one_word(start) and len(forms(word)[0].split()) == 1:
        assert any(held.startswith(one_word(start)) for held in beginnings(word))


@given(texts)
def test_the_ways_to_write_one_character_in_unicode_are_all_the_same(text: str) -> None:
    composed, apart = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
    assert forms(text) == forms(composed) == forms(apart)
