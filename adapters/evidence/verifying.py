"""Recomputes a log from the rows of its table, and says where the two differ: hashes, tree, tiles, checkpoints, positions, versions, times.

It trusts the rows no more than the tiles. What it takes as given is the public key, the last signed checkpoint in the data folder, and such
checkpoints as somebody brings along from elsewhere.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

from adapters.evidence.growing import Edge, stride
from adapters.evidence.logged import Log, Row, rows
from adapters.evidence.signing import LogKey
from adapters.evidence.stored import LogStore, StoredCheckpoint
from audit.checkpoint import Checkpoint
from audit.leaf import entry, microseconds
from audit.note import NoteRefused, parsed
from audit.tiles import WIDTH, TileAt, entries_of

# More than these are counted and not told one by one.
TOLD = 20
TELL_PROGRESS_EVERY = 1_000
ROWS_AT_ONCE = 5_000
LOWEST = -(2**63)

type Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Something that does not fit. `what` is a code; `position`, `stream` and `version` name the record where it is about one.

    `row-changed`: it has another hash than was logged. `row-missing`: it was recorded and is gone. `row-unexpected`: it stands where
    no row can be. `version-out-of-order`, `time-runs-backwards`: within its stream, against the row before. `tile-differs`,
    `tile-missing`: stored tiles are not those of the logged entries. `checkpoint-differs`: a root that was signed is not that of the
    entries. `signature-wrong`: a stored checkpoint is not of this log's key. `rolled-back`: more was signed than is there.
    """

    what: str
    said: str
    position: int | None = None
    stream: str | None = None
    version: int | None = None


@dataclass(slots=True)
class Report:
    """What was looked at in one log, and what did not fit: the first disagreements in order, and how many there were."""

    log: str
    rows: int = 0
    entries: int = 0
    tiles: int = 0
    checkpoints: int = 0
    checkpoints_of_other_origins: int = 0
    last_signed: int | None = None
    not_logged_yet: int = 0
    count: int = 0
    disagreements: list[Disagreement] = field(default_factory=list)

    @property
    def verified(self) -> bool:
        return self.count == 0

    def found(self, disagreement: Disagreement) -> None:
        self.count += 1
        if len(self.disagreements) < TOLD:
            self.disagreements.append(disagreement)


def verify(
    connection: psycopg.Connection[Any],
    log: Log,
    key: LogKey,
    last_signed: Checkpoint | None,
    others: Sequence[Checkpoint] = (),
    progress: Progress = lambda done, total: None,
) -> Report:
    """Everything about one log, as one moment of the database shows it. `others` are checkpoints that an auditor or a witness has kept.

    `progress` is told rows done and rows to do.
    """
    with connection.transaction():
        # One moment for everything: what is appended and signed while this runs is left to the next time.
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return _Verification(connection, log, key, progress).run(last_signed, others)


