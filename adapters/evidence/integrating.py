"""Keeps the logs: follows the rows behind the append, puts them into tiles, and signs what is stored.

Nothing is signed that is not on disk, and nothing that is not an extension of what was signed last. Each step can be the last one before a
crash: tiles are stored whole or not at all; a checkpoint stands in the file before anybody else sees it, and is published from there.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from adapters.evidence.growing import Edge
from adapters.evidence.logged import LOGS, Log, rows
from adapters.evidence.signing import LastSigned, LogKey, Signed, SignedStateDamaged
from adapters.evidence.stored import LogStore
from adapters.postgres.seen import code_of
from adapters.postgres.session import session
from audit.checkpoint import Checkpoint
from audit.leaf import entry
from audit.note import NoteRefused

# Whoever holds it works; the others stand by.
LEASE = 4702111234474984401
STAND_BY = 0.5
POLL = 0.5
BATCH = 2_000
# A checkpoint is signed when all is in, and during a long catching up this often, in seconds.
SIGN_EVERY = 1.0
# Rows that come within so many seconds share one checkpoint.
GATHER = 0.3
# How long a log that has stopped waits before it looks again.
STOPPED_PAUSE = 2.0
LONGEST_PAUSE = 5.0

log = logging.getLogger(__name__)

type Steps = Callable[[str], None]
"""Told the name of each step that is done: integrated, signed, drafted, kept, published. Tests end the process there."""


class LogStopped(Exception):
    """A log can't go on: its rows, its tiles or what was signed do not fit together. Nothing is signed while that is so.

    `log-gap`: a position is missing between two rows. `log-row-missing`: the last row that was integrated is gone. `log-row-changed`: it is
    another one now. `log-rolled-back`: more was signed than there is. `log-rewritten`: what is there is not what was signed.
    `log-tiles-damaged`: tiles contradict each other or are missing. `signed-state-damaged`: the file in the data folder is none of ours.
    """

    def __init__(self, code: str, position: int) -> None:
        super().__init__(code)
        self.code = code
        self.position = position


@dataclass(slots=True)
class _Kept:
    """A log in work. `grown_from` is the signed checkpoint that the edge is known to extend; None before the first one."""

    edge: Edge
    grown_from: Checkpoint | None = None
    signed_at: float = field(default=float("-inf"))


class Integrator:
    """Runs as `accompany_worker` in a thread of its own. Several may run: one works, another takes over within seconds.

    `watched` is told name, size and lag of a log after each batch, `stopped` its name and whether it has stopped.
    `witnessed` says whether a checkpoint needs no witness to be served.
    """

    def __init__(
        self,
        dsn: str,
        folder: Path,
        key: LogKey,
        logs: Sequence[Log] = LOGS,
        *,
        batch: int = BATCH,
        witnessed: bool = True,
        watched: Callable[[str, int], None] = lambda name, size: None,
        stopped: Callable[[str, bool], None] = lambda name, stopped: None,
        steps: Steps = lambda step: None,
    ) -> None:
        self._dsn = dsn
        self._key = key
        self._last = LastSigned(folder, key)
        self._logs = logs
        self._batch = batch
        self._witnessed = witnessed
        self._watched = watched
        self._stopped = stopped
        self._steps = steps

    def run(self, stop: threading.Event) -> None:
        """Follows the logs until told to stop, and connects again when the database was away."""
        pause = 0.1
        while not stop.is_set():
            try:
                with self._connect() as connection:
                    while not stop.is_set() and not _take_lease(connection):
                        stop.wait(STAND_BY)
                    if not stop.is_set():
                        log.info("logs-followed")
                        pause = 0.1
                        self._follow(connection, stop)
            except (psycopg.Error, OSError) as error:
                log.warning("logs-interrupted", extra={"code": code_of(error)})
                stop.wait(pause)
                pause = min(LONGEST_PAUSE, pause * 2)

    def catch_up(self) -> None:
        """Integrates and signs what is there now, or waits while another one does. Raises LogStopped."""
        with self._connect() as connection:
            while not _take_lease(connection):
                if all(self._is_signed(connection, one) for one in self._logs):
                    return
                time.sleep(0.05)
            for one in self._logs:
                store = LogStore(connection, one.name)
                kept = self._opened(store, one)
                while self._advance(connection, store, one, kept):
                    pass
                self._sign(store, one, kept)

    def _is_signed(self, connection: psycopg.Connection[Any], one: Log) -> bool:
        """Whether a published checkpoint covers every row. Raises LogStopped where the one that works has."""
        stopped = connection.execute(
            "SELECT stopped, stopped_at FROM evidence.logs WHERE log = %s AND stopped IS NOT NULL", (one.name,)
        ).fetchone()
        if stopped:
            raise LogStopped(*stopped)
        found = LogStore(connection, one.name).newest_checkpoint(self._key.origin(one.name))
        return next(rows(connection, one, found.size + 1 if found else 1, 1), None) is None

    def _connect(self) -> psycopg.Connection[Any]:
        conninfo = session(self._dsn, "accompany_worker", statement_timeout=60, application_name="accompany-logs")
        return psycopg.connect(conninfo, autocommit=True)

    def _follow(self, connection: psycopg.Connection[Any], stop: threading.Event) -> None:
        for one in self._logs:
            if one.channel is not None:
                connection.execute(psycopg.sql.SQL("LISTEN {}").format(psycopg.sql.Identifier(one.channel)))
        stores = {one.name: LogStore(connection, one.name) for one in self._logs}
        kept: dict[str, _Kept] = {}
        again_at = {one.name: 0.0 for one in self._logs}
        well: set[str] = set()
        while not stop.is_set():
            more = False
            for one in self._logs:
                if time.monotonic() < again_at[one.name]:
                    continue
                store = stores[one.name]
                try:
                    if one.name not in kept:
                        kept[one.name] = self._opened(store, one)
                    state = kept[one.name]
                    full = self._advance(connection, store, one, state)
                    if not full or time.monotonic() - state.signed_at > SIGN_EVERY:
                        self._sign(store, one, state)
                    more |= full
                    if one.name not in well:
                        well.add(one.name)
                        self._stopped(one.name, False)
                        store.tell_stopped(None, None)
                except LogStopped as stopped:
                    kept.pop(one.name, None)
                    well.discard(one.name)
                    again_at[one.name] = time.monotonic() + STOPPED_PAUSE
                    self._tell(store, one, stopped)
            # Polling stands behind listening: a notification can be lost, and rows can vanish without one.
            # Many come together, and all of them are answered by one wait.
            if not more and list(connection.notifies(timeout=POLL, stop_after=1)):
                stop.wait(GATHER)

    def _tell(self, store: LogStore, one: Log, stopped: LogStopped) -> None:
        log.error("log-stopped", extra={"log": one.name, "code": stopped.code, "position": stopped.position})
        self._stopped(one.name, True)
        store.tell_stopped(stopped.code, stopped.position)

    def _opened(self, store: LogStore, one: Log) -> _Kept:
        """What the database holds, after it was held against what was signed last. Raises LogStopped.

        Another machine may have signed further with the same key: then its checkpoint takes the place of the one in the file, if it
        extends it. One that stands in the file and was not published, because the process ended there, is published.
        """
        try:
            kept = _Kept(store.edge())
        except (KeyError, ValueError, IndexError, NoteRefused):
            raise LogStopped("log-tiles-damaged", store.size()) from None
        with self._last.alone():
            last = self._read(one)
            published = store.newest_checkpoint(self._key.origin(one.name))
            if published is not None and (last is None or published.size > last.checkpoint.size):
                try:
                    further = Signed(self._key.opened(one.name, published.note), published.note)
                except NoteRefused:
                    raise LogStopped("log-rewritten", published.size) from None
                if last is not None:
                    self._ground(store, kept, last.checkpoint)
                self._ground(store, kept, further.checkpoint)
                self._last.write(one.name, further)
            elif last is not None and last.checkpoint.size <= kept.edge.size:
                self._ground(store, kept, last.checkpoint)
                self._publish(store, one, last)
        return kept

    def _read(self, one: Log) -> Signed | None:
        try:
            return self._last.read(one.name)
        except SignedStateDamaged as damaged:
            raise LogStopped(damaged.code, 0) from None

    def _ground(self, store: LogStore, kept: _Kept, signed: Checkpoint) -> None:
        """Makes sure that the edge extends a signed tree, by growing it from there with the stored leaves. Raises LogStopped."""
        if signed.size > kept.edge.size:
            raise LogStopped("log-rolled-back", kept.edge.size)
        try:
            frontier = store.frontier(signed.size)
            if frontier.root() != signed.root:
                raise LogStopped("log-rewritten", signed.size)
            for leaf in store.leaves(signed.size, kept.edge.size):
                frontier.append(leaf)
        except KeyError:
            raise LogStopped("log-tiles-damaged", signed.size) from None
        if frontier.root() != kept.edge.frontier.root():
            raise LogStopped("log-tiles-damaged", kept.edge.size)
        kept.grown_from = signed

    def _advance(self, connection: psycopg.Connection[Any], store: LogStore, one: Log, kept: _Kept) -> bool:
        """Integrates the next batch; whether there is probably more. The last row integrated is read again each time."""
        size = kept.edge.size
        found = list(rows(connection, one, max(1, size), self._batch + (size > 0)))
        if size:
            if not found or found[0].position != size:
                raise LogStopped("log-row-missing", size)
            if entry(found[0].envelope) != kept.edge.last:
                raise LogStopped("log-row-changed", size)
            del found[0]
        for expected, row in enumerate(found, size + 1):
            if row.position != expected:
                raise LogStopped("log-gap", expected)
        if not found:
            return False
        edge = kept.edge.copy()
        grown = edge.append([entry(row.envelope) for row in found])
        store.integrate(size, edge.size, grown)
        kept.edge = edge
        self._steps("integrated")
        self._watched(one.name, edge.size)
        return len(found) >= self._batch

    def _sign(self, store: LogStore, one: Log, kept: _Kept) -> None:
        """Signs the tree as it is stored, unless that was signed. Raises LogStopped."""
        if kept.grown_from is not None and kept.grown_from.size == kept.edge.size:
            return
        with self._last.alone():
            last = self._read(one)
            if last is None and kept.edge.size == 0:
                return
            if last is not None and last.checkpoint != kept.grown_from:
                # Signed by another process meanwhile, or before this one had the rows for it.
                self._ground(store, kept, last.checkpoint)
                if last.checkpoint.size == kept.edge.size:
                    self._publish(store, one, last)
                    return
            signed = self._key.sign(one.name, kept.edge.size, kept.edge.frontier.root())
            self._steps("signed")
            self._last.write(one.name, signed, lambda: self._steps("drafted"))
            self._steps("kept")
            kept.grown_from = signed.checkpoint
            kept.signed_at = time.monotonic()
            self._publish(store, one, signed)
        self._steps("published")

    def _publish(self, store: LogStore, one: Log, signed: Signed) -> None:
        store.publish(signed.checkpoint.origin, signed.checkpoint.size, signed.note, witnessed=self._witnessed)


def _take_lease(connection: psycopg.Connection[Any]) -> bool:
    return connection.execute("SELECT pg_try_advisory_lock(%s)", (LEASE,)).fetchone() == (True,)
