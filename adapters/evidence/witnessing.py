"""Has each new checkpoint signed by witnesses and stamped by a timestamping authority, behind the signing and never in its way."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import psycopg

from adapters.evidence.asking import Answer, ask
from adapters.evidence.logged import LOGS, Log
from adapters.evidence.signing import LogKey
from adapters.evidence.stored import LogStore, StoredCheckpoint
from adapters.evidence.timestamps import Authority, TimestampFailed
from adapters.postgres.seen import code_of
from adapters.postgres.session import session
from audit.add_checkpoint import AddCheckpoint
from audit.note import parsed
from audit.policy import Policy, Witness

# Whoever holds it asks; the others stand by.
LEASE = 4702111234474984402
POLL = 0.5
STAND_BY = 0.5
LONGEST_PAUSE = 60.0
# Between two timestamps of one log, in seconds: an authority may count what it is asked.
STAMP_EVERY = 600.0

log = logging.getLogger(__name__)


class Witnessing:
    """Runs as `accompany_worker` in a thread of its own, beside the one that signs. Several may run: one asks.

    A witness that does not answer is asked again, at first soon and then less often; the others do not wait for it. Of the checkpoints
    that were signed meanwhile only the newest is shown to it.
    """

    def __init__(
        self,
        dsn: str,
        key: LogKey,
        policy: Policy | None,
        authority: Authority | None,
        logs: Sequence[Log] = LOGS,
        *,
        stamp_every: float = STAMP_EVERY,
        troubled: Callable[[str, int], None] = lambda name, witnesses: None,
    ) -> None:
        self._dsn = dsn
        self._key = key
        self._policy = policy
        self._authority = authority
        self._logs = logs
        self._stamp_every = stamp_every
        self._troubled = troubled
        self._witnesses = [one for one in policy.witnesses if one.url] if policy else []
        # By log and witness: the size that it signed last, and when it may be asked again after how long a pause.
        self._known: dict[tuple[str, str], int] = {}
        self._again: dict[tuple[str, str], tuple[float, float]] = {}
        self._trouble: dict[tuple[str, str], str] = {}
        self._stamped: dict[str, float] = {}

    def run(self, stop: threading.Event) -> None:
        """Until told to stop."""
        while not stop.is_set():
            try:
                conninfo = session(self._dsn, "accompany_worker", statement_timeout=60)
                with psycopg.connect(conninfo, autocommit=True) as connection:
                    while not stop.is_set() and connection.execute(
                        "SELECT pg_try_advisory_lock(%s)", (LEASE,)
                    ).fetchone() != (True,):
                        stop.wait(STAND_BY)
                    connection.execute("LISTEN accompany_checkpoints")
                    while not stop.is_set():
                        self.once(connection, stop)
                        for _ in connection.notifies(timeout=POLL, stop_after=1):
                            pass
            except (psycopg.Error, OSError) as error:
                log.warning("witnessing-interrupted", extra={"code": code_of(error)})
                stop.wait(STAND_BY)

    def once(self, connection: psycopg.Connection[Any], stop: threading.Event | None = None) -> None:
        """Shows the newest checkpoint of each log to everybody who has not signed it and is not to be spared."""
        for one in self._logs:
            store = LogStore(connection, one.name)
            checkpoint = store.newest_checkpoint(self._key.origin(one.name))
            if checkpoint is None:
                continue
            for witness in self._witnesses:
                if stop is not None and stop.is_set():
                    return
                checkpoint = self._show(connection, store, one, checkpoint, witness)
            self._troubled(one.name, sum(name == one.name for name, _ in self._trouble))
            self._stamp(store, one, checkpoint)

    def _show(
        self,
        connection: psycopg.Connection[Any],
        store: LogStore,
        one: Log,
        checkpoint: StoredCheckpoint,
        witness: Witness,
    ) -> StoredCheckpoint:
        """The checkpoint, with the witness's signature if there is one now."""
        place = (one.name, witness.name)
        not_before, pause = self._again.get(place, (0.0, POLL))
        if self._has_signed(checkpoint, witness) or time.monotonic() < not_before:
            return checkpoint
        answer = self._asked(store, checkpoint, witness, self._known.get(place, 0))
        trouble: str | None = answer.trouble
        if trouble == "witness-knows-another-size":
            # It has seen more than we have, or at this size something else: two histories under one name.
            trouble = "witness-ahead" if (answer.size or 0) > checkpoint.size else "witness-conflict"
        if answer.cosignature:
            self._known[place] = checkpoint.size
            self._again.pop(place, None)
            line = answer.cosignature.line()
            checkpoint = replace(checkpoint, cosignatures=(*checkpoint.cosignatures, line))
            enough = self._is_enough(checkpoint)
            store.keep_cosignature(checkpoint.origin, checkpoint.size, witness.verifier.name, line, witnessed=enough)
        else:
            self._again[place] = (time.monotonic() + pause, min(LONGEST_PAUSE, 2 * pause))
        if trouble != self._trouble.get(place) or trouble is None:
            if trouble:
                self._trouble[place] = trouble
                log.error("witness-did-not-sign", extra={"log": one.name, "code": trouble, "position": checkpoint.size})
            else:
                self._trouble.pop(place, None)
            connection.execute(
                "SELECT evidence.tell_witness(%s, %s, %s, %s)", (one.name, witness.name, trouble, checkpoint.size)
            )
        return checkpoint

    def _asked(self, store: LogStore, checkpoint: StoredCheckpoint, witness: Witness, known: int) -> Answer:
        """What it answers, after it has told which size it knows."""
        answer = ask(witness, self._request(store, checkpoint, known))
        told = answer.size
        if told is None or told == known or told > checkpoint.size:
            return answer
        return ask(witness, self._request(store, checkpoint, told))

    def _request(self, store: LogStore, checkpoint: StoredCheckpoint, known: int) -> AddCheckpoint:
        proof = store.consistency(known, checkpoint.size) if 0 < known < checkpoint.size else []
        return AddCheckpoint(min(known, checkpoint.size), tuple(proof), checkpoint.note.encode())

    def _has_signed(self, checkpoint: StoredCheckpoint, witness: Witness) -> bool:
        note = parsed(checkpoint.served.encode())
        return any(
            (one.name, one.key_id) == (witness.verifier.name, witness.verifier.key_id) for one in note.signatures
        )

    def _is_enough(self, checkpoint: StoredCheckpoint) -> bool:
        assert self._policy is not None, "who is asked stands in a policy"
        note = parsed(checkpoint.served.encode())
        signed = {
            witness.name
            for witness in self._policy.witnesses
            for one in note.signatures
            if (one.name, one.key_id) == (witness.verifier.name, witness.verifier.key_id)
        }
        return self._policy.satisfied_by(signed)

    def _stamp(self, store: LogStore, one: Log, checkpoint: StoredCheckpoint) -> None:
        if self._authority is None or time.monotonic() - self._stamped.get(one.name, float("-inf")) < self._stamp_every:
            return
        if store.is_stamped(checkpoint.origin, checkpoint.size, self._authority.url):
            return
        self._stamped[one.name] = time.monotonic()
        try:
            response = self._authority.stamp(checkpoint.note.encode())
        except TimestampFailed as failed:
            log.error("timestamp-failed", extra={"log": one.name, "code": failed.code, "position": checkpoint.size})
            return
        store.keep_timestamp(checkpoint.origin, checkpoint.size, self._authority.url, response)
