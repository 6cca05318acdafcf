"""Counts what there is about a case, a person or a period, for a request for evidence to name."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import msgspec
from psycopg import AsyncConnection

from adapters.keys.key_ring import KeyRing
from adapters.postgres.pool import Pool
from application.caller import Caller
from domain.errors import NotFound, RuleBroken
from domain.evidence import AboutPeriod, AboutSubject, EvidenceSubject, StreamUpTo

# So many positions of all organisations make a bundle of about 30 MB.
MOST_POSITIONS = 20_000

STREAMS_OF_PERSON = """
    WITH named AS MATERIALIZED (
        SELECT stream_id, convert_from(state, 'UTF8')::jsonb AS state FROM accompany.events
        WHERE organisation_id = %(organisation)s AND topic IN ('mentorship-started', 'mentorship-handed-over')
    )
    SELECT DISTINCT stream_id FROM named
    WHERE %(person)s::text IN (state ->> 'trainee_id', state ->> 'mentor_id', state ->> 'to_mentor_id')
    ORDER BY stream_id
"""
VERSIONS = """
    SELECT s.stream_id, e.version
    FROM unnest(%(streams)s::uuid[]) WITH ORDINALITY AS s (stream_id, n)
    CROSS JOIN LATERAL (
        SELECT version FROM accompany.events WHERE organisation_id = %(organisation)s AND stream_id = s.stream_id
        ORDER BY version DESC LIMIT 1
    ) e
    ORDER BY s.n
"""
FIRST = """
    SELECT topic, state FROM accompany.events
    WHERE organisation_id = %(organisation)s AND stream_id = %(stream)s AND version = 1
"""
ACCESSES_OF = {
    EvidenceSubject.MENTORSHIP: "SELECT count(*) FROM accompany.access_log WHERE organisation_id = %s AND mentorship_id = %s",
    EvidenceSubject.PERSON: "SELECT count(*) FROM accompany.access_log WHERE organisation_id = %s AND person_id = %s",
}
BEGINS = {EvidenceSubject.MENTORSHIP: "mentorship-started", EvidenceSubject.PERSON: "person-registered"}


class PeriodTooLong(RuleBroken):
    code = "period-too-long"
    message = "More was recorded in that period than one bundle holds. Ask for shorter ones, one after the other."


class PostgresCounting:
    """Implements `application.evidence.Counting`. `logged` are the names of the logs whose entries can be proven."""

    def __init__(self, pool: Pool, ring: KeyRing, logged: frozenset[str]) -> None:
        self._pool = pool
        self._ring = ring
        self._logged = logged

    async def about_subject(self, by: Caller, subject: EvidenceSubject, subject_id: UUID) -> AboutSubject:
        async with self._pool.organisation(by.organisation_id) as connection:
            asked = {"organisation": by.organisation_id, "stream": subject_id, "person": str(subject_id)}
            first = await (await connection.execute(FIRST, asked)).fetchone()
            if first is None or first[0] != BEGINS[subject]:
                raise NotFound
            streams, person_id = [subject_id], subject_id
            if subject is EvidenceSubject.MENTORSHIP:
                person_id = UUID(msgspec.json.decode(first[1])["trainee_id"])
            else:
                found = await connection.execute(STREAMS_OF_PERSON, asked)
                streams += [stream_id for (stream_id,) in await found.fetchall()]
            counted = await connection.execute(VERSIONS, {"organisation": by.organisation_id, "streams": streams})
            versions = tuple(StreamUpTo(*row) for row in await counted.fetchall())
            accesses = None
            if "access" in self._logged:
                found = await connection.execute(ACCESSES_OF[subject], (by.organisation_id, subject_id))
                [accesses] = await found.fetchone() or (0,)
        erased = await self._ring.destroyed(by.organisation_id, [person_id])
        return AboutSubject(subject, subject_id, None if erased else person_id, versions, accesses)

    async def about_period(self, by: Caller, recorded_from: date, recorded_until: date) -> AboutPeriod:
        async with self._pool.organisation(by.organisation_id) as connection:
            events = await _positions(connection, "events", recorded_from, recorded_until)
            accesses: tuple[int | None, int | None] = (None, None)
            if "access" in self._logged:
                first, last = await _positions(connection, "access", recorded_from, recorded_until)
                accesses = (first, last) if first <= last else (None, None)
        about = AboutPeriod(recorded_from, recorded_until, *events, *accesses)
        counts = [events[1] - events[0], (accesses[1] or 0) - (accesses[0] or 0)]
        if max(counts) >= MOST_POSITIONS:
            raise PeriodTooLong(fields=("recorded_from", "recorded_until"))
        return about


async def _positions(
    connection: AsyncConnection[Any], log: str, recorded_from: date, recorded_until: date
) -> tuple[int, int]:
    begin = datetime.combine(recorded_from, time(), UTC)
    end = datetime.combine(recorded_until, time(), UTC) + timedelta(days=1)
    found = await connection.execute("SELECT * FROM evidence.positions_of(%s, %s, %s)", (log, begin, end))
    row = await found.fetchone()
    assert row is not None, "a function answers one row"
    return int(row[0]), int(row[1])
