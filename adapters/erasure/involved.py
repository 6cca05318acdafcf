"""Finds the mentorships of a person and the evidence asked for about them, and never answers before everything on record was looked at."""

import time
from asyncio import sleep
from collections.abc import Sequence
from uuid import UUID

from psycopg.rows import scalar_row

from adapters.postgres.pool import Pool
from adapters.postgres.reader import Reader
from adapters.postgres.stored import StoreBusy
from projections.involvements import PROJECTION, evidence_about, mentorships_of

PATIENCE = 4.0
PAUSE = 0.02


class Involved:
    """Implements `application.rights.MentorshipsOf`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._reader = Reader(pool)

    async def __call__(self, organisation_id: UUID, person_id: UUID) -> Sequence[UUID]:
        """Raises StoreBusy where the read model does not catch up in time: a case that nobody sees must not be forgotten."""
        await self._caught_up()
        return await self.known(organisation_id, person_id)

    async def evidence(self, organisation_id: UUID, person_id: UUID) -> Sequence[UUID]:
        """The requests for evidence about them. Raises StoreBusy as above."""
        await self._caught_up()
        async with self._pool.organisation(organisation_id) as connection:
            return await evidence_about(connection, organisation_id=organisation_id, person_id=person_id)

    async def known(self, organisation_id: UUID, person_id: UUID) -> Sequence[UUID]:
        """Those that the read model knows by now."""
        async with self._pool.organisation(organisation_id) as connection:
            return await mentorships_of(connection, organisation_id=organisation_id, person_id=person_id)

    async def _caught_up(self) -> None:
        last = await self._reader.last_position()
        until = time.monotonic() + PATIENCE
        while await self._reached() < last:
            if time.monotonic() > until:
                raise StoreBusy
            await sleep(PAUSE)

    async def _reached(self) -> int:
        rows = await self._pool.rows(
            None,
            "SELECT position FROM projections.tracking WHERE projection = %s",
            (PROJECTION.name,),
            row_factory=scalar_row,
        )
        return int(rows[0]) if rows else 0
