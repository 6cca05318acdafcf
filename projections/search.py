"""Finding somebody by a name, a telephone number or a number of the organisation's own.

Details are opened and compared in memory, so this is bounded to `SEARCHED` people; an index over sealed names comes later.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

import psycopg

from domain.events import RecordEvent
from domain.person import Details
from domain.vocabulary import PersonRole
from projections.cases import CASES, Case
from projections.entries import told
from projections.people import PersonRow, details_in, visible_people
from projections.projection import Opener, select

SEARCHED = 2_000
FOUND = 50
# Fewer digits than this would find half of the telephone book.
SHORTEST_NUMBER = 4
SHORTEST = 2


class MatchedBy(StrEnum):
    NAME = "name"
    PHONE = "phone"
    REFERENCE = "reference"
    CASE_REFERENCE = "case-reference"


@dataclass(frozen=True, slots=True)
class PersonFound:
    """`mentorships` are those of their cases that the one who asks may see."""

    person_id: UUID
    role: PersonRole
    full_name: str
    reference: str
    matched_by: MatchedBy
    mentorships: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class SearchResult:
    """At most 50 people, by name. `complete` is False where there were more, or more to search than is done at once."""

    people: tuple[PersonFound, ...]
    complete: bool


async def search(
    connection: psycopg.AsyncConnection,
    *,
    organisation_id: UUID,
    caseworker_id: UUID | None,
    query: str,
    opened: Opener,
) -> SearchResult:
    """People whom a caseworker may see, or with None anybody in the organisation.

    All words of `query` are parts of the name, or its digits are part of the telephone number, or a reference begins with it. Upper
    and lower case and the ways to write one character in Unicode are all the same.
    """
    wanted = folded(query)
    if len(wanted) < SHORTEST:
        return SearchResult((), True)
    people = await visible_people(connection, organisation_id, caseworker_id, limit=SEARCHED + 1)
    visible = people[:SEARCHED]
    cases = await select(
        connection,
        CASES,
        """
        WHERE organisation_id = %(organisation_id)s AND trainee_id = ANY(%(people)s)
            AND (%(caseworker_id)s::uuid IS NULL OR caseworker_id = %(caseworker_id)s)
        """,
        {
            "organisation_id": organisation_id,
            "caseworker_id": caseworker_id,
            "people": [person.person_id for person in visible],
        },
    )
    events = await opened(
        [*(person.details_position for person in visible), *(case.started_position for case in cases)]
    )
    cases_of: dict[UUID, list[Case]] = {}
    for case in cases:
        cases_of.setdefault(case.trainee_id, []).append(case)
    found = [
        match
        for person in visible
        if (match := _match(person, cases_of.get(person.person_id, []), events, wanted)) is not None
    ]
    found.sort(key=lambda match: (not folded(match.full_name).startswith(wanted), folded(match.full_name)))
    return SearchResult(tuple(found[:FOUND]), len(people) <= SEARCHED and len(found) <= FOUND)


def folded(text: str) -> str:
    """A text as it is compared: compatibility forms and case made one, spaces at the ends gone."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).strip()


def _match(person: PersonRow, cases: list[Case], events: Mapping[int, RecordEvent], wanted: str) -> PersonFound | None:
    details = details_in(events.get(person.details_position))
    if details is None:
        return None
    matched_by = _matched_by(details, wanted)
    if matched_by is None:
        references = (told(events.get(case.started_position), "reference") for case in cases)
        if not any(folded(reference or "").startswith(wanted) for reference in references):
            return None
        matched_by = MatchedBy.CASE_REFERENCE
    return PersonFound(
        person_id=person.person_id,
        role=person.role,
        full_name=details.full_name,
        reference=details.reference,
        matched_by=matched_by,
        mentorships=tuple(sorted(case.mentorship_id for case in cases)),
    )


def _matched_by(details: Details, wanted: str) -> MatchedBy | None:
    name = folded(details.full_name)
    if all(word in name for word in wanted.split()):
        return MatchedBy.NAME
    digits = _digits(wanted)
    if len(digits) >= SHORTEST_NUMBER and digits in _digits(details.phone):
        return MatchedBy.PHONE
    if folded(details.reference).startswith(wanted):
        return MatchedBy.REFERENCE
    return None


def _digits(text: str) -> str:
    return "".join(str(unicodedata.digit(character)) for character in text if character.isdigit())
