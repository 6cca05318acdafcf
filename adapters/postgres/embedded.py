"""A PostgreSQL of our own beside the service, for whoever has none: started, shared, taken over and stopped."""

import errno
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psycopg
from psycopg import sql

from adapters.postgres.cluster import SUPERUSER, Cluster, disk_full
from adapters.postgres.home import discard_socket_folder, settle
from adapters.postgres.locks import PAUSE, open_lock, take
from adapters.postgres.programs import Account, EmbeddedPostgresError, bundled_bin_dir

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError"]

DATABASE = "accompany"

# Recovery from a crash is what takes time; everything else is done within a second or two.
PATIENCE = 120.0


class EmbeddedPostgres:
    """A PostgreSQL server that lives in one folder and is shared by all who name that folder.

    The first user starts it, the last one stops it. One who is killed leaves the server running or dead; the next start
    takes either over. It listens on a socket in a private folder and nowhere else. Raises `EmbeddedPostgresError`.

    `bin_dir` holds the programs `postgres`, `initdb` and `pg_ctl`; without it, the wheel's are used. `durable=False`
    gives up every promise about power cuts for speed, and is for tests. One object is for one thread.
    """

    def __init__(self, folder: Path, bin_dir: Path | None = None, *, durable: bool = True) -> None:
        self._folder = folder
        self._bin_dir = bin_dir
        self._durable = durable
        self._users: int | None = None
        self._version = ""

    def start(self) -> str:
        """Start the server or join the one that runs, and answer the superuser's URL of the database `accompany`.

        The URL holds the password: it is for connecting, never for printing. Called again, it brings back a server that
        has died meanwhile.
        """
        try:
            account = Account.for_cluster(self._folder / "cluster")
            self._cluster = Cluster(settle(self._folder, account), account, self._durable)
            with self._alone():
                if self._users is None:
                    self._users = self._open_lock("users.lock")
                try:
                    take(self._users, shared=True, patience=PATIENCE)
                    self._join_or_launch()
                except BaseException:
                    os.close(self._users)
                    self._users = None
                    raise
        except OSError as error:
            raise _explained(error, self._folder) from error
        return self.dsn()

    def stop(self) -> None:
        """Leave the server; the last of its users stops it. Does nothing if not started."""
        if self._users is None:
            return
        users, self._users = self._users, None
        try:
            with self._alone():
                if take(users):
                    self._halt()
        finally:
            os.close(users)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def dsn(self, database: str = DATABASE) -> str:
        """The superuser's URL of a database, password included. Only while started."""
        if self._users is None:
            raise EmbeddedPostgresError("not-started", "The embedded PostgreSQL is not started.")
        return self._url(database)

    @property
    def version(self) -> str:
        """The running server's version, as in `18.4`; empty before the first start."""
        return self._version

    def _url(self, database: str) -> str:
        password, place = quote(self._cluster.password(), safe=""), quote(str(self._sockets), safe="")
        return f"postgresql://{SUPERUSER}:{password}@/{quote(database, safe='')}?host={place}&port=5432"

    @contextmanager
    def _alone(self) -> Iterator[None]:
        gate = self._open_lock("starting.lock")
        try:
            if not take(gate, patience=PATIENCE):
                raise EmbeddedPostgresError(
                    "busy",
                    f"Another process has been starting or stopping the database in {self._cluster.home} for too long. "
                    "Wait for it, or end it, and start again.",
                )
            yield
        finally:
            os.close(gate)

    def _open_lock(self, name: str) -> int:
        lock = open_lock(self._cluster.home / name)
        self._cluster.account.own(lock)
        return lock

    def _join_or_launch(self) -> None:
        until = time.monotonic() + PATIENCE
        while True:
            server = self._open_lock("server.lock")
            try:
                if take(server):
                    # No process of an earlier server is alive, or it would hold this lock.
                    self._cluster.start(self._bin_dir or bundled_bin_dir(), server)
            finally:
                os.close(server)
            if self._connected():
                return
            if time.monotonic() >= until:
                raise EmbeddedPostgresError(
                    "not-ready",
                    f"The server in {self._cluster.home} runs but takes no connection; its log is {self._cluster.log}. "
                    "It may be recovering from a crash: start again in a while to join it.",
                )
            time.sleep(PAUSE)

    def _connected(self) -> bool:
        """Whether the server answers to our password; makes the database if there is none yet."""
        _, sockets = self._cluster.pid_and_sockets()
        if sockets is None:
            return False
        self._sockets = sockets
        try:
            connection = psycopg.connect(self._url("postgres"), autocommit=True, connect_timeout=5)
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise EmbeddedPostgresError(
                    "password-wrong",
                    f"The server in {self._cluster.home} does not take the password in that folder's `password` file. "
                    "Put both back from the same backup.",
                ) from None
            return False
        with connection:
            self._version = "{}.{}".format(*divmod(connection.info.server_version, 10_000))
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
        return True

    def _halt(self) -> None:
        server = self._open_lock("server.lock")
        try:
            # SIGINT ends the sessions and writes everything out; SIGQUIT leaves that to the next start's recovery.
            for kind, patience in ((signal.SIGINT, PATIENCE / 2), (signal.SIGQUIT, PATIENCE / 4)):
                if not take(server):
                    self._cluster.signal(kind)
                if take(server, patience=patience):
                    discard_socket_folder(self._sockets, self._cluster.account)
                    return
        finally:
            os.close(server)
        raise EmbeddedPostgresError(
            "not-stopped", f"The server in {self._cluster.home} does not stop. Its data is safe."
        )


def _explained(error: OSError, folder: Path) -> EmbeddedPostgresError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full(folder)
    return EmbeddedPostgresError(
        "folder-unusable",
        f"{folder} can't be used for a database: {error.strerror}. Name a data folder that you may write to.",
    )
