"""The consent proof over everything, and over everybody who was shown something: on a schedule, or when somebody asks.

Goes through all mentorships in batches and remembers where it is, so that a restart goes on; of the access log it looks at what came
since the last time. What it finds stands in `checks.findings` until the next time it looks there and finds nothing.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg import AsyncConnection

from adapters.postgres.following import connection_to_follow, keep_following
from audit.consent_proof import StoredFact, prove
from audit.disclosures import Disclosed, faults_of

LEASE = 4702111234474983866
BATCH, LOOKS = 100, 2_000
CONSENTS, DISCLOSURES = "consents", "disclosures"
# Known and waiting for a person, rather than wrong in itself.
WAITING = frozenset({"override-not-reviewed", "shown-without-consent"})

type Stream = tuple[UUID, UUID]

NEXT: LiteralString = """
    SELECT organisation_id, stream_id FROM accompany.events
    WHERE (organisation_id, stream_id) > (%s, %s) AND version = 1 AND topic = 'mentorship-started'
    ORDER BY organisation_id, stream_id LIMIT %s
"""
FACTS: LiteralString = """
    SELECT e.organisation_id, e.stream_id, e.position, e.version, e.topic, e.actor_id, e.purpose, e.occurred_on, e.occurred_at,
        e.recorded_at, e.state
    FROM unnest(%s::uuid[], %s::uuid[]) AS s (organisation_id, stream_id)
    JOIN accompany.events e USING (organisation_id, stream_id)
    ORDER BY e.organisation_id, e.stream_id, e.version
"""
# A purpose is what the trainee consents to: the entries about a mentor name none.
LOOKED: LiteralString = """
    SELECT a.organisation_id, a.mentorship_id, o.time_zone, a.position, a.recorded_at, a.purpose, a.legal_basis, a.consent_version,
        a.consent_as_of
    FROM accompany.access_log a JOIN accompany.organisations o USING (organisation_id)
    WHERE a.position > %s AND a.position <= %s AND a.outcome = 'shown' AND a.purpose IS NOT NULL AND a.mentorship_id IS NOT NULL
    ORDER BY a.position
"""


@dataclass(frozen=True, slots=True)
class Found:
    """What stands open after a look at everything: mentorships and entries looked at, and findings by code."""

    mentorships: int
    looks: int
    findings: dict[str, int]


async def prove_everything(
    connection: AsyncConnection[Any], show: Callable[[int, int], None] = lambda _, __: None
) -> Found:
    """One look at everything, from where the last one stopped if it did not come to its end. `show` is told how many of how many."""
    total = await _count(
        connection, "SELECT count(*) FROM accompany.events WHERE version = 1 AND topic = 'mentorship-started'"
    )
    async for done in _batches_of_consents(connection):
        show(done, max(total, done))
    async for _ in _batches_of_disclosures(connection):
        pass
    cursor = await connection.execute("SELECT name, looked_at FROM checks.progress")
    looked_at = dict(await cursor.fetchall())
    cursor = await connection.execute("SELECT code, count(*) FROM checks.findings GROUP BY code ORDER BY code")
    return Found(looked_at.get(CONSENTS, 0), looked_at.get(DISCLOSURES, 0), dict(await cursor.fetchall()))


class Prover:
    """Looks at everything every so often, in whichever worker has the lease. `found` is told what stands open after each look."""

    def __init__(self, dsn: str, every: timedelta, found: Callable[[Found], None]) -> None:
        self._dsn = dsn
        self._every = every
        self._found = found

    async def run(self, stop: asyncio.Event) -> None:
        """Until told to stop."""

        async def follow(connection: AsyncConnection[Any]) -> None:
            while not stop.is_set():
                if await _is_due(connection, self._every):
                    self._found(await prove_everything(connection))
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), min(60.0, self._every.total_seconds()))

        await keep_following(
            "consent-proof", lambda: connection_to_follow(self._dsn), LEASE, follow, stop, interrupted_by=()
        )


async def _is_due(connection: AsyncConnection[Any], every: timedelta) -> bool:
    cursor = await connection.execute(
        "SELECT finished_at IS NULL OR reached <> '' OR finished_at + %s <= clock_timestamp() FROM checks.progress WHERE name = %s",
        (every, CONSENTS),
    )
    row = await cursor.fetchone()
    return row is None or bool(row[0])


async def _batches_of_consents(connection: AsyncConnection[Any]) -> Any:
    """Yields how many were looked at."""
    reached, done = await _begin(connection, CONSENTS)
    after: Stream = _stream_of(reached)
    while True:
        cursor = await connection.execute(NEXT, (*after, BATCH))
        streams: list[Stream] = [(row[0], row[1]) for row in await cursor.fetchall()]
        async with connection.transaction():
            now = datetime.now(UTC)
            facts = await _facts(connection, streams)
            for stream in streams:
                found = prove(stream[1], facts.get(stream, ()), now)["findings"]
                await _replace(connection, stream, CONSENTS, [(one["code"], one["version"]) for one in found])
            done += len(streams)
            is_last = len(streams) < BATCH
            after = streams[-1] if streams else after
            await _reach(connection, CONSENTS, "" if is_last else f"{after[0]} {after[1]}", done, is_last=is_last)
        yield done
        if is_last:
            return


async def _batches_of_disclosures(connection: AsyncConnection[Any]) -> Any:
    reached, done = await _begin(connection, DISCLOSURES, again=False)
    position = int(reached or 0)
    head = await _count(connection, "SELECT accompany.last_access()")
    while position < head:
        until = min(head, position + LOOKS)
        async with connection.transaction():
            cursor = await connection.execute(LOOKED, (position, until))
            by_stream: dict[Stream, tuple[ZoneInfo, list[Disclosed]]] = {}
            for organisation_id, mentorship_id, zone, *entry in await cursor.fetchall():
                _, entries = by_stream.setdefault((organisation_id, mentorship_id), (ZoneInfo(zone), []))
                entries.append(Disclosed(*entry))
            facts = await _facts(connection, list(by_stream))
            for stream, (zone, entries) in by_stream.items():
                await _add(connection, stream, DISCLOSURES, faults_of(entries, facts.get(stream, ()), zone))
                done += len(entries)
            position = until
            await _reach(connection, DISCLOSURES, str(position), done, is_last=position == head)
        yield done


async def _facts(connection: AsyncConnection[Any], streams: Sequence[Stream]) -> dict[Stream, list[StoredFact]]:
    cursor = await connection.execute(FACTS, ([one[0] for one in streams], [one[1] for one in streams]))
    found: dict[Stream, list[StoredFact]] = {}
    for row in await cursor.fetchall():
        position, version, topic, actor_id, purpose, occurred_on, occurred_at, recorded_at, state = row[2:]
        fact = StoredFact(
            position, version, topic, actor_id, purpose, occurred_on, occurred_at, recorded_at, _plain(state)
        )
        found.setdefault((row[0], row[1]), []).append(fact)
    return found


def _plain(state: bytes) -> dict[str, Any]:
    """Nothing at all, where somebody has spoilt it: the proof then says that it can't be read."""
    try:
        plain = json.loads(state)
        return {name: value for name, value in plain.items() if name != "sealed"}
    except (ValueError, AttributeError):
        return {}


