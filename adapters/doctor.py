"""Looks an installation over: what works, what does not, and what to do about it."""

import os
import stat
from dataclasses import dataclass
from typing import Any, Literal

import psycopg

from adapters.data_folder import DATABASE, NothingHere
from adapters.evidence.proving import WAITING
from adapters.keys.chosen import open_holder
from adapters.keys.holder import KeyHolderRefused
from adapters.keys.key_file import KeyFileRefused
from adapters.postgres.rebuild import REBUILDING
from adapters.postgres.runner import Runner
from adapters.postgres.server_log import settings_that_log_values
from adapters.search.indexer import status
from adapters.settings import Settings

OLDEST_POSTGRESQL = 150_000

WITHOUT_A_WALL = """
    SELECT n.nspname || '.' || c.relname
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'organisation_id' AND NOT a.attisdropped
    WHERE c.relkind IN ('r', 'p') AND n.nspname IN ('accompany', 'keys', 'projections', 'search', 'checks')
      AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
      -- What a rebuild is filling gets its wall before anybody but the worker may read it.
      AND NOT (n.nspname = 'projections' AND right(c.relname, 8) = '__beside')
    ORDER BY 1
"""
LEFT_UNFINISHED = """
    SELECT 'begun ' || to_char(r.started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') || ' UTC, and holds '
        || pg_size_pretty((SELECT sum(pg_total_relation_size(to_regclass('projections.' || t || '__beside'))) FROM unnest(r.tables) t))
        || '. `accompany rebuild` goes on with it if it is of the same projections, or drops it.'
    FROM projections.rebuild r
    WHERE NOT EXISTS (
        SELECT FROM pg_locks l WHERE l.locktype = 'advisory' AND l.granted AND (l.classid::bigint << 32) + l.objid::bigint = %s
            AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    )
"""
ORGANISATIONS = """
    SELECT o.name, o.time_zone, o.demo, count(e.position) AS events, count(DISTINCT e.stream_id) AS streams
    FROM accompany.organisations o LEFT JOIN accompany.events e USING (organisation_id)
    GROUP BY o.organisation_id ORDER BY o.name
"""

