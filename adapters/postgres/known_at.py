"""What was known of an organisation's trainees at a position of the log, read from the events themselves."""

from collections.abc import Iterator, Sequence
from itertools import batched, groupby
from typing import ClassVar, LiteralString

from psycopg import AsyncConnection

from adapters.disclosure import Disclosure
from adapters.postgres.access_log import AccessLog
from adapters.postgres.pool import ACT_FOR
from adapters.postgres.reader import recorded_event_row
from adapters.postgres.record import PostgresRecord
from adapters.postgres.seen import code_of, head, read
from adapters.postgres.session import session
from adapters.telemetry import current_trace_id
from application.caller import Caller
from application.ids import new_id
from audit.access import AccessEntry
from domain.errors import Invalid
from domain.person import Details
from domain.vocabulary import LegalBasis, Purpose
from projections.indicators.life import Life, Question, lives, with_details
from projections.people import details_in
from projections.projection import Seen

READ_AT_ONCE = 5_000
OPENED_AT_ONCE = 1_000
# What the access log calls it, and what is read of the details.
COUNTED = "report prepare"
READ_OF_DETAILS = ("born_on", "gender", "languages")
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


async def lives_at(dsn: str, record: PostgresRecord, accesses: AccessLog, by: Caller, question: Question) -> list[Life]:
    """Every trainee as known at the question's position. Nothing of it is kept.

    Details are opened of those alone who may be counted, for the caller, and the access log says so before anything is counted.
    Reads all events of the organisation up to there. Raises PositionAhead or RecordNotReadable.
    """
    conninfo = session(dsn, "accompany_service", statement_timeout=0)
    seen: list[Seen] = []
    async with await AsyncConnection.connect(conninfo) as connection, connection.transaction():
        if question.position > await head(connection):
            raise PositionAhead(fields=("position",))
        await connection.execute(ACT_FOR, (str(by.organisation_id),))
        async with connection.cursor("known", row_factory=recorded_event_row) as cursor:
            await cursor.execute(OF_ORGANISATION, (by.organisation_id, question.position))
            while stored := await cursor.fetchmany(READ_AT_ONCE):
                batch = read(stored)
                if batch.stuck:
                    raise RecordNotReadable(batch.stuck.position, batch.stuck.code)
                seen += batch.seen
    try:
        found = list(lives(_streams(seen), question.position).values())
    except Exception as error:
        # Which event it was stands in `doctor`; its values must not stand in a message.
        raise RecordNotReadable(question.position, code_of(error)) from None
    counted = [life for life in found if life.may_be_counted(question)]
    disclosure = Disclosure()
    with disclosure.active():
        opened = await _details(record, by, counted)
    await accesses.write(_entries(by, counted, question.position))
    return with_details(found, opened)


def _entries(by: Caller, counted: Sequence[Life], position: int) -> list[AccessEntry]:
    read_id, trace_id = new_id(), current_trace_id()
    entries = []
    for life in counted:
        consent, details = life.last_word, life.standing.details_position
        if consent is not None and details is not None:
            entries.append(
                AccessEntry(
                    organisation_id=by.organisation_id,
                    read_id=read_id,
                    member_id=by.member_id,
                    role=by.role.value,
                    read=COUNTED,
                    person_id=life.trainee_id,
                    mentorship_id=consent.mentorship_id,
                    positions=(details,),
                    topics=("person-registered",),
                    fields=READ_OF_DETAILS,
                    purpose=Purpose.FUNDER_REPORTING.value,
                    legal_basis=LegalBasis.CONSENT.value,
                    consent_version=consent.version,
                    consent_as_of=position,
                    outcome="shown",
                    refusal=None,
                    trace_id=trace_id,
                )
            )
    return entries


def _streams(seen: Sequence[Seen]) -> Iterator[list[Seen]]:
    for _, stream in groupby(seen, key=lambda one: one.stream):
        yield list(stream)


async def _details(record: PostgresRecord, by: Caller, found: Sequence[Life]) -> dict[int, Details]:
    positions = [life.standing.details_position for life in found if life.standing.details_position is not None]
    opened: dict[int, Details] = {}
    for some in batched(positions, OPENED_AT_ONCE):
        for position, event in (await record.opened(by, some)).items():
            if (details := details_in(event)) is not None:
                opened[position] = details
    return opened
