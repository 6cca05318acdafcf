"""What a backup says of itself, and the check that it is whole."""

import hashlib
import os
from datetime import date, datetime
from pathlib import Path
from typing import ClassVar
from uuid import UUID

import msgspec

MANIFEST = "manifest.json"
DATA, KEYS, LEDGER = "data.dump", "keys.dump", "erasure-ledger.jsonl"
_BLOCK = 1 << 20


class BackupDamaged(Exception):
    """The backup is not what was written. Nothing was changed anywhere."""

    code: ClassVar[str] = "backup-damaged"


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of the backup: its length in bytes and its SHA-256 in hexadecimal."""

    name: str
    length: int
    sha256: str


class DataManifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The part with the data. `id` joins it to its keys; `position` is the log position that it ends at.

    `ledger_lines` and `ledger_last` say how long the erasure ledger was: one that a restore is given must go on from there. `login` is
    the database's owner, as whom it has to be restored; `server` the major version of PostgreSQL.
    """

    id: UUID
    made_at: datetime
    position: int
    organisations: int
    login: str
    server: int
    ledger_lines: int
    ledger_last: str
    keys_end_on: date
    files: tuple[File, ...]
    format: str = "accompany-backup/1"


class KeysManifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The part with the people's keys, wrapped. After `ends_on` it is to be deleted: `accompany prune-key-backups` does it.

    `holders` names, in hexadecimal, the key-encryption keys that they are wrapped by: one, or two where a rotation was under way. A name
    tells nothing of a key. Backups of earlier versions name none.
    """

    id: UUID
    made_at: datetime
    ends_on: date
    server: int
    files: tuple[File, ...]
    format: str = "accompany-key-backup/1"
    holders: tuple[str, ...] = ()


def file_of(path: Path) -> File:
    """Reads the whole file."""
    digest = hashlib.sha256()
    with path.open("rb") as content:
        while block := content.read(_BLOCK):
            digest.update(block)
    return File(path.name, path.stat().st_size, digest.hexdigest())


def write_manifest(folder: Path, manifest: DataManifest | KeysManifest) -> None:
    with os.fdopen(os.open(folder / MANIFEST, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
        file.flush()
        os.fsync(file.fileno())


def read_manifest[M: (DataManifest, KeysManifest)](folder: Path, kind: type[M]) -> M:
    """Reads a manifest and every file that it names. Raises BackupDamaged."""
    try:
        found = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=kind)
    except FileNotFoundError:
        raise BackupDamaged(
            f"{folder} holds no backup of Accompany, or only half of one: it has no {MANIFEST}."
        ) from None
    except msgspec.DecodeError:
        raise BackupDamaged(f"{folder / MANIFEST} is no manifest of this kind of backup.") from None
    for one in found.files:
        path = folder / one.name
        # A name from a file must not lead out of the folder.
        if Path(one.name).name != one.name or not path.is_file():
            raise BackupDamaged(f"{path} is missing.")
        if file_of(path) != one:
            raise BackupDamaged(f"{path} is not the file that was written: its checksum differs.")
    return found
