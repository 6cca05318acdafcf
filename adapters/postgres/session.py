"""How each connection of service and worker is made: as which role, with which limits, and how a hung one is cut."""

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from adapters.postgres.stored import StoreBusy, StoreUnavailable

type Role = Literal["accompany_service", "accompany_worker", "accompany_keys"]

CONNECT_TIMEOUT = 3


def session(dsn: str, role: Role, *, statement_timeout: float, **parameters: str) -> str:
    """The conninfo of a session that runs as `role`; `statement_timeout` in seconds, `parameters` are libpq's.

    Options that `dsn` brings along are kept; ours stand after them and win.
    """
    options = [
        str(conninfo_to_dict(dsn).get("options", "")),
        f"-c role={role}",
        f"-c statement_timeout={round(statement_timeout * 1000)}",
        "-c idle_in_transaction_session_timeout=10000",
        # Appending waits for a lock and then has to see what was committed meanwhile.
        r"-c default_transaction_isolation=read\ committed",
        "-c timezone=UTC",
    ]
    settings: dict[str, str] = {
        "options": " ".join(filter(None, options)),
        "application_name": role.replace("_", "-"),
        "client_encoding": "UTF8",
        "connect_timeout": str(CONNECT_TIMEOUT),
        # A peer that vanished without a word is noticed within seconds, not hours.
        "keepalives_idle": "5",
        "keepalives_interval": "2",
        "keepalives_count": "3",
        "tcp_user_timeout": "10000",
    }
    return make_conninfo(dsn, **(settings | parameters))


@contextmanager
def severed_after(connection: AsyncConnection[Any], seconds: float) -> Iterator[None]:
    """Cut the connection if the block takes longer, so that a server that hangs looks like one that is gone.

    Cancelling would not do: psycopg then waits for the very server that does not answer.
    """
    timer = asyncio.get_running_loop().call_later(seconds, _sever, connection)
    try:
        yield
    finally:
        timer.cancel()


def _sever(connection: AsyncConnection[Any]) -> None:
    if not connection.closed:
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(connection.pgconn.socket)) as line:
            line.shutdown(socket.SHUT_RDWR)


def is_refusal_of_values(error: Exception) -> bool:
    """Whether the database, or psycopg on the way there, refuses the values themselves: asking again can't help.

    Classes after PostgreSQL's appendix A: 22 data exception, 23 integrity constraint, 54 program limit exceeded.
    """
    if isinstance(error, psycopg.Error) and error.sqlstate is not None:
        return error.sqlstate[:2] in ("22", "23", "54")
    return isinstance(error, (psycopg.DataError, ValueError, struct.error))


def failure(error: psycopg.Error) -> StoreBusy | StoreUnavailable:
    """What to raise where asking again may help: busy if a time limit of ours struck, unavailable otherwise."""
    if isinstance(error, (psycopg.errors.QueryCanceled, psycopg.errors.LockNotAvailable)):
        return StoreBusy()
    return StoreUnavailable(error.sqlstate)
