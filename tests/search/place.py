"""An organisation whose people are searched, as the front door does it but without HTTP."""

from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from adapters.postgres.runner import Runner
from adapters.search.indexer import Indexer
from adapters.wiring import Installation
from application.caller import Caller, Submission
from application.ids import new_id
from application.record import Entry
from domain.occurred import Occurred
from domain.person import Details, Person
from domain.vocabulary import PersonRole
from projections.findable import Question
from projections.phones import region_of
from projections.search import Found, search
from tests.domain.scenario import FIRST_DAY

TOLD = Occurred(FIRST_DAY)


def indexer(parts: Installation, **how: Any) -> Indexer:
    return Indexer(parts.dsn, parts.index.blinder, parts.index.opening, **how)


@dataclass(frozen=True)
class Place:
    """Registers, indexes and searches as a coordinator of one organisation."""

    parts: Installation
    by: Caller

    async def register(self, *people: Details, role: PersonRole = PersonRole.TRAINEE) -> list[UUID]:
        registered = [Person.register(new_id(), role=role, details=one, told=TOLD) for one in people]
        entries = [Entry.of(Submission(str(new_id()), b"d" * 32), person, {}) for person in registered]
        await self.parts.record.append(self.by, entries)
        return [person.id for person in registered]

    async def correct(self, person_id: UUID, details: Details) -> None:
        person = await self.parts.record.person(self.by, person_id)
        person.correct_details(role=person.role, details=details, told=TOLD)
        await self.parts.record.append(self.by, [Entry.of(Submission(str(new_id()), b"d" * 32), person, {})])

    async def caught_up(self) -> None:
        await Runner(self.parts.dsn).catch_up()
        await indexer(self.parts).catch_up()

    async def search(
        self, typed: str, *, caseworker_id: UUID | None = None, beyond: UUID | None = None, limit: int = 1_000
    ) -> Found:
        question = Question.read(typed, region_of(self.by.zone.key))
        organisation_id = self.by.organisation_id
        opening = self.parts.index.opening
        async with self.parts.pool.organisation(organisation_id) as connection:
            return await search(
                connection,
                organisation_id=organisation_id,
                caseworker_id=caseworker_id,
                question=question,
                beyond=beyond,
                limit=limit,
                candidates=partial(self.parts.index.candidates, connection, organisation_id, question),
                compared=partial(opening.at, organisation_id),
                opened=partial(opening.at, organisation_id),
            )

    async def found(self, typed: str, **how: Any) -> set[UUID]:
        return {person.person_id for person in (await self.search(typed, **how)).people}
