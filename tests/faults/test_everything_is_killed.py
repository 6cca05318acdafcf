"""PostgreSQL, the projection worker and the service are killed at random while people record.

Then every acknowledged fact is there, once, and the projections are what a replay of the log gives. It takes half a minute;
ACCOMPANY_FAULT_MINUTES=5 makes it as many minutes. A failure names the seed, which ACCOMPANY_FAULT_SEED repeats.
"""

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest

from adapters.postgres.embedded import EmbeddedPostgres
from adapters.postgres.runner import Runner
from domain.vocabulary import Role
from tests.cli.running import ACCOMPANY, Service, environment, run, serving
from tests.http.front_door import OpenCase, open_office
from tests.postgres.recording import all_rows

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform != "linux", reason="finds the processes of a server under /proc"),
]

SECONDS = float(os.environ.get("ACCOMPANY_FAULT_MINUTES", "0.35")) * 60
SEED = int(os.environ.get("ACCOMPANY_FAULT_SEED", str(random.SystemRandom().randrange(10**6))))
CASES = 3
WRITERS = 8
AT_WORK_BEFORE_A_FAULT = (0.5, 3.0)
DOWN = (0.0, 1.5)
PATIENCE = 60.0


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class House:
    """A PostgreSQL with full durability, a service and a worker: three programs, each of which can be killed and started."""

    def __init__(self, folder: Path, data: Path, logs: Path) -> None:
        self._folder = folder / "pg"
        self._logs = logs
        self._server = EmbeddedPostgres(self._folder)
        self.dsn = self._server.start()
        self.port = _free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self._env = environment(data, DATABASE_URL=self.dsn, ACCOMPANY_PORT=str(self.port))
        self._started = 0
        self._services = ExitStack()
        self._service: Service | None = None
        self._worker: subprocess.Popen[bytes] | None = None

    def kill(self, program: str) -> None:
        if program == "postgresql":
            # The postmaster and all that it started, so that nobody is left to clean up.
            found = _working_in(self._folder / "cluster")
            assert len(found) > 3, "the server's processes are found, to be killed"
            for pid in found:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        elif program == "service" and self._service:
            self._service.kill()
            self._services.close()
        elif self._worker:
            self._worker.kill()
            self._worker.wait()

    def start(self, program: str) -> None:
        self._started += 1
        log = self._logs / f"{self._started}-{program}.log"
        if program == "postgresql":
            assert self._server.start() == self.dsn
        elif program == "service":
            self._service = self._services.enter_context(serving(self._env, log, "--no-worker"))
        else:
            with log.open("wb") as written:
                self._worker = subprocess.Popen([ACCOMPANY, "worker"], env=self._env, stderr=written)

    def rebuild(self) -> None:
        assert run("rebuild", env=self._env).returncode == 0

    def stop(self) -> None:
        self.kill("service")
        self.kill("worker")
        self._server.stop()


@contextmanager
def a_house(folder: Path, tmp_path: Path) -> Iterator[House]:
    house = House(folder, tmp_path / "data", tmp_path)
    try:
        for program in ("service", "worker"):
            house.start(program)
        yield house
    finally:
        house.stop()


@dataclass
class Told:
    """What the writers sent, and what was acknowledged: keys with the log position they were given."""

    sent: dict[str, str] = field(default_factory=dict)
    acknowledged: dict[str, int] = field(default_factory=dict)
    answers: set[int] = field(default_factory=set)

    async def send(self, client: httpx.AsyncClient, key: str) -> bool:
        """Sends a command, once more or for the first time; whether it was acknowledged."""
        try:
            answered = await client.post(
                f"/api/v1{self.sent[key]}/sessions",
                json={"occurred_on": "2025-03-03", "minutes": 30, "medium": "video"},
                headers={"Idempotency-Key": key},
            )
        except httpx.TransportError:
            return False
        self.answers.add(answered.status_code)
        if answered.status_code != 201:
            return False
        position = answered.json()["position"]
        assert self.acknowledged.setdefault(key, position) == position, "a repeat gets the first answer"
        return True


