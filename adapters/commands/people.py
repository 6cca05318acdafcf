"""`accompany retention` and `accompany export`: what the organisation owes to the people in its files."""

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
import typer

from adapters.commands.looked import written_down
from adapters.console import out, print_json, print_table, refusals
from adapters.data_folder import NothingHere, holds_database
from adapters.erasure.schedule import Due
from adapters.export.handing_out import CopyFile, hand_out
from adapters.http.read_purposes import RIGHTS
from adapters.identity.members import member_called, organisation_by_name
from adapters.postgres.runner import Runner
from adapters.settings import Settings
from adapters.wiring import Installation, database, installation
from application.caller import Caller, Submission
from application.ids import new_id
from domain.copies import CopyForm, CopyReason
from domain.erasure import AskedBy
from domain.vocabulary import Role

AsJson = Annotated[bool, typer.Option("--json", help="Answer with one JSON object on standard output.")]
Organisation = Annotated[str | None, typer.Option(help="The organisation's name; needed where there are several.")]


def retention(
    member: Annotated[str, typer.Option(help="Who looks: a member's handle. It stands in the access log.")],
    organisation: Organisation = None,
    propose: Annotated[
        bool, typer.Option("--propose", help="Put on record that these are due; people decide.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Show whose data have been kept long enough, and by which rule. Nothing is erased by this."""
    with refusals():
        settings = _existing()
        with database(settings) as dsn:
            found = asyncio.run(_due(settings, dsn, organisation, member, propose))
    if json:
        print_json({"due": found})
    else:
        rows = [
            (str(one.person_id), one.title, one.until.isoformat(), "legal hold" if one.held else "") for one in found
        ]
        print_table("Kept long enough", ("person", "rule that held longest", "until", "held"), rows)


def export(
    person: Annotated[str, typer.Argument(help="The person's number in the spreadsheets, or their id.")],
    member: Annotated[str, typer.Option(help="Who hands the copy out: a member's handle. It is put on record.")],
    to: Annotated[Path, typer.Option(help="The file to write; it must not be there yet. Readable by you only.")],
    form: Annotated[CopyForm, typer.Option(help="For a computer, or to read.")] = CopyForm.JSON,
    reason: Annotated[CopyReason, typer.Option(help="Why.")] = CopyReason.ACCESS,
    organisation: Organisation = None,
) -> None:
    """Write a copy of all that is held on a person, for them to read or to take along."""
    if to.exists():
        raise typer.BadParameter("this file is there already", param_hint="--to")
    with refusals():
        settings = _existing()
        with database(settings) as dsn:
            copy = asyncio.run(_copy(settings, dsn, organisation, member, person, form, reason))
    # Made for its owner alone, from the first byte on.
    with os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as file:
        file.write(copy.content)
    out.print(str(to), highlight=False, soft_wrap=True)


def _existing() -> Settings:
    settings = Settings.read(os.environ)
    if settings.database_url is None and not holds_database(settings.data):
        raise NothingHere
    return settings


async def _due(settings: Settings, dsn: str, organisation: str | None, member: str, propose: bool) -> list[Due]:
    async with installation(settings, dsn) as opened:
        await Runner(dsn).catch_up()
        if propose:
            await opened.schedule.propose_everywhere()
            await Runner(dsn).catch_up()
        by = await _speaking(opened, dsn, organisation, member, Role.ADMINISTRATOR)
        async with written_down(opened.accesses, by, "accompany retention", RIGHTS):
            return await opened.schedule.due(by)


async def _copy(
    settings: Settings,
    dsn: str,
    organisation: str | None,
    member: str,
    person: str,
    form: CopyForm,
    reason: CopyReason,
) -> CopyFile:
    async with installation(settings, dsn) as opened:
        await Runner(dsn).catch_up()
        by = await _speaking(opened, dsn, organisation, member, Role.COORDINATOR)
        try:
            person_id = UUID(person)
        except ValueError:
            person_id = opened.identify(by.organisation_id, "person", person)
        async with written_down(opened.accesses, by, "accompany export", RIGHTS, with_decided_on=False):
            return await hand_out(
                opened.rights,
                opened.copies,
                by,
                Submission(str(new_id()), b"command line"),
                person_id,
                form,
                reason,
                AskedBy.PERSON,
            )


async def _speaking(opened: Installation, dsn: str, organisation: str | None, member: str, role: Role) -> Caller:
    """Raises MemberUnknown: whoever acts here is a member whom the record knows."""
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True, connect_timeout=10) as owner:
        organisation_id, zone = await organisation_by_name(owner, organisation)
        found = await member_called(owner, organisation_id, opened.identify(organisation_id, "member", member), member)
    return Caller(found.member_id, organisation_id, role, ZoneInfo(zone), datetime.now(UTC))
