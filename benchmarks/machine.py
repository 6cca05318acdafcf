"""The machine that figures are from."""

import os
import re
import subprocess
from importlib.metadata import version
from pathlib import Path
from platform import python_version, system

from benchmarks.ground import Ground


def machine(ground: Ground) -> list[tuple[str, str]]:
    """Processor, memory, disk and versions, each as (what, found); what differs from moment to moment comes last: disk and conditions."""
    return [
        ("Processor", f"{_processor()}, {os.cpu_count()} cores"),
        ("Memory", f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"),
        ("PostgreSQL", f"{ground.version}, default durability, 128 MB of shared buffers, over its socket"),
        ("Python", f"{python_version()} on {system()}"),
        (
            "Libraries",
            ", ".join(f"{name} {version(name)}" for name in ("psycopg", "fastapi", "uvicorn", "eventsourcing")),
        ),
        ("Disk", f"{_flush(ground)} for one flush of 8 KiB (fdatasync, by pg_test_fsync)"),
        ("Conditions", conditions()),
    ]


def conditions() -> str:
    """What else this machine is busy with. The load includes what was measured just before."""
    load = "load average {:.1f}, {:.1f} and {:.1f} over 1, 5 and 15 minutes".format(*os.getloadavg())
    return f"priority {os.getpriority(os.PRIO_PROCESS, 0)} (nice), {load} before the start"


def _processor() -> str:
    try:
        found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    return found[1] if found else "unknown processor"


def _flush(ground: Ground) -> str:
    said = subprocess.run(
        [ground.program("pg_test_fsync"), "-s", "1", "-f", ground.folder / "flush"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = re.search(r"fdatasync\s+[\d.]+ ops/sec\s+(\d+) usecs/op", said)
    return f"{int(found[1]) / 1000:.2f} ms" if found else "an unknown time"
