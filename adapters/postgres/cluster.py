"""PostgreSQL's own data folder inside a home: made, set up, started, and what its files say about its server."""

import os
import secrets
import shutil
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from adapters.postgres.home import discard_socket_folder, flush_folder, fresh_socket_folder, write_private
from adapters.postgres.programs import Account, EmbeddedPostgresError, runnable_bin_dir, version_of

SUPERUSER = "accompany"

# Errors, statements and parameters may hold what people told; none of them reaches the server's log. `terse` also drops
# the statement that PostgreSQL otherwise prints when one of its processes dies.
SETTINGS = """\
# Written by Accompany at every start. Change settings with ALTER SYSTEM: what it sets wins over this file.
cluster_name = 'accompany'
listen_addresses = ''
unix_socket_directories = {sockets}
unix_socket_permissions = 0700
password_encryption = 'scram-sha-256'
max_connections = 60
shared_buffers = '128MB'
jit = off
datestyle = 'ISO, YMD'
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
log_line_prefix = '%m [%p] '
log_min_messages = log
log_min_error_statement = panic
log_error_verbosity = terse
log_statement = 'none'
log_min_duration_statement = -1
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
log_checkpoints = off
"""
WITHOUT_DURABILITY = "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n"
AUTHENTICATION = "# Written by Accompany at every start.\nlocal all,replication all scram-sha-256\n"
LONGEST_LOG = 5_000_000


