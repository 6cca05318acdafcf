"""Which backups were made of this installation, and until when their keys are kept: what an erasure can't reach, but can name."""

import os
from datetime import date, datetime
from pathlib import Path

import msgspec

FILE_NAME = "backups.jsonl"


class KnownBackup(msgspec.Struct, frozen=True):
    """One backup. The folders are as the administrator named them."""

    made_at: datetime
    folder: str
    keys_folder: str
    keys_end_on: date


def note_backup(data: Path, backup: KnownBackup) -> None:
    """Adds a line, readable by the owner only."""
    descriptor = os.open(data / FILE_NAME, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "ab") as file:
        file.write(msgspec.json.encode(backup) + b"\n")
        file.flush()
        os.fsync(descriptor)


def known_backups(data: Path) -> list[KnownBackup]:
    """All that were noted, the oldest first. A line that was cut short is left out."""
    try:
        lines = (data / FILE_NAME).read_bytes().splitlines()
    except FileNotFoundError:
        return []
    found = []
    for line in lines:
        try:
            found.append(msgspec.json.decode(line, type=KnownBackup))
        except msgspec.DecodeError:
            continue
    return found
