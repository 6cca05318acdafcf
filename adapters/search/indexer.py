"""Keeps the search index up to date: follows the log in a process that holds the keys, and fills the index anew when it has to be."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import class_row

from adapters.postgres.following import connection_to_follow, keep_following, listen, next_event, take_lease
from adapters.postgres.reader import recorded_event_row
from adapters.postgres.seen import code_of, head
from adapters.postgres.stored import RecordedEvent
from adapters.search.blinding import Blinder
from adapters.search.opening import Opening
from adapters.search.organisations import Organisations
from domain.events import RecordEvent
from projections.findable import SEARCHED, terms

# Next to the runner's lease (…748).
LEASE = 4702111234474983749
BATCH = 500
# Of so many events those that are searched are looked for at once.
SPAN = 20_000

NEXT: LiteralString = """
    SELECT
        stream_id, version, topic, state, schema_version, organisation_id, actor_id, purpose,
        occurred_on, occurred_at, trace_id, command_key, recorded_at, position
    FROM accompany.events
    WHERE position > %s AND position <= %s AND topic = ANY(%s)
    ORDER BY position
    LIMIT %s
"""
FILLINGS: LiteralString = "SELECT filling, key_id, position, is_asked, error FROM search.fillings ORDER BY filling"
PUT: LiteralString = """
    INSERT INTO search.terms (stream_id, filling, organisation_id, person_id, terms)
    SELECT %(stream)s, %(filling)s, %(organisation)s, %(person)s, %(terms)s::text::tsvector
    WHERE NOT EXISTS (
        SELECT FROM search.forgotten f WHERE f.organisation_id = %(organisation)s AND f.person_id = %(person)s
    )
    ON CONFLICT (stream_id, filling, organisation_id) DO UPDATE SET terms = excluded.terms
