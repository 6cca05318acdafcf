"""`accompany keys`: where the key-encryption key is, and moving from one to another."""

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated
from uuid import UUID

import psycopg
import typer

from adapters.console import err, out, print_json, print_table, progress, refusals
from adapters.data_folder import NothingHere, holds_database
from adapters.identity.members import organisation_by_name
from adapters.keys.chosen import next_path, open_holder
from adapters.keys.holder import described
from adapters.keys.holders import Holders
from adapters.keys.key_file import FILE_NAME
from adapters.keys.rotation import BATCH, Rotated, Rotation
from adapters.postgres.ring_database import move_ring
from adapters.settings import Settings
from adapters.wiring import database, installation
from domain.errors import Invalid

NEEDS_YOU = 1
HOLDERS = """
    SELECT substr(wrapped, 1, 17), 'people''s keys', count(*) FROM keys.person_keys GROUP BY 1
    UNION ALL
    SELECT substr(wrapped, 1, 17), 'service secrets', count(*) FROM keys.service_secrets GROUP BY 1
    ORDER BY 2, 3 DESC
"""

keys = typer.Typer(help="Look after the keys that open people's data.", no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="Answer with one JSON object on standard output.")]


class NextKeyMissing(Invalid):
    code = "next-key-missing"
    message = "Say which key to move to: set ACCOMPANY_NEXT_KEY_HOLDER and what that holder needs, and start every process with it first."


class NoRingDatabase(Invalid):
    code = "no-ring-database"
    message = (
        "Name the database to move the keys to: set ACCOMPANY_KEYS_DATABASE_URL or ACCOMPANY_KEYS_DATABASE_URL_FILE."
    )


@dataclass(frozen=True, slots=True)
class Held:
    """So many of one kind are wrapped under one key-encryption key."""

    what: str
    holder: str
    count: int
    in_force: bool


@keys.command("show")
def show_holders(json: AsJson = False) -> None:
    """Show which key-encryption key the ring is wrapped under."""
    with refusals():
        settings = Settings.read(os.environ)
        with _existing(settings) as dsn:
            held = _held(settings.keys_database_url or dsn)
    if json:
        print_json({"holders": held})
    else:
        rows = [(one.what, one.holder, str(one.count), "yes" if one.in_force else "no") for one in held]
        print_table("Wrapped keys", ("what", "under", "how many", "in force"), rows)


@keys.command("rotate")
def rotate_key(
    batch: Annotated[int, typer.Option(min=1, max=BATCH, help="So many keys at a time.")] = BATCH, json: AsJson = False
) -> None:
    """Wrap every key anew under the next key-encryption key. The service goes on; after an interruption, run it again.

    Without ACCOMPANY_NEXT_KEY_HOLDER, a key file is followed by a new file, which then takes its place.
    """
    with refusals():
        settings = Settings.read(os.environ)
        if settings.next_key_holder is None and settings.key_holder.kind != "file":
            raise NextKeyMissing
        with _existing(settings) as dsn, progress("Rewrapping") as show:
            done = asyncio.run(_rotated(settings, settings.keys_database_url or dsn, batch, show))
        kept = None if settings.next_key_holder else _swap_files(settings)
    if kept is not None:
        err.print(
            f"The key of before is now {kept}. Keep it, apart from the database, as long as you keep a backup that it opens. "
            "Then destroy it.",
            highlight=False,
            soft_wrap=True,
        )
    else:
        err.print(
            "Now let ACCOMPANY_KEY_… say what ACCOMPANY_NEXT_… says, unset the latter, and start the processes anew, one by one.",
            highlight=False,
            soft_wrap=True,
        )
    if json:
        print_json({"holder": described(done.holder), "rewrapped": done.rewrapped, "damaged": done.damaged})
    else:
        out.print(f"{done.rewrapped} keys are wrapped under {described(done.holder)}.", highlight=False, soft_wrap=True)
    if done.damaged:
        err.print(f"{done.damaged} keys are damaged: no key at hand opens them. They were left as they are.")
        raise typer.Exit(NEEDS_YOU)


@keys.command("renew")
def renew_key(
    person: Annotated[str, typer.Argument(help="The person's number in the spreadsheets, or their id.")],
    organisation: Annotated[
        str | None, typer.Option(help="The organisation's name; needed where there are several.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Give a person a new data key. What is recorded from now on is sealed under it; the earlier entries open as before."""
    with refusals():
        settings = Settings.read(os.environ)
        with _existing(settings) as dsn:
            version = asyncio.run(_renewed(settings, dsn, person, organisation))
    if json:
        print_json({"key_version": version})
    else:
        out.print(f"New entries about this person are sealed under version {version} of their key.", highlight=False)


@keys.command("move")
def move_keys(json: AsJson = False) -> None:
    """Move the key ring into the database that ACCOMPANY_KEYS_DATABASE_URL names. Stop the service first."""
    with refusals():
        settings = Settings.read(os.environ)
        if settings.keys_database_url is None:
            raise NoRingDatabase
        with _existing(settings) as dsn:
            moved = asyncio.run(move_ring(dsn, settings.keys_database_url))
    if json:
        print_json({"moved": moved})
    else:
        out.print(f"{moved} keys are in the new database, and none is left beside the record.", highlight=False)


@contextmanager
def _existing(settings: Settings) -> Iterator[str]:
    if settings.database_url is None and not holds_database(settings.data):
        raise NothingHere
    with database(settings) as dsn:
        yield dsn


def _held(dsn: str) -> list[Held]:
    with psycopg.connect(dsn, connect_timeout=10) as connection:
        state = connection.execute("SELECT holder FROM keys.state").fetchone()
        in_force = bytes(state[0]) if state else b""
        rows = connection.execute(HOLDERS).fetchall()
    return [Held(what, described(bytes(holder)), count, bytes(holder) == in_force) for holder, what, count in rows]


async def _rotated(settings: Settings, dsn: str, batch: int, show: Callable[[int, int], None]) -> Rotated:
    following = settings.next_key_holder or replace(
        settings.key_holder, file=next_path(settings.key_holder, settings.data)
    )
    first = await open_holder(settings.key_holder, settings.data, create=False)
    target = await open_holder(following, settings.data, create=True)
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True, connect_timeout=10) as connection:
        return await Rotation(connection, Holders(first, target), target, batch).run(show)


def _swap_files(settings: Settings) -> Path:
    """The next file takes the place of the one in use, in one step; where the old one is kept."""
    path = settings.key_holder.file or settings.data / FILE_NAME
    following = next_path(settings.key_holder, settings.data)
    kept = path.with_name(f"former-{path.stat().st_mtime_ns:x}-{path.name}")
    if not kept.exists():
        os.link(path, kept)
    os.replace(following, path)
    return kept


async def _renewed(settings: Settings, dsn: str, person: str, organisation: str | None) -> int:
    async with installation(settings, dsn) as opened:
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True, connect_timeout=10) as connection:
            organisation_id, _ = await organisation_by_name(connection, organisation)
        try:
            person_id = UUID(person)
        except ValueError:
            person_id = opened.identify(organisation_id, "person", person.strip())
        return await opened.keys.renew(organisation_id, person_id)
