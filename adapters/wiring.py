"""Puts the parts together: one installation, opened once in each process, and closed in the opposite order."""

import hmac
import tomllib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from uuid import UUID

import psycopg

from adapters.data_folder import DATABASE
from adapters.identity.members import keyed_id
from adapters.identity.tokens import Tokens
from adapters.keys.key_file import FILE_NAME, KeyFile
from adapters.keys.key_ring import KeyRing
from adapters.postgres import mapper
from adapters.postgres.appender import Appender
from adapters.postgres.embedded import EmbeddedPostgres
from adapters.postgres.migrate import migrate
from adapters.postgres.pool import Pool
from adapters.postgres.projection_tables import prepare
from adapters.postgres.record import PostgresRecord
from adapters.postgres.snapshots import Snapshots
from adapters.settings import Settings
from adapters.telemetry import Telemetry
from application.casebook import Casebook
from application.credential_paths import Template, Templates
from application.intake import Intake
from application.people import People


@dataclass(frozen=True, slots=True)
class Installation:
    """What a process needs to serve: the record, the commands on it, and those who may give them.

    Queries hold a connection of `pool` while the record opens events, which takes its own from another pool: with one for both,
    enough queries at once would wait for each other for ever.
    """

    dsn: str
    key_file: KeyFile
    pool: Pool
    record: PostgresRecord
    casebook: Casebook
    people: People
    tokens: Tokens
    templates: Templates
    telemetry: Telemetry

    def digest(self, content: bytes) -> bytes:
        """A keyed digest: tells two requests apart and tells nobody what was in them."""
        return hmac.digest(self.key_file.digest_key, content, "sha256")

    def identify(self, organisation_id: UUID, kind: str, external: str) -> UUID:
        """The id of what the organisation's own spreadsheets call `external`."""
        return keyed_id(self.key_file.identifier_key, organisation_id, kind, external)

    def intake(self, organisation_id: UUID) -> Intake:
        """Takes rows in for one organisation."""
        return Intake(
            self.record,
            identify=partial(self.identify, organisation_id),
            digest=self.digest,
            templates=self.templates,
        )


@contextmanager
def database(settings: Settings) -> Iterator[str]:
    """The URL of the database, as its owner: the one that the settings name, or the embedded server while this block lasts."""
    if settings.database_url is not None:
        yield settings.database_url
        return
    with EmbeddedPostgres(settings.data / DATABASE) as server:
        yield server.dsn()


@asynccontextmanager
async def installation(settings: Settings, dsn: str, telemetry: Telemetry | None = None) -> AsyncIterator[Installation]:
    """Brings the database to this version's schema and opens everything. Raises what a part raises that can't start."""
    telemetry = telemetry or Telemetry()
    mapper.prepare()
    await migrate(dsn)
    await prepare(dsn)
    key_file = KeyFile.at(settings.key_file or settings.data / FILE_NAME, create=await _nothing_sealed(dsn))
    async with Pool(dsn) as pool, Pool(dsn) as for_record, Appender(dsn) as appender:
        keys = KeyRing(for_record, key_file)
        await keys.check()
        async with Snapshots(for_record, keys) as snapshots:
            record = PostgresRecord(for_record, appender, keys, snapshots, telemetry)
            yield Installation(
                dsn=dsn,
                key_file=key_file,
                pool=pool,
                record=record,
                casebook=Casebook(record),
                people=People(record),
                tokens=Tokens(pool),
                templates=credential_paths(),
                telemetry=telemetry,
            )


async def _nothing_sealed(dsn: str) -> bool:
    """Whether a new key would do: once people have keys, only the one that wrapped them does."""
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True, connect_timeout=10) as connection:
        row = await (await connection.execute("SELECT keys.holder() IS NULL")).fetchone()
        return row == (True,)


def credential_paths() -> Templates:
    """The templates that come with the service."""
    text = files("adapters").joinpath("reference", "credential_paths.toml").read_text(encoding="utf-8")
    return Templates(
        Template(
            id=one["id"],
            country=one["country"],
            title=one["title"],
            stages=tuple(one["stages"]),
            professions=tuple(one.get("professions", ())),
        )
        for one in tomllib.loads(text)["template"]
    )
