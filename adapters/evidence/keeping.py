"""Keeps the logs beside whatever else the process does: in threads, since hashing must not hold up who is being answered."""

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from adapters.evidence.integrating import Integrator
from adapters.evidence.signing import LogKey
from adapters.evidence.timestamps import Authority
from adapters.evidence.witnessing import Witnessing
from adapters.postgres.seen import code_of
from adapters.telemetry import Telemetry
from audit.policy import Policy, PolicyRefused

AGAIN_AFTER = 5.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Keeping:
    """What an installation's logs are kept with: `folder` is the data folder, `policy` names the witnesses."""

    dsn: str
    folder: Path
    key: LogKey
    telemetry: Telemetry
    policy: Policy | None = None
    authority: Authority | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Until told to stop."""
        halt = threading.Event()
        loop = asyncio.get_running_loop()
        work = [self.integrator().run]
        if self.policy is not None or self.authority is not None:
            work.append(self._witnessing().run)
        with ThreadPoolExecutor(len(work), thread_name_prefix="logs") as threads:
            running = [loop.run_in_executor(threads, _supervised, one, halt) for one in work]
            try:
                await stop.wait()
            finally:
                halt.set()
                await asyncio.gather(*running)

    def integrator(self) -> Integrator:
        """Integrates and signs for this installation."""

        def watched(name: str, size: int) -> None:
            self.telemetry.log_size.set(size, {"accompany.log": name})

        def stopped(name: str, has_stopped: bool) -> None:
            self.telemetry.log_stopped.set(int(has_stopped), {"accompany.log": name})

        return Integrator(
            self.dsn,
            self.folder,
            self.key,
            # Where no witness is asked for, a checkpoint is served as soon as it is signed.
            witnessed=self.policy is None or self.policy.satisfied_by(()),
            watched=watched,
            stopped=stopped,
        )

    def _witnessing(self) -> Witnessing:
        def troubled(name: str, witnesses: int) -> None:
            self.telemetry.log_witnesses_in_trouble.set(witnesses, {"accompany.log": name})

        return Witnessing(self.dsn, self.key, self.policy, self.authority, troubled=troubled)


def policy_in(path: Path) -> Policy:
    """The policy in a file. Raises PolicyRefused."""
    try:
        return Policy.parse(path.read_bytes())
    except OSError as error:
        raise PolicyRefused(f"The policy {path} can't be read: {error.strerror}.") from None


def _supervised(work: Callable[[threading.Event], None], halt: threading.Event) -> None:
    """Whatever goes wrong that nobody thought of, the next try begins with a fresh look at everything."""
    while not halt.is_set():
        try:
            work(halt)
        except Exception as error:
            log.exception("logs-failed", extra={"code": code_of(error)})
            halt.wait(AGAIN_AFTER)
