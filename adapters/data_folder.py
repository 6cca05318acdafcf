"""The folder that holds one installation: its database, its keys and its reports. A demo and real data never share one."""

import os
from pathlib import Path
from typing import Literal

from adapters.keys.key_file import FILE_NAME
from adapters.postgres.home import flush_folder
from domain.errors import Invalid, NotFound, RuleBroken

type Kind = Literal["demo", "real"]

DATABASE = "postgres"
MARK = "what-is-in-here.txt"
RESTORING = "restoring"
_TEXT: dict[Kind, str] = {
    "demo": "demo\nInvented people. `accompany demo` made this folder; it can be deleted.\n",
    "real": "real\nAn installation of Accompany: people's records and the key that opens them. Back it up.\n"
    "Where `postgres` is a link, the database is in the place that it leads to: back that up as well.\n",
}
# Found without a mark, they are taken for real.
_TRACES = (FILE_NAME, DATABASE)


class HoldsRealData(RuleBroken):
    code = "holds-real-data"
    message = (
        "This folder holds real data, and a demo keeps away from it. Name another folder, as in ACCOMPANY_DATA=./demo."
    )


class HoldsDemo(RuleBroken):
    code = "holds-demo"
    message = "This folder holds the demo's invented people. Real data needs a folder of its own: set ACCOMPANY_DATA."


class FolderUnusable(Invalid):
    code = "folder-unusable"
    message = "The data folder can't be written to. Name another with ACCOMPANY_DATA."


class FolderNotOurs(RuleBroken):
    code = "folder-not-ours"
    message = (
        "This folder holds files that Accompany did not make. Name an empty folder, or one that does not exist yet."
    )


class NothingHere(NotFound):
    code = "nothing-here"
    message = (
        "There is no installation in this folder. Import a caseload or start the service first, or set ACCOMPANY_DATA."
    )


class RestoreUnfinished(RuleBroken):
    code = "restore-unfinished"
    message = (
        "A backup was being restored into this folder, and that did not come to its end. Nothing is served from half a backup: delete the "
        "folder, and with DATABASE_URL the database, and restore again."
    )


def begin_restoring(folder: Path) -> None:
    """From here on nothing is served from the folder, until `end_restoring`."""
    (folder / RESTORING).touch(mode=0o600)
    flush_folder(folder)


def end_restoring(folder: Path) -> None:
    (folder / RESTORING).unlink()
    flush_folder(folder)


def is_restoring(folder: Path) -> bool:
    return (folder / RESTORING).exists()


def holds_database(folder: Path) -> bool:
    """Whether an embedded database was made here, be it whole or damaged."""
    return os.path.lexists(folder / DATABASE)


def claim(folder: Path, kind: Kind) -> None:
    """Makes the folder (mode 0700) and marks it, or finds it marked so.

    Raises HoldsRealData, HoldsDemo, RestoreUnfinished or FolderUnusable.
    """
    if is_restoring(folder):
        raise RestoreUnfinished
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        mark = folder / MARK
        if not mark.exists():
            if kind == "demo" and any((folder / name).exists() for name in _TRACES):
                raise HoldsRealData
            draft = folder / f".{MARK}.{os.getpid()}"
            draft.write_text(_TEXT[kind], encoding="utf-8")
            draft.rename(mark)
        found = mark.read_text(encoding="utf-8").partition("\n")[0]
    except OSError:
        raise FolderUnusable from None
    if found != kind:
        raise HoldsRealData if kind == "demo" else HoldsDemo
