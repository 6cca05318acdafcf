"""Restores a backup into an empty installation, and erases again whoever was erased since, before anything is read."""

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import psycopg

from adapters import data_folder
from adapters.backup.manifest import DATA, KEYS, LEDGER, BackupDamaged, DataManifest, KeysManifest, read_manifest
from adapters.backup.postgres_tools import Tools
from adapters.erasure.ledger import FILE_NAME as LEDGER_FILE
from adapters.erasure.ledger import ErasureLedger, Length
from adapters.evidence.signing import KEY_NAME as LOG_KEY
from adapters.keys.chosen import open_holders
from adapters.keys.key_ring import WrongKey
from adapters.postgres.migrate import create_roles
from adapters.postgres.runner import Runner
from adapters.settings import Settings
from adapters.wiring import database, installation

type Progress = Callable[[int, int], None]
STEPS = 5


class NotEmpty(Exception):
    code: ClassVar[str] = "not-empty"

    def __init__(self) -> None:
        super().__init__(
            "A backup is restored into an empty place only: name a new data folder with ACCOMPANY_DATA, and with DATABASE_URL "
            "an empty database."
        )


class LedgerNeeded(Exception):
    code: ClassVar[str] = "ledger-needed"

    def __init__(self) -> None:
        super().__init__(
            "Who was erased after this backup was made stands in the erasure ledger of the installation. Hand over its newest "
            "copy with --ledger. If there is none, say so with --no-newer-ledger: then whoever was erased since comes back, and "
            "you have to erase them again by hand."
        )


class LedgerTooOld(Exception):
    code: ClassVar[str] = "ledger-too-old"

    def __init__(self) -> None:
        super().__init__(
            "This ledger is older than the backup, or belongs to another installation: it lacks erasures that the backup knows of."
        )


class KeysOfAnotherBackup(Exception):
    code: ClassVar[str] = "keys-of-another-backup"

    def __init__(self) -> None:
        super().__init__("These keys belong to another backup. Take the folder of the same name, ending in -keys.")


class AnotherLogin(Exception):
    code: ClassVar[str] = "another-login"


@dataclass(frozen=True, slots=True)
class Restored:
    """What stands now: the log position, how many were erased again, and how many erasures the ledger knows."""

    position: int
    erased_again: int
    ledger_lines: int


def restore_backup(
    settings: Settings, folder: Path, keys_folder: Path, ledger: Path | None, show: Progress
) -> Restored:
    """`ledger` None says that there is no newer one than the backup's own.

    Raises NotEmpty, LedgerTooOld, KeysOfAnotherBackup, AnotherLogin, BackupDamaged, LedgerDamaged, ToolMissing, ToolFailed, and what
    opening an installation raises. A key holder that opens nothing of the backup is refused before anything is written: KeyFileRefused,
    KeyHolderRefused or WrongKey. Stopped half way, nothing is served from it: begin again in an empty place.
    """
    if settings.database_url is None and (
        data_folder.holds_database(settings.data) or data_folder.is_restoring(settings.data)
    ):
        raise NotEmpty
    show(0, STEPS)
    manifest = read_manifest(folder, DataManifest)
    keys = read_manifest(keys_folder, KeysManifest)
    if keys.id != manifest.id:
        raise KeysOfAnotherBackup
    own = ErasureLedger(folder / LEDGER)
    if own.length() != Length(manifest.ledger_lines, manifest.ledger_last):
        raise BackupDamaged("The ledger in the backup is not the one that its manifest names.")
    newest = own if ledger is None else ErasureLedger(ledger)
    kept = ErasureLedger(settings.data / LEDGER_FILE)
    if not newest.follows(own.length()) or not newest.follows(kept.length()):
        raise LedgerTooOld
    for named in filter(None, (settings.database_url, settings.keys_database_url)):
        _refuse_unless_empty(named, manifest.login)
    asyncio.run(_refuse_without_holders(settings, keys))
    show(1, STEPS)
    data_folder.claim(settings.data, "real")
    # First of all: from here on, whoever starts a service here erases them again.
    if newest.path.exists() and newest.path != kept.path:
        shutil.copy(newest.path, kept.path)
        kept.path.chmod(0o600)
    data_folder.begin_restoring(settings.data)
    if (signing := keys_folder / LOG_KEY).exists() and not (settings.data / LOG_KEY).exists():
        shutil.copy(signing, settings.data / LOG_KEY)
        (settings.data / LOG_KEY).chmod(0o600)
    with database(settings) as dsn:
        _restore_into(dsn, settings.keys_database_url, manifest, folder, keys_folder, show)
        position, again = asyncio.run(_open(settings, dsn))
    if position < manifest.position:
        raise BackupDamaged(f"The restored record ends at {position}, and the backup was made at {manifest.position}.")
    data_folder.end_restoring(settings.data)
    show(STEPS, STEPS)
    return Restored(position, again, kept.length().lines)


def _restore_into(
    dsn: str, keys_dsn: str | None, manifest: DataManifest, folder: Path, keys_folder: Path, show: Progress
) -> None:
    for one in filter(None, (dsn, keys_dsn)):
        _refuse_unless_empty(one, manifest.login)
        asyncio.run(_make_roles(one))
    Tools.for_database(dsn).restore(folder / DATA)
    show(2, STEPS)
    Tools.for_database(keys_dsn or dsn).restore(keys_folder / KEYS)
    show(3, STEPS)


async def _refuse_without_holders(settings: Settings, keys: KeysManifest) -> None:
    holders = await open_holders(settings.key_holder, settings.next_key_holder, settings.data, create=False)
    for named in map(bytes.fromhex, keys.holders):
        if not await holders.move_to(named, None):
            raise WrongKey(named)


def _refuse_unless_empty(dsn: str, login: str) -> None:
    with psycopg.connect(dsn, autocommit=True, connect_timeout=10) as connection:
        schemas = connection.execute(
            "SELECT count(*), current_user FROM pg_namespace WHERE nspname IN ('accompany', 'keys', 'projections', 'evidence')"
        ).fetchone()
    assert schemas is not None, "an aggregate answers one row"
    if schemas[0]:
        raise NotEmpty
    if schemas[1] != login:
        raise AnotherLogin(f"This backup is restored as the login {login}, which owned it. DATABASE_URL names another.")


async def _make_roles(dsn: str) -> None:
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True, connect_timeout=10) as connection:
        await create_roles(connection)


async def _open(settings: Settings, dsn: str) -> tuple[int, int]:
    async with installation(settings, dsn) as opened:
        return await Runner(dsn).catch_up(), opened.erasures.erased_again
