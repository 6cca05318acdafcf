"""What free text may hold: anything a person can write, byte for byte, except what no store or reader can keep."""

import re

from domain.errors import Invalid

SHORT = 500
LONG = 10_000
_CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)


class NulCharacter(Invalid):
    code = "nul-character"
    message = "The text holds a NUL character, which no reader can show. Remove it."


class LoneSurrogate(Invalid):
    code = "lone-surrogate"
    message = "The text holds half of a character (a lone surrogate). Write the character whole."


class TooLong(Invalid):
    code = "too-long"
    message = "The text is longer than the record takes. Shorten it."


class CodeMalformed(Invalid):
    """Codes stand in plain text, so they must leave no room for a name or a note."""

    code = "code-malformed"
    message = "This is named by a code: small letters, digits and single hyphens, as certified-translation, at most 80."


def check_text(limit: int = LONG, /, **texts: str | None) -> None:
    """Refuses texts that can't be kept; `limit` counts characters. Field names are the argument names."""
    for name, text in texts.items():
        if not text:
            continue
        if len(text) > limit:
            raise TooLong(fields=(name,))
        if "\x00" in text:
            raise NulCharacter(fields=(name,))
        if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
            raise LoneSurrogate(fields=(name,))


def check_texts(limit: int = SHORT, /, **lists: tuple[str, ...]) -> None:
    """The same for lists of short texts, at most 100 in each."""
    for name, texts in lists.items():
        if len(texts) > 100:
            raise TooLong(fields=(name,))
        for text in texts:
            check_text(limit, **{name: text})


def check_codes(**lists: tuple[str, ...]) -> None:
    """Refuses codes that are none, and lists of more than 100. An empty code is the absence of one."""
    for name, codes in lists.items():
        if len(codes) > 100:
            raise TooLong(fields=(name,))
        for code in codes:
            if code and (len(code) > 80 or not _CODE.fullmatch(code)):
                raise CodeMalformed(fields=(name,))
