"""Invented facts to append, and a line to the database that can be cut or held up."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID, uuid4

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from adapters.postgres.stored import Append, RecordedEvent

ORGANISATION = UUID("0192f000-0000-7000-8000-000000000001")
NEIGHBOUR = UUID("0192f000-0000-7000-8000-000000000002")
ACTOR = UUID("0192f000-0000-7000-8000-00000000000a")


def fact(
    stream_id: UUID, version: int, *, organisation_id: UUID = ORGANISATION, topic: str = "test-fact"
) -> RecordedEvent:
    return RecordedEvent(
        originator_id=stream_id,
        originator_version=version,
        topic=topic,
        state=b"sealed",
        schema_version=2,
        organisation_id=organisation_id,
        actor_id=ACTOR,
        purpose="mentoring",
        occurred_on=date(2025, 3, 1),
        occurred_at=datetime(2025, 3, 1, 8, 15, tzinfo=UTC),
        trace_id="0af7651916cd43dd8448eb211c80319c",
    )


def command(
    *events: RecordedEvent,
    key: str | None = None,
    digest: bytes = b"digest",
    actor_id: UUID = ACTOR,
    answer: bytes = b"",
) -> Append:
    return Append(
        organisation_id=events[0].organisation_id,
        actor_id=actor_id,
        events=events,
        command_key=key or str(uuid4()),
        request_digest=digest,
        answer=answer,
    )


class Line:
    """A line to the database: `lose_next_answer` cuts it once there is an answer, `passing` cleared holds all up."""

    def __init__(self) -> None:
        self.lose_next_answer = False
        self.passing = asyncio.Event()
        self.passing.set()
        self.lost = 0

    async def forward(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, answers: bool) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await source.read(65536):
                await self.passing.wait()
                if answers and self.lose_next_answer:
                    self.lose_next_answer = False
                    self.lost += 1
                    break
                target.write(data)
                await target.drain()


@asynccontextmanager
async def line_to(dsn: str, folder: Path) -> AsyncIterator[tuple[str, Line]]:
    """A line through a socket in `folder`, and the conninfo that leads through it."""
    settings = conninfo_to_dict(dsn)
    name = f".s.PGSQL.{settings.get('port') or 5432}"
    line = Line()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await asyncio.open_unix_connection(f"{settings['host']}/{name}")
        ways = [
            asyncio.create_task(line.forward(reader, forth, answers=False)),
            asyncio.create_task(line.forward(back, writer, answers=True)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            forth.close()
            writer.close()

    server = await asyncio.start_unix_server(connect, folder / name)
    try:
        yield make_conninfo(dsn, host=str(folder)), line
    finally:
        line.passing.set()
        server.close()