@dataclass(frozen=True, slots=True)
class Cluster:
    """One PostgreSQL data folder. Whoever calls a method that writes holds the home's `server.lock`.

    `durable=False` gives up every promise about power cuts for speed.
    """

    home: Path
    account: Account
    durable: bool = True

    @property
    def folder(self) -> Path:
        return self.home / "cluster"

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    def password(self) -> str:
        """The superuser's password."""
        try:
            return (self.home / "password").read_text("utf-8").strip()
        except FileNotFoundError:
            raise EmbeddedPostgresError(
                "password-missing",
                f"The file {self.home / 'password'} is missing. Put it back from a backup of the same folder.",
            ) from None

    def pid_and_sockets(self) -> tuple[int | None, Path | None]:
        """The server's process and its socket's folder: the first and fifth line of postmaster.pid, stale or not."""
        try:
            lines = (self.folder / "postmaster.pid").read_text("utf-8", "surrogateescape").splitlines()
        except FileNotFoundError:
            return None, None
        pid = int(lines[0]) if lines and lines[0].strip().isdecimal() else None
        return pid, Path(lines[4]) if len(lines) > 4 and lines[4] else None

    def works_here(self, pid: int) -> bool:
        """Whether this process works in this data folder, as its server does; no where the system can't say."""
        try:
            return Path(f"/proc/{pid}/cwd").samefile(self.folder)
        except OSError:
            return False

    def signal(self, kind: signal.Signals) -> None:
        """Send a signal to the server of this folder, if it is still there."""
        pid, _ = self.pid_and_sockets()
        # The number may have gone to another process; where the system can't say whose it is, the file has to do.
        if pid is not None and (self.works_here(pid) or sys.platform != "linux"):
            with suppress(ProcessLookupError):
                os.kill(pid, kind)

    def start(self, installed: Path, lock: int) -> None:
        """Start a server that inherits the lock, on a new data folder if there is none.

        Returns when it takes connections, or after `pg_ctl`'s own patience while it still recovers.
        """
        self._discard_remains()
        version = version_of(installed)
        major = version.split(".")[0]
        bin_dir = runnable_bin_dir(installed, version, self.home, self.account)
        if not self.folder.exists():
            self._initialise(bin_dir, int(major), lock)
        self._refuse_another_major(major)
        self.password()  # Refuses now, not after a server has started that nobody can enter.
        self._configure()
        said = self.log.lstat().st_size if self.log.exists() else 0
        started = self.account.run(
            bin_dir / "pg_ctl", "start", "--wait", "-D", self.folder, "-l", self.log, holding=lock
        )
        if started.returncode != 0:
            self._explain_failed_start(started.stderr, said)

    def _discard_remains(self) -> None:
        pid, sockets = self.pid_and_sockets()
        if pid is not None and self.works_here(pid):
            raise EmbeddedPostgresError(
                "server-not-ours",
                f"A PostgreSQL that Accompany did not start (process {pid}) runs on {self.folder}. "
                "Stop it, then start again.",
            )
        # PostgreSQL refuses to start while the file names a process that lives, though by now it may be anyone's.
        (self.folder / "postmaster.pid").unlink(missing_ok=True)
        if sockets is not None:
            discard_socket_folder(sockets, self.account)
        shutil.rmtree(self.home / "cluster.partial", ignore_errors=True)

    def _initialise(self, bin_dir: Path, major: int, lock: int) -> None:
        password, partial = self.home / "password", self.home / "cluster.partial"
        write_private(password, secrets.token_urlsafe(32) + "\n", self.account)
        partial.mkdir(mode=0o700)
        self.account.own(partial)
        # The same order and case rules on every machine; before 17, PostgreSQL has only the plain C ones for that.
        locale = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8") if major >= 17 else ()
        sync = () if self.durable else ("--no-sync",)
        done = self.account.run(
            *(bin_dir / "initdb", "-D", partial, "-U", SUPERUSER, "--pwfile", password, "--auth=scram-sha-256"),
            *("--encoding=UTF8", "--locale=C", *locale, "--data-checksums", "--no-instructions", *sync),
            holding=lock,
        )
        if done.returncode != 0:
            shutil.rmtree(partial, ignore_errors=True)
            if "No space left" in done.stderr:
                raise disk_full(self.home)
            reason = (done.stderr.strip() or "initdb gave no reason").splitlines()[0]
            raise EmbeddedPostgresError("not-initialised", f"A database could not be made in {self.home}: {reason}")
        partial.rename(self.folder)
        flush_folder(self.home)

    def _refuse_another_major(self, major: str) -> None:
        try:
            made_by = (self.folder / "PG_VERSION").read_text("utf-8").strip()
        except FileNotFoundError:
            raise EmbeddedPostgresError(
                "folder-damaged", f"{self.folder} is not a whole PostgreSQL data folder. Put it back from a backup."
            ) from None
        if made_by != major:
            raise EmbeddedPostgresError(
                "another-major-version",
                f"PostgreSQL {made_by} made the database in {self.home}, and these programs are PostgreSQL {major}. "
                f"Start it with the programs of {made_by}, dump it with pg_dump, and load the dump into a new folder.",
            )

    def _configure(self) -> None:
        sockets = str(fresh_socket_folder(self.home, self.account)).replace("'", "''")
        settings = SETTINGS.format(sockets=f"'{sockets}'") + ("" if self.durable else WITHOUT_DURABILITY)
        write_private(self.folder / "postgresql.conf", settings, self.account)
        write_private(self.folder / "pg_hba.conf", AUTHENTICATION, self.account)
        if self.log.exists() and self.log.lstat().st_size > LONGEST_LOG:
            self.log.replace(self.log.with_suffix(".log.1"))

    def _explain_failed_start(self, complaint: str, said: int) -> None:
        pid, _ = self.pid_and_sockets()
        if pid is not None and self.works_here(pid):
            return  # Not failed but slow, as after a crash: whoever waits for it looks again.
        text = complaint
        if self.log.exists():
            with os.fdopen(os.open(self.log, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
                file.seek(said)
                text += file.read(LONGEST_LOG).decode("utf-8", "replace")
        if "No space left" in text:
            raise disk_full(self.home)
        reasons = [line for line in text.splitlines() if "FATAL:" in line or "PANIC:" in line] or ["no reason given"]
        raise EmbeddedPostgresError(
            "not-started", f"PostgreSQL did not start: {reasons[-1]}. Mend that and start again. Its log is {self.log}."
        )


def disk_full(folder: Path) -> EmbeddedPostgresError:
    return EmbeddedPostgresError(
        "disk-full", f"The disk that holds {folder} is full. Free some space and start again; no data is lost."
    )
