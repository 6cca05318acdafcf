"""Finding somebody by a name, a telephone number or a number of the organisation's own.

An index over blinded terms says whom a question may mean (docs/search.md). Their details are opened and compared, and of those who
match, the ones that are shown are opened once more, as any view does it.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

import psycopg

from domain.events import RecordEvent
from domain.person import Details
from domain.vocabulary import PersonRole
from projections.cases import CASES, Case
from projections.entries import told
from projections.findable import MatchedBy, Question
from projections.people import PersonRow, details_in, visible_people
from projections.projection import Opener, select
from projections.spelling import forms

# So many candidates are compared at once. Most of those who have the terms of a common name do match.
COMPARED = 100
# Who may see no more people than these asks the index among them. Of everybody else's answers, those are left out whom they may not see.
FEW = 2_000


type Comparing = Callable[[Iterable[int]], Awaitable[Mapping[int, RecordEvent]]]
"""Opens the events at these log positions to compare them. Nothing of them is shown, so no access log learns of it."""


class Candidates(Protocol):
    """Of the people whom the question may mean, the `most` last by id before `beyond`; `among` limits whom to look at."""

    async def __call__(self, *, beyond: UUID | None, among: list[UUID] | None, most: int) -> list[UUID]: ...


@dataclass(frozen=True, slots=True)
class PersonFound:
    """`mentorships` are those of their cases that the one who asks may see, as trainee or as mentor."""

    person_id: UUID
    role: PersonRole
    full_name: str
    reference: str
    matched_by: MatchedBy
    mentorships: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """People by name, those first whose name begins as it was asked. `beyond` is where to go on, None where these are all."""

    people: tuple[PersonFound, ...]
    beyond: UUID | None


async def search(
    connection: psycopg.AsyncConnection,
    *,
    organisation_id: UUID,
    caseworker_id: UUID | None,
    question: Question,
    beyond: UUID | None = None,
    limit: int,
    candidates: Candidates,
    compared: Comparing,
    opened: Opener,
) -> Found:
    """People whom a caseworker may see, or with None anybody in the organisation."""
    if not question.alternatives:
        return Found((), None)
    among: list[UUID] | None = None
    if caseworker_id is not None:
        visible = await visible_people(connection, organisation_id, caseworker_id, limit=FEW + 1)
        among = [person.person_id for person in visible] if len(visible) <= FEW else None
    matched: list[_Match] = []
    while len(matched) <= limit:
        meant = await candidates(beyond=beyond, among=among, most=COMPARED)
        matched += await _matching(connection, organisation_id, caseworker_id, meant, question, compared)
        if len(meant) < COMPARED:
            break
        beyond = meant[-1]
    shown, more = matched[:limit], len(matched) > limit
    events = await opened([match.person.details_position for match in shown])
    readable = ((match, details_in(events.get(match.person.details_position))) for match in shown)
    found = [_shown(match, details) for match, details in readable if details is not None]
    asked = forms(" ".join(one[0] for one in question.alternatives[0].wanted))[0]
    found.sort(key=lambda one: (not forms(one.full_name)[0].startswith(asked), forms(one.full_name)[0], one.person_id))
    return Found(tuple(found), shown[-1].person.person_id if more else None)


@dataclass(frozen=True, slots=True)
class _Match:
    person: PersonRow
    by: MatchedBy
    cases: list[Case]


async def _matching(
    connection: psycopg.AsyncConnection,
    organisation_id: UUID,
    caseworker_id: UUID | None,
    meant: list[UUID],
    question: Question,
    compared: Comparing,
) -> list[_Match]:
    """Those of the candidates who do match and may be seen, in their order."""
    rows = await visible_people(connection, organisation_id, caseworker_id, among=meant, limit=len(meant))
    cases = await select(
        connection,
        CASES,
        """
        WHERE organisation_id = %(organisation_id)s
            AND (trainee_id = ANY(%(people)s) OR mentor_id = ANY(%(people)s))
            AND (%(caseworker_id)s::uuid IS NULL OR caseworker_id = %(caseworker_id)s)
        """,
        {"organisation_id": organisation_id, "caseworker_id": caseworker_id, "people": [row.person_id for row in rows]},
    )
    of: dict[UUID, list[Case]] = {}
    for case in cases:
        for person_id in {case.trainee_id, case.mentor_id}:
            of.setdefault(person_id, []).append(case)
    people = {row.person_id: row for row in rows}
    told_of = await compared(row.details_position for row in rows)
    readable = {row.person_id: details for row in rows if (details := details_in(told_of.get(row.details_position)))}
    by = {person_id: question.matched_by(details, ()) for person_id, details in readable.items()}
    # Only of those whose details do not match are the numbers of their cases opened: a number is personal data of the case's trainee, and
    # leads to nobody else.
    numbered = [case for case in cases if case.trainee_id in by and by[case.trainee_id] is None]
    starts = await compared(case.started_position for case in numbered)
    for case in numbered:
        number = told(starts.get(case.started_position), "reference") or ""
        by[case.trainee_id] = by[case.trainee_id] or question.matched_by(readable[case.trainee_id], (number,))
    return [
        _Match(people[person_id], matched_by, of.get(person_id, []))
        for person_id in meant
        if (matched_by := by.get(person_id)) is not None
    ]


def _shown(match: _Match, details: Details) -> PersonFound:
    return PersonFound(
        person_id=match.person.person_id,
        role=match.person.role,
        full_name=details.full_name,
        reference=details.reference,
        matched_by=match.by,
        mentorships=tuple(sorted(case.mentorship_id for case in match.cases)),
    )
