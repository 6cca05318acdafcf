"""`accompany audit`: for those who hold the record to account."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import psycopg
import typer

from adapters.commands.consents import prove_consents
from adapters.console import err, out, print_json, progress, refusals
from adapters.data_folder import NothingHere, holds_database
from adapters.evidence.logged import LOGS
from adapters.evidence.signing import LastSigned, LogKey
from adapters.evidence.verifying import Report, verify
from adapters.postgres.session import session
from adapters.settings import Settings
from adapters.wiring import database
from audit.checkpoint import Checkpoint

DISAGREES = 1

audit = typer.Typer(
    help="Check the record: against its transparency logs, and each act against its consent.", no_args_is_help=True
)
audit.command("consents")(prove_consents)
AsJson = Annotated[bool, typer.Option("--json", help="Answer with one JSON object on standard output.")]


@audit.command("key")
def print_keys(json: AsJson = False) -> None:
    """Print the public keys of the logs, for auditors, partners and witnesses."""
    with refusals():
        settings = Settings.read(os.environ)
        key = LogKey.at(settings.data, settings.log_origin, create=False)
    keys = {log.name: str(key.verifier_key(log.name)) for log in LOGS}
    if json:
        print_json(keys)
    else:
        for one in keys.values():
            out.print(one, soft_wrap=True, highlight=False, markup=False)


@audit.command("verify")
def verify_logs(
    checkpoint: Annotated[
        list[Path] | None, typer.Option(help="A checkpoint that you or a witness have kept; may be given again.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Recompute both logs from the rows: hashes, tree, tiles, every checkpoint. Names the first record that disagrees.

    Exit code 0: all agrees; 1: something does not; 3: it could not be looked at.
    """
    with refusals():
        settings = Settings.read(os.environ)
        if settings.database_url is None and not holds_database(settings.data):
            raise NothingHere
        key = LogKey.at(settings.data, settings.log_origin, create=False)
        with database(settings) as dsn:
            reports = verified(dsn, settings.data, key, [path.read_bytes() for path in checkpoint or ()])
    if json:
        print_json({"verified": all(one.verified for one in reports), "logs": reports})
    else:
        for report in reports:
            print_report(report)
    raise typer.Exit(0 if all(one.verified for one in reports) else DISAGREES)


def verified(dsn: str, folder: Path, key: LogKey, kept: Sequence[bytes] = ()) -> list[Report]:
    """A report on each log. Raises NoteRefused for a kept checkpoint that this installation has not signed."""
    last = LastSigned(folder, key)
    others: dict[str, list[Checkpoint]] = {log.name: [] for log in LOGS}
    for note in kept:
        name = next((log.name for log in LOGS if note.startswith(key.origin(log.name).encode() + b"\n")), LOGS[0].name)
        others[name].append(key.opened(name, note.decode(errors="replace")))
    reports = []
    with psycopg.connect(session(dsn, "accompany_worker", statement_timeout=0), autocommit=True) as connection:
        for log in LOGS:
            with progress(f"Verifying {log.name}") as show:
                signed = last.read(log.name)
                reports.append(
                    verify(connection, log, key, signed.checkpoint if signed else None, others[log.name], show)
                )
    return reports


def print_report(report: Report) -> None:
    """For people: the first thing that disagrees, in words."""
    if report.verified:
        out.print(
            f"[bold green]verified[/]  {report.log}: {report.rows} rows, {report.entries} entries, {report.tiles} tiles and "
            f"{report.checkpoints} checkpoints agree; {report.not_logged_yet} rows wait to be logged",
            highlight=False,
            soft_wrap=True,
        )
        return
    first, *others = report.disagreements
    where = f"position {first.position}" if first.position is not None else "the log as a whole"
    if first.stream is not None:
        where += f", record {first.stream}, version {first.version}"
    out.print(f"[bold red]{first.what}[/]  {report.log}: {where}", highlight=False, soft_wrap=True)
    out.print(f"  {first.said}", highlight=False, soft_wrap=True)
    if others:
        err.print(f"{report.count - 1} more disagreements; --json names the first {len(report.disagreements)}.")
