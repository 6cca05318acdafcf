"""The search index as the service asks it: who may be meant, how far it has come, and forgetting somebody."""

from dataclasses import dataclass
from typing import LiteralString
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import TupleRow, scalar_row

from adapters.postgres.pool import Pool
from adapters.search.blinding import Blinder
from adapters.search.opening import Opening
from projections.findable import Question

CANDIDATES: LiteralString = "SELECT search.candidates(%s::tsquery, %s::bytea, %s::uuid, %s::uuid[], %s::integer)"
REACHED: LiteralString = "SELECT coalesce(max(position), 0) FROM search.fillings WHERE is_asked AND key_id = %s::bytea"


@dataclass(frozen=True, slots=True)
class SearchIndex:
    """`accompany_service` can ask it and forget people, and can neither read nor change it otherwise."""

    pool: Pool
    blinder: Blinder
    opening: Opening

    async def position(self, connection: AsyncConnection[TupleRow]) -> int:
        """The log position that the index has come to; 0 while it is not filled under this key."""
        row = await (await connection.execute(REACHED, (self.blinder.key_id,), prepare=True)).fetchone()
        return int(row[0]) if row else 0

    async def reached(self) -> int:
        """The same, for those who hold no connection."""
        [position] = await self.pool.rows(None, REACHED, (self.blinder.key_id,), row_factory=scalar_row)
        return int(position)

    async def candidates(
        self,
        connection: AsyncConnection[TupleRow],
        organisation_id: UUID,
        question: Question,
        *,
        beyond: UUID | None,
        among: list[UUID] | None,
        most: int,
    ) -> list[UUID]:
        """Of the people whom a question may mean, the `most` last by id before `beyond`; others are among them.

        `connection` acts for the organisation. `among` limits whom to look at; None are all.
        """
        asked = self.blinder.query(organisation_id, question)
        cursor = await connection.execute(
            CANDIDATES, (asked, self.blinder.key_id, beyond, among, most), prepare=True, binary=True
        )
        return [person_id for (person_id,) in await cursor.fetchall()]

    async def forget(self, organisation_id: UUID, person_id: UUID) -> int:
        """Removes all that the index holds of a person, for good; how many rows that were. May be called again.

        For an erasure, once the person's keys are destroyed. Raises StoreBusy or StoreUnavailable.
        """
        [removed] = await self.pool.rows(
            organisation_id, "SELECT search.forget(%s)", (person_id,), row_factory=scalar_row
        )
        return int(removed)
