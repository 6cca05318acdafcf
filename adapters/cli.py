"""The command line. Data go to standard output, progress and advice to standard error.

Exit codes: 0 done; 1 done, but something needs you (rows were refused, a check failed); 2 the command was not understood;
3 refused or not possible now, and nothing half done.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
import typer
import uvloop

from adapters import data_folder, demo, doctor, doctor_logs, serving
from adapters.caseload.importing import Summary
from adapters.caseload.loading import load
from adapters.commands.audit import audit
from adapters.commands.backup import backup, prune_key_backups, restore
from adapters.commands.evidence import make_bundle
from adapters.commands.keys import keys
from adapters.commands.people import export, retention
from adapters.commands.report import report
from adapters.commands.tamper import tamper_with_a_copy
from adapters.commands.witness import witness
from adapters.console import err, out, print_json, print_summary, print_table, print_ways_in, progress, refusals
from adapters.garbage import settle_garbage
from adapters.identity import members
from adapters.identity.tokens import Kind
from adapters.logs import start_logging
from adapters.no_core_dumps import forbid_core_dumps
from adapters.postgres.comparison import Compared
from adapters.postgres.runner import Runner
from adapters.settings import Settings
from adapters.speakers import speaker
from adapters.telemetry import Telemetry
from adapters.wiring import database, installation, keeping
from application.ids import new_id
from domain.vocabulary import Role

NEEDS_YOU = 1
SEARCH = "search"

app = typer.Typer(
    help="Keeps the record of vocational mentorships between refugee trainees and experienced professionals.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(keys, name="keys")
demonstration = typer.Typer(invoke_without_command=True)
app.add_typer(demonstration, name="demo")
audit.command("bundle")(make_bundle)
app.add_typer(audit, name="audit")
app.add_typer(witness, name="witness")
for command in (backup, restore, prune_key_backups, retention, export):
    app.command()(command)
app.add_typer(report, name="report")
AsJson = Annotated[bool, typer.Option("--json", help="Answer with one JSON object on standard output.")]
Organisation = Annotated[str | None, typer.Option(help="The organisation's name; needed where there are several.")]


@app.callback()
def _before_every_command() -> None:
    forbid_core_dumps()


@demonstration.callback()
def run_demo(
    context: typer.Context,
    data: Annotated[Path | None, typer.Option(help="Folder for the demo's data.")] = None,
    exit_when_ready: Annotated[bool, typer.Option(help="Print the way in and stop, for scripts.")] = False,
    json: AsJson = False,
) -> None:
    """Start the service with invented people and print a sign-in link for each role."""
    if context.invoked_subcommand is not None:
        return
    settings = _demo_settings(data)
    with refusals(), _opened(settings, "demo") as dsn:
        start_logging("warning")
        _run(_demo(settings, dsn, exit_when_ready, json))


@demonstration.command("tamper")
def tamper_with_the_demo(
    data: Annotated[Path | None, typer.Option(help="Folder of the demo's data.")] = None,
    json: AsJson = False,
) -> None:
    """Change a row in a copy of the demo as the database's owner could, and watch it being found."""
    settings = _demo_settings(data)
    with refusals():
        if not _installed(settings):
            raise data_folder.NothingHere
        with _opened(settings, "demo") as dsn:
            _run(demo.keep_away_from_real_data(dsn))
            tamper_with_a_copy(settings, dsn, json)


@app.command("serve")
def run_service(
    worker: Annotated[bool, typer.Option(help="Keep projections and logs up to date in this process.")] = True,
) -> None:
    """Serve the API and the pages until told to stop."""
    settings = _settings()
    start_logging(settings.log_level)
    with refusals(), _opened(settings, "real") as dsn:
        _run(_serve(settings, dsn, worker))


@app.command("worker")
def run_worker() -> None:
    """Keep projections and logs up to date until told to stop. Several may run: one works, the others stand by."""
    settings = _settings()
    start_logging(settings.log_level)
    with refusals(), database(settings) as dsn:
        telemetry = Telemetry.from_endpoint(settings.otlp_endpoint)
        _run(serving.project(dsn, telemetry, keeping(settings, dsn, telemetry), settings.prove_every))


