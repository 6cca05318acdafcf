"""The access log on PostgreSQL: the entries of reads that come together are written in one transaction."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import tuple_row

from adapters.postgres.arrays import integers, long_integers, texts, uuids
from adapters.postgres.gatherer import Gatherer
from adapters.postgres.pool import Pool
from audit.access import AccessEntry
from domain.vocabulary import DataCategory, Purpose, Recipient

type Read = tuple[AccessEntry, ...]

LOG: LiteralString = """
    SELECT accompany.log_accesses(
        %b::uuid[], %b::uuid[], %b::uuid[], %b::text[], %b::text[], %b::uuid[], %b::uuid[],
        %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::int[],
        %b::bigint[], %b::text[], %b::text[], %b::text[]
    )
"""
# The last row says how far consents are known, whether or not one is found.
IN_FORCE: LiteralString = """
    SELECT mentorship_id, version, true, NULL::bigint FROM projections.consents
    WHERE organisation_id = %(organisation_id)s AND mentorship_id = ANY(%(mentorships)s) AND purpose = %(purpose)s
        AND data_category = %(data_category)s AND recipient = %(recipient)s AND state IN ('given', 'renewed')
        AND coalesce(valid_from <= %(today)s, true) AND coalesce(valid_until >= %(today)s, true)
    UNION ALL
    SELECT mentorship_id, version, false, NULL FROM projections.consent_overrides
    WHERE organisation_id = %(organisation_id)s AND mentorship_id = ANY(%(mentorships)s) AND purpose = %(purpose)s
        AND upheld IS NOT FALSE AND begins_at <= %(now)s AND ends_at >= %(now)s
    UNION ALL
    SELECT NULL, NULL, NULL, min(position) FROM projections.tracking WHERE projection IN ('consents', 'consent_acts')
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """By mentorship the version of the consent in force, and of the override in its hours, as known up to a position of the record."""

    consents: Mapping[UUID, int] = field(default_factory=dict)
    overrides: Mapping[UUID, int] = field(default_factory=dict)
    as_of: int = 0


class AccessLog(Gatherer[Read, None]):
    """Writes who was shown what. One for each process, on its event loop; `batch_rows` bounds the entries of one call."""

    def __init__(
        self,
        dsn: str,
        pool: Pool,
        *,
        wait_limit: float = 5.0,
        queue_limit: int = 2_000,
        batch_limit: int = 256,
        batch_rows: int = 4_096,
    ) -> None:
        super().__init__(
            dsn,
            _write,
            len,
            wait_limit=wait_limit,
            queue_limit=queue_limit,
            batch_limit=batch_limit,
            batch_rows=batch_rows,
        )
        self._pool = pool

    async def write(self, entries: Sequence[AccessEntry]) -> None:
        """Writes the entries of one read, all or none; they are durable when this returns.

        Raises StoreBusy, StoreUnavailable or NotStorable; after the first two it is open whether they were written.
        """
        if entries:
            await self._write_all((tuple(entries),))

    async def consents_in_force(
        self, organisation_id: UUID, mentorships: Iterable[UUID], purpose: Purpose, today: date, now: datetime
    ) -> Standing:
        """Of these mentorships, what a read for this purpose rests on now. Raises as a pool does."""
        rows = await self._pool.rows(
            organisation_id,
            IN_FORCE,
            {
                "organisation_id": organisation_id,
                "mentorships": list(mentorships),
                "purpose": purpose.value,
                "data_category": DataCategory.CASE_RECORD.value,
                "recipient": Recipient.THIS_ORGANISATION.value,
                "today": today,
                "now": now,
            },
            row_factory=tuple_row,
        )
        return Standing(
            consents={case: version for case, version, is_consent, _ in rows if is_consent},
            overrides={case: version for case, version, is_consent, _ in rows if is_consent is False},
            as_of=rows[-1][3] or 0,
        )

    async def trainee_of(self, organisation_id: UUID, mentorship_id: UUID) -> UUID | None:
        """Whose a mentorship is, to write down whose data were refused. None where there is no such one."""
        rows = await self._pool.rows(
            organisation_id,
            "SELECT trainee_id FROM projections.cases WHERE organisation_id = %s AND mentorship_id = %s",
            (organisation_id, mentorship_id),
            row_factory=tuple_row,
        )
        return rows[0][0] if rows else None


async def _write(connection: AsyncConnection[Any], reads: Sequence[Read], _: Sequence[UUID]) -> list[None]:
    # A read's own id tells the database what it has written already, whichever attempt it was.
    entries = [entry for read in reads for entry in read]
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(
            LOG,
            (
                uuids([entry.organisation_id for entry in entries]),
                uuids([entry.read_id for entry in entries]),
                uuids([entry.member_id for entry in entries]),
                texts([entry.role for entry in entries]),
                texts([entry.read for entry in entries]),
                uuids([entry.person_id for entry in entries]),
                uuids([entry.mentorship_id for entry in entries]),
                texts([_list(entry.positions) for entry in entries]),
                texts([_list(entry.topics) for entry in entries]),
                texts([_list(entry.fields) for entry in entries]),
                texts([entry.purpose for entry in entries]),
                texts([entry.legal_basis for entry in entries]),
                integers([entry.consent_version for entry in entries]),
                long_integers([entry.consent_as_of for entry in entries]),
                texts([entry.outcome for entry in entries]),
                texts([entry.refusal for entry in entries]),
                texts([entry.trace_id for entry in entries]),
            ),
            prepare=True,
        )
    return [None] * len(reads)


def _list(values: Iterable[int | str]) -> str:
    """As PostgreSQL reads an array from text. Numbers, topics and names of fields need no quotes."""
    return f"{{{','.join(map(str, values))}}}"
