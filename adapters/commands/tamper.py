"""`accompany demo tamper`: watch somebody change the past, and be found out."""

from typing import Annotated

import psycopg
import typer
from rich.markup import escape

from adapters.commands.audit import print_report
from adapters.console import out, print_json, progress
from adapters.evidence.logged import LOGS
from adapters.evidence.signing import LastSigned, LogKey
from adapters.evidence.tampering import copied, tamper
from adapters.evidence.verifying import Report, verify
from adapters.postgres.session import session
from adapters.settings import Settings

NOT_FOUND = 1
AsJson = Annotated[bool, typer.Option("--json", help="Answer with one JSON object on standard output.")]


def tamper_with_a_copy(settings: Settings, dsn: str, json: bool) -> None:
    """Of the demo at `dsn`, which is only read. Exit code 1 if the change were not found."""
    key = LogKey.at(settings.data, settings.log_origin, create=False)
    # Before the copy is made, which so holds all that was signed.
    last = LastSigned(settings.data, key).read(LOGS[0].name)

    def verified(copy: str, title: str) -> Report:
        conninfo = session(copy, "accompany_worker", statement_timeout=0)
        with psycopg.connect(conninfo, autocommit=True) as connection, progress(title) as show:
            return verify(connection, LOGS[0], key, last.checkpoint if last else None, progress=show)

    with copied(dsn) as copy:
        before = verified(copy, "Verifying the copy")
        changed = tamper(copy)
        after = verified(copy, "Verifying it again")
    if json:
        print_json({"before": before, "changed": changed, "after": after})
    else:
        out.print("\n1. A copy of the demo's record, verified against its transparency log:", highlight=False)
        print_report(before)
        out.print(
            "\n2. Whoever owns the database switched the guard off and dated a consent thirty days earlier:\n"
            f"   position {changed.position}, record {changed.stream}, version {changed.version}: "
            f"{escape(changed.was)} became {escape(changed.now)}",
            highlight=False,
            soft_wrap=True,
        )
        out.print("\n3. Verified again:", highlight=False)
        print_report(after)
        out.print("\nThe demo itself was only read. The copy is gone.", highlight=False)
    named = after.disagreements and after.disagreements[0].position == changed.position
    raise typer.Exit(0 if before.verified and named else NOT_FOUND)
