"""What a person is found by: the few fields that are searched, the terms they give, and what a question asks for.

A term is a piece of text that a search may look up as a whole: the beginning of a word, the end of a telephone number. Terms are
plain text and personal; only the process that holds the keys ever has them, and stores them blinded.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from domain.events import RecordEvent
from domain.person import Details
from projections import phones
from projections.spelling import beginnings, one_word, shortest, words

# What is longer is looked up by so many letters and then compared whole.
LONGEST_BEGINNING = 12
LONGEST_REFERENCE = 16
SHORTEST_REFERENCE = 2
# Words beyond these only narrow what was found by them.
MOST_WORDS = 6
# A new number has every index filled anew: raise it with any change of the terms that a text gives.
VERSION = 1


class MatchedBy(StrEnum):
    NAME = "name"
    PHONE = "phone"
    REFERENCE = "reference"
    CASE_REFERENCE = "case-reference"


_DETAILS = {"full_name": MatchedBy.NAME, "phone": MatchedBy.PHONE, "reference": MatchedBy.REFERENCE}
# Everything that is searched. Notes, health, asylum and incidents never are.
SEARCHED: Mapping[str, Mapping[str, MatchedBy]] = {
    "person-registered": _DETAILS,
    "person-details-corrected": _DETAILS,
    "mentorship-started": {"reference": MatchedBy.CASE_REFERENCE},
}

type Term = tuple[MatchedBy, str]


def terms(event: RecordEvent, region: str | None) -> set[Term]:
    """The terms that an event's searched fields give. `region` is that of `phones.region_of`."""
    return {
        (how, term)
        for field, how in SEARCHED[event.TOPIC].items()
        for term in _terms(how, getattr(event, field), region)
    }


def _terms(how: MatchedBy, text: str, region: str | None) -> Iterator[str]:
    for held in _held(how, text, region):
        match how:
            case MatchedBy.NAME:
                yield from _starts(held, shortest(held), LONGEST_BEGINNING)
            case MatchedBy.PHONE:
                yield held
            case MatchedBy.REFERENCE | MatchedBy.CASE_REFERENCE:
                yield from _starts(held, SHORTEST_REFERENCE, LONGEST_REFERENCE)


def _starts(word: str, least: int, most: int) -> Iterator[str]:
    for length in range(least, min(most, len(word)) + 1):
        yield word[:length]


@dataclass(frozen=True, slots=True)
class Alternative:
    """One reading of a question. Somebody answers it whose field holds each of `wanted`, in one of its spellings."""

    by: MatchedBy
    wanted: tuple[tuple[str, ...], ...]

    @property
    def looked_up(self) -> tuple[tuple[str, ...], ...]:
        """The terms to look up: each of these in one of its spellings. All who match have them, and others may."""
        match self.by:
            case MatchedBy.NAME:
                long_enough = (one for one in self.wanted if len(one[0]) >= shortest(one[0]))
                longest_first = sorted(long_enough, key=lambda one: -len(one[0]))
                return tuple(tuple({form[:LONGEST_BEGINNING] for form in one}) for one in longest_first[:MOST_WORDS])
            case MatchedBy.PHONE:
                return self.wanted
            case MatchedBy.REFERENCE | MatchedBy.CASE_REFERENCE:
                return tuple(tuple(form[:LONGEST_REFERENCE] for form in one) for one in self.wanted)

    def answered_by(self, held: Iterable[str]) -> bool:
        """Whether a field that holds these texts answers it: compared whole, without any index. As `_held` gives them."""
        if self.by is MatchedBy.PHONE:
            return not set(held).isdisjoint(self.wanted[0])
        return all(any(text.startswith(one) for text in held) for one in self.wanted)


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody typed, in all its readings. Without any it is too short to look for."""

    alternatives: tuple[Alternative, ...]
    region: str | None

    @classmethod
    def read(cls, typed: str, region: str | None) -> Self:
        """A name's words in any order, or two of them as one; a telephone number; a person's or a case's own number."""
        found = [Alternative(MatchedBy.NAME, wanted) for wanted in _names(words(typed))]
        found = [one for one in found if one.looked_up]
        if numbers := phones.asked(typed, region):
            found.append(Alternative(MatchedBy.PHONE, (numbers,)))
        reference = one_word(typed)
        if len(reference) >= SHORTEST_REFERENCE:
            found += [Alternative(by, ((reference,),)) for by in (MatchedBy.REFERENCE, MatchedBy.CASE_REFERENCE)]
        return cls(tuple(found), region)

    def matched_by(self, details: Details, case_references: tuple[str, ...]) -> MatchedBy | None:
        """By what somebody answers the question who has these details and these cases; None where they do not."""
        # In the order in which the answer names them.
        texts = {
            MatchedBy.NAME: (details.full_name,),
            MatchedBy.PHONE: (details.phone,),
            MatchedBy.REFERENCE: (details.reference,),
            MatchedBy.CASE_REFERENCE: case_references,
        }
        for by, held_by in texts.items():
            readings = [one for one in self.alternatives if one.by is by]
            for text in held_by if readings else ():
                held = _held(by, text, self.region)
                if any(one.answered_by(held) for one in readings):
                    return by
        return None


def _held(by: MatchedBy, text: str, region: str | None) -> set[str]:
    """What a field is found by: its beginnings, or for a telephone number the whole of its endings."""
    match by:
        case MatchedBy.NAME:
            return beginnings(text)
        case MatchedBy.PHONE:
            return phones.endings(text, region)
        case MatchedBy.REFERENCE | MatchedBy.CASE_REFERENCE:
            return {one_word(text)}


def _names(typed: tuple[tuple[str, ...], ...]) -> Iterator[tuple[tuple[str, ...], ...]]:
    if typed:
        yield typed
    # Somebody who writes Abdul Rahman may look for an Abdulrahman.
    for place in range(min(len(typed), MOST_WORDS) - 1):
        first, second = typed[place : place + 2]
        joined = tuple(dict.fromkeys((first[0] + second[0], first[-1] + second[-1])))
        yield (*typed[:place], joined, *typed[place + 2 :])
