"""The erasure ledger: who was erased, kept outside the database, so that a restored backup does not bring anybody back.

A file of lines that is only ever added to. Each line is JSON with ids and a day, and the SHA-256 of the line before it, so that a ledger
that lost or changed a line shows it. Nothing personal stands in it. Whoever restores a backup hands over the newest copy.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import ClassVar
from uuid import UUID

import msgspec

from adapters.postgres.home import flush_folder

FILE_NAME = "erasure-ledger.jsonl"
BEGINNING = "0" * 64


class LedgerDamaged(Exception):
    """The ledger is not the file that this program wrote. Nothing is served until it is put right."""

    code: ClassVar[str] = "erasure-ledger-damaged"

    def __init__(self, path: Path, line: int) -> None:
        super().__init__(
            f"The erasure ledger {path} was changed or cut: line {line} does not follow from the one before. "
            "Put a copy back that is whole; without it nobody knows who must stay erased."
        )


class Erasure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line. `before` is the SHA-256 of the line before, in hexadecimal; `approved_by` is a member."""

    organisation_id: UUID
    person_id: UUID
    approved_by: UUID
    erased_on: date
    before: str = BEGINNING


@dataclass(frozen=True, slots=True)
class Length:
    """How long a ledger was: its lines, and the SHA-256 of the last one. What a backup's manifest remembers of it."""

    lines: int
    last: str = BEGINNING


class ErasureLedger:
    """The ledger at a path. A file that is not there is an empty one."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> list[Erasure]:
        """All lines in order. A last line that a crash cut short was never answered for, and is left out. Raises LedgerDamaged."""
        return [erasure for erasure, _ in self._lines(self._bytes())]

    def length(self) -> Length:
        """Raises LedgerDamaged."""
        return _length(self._lines(self._bytes()))

    def follows(self, earlier: Length) -> bool:
        """Whether this ledger is that earlier one or goes on from it. Raises LedgerDamaged."""
        lines = self._lines(self._bytes())
        return _length(lines[: earlier.lines]) == earlier

    def add(self, organisation_id: UUID, person_id: UUID, approved_by: UUID, erased_on: date) -> bool:
        """Notes an erasure; on the disk when this returns. False, and nothing added, if the person stands in it already.

        Raises LedgerDamaged, or OSError where it can't be written.
        """
        with self._alone() as descriptor:
            held = self._bytes()
            lines = self._lines(held)
            if any((one.organisation_id, one.person_id) == (organisation_id, person_id) for one, _ in lines):
                return False
            # A line that was cut short goes, or the next would be glued to it.
            os.ftruncate(descriptor, held.rfind(b"\n") + 1)
            erasure = Erasure(organisation_id, person_id, approved_by, erased_on, _length(lines).last)
            os.pwrite(descriptor, msgspec.json.encode(erasure) + b"\n", os.fstat(descriptor).st_size)
            os.fsync(descriptor)
        flush_folder(self.path.parent)
        return True

    def take_over(self, erasures: Sequence[Erasure]) -> int:
        """Adds those of another ledger that are missing here. Answers how many. Raises as `add`."""
        return sum(self.add(one.organisation_id, one.person_id, one.approved_by, one.erased_on) for one in erasures)

    @contextmanager
    def _alone(self) -> Iterator[int]:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)

    def _bytes(self) -> bytes:
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return b""

    def _lines(self, held: bytes) -> list[tuple[Erasure, str]]:
        """Each line with its own SHA-256."""
        found: list[tuple[Erasure, str]] = []
        before = BEGINNING
        for number, line in enumerate(held.split(b"\n")[:-1], 1):
            try:
                erasure = msgspec.json.decode(line, type=Erasure)
            except (msgspec.DecodeError, UnicodeDecodeError):
                raise LedgerDamaged(self.path, number) from None
            if erasure.before != before:
                raise LedgerDamaged(self.path, number)
            before = hashlib.sha256(line).hexdigest()
            found.append((erasure, before))
        return found


def _length(lines: Sequence[tuple[Erasure, str]]) -> Length:
    return Length(len(lines), lines[-1][1]) if lines else Length(0)
