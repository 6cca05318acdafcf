"""Invented entries of the access log, and a process that writes some: `python -m tests.postgres.access_entries`, the DSN in DSN."""

import asyncio
import os
import random
import sys
from uuid import UUID, uuid4

from adapters.postgres.access_log import AccessLog
from adapters.postgres.pool import Pool
from application.ids import new_id
from audit.access import AccessEntry
from tests.postgres.facts import ACTOR, ORGANISATION

TRAINEE = UUID("0192f000-0000-7000-8000-0000000000aa")


def read(
    people: int = 1, *, organisation_id: UUID = ORGANISATION, person_id: UUID | None = TRAINEE
) -> list[AccessEntry]:
    """One answer that showed so many people."""
    read_id = new_id()
    return [
        AccessEntry(
            organisation_id=organisation_id,
            read_id=read_id,
            member_id=ACTOR,
            role="caseworker",
            read="GET /cases/{mentorship_id}",
            person_id=person_id or uuid4(),
            mentorship_id=uuid4(),
            positions=(3, 7),
            topics=("goal-set", "mentorship-started"),
            fields=("description", "reference"),
            purpose="mentoring",
            legal_basis="consent",
            consent_version=2,
            consent_as_of=9,
            outcome="shown",
            refusal=None,
            trace_id="0af7651916cd43dd8448eb211c80319c",
        )
        for _ in range(people)
    ]


async def write(seconds: float) -> None:
    """Writes until then, and tells of each read that was acknowledged its id and its number of people."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    dsn = os.environ["DSN"]

    async def one(log: AccessLog) -> None:
        while loop.time() < until:
            entries = read(random.randint(1, 30))  # noqa: S311  not a secret
            await log.write(entries)
            sys.stdout.write(f"{entries[0].read_id} {len(entries)}\n")
            sys.stdout.flush()

    async with Pool(dsn, size=1) as pool, AccessLog(dsn, pool) as log:
        await asyncio.gather(*(one(log) for _ in range(4)))


if __name__ == "__main__":
    asyncio.run(write(float(sys.argv[1])))
