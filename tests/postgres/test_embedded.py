"""The embedded server as people meet it: started, shared, killed, taken over, refused with a reason."""

import asyncio
import fcntl
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from adapters.postgres import home
from adapters.postgres.embedded import EmbeddedPostgres, EmbeddedPostgresError
from adapters.postgres.programs import Account, bundled_bin_dir
from tests.postgres_servers import VERSIONS, bin_dir_of, short_folder

AS_ROOT = os.geteuid() == 0
only_root = pytest.mark.skipif(not AS_ROOT, reason="only root runs PostgreSQL under another account")
only_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

OWNER = """
import sys
from pathlib import Path
from adapters.postgres.embedded import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]), durable=False)
server.start()
sys.stdout.write("started\\n")
sys.stdout.flush()
sys.stdin.readline()
server.stop()
"""


def embedded(folder: Path, bin_dir: Path | None = None) -> EmbeddedPostgres:
    return EmbeddedPostgres(folder, bin_dir, durable=False)


def process_of(folder: Path) -> int:
    return int((folder / "cluster" / "postmaster.pid").read_text().splitlines()[0])


def is_running(folder: Path) -> bool:
    """Whether any process of the folder's server is alive: they inherit its lock."""
    with (folder / "server.lock").open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not what():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def remember(dsn: str, word: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS remembered (word text)")
        connection.execute("INSERT INTO remembered VALUES (%s)", [word])


def remembered(dsn: str) -> list[str]:
    with psycopg.connect(dsn) as connection:
        return [word for (word,) in connection.execute("SELECT word FROM remembered ORDER BY word")]


def begin_owner(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", OWNER, str(folder)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def initialised() -> Iterator[Path]:
    """A database that was started and stopped once, to be copied: it takes a tenth of the time of making another."""
    with short_folder() as made:
        with embedded(made / "pg"):
            pass
        yield made / "pg"


@pytest.fixture
def folder(initialised: Path, reachable_folder: Path) -> Path:
    """A test's own copy of a database that nobody uses at the moment."""
    subprocess.run(["cp", "-a", initialised, reachable_folder / "pg"], check=True)
    return reachable_folder / "pg"


@contextmanager
def another_process(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process of its own that has started the folder's server; a line to its standard input makes it stop."""
    with begin_owner(folder) as owner:
        try:
            assert owner.stdout is not None
            assert owner.stdout.readline() == "started\n"
            yield owner
        finally:
            owner.kill()


def fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(65536))


def refusal(server: EmbeddedPostgres) -> str:
    """The code that the start is refused with."""
    try:
        server.start()
    except EmbeddedPostgresError as error:
        return error.code
    server.stop()
    return "none"


@pytest.mark.parametrize("version", VERSIONS)
def test_data_is_there_after_a_restart(reachable_folder: Path, version: str) -> None:
    server = EmbeddedPostgres(reachable_folder / "pg", bin_dir_of(version))
    with server:
        remember(server.dsn(), "kept")
        assert f"postgres-{server.version.split('.')[0]}" == version
    assert not is_running(reachable_folder / "pg")
    with server:
        assert remembered(server.dsn()) == ["kept"]


def test_a_warm_folder_starts_within_a_second(folder: Path) -> None:
    began = time.monotonic()
    with EmbeddedPostgres(folder) as server:
        took = time.monotonic() - began
        assert server.version
    assert took < 1


def test_the_url_serves_asynchronous_connections_too(folder: Path) -> None:
    async def database_name(dsn: str) -> object:
        async with await psycopg.AsyncConnection.connect(dsn) as connection:
            row = await (await connection.execute("SELECT current_database()")).fetchone()
            return row and row[0]

    with embedded(folder) as server:
        assert asyncio.run(database_name(server.dsn())) == "accompany"
        assert asyncio.run(database_name(server.dsn("postgres"))) == "postgres"


def test_a_killed_server_is_replaced_and_what_was_committed_is_there(folder: Path) -> None:
    with EmbeddedPostgres(folder) as server:
        remember(server.dsn(), "committed")
        killed = process_of(folder)
        os.kill(killed, signal.SIGKILL)
        assert remembered(server.start()) == ["committed"]
        assert process_of(folder) != killed
    assert not is_running(folder)


def test_a_server_whose_owner_was_killed_is_taken_over(folder: Path) -> None:
    with another_process(folder) as owner:
        left_running = process_of(folder)
        owner.kill()
        owner.wait()
        with embedded(folder) as server:
            remember(server.dsn(), "taken over")
            assert process_of(folder) == left_running
    assert not is_running(folder)


def test_a_server_killed_with_its_owner_leaves_nothing_in_the_way(folder: Path) -> None:
    with another_process(folder) as owner:
        os.kill(process_of(folder), signal.SIGKILL)
        owner.kill()
        owner.wait()
        with embedded(folder) as server:
            remember(server.dsn(), "started again")


def test_a_stale_pid_file_that_names_somebody_elses_process_is_cleared(folder: Path) -> None:
    with embedded(folder):
        pid_file = (folder / "cluster" / "postmaster.pid").read_text()
        socket_lock = (folder / "socket" / ".s.PGSQL.5432.lock").read_text()
    account = Account.for_cluster(folder / "cluster")
    with subprocess.Popen(["sleep", "60"], user=account.uid if AS_ROOT else None) as bystander:
        try:
            (folder / "socket").mkdir(mode=0o700)
            for name, text in (("cluster/postmaster.pid", pid_file), ("socket/.s.PGSQL.5432.lock", socket_lock)):
                (folder / name).write_text("\n".join([str(bystander.pid), *text.splitlines()[1:]]) + "\n")
                account.own(folder / name)
            with embedded(folder) as server:
                remember(server.dsn(), "started")
            assert bystander.poll() is None
        finally:
            bystander.kill()


def test_two_processes_share_a_folder_and_the_last_one_stops_the_server(folder: Path) -> None:
    with another_process(folder) as first:
        second = embedded(folder)
        second.start()
        shared = process_of(folder)
        first.communicate("stop\n", timeout=20)
        assert first.returncode == 0
        remember(second.dsn(), "still here")
        assert process_of(folder) == shared
        second.stop()
    assert not is_running(folder)


def test_processes_that_start_at_the_same_moment_share_one_server(reachable_folder: Path) -> None:
    owners = [begin_owner(reachable_folder / "pg") for _ in range(3)]
    try:
        answers = [owner.stdout.readline() for owner in owners if owner.stdout]
        assert answers == ["started\n"] * 3
        for owner in owners:
            owner.communicate("stop\n", timeout=20)
        assert [owner.returncode for owner in owners] == [0, 0, 0]
    finally:
        for owner in owners:
            owner.kill()
            owner.communicate()
    assert not is_running(reachable_folder / "pg")


def test_two_folders_are_served_side_by_side(reachable_folder: Path) -> None:
    with embedded(reachable_folder / "one") as one, embedded(reachable_folder / "two") as two:
        remember(one.dsn(), "one")
        remember(two.dsn(), "two")
        assert (remembered(one.dsn()), remembered(two.dsn())) == (["one"], ["two"])


def test_an_initialisation_that_was_killed_half_way_is_done_again(reachable_folder: Path) -> None:
    folder = reachable_folder / "pg"
    owner = begin_owner(folder)
    until((folder / "cluster.partial" / "PG_VERSION").exists)
    owner.kill()
    owner.communicate()
    assert not (folder / "cluster").exists()
    with embedded(folder) as server:
        remember(server.dsn(), "whole")
    assert not (folder / "cluster.partial").exists()


def test_nobody_else_may_read_the_folder_and_no_parent_is_changed(reachable_folder: Path) -> None:
    def mode(path: Path) -> int:
        return stat.S_IMODE(path.stat().st_mode)

    before = mode(reachable_folder)
    folder = reachable_folder / "pg"
    with embedded(folder):
        assert mode(folder) == (0o710 if AS_ROOT else 0o700)
        assert {name: mode(folder / name) for name in ("cluster", "socket", "password", "server.lock")} == {
            "cluster": 0o700,
            "socket": 0o700,
            "password": 0o600,
            "server.lock": 0o600,
        }
        open_to_others = [path for path in folder.rglob("*") if not path.is_socket() and mode(path) & 0o077]
        assert open_to_others == []
        assert mode(reachable_folder) == before


def test_a_wrong_password_is_refused(folder: Path) -> None:
    with embedded(folder) as server:
        password = (folder / "password").read_text().strip()
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(server.dsn().replace(password, "guessed"))
        (folder / "password").write_text("guessed")
        assert refusal(embedded(folder)) == "password-wrong"


def test_a_lost_password_file_is_named(folder: Path) -> None:
    (folder / "password").unlink()
    assert refusal(embedded(folder)) == "password-missing"


@only_linux
def test_no_port_is_open(folder: Path) -> None:
    with embedded(folder):
        server = Path(f"/proc/{process_of(folder)}")
        sockets = {os.readlink(open_file) for open_file in (server / "fd").iterdir()}
        ports = [row.split() for table in ("tcp", "tcp6") for row in (server / "net" / table).read_text().splitlines()]
        assert not sockets & {f"socket:[{row[9]}]" for row in ports}


@only_linux
def test_the_server_is_told_none_of_our_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCOMPANY_CANARY", "canary")
    with embedded(folder):
        environment = Path(f"/proc/{process_of(folder)}/environ").read_bytes()
        assert b"canary" not in environment


def test_what_people_told_does_not_reach_the_servers_log(folder: Path) -> None:
    with embedded(folder) as server, psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute("CREATE TABLE once (word text PRIMARY KEY)")
        connection.execute("INSERT INTO once VALUES ('canary')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO once VALUES (%s)", ["canary"])
        with pytest.raises(psycopg.errors.InvalidTextRepresentation):
            connection.execute("SELECT 'canary'::integer")
        # A process that dies makes PostgreSQL print its statement, unless it is told not to.
        death = threading.Timer(0.2, os.kill, (connection.info.backend_pid, signal.SIGKILL))
        death.start()
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 'canary' FROM pg_sleep(20)")
        death.join()
    log = (folder / "cluster" / "server.log").read_text()
    assert "was terminated by signal 9" in log
    assert "canary" not in log


def test_a_folder_too_deep_for_a_socket_keeps_it_elsewhere(reachable_folder: Path) -> None:
    folder = reachable_folder.joinpath(*["a-rather-long-name-for-a-folder"] * 4)
    with embedded(folder) as server, psycopg.connect(server.dsn()) as connection:
        elsewhere = Path(connection.info.host)
        assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o700
    assert not elsewhere.exists()


@only_root
def test_a_folder_that_the_servers_account_cannot_reach_becomes_a_link(
    reachable_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(home, "STATE_FOLDER", reachable_folder / "state")
    closed = reachable_folder / "closed"
    closed.mkdir(mode=0o700)
    with embedded(closed / "pg") as server:
        remember(server.dsn(), "elsewhere")
    assert (closed / "pg").readlink().parent == reachable_folder / "state"
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    with embedded(closed / "pg") as server:
        assert remembered(server.dsn()) == ["elsewhere"]
    shutil.rmtree(reachable_folder / "state")
    assert refusal(embedded(closed / "pg")) == "folder-damaged"


@only_root
def test_programs_in_a_closed_folder_are_copied_to_where_they_can_run(reachable_folder: Path) -> None:
    closed = reachable_folder / "closed"
    closed.mkdir(mode=0o700)
    package = bundled_bin_dir().parents[1]
    for part in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(part, closed / part.name, ignore=shutil.ignore_patterns("include", "*.a", "pginstall"))
    bin_dir = closed / bundled_bin_dir().relative_to(package.parent)
    with embedded(reachable_folder / "pg", bin_dir) as server:
        remember(server.dsn(), "runs")
    with embedded(reachable_folder / "pg", bin_dir) as server:
        assert remembered(server.dsn()) == ["runs"]


def test_an_ordinary_user_starts_one_too(reachable_folder: Path) -> None:
    folder = reachable_folder / "theirs" / "pg"
    folder.parent.mkdir()
    nobody = 65534
    if AS_ROOT:
        os.chown(folder.parent, nobody, nobody)
    # A fork, because root's Python may lie where nobody else may run it.
    child = os.fork()
    if child == 0:
        ended = 1
        try:
            if AS_ROOT:
                os.setgroups([])
                os.setgid(nobody)
                os.setuid(nobody)
            with embedded(folder) as server:
                remember(server.dsn(), "theirs")
                owned = (folder / "cluster").stat().st_uid == os.geteuid()
                ended = 0 if owned and remembered(server.dsn()) == ["theirs"] else 2
        finally:
            os._exit(ended)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    # Root, helping out later, leaves it theirs.
    with embedded(folder) as server:
        assert remembered(server.dsn()) == ["theirs"]
    assert {path.stat().st_uid for path in (folder, *folder.rglob("*"))} == {folder.parent.stat().st_uid}


def test_another_major_version_is_refused(folder: Path) -> None:
    assert refusal(embedded(folder, bin_dir_of("postgres-15"))) == "another-major-version"


def test_a_server_started_by_hand_is_left_alone(folder: Path) -> None:
    with embedded(folder):
        pass
    account = Account.for_cluster(folder / "cluster")
    pg_ctl, cluster = bundled_bin_dir() / "pg_ctl", folder / "cluster"
    (folder / "socket").mkdir(mode=0o700)
    account.own(folder / "socket")
    assert account.run(pg_ctl, "start", "-D", cluster, "-l", cluster / "by-hand.log").returncode == 0
    try:
        assert refusal(embedded(folder)) == "server-not-ours"
    finally:
        assert account.run(pg_ctl, "stop", "-D", cluster).returncode == 0


def test_a_folder_with_other_files_is_refused_untouched(reachable_folder: Path) -> None:
    letters = reachable_folder / "letters"
    letters.mkdir(mode=0o755)
    (letters / "letter.txt").write_text("dear")
    assert refusal(embedded(letters)) == "folder-in-use"
    assert [path.name for path in letters.iterdir()] == ["letter.txt"]
    assert stat.S_IMODE(letters.stat().st_mode) == 0o755


def test_a_damaged_data_folder_is_refused(folder: Path) -> None:
    (folder / "cluster" / "PG_VERSION").unlink()
    assert refusal(embedded(folder)) == "folder-damaged"


def test_missing_programs_are_named(reachable_folder: Path) -> None:
    assert refusal(embedded(reachable_folder / "pg", reachable_folder)) == "programs-missing"


@only_root
@pytest.mark.parametrize("megabytes", [8, 60])
def test_a_full_disk_is_named_and_nothing_is_lost(reachable_folder: Path, megabytes: int) -> None:
    disk = reachable_folder / "disk"
    disk.mkdir()
    tmpfs = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755", "tmpfs", str(disk)]
    if subprocess.run(tmpfs, capture_output=True, check=False).returncode != 0:
        pytest.skip("this root may not mount a small disk")
    try:
        if megabytes > 40:
            with embedded(disk / "pg") as server:
                remember(server.dsn(), "kept")
            ballast = disk / "ballast"
            with pytest.raises(OSError, match="No space left"):
                fill(ballast)
            assert refusal(embedded(disk / "pg")) == "disk-full"
            ballast.unlink()
            with embedded(disk / "pg") as server:
                assert remembered(server.dsn()) == ["kept"]
        else:
            assert refusal(embedded(disk / "pg")) == "disk-full"
            subprocess.run(["mount", "-o", "remount,size=200m", str(disk)], check=True)
            with embedded(disk / "pg") as server:
                remember(server.dsn(), "room enough")
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_every_refusal_says_what_to_do_and_not_the_password(folder: Path) -> None:
    with embedded(folder) as server:
        password = (folder / "password").read_text().strip()
        assert password in server.dsn()
        assert password not in repr(server)
    with pytest.raises(EmbeddedPostgresError, match="not started") as refused:
        server.dsn()
    assert refused.value.code == "not-started"
