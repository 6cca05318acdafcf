"""The installed command, run as a person or a supervisor would."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ACCOMPANY = Path(sys.executable).with_name("accompany")
PATIENCE = 60.0


def environment(data: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ACCOMPANY_", "DATABASE_URL"))}
    return {**kept, "ACCOMPANY_DATA": str(data), "ACCOMPANY_PORT": "0", "COLUMNS": "160", **more}


def run(*arguments: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ACCOMPANY, *arguments], env=dict(env), capture_output=True, text=True, timeout=PATIENCE * 2, check=False
    )


def answer(*arguments: str, env: Mapping[str, str]) -> Any:
    """What a command that succeeds answers in JSON."""
    done = run(*arguments, "--json", env=env)
    assert done.returncode in (0, 1), done.stderr
    return json.loads(done.stdout)


class Service:
    """A running `accompany serve`."""

    def __init__(self, process: subprocess.Popen[str], address: str) -> None:
        self.process = process
        self.address = address

    def kill(self) -> None:
        """As the kernel does when memory runs out: no time to say anything."""
        self.process.kill()
        self.process.wait(PATIENCE)

    def stop(self) -> float:
        """SIGTERM, and how long it took to end, in seconds."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)
        return time.monotonic() - began


@contextmanager
def serving(env: Mapping[str, str], log: Path, *arguments: str) -> Iterator[Service]:
    """`accompany serve` until the block ends, its standard error in `log`."""
    with log.open("w") as written:
        process = subprocess.Popen([ACCOMPANY, "serve", *arguments], env=dict(env), stderr=written, text=True)
        try:
            yield Service(process, _address(process, log))
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(PATIENCE)


def _address(process: subprocess.Popen[str], log: Path) -> str:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := re.search(r"answers on (http://\S+)", log.read_text()):
            return found[1]
        assert process.poll() is None, log.read_text()
        time.sleep(0.05)
    raise AssertionError(f"the service did not start: {log.read_text()}")