type State = Literal["ok", "warning", "failed"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: its state, what was found, and where it is not well, what to do."""

    check: str
    state: State
    found: str


async def examine(settings: Settings, dsn: str | None) -> list[Finding]:
    """All checks, in order; none of them changes anything. Without a `dsn` there is no database yet."""
    findings = [_settings(settings), await _key_holder(settings), _data_folder(settings), *_elsewhere(settings)]
    if dsn is None:
        return [*findings, Finding("database", "failed", NothingHere.message)]
    try:
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True, connect_timeout=5) as connection:
            findings += await _database(connection)
    except psycopg.OperationalError:
        return [
            *findings,
            Finding("database", "failed", "The database can't be reached. Is it running? Check DATABASE_URL."),
        ]
    return findings + (await _key_ring(settings.keys_database_url) if settings.keys_database_url else [])


def _settings(settings: Settings) -> Finding:
    if settings.unknown:
        return Finding("settings", "warning", f"Nobody reads {', '.join(settings.unknown)}: a slip in the name?")
    return Finding("settings", "ok", "every variable that is set is read")


async def _key_holder(settings: Settings) -> Finding:
    try:
        await open_holder(settings.key_holder, settings.data, create=False)
    except (KeyFileRefused, KeyHolderRefused) as refused:
        return Finding("key holder", "failed", str(refused))
    if settings.key_holder.kind != "file":
        return Finding("key holder", "ok", settings.key_holder.shown)
    found = (
        "a file, readable by its owner only. That is for evaluation and small offices: whoever copies it and the database reads "
        "everything. docs/keys.md says how to move to a token or a key service."
    )
    return Finding("key holder", "warning", found)


def _data_folder(settings: Settings) -> Finding:
    if not settings.data.exists():
        return Finding("data folder", "warning", "It is not there yet; the first start makes it.")
    mode = stat.S_IMODE(settings.data.stat().st_mode)
    if mode & 0o077 and os.name == "posix":
        return Finding("data folder", "warning", f"Others may look into it (mode {mode:04o}). Run: chmod 700 on it.")
    return Finding("data folder", "ok", "closed to others")


def _elsewhere(settings: Settings) -> list[Finding]:
    database = settings.data / DATABASE
    if settings.database_url is not None or not database.is_symlink():
        return []
    found = f"The database is in {database.resolve()}, outside the data folder. Back up that place as well."
    return [Finding("database folder", "warning", found)]


async def _database(connection: psycopg.AsyncConnection[Any]) -> list[Finding]:
    version = connection.info.server_version
    findings = [
        Finding("PostgreSQL", "ok" if version >= OLDEST_POSTGRESQL else "failed", f"version {version // 10_000}"),
    ]
    migrated = await (await connection.execute("SELECT to_regclass('accompany.migrations') IS NOT NULL")).fetchone()
    if not migrated or not migrated[0]:
        return [
            *findings,
            Finding("schema", "failed", "This database is empty. `accompany serve` or `import` sets it up."),
        ]
    findings += [await _walls(connection, "walls"), await _server_log(connection, "PostgreSQL's log")]
    for name, zone, demo, events, streams in await (await connection.execute(ORGANISATIONS)).fetchall():
        about = f"{events} events in {streams} records, {zone}{', invented people' if demo else ''}"
        findings.append(Finding(f"organisation {name!r}", "ok", about))
    return findings


async def _walls(connection: psycopg.AsyncConnection[Any], check: str) -> Finding:
    unwalled = [row[0] for row in await (await connection.execute(WITHOUT_A_WALL)).fetchall()]
    if unwalled:
        return Finding(check, "failed", f"no row-level security on {', '.join(unwalled)}")
    return Finding(check, "ok", "row-level security is forced on every table that has an organisation")


async def _server_log(connection: psycopg.AsyncConnection[Any], check: str) -> Finding:
    to_set = await settings_that_log_values(connection)
    if to_set:
        return Finding(check, "warning", f"It would hold values out of statements. Set {'; '.join(to_set)}.")
    return Finding(check, "ok", "holds no values out of statements")


async def _key_ring(url: str) -> list[Finding]:
    """A key ring in a database of its own."""
    try:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True, connect_timeout=5) as connection:
            return [
                await _walls(connection, "key ring: walls"),
                await _server_log(connection, "key ring: PostgreSQL's log"),
            ]
    except psycopg.OperationalError:
        found = "The database of the key ring can't be reached. Is it running? Check ACCOMPANY_KEYS_DATABASE_URL."
        return [Finding("key ring", "failed", found)]


async def consents(dsn: str) -> Finding:
    """What the last proof of all consents found (`accompany audit consents`)."""
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True, connect_timeout=5) as connection:
        cursor = await connection.execute("SELECT code, count(*) FROM checks.findings GROUP BY code ORDER BY code")
        found: dict[str, int] = dict(await cursor.fetchall())
        cursor = await connection.execute("SELECT looked_at, finished_at FROM checks.progress WHERE name = 'consents'")
        last = await cursor.fetchone()
    if last is None or last[1] is None:
        return Finding(
            "consents", "warning", "not proved yet; a worker does so by itself, or: accompany audit consents"
        )
    if not found:
        return Finding("consents", "ok", f"{last[0]} mentorships proved, the last time {last[1]:%Y-%m-%d %H:%M} UTC")
    said = ", ".join(f"{code} {count}" for code, count in found.items())
    state: State = "warning" if found.keys() <= WAITING else "failed"
    return Finding("consents", state, f"{said}. For where: accompany audit consents")


async def projections(dsn: str) -> list[Finding]:
    """How far each projection is, which has stopped or went on without an event that it could not take, and what a killed rebuild left."""
    findings = []
    for one in await Runner(dsn).status():
        if one.error:
            findings.append(
                Finding(f"projection {one.name}", "failed", f"stopped at position {one.position}: {one.error}")
            )
        elif one.trouble.parked:
            findings.append(
                Finding(
                    f"projection {one.name}",
                    "warning",
                    f"went on without {one.trouble.parked} events, the first at position {one.trouble.first} "
                    f"({one.trouble.error}). Once that is mended: accompany rebuild {one.name}",
                )
            )
        else:
            state: State = "ok" if one.lag == 0 else "warning"
            findings.append(Finding(f"projection {one.name}", state, f"{one.lag} events behind position {one.head}"))
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True, connect_timeout=10) as connection:
        for (found,) in await (await connection.execute(LEFT_UNFINISHED, (REBUILDING,))).fetchall():
            findings.append(Finding("unfinished rebuild", "warning", found))
    return findings


async def search(dsn: str) -> Finding:
    """How far the search index is, which a running service keeps up to date."""
    one = await status(dsn)
    if one.error:
        return Finding("search index", "failed", f"stopped at position {one.position}: {one.error}")
    anew = ", and is being filled anew" if one.is_filled_anew else ""
    state: State = "ok" if one.lag == 0 else "warning"
    return Finding("search index", state, f"{one.lag} events behind position {one.head}{anew}")
