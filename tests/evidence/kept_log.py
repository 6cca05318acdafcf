"""One log in one database: append to it, integrate it, and change it as the database's owner can."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID, uuid4

import psycopg
from psycopg import sql

from adapters.evidence.integrating import Integrator
from adapters.evidence.signing import LogKey
from adapters.evidence.stored import LogStore, StoredCheckpoint
from adapters.postgres.appender import Appender
from tests.postgres.facts import command, fact

TABLES = (
    ("accompany", "events"),
    ("accompany", "commands"),
    ("evidence", "logs"),
    ("evidence", "tiles"),
    ("evidence", "bundles"),
    ("evidence", "checkpoints"),
)


class KeptLog:
    def __init__(self, dsn: str, folder: Path, appender: Appender) -> None:
        self.dsn = dsn
        self.folder = folder
        self.key = LogKey.at(folder, "example.org/accompany")
        self._appender = appender

    async def append(self, count: int, stream: UUID | None = None) -> UUID:
        """So many events of a new stream, in as few appends as there may be."""
        stream = stream or uuid4()
        for first in range(1, count + 1, 500):
            versions = range(first, min(first + 500, count + 1))
            await self._appender.append(command(*(fact(stream, version) for version in versions)))
        return stream

    def integrator(self, **how: Any) -> Integrator:
        return Integrator(self.dsn, self.folder, self.key, **how)

    def integrate(self, **how: Any) -> None:
        self.integrator(**how).catch_up()

    def newest(self) -> StoredCheckpoint:
        with self.store() as store:
            found = store.newest_checkpoint(self.key.origin("events"))
        assert found is not None, "a checkpoint was published"
        return found

    @contextmanager
    def store(self) -> Iterator[LogStore]:
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            yield LogStore(connection, "events")

    def as_owner(self, *statements: LiteralString) -> None:
        """As somebody who may switch the guards off."""
        with psycopg.connect(self.dsn) as owner:
            owner.execute("ALTER TABLE accompany.events DISABLE TRIGGER USER")
            for statement in statements:
                owner.execute(statement)
            owner.execute("ALTER TABLE accompany.events ENABLE ALWAYS TRIGGER events_stay_as_recorded")

    def remember(self) -> None:
        """Keeps the whole record and its log as they are now, as a backup would."""
        for table in TABLES:
            name = sql.Identifier("public", table[1])
            self._execute(sql.SQL("CREATE TABLE {} AS SELECT * FROM {}").format(name, sql.Identifier(*table)))

    def put_back(self) -> None:
        """Puts the database back to what was remembered."""
        with psycopg.connect(self.dsn) as owner:
            owner.execute("ALTER TABLE accompany.events DISABLE TRIGGER USER")
            owner.execute("DELETE FROM evidence.cosignatures; DELETE FROM evidence.witnesses")
            for table in reversed(TABLES):
                owner.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(*table)))
            for table in TABLES:
                kept = sql.Identifier("public", table[1])
                owner.execute(sql.SQL("INSERT INTO {} SELECT * FROM {}").format(sql.Identifier(*table), kept))
            owner.execute("ALTER TABLE accompany.events ENABLE ALWAYS TRIGGER events_stay_as_recorded")

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.dsn, autocommit=True) as owner:
            owner.execute(statement)

    def query(self, query: LiteralString) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.dsn) as owner:
            return owner.execute(query).fetchall()