"""

log = logging.getLogger(__name__)

type Progress = Callable[[int, int], None]
"""Told which log position of which is reached."""


@dataclass(frozen=True, slots=True)
class Filling:
    """One filling of the index, as it stands in the database."""

    filling: int
    key_id: bytes
    position: int
    is_asked: bool
    error: str | None


@dataclass(frozen=True, slots=True)
class SearchStatus:
    """How far the index that is asked has come. `lag` counts events; `error` is a code, of what keeps it from going on."""

    position: int
    head: int
    is_filled_anew: bool
    error: str | None

    @property
    def lag(self) -> int:
        return max(0, self.head - self.position)


async def status(dsn: str) -> SearchStatus:
    """How far the search index is, whatever key it was filled under."""
    async with await connection_to_follow(dsn) as connection:
        fillings = await _fillings(connection)
        return SearchStatus(
            position=next((one.position for one in fillings if one.is_asked), 0),
            head=await head(connection),
            is_filled_anew=any(not one.is_asked for one in fillings),
            error=next((one.error for one in fillings if one.error), None),
        )


class Indexer:
    """Runs as `accompany_worker`, beside the service. Several may run: one works, another takes over within seconds.

    `watched` is told after every batch how many events the index is behind. A person whom nobody can read any more is passed over.
    """

    def __init__(
        self,
        dsn: str,
        blinder: Blinder,
        opening: Opening,
        *,
        batch: int = BATCH,
        watched: Callable[[int], None] = lambda lag: None,
    ) -> None:
        self._dsn = dsn
        self._blinder = blinder
        self._opening = opening
        self._batch = batch
        self._watched = watched
        self._organisations = Organisations()

    async def run(self, stop: asyncio.Event) -> None:
        """Follows the log until told to stop, and begins again when database or key ring were away."""
        await keep_following(
            "search",
            self._connect,
            LEASE,
            lambda connection: self._follow(connection, stop),
            stop,
            # Whatever it is: a search that is behind must not stop the service, and says itself how far it has come.
            interrupted_by=(Exception,),
        )

    async def catch_up(self) -> int:
        """Brings the index to where the log ends now, or waits while another process does, and answers with that position."""
        async with await self._connect() as connection:
            last = await head(connection)
            while await self._position(connection) < last:
                if not await take_lease(connection, LEASE):
                    await asyncio.sleep(0.02)
                    continue
                await self._settle(connection)
                while await self._advance(connection):
                    pass
            return last

    async def rebuild(self, progress: Progress = lambda done, total: None) -> None:
        """Fills the index anew, here or in the process that follows the log; the one that is there is asked until that is done."""
        async with await self._connect() as connection:
            wanted = await self._begin(connection, is_asked=False)
            while True:
                filling = next((one for one in await _fillings(connection) if one.filling == wanted), None)
                # Where another rebuild took its place, that one will do.
                if filling is None or filling.is_asked:
                    return
                progress(filling.position, await head(connection))
                if await take_lease(connection, LEASE):
                    await self._settle(connection)
                    await self._advance(connection)
                else:
                    await asyncio.sleep(0.1)

    async def _connect(self) -> AsyncConnection[Any]:
        return await connection_to_follow(self._dsn)

    async def _follow(self, connection: AsyncConnection[Any], stop: asyncio.Event) -> None:
        await listen(connection)
        try:
            await self._settle(connection)
            while not stop.is_set():
                if not await self._advance(connection):
                    await next_event(connection)
        except (psycopg.Error, asyncio.CancelledError):
            raise
        except Exception as error:
            await connection.execute("UPDATE search.fillings SET error = %s", (code_of(error),))
            raise

    async def _settle(self, connection: AsyncConnection[Any]) -> None:
        """Before following: the first filling is begun, or one to replace what was filled under another key or version."""
        fillings = await _fillings(connection)
        if not any(one.is_asked for one in fillings):
            await self._begin(connection, is_asked=True)
        elif not any(one.key_id == self._blinder.key_id for one in fillings):
            log.info("search-index-outdated")
            await self._begin(connection, is_asked=False)

    async def _begin(self, connection: AsyncConnection[Any], *, is_asked: bool) -> int:
        """An empty filling, in place of one that was begun before."""
        async with connection.transaction():
            # Of two that begin at once, the second one replaces the first.
            await connection.execute("LOCK TABLE search.fillings IN SHARE ROW EXCLUSIVE MODE")
            cursor = await connection.execute("SELECT filling FROM search.fillings")
            filling = max((number for (number,) in await cursor.fetchall()), default=0) + 1
            await connection.execute(
                "DELETE FROM search.terms WHERE filling IN (SELECT filling FROM search.fillings WHERE is_asked = %s)",
                (is_asked,),
            )
            await connection.execute("DELETE FROM search.fillings WHERE is_asked = %s", (is_asked,))
            await connection.execute(
                "INSERT INTO search.fillings (filling, key_id, is_asked) VALUES (%s, %s, %s)",
                (filling, self._blinder.key_id, is_asked),
            )
        return filling

    async def _advance(self, connection: AsyncConnection[Any]) -> bool:
        """Takes the next batch into each filling of ours. Whether there was more to do."""
        moved = False
        for filling in await _fillings(connection):
            if filling.key_id != self._blinder.key_id:
                continue
            if await self._take(connection, filling):
                moved = True
            elif not filling.is_asked:
                await self._take_over(connection, filling.filling)
                moved = True
        return moved

    async def _take(self, connection: AsyncConnection[Any], filling: Filling) -> bool:
        last = await head(connection)
        if filling.position >= last:
            if filling.is_asked:
                self._watched(0)
            return False
        until = min(last, filling.position + SPAN)
        async with connection.cursor(row_factory=recorded_event_row, binary=True) as cursor:
            await cursor.execute(NEXT, (filling.position, until, list(SEARCHED), self._batch), prepare=True)
            stored = await cursor.fetchall()
        if len(stored) == self._batch:
            until = stored[-1].position or until
        rows = await self._rows(connection, filling.filling, stored)
        async with connection.transaction():
            # Whoever forgets somebody waits here, or else comes first and is heeded by PUT.
            locked = await connection.execute(
                "SELECT position FROM search.fillings WHERE filling = %s FOR UPDATE", (filling.filling,)
            )
            if await locked.fetchone() != (filling.position,):
                return True
            async with connection.cursor() as cursor:
                await cursor.executemany(PUT, rows)
            await connection.execute(
                "UPDATE search.fillings SET position = %s, error = NULL, updated_at = clock_timestamp() WHERE filling = %s",
                (until, filling.filling),
            )
        if filling.is_asked:
            self._watched(last - until)
        return True

    async def _rows(
        self, connection: AsyncConnection[Any], filling: int, stored: list[RecordedEvent]
    ) -> list[dict[str, Any]]:
        """What to write for these events: of each stream only its last one counts."""
        newest = {row.originator_id: row for row in stored}
        by_organisation: dict[UUID, list[RecordedEvent]] = {}
        for row in newest.values():
            by_organisation.setdefault(row.organisation_id, []).append(row)
        rows: list[dict[str, Any]] = []
        for organisation_id, of_one in by_organisation.items():
            about = await self._organisations.of(connection, organisation_id)
            events = await self._opening.each(organisation_id, of_one)
            for row, event in zip(of_one, events, strict=True):
                if event is not None and event.erased:
                    continue
                if event is None:
                    log.warning("search-event-unreadable", extra={"position": row.position})
                    continue
                found = _terms(event, about.region, row.position)
                person_id = getattr(event, "trainee_id", event.originator_id)
                if not found and person_id != event.originator_id:
                    # A case without a number of its own, which it never gets later.
                    continue
                lexemes = self._blinder.lexemes(organisation_id, event.originator_id, found, about.bits)
                rows.append(
                    {
                        "stream": event.originator_id,
                        "filling": filling,
                        "organisation": organisation_id,
                        "person": person_id,
                        "terms": " ".join(lexemes),
                    }
                )
        return rows

    async def _take_over(self, connection: AsyncConnection[Any], filling: int) -> None:
        """The new filling is the one that is asked from now on."""
        async with connection.transaction():
            await connection.execute("SELECT FROM search.fillings ORDER BY filling FOR UPDATE")
            await connection.execute("DELETE FROM search.fillings WHERE is_asked")
            await connection.execute("UPDATE search.fillings SET is_asked = true WHERE filling = %s", (filling,))
            await connection.execute("DELETE FROM search.terms WHERE filling <> %s", (filling,))
        log.info("search-index-filled-anew")

    async def _position(self, connection: AsyncConnection[Any]) -> int:
        asked = (one for one in await _fillings(connection) if one.is_asked and one.key_id == self._blinder.key_id)
        return next((one.position for one in asked), -1)


async def _fillings(connection: AsyncConnection[Any]) -> list[Filling]:
    async with connection.cursor(row_factory=class_row(Filling)) as cursor:
        await cursor.execute(FILLINGS)
        return await cursor.fetchall()


def _terms(event: RecordEvent, region: str | None, position: int | None) -> set[Any]:
    try:
        return terms(event, region)
    except Exception as error:
        # One text that our own rules stumble over must not keep everybody else from being found.
        log.error("search-event-left-out", extra={"position": position, "code": code_of(error)})
        return set()
