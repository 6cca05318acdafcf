"""`accompany audit consents`: which consent each act and each look relied on, over everything, and what does not stand."""

import asyncio
import os
from typing import Annotated, Any

import typer
from psycopg import AsyncConnection

from adapters.console import out, print_json, print_table, progress, refusals
from adapters.data_folder import NothingHere, holds_database
from adapters.evidence.proving import Found, prove_everything
from adapters.postgres.following import connection_to_follow
from adapters.postgres.migrate import migrate
from adapters.settings import Settings
from adapters.wiring import database

DOES_NOT_STAND = 1
SHOWN = 20


def prove_consents(
    json: Annotated[bool, typer.Option("--json", help="Answer with one JSON object on standard output.")] = False,
) -> None:
    """Prove of every act, and of every look since the last time, that a consent or another basis stood.

    Exit code 0: all of it stands; 1: something does not; 3: it could not be looked at.
    """
    with refusals():
        settings = Settings.read(os.environ)
        if settings.database_url is None and not holds_database(settings.data):
            raise NothingHere
        with database(settings) as dsn, progress("Proving") as show:
            found, places = asyncio.run(_proved(dsn, show))
    if json:
        print_json({"mentorships": found.mentorships, "looks": found.looks, "findings": places})
    elif found.findings:
        rows = [(one["code"], one["mentorship"], str(one["place"])) for one in places[:SHOWN]]
        print_table("What does not stand", ("code", "mentorship", "entry, or place in the access log"), rows)
        if len(places) > SHOWN:
            out.print(f"and {len(places) - SHOWN} more; --json tells them all", highlight=False)
    else:
        out.print(
            f"{found.mentorships} mentorships and {found.looks} looks: each rests on a consent or another basis.",
            highlight=False,
        )
    raise typer.Exit(DOES_NOT_STAND if found.findings else 0)


async def _proved(dsn: str, show: Any) -> tuple[Found, list[dict[str, Any]]]:
    await migrate(dsn)
    async with await connection_to_follow(dsn) as connection:
        found = await prove_everything(connection, show)
        return found, await findings(connection)


async def findings(connection: AsyncConnection[Any]) -> list[dict[str, Any]]:
    """What stands open, of all organisations."""
    cursor = await connection.execute(
        "SELECT name, code, mentorship_id, place FROM checks.findings ORDER BY name, code, mentorship_id, place"
    )
    return [
        {"check": name, "code": code, "mentorship": str(mentorship_id), "place": place}
        for name, code, mentorship_id, place in await cursor.fetchall()
    ]
