"""Programs of their own to ask: the service as `accompany serve` runs it, a bare route, and who asks them."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measured import percentile

ROOT = Path(__file__).parent.parent
PATIENCE = 30


@dataclass(frozen=True, slots=True)
class Served:
    """A process that answers on this port."""

    port: int
    pid: int

    @property
    def memory(self) -> float:
        """Resident set of this process, in MB."""
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text())
        assert found is not None
        return int(found[1]) / 1000


@dataclass(frozen=True, slots=True)
class Asked:
    """What some clients got in some seconds: requests a second, and latencies in milliseconds."""

    rate: float
    median: float
    p99: float


@contextmanager
def service(settings: Mapping[str, str], *arguments: str) -> Iterator[Served]:
    """`accompany serve` on a free port, its log lines written to a file."""
    command: list[str | Path] = [Path(sys.executable).with_name("accompany"), "serve", *arguments]
    with _running(command, {**settings, "ACCOMPANY_PORT": "0"}, r"answers on http://\S+:(\d+)") as (process, port):
        yield Served(int(port), process.pid)


@contextmanager
def bare_route(dsn: str) -> Iterator[Served]:
    with _running([sys.executable, "-m", "benchmarks.bare_route"], {"DSN": dsn}, r"^(\d+)\n") as (process, port):
        yield Served(int(port), process.pid)


@contextmanager
def worker(settings: Mapping[str, str]) -> Iterator[Served]:
    """`accompany worker`, once it follows the log."""
    command: list[str | Path] = [Path(sys.executable).with_name("accompany"), "worker"]
    with _running(command, settings, r"(log-followed)") as (process, _):
        yield Served(0, process.pid)


@dataclass(frozen=True, slots=True)
class Post:
    """What to POST, and where: clients share the paths out."""

    paths: Sequence[str]
    body: Mapping[str, Any]
    headers: Mapping[str, str]


def ask(served: Served, clients: int, seconds: float, post: Post) -> Asked:
    """POSTs from a process of its own. Every answer has to be 201."""
    plan = {
        "port": served.port,
        "clients": clients,
        "seconds": seconds,
        "paths": list(post.paths),
        "headers": dict(post.headers),
        "body": json.dumps(post.body),
    }
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load_generator"],
        input=json.dumps(plan),
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        timeout=seconds + 2 * PATIENCE,
    )
    found = json.loads(done.stdout)
    assert found["statuses"] == [201], found["statuses"]
    latencies = [1000 * latency for latency in found["latencies"]]
    return Asked(len(latencies) / found["seconds"], percentile(latencies, 50), percentile(latencies, 99))


@contextmanager
def _running(
    command: Sequence[str | Path], environment: Mapping[str, str], ready: str
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A process, once it has said that it is ready, and what the pattern's group found in that."""
    with tempfile.NamedTemporaryFile() as said:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env={**os.environ, **environment},
        )
        try:
            until = time.monotonic() + PATIENCE
            while not (found := re.search(ready, Path(said.name).read_text())):
                if process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"{command[0]} did not start: {Path(said.name).read_text()[-2000:]}")
                time.sleep(0.05)
            yield process, found[1]
        finally:
            process.terminate()
            process.wait(PATIENCE)
