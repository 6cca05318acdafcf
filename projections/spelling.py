"""Names as they are compared: one form for all the ways to write the same letters. The record keeps what was written, byte for byte.

Folding is done letter by letter, so that the beginning of a word folds to the beginning of its form. Sources: Unicode normalisation
form KD (UAX 15), case folding (Unicode 3.13), DIN 5007-2 for ä, ö, ü as ae, oe, ue.
"""

import itertools
import re
import unicodedata
from collections.abc import Iterator

# An apostrophe joins (O'Brien, Дар'я), and what stands on each side of it is a word as well.
_APOSTROPHES = dict.fromkeys(map(ord, "'’‘‛ʼʻʽʹ`´′＇՚׳"), "'")  # noqa: RUF001 - these are the ones that people type

# Letters that Unicode takes for letters of their own. Applied after case folding.
_LETTERS = str.maketrans(
    {
        # Latin: Turkish and Azerbaijani, Polish, Croatian and Vietnamese, Icelandic, Danish, French, Maltese, West African
        **{"ı": "i", "ə": "a", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "ø": "o", "œ": "oe", "ħ": "h"},  # noqa: RUF001
        **{"ɓ": "b", "ɗ": "d", "ɖ": "d", "ƙ": "k", "ɛ": "e", "ɔ": "o", "ŋ": "n"},
        # Cyrillic: Ukrainian and Russian spellings of one name; the soft and the hard sign stand where Ukrainian has an apostrophe
        **{"і": "и", "ґ": "г", "є": "е", "ь": "", "ъ": ""},  # noqa: RUF001
        # Arabic script: the same letter on Arabic, Persian, Urdu, Pashto and Kurdish keyboards; hamza and tatweel are often left out
        **{"ى": "ي", "ی": "ي", "ې": "ي", "ۍ": "ي", "ے": "ي", "ک": "ك", "ڪ": "ك", "ګ": "گ", "ٱ": "ا", "ء": "", "ـ": ""},  # noqa: RUF001
        **{"ة": "ه", "ە": "ه", "ہ": "ه", "ھ": "ه"},  # noqa: RUF001
    }
)
_GERMAN = re.compile("([aou])\u0308")
_ARTICLE = "ال"


def forms(text: str) -> tuple[str, ...]:
    """A text as it is compared: words of letters and digits between single blanks, and apostrophes.

    First without any marks (Müller: muller); where that differs, also with ä, ö, ü, å, ø written out (mueller).
    """
    # Composed first: form KD turns an accent that stands alone, which people type for an apostrophe, into a blank.
    marked = unicodedata.normalize("NFC", text).translate(_APOSTROPHES)
    # Some capitals fold to letters that can be taken apart further.
    letters = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", marked).casefold()).translate(_APOSTROPHES)
    written_out = _GERMAN.sub(r"\1e", letters).replace("a\u030a", "aa").replace("ø", "oe")
    plain = _plain(letters)
    return (plain,) if written_out == letters else (plain, _plain(written_out))


def words(text: str) -> tuple[tuple[str, ...], ...]:
    """The words of a text, each in its forms. What an apostrophe joins is one word."""
    by_form = [[joined for word in form.split() if (joined := word.replace("'", ""))] for form in forms(text)]
    return tuple(tuple(dict.fromkeys(word)) for word in zip(*by_form, strict=True))


def beginnings(name: str) -> set[str]:
    """Everything in a name that a search may begin with: a longer text is found where one of these begins with what was asked.

    Its words, the parts around an apostrophe, two neighbouring words written as one (Abdul Rahman, عبد الله), what follows the Arabic
    article, and in scripts without blanks the rest from each character on.
    """
    found: set[str] = set()
    for form in forms(name):
        joined = [word.replace("'", "") for word in form.split()]
        found.update(joined)
        found.update(part for word in form.split() for part in word.split("'"))
        found.update(first + second for first, second in itertools.pairwise(joined))
        found.update(word[len(_ARTICLE) :] for word in joined if word.startswith(_ARTICLE) and len(word) > 4)
        found.update(rest for word in joined for rest in _rests(word))
    found.discard("")
    return found


def shortest(word: str) -> int:
    """How many letters of a word it takes to look for it: one where a character is a syllable or a word, otherwise two."""
    return 1 if _is_ideograph(word[0]) else 2


def one_word(text: str) -> str:
    """A number of the organisation's own as it is compared: its letters and digits, whatever stands between them."""
    return forms(text)[0].replace(" ", "").replace("'", "")


def digits(text: str) -> str:
    """The digits of a text, of any script, in ASCII."""
    return "".join(str(unicodedata.decimal(character)) for character in text if character.isdecimal())


def _plain(letters: str) -> str:
    kept = (_character(character) for character in letters)
    return " ".join("".join(kept).translate(_LETTERS).split())


def _character(character: str) -> str:
    category = unicodedata.category(character)
    if category[0] == "L" or character == "'":
        return character
    if category[0] == "N":
        return str(unicodedata.decimal(character, character))
    if category[0] == "M":
        # Accents, points and vowel marks have a combining class; the vowels of Indic scripts are letters and have none.
        return (
            ""
            if unicodedata.combining(character) or "VARIATION SELECTOR" in unicodedata.name(character, "")
            else character
        )
    # Joiners, marks of direction and soft hyphens show nothing; everything else stands between words.
    return "" if category == "Cf" else " "


def _rests(word: str) -> Iterator[str]:
    for place in range(1, len(word)):
        if _is_ideograph(word[place]) or _is_kana(word[place]) or "\u1100" <= word[place] <= "\u1112":
            yield word[place:]


def _is_ideograph(character: str) -> bool:
    return "\u3400" <= character <= "\u9fff" or "\U00020000" <= character <= "\U000323af"


def _is_kana(character: str) -> bool:
    return "\u3041" <= character <= "\u30ff"
