"""Events that a projection could not take: an audit projection stops before one, any other parks it and goes on."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

from psycopg import AsyncConnection

from adapters.postgres.seen import Stuck, fold
from projections.projection import Projection, Rows, Seen

log = logging.getLogger(__name__)

PARK: LiteralString = """
    INSERT INTO projections.parked (projection, position, error) VALUES (%s, %s, %s)
    ON CONFLICT (projection, position) DO UPDATE SET error = excluded.error
"""
TROUBLES: LiteralString = """
    SELECT t.projection, t.error IS NOT NULL, count(p.position), min(p.position),
        (array_agg(p.error ORDER BY p.position) FILTER (WHERE p.position IS NOT NULL))[1]
    FROM projections.tracking t LEFT JOIN projections.parked p USING (projection)
    GROUP BY t.projection, t.error
"""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong with a projection so far: has it stopped, how many events are parked, where the first is and why."""

    stopped: bool = False
    parked: int = 0
    first: int | None = None
    error: str | None = None


def fold_or_park(projection: Projection, seen: Sequence[Seen], stored: Rows) -> tuple[Rows, list[Stuck], Stuck | None]:
    """Folds events into a copy of rows. Answers the rows, the events parked, and the event before which it stopped.

    An event that could not be taken leaves nothing half done.
    """
    parked: list[Stuck] = []
    left = list(seen)
    while True:
        rows = stored.copy()
        stuck = fold(projection, left, rows)
        if stuck is None:
            return rows, parked, None
        if projection.audit:
            rows = stored.copy()
            fold(projection, [one for one in left if one.position < stuck.position], rows)
            return rows, parked, stuck
        parked.append(stuck)
        left = [one for one in left if one.position != stuck.position]


async def park(connection: AsyncConnection[Any], projection: str, parked: Iterable[Stuck]) -> None:
    """Notes, within the caller's transaction, what a projection goes on without."""
    for one in parked:
        await connection.execute(PARK, (projection, one.position, one.code))
        log.error(
            "projection-event-parked", extra={"projection": projection, "position": one.position, "code": one.code}
        )


async def unpark_all(connection: AsyncConnection[Any], projections: Sequence[str]) -> None:
    """For projections that were filled anew."""
    await connection.execute("DELETE FROM projections.parked WHERE projection = ANY(%s)", (list(projections),))


async def troubles(connection: AsyncConnection[Any]) -> dict[str, Trouble]:
    """What went wrong with each projection, by name."""
    cursor = await connection.execute(TROUBLES)
    return {name: Trouble(*found) for name, *found in await cursor.fetchall()}
