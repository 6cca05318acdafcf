"""Waiting for what another thread or process does, by asking and never by the clock alone."""

import time
from collections.abc import Callable
from typing import LiteralString

import psycopg

PATIENCE = 60.0


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def until_true(dsn: str, question: LiteralString) -> None:
    """`question` answers one row with one truth value."""

    def is_true() -> bool:
        with psycopg.connect(dsn) as connection:
            return connection.execute(question).fetchone() == (True,)

    until(is_true, question)
