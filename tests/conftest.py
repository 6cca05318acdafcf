"""Fixtures that every test may ask for."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from adapters.postgres.migrate import migrate
from adapters.postgres.projection_tables import prepare
from tests import postgres_servers
from tests.postgres_servers import database, empty_database, postgres, postgres_clusters, reachable_folder

__all__ = ["database", "empty_database", "postgres", "postgres_clusters", "reachable_folder"]


def _prepare(dsn: str) -> None:
    """What each test's database is a copy of. Opening an installation does the same once more, and finds it done."""

    async def prepared() -> None:
        await migrate(dsn)
        await prepare(dsn)

    # In a thread of its own: the first test to ask may have an event loop running.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(prepared())).result()


postgres_servers.prepare_template = _prepare
