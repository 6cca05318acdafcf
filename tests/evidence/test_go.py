"""A program in Go, made of the Go checksum database's own packages, comes to the same result; and fails where a byte was changed."""

import base64
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adapters.evidence.reading import LogReader
from adapters.postgres.pool import Pool
from audit.cosignature import Cosigner
from audit.tiles import bundles_of, entries_of, tiles_of
from tests.cli.running import answer, environment, run, serving
from tests.evidence.kept_log import KeptLog
from tests.evidence.waiting import until_true
from tests.installations import small_caseload

pytestmark = pytest.mark.anyio

SOURCE = Path(__file__).parent / "go" / "verify.go"
PACKAGES = Path("/usr/share/gocode")
WITNESS = Cosigner("witness.example/w1", Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\x02"))


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built without a network from Debian's packages; without them the test is skipped, or fails where ACCOMPANY_REQUIRE_GO is set."""
    if not shutil.which("go") or not (PACKAGES / "src/golang.org/x/mod/sumdb/tlog").is_dir():
        missing = "Go or golang-golang-x-mod-dev is not installed here"
        if os.environ.get("ACCOMPANY_REQUIRE_GO"):
            pytest.fail(f"{missing}, and ACCOMPANY_REQUIRE_GO asks for it")
        pytest.skip(missing)
    built = tmp_path_factory.mktemp("go") / "verify"
    how = {"GO111MODULE": "off", "GOPATH": str(PACKAGES), "GOFLAGS": "", "CGO_ENABLED": "0"}
    subprocess.run(["go", "build", "-o", built, SOURCE], env={**os.environ, **how}, check=True)
    return built


@contextmanager
def static(folder: Path) -> Iterator[str]:
    """Tiles need no program of ours to be served: any file server will do."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def as_files(reader: LogReader) -> dict[str, bytes]:
    """The log as it is served, by path, its checkpoint signed by a witness as well."""
    checkpoint = await reader.newest()
    cosignature = WITNESS.cosign(checkpoint.note.split("\n\n")[0] + "\n", 1_700_000_000)
    tiles = {
        f"tile/{tile.path}": await reader.tile(tile)
        for tile in (*tiles_of(checkpoint.size), *bundles_of(checkpoint.size))
    }
    return {"checkpoint": (checkpoint.note + cosignature.line()).encode(), **tiles}


def write(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


async def test_go_agrees_and_notices_each_changed_byte(one: KeptLog, program: Path, tmp_path: Path) -> None:
    await one.append(300)
    one.integrate()
    (tmp_path / "old").write_text(one.newest().note, encoding="utf-8")
    await one.append(400)
    one.integrate()
    folder = tmp_path / "log"
    async with Pool(one.dsn) as pool:
        reader = LogReader(pool, "events", one.key.origin("events"))
        files = await as_files(reader)
        write(folder, files)
        entry_at_256 = entries_of(files["tile/entries/001"])[0]
        newest = await reader.newest()
        (tmp_path / "proof").write_bytes((await reader.proof(257, newest)).encoded())
        proof = await reader.consistency(300, 700)
        lines = "".join(f"{base64.b64encode(one).decode()}\n" for one in proof)
        (tmp_path / "consistency").write_text(lines)

    with static(folder) as address:

        def verify(entry: bytes = entry_at_256) -> subprocess.CompletedProcess[str]:
            proofs = [f"-{name}={tmp_path / name}" for name in ("old", "consistency", "proof")]
            about = [f"-url={address}", f"-key={one.key.verifier_key('events')}", f"-witness={WITNESS.verifier_key}"]
            asked = [str(program), *about, *proofs, f"-entry={base64.b64encode(entry).decode()}"]
            return subprocess.run(asked, capture_output=True, text=True, timeout=60, check=False)

        done = verify()
        assert (done.returncode, done.stdout) == (0, "700 entries\n"), done.stderr
        assert "inclusion" in verify(entry_at_256[:-1] + b"?").stderr
        # Each of these is one flipped bit, and Go says where.
        for file, at, said in (
            (folder / "checkpoint", 40, "checkpoint"),
            (folder / "tile/0/001", 70, "tile/0/001"),
            (folder / "tile/0/002.p/188", 70, "tile/0/002.p/188"),
            (folder / "tile/1/000.p/2", 0, "tile/1/000.p/2"),
            (folder / "tile/entries/001", 70, "tile/0/001"),
            (tmp_path / "consistency", 3, "consistency"),
            (tmp_path / "proof", 50, "inclusion"),
        ):
            whole = file.read_bytes()
            file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            changed = verify()
            assert changed.returncode == 1, file
            assert said in changed.stderr, (file, changed.stderr)
            file.write_bytes(whole)
        assert verify().returncode == 0


def test_the_log_of_a_running_service_satisfies_go(program: Path, tmp_path: Path, database: str) -> None:
    env = environment(tmp_path / "data", DATABASE_URL=database)
    run("import", str(small_caseload(tmp_path / "caseload")), env=env)
    with serving(env, tmp_path / "serve.log") as service:
        until_true(database, "SELECT EXISTS (SELECT FROM evidence.checkpoints JOIN evidence.logs USING (log, size))")
        for log, key in answer("audit", "key", env=env).items():
            asked = [str(program), f"-url={service.address}/log/{log}", f"-key={key}"]
            if log == "events":
                assert subprocess.run(asked, check=False).returncode == 0
