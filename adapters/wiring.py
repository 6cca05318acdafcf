"""Puts the parts together: one installation, opened once in each process, and closed in the opposite order."""

import tomllib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from uuid import UUID

from adapters.data_folder import DATABASE
from adapters.erasure.erasures import Erasures
from adapters.erasure.involved import Involved
from adapters.erasure.ledger import FILE_NAME as LEDGER
from adapters.erasure.ledger import ErasureLedger
from adapters.erasure.rules import retention_rules
from adapters.erasure.schedule import Schedule
from adapters.evidence.bundles import Bundles
from adapters.evidence.counting import PostgresCounting
from adapters.evidence.keeping import Keeping, policy_in
from adapters.evidence.logged import LOGS
from adapters.evidence.reading import LogReader
from adapters.evidence.signing import LogKey
from adapters.evidence.timestamps import Authority
from adapters.export.gathering import Gatherer
from adapters.identity.members import keyed_id
from adapters.identity.tokens import Tokens
from adapters.keys.changes import following
from adapters.keys.chosen import open_holders
from adapters.keys.key_ring import KeyRing
from adapters.keys.service_secrets import ServiceSecrets
from adapters.postgres import mapper
from adapters.postgres.access_log import AccessLog
from adapters.postgres.appender import Appender
from adapters.postgres.embedded import EmbeddedPostgres
from adapters.postgres.migrate import migrate
from adapters.postgres.pool import Pool
from adapters.postgres.projection_tables import prepare
from adapters.postgres.reader import Reader
from adapters.postgres.record import PostgresRecord
from adapters.postgres.ring_database import prepare_ring
from adapters.postgres.session import session
from adapters.postgres.snapshots import Snapshots
from adapters.search.blinding import Blinder
from adapters.search.index import SearchIndex
from adapters.search.opening import Opening
from adapters.settings import Settings
from adapters.telemetry import Telemetry
from application.casebook import Casebook
from application.credential_paths import Template, Templates
from application.evidence import Evidence
from application.intake import Intake
from application.people import People
from application.rights import Rights


@dataclass(frozen=True, slots=True)
class Installation:
    """What a process needs to serve: the record, the commands on it, and those who may give them.

    Queries hold a connection of `pool` while the record opens events, which takes its own from another pool: with one for both,
    enough queries at once would wait for each other for ever. The key ring has a pool of its own, under its own role and perhaps in
    another database.
    """

    dsn: str
    keys: KeyRing
    secrets: ServiceSecrets
    pool: Pool
    index: SearchIndex
    record: PostgresRecord
    accesses: AccessLog
    casebook: Casebook
    people: People
    rights: Rights
    erasures: Erasures
    copies: Gatherer
    schedule: Schedule
    tokens: Tokens
    templates: Templates
    telemetry: Telemetry
    logs: tuple[LogReader, ...]
    evidence: Evidence
    bundles: Bundles
    keeping: Keeping

    def digest(self, content: bytes) -> bytes:
        """A keyed digest: tells two requests apart and tells nobody what was in them."""
        return self.secrets.digest(content)

    def identify(self, organisation_id: UUID, kind: str, external: str) -> UUID:
        """The id of what the organisation's own spreadsheets call `external`."""
        return keyed_id(self.secrets.identifier_key, organisation_id, kind, external)

    def secret(self, name: str, organisation_id: UUID) -> bytes:
        """32 bytes for one use in one organisation, as `search`: the same each time, whatever key-encryption key is in force."""
        return self.secrets.derived(name, organisation_id)

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
    keys_dsn = settings.keys_database_url or dsn
    is_new = await prepare_ring(dsn, keys_dsn)
    holders = await open_holders(settings.key_holder, settings.next_key_holder, settings.data, create=is_new)
    logs = keeping(settings, dsn, telemetry)
    async with (
        Pool(dsn) as pool,
        Pool(dsn) as for_record,
        Pool(keys_dsn, "accompany_keys", size=4) as for_keys,
        Appender(dsn) as appender,
    ):
        keys = KeyRing(for_keys, holders)
        derived_before = await keys.begin()
        secrets = await ServiceSecrets.kept_in(for_keys, holders, derived_before=derived_before)
        listening = session(keys_dsn, "accompany_keys", statement_timeout=4)
        async with (
            following(listening, keys),
            Snapshots(for_record, keys) as snapshots,
            AccessLog(dsn, for_record) as accesses,
        ):
            record = PostgresRecord(for_record, appender, keys, snapshots, telemetry)
            casebook = Casebook(record)
            readers = {one.name: LogReader(pool, one.name, logs.key.origin(one.name)) for one in LOGS}
            keys.when_dropped(casebook.forget)
            index = SearchIndex(pool, Blinder(partial(secrets.derived, "search")), Opening(Reader(for_record), keys))
            involved = Involved(pool)
            ledger = ErasureLedger(settings.data / LEDGER)
            erasures = Erasures(record, keys, pool, settings.data, ledger, involved, secrets, index)
            # Whoever was erased stays so, also in a database that was restored from a backup. Nothing is read before.
            await erasures.replay()
            rights = Rights(record, retention_rules(settings.data), involved)
            yield Installation(
                dsn=dsn,
                keys=keys,
                secrets=secrets,
                pool=pool,
                index=index,
                record=record,
                accesses=accesses,
                casebook=casebook,
                people=People(record),
                rights=rights,
                erasures=erasures,
                copies=Gatherer(record, pool, involved),
                schedule=Schedule(dsn, pool, rights, secrets.identifier_key),
                tokens=Tokens(pool),
                templates=credential_paths(),
                telemetry=telemetry,
                logs=tuple(readers.values()),
                evidence=Evidence(record, PostgresCounting(pool, keys, frozenset(readers))),
                bundles=Bundles(pool, keys, readers, {name: logs.key.verifier_key(name) for name in readers}),
                keeping=logs,
            )


def keeping(settings: Settings, dsn: str, telemetry: Telemetry) -> Keeping:
    """What keeps the transparency logs. Its key is made at the first start. Raises KeyFileRefused, PolicyRefused or TimestampsMissing."""
    return Keeping(
        dsn,
        settings.data,
        LogKey.at(settings.data, settings.log_origin),
        telemetry,
        policy_in(settings.witness_policy) if settings.witness_policy else None,
        Authority(settings.timestamp_url) if settings.timestamp_url else None,
    )


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
