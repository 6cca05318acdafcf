"""When the record is slower than it is asked to be, a command waits up to a limit and is then told when to come back."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from adapters.http.app import create_app
from adapters.http.parts import Parts
from adapters.postgres.runner import Runner
from tests.http.front_door import OpenCase, open_office
from tests.installations import opened

pytestmark = pytest.mark.anyio

LOCK = "SELECT pg_advisory_lock(4702111234474983745)"
UNLOCK = "SELECT pg_advisory_unlock(4702111234474983745)"


async def test_a_command_that_waited_too_long_is_told_to_come_back_and_is_recorded_once(
    database: str, tmp_path: Path
) -> None:
    async with (
        opened(tmp_path, database) as installation,
        open_office(database, create_app(Parts.of(installation))) as office,
    ):
        case = await OpenCase.begin(office)
        by = await office.caseworker()
        asked: dict[str, Any] = {
            "json": {"minutes": 30, "medium": "phone", "occurred_on": "2025-02-01"},
            "headers": {"Idempotency-Key": str(uuid4())},
        }
        async with await psycopg.AsyncConnection.connect(database, autocommit=True) as slow:
            await slow.execute(LOCK)
            answers = await asyncio.gather(*(by.client.post(f"{case.path}/sessions", **asked) for _ in range(3)))
            await slow.execute(UNLOCK)
        for answer in answers:
            assert (answer.status_code, answer.json()["code"]) == (503, "store-busy")
            assert answer.headers["retry-after"] == "1"
        answered = await by.client.post(f"{case.path}/sessions", **asked)
        again = await by.client.post(f"{case.path}/sessions", **asked)
        assert (answered.status_code, again.status_code) == (201, 201)
        assert answered.json() == again.json()
        await Runner(database).catch_up()
        listed = await by.client.get(f"{case.path}/sessions")
        assert len(listed.json()["entries"]) == 1
