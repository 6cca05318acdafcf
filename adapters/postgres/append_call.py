"""The one call that records: appends as arrays to the database's function, and its rows as outcomes."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any, LiteralString
from uuid import UUID

from psycopg import AsyncConnection

from adapters.postgres.arrays import byte_strings, dates, integers, moments, texts, uuids
from adapters.postgres.stored import Append, Appended, Conflicted, Outcome, Replayed

ONE: LiteralString = """
    SELECT * FROM accompany.append_one(
        %b::uuid, %b::uuid, %b::text, %b::bytea, %b::bytea, %b::uuid, %b::uuid[], %b::int[],
        %b::uuid[], %b::int[], %b::text[], %b::int[], %b::bytea[], %b::text[], %b::date[], %b::timestamptz[], %b::text[]
    )
"""
MANY: LiteralString = """
    SELECT * FROM accompany.append(
        %b::uuid[], %b::uuid[], %b::text[], %b::bytea[], %b::bytea[], %b::uuid[], %b::int[],
        %b::int[], %b::uuid[], %b::int[],
        %b::int[], %b::uuid[], %b::int[], %b::text[], %b::int[], %b::bytea[], %b::text[], %b::date[], %b::timestamptz[], %b::text[]
    )
"""


async def record(
    connection: AsyncConnection[Any], appends: Sequence[Append], attempt_ids: Sequence[UUID]
) -> list[Outcome]:
    """Record appends in order, one outcome for each. An attempt that was recorded before is answered as it was then.

    Raises what psycopg raises; then either all of it was recorded or nothing.
    """
    events = [event for append in appends for event in append.events]
    columns = (
        uuids([event.originator_id for event in events]),
        integers([event.originator_version for event in events]),
        texts([event.topic for event in events]),
        integers([event.schema_version for event in events]),
        byte_strings([event.state for event in events]),
        texts([event.purpose for event in events]),
        dates([event.occurred_on for event in events]),
        moments([event.occurred_at for event in events]),
        texts([event.trace_id for event in events]),
    )
    async with connection.cursor(binary=True) as cursor:
        if len(appends) == 1:
            (append,), (attempt_id,) = appends, attempt_ids
            await cursor.execute(
                ONE,
                (
                    append.organisation_id,
                    append.actor_id,
                    append.command_key,
                    append.request_digest,
                    append.answer,
                    attempt_id,
                    uuids([stream_id for stream_id, _ in append.relies_on]),
                    integers([version for _, version in append.relies_on]),
                    *columns,
                ),
                prepare=True,
            )
        else:
            sizes = [len(append.events) for append in appends]
            numbers = [number for number, size in enumerate(sizes, 1) for _ in range(size)]
            relied = [(number, *one) for number, append in enumerate(appends, 1) for one in append.relies_on]
            await cursor.execute(
                MANY,
                (
                    uuids([append.organisation_id for append in appends]),
                    uuids([append.actor_id for append in appends]),
                    texts([append.command_key for append in appends]),
                    byte_strings([append.request_digest for append in appends]),
                    byte_strings([append.answer for append in appends]),
                    uuids(attempt_ids),
                    integers(list(accumulate(sizes))),
                    integers([number for number, _, _ in relied]),
                    uuids([stream_id for _, stream_id, _ in relied]),
                    integers([version for _, _, version in relied]),
                    integers(numbers),
                    *columns,
                ),
                prepare=True,
            )
        return [_outcome(*row) for row in await cursor.fetchall()]


def _outcome(
    outcome: str,
    position: int,
    recorded_at: Any,
    answer: bytes,
    same_request: bool,
    moved_stream: UUID,
    expected_version: int,
    actual_version: int,
) -> Outcome:
    match outcome:
        case "appended":
            return Appended(position, recorded_at)
        case "replayed":
            return Replayed(position, answer, same_request)
        case _:
            return Conflicted(moved_stream, expected_version, actual_version)