async def _begin(connection: AsyncConnection[Any], name: str, *, again: bool = True) -> tuple[str, int]:
    """Where to go on and how many were looked at; `again` counts anew at each beginning."""
    cursor = await connection.execute(
        """
        INSERT INTO checks.progress AS p (name) VALUES (%(name)s)
        ON CONFLICT (name) DO UPDATE SET
            looked_at = CASE WHEN p.reached = '' AND %(again)s THEN 0 ELSE p.looked_at END,
            began_at = CASE WHEN p.reached = '' THEN clock_timestamp() ELSE p.began_at END
        RETURNING reached, looked_at
        """,
        {"name": name, "again": again},
    )
    [row] = await cursor.fetchall()
    return row[0], row[1]


async def _reach(connection: AsyncConnection[Any], name: str, reached: str, looked_at: int, *, is_last: bool) -> None:
    await connection.execute(
        """
        UPDATE checks.progress SET reached = %s, looked_at = %s,
            finished_at = CASE WHEN %s THEN clock_timestamp() ELSE finished_at END
        WHERE name = %s
        """,
        (reached, looked_at, is_last, name),
    )


async def _replace(
    connection: AsyncConnection[Any], stream: Stream, name: str, found: Iterable[tuple[str, int]]
) -> None:
    await connection.execute(
        "DELETE FROM checks.findings WHERE organisation_id = %s AND mentorship_id = %s AND name = %s", (*stream, name)
    )
    await _add(connection, stream, name, found)


async def _add(connection: AsyncConnection[Any], stream: Stream, name: str, found: Iterable[tuple[str, int]]) -> None:
    rows = [(*stream, name, code, place) for code, place in found]
    if rows:
        async with connection.cursor() as cursor:
            await cursor.executemany(
                "INSERT INTO checks.findings (organisation_id, mentorship_id, name, code, place) VALUES (%s, %s, %s, %s, %s)"
                " ON CONFLICT DO NOTHING",
                rows,
            )


async def _count(connection: AsyncConnection[Any], query: LiteralString) -> int:
    [row] = await (await connection.execute(query)).fetchall()
    return int(row[0])


def _stream_of(reached: str) -> Stream:
    organisation_id, _, stream_id = reached.partition(" ")
    return (UUID(organisation_id), UUID(stream_id)) if reached else (UUID(int=0), UUID(int=0))
