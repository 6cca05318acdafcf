"""The folder that an embedded PostgreSQL lives in: private, and in reach of the account it runs under.

home/                  0700, or 0710 for root: root's own, and PostgreSQL's account may pass through
    starting.lock      held while a server is started or stopped
    users.lock         shared by everyone who uses the server; the last one stops it
    server.lock        inherited by the server and all its processes: free means that none of them is alive
    password           the superuser's, 0600
    cluster/           PostgreSQL's own data folder, 0700, with its server.log
    socket/            0700
    programs-18.4/     a copy of PostgreSQL's programs, only where the installed ones are out of its reach
"""

import os
import secrets
import shutil
import tempfile
from pathlib import Path

from adapters.postgres.locks import locked_folder
from adapters.postgres.programs import Account, EmbeddedPostgresError

# Where a database of root's goes when root names a folder that PostgreSQL's account can't reach, as below /root.
STATE_FOLDER = Path("/var/lib/accompany")

# The shorter of the limits: 107 bytes on Linux, 103 on macOS.
LONGEST_SOCKET_PATH = 103


def settle(folder: Path, account: Account) -> Path:
    """Make the folder ready for PostgreSQL and answer where it really is. No parent's permissions are touched.

    As root, a new folder that the account can't reach becomes a link to one under `STATE_FOLDER`.
    """
    if folder.is_symlink() and not folder.exists():
        raise EmbeddedPostgresError(
            "folder-damaged", f"{folder} is a link to a folder that is gone. Put that folder back, or remove the link."
        )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    home = folder.resolve()
    if not (home / "starting.lock").exists() and any(home.iterdir()):
        raise EmbeddedPostgresError(
            "folder-in-use", f"{home} holds files that are not an Accompany database. Name an empty or a new folder."
        )
    _make_private(home, account)
    if account.reaches(home):
        return home
    if (home / "cluster").exists():
        raise EmbeddedPostgresError(
            "folder-unreachable",
            f"PostgreSQL's account can no longer reach {home}: a folder above it was closed. Let others pass through "
            "that folder again, or move the database to where they may pass.",
        )
    return _elsewhere(folder, account)


def write_private(path: Path, text: str, account: Account) -> None:
    """Write a file whole or not at all, readable by the account only. A link that stands in its place is replaced."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        account.own(file.fileno())
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def flush_folder(folder: Path) -> None:
    """Make the names in a folder last through a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def fresh_socket_folder(home: Path, account: Account) -> Path:
    """An empty private folder for the socket: in `home`, or under /tmp where that would be too long for a socket."""
    sockets = home / "socket"
    shutil.rmtree(sockets, ignore_errors=True)
    if len(os.fsencode(sockets / ".s.PGSQL.5432")) <= LONGEST_SOCKET_PATH:
        sockets.mkdir(mode=0o700)
    else:
        # Not TMPDIR: it may be as long, and root's may be out of the account's reach.
        sockets = Path(tempfile.mkdtemp(prefix="accompany-", dir="/tmp"))
    account.own(sockets)
    return sockets


def discard_socket_folder(sockets: Path, account: Account) -> None:
    """Remove the socket folder of a server that is gone, if it is one that `fresh_socket_folder` made."""
    try:
        owner = sockets.lstat().st_uid
    except FileNotFoundError:
        return
    if owner == account.uid and (sockets.name == "socket" or sockets.name.startswith("accompany-")):
        shutil.rmtree(sockets, ignore_errors=True)


def _make_private(home: Path, account: Account) -> None:
    if home.stat().st_uid == account.uid:
        home.chmod(0o700)
    else:
        # Root's own with a way through, so that root never follows a link that PostgreSQL's account has laid.
        os.chown(home, 0, account.gid)
        home.chmod(0o710)


def _elsewhere(folder: Path, account: Account) -> Path:
    with locked_folder(folder.parent):
        if folder.is_symlink():
            return folder.resolve()
        if not STATE_FOLDER.exists():
            STATE_FOLDER.mkdir()
            STATE_FOLDER.chmod(0o755)
        home = STATE_FOLDER / f"{folder.resolve().name}-{secrets.token_hex(4)}"
        home.mkdir(mode=0o700)
        _make_private(home, account)
        if not account.reaches(home):
            home.rmdir()
            raise EmbeddedPostgresError(
                "folder-unreachable",
                f"PostgreSQL's account can reach neither {folder} nor {STATE_FOLDER}. Name a data folder that others "
                "may pass through to, or start as an ordinary user.",
            )
        folder.rmdir()
        folder.symlink_to(home)
        return home