async def test_what_was_acknowledged_is_there_once_whatever_was_killed(reachable_folder: Path, tmp_path: Path) -> None:
    chance = random.Random(SEED)  # noqa: S311  not a secret
    told = Told()
    with a_house(reachable_folder, tmp_path) as house:
        async with open_office(house.dsn, house.address) as office:
            cases = [(await OpenCase.begin(office)).path for _ in range(CASES)]
            token = (await office.member(Role.CASEWORKER)).token
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(base_url=house.address, headers=headers, timeout=15) as client:
            stop = asyncio.Event()
            async with asyncio.TaskGroup() as group:
                for number in range(WRITERS):
                    group.create_task(_write(client, told, cases[number % CASES], stop))
                killed = await _kill(house, chance)
                stop.set()
            assert await _settled(client, told), f"{told.answers} (seed {SEED})"
            again = chance.sample(sorted(told.acknowledged), min(200, len(told.acknowledged)))
            for key in again:
                assert await told.send(client, key)

        assert sum(killed.values()) > SECONDS / 10, killed
        assert len(told.acknowledged) > 2 * SECONDS, "people could work in between"
        assert told.answers <= {201, 503}, f"{told.answers} (seed {SEED})"
        assert told.acknowledged.keys() == told.sent.keys()
        assert _stored(house.dsn) == sorted(told.acknowledged.values()), f"seed {SEED}"

        assert await Runner(house.dsn).catch_up() >= max(told.acknowledged.values())
        assert {one.error for one in await Runner(house.dsn).status()} == {None}
        followed = await all_rows(house.dsn)
        house.rebuild()
        assert await all_rows(house.dsn) == followed, f"seed {SEED}"


async def _write(client: httpx.AsyncClient, told: Told, case: str, stop: asyncio.Event) -> None:
    """Records session after session; whoever gets no answer sends the same again, as a client should."""
    while not stop.is_set():
        key = str(uuid4())
        told.sent[key] = case
        while not await told.send(client, key) and not stop.is_set():  # noqa: ASYNC110 - nobody tells when all is up again
            await asyncio.sleep(0.1)


async def _kill(house: House, chance: random.Random) -> dict[str, int]:
    """Kills some of the three at once, again and again, and starts them; answers how often each."""
    killed = dict.fromkeys(("postgresql", "service", "worker"), 0)
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        await asyncio.sleep(chance.uniform(*AT_WORK_BEFORE_A_FAULT))
        # The first time all of them, so that none is left out.
        victims = [program for program in killed if not killed[program] or chance.random() < 0.5] or ["postgresql"]
        for program in victims:
            house.kill(program)
            killed[program] += 1
        await asyncio.sleep(chance.uniform(*DOWN))
        # PostgreSQL first, as its operator would: a service without one says so and ends.
        for program in victims:
            await asyncio.to_thread(house.start, program)
    return killed


async def _settled(client: httpx.AsyncClient, told: Told) -> bool:
    """Whether what was open is acknowledged at last."""
    until = time.monotonic() + PATIENCE
    for key in sorted(told.sent.keys() - told.acknowledged.keys()):
        while not await told.send(client, key):
            if time.monotonic() > until:
                return False
            await asyncio.sleep(0.1)
    return True


def _stored(dsn: str) -> list[int]:
    """The positions of the sessions in the log, each of a command of its own, in a log without a gap."""
    with psycopg.connect(dsn) as administrator:
        [counted] = administrator.execute("SELECT count(*), max(position) FROM accompany.events").fetchall()
        assert counted[0] == counted[1]
        query = "SELECT command_key, position FROM accompany.events WHERE topic = 'session-held' ORDER BY position"
        stored = administrator.execute(query).fetchall()
    assert len({key for key, _ in stored}) == len(stored)
    return [position for _, position in stored]


def _working_in(folder: Path) -> list[int]:
    found = []
    for process in Path("/proc").iterdir():
        with suppress(OSError):
            if process.name.isdecimal() and (process / "cwd").readlink() == folder:
                found.append(int(process.name))
    return found


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])
