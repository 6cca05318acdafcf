"""`accompany backup`, `accompany restore` and `accompany prune-key-backups`."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from adapters.backup.making import make_backup, prune
from adapters.backup.restoring import LedgerNeeded, restore_backup
from adapters.console import err, out, print_json, progress, refusals
from adapters.data_folder import NothingHere, holds_database
from adapters.settings import Settings
from adapters.wiring import database

AsJson = Annotated[bool, typer.Option("--json", help="Answer with one JSON object on standard output.")]


def backup(
    folder: Annotated[Path, typer.Argument(help="Where the data go; a folder for this backup is made in it.")],
    keys: Annotated[Path, typer.Option(help="Where the people's keys go: another place than the data, kept shorter.")],
    keep_keys: Annotated[int, typer.Option(min=1, max=3650, help="For how many days the keys are kept.")] = 35,
    json: AsJson = False,
) -> None:
    """Back up the data and, apart from them, the people's keys. The key-encryption key is in neither: keep a copy of it yourself."""
    with refusals():
        settings = Settings.read(os.environ)
        if settings.database_url is None and not holds_database(settings.data):
            raise NothingHere
        with database(settings) as dsn, progress("Backing up") as show:
            made = make_backup(
                dsn, settings.keys_database_url, settings.data, folder, keys, timedelta(days=keep_keys), show
            )
    if json:
        print_json(
            {
                "data": str(made.data),
                "keys": str(made.keys),
                "position": made.manifest.position,
                "keys_end_on": made.manifest.keys_end_on,
            }
        )
        return
    out.print(f"Data, up to position {made.manifest.position}: {made.data}", highlight=False, soft_wrap=True)
    out.print(f"Keys, to be deleted after {made.manifest.keys_end_on}: {made.keys}", highlight=False, soft_wrap=True)
    err.print(
        "Not in either: the key-encryption key. Without it nothing in this backup can be read. Keep a copy of it in a third "
        "place. Keep the newest erasure-ledger.jsonl of the data folder as well: a restore needs it.",
        highlight=False,
        soft_wrap=True,
    )


def restore(
    folder: Annotated[Path, typer.Argument(help="The folder of one backup, as accompany-…")],
    keys: Annotated[Path, typer.Option(help="The folder with the keys of the same backup, as accompany-…-keys.")],
    ledger: Annotated[Path | None, typer.Option(help="The newest copy of the installation's erasure ledger.")] = None,
    no_newer_ledger: Annotated[
        bool, typer.Option("--no-newer-ledger", help="There is none: who was erased since the backup comes back.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Restore a backup into an empty installation. Whoever was erased since is erased again, before anything is served."""
    with refusals():
        if (ledger is None) != no_newer_ledger:
            raise LedgerNeeded
        settings = Settings.read(os.environ)
        with progress("Restoring") as show:
            restored = restore_backup(settings, folder, keys, ledger, show)
    if json:
        print_json(restored)
        return
    out.print(f"Restored up to position {restored.position}. Erased again: {restored.erased_again}.", highlight=False)
    err.print(
        "What was recorded after that position is lost. The transparency log goes on from there, under the same key: auditors "
        "and witnesses who saw a longer one will notice, and have to be told.",
        highlight=False,
        soft_wrap=True,
    )


def prune_key_backups(
    folder: Annotated[Path, typer.Argument(help="The place that `backup --keys` named.")], json: AsJson = False
) -> None:
    """Delete the backups of keys whose time is over, so that who was erased stays so. For a daily job."""
    with refusals():
        gone = prune(folder, datetime.now(UTC))
    if json:
        print_json({"deleted": [str(one) for one in gone]})
    else:
        for one in gone:
            out.print(str(one), highlight=False, soft_wrap=True)
