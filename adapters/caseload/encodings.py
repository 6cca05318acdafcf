"""Turns a spreadsheet's bytes into text: which encoding it was saved in, found from the bytes or refused.

A wrong guess silently misspells people's names, so a code page is taken only where it explains the words and no other
page does as well. Tried on real names, statistical detection took Polish and Turkish ones for Western European.
"""

import codecs
import re
import unicodedata
from collections.abc import Callable
from itertools import pairwise

MARKS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    # Before UTF-16: its mark begins with that of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

# The letters beyond ASCII that words of each language are written with, by the Windows code page that is used for it.
ALPHABETS: dict[str, dict[str, str]] = {
    "cp1252": {
        "de": "äöüß", "fr": "àâæçèéêëîïôœùûüÿ", "es": "áéíñóúüªº", "pt": "ãáàâçéêíõóôúª", "it": "àèéìíòóù",
        "nl": "ëïéèöüó", "sv": "åäöé", "da": "æøåé", "is": "áðéíóúýþæö", "ca": "àçèéíïòóúü",
    },
    "cp1250": {
        "de": "äöüß", "pl": "ąćęłńóśźż", "cs": "áčďéěíňóřšťúůýž", "sk": "áäčďéíĺľňóôŕšťúýž", "hu": "áéíóöőúüű",
        "ro": "ăâîşţ", "hr": "čćđšž", "sq": "çë",
    },
    "cp1254": {"de": "äöüß", "tr": "çğıöşüâîûİ", "ku": "çêîşû"},
    "cp1257": {"de": "äöüß", "lt": "ąčęėįšųūž", "lv": "āčēģīķļņšūž", "et": "äöõüšž"},
    "cp1251": {
        "ru": "абвгдеёжзийклмнопрстуфхцчшщъыьэюя", "uk": "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя",
        "be": "абвгдеёжзійклмнопрстуўфхцчшыьэюя", "bg": "абвгдежзийклмнопрстуфхцчшщъьюя",
        "sr": "абвгдђежзијклљмнњопрстћуфхцчџш", "mk": "абвгдѓежзѕијклљмнњопрстќуфхцчџш",
    },
    "cp1253": {"el": "αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋ"},
    "cp1255": {"he": "אבגדהוזחטיךכלםמןנסעףפץצקרשת"},
    "cp1256": {
        "ar": "ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىيًٌٍَُِّْـ", "fa": "آءأؤئابپتثجچحخدذرزژسشصضطظعغفقکكگلمنوهيىةـ\u200c",
        "ur": "آءؤئابپتٹثجچحخدڈذرڑزژسشصضطظعغفقکگلمنںوہھىيے",
    },
}  # fmt: skip
_WITHOUT_CASE = ("he", "ar", "fa", "ur")
_WORD = re.compile(rb"[A-Za-z\x80-\xff]*[\x80-\xff][A-Za-z\x80-\xff]*")
_MOST_WORDS = 20_000


class EncodingUnknown(Exception):
    """The bytes fit no encoding, or several that spell the words differently."""


def decode(data: bytes, named: str | None = None) -> tuple[str, str]:
    """The text without its byte order mark, and the encoding it was read in; `named` overrides the search.

    Raises EncodingUnknown.
    """
    if named is not None:
        return _decoded(data, named)
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return _decoded(data, encoding)
    halves = (data[0::2].count(0), data[1::2].count(0))
    if max(halves) > len(data) // 4 and max(halves) > 4 * min(halves):
        return _decoded(data, "utf-16-be" if halves[0] > halves[1] else "utf-16-le")
    try:
        return _decoded(data, "utf-8")
    except EncodingUnknown:
        return _decoded(data, code_page(data))


def _decoded(data: bytes, encoding: str) -> tuple[str, str]:
    try:
        # Half a character, as some programs write it, is a fault of its cell: the rows around it can be read.
        errors = "surrogatepass" if encoding.startswith("utf-") else "strict"
        return data.decode(encoding, errors).removeprefix("\ufeff"), encoding
    except UnicodeError:
        raise EncodingUnknown from None


def code_page(data: bytes) -> str:
    """The Windows code page whose languages explain nine in ten of the words and more of them than any other page does.

    Pages that spell every word alike are one answer: German looks the same in four of them. Raises EncodingUnknown.
    """
    words = sorted(set(_WORD.findall(data)))[:_MOST_WORDS]
    ranked: dict[str, tuple[int, int]] = {}
    for page, alphabets in ALPHABETS.items():
        try:
            data.decode(page)
        except UnicodeDecodeError:
            continue
        spelt = [piece for word in words for piece in _pieces(word.decode(page))]
        explained = {
            name: {word for word in spelt if _fits(word, name, letters)} for name, letters in alphabets.items()
        }
        by_any = set[str]().union(*explained.values())
        if sum(word in by_any for word in spelt) * 10 >= len(spelt) * 9:
            unexplained = sum(word not in by_any for word in spelt)
            ranked[page] = (unexplained, -max(map(len, explained.values())))
    if not ranked:
        raise EncodingUnknown
    best = [page for page, rank in ranked.items() if rank == min(ranked.values())]
    if len({data.decode(page) for page in best}) > 1:
        raise EncodingUnknown
    return best[0]


def _pieces(word: str) -> list[str]:
    """A decoded run of bytes, split at typographic punctuation; other signs stay glued to their neighbours."""
    pieces = re.split("[\u00a0\u2010-\u2026\u2030\u2039\u203a«»¿¡·§°€™\u200e\u200f؟،؛]+", word)
    return [piece for piece in pieces if piece and not piece.isascii()]


def _fits(word: str, language: str, letters: str) -> bool:
    spelling = _SPELLING.get(language)
    if spelling is not None and not spelling(word):
        return False
    beyond_ascii = [letter for letter in word if not letter.isascii()]
    if not all(letter in letters or letter.lower() in letters for letter in beyond_ascii):
        return False
    if language in _WITHOUT_CASE:
        return len(beyond_ascii) == len(word)
    if unicodedata.name(letters[0]).startswith(("CYRILLIC", "GREEK")):
        return len(beyond_ascii) == len(word) and _cased(word)
    return _cased(word)


def _cased(word: str) -> bool:
    """No capital beyond ASCII right after a small letter: no language here is written so, and wrong pages often are."""
    if word.isupper() or word.islower():
        return True
    return not any(before.islower() and letter.isupper() and not letter.isascii() for before, letter in pairwise(word))


def _greek(word: str) -> bool:
    """In small letters, one accent where there is more than one syllable; final sigma ends words and no other does."""
    accents = sum(letter in "άέήίόύώ" for letter in word.lower())
    vowels = sum(letter in "αεηιουωάέήίόύώϊϋ" for letter in word.lower())
    if word.isupper():
        return vowels > 0
    sigmas = "ς" not in word[:-1] and not word.endswith("\N{GREEK SMALL LETTER SIGMA}")
    return vowels > 0 and accents <= 1 and (accents == 1 or vowels == 1) and sigmas


def _hebrew(word: str) -> bool:
    return not any(letter in "ךםןףץ" for letter in word[:-1])


_SPELLING: dict[str, Callable[[str], bool]] = {"el": _greek, "he": _hebrew}
