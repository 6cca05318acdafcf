"""A disk that runs full under a server that is at work: callers are told to come back, and nothing acknowledged is lost."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from adapters.postgres.appender import Appender
from adapters.postgres.embedded import EmbeddedPostgres
from adapters.postgres.migrate import migrate
from adapters.postgres.pool import Pool
from adapters.postgres.reader import Reader
from adapters.postgres.stored import Append, Appended, RecordedEvent, StoreUnavailable
from tests.postgres.facts import ACTOR, ORGANISATION

pytestmark = pytest.mark.anyio

DISK_FULL = "53100"
MEGABYTE = 1 << 20


@pytest.fixture
def small_disk(reachable_folder: Path) -> Iterator[Path]:
    disk = reachable_folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=160m,mode=0755", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("only a root who may mount has a small disk to fill")
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)


async def test_a_full_disk_makes_the_store_unavailable_until_there_is_space_again(small_disk: Path) -> None:
    with EmbeddedPostgres(small_disk / "pg") as server:
        await migrate(server.dsn())
        async with (
            Appender(server.dsn(), wait_limit=1.5) as appender,
            Pool(server.dsn(), "accompany_worker") as pool,
        ):
            acknowledged = [await recorded(appender, append_of(1_000)) for _ in range(20)]
            ballast = small_disk / "ballast"
            fill(ballast)
            refused: list[Append] = []
            reasons: set[str | None] = set()
            while len(refused) < 2:
                assert len(acknowledged) < 30, "the disk is full, or nearly so"
                append = append_of(100_000)
                try:
                    acknowledged.append(await recorded(appender, append))
                except StoreUnavailable as error:
                    refused.append(append)
                    reasons.add(error.sqlstate)
            assert reasons == {DISK_FULL}
            assert len(await Reader(pool).after(0)) == len(acknowledged), "what was recorded can be read meanwhile"

            ballast.unlink()
            acknowledged += [await recorded(appender, append) for append in refused]
            assert [event.position for event in await Reader(pool).after(0)] == acknowledged
            assert acknowledged == [*range(1, len(acknowledged) + 1)]


async def recorded(appender: Appender, append: Append) -> int:
    outcome = await appender.append(append)
    assert isinstance(outcome, Appended)
    return outcome.position


def append_of(size: int) -> Append:
    """Bytes that no database makes smaller."""
    event = RecordedEvent(uuid4(), 1, "test-fact", os.urandom(size), organisation_id=ORGANISATION)
    return Append(ORGANISATION, ACTOR, (event,), str(uuid4()), b"")


def fill(ballast: Path) -> None:
    """Every last byte, in smaller and smaller pieces."""
    with ballast.open("wb", buffering=0) as file:
        for piece in (MEGABYTE, 4096):
            try:
                while file.write(b"\0" * piece) == piece:
                    pass
            except OSError:
                continue