@app.command("import")
def import_caseload(
    source: Annotated[Path, typer.Argument(help="Folder of spreadsheets, or a mended file of refused rows.")],
    organisation: Organisation = None,
    json: AsJson = False,
) -> None:
    """Import a caseload. What is refused goes to a file that can be mended and imported again."""
    if not source.exists():
        raise typer.BadParameter("there is no such file or folder", param_hint="SOURCE")
    settings = _settings()
    with refusals(), _opened(settings, "real") as dsn:
        summary = _run(_import(settings, dsn, source, organisation))
    if summary.handles_given:
        err.print(
            f"Members written in a way that may be a name: {summary.handles_given}. Names are not stored: each was given "
            "a handle. `accompany token --member` finds them as the spreadsheets write them.",
            highlight=False,
            soft_wrap=True,
        )
    if json:
        print_json(summary.as_json())
    else:
        print_summary(summary)
    raise typer.Exit(NEEDS_YOU if summary.refused else 0)


@app.command("rebuild")
def rebuild_projections(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Projections, or `search` for the search index; all projections if none is named."),
    ] = None,
    processes: Annotated[
        int | None, typer.Option(min=1, help="So many share the work; one for each processor if it is not said.")
    ] = None,
) -> None:
    """Build projections or the search index anew from the events. Readers see the old ones until the new ones are complete.

    If projections are stopped half way, the same command goes on from there.
    """
    settings = _settings()
    compared: list[Compared] = []
    with refusals(), _existing(settings) as dsn, progress("Rebuilding") as show:
        _run(_rebuild(settings, dsn, names or [], processes or os.cpu_count() or 1, show, compared.append))
    for one in compared:
        if one.differing:
            err.print(f"{one.table}: {one.differing} rows differ from those that were read before.", highlight=False)


@app.command("token")
def issue_token(
    role: Annotated[Role, typer.Option(help="The role that the token speaks in.")],
    member: Annotated[str, typer.Option(help="The member as the spreadsheets write it, best a code as cw07.")],
    organisation: Organisation = None,
    person: Annotated[str | None, typer.Option(help="A mentor's or trainee's number in the spreadsheets.")] = None,
    days: Annotated[int, typer.Option(min=1, max=366, help="How long it is good for.")] = 90,
    link: Annotated[bool, typer.Option("--link", help="A sign-in link for a browser, good for one sign-in.")] = False,
    json: AsJson = False,
) -> None:
    """Issue a token for a member, an organisation and a role. It is shown once."""
    settings = _settings()
    with refusals(), _existing(settings) as dsn:
        token, handle = _run(_token(settings, dsn, role, member, organisation, person, timedelta(days=days), link))
    if json:
        print_json({"link" if link else "token": token, "role": role, "member": handle, "days": days})
    else:
        out.print(token, soft_wrap=True, highlight=False, markup=False)


@app.command("doctor")
def examine(json: AsJson = False) -> None:
    """Look the installation over: settings with their sources, keys, database, walls, projections."""
    settings = _settings()
    with refusals():
        if _installed(settings):
            with database(settings) as dsn:
                findings = _run(_examine(settings, dsn))
        else:
            findings = _run(doctor.examine(settings, None))
    explained = settings.explained()
    if json:
        print_json(
            {
                "settings": [{"name": name, "value": value, "source": source} for name, value, source in explained],
                "checks": findings,
            }
        )
    else:
        print_table("Settings", ("variable", "value", "from"), explained)
        print_table("Checks", ("check", "state", "found"), [(one.check, one.state, one.found) for one in findings])
    raise typer.Exit(NEEDS_YOU if any(one.state == "failed" for one in findings) else 0)


async def _demo(settings: Settings, dsn: str, exit_when_ready: bool, json: bool) -> None:
    await demo.keep_away_from_real_data(dsn)
    async with installation(settings, dsn) as opened:
        with progress("Importing the invented caseload") as show:
            ways = await demo.prepare(opened, settings, show)
        await Runner(dsn).catch_up()

        async def announce(port: int) -> bool:
            address = f"http://{settings.host}:{port}"
            links = {way.role: f"{address}{way.path}" for way in ways}
            if json:
                print_json({"address": address, "data": str(settings.data), "sign_in": links})
            else:
                print_ways_in(address, settings.data, ways, links)
            return not exit_when_ready

        await serving.serve(opened, settings.host, settings.port, project=True, listening=announce)


async def _serve(settings: Settings, dsn: str, worker: bool) -> None:
    telemetry = Telemetry.from_endpoint(settings.otlp_endpoint)

    async def announce(port: int) -> bool:
        err.print(f"Accompany answers on http://{settings.host}:{port}", highlight=False)
        return True

    try:
        async with installation(settings, dsn, telemetry) as opened:
            await serving.serve(
                opened,
                settings.host,
                settings.port,
                project=worker,
                prove_every=settings.prove_every,
                listening=announce,
            )
    finally:
        telemetry.close()


