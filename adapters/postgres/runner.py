"""Keeps the projections up to date: follows the log, batch by batch, each in one transaction with the mark of how far it came."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import scalar_row

from adapters.postgres.filling import RebuildStuck
from adapters.postgres.following import comes_to, connection_to_follow, keep_following, listen, next_event, take_lease
from adapters.postgres.parked import Trouble, fold_or_park, park, troubles
from adapters.postgres.pool import Pool
from adapters.postgres.projection_tables import load, prepare, write
from adapters.postgres.rebuild import PART, Comparison, Progress, RebuildUnderWay, rebuild
from adapters.postgres.seen import Batch, Stuck, code_of, head, next_batch
from adapters.postgres.session import is_refusal_of_values
from domain.errors import NotFound
from projections.projection import Projection, Rows
from projections.registry import PROJECTIONS

# Whoever holds it works; the others stand by. It ends with the session that holds it, and only that session writes.
LEASE = 4702111234474983748
BATCH = 1_000
# So far behind, filling a projection anew is faster than catching up.
FAR_BEHIND = 20_000

log = logging.getLogger(__name__)


class ProjectionNotFound(NotFound):
    code = "projection-not-found"
    message = "There is no projection of this name."


@dataclass(frozen=True, slots=True)
class ProjectionStatus:
    """How far a projection is. `lag` counts events; `error` is a code, of the event after `position`, if it has stopped there.

    `trouble` counts the events that it could not take and went on without.
    """

    name: str
    version: int
    position: int
    head: int
    lag: int
    error: str | None
    trouble: Trouble


class Runner:
    """Runs as `accompany_worker`, and reads no personal data. Several may run: one works, another takes over within seconds.

    `watched` is told the name and lag of each projection after every batch, `troubled` the name and trouble of each when following
    begins and when there is more. A projection that can't take an event parks it or, if it is for audit, stops there; the others
    go on. One that has stopped tries again when a runner starts; what is parked is tried again when the projection is filled anew.
    """

    def __init__(
        self,
        dsn: str,
        projections: Sequence[Projection] = PROJECTIONS,
        *,
        batch: int = BATCH,
        watched: Callable[[str, int], None] = lambda name, lag: None,
        troubled: Callable[[str, Trouble], None] = lambda name, trouble: None,
    ) -> None:
        self._dsn = dsn
        self._projections = {projection.name: projection for projection in projections}
        self._batch_size = batch
        self._watched = watched
        self._troubled = troubled

    async def run(self, stop: asyncio.Event) -> None:
        """Follows the log until told to stop, and connects again when the database was away."""
        await keep_following(
            "projections",
            self._connect,
            LEASE,
            lambda connection: self._follow(connection, stop),
            stop,
            interrupted_by=(RebuildUnderWay,),
        )

    async def catch_up(self) -> int:
        """Brings every projection to where the log ends now, or waits while another runner does, and answers with that position.

        Projections that have stopped stay behind; `status` shows them.
        """
        async with await self._connect() as connection:
            last = await head(connection)
            while True:
                if await take_lease(connection, LEASE):
                    await self._settle_in_time(connection)
                    while await self._least(connection, last) < last and await self._advance(connection):
                        pass
                    return last
                if await self._least(connection, last) >= last:
                    return last
                await asyncio.sleep(0.02)

    async def rebuild(
        self,
        names: Sequence[str],
        progress: Progress = lambda done, total: None,
        compared: Comparison | None = None,
        *,
        processes: int = 1,
        part: int = PART,
    ) -> None:
        """Fills projections anew, all of them if none is named; readers see the old rows until the new ones are complete.

        `compared` is told of each table how far old and new agree, before the new one takes the place of the old. `processes` share
        the work out in parts of about `part` events. One that was killed goes on with the parts that are left.
        Raises ProjectionNotFound, RebuildUnderWay or RebuildStuck.
        """
        if set(names) - self._projections.keys():
            raise ProjectionNotFound(fields=("names",))
        await prepare(self._dsn, tuple(self._projections.values()))
        anew = [self._projections[name] for name in names or self._projections]
        await rebuild(self._dsn, anew, progress, compared, processes=processes, part=part)

    async def status(self) -> list[ProjectionStatus]:
        """How far each projection is."""
        async with await self._connect() as connection:
            last = await head(connection)
            cursor = await connection.execute("SELECT projection, version, position, error FROM projections.tracking")
            found = {name: (version, position, error) for name, version, position, error in await cursor.fetchall()}
            trouble = await troubles(connection)
        statuses = []
        for name, projection in self._projections.items():
            version, position, error = found[name]
            if version != projection.version:
                error = "newer-version" if version > projection.version else "older-version"
            statuses.append(
                ProjectionStatus(name, version, position, last, max(0, last - position), error, trouble[name])
            )
        return statuses

    async def _connect(self) -> AsyncConnection[Any]:
        await prepare(self._dsn, tuple(self._projections.values()))
        return await connection_to_follow(self._dsn)

    async def _follow(self, connection: AsyncConnection[Any], stop: asyncio.Event) -> None:
        await listen(connection)
        await self._settle(connection)
        await self._tell_troubles(connection)
        while not stop.is_set():
            if not await self._advance(connection):
                await next_event(connection)

    async def _settle(self, connection: AsyncConnection[Any]) -> None:
        """Before following: what had stopped tries again, and what is outdated or far behind is filled anew. Raises RebuildUnderWay."""
        await connection.execute(
            "UPDATE projections.tracking SET error = NULL WHERE error IS NOT NULL AND projection = ANY(%s)",
            (list(self._projections),),
        )
        last = await head(connection)
        cursor = await connection.execute("SELECT projection, version, position FROM projections.tracking")
        anew = [
            self._projections[name]
            for name, version, position in await cursor.fetchall()
            # One that a newer program has filled is left to that program.
            if name in self._projections
            and (
                version < self._projections[name].version
                or (version == self._projections[name].version and last - position > FAR_BEHIND)
            )
        ]
        if not anew:
            return
        try:
            await rebuild(self._dsn, anew, lambda done, total: None)
        except RebuildStuck as stuck:
            log.error("projection-rebuild-stuck", extra={"code": stuck.stuck.code, "position": stuck.stuck.position})

    async def _settle_in_time(self, connection: AsyncConnection[Any]) -> None:
        while True:
            try:
                return await self._settle(connection)
            except RebuildUnderWay:
                await asyncio.sleep(0.1)

    async def _advance(self, connection: AsyncConnection[Any]) -> bool:
        """Takes the next batch, if there is one."""
        return await self._advance_some(connection, list(self._projections), self._batch_size)

    async def _advance_some(self, connection: AsyncConnection[Any], names: list[str], limit: int) -> bool:
        try:
            return await self._batch(connection, names, limit)
        except psycopg.Error as error:
            if not is_refusal_of_values(error):
                raise
            if len(names) == 1 and limit == 1:
                await self._stop_or_park_one(connection, names[0], code_of(error))
                return True
        # A row that the database does not take: each projection by itself, in smaller batches, up to the event that gives it.
        if len(names) > 1:
            moved = [await self._advance_some(connection, [name], limit) for name in names]
            return any(moved)
        return await self._advance_some(connection, names, max(1, limit // 8))

    async def _batch(self, connection: AsyncConnection[Any], names: list[str], limit: int) -> bool:
        async with connection.transaction():
            cursor = await connection.execute(
                "SELECT projection, version, position FROM projections.tracking"
                " WHERE projection = ANY(%s) AND error IS NULL ORDER BY projection FOR UPDATE",
                (names,),
            )
            positions = {
                name: position
                for name, version, position in await cursor.fetchall()
                if version == self._projections[name].version
            }
            if not positions:
                return False
            batch = await next_batch(connection, min(positions.values()), limit)
            if not batch.seen and not batch.stuck:
                return False
            marks, parked = [], 0
            for name, position in positions.items():
                mark, parked_here = await self._take(connection, self._projections[name], batch, position)
                marks.append(mark)
                parked += parked_here
            async with connection.cursor() as cursor:
                await cursor.executemany(
                    "UPDATE projections.tracking SET position = %s, error = %s, updated_at = clock_timestamp()"
                    " WHERE projection = %s",
                    marks,
                )
            await connection.execute("SELECT pg_notify('accompany_projected', %s)", (str(marks[0][0]),))
        last = await head(connection)
        for position, error, name in marks:
            self._watched(name, max(0, last - position))
            if error is not None:
                log.error("projection-stopped", extra={"projection": name, "position": position, "code": error})
        if parked or any(error is not None for _, error, _ in marks):
            await self._tell_troubles(connection)
        return True

    async def _take(
        self, connection: AsyncConnection[Any], projection: Projection, batch: Batch, position: int
    ) -> tuple[tuple[int, str | None, str], int]:
        """Folds what a projection has not seen of a batch.

        Answers its new position, its error and its name, and how many events were parked.
        """
        seen = [one for one in batch.seen if one.position > position]
        stored = Rows()
        await load(connection, projection, seen, stored)
        rows, parked, stuck = fold_or_park(projection, seen, stored)
        stuck = stuck or batch.stuck
        await write(connection, projection, rows)
        await park(connection, projection.name, parked)
        reached = stuck.position - 1 if stuck else max(position, batch.seen[-1].position)
        return (reached, stuck.code if stuck else None, projection.name), len(parked)

    async def _stop_or_park_one(self, connection: AsyncConnection[Any], name: str, code: str) -> None:
        """The next event gives a row that the database does not take."""
        if self._projections[name].audit:
            await connection.execute(
                "UPDATE projections.tracking SET error = %s, updated_at = clock_timestamp() WHERE projection = %s",
                (code, name),
            )
            log.error("projection-stopped", extra={"projection": name, "code": code})
        else:
            async with connection.transaction():
                cursor = await connection.execute(
                    "UPDATE projections.tracking SET position = position + 1, updated_at = clock_timestamp()"
                    " WHERE projection = %s RETURNING position",
                    (name,),
                )
                parked = [Stuck(position, code) for (position,) in await cursor.fetchall()]
                await park(connection, name, parked)
        await self._tell_troubles(connection)

    async def _tell_troubles(self, connection: AsyncConnection[Any]) -> None:
        for name, trouble in (await troubles(connection)).items():
            if name in self._projections:
                self._troubled(name, trouble)

    async def _least(self, connection: AsyncConnection[Any], last: int) -> int:
        """How far the last of the projections is that go on."""
        cursor = await connection.execute(
            "SELECT projection, version, position FROM projections.tracking WHERE error IS NULL"
        )
        return min(
            (
                position
                for name, version, position in await cursor.fetchall()
                if name in self._projections and version == self._projections[name].version
            ),
            default=last,
        )


async def wait_for(pool: Pool, position: int, patience: float = 2.0) -> bool:
    """Whether every projection has come to a position, or does within `patience` seconds."""
    return await comes_to(lambda: reached(pool), position, patience)


async def reached(pool: Pool) -> int:
    """The position that every projection has come to."""
    [least] = await pool.rows(
        None, "SELECT coalesce(min(position), 0) FROM projections.tracking", row_factory=scalar_row
    )
    return int(least)
