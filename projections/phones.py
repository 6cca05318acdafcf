"""Telephone numbers as they are compared: the digits of E.164, whatever way they were written."""

from functools import cache
from importlib.resources import files

import phonenumbers
from phonenumbers import Leniency, NumberParseException, PhoneNumber, PhoneNumberFormat, PhoneNumberMatcher

from projections.spelling import digits

# Fewer would find half of the telephone book.
SHORTEST = 4
# E.164 has at most 15 digits; what is longer is not a number, and its end is all that anybody would type.
_LONGEST = 20


@cache
def region_of(time_zone: str) -> str | None:
    """The country (ISO 3166-1 alpha-2) where numbers without a country's code are taken to be: that of an organisation's time zone.

    None for a zone that belongs to no country, such as UTC: then only the digits as written are compared.
    """
    table = files("tzdata.zoneinfo").joinpath("zone.tab").read_text(encoding="utf-8")
    lines = (line.split("\t") for line in table.splitlines() if not line.startswith("#"))
    return {line[2]: line[0] for line in lines}.get(time_zone)


def endings(text: str, region: str | None) -> set[str]:
    """What the numbers in a text may be found by: their last digits from four up to the whole E.164 number, and their national form."""
    found: set[str] = set()
    numbers = _numbers(text, region)
    for number in numbers:
        found |= _endings(_international(number))
        # Where the national form begins with another digit than 0 (8 in Russia) it is no ending of the international one.
        national = digits(phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL))
        if len(national) >= SHORTEST:
            found.add(national)
    return found if numbers else _endings(digits(text)[-_LONGEST:])


def asked(text: str, region: str | None) -> tuple[str, ...]:
    """The digits that somebody who typed this may mean; none where it has letters or too few digits."""
    typed = digits(text)
    if any(character.isalpha() for character in text) or len(typed) < SHORTEST:
        return ()
    number = _parsed(text, region)
    meant = [typed, typed.lstrip("0"), *([_international(number)] if number else [])]
    return tuple(dict.fromkeys(one for one in meant if len(one) >= SHORTEST))


def _numbers(text: str, region: str | None) -> list[PhoneNumber]:
    # The library takes letters for digits of a number as 0800-FLOWERS is one: (mobil) would be five more digits.
    one = None if any(character.isalpha() for character in text) else _parsed(text, region)
    # Two numbers in one field are no number when taken together.
    return [one] if one else [found.number for found in PhoneNumberMatcher(text, region, leniency=Leniency.POSSIBLE)]


def _parsed(text: str, region: str | None) -> PhoneNumber | None:
    try:
        number = phonenumbers.parse(text, region)
    except NumberParseException:
        return None
    return number if phonenumbers.is_possible_number(number) else None


def _international(number: PhoneNumber) -> str:
    return digits(phonenumbers.format_number(number, PhoneNumberFormat.E164))


def _endings(number: str) -> set[str]:
    return {number[place:] for place in range(len(number) - SHORTEST + 1)}