async def _import(settings: Settings, dsn: str, source: Path, name: str | None) -> Summary:
    async with installation(settings, dsn) as opened, _owner(dsn) as connection:
        organisation_id, zone = await _organisation(connection, name, settings)
        with progress("Importing") as show:
            summary, _ = await load(opened, connection, organisation_id, zone, source, settings.data / "refusals", show)
        await Runner(dsn).catch_up()
        return summary


async def _organisation(
    connection: psycopg.AsyncConnection[Any], name: str | None, settings: Settings
) -> tuple[UUID, ZoneInfo]:
    """The organisation to import into; the first one of an installation is set up here."""
    cursor = await connection.execute("SELECT count(*), bool_or(demo) FROM accompany.organisations")
    row = await cursor.fetchone()
    assert row is not None, "an aggregate answers one row"
    if row[1]:
        raise data_folder.HoldsDemo
    if row[0] == 0:
        organisation_id = new_id()
        zone = settings.time_zone
        await members.ensure_organisation(connection, organisation_id, name or "Our organisation", zone.key, demo=False)
        return organisation_id, zone
    organisation_id, zone_key = await members.organisation_by_name(connection, name)
    return organisation_id, ZoneInfo(zone_key)


async def _rebuild(
    settings: Settings,
    dsn: str,
    names: list[str],
    processes: int,
    progress: Callable[[int, int], None],
    compared: Callable[[Compared], None],
) -> None:
    async with installation(settings, dsn) as opened:
        settle_garbage()
        projections = [name for name in names if name != SEARCH]
        if projections or not names:
            await Runner(dsn).rebuild(projections, progress, compared, processes=processes)
        if SEARCH in names:
            await serving.watched_indexer(opened).rebuild(progress)


async def _token(
    settings: Settings,
    dsn: str,
    role: Role,
    label: str,
    organisation: str | None,
    person: str | None,
    lasts: timedelta,
    link: bool,
) -> tuple[str, str]:
    """The token or link, and the handle of the member it speaks for."""
    async with installation(settings, dsn) as opened, _owner(dsn) as connection:
        organisation_id, _ = await members.organisation_by_name(connection, organisation)
        member, is_new = await speaker(opened, connection, organisation_id, role, label.strip(), person)
        if is_new:
            err.print(
                f"This member is new: nobody was called so before. The handle is {member.handle}.", highlight=False
            )
        kind: Kind = "link" if link else "bearer"
        secret = await members.issue(connection, organisation_id, member.member_id, role, kind, lasts)
        return f"http://{settings.host}:{settings.port}/sign-in/{secret}" if link else secret, member.handle


async def _examine(settings: Settings, dsn: str) -> list[doctor.Finding]:
    findings = await doctor.examine(settings, dsn)
    if not any(one.state == "failed" for one in findings):
        findings += [*await doctor.projections(dsn), await doctor.search(dsn)]
        findings += await doctor_logs.logs(settings, dsn)
    return findings


def _settings() -> Settings:
    with refusals():
        return Settings.read(os.environ)


def _demo_settings(folder: Path | None) -> Settings:
    """Without a folder of its own, a demo goes beside the place for real data, never into it."""
    settings = _settings()
    if folder is None and settings.sources["ACCOMPANY_DATA"] == "default":
        folder = settings.data.with_name(f"{settings.data.name}-demo")
    return replace(settings, data=folder.absolute()) if folder else settings


@contextmanager
def _opened(settings: Settings, kind: data_folder.Kind, *, also: data_folder.Kind | None = None) -> Iterator[str]:
    """The database, after the data folder was found to be of the right kind."""
    try:
        data_folder.claim(settings.data, kind)
    except (data_folder.HoldsDemo, data_folder.HoldsRealData):
        if also is None:
            raise
        data_folder.claim(settings.data, also)
    with database(settings) as dsn:
        yield dsn


@contextmanager
def _existing(settings: Settings) -> Iterator[str]:
    """The database of an installation that is there already, of either kind. Raises NothingHere."""
    if not _installed(settings):
        raise data_folder.NothingHere
    with _opened(settings, "real", also="demo") as dsn:
        yield dsn


def _installed(settings: Settings) -> bool:
    return settings.database_url is not None or data_folder.holds_database(settings.data)


def _run[T](work: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


@asynccontextmanager
async def _owner(dsn: str) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True, connect_timeout=10) as connection:
        yield connection
