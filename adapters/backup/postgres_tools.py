"""PostgreSQL's own programs for dumping and restoring, of the server's own major version."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import ClassVar

import psycopg
from psycopg import pq

from adapters.postgres.embedded import EmbeddedPostgresError
from adapters.postgres.programs import bundled_bin_dir

# Where Debian and Red Hat put each major version.
_PLACES = ("/usr/lib/postgresql/{}/bin", "/usr/pgsql-{}/bin")


class ToolFailed(Exception):
    """A program of PostgreSQL's ended with an error. Its own words may quote rows, so only what it is called is passed on."""

    code: ClassVar[str] = "backup-tool-failed"


class ToolMissing(Exception):
    code: ClassVar[str] = "backup-tool-missing"


@dataclass(frozen=True, slots=True)
class Tools:
    """`pg_dump` and `pg_restore` for one database, whose password they find in their environment: a command line is open to everybody."""

    bin_dir: Path
    dsn: str
    major: int

    @classmethod
    def for_database(cls, dsn: str) -> "Tools":
        """Raises ToolMissing, or what connecting raises."""
        with psycopg.connect(dsn, connect_timeout=10) as connection:
            major = connection.info.server_version // 10_000
        return cls(_bin_dir(major), dsn, major)

    def dump(self, to: Path, *arguments: str) -> None:
        """Writes a dump in PostgreSQL's custom format, for its owner's eyes only. Raises ToolFailed."""
        self._run("pg_dump", "--format=custom", "--enable-row-security", f"--file={to}", *arguments)
        to.chmod(0o600)
        with to.open("rb") as file:
            os.fsync(file.fileno())

    def restore(self, dump: Path) -> None:
        """All of a dump or nothing. Raises ToolFailed."""
        self._run("pg_restore", "--single-transaction", "--exit-on-error", f"--dbname={self._database()}", str(dump))

    def listed(self, dump: Path) -> str:
        """What a dump holds, from its own list. Raises ToolFailed for one that can't be read."""
        return self._run("pg_restore", "--list", str(dump))

    def rows(self, dump: Path, schema: str, table: str) -> list[list[str]]:
        """The names of a table's columns and then its rows, as COPY wrote them. Raises ToolFailed."""
        script = self._run("pg_restore", "--data-only", f"--schema={schema}", f"--table={table}", "--file=-", str(dump))
        lines = iter(script.splitlines())
        header = next((line for line in lines if line.startswith(f"COPY {schema}.{table} (")), "")
        columns = header.partition("(")[2].partition(")")[0].split(", ")
        return [columns, *(line.split("\t") for line in takewhile(lambda line: line != "\\.", lines))]

    def _database(self) -> str:
        return next(
            (str(o.val, "utf-8") for o in pq.Conninfo.parse(self.dsn.encode()) if o.keyword == b"dbname" and o.val), ""
        )

    def _run(self, program: str, *arguments: str) -> str:
        given = {o.envvar.decode(): o.val.decode() for o in pq.Conninfo.parse(self.dsn.encode()) if o.envvar and o.val}
        done = subprocess.run(  # noqa: S603 - our own arguments; no shell
            [self.bin_dir / program, *arguments],
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", **given},
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            umask=0o077,
            check=False,
        )
        if done.returncode:
            raise ToolFailed(f"{program} ended with {done.returncode}: {_harmless(done.stderr)}")
        return done.stdout


def _harmless(said: str) -> str:
    """The first error that a program named, without what it quotes, which may be a row."""
    first = next((line for line in said.splitlines() if "error:" in line), "no reason given")
    return re.sub(r"\"[^\"]*\"|'[^']*'", "…", first.partition("error:")[2].strip())[:200]


def _bin_dir(major: int) -> Path:
    candidates: Sequence[Callable[[], Path]] = (
        *(lambda place=place: Path(place.format(major)) for place in _PLACES),
        bundled_bin_dir,
        lambda: Path(shutil.which("pg_dump") or "/").parent,
    )
    for candidate in candidates:
        try:
            bin_dir = candidate()
        except EmbeddedPostgresError:
            continue
        if _major_of(bin_dir) == major:
            return bin_dir
    raise ToolMissing(
        f"The database is a PostgreSQL {major}, and no pg_dump of that version is here. Install postgresql-client-{major}."
    )


def _major_of(bin_dir: Path) -> int | None:
    if not all((bin_dir / program).is_file() for program in ("pg_dump", "pg_restore")):
        return None
    said = subprocess.run([bin_dir / "pg_dump", "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603 - as above
    found = re.search(r"\(PostgreSQL\) (\d+)", said)
    return int(found[1]) if found else None
