"""What a command is compared with: one async route and one insert. `python -m benchmarks.bare_route`, the DSN in DSN.

Prints its port once it answers. No sign-in, no rule, no sealing, no order: uvicorn, FastAPI and psycopg as they come.
"""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import uvicorn
import uvloop
from fastapi import FastAPI
from psycopg_pool import AsyncConnectionPool
from pydantic import BaseModel

from adapters.garbage import settle_garbage

CREATE = """
    CREATE TABLE IF NOT EXISTS sessions (
        id uuid PRIMARY KEY, mentorship_id uuid NOT NULL, occurred_on date, minutes integer, medium text, summary text
    )
"""
INSERT = (
    "INSERT INTO sessions (id, mentorship_id, occurred_on, minutes, medium, summary) VALUES (%s, %s, %s, %s, %s, %s)"
)


class NewSession(BaseModel):
    occurred_on: date
    minutes: int
    medium: str
    summary: str


def bare(dsn: str) -> FastAPI:
    pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
        dsn, kwargs={"autocommit": True}, min_size=8, max_size=8, open=False
    )

    @asynccontextmanager
    async def open_pool(_app: FastAPI) -> AsyncIterator[None]:
        async with pool:
            async with pool.connection() as connection:
                await connection.execute(CREATE)
            yield

    app = FastAPI(lifespan=open_pool)

    @app.post("/mentorships/{mentorship_id}/sessions", status_code=201)
    async def hold_session(mentorship_id: UUID, body: NewSession) -> dict[str, UUID]:
        session_id = uuid4()
        async with pool.connection() as connection:
            await connection.execute(
                INSERT,
                (session_id, mentorship_id, body.occurred_on, body.minutes, body.medium, body.summary),
                prepare=True,
            )
        return {"id": session_id}

    return app


async def main() -> None:
    server = uvicorn.Server(
        uvicorn.Config(bare(os.environ["DSN"]), log_config=None, access_log=False, server_header=False)
    )
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    serving = asyncio.create_task(server.serve([listener]))
    while not server.started:  # noqa: ASYNC110  # uvicorn tells it by a flag alone
        await asyncio.sleep(0.01)
    settle_garbage()
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    await serving


if __name__ == "__main__":
    uvloop.run(main())
