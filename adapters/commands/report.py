"""`accompany report`: prepares the figures of a quarter. Agreeing to them and releasing them is done on the pages, by somebody else."""

import asyncio
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, ClassVar
from zoneinfo import ZoneInfo

import psycopg
import typer

from adapters.console import err, print_json, print_table, refusals
from adapters.data_folder import NothingHere, holds_database
from adapters.identity.members import organisation_by_name
from adapters.postgres.runner import Runner
from adapters.settings import Settings
from adapters.speakers import speaker
from adapters.wiring import database, installation
from application.caller import Caller, Submission
from application.ids import new_id
from application.reports import Reports
from domain.errors import Invalid
from domain.report import Audience, Content
from domain.vocabulary import Role
from projections.funder_summary import quarters

_QUARTER = re.compile(r"(\d{4})-Q([1-4])", re.ASCII)

report = typer.Typer(help="Figures for funders.", no_args_is_help=True)


class QuarterNotUnderstood(Invalid):
    code = "quarter-not-understood"
    message = "Write a quarter as 2025-Q3."


class FiguresExtraMissing(Exception):
    code: ClassVar[str] = "figures-extra-missing"

    def __init__(self) -> None:
        super().__init__("Reports are prepared with SciPy, which is not installed here. Install accompany[figures].")


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was put on record, for the terminal."""

    report_id: str
    quarter: str
    position: int
    figures: int
    kept_back: int
    method: str
    digest: str


@report.callback()
def _group() -> None:
    """A group even while it has one command."""


@report.command("prepare")
def prepare(
    member: Annotated[
        str, typer.Option(help="The coordinator who prepares it, by handle or as the spreadsheets write them.")
    ],
    quarter: Annotated[str, typer.Option(help="As 2025-Q3; without it, the last one that is over.")] = "",
    organisation: Annotated[
        str | None, typer.Option(help="The organisation's name; needed where there are several.")
    ] = None,
    k: Annotated[int, typer.Option("--k", min=3, max=100, help="Figures from 1 to one less are kept back.")] = 10,
    rounded: Annotated[bool, typer.Option("--round", help="Round what is shown to multiples of 5.")] = False,
    language: Annotated[str, typer.Option(help="The language whose levels are counted.")] = "de",
    seconds: Annotated[float, typer.Option(min=1, help="How long to look for the choice that loses least.")] = 120,
    json: Annotated[bool, typer.Option("--json", help="Answer with one JSON object on standard output.")] = False,
) -> None:
    """Count a quarter, choose what to keep back, attack it, and put it on record for a second person to agree to."""
    with refusals():
        settings = Settings.read(os.environ)
        with _existing(settings) as dsn:
            asked = _Asked(member, quarter, organisation, k, 5 if rounded else 0, language, seconds)
            prepared = asyncio.run(_prepare(settings, dsn, asked))
    if json:
        print_json(prepared)
        return
    print_table(
        "Prepared",
        ("quarter", "figures", "kept back", "chosen", "log position", "SHA-256"),
        [
            (
                prepared.quarter,
                str(prepared.figures),
                str(prepared.kept_back),
                prepared.method,
                str(prepared.position),
                prepared.digest,
            )
        ],
    )
    err.print(f"A second coordinator agrees to it and releases it at /reports/{prepared.report_id}", highlight=False)


@dataclass(frozen=True, slots=True)
class _Asked:
    member: str
    quarter: str
    organisation: str | None
    k: int
    rounding: int
    language: str
    seconds: float


async def _prepare(settings: Settings, dsn: str, asked: _Asked) -> Prepared:
    try:
        # Here and not above: the service loads this file too, and must not pay for SciPy.
        from adapters.reporting import preparing  # noqa: PLC0415 - see above
        from projections.disclosure.rule import Rule  # noqa: PLC0415 - the same
    except ModuleNotFoundError as missing:
        if missing.name not in ("scipy", "numpy"):
            raise
        raise FiguresExtraMissing from None
    async with (
        installation(settings, dsn) as opened,
        await psycopg.AsyncConnection.connect(dsn, autocommit=True, connect_timeout=10) as connection,
    ):
        organisation_id, zone = await organisation_by_name(connection, asked.organisation)
        who, _ = await speaker(opened, connection, organisation_id, Role.COORDINATOR, asked.member.strip(), None)
        by = Caller(who.member_id, organisation_id, Role.COORDINATOR, ZoneInfo(zone), datetime.now(UTC))
        since, until = _quarter(asked.quarter, by.today)
        wanted = preparing.Wanted(since, until, Rule(asked.k), asked.rounding, asked.language, asked.seconds)
        try:
            content = await preparing.content_of(opened, by, wanted)
        except preparing.FiguresNotProtected as unprotected:
            for cell in sorted(unprotected.cells):
                err.print(f"could be worked out: {cell}", highlight=False, markup=False)
            raise
        report_id = preparing.report_id(opened, organisation_id, Audience.FUNDERS, since)
        submission = Submission(new_id().hex, opened.digest(content.as_json.encode()))
        await Reports(opened.record).prepare(by, submission, report_id, audience=Audience.FUNDERS, content=content)
        await Runner(dsn).catch_up()
        return _told(str(report_id), content)


def _told(report_id: str, content: Content) -> Prepared:
    return Prepared(
        report_id,
        f"{content.since} to {content.until}",
        content.position,
        len(content.figures),
        sum(figure.value is None for figure in content.figures),
        content.method,
        content.digest,
    )


def _quarter(written: str, today: date) -> tuple[date, date]:
    """Raises QuarterNotUnderstood. Whether it is over is the register's rule."""
    if not written:
        return quarters(today, 1)[0]
    if not (found := _QUARTER.fullmatch(written)) or not 1900 <= int(found[1]) < 2200:
        raise QuarterNotUnderstood(fields=("quarter",))
    after = date(int(found[1]) + int(found[2]) // 4, int(found[2]) % 4 * 3 + 1, 1)
    return quarters(after, 1)[0]


@contextmanager
def _existing(settings: Settings) -> Iterator[str]:
    """The database of an installation that is there already. Raises NothingHere."""
    if settings.database_url is None and not holds_database(settings.data):
        raise NothingHere
    with database(settings) as dsn:
        yield dsn
