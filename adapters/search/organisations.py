"""What the index needs to know of an organisation: where its telephone numbers are from, and how large it is."""

import time
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID

from psycopg import AsyncConnection

from adapters.search.blinding import bits_for
from projections.phones import region_of

KEEP_SECONDS = 60.0

ABOUT: LiteralString = """
    SELECT o.time_zone, (SELECT count(*) FROM projections.people p WHERE p.organisation_id = o.organisation_id)
    FROM accompany.organisations o WHERE o.organisation_id = %s
"""


@dataclass(frozen=True, slots=True)
class About:
    """`region` as of `phones.region_of`; `bits` of each HMAC are kept."""

    region: str | None
    bits: int


class Organisations:
    """Remembers each for a minute: counting people takes longer than indexing one."""

    def __init__(self) -> None:
        self._known: dict[UUID, tuple[float, About]] = {}

    async def of(self, connection: AsyncConnection[Any], organisation_id: UUID) -> About:
        until, about = self._known.get(organisation_id, (0.0, None))
        if about is None or until < time.monotonic():
            cursor = await connection.execute(ABOUT, (organisation_id,))
            time_zone, people = await cursor.fetchone() or ("", 0)
            about = About(region_of(time_zone), bits_for(people))
            self._known[organisation_id] = (time.monotonic() + KEEP_SECONDS, about)
        return about
