"""What was known of an organisation's trainees at a position of the log, read from the events themselves."""

from collections.abc import Iterator, Sequence
from itertools import batched, groupby
from typing import ClassVar, LiteralString
from uuid import UUID

from psycopg import AsyncConnection

from adapters.postgres.pool import ACT_FOR
from adapters.postgres.reader import recorded_event_row
from adapters.postgres.record import PostgresRecord
from adapters.postgres.seen import head, read
from adapters.postgres.session import session
from domain.errors import Invalid
from domain.person import Details
from projections.indicators.life import Life, lives, with_details
from projections.people import details_in
from projections.projection import Seen

READ_AT_ONCE = 5_000
OPENED_AT_ONCE = 1_000
OF_ORGANISATION: LiteralString = """
    SELECT
        stream_id, version, topic, state, schema_version, organisation_id, actor_id, purpose,
        occurred_on, occurred_at, trace_id, command_key, recorded_at, position
    FROM accompany.events
    WHERE organisation_id = %s AND position <= %s
    ORDER BY stream_id, version
"""


class PositionAhead(Invalid):
    code = "position-ahead"
    message = "The log has not come that far. Ask for a position up to its last one."


class RecordNotReadable(Exception):
    """An event could not be read or folded. No figures were made: they would have a hole."""

    code: ClassVar[str] = "record-not-readable"

    def __init__(self, position: int, found: str) -> None:
        super().__init__(f"The event at position {position} can't be counted ({found}). See `accompany doctor`.")


async def last_position(dsn: str) -> int:
    async with await AsyncConnection.connect(session(dsn, "accompany_service", statement_timeout=10)) as connection:
        return await head(connection)


async def lives_at(dsn: str, record: PostgresRecord, organisation_id: UUID, position: int) -> list[Life]:
    """Every trainee as known at the position, with the details that can still be read. Nothing of it is kept.

    Reads all events of the organisation up to there. Raises PositionAhead or RecordNotReadable.
    """
    conninfo = session(dsn, "accompany_service", statement_timeout=0)
    seen: list[Seen] = []
    async with await AsyncConnection.connect(conninfo) as connection, connection.transaction():
        if position > await head(connection):
            raise PositionAhead(fields=("position",))
        await connection.execute(ACT_FOR, (str(organisation_id),))
        async with connection.cursor("known", row_factory=recorded_event_row) as cursor:
            await cursor.execute(OF_ORGANISATION, (organisation_id, position))
            while stored := await cursor.fetchmany(READ_AT_ONCE):
                batch = read(stored)
                if batch.stuck:
                    raise RecordNotReadable(batch.stuck.position, batch.stuck.code)
                seen += batch.seen
    found = list(lives(_streams(seen), position).values())
    return with_details(found, await _details(record, organisation_id, found))


def _streams(seen: Sequence[Seen]) -> Iterator[list[Seen]]:
    for _, stream in groupby(seen, key=lambda one: one.stream):
        yield list(stream)


async def _details(record: PostgresRecord, organisation_id: UUID, found: Sequence[Life]) -> dict[int, Details]:
    positions = [life.standing.details_position for life in found if life.standing.details_position is not None]
    opened: dict[int, Details] = {}
    for some in batched(positions, OPENED_AT_ONCE):
        for position, event in (await record.opened(organisation_id, some)).items():
            if (details := details_in(event)) is not None:
                opened[position] = details
    return opened
