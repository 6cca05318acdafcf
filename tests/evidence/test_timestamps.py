"""RFC 3161: a real authority, made of OpenSSL, stamps the checkpoints; OpenSSL verifies the stamps."""

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psycopg
import pytest

from adapters.evidence.timestamps import Authority, TimestampFailed
from adapters.evidence.witnessing import Witnessing
from adapters.postgres.session import session
from tests.evidence.kept_log import KeptLog

pytestmark = pytest.mark.anyio

CONFIGURATION = """
[req]
distinguished_name = name
prompt = no
x509_extensions = stamping
[name]
CN = An invented timestamping authority
[stamping]
extendedKeyUsage = critical,timeStamping
keyUsage = critical,digitalSignature
basicConstraints = critical,CA:FALSE
[tsa]
default_tsa = authority
[authority]
serial = serial
crypto_device = builtin
signer_cert = certificate.pem
certs = certificate.pem
signer_key = key.pem
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
accuracy = secs:1
ordering = no
tsa_name = no
ess_cert_id_chain = no
"""


@pytest.fixture
def openssl(tmp_path: Path) -> Path:
    """A folder with an authority's key and certificate."""
    if not shutil.which("openssl"):
        if os.environ.get("ACCOMPANY_REQUIRE_OPENSSL"):
            pytest.fail("openssl is not installed here, and ACCOMPANY_REQUIRE_OPENSSL asks for it")
        pytest.skip("openssl is not installed here")
    folder = tmp_path / "authority"
    folder.mkdir()
    (folder / "openssl.cnf").write_text(CONFIGURATION)
    (folder / "serial").write_text("01\n")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -config openssl.cnf"
    made = [*command.split(), "-keyout", "key.pem", "-out", "certificate.pem"]
    subprocess.run(made, cwd=folder, check=True, capture_output=True)
    return folder


@contextmanager
def authority(folder: Path, *, answers: bytes | None = None) -> Iterator[str]:
    """`answers` is answered to everything, instead of what was asked for."""

    class Stamping(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.headers["Content-Type"] == "application/timestamp-query"
            (folder / "query").write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
            command = "openssl ts -reply -config openssl.cnf -queryfile query -out response"
            subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
            body = answers if answers is not None else (folder / "response").read_bytes()
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Stamping)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/tsr"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def verifies(folder: Path) -> bool:
    command = "openssl ts -verify -in stamp -CAfile certificate.pem -data note"
    return subprocess.run(command.split(), cwd=folder, capture_output=True, check=False).returncode == 0


async def test_a_checkpoint_is_stamped_and_openssl_verifies_the_stamp(one: KeptLog, openssl: Path) -> None:
    await one.append(5)
    one.integrate()
    with authority(openssl) as url:
        asking = Witnessing(one.dsn, one.key, None, Authority(url))
        with psycopg.connect(session(one.dsn, "accompany_worker", statement_timeout=60), autocommit=True) as connection:
            asking.once(connection)
            asking.once(connection)
    [(size, response)] = one.query("SELECT size, response FROM evidence.timestamps")
    assert size == 5
    (openssl / "stamp").write_bytes(response)
    (openssl / "note").write_text(one.newest().note, encoding="utf-8")
    assert verifies(openssl)
    (openssl / "note").write_text(one.newest().note.replace("5", "6", 1), encoding="utf-8")
    assert not verifies(openssl)


def test_an_answer_to_another_question_is_no_stamp(openssl: Path) -> None:
    with authority(openssl) as url:
        earlier = Authority(url).stamp(b"another")
    for answers, code in ((earlier, "timestamp-differs"), (b"", "timestamp-refused"), (b"x" * 99, "timestamp-refused")):
        with authority(openssl, answers=answers) as url, pytest.raises(TimestampFailed) as failed:
            Authority(url).stamp(b"this")
        assert failed.value.code == code
    with pytest.raises(TimestampFailed) as failed:
        Authority(url).stamp(b"this")
    assert failed.value.code == "timestamp-unreachable"
