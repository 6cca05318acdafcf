"""For people to watch: a copy of the demo's record, and one row of it changed as the owner of a database can.

Never touches what it copies: reading alone, and the copy is a server of its own in a folder that goes away.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, LiteralString

import psycopg
from psycopg import sql

from adapters.postgres.embedded import EmbeddedPostgres
from adapters.postgres.migrate import migrate

# Parents before what refers to them.
TABLES = (
    ("accompany", "organisations"),
    ("accompany", "events"),
    ("accompany", "access_log"),
    ("evidence", "logs"),
    ("evidence", "tiles"),
    ("evidence", "bundles"),
    ("evidence", "checkpoints"),
    ("evidence", "cosignatures"),
)
CONSENT: LiteralString = """
    SELECT e.position, e.stream_id::text, e.version, e.occurred_on FROM accompany.events e, evidence.logs l
    WHERE l.log = 'events' AND e.position <= l.size AND e.topic = 'consent-given' AND e.occurred_on IS NOT NULL
    ORDER BY e.position DESC LIMIT 1
"""


class NothingLogged(Exception):
    """The demo has no consent in its log yet."""

    code: ClassVar[str] = "nothing-logged"

    def __init__(self) -> None:
        super().__init__(
            "Nothing of the demo is in its transparency log yet. Start the demo once and wait for a moment."
        )


@dataclass(frozen=True, slots=True)
class Tampered:
    """The row that was changed: a consent that is now dated thirty days earlier."""

    position: int
    stream: str
    version: int
    was: str
    now: str


@contextmanager
def copied(dsn: str) -> Iterator[str]:
    """The URL of a copy, as its owner, while the block lasts."""
    # /tmp and 0711, because PostgreSQL's account passes through where root runs this, and a socket's path is short.
    folder = Path(tempfile.mkdtemp(prefix="accompany-tamper-", dir="/tmp"))
    folder.chmod(0o711)
    try:
        with EmbeddedPostgres(folder / "postgres", durable=False) as server:
            asyncio.run(migrate(server.dsn()))
            with psycopg.connect(dsn) as source, psycopg.connect(server.dsn()) as copy:
                source.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                for table in TABLES:
                    _copy(source, copy, sql.Identifier(*table))
            yield server.dsn()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copy(source: psycopg.Connection[Any], target: psycopg.Connection[Any], table: sql.Identifier) -> None:
    out = sql.SQL("COPY {} TO STDOUT (FORMAT binary)").format(table)
    into = sql.SQL("COPY {} FROM STDIN (FORMAT binary)").format(table)
    with source.cursor().copy(out) as reading, target.cursor().copy(into) as writing:
        for data in reading:
            writing.write(data)


def tamper(dsn: str) -> Tampered:
    """Dates the newest consent thirty days earlier, past the trigger that guards the events. Raises NothingLogged."""
    with psycopg.connect(dsn) as owner:
        row = owner.execute(CONSENT).fetchone()
        if row is None:
            raise NothingLogged
        position, stream, version, was = row
        owner.execute("ALTER TABLE accompany.events DISABLE TRIGGER events_stay_as_recorded")
        changed = owner.execute(
            "UPDATE accompany.events SET occurred_on = occurred_on - 30 WHERE position = %s RETURNING occurred_on",
            (position,),
        ).fetchone()
        owner.execute("ALTER TABLE accompany.events ENABLE ALWAYS TRIGGER events_stay_as_recorded")
    assert changed is not None, "the row was read in the same transaction"
    return Tampered(position, stream, version, str(was), str(changed[0]))
