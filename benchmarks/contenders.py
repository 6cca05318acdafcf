"""Who appends: our appender, PostgreSQL by itself, and other event stores. Each records one 600-byte event a commit."""

import asyncio
import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol
from uuid import UUID, uuid4

import psycopg
import uvloop
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg.conninfo import conninfo_to_dict

from adapters.postgres.appender import Appender
from adapters.postgres.stored import Append, Appended, RecordedEvent
from benchmarks.ground import Ground

STATE = b"x" * 600
STREAM_LENGTH = 10
ORGANISATION, ACTOR = uuid4(), uuid4()


class Contender(Protocol):
    """Somebody who appends for some seconds with some clients, and answers with the events a second."""

    name: str
    dsn: str

    def run(self, clients: int, seconds: float) -> float: ...


class Ours:
    """The appender in one process: command rows, version checks, positions, notification and answers included."""

    name = "accompany"

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn

    def run(self, clients: int, seconds: float) -> float:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(self._run(clients, seconds))

    async def _run(self, clients: int, seconds: float) -> float:
        async with Appender(self.dsn) as appender:
            await append_once(appender)
            until = time.perf_counter() + seconds
            began = time.perf_counter()
            counts = await asyncio.gather(*(append_until(appender, until) for _ in range(clients)))
            return sum(counts) / (time.perf_counter() - began)


def append_of(stream_id: UUID, version: int) -> Append:
    event = RecordedEvent(
        stream_id, version, "session-held", STATE, organisation_id=ORGANISATION, actor_id=ACTOR, purpose="mentoring"
    )
    return Append(ORGANISATION, ACTOR, (event,), str(uuid4()), b"d" * 32, b'{"id":"0","version":7}')


async def append_once(appender: Appender) -> None:
    outcome = await appender.append(append_of(uuid4(), 1))
    assert isinstance(outcome, Appended)


async def append_until(appender: Appender, until: float) -> int:
    done = 0
    while True:
        stream_id = uuid4()
        for version in range(1, STREAM_LENGTH + 1):
            if time.perf_counter() >= until:
                return done
            outcome = await appender.append(append_of(stream_id, version))
            assert isinstance(outcome, Appended)
            done += 1


class Pgbench:
    """PostgreSQL's own load generator with prepared statements, one script for all its clients."""

    def __init__(self, name: str, ground: Ground, dsn: str, script: str, *arguments: str) -> None:
        self.name = name
        self.dsn = dsn
        self._program = ground.program("pgbench")
        self._arguments = arguments
        self._script = ground.folder / f"{name.split(maxsplit=1)[0].rstrip(',')}.sql"
        self._script.write_text(script)

    def run(self, clients: int, seconds: float) -> float:
        said = subprocess.run(
            [
                *(self._program, "-n", "-M", "prepared", "-f", self._script, "-T", str(max(1, round(seconds)))),
                *("-c", str(clients), "-j", str(min(2, clients)), *self._arguments, self.dsn),
            ],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        found = re.search(r"tps = ([\d.]+)", said)
        assert found is not None, said
        return float(found[1])


ONE_ROW = """
    INSERT INTO events (
        organisation_id, stream_id, version, topic, schema_version, state, actor_id, purpose, command_key
    ) VALUES (
        '0192f000-0000-7000-8000-000000000001', gen_random_uuid(), 1, 'session-held', 1, :state::bytea,
        '0192f000-0000-7000-8000-00000000000a', 'mentoring', gen_random_uuid()::text
    );
"""


def one_row_a_commit(ground: Ground) -> Pgbench:
    """The same row into the same columns and indexes, and nothing else: what a commit costs at least."""
    dsn = ground.empty_database()
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("""
            CREATE TABLE events (
                position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                organisation_id uuid NOT NULL, stream_id uuid NOT NULL, version integer NOT NULL, topic text NOT NULL,
                schema_version integer NOT NULL, state bytea NOT NULL, actor_id uuid NOT NULL, purpose text,
                occurred_on date, occurred_at timestamptz, recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
                command_key text NOT NULL, trace_id text,
                UNIQUE (organisation_id, stream_id, version)
            )
        """)
    return Pgbench("pgbench, one row a commit", ground, dsn, ONE_ROW, "-D", f"state={STATE.decode()}")


class StockRecorder:
    """The eventsourcing library's own recorder, a thread for each client."""

    name = "eventsourcing's recorder"

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        found = conninfo_to_dict(dsn)
        self._place = tuple(str(found[name]) for name in ("dbname", "host", "port", "user", "password"))

    def run(self, clients: int, seconds: float) -> float:
        with PostgresDatastore(*self._place, pool_size=clients) as datastore:
            recorder = PostgresApplicationRecorder(datastore)
            recorder.create_table()
            recorder.insert_events([StoredEvent(uuid4(), 1, "session-held", STATE)])
            until = time.perf_counter() + seconds
            with ThreadPoolExecutor(clients) as threads:
                began = time.perf_counter()
                counts = list(threads.map(lambda _: self._insert_until(recorder, until), range(clients)))
            return sum(counts) / (time.perf_counter() - began)

    @staticmethod
    def _insert_until(recorder: PostgresApplicationRecorder, until: float) -> int:
        done = 0
        while True:
            stream_id = uuid4()
            for version in range(1, STREAM_LENGTH + 1):
                if time.perf_counter() >= until:
                    return done
                recorder.insert_events([StoredEvent(stream_id, version, "session-held", STATE)])
                done += 1


def script_folder() -> Path:
    return Path(__file__).parent / "peers"
