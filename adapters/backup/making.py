"""Makes a backup: the data first, then the keys, so that every fact in it has its key; each to its own place."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import psycopg

from adapters.backup.manifest import (
    DATA,
    KEYS,
    LEDGER,
    DataManifest,
    File,
    KeysManifest,
    file_of,
    read_manifest,
    write_manifest,
)
from adapters.backup.postgres_tools import Tools
from adapters.erasure.backups_known import KnownBackup, note_backup
from adapters.erasure.ledger import FILE_NAME as LEDGER_FILE
from adapters.erasure.ledger import ErasureLedger
from adapters.evidence.signing import KEY_NAME as LOG_KEY
from adapters.postgres.home import flush_folder
from application.ids import new_id

STEPS = 4

type Progress = Callable[[int, int], None]


class KeysBesideData(Exception):
    """Whoever finds both in one place has what the two places are to keep apart."""

    code: ClassVar[str] = "keys-beside-data"

    def __init__(self) -> None:
        super().__init__(
            "Keys are not backed up beside the data. Name another place for them with --keys, best on another machine."
        )


@dataclass(frozen=True, slots=True)
class Made:
    """Where the two parts are, what the data end at, and until when the keys are kept."""

    data: Path
    keys: Path
    manifest: DataManifest


def make_backup(
    dsn: str, keys_dsn: str | None, data_folder: Path, to: Path, keys_to: Path, keep_keys: timedelta, show: Progress
) -> Made:
    """Writes both parts and reads them again. `keys_dsn` is set where the key ring has a database of its own.

    Half a backup is never left under a backup's name. Raises KeysBesideData, ToolMissing, ToolFailed, BackupDamaged, OSError.
    """
    to, keys_to = to.absolute(), keys_to.absolute()
    if to == keys_to or to in keys_to.parents or keys_to in to.parents:
        raise KeysBesideData
    made_at = datetime.now(UTC)
    ends_on = (made_at + keep_keys).date()
    backup_id = new_id()
    name = f"accompany-{made_at:%Y%m%dT%H%M%SZ}-{backup_id.hex[-6:]}"
    ledger = ErasureLedger(data_folder / LEDGER_FILE)
    with _new_folder(to, name) as folder, _new_folder(keys_to, f"{name}-keys") as keys_folder:
        show(0, STEPS)
        # The ledger before the data: what is erased meanwhile is in a newer one.
        length = ledger.length()
        if ledger.path.exists():
            shutil.copy(ledger.path, folder / LEDGER)
            (folder / LEDGER).chmod(0o600)
        position, organisations, login = _dump_data(dsn, folder / DATA)
        show(1, STEPS)
        keys = Tools.for_database(keys_dsn or dsn)
        keys.dump(keys_folder / KEYS, *(() if keys_dsn else ("--schema=keys",)))
        if (signing := data_folder / LOG_KEY).exists():
            # Without it, the transparency log would go on under another name.
            shutil.copy(signing, keys_folder / LOG_KEY)
            (keys_folder / LOG_KEY).chmod(0o600)
        show(2, STEPS)
        manifest = DataManifest(
            id=backup_id,
            made_at=made_at,
            position=position,
            organisations=organisations,
            login=login,
            server=Tools.for_database(dsn).major,
            ledger_lines=length.lines,
            ledger_last=length.last,
            keys_end_on=ends_on,
            files=_files_in(folder),
        )
        write_manifest(folder, manifest)
        write_manifest(
            keys_folder,
            KeysManifest(
                backup_id,
                made_at,
                ends_on,
                keys.major,
                _files_in(keys_folder),
                holders=_holders_in(keys, keys_folder / KEYS),
            ),
        )
        show(3, STEPS)
        read_manifest(folder, DataManifest)
        read_manifest(keys_folder, KeysManifest)
        for tools, dump in ((Tools.for_database(dsn), folder / DATA), (keys, keys_folder / KEYS)):
            tools.listed(dump)
    show(STEPS, STEPS)
    note_backup(data_folder, KnownBackup(made_at, str(to / name), str(keys_to / f"{name}-keys"), ends_on))
    return Made(to / name, keys_to / f"{name}-keys", manifest)


def _files_in(folder: Path) -> tuple[File, ...]:
    return tuple(file_of(path) for path in sorted(folder.iterdir()))


def _holders_in(tools: Tools, dump: Path) -> tuple[str, ...]:
    """As the dump itself names them: by the time of another look, a rotation could have moved the ring."""
    header, *rows = tools.rows(dump, "keys", "state")
    named = [dict(zip(header, row, strict=True)) for row in rows]
    return tuple(one[column].lstrip("\\x") for one in named for column in ("holder", "former") if one[column] != "\\N")


def prune(keys_to: Path, now: datetime) -> list[Path]:
    """Deletes the backups of keys whose time is over. Answers which; a folder that is no backup of keys is left alone."""
    gone = []
    for folder in sorted(keys_to.glob("accompany-*-keys")):
        if (folder / "manifest.json").is_file() and read_manifest(folder, KeysManifest).ends_on < now.date():
            shutil.rmtree(folder)
            gone.append(folder)
    return gone


def _dump_data(dsn: str, to: Path) -> tuple[int, int, str]:
    """Everything but the keys, at one moment. Answers the log position of that moment, how many organisations there are, and the login."""
    with psycopg.connect(dsn, connect_timeout=10) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        row = connection.execute(
            """
            SELECT pg_export_snapshot(), (SELECT coalesce(max(position), 0) FROM accompany.events),
                (SELECT count(*) FROM accompany.organisations), current_user
            """
        ).fetchone()
        assert row is not None, "a statement without FROM answers one row"
        snapshot, position, organisations, login = row
        Tools.for_database(dsn).dump(to, f"--snapshot={snapshot}", "--exclude-schema=keys")
    return position, organisations, login


@contextmanager
def _new_folder(parent: Path, name: str) -> Iterator[Path]:
    """A folder that has its name only once it is whole."""
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = parent / f".{name}.partial"
    partial.mkdir(mode=0o700)
    try:
        yield partial
        os.rename(partial, parent / name)
        flush_folder(parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