class _Verification:
    def __init__(self, connection: psycopg.Connection[Any], log: Log, key: LogKey, progress: Progress) -> None:
        self._connection = connection
        self._log = log
        self._key = key
        self._progress = progress
        self._store = LogStore(connection, log.name)
        self._size = self._store.size()
        self._report = Report(log.name, entries=self._size)
        self._edge = Edge()
        self._waiting: list[bytes] = []
        self._bundle: tuple[int, list[bytes]] = (-1, [])
        self._versions: dict[bytes, int] = {}
        self._recorded = -(2**63)
        self._marks: dict[int, list[tuple[str, Checkpoint]]] = {}
        self._good_up_to = 0

    def run(self, last_signed: Checkpoint | None, others: Sequence[Checkpoint]) -> Report:
        self._mark_checkpoints(last_signed, others)
        total = max(self._size, self._head())
        expected = 1
        for row in self._rows():
            if row.position < expected:
                self._told(row, "row-unexpected", "stands where no row can be")
                continue
            while expected < row.position:
                # Behind the end of the log nothing says what is missing; the gap itself does.
                self._take(expected, None)
                expected = expected + 1 if expected <= self._size else row.position
            self._take(expected, row)
            expected += 1
            if expected % TELL_PROGRESS_EVERY == 0:
                self._progress(expected, total)
        for position in range(expected, self._size + 1):
            self._take(position, None)
        self._flush()
        self._compare(self._edge.tiles)
        self._progress(total, total)
        for size in sorted(self._marks):
            for what, _ in self._marks[size]:
                said = f"{what} is over {size} entries, and the log in this database has {self._size}"
                self._report.found(Disagreement("rolled-back", said))
        self._report.not_logged_yet = max(0, self._report.rows - self._size)
        return self._report

    def _rows(self) -> Iterator[Row]:
        first = LOWEST
        while batch := list(rows(self._connection, self._log, first, ROWS_AT_ONCE)):
            yield from batch
            first = batch[-1].position + 1

    def _take(self, position: int, row: Row | None) -> None:
        """The next position: its row, if there is one, and its entry, if it is logged."""
        if row is None:
            self._report.found(Disagreement("row-missing", "the row was recorded and is gone", position))
        else:
            self._look_at(row)
        if position > self._size:
            return
        logged = self._logged(position)
        found = entry(row.envelope) if row else None
        if logged is None:
            said = "its entry in the log is gone"
            self._report.found(Disagreement("tile-missing", said, position))
        elif row and found != logged:
            self._told(row, "row-changed", "is not the row that was logged")
        self._waiting.append(logged or found or b"")
        if position % WIDTH == 0 or position in self._marks or position == self._size:
            self._flush()
            for what, checkpoint in self._marks.pop(position, ()):
                self._check(what, checkpoint)

    def _look_at(self, row: Row) -> None:
        """What a row says by itself and beside the rows before it."""
        self._report.rows += 1
        fields = self._log.envelope.fields(row.envelope)
        recorded = microseconds(fields["recorded_at"] or bytes(8))
        if recorded < self._recorded:
            self._told(row, "time-runs-backwards", "was recorded before the row in front of it")
        self._recorded = recorded
        stream, version = fields.get("stream_id"), fields.get("version")
        if stream is None or version is None:
            return
        key, number = (fields["organisation_id"] or b"") + stream, int.from_bytes(version, signed=True)
        before = self._versions.get(key)
        if number != (before + 1 if before is not None else number if number in (0, 1) else 1):
            self._told(row, "version-out-of-order", f"follows version {before or 0} of its record")
        self._versions[key] = number

    def _logged(self, position: int) -> bytes | None:
        number, at = divmod(position - 1, WIDTH)
        if self._bundle[0] != number:
            try:
                self._bundle = (number, entries_of(self._store.bundle(number)))
            except (KeyError, NoteRefused):
                self._bundle = (number, [])
        return self._bundle[1][at] if at < len(self._bundle[1]) else None

    def _flush(self) -> None:
        """Grows the tree by what is waiting, and holds the tiles that are full now against the stored ones."""
        grown = self._edge.append(self._waiting)
        self._waiting = []
        full = {at: found for at, found in grown.items() if len(found) == WIDTH * stride(at)}
        self._compare(full)

    def _compare(self, recomputed: Mapping[TileAt, bytes]) -> None:
        wanted = {at: found for at, found in recomputed.items() if at.level is not None}
        stored = self._store.tiles(wanted) if wanted else {}
        for at, found in sorted(wanted.items()):
            self._report.tiles += 1
            there = bytes(stored.get(at, b""))
            if there == found:
                continue
            step = stride(at)
            pieces = range(0, max(len(there), len(found)), step)
            place = next((n for n, b in enumerate(pieces) if there[b : b + step] != found[b : b + step]), 0)
            if at.level == 0:
                said = "the stored tile holds another hash for it than its entry has"
                self._report.found(Disagreement("tile-differs", said, at.number * WIDTH + place + 1))
            else:
                said = f"hash {place} of tile {at.number} at level {at.level} is not that of the entries"
                self._report.found(Disagreement("tile-differs", said))

    def _check(self, what: str, checkpoint: Checkpoint) -> None:
        if checkpoint.root == self._edge.frontier.root():
            self._good_up_to = max(self._good_up_to, checkpoint.size)
            return
        said = (
            f"{what} over {checkpoint.size} entries has another root: an entry after {self._good_up_to} is another one"
        )
        self._report.found(Disagreement("checkpoint-differs", said))

    def _mark_checkpoints(self, last_signed: Checkpoint | None, others: Sequence[Checkpoint]) -> None:
        for stored in self._store.checkpoints():
            ours = stored.origin == self._key.origin(self._log.name)
            checkpoint = self._read(stored, ours)
            if checkpoint is None:
                said = f"the stored checkpoint over {stored.size} entries is not signed by this log's key"
                self._report.found(Disagreement("signature-wrong", said))
                continue
            self._report.checkpoints += 1
            self._report.checkpoints_of_other_origins += not ours
            self._marks.setdefault(checkpoint.size, []).append(("a stored checkpoint", checkpoint))
        if last_signed is not None:
            self._report.last_signed = last_signed.size
            self._marks.setdefault(last_signed.size, []).append(("the checkpoint that was signed last", last_signed))
        for one in others:
            self._marks.setdefault(one.size, []).append(("a checkpoint kept elsewhere", one))

    def _read(self, stored: StoredCheckpoint, ours: bool) -> Checkpoint | None:
        """What a stored note says. Of another origin the key may be another one, which is not here; its root is compared all the same."""
        try:
            found = (
                self._key.opened(self._log.name, stored.note)
                if ours
                else Checkpoint.parse(parsed(stored.note.encode()).text)
            )
        except NoteRefused:
            return None
        return found if (found.origin, found.size) == (stored.origin, stored.size) else None

    def _head(self) -> int:
        query = sql.SQL("SELECT coalesce(max(position), 0) FROM {}").format(sql.Identifier(*self._log.table))
        row = self._connection.execute(query).fetchone()
        return int(row[0]) if row else 0

    def _told(self, row: Row, what: str, said: str) -> None:
        fields = self._log.envelope.fields(row.envelope)
        stream, version = fields.get("stream_id"), fields.get("version")
        self._report.found(
            Disagreement(
                what,
                said,
                row.position,
                str(UUID(bytes=stream)) if stream else None,
                int.from_bytes(version, signed=True) if version else None,
            )
        )
