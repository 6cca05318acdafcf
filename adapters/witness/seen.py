"""What a witness has seen: the last checkpoint of each log that it signed, in one SQLite file, flushed before anybody hears of it."""

import base64
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from adapters.postgres.locks import open_lock, take
from audit.add_checkpoint import AddCheckpoint
from audit.checkpoint import Checkpoint, opened_checkpoint
from audit.cosignature import Cosigner
from audit.merkle import EMPTY_ROOT, ProofRefused, verify_consistency
from audit.note import Ed25519Verifier, NoteRefused, Signature, parsed


class WitnessInUse(Exception):
    """Two that sign with one memory of their own each could sign two histories."""

    code: ClassVar[str] = "witness-in-use"


class Refused(Exception):
    """A checkpoint that is not signed. `status` is HTTP's, as C2SP gives it; `size` is what the witness knows, for 409."""

    def __init__(self, status: int, code: str, size: int | None = None) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.size = size


class Seen:
    """The memory of one witness. One process has it at a time; its threads take turns.

    `logs` are the keys of the logs that it signs for. Raises WitnessInUse.
    """

    def __init__(
        self,
        file: Path,
        cosigner: Cosigner,
        logs: Sequence[Ed25519Verifier],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._cosigner = cosigner
        self._logs = {log.name: log for log in logs}
        self._now = now
        self._turn = threading.Lock()
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = open_lock(file.with_name(f"{file.name}.lock"))
        if not take(self._lock):
            raise WitnessInUse(f"Another witness runs on {file}. Two on one key would each sign for another history.")
        self._database = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        # Flushed at each commit, with a journal that a crash can't leave half done.
        self._database.execute("PRAGMA journal_mode = DELETE")
        self._database.execute("PRAGMA synchronous = EXTRA")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS seen (origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root TEXT NOT NULL, note TEXT NOT NULL)"
        )

    def size(self, origin: str) -> int:
        """The last size that was signed, 0 if none was."""
        with self._turn:
            known = self._known(origin)
        return known.size if known else 0

    def cosign(self, request: AddCheckpoint) -> Signature:
        """Signs the checkpoint if it extends the last one of its log, and remembers it first. Raises Refused."""
        try:
            origin = parsed(request.checkpoint).text.partition("\n")[0]
        except NoteRefused:
            raise Refused(400, "malformed") from None
        log = self._logs.get(origin)
        if log is None:
            raise Refused(404, "log-unknown")
        try:
            checkpoint, _ = opened_checkpoint(request.checkpoint, log)
        except NoteRefused:
            raise Refused(403, "signature-wrong") from None
        if request.old > checkpoint.size:
            raise Refused(400, "old-size-larger")
        with self._turn:
            known = self._known(origin)
            self._check(request, checkpoint, known)
            if known is None or known.size < checkpoint.size:
                self._remember(checkpoint, request.checkpoint)
        return self._cosigner.cosign(checkpoint.text, int(self._now()))

    def _check(self, request: AddCheckpoint, checkpoint: Checkpoint, known: Checkpoint | None) -> None:
        size = known.size if known else 0
        if request.old != size:
            raise Refused(409, "old-size-differs", size)
        if known is None or known.size == 0:
            # From nothing everything follows, so there is nothing to prove; of the empty tree only the root is known.
            if request.proof or (checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT):
                raise Refused(422, "proof-wrong")
            return
        if known.size == checkpoint.size and known.root != checkpoint.root:
            raise Refused(409, "another-root", size)
        try:
            verify_consistency(known.size, checkpoint.size, known.root, checkpoint.root, request.proof)
        except ProofRefused:
            raise Refused(422, "proof-wrong") from None

    def _known(self, origin: str) -> Checkpoint | None:
        row = self._database.execute("SELECT size, root FROM seen WHERE origin = ?", (origin,)).fetchone()
        return Checkpoint(origin, row[0], base64.b64decode(row[1])) if row else None

    def _remember(self, checkpoint: Checkpoint, note: bytes) -> None:
        self._database.execute(
            "INSERT INTO seen (origin, size, root, note) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (origin) DO UPDATE SET size = excluded.size, root = excluded.root, note = excluded.note",
            (checkpoint.origin, checkpoint.size, base64.b64encode(checkpoint.root).decode(), note.decode()),
        )
