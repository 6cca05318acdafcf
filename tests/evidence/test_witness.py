"""Witnesses: what they sign, what they refuse, and what they remember through a crash."""

import http.client
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adapters.evidence.asking import Answer, ask
from adapters.evidence.signing import LogKey
from adapters.evidence.witnessing import Witnessing
from adapters.postgres.session import session
from adapters.witness.seen import Refused, Seen, WitnessInUse
from adapters.witness.server import WitnessServer
from audit.add_checkpoint import AddCheckpoint
from audit.checkpoint import Checkpoint, opened_checkpoint
from audit.cosignature import CosignatureVerifier, Cosigner, cosigned_at
from audit.merkle import EMPTY_ROOT, Node, consistency_spans, leaf_hash, proof_from, root_of
from audit.note import Ed25519Signer, Ed25519Verifier, opened, signed
from audit.policy import Policy, Witness
from tests.evidence.kept_log import KeptLog

pytestmark = pytest.mark.anyio

ORIGIN = "example.org/accompany/events"
LOG = Ed25519Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\x01"))
COSIGNER = Cosigner("witness.example/w1", Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\x02"))
LEAVES = [leaf_hash(number.to_bytes(2)) for number in range(40)]
FORGED = [*LEAVES[:7], leaf_hash(b"another"), *LEAVES[8:]]


def checkpoint(size: int, leaves: list[bytes] = LEAVES) -> bytes:
    return signed(Checkpoint(ORIGIN, size, root_of(leaves[:size])).text, LOG).encoded()


def request(old: int, size: int, leaves: list[bytes] = LEAVES) -> AddCheckpoint:
    """With the proof that belongs to these leaves."""

    def node(wanted: Node) -> bytes:
        return root_of(leaves[wanted.number << wanted.level : (wanted.number + 1) << wanted.level])

    proof = proof_from(consistency_spans(old, size), node) if 0 < old <= size else []
    return AddCheckpoint(old, tuple(proof), checkpoint(size, leaves))


@pytest.fixture
def seen(tmp_path: Path) -> Seen:
    return Seen(
        tmp_path / "w" / "seen.sqlite", COSIGNER, [Ed25519Verifier(LOG.verifier_key)], now=lambda: 1_700_000_000
    )


def refusal(seen: Seen, asked: AddCheckpoint) -> tuple[int, int | None]:
    with pytest.raises(Refused) as refused:
        seen.cosign(asked)
    return refused.value.status, refused.value.size


def test_a_log_that_only_grows_is_signed(seen: Seen) -> None:
    for old, size in ((0, 3), (3, 3), (3, 8), (8, 33), (33, 40)):
        cosignature = seen.cosign(request(old, size))
        note = signed(Checkpoint(ORIGIN, size, root_of(LEAVES[:size])).text, LOG).with_signatures([cosignature])
        opened(note, [CosignatureVerifier(COSIGNER.verifier_key)])
        assert cosigned_at(cosignature) == 1_700_000_000
        assert seen.size(ORIGIN) == size


def test_the_empty_log_is_signed_and_grows(seen: Seen) -> None:
    empty = signed(Checkpoint(ORIGIN, 0, EMPTY_ROOT).text, LOG).encoded()
    seen.cosign(AddCheckpoint(0, (), empty))
    seen.cosign(request(0, 5))
    other = signed(Checkpoint(ORIGIN, 0, LEAVES[0]).text, LOG).encoded()
    assert refusal(seen, AddCheckpoint(0, (), other)) == (409, 5)


def test_a_log_put_back_to_yesterday_is_refused(seen: Seen) -> None:
    seen.cosign(request(0, 20))
    assert refusal(seen, request(0, 10)) == (409, 20)
    assert refusal(seen, request(10, 12)) == (409, 20)
    assert refusal(seen, AddCheckpoint(20, (), checkpoint(10))) == (400, None)
    assert seen.size(ORIGIN) == 20


def test_another_history_is_refused(seen: Seen) -> None:
    seen.cosign(request(0, 20))
    assert refusal(seen, request(20, 30, FORGED)) == (422, None)
    assert refusal(seen, request(20, 20, FORGED)) == (409, 20)
    assert refusal(seen, AddCheckpoint(20, (), checkpoint(30))) == (422, None)
    assert refusal(seen, AddCheckpoint(20, (*request(20, 30).proof, LEAVES[0]), checkpoint(30))) == (422, None)
    seen.cosign(request(20, 30))


def test_a_stranger_is_refused(seen: Seen) -> None:
    other = Ed25519Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\x09"))
    unknown = Ed25519Signer("else", Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\x09"))
    text = Checkpoint(ORIGIN, 3, root_of(LEAVES[:3])).text
    assert refusal(seen, AddCheckpoint(0, (), signed(text, other).encoded())) == (403, None)
    elsewhere = text.replace(ORIGIN, "else")
    assert refusal(seen, AddCheckpoint(0, (), signed(elsewhere, unknown).encoded())) == (404, None)
    assert refusal(seen, AddCheckpoint(0, (LEAVES[0],), checkpoint(3))) == (422, None)
    assert seen.size(ORIGIN) == 0


def test_two_that_ask_at_once_get_one_history(seen: Seen) -> None:
    outcomes: list[int | None] = []

    def ask_for(leaves: list[bytes]) -> None:
        try:
            seen.cosign(request(0, 20, leaves))
            outcomes.append(None)
        except Refused as refused:
            outcomes.append(refused.status)

    threads = [threading.Thread(target=ask_for, args=(leaves,)) for leaves in (LEAVES, FORGED) * 8]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count(None) == 1
    assert outcomes.count(409) == 15


def test_one_memory_has_one_witness(seen: Seen, tmp_path: Path) -> None:
    with pytest.raises(WitnessInUse):
        Seen(tmp_path / "w" / "seen.sqlite", COSIGNER, [])


KILLED = """
import os, signal, sys
from pathlib import Path
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from adapters.witness.seen import Seen
from audit.add_checkpoint import AddCheckpoint
from audit.cosignature import Cosigner
from audit.note import Ed25519Verifier, VerifierKey

class Dies(Cosigner):
    def cosign(self, text, at):
        os.kill(os.getpid(), signal.SIGKILL)

key = Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\\x02")
seen = Seen(Path(sys.argv[1]), Dies("witness.example/w1", key), [Ed25519Verifier(VerifierKey.parse(sys.argv[2]))])
seen.cosign(AddCheckpoint.parse(sys.stdin.buffer.read()))
"""


def test_what_a_witness_is_about_to_sign_it_has_remembered(tmp_path: Path) -> None:
    """Killed between the two, it has signed nothing and will sign nothing else."""
    file = tmp_path / "seen.sqlite"
    arguments = [sys.executable, "-c", KILLED, str(file), str(LOG.verifier_key)]
    died = subprocess.run(arguments, input=request(0, 20).encoded(), check=False)
    assert died.returncode == -signal.SIGKILL
    with sqlite3.connect(file) as database:
        assert database.execute("SELECT size FROM seen").fetchall() == [(20,)]
    database.close()
    again = Seen(file, COSIGNER, [Ed25519Verifier(LOG.verifier_key)])
    assert refusal(again, request(0, 20, FORGED)) == (409, 20)
    again.cosign(request(20, 20))


@contextmanager
def answering(seen: Seen) -> Iterator[str]:
    server = WitnessServer(("127.0.0.1", 0), seen)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_over_http_each_refusal_has_its_status(seen: Seen) -> None:
    with answering(seen) as address:
        host = address.removeprefix("http://")

        def post(body: bytes, path: str = "/add-checkpoint") -> tuple[int, str, bytes]:
            connection = http.client.HTTPConnection(host, timeout=10)
            connection.request("POST", path, body)
            answer = connection.getresponse()
            found = answer.status, answer.headers.get_content_type(), answer.read()
            connection.close()
            return found

        status, _, body = post(request(0, 20).encoded())
        assert (status, body[:4]) == (200, "— ".encode())
        assert body.endswith(b"\n")
        assert post(request(0, 10).encoded()) == (409, "text/x.tlog.size", b"20\n")
        assert post(request(20, 30, FORGED).encoded())[0] == 422
        assert post(b"old 20\n\nx")[0] == 400
        assert post(b"old 020\n\n" + checkpoint(30))[0] == 400
        assert post(b"x" * 100_000)[0] == 413
        assert post(request(20, 30).encoded(), "/")[0] == 404
        connection = http.client.HTTPConnection(host, timeout=10)
        connection.request("GET", "/add-checkpoint")
        assert connection.getresponse().status == 404
        connection.close()


def witness_at(address: str, cosigner: Cosigner = COSIGNER) -> Witness:
    return Witness("auditor", CosignatureVerifier(cosigner.verifier_key), address)


def test_a_client_knows_a_good_answer_from_a_bad_one(seen: Seen) -> None:
    with answering(seen) as address:
        assert ask(witness_at(address), request(0, 20)).cosignature is not None
        assert ask(witness_at(address), request(0, 20)) == Answer(trouble="witness-knows-another-size", size=20)
        assert ask(witness_at(address), request(20, 30, FORGED)) == Answer(trouble="witness-inconsistent")
        other = Cosigner("witness.example/w1", Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\x05"))
        assert ask(witness_at(address, other), request(20, 30)) == Answer(trouble="witness-answer-malformed")
        assert ask(witness_at(f"{address}/elsewhere"), request(30, 30)).trouble == "witness-knows-not-this-log"
    assert ask(witness_at(address), request(30, 30), timeout=1) == Answer(trouble="witness-unreachable")


def once(kept: KeptLog, policy: Policy, asking: Witnessing | None = None) -> Witnessing:
    asking = asking or Witnessing(kept.dsn, kept.key, policy, None)
    with psycopg.connect(session(kept.dsn, "accompany_worker", statement_timeout=60), autocommit=True) as connection:
        asking.once(connection)
    return asking


def watching(file: Path, cosigner: Cosigner, key: LogKey) -> Seen:
    return Seen(file, cosigner, [Ed25519Verifier(key.verifier_key("events"))])


async def test_what_two_witnesses_signed_is_what_is_served(one: KeptLog, tmp_path: Path) -> None:
    second = Cosigner("funder.example", Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\x03"))
    with (
        answering(watching(tmp_path / "w1", COSIGNER, one.key)) as first_at,
        answering(watching(tmp_path / "w2", second, one.key)) as second_at,
    ):
        policy = Policy.parse(
            f"witness auditor {COSIGNER.verifier_key} {first_at}\nwitness funder {second.verifier_key} {second_at}\n"
            "group both all auditor funder\nquorum both\n".encode()
        )
        await one.append(5)
        one.integrate(witnessed=False)
        assert not one.newest().witnessed
        asking = once(one, policy)
        await one.append(300)
        one.integrate(witnessed=False)
        once(one, policy, asking)
        # One that knows nothing of what the first one had asked for.
        await one.append(1)
        one.integrate(witnessed=False)
        once(one, policy)
    served = one.newest()
    assert served.witnessed
    verifiers = [CosignatureVerifier(COSIGNER.verifier_key), CosignatureVerifier(second.verifier_key)]
    found, good = opened_checkpoint(served.served.encode(), Ed25519Verifier(one.key.verifier_key("events")), verifiers)
    assert (found.size, len(good)) == (306, 3)
    assert one.query("SELECT witness, trouble, size FROM evidence.witnesses ORDER BY 1") == [
        ("auditor", None, 306),
        ("funder", None, 306),
    ]


async def test_one_of_two_is_not_enough_where_both_are_asked_for(one: KeptLog, tmp_path: Path) -> None:
    second = Cosigner("funder.example", Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\x03"))
    with answering(watching(tmp_path / "w1", COSIGNER, one.key)) as address:
        policy = Policy.parse(
            f"witness auditor {COSIGNER.verifier_key} {address}\nwitness funder {second.verifier_key} http://127.0.0.1:9\n"
            "group both all auditor funder\nquorum both\n".encode()
        )
        await one.append(5)
        one.integrate(witnessed=False)
        once(one, policy)
    assert not one.newest().witnessed
    assert one.query("SELECT trouble FROM evidence.witnesses WHERE witness = 'funder'") == [("witness-unreachable",)]


async def test_a_split_view_shown_to_two_witnesses_is_found_by_the_one_that_is_asked_next(
    one: KeptLog, tmp_path: Path
) -> None:
    """Whoever has the signing key and two databases shows each witness another history. As soon as one of the histories is shown to
    both, the other witness refuses, and `doctor` and the log name it."""
    other = Cosigner("funder.example", Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\x03"))
    first, second = watching(tmp_path / "w1", COSIGNER, one.key), watching(tmp_path / "w2", other, one.key)
    with answering(first) as first_at, answering(second) as second_at:
        to_first = Policy.parse(f"witness first {COSIGNER.verifier_key} {first_at}\nquorum first\n".encode())
        to_second = Policy.parse(f"witness second {other.verifier_key} {second_at}\nquorum second\n".encode())
        await one.append(5)
        one.integrate(witnessed=False)
        one.remember()
        await one.append(5)
        one.integrate(witnessed=False)
        once(one, to_first)
        # The other history: the database of before, and no file that would tell.
        one.put_back()
        for file in (one.folder / "log").iterdir():
            file.unlink()
        await one.append(5)
        one.integrate(witnessed=False)
        once(one, to_second)
        assert first.size(one.key.origin("events")) == second.size(one.key.origin("events")) == 10
        once(one, to_first)
        assert one.query("SELECT trouble, size FROM evidence.witnesses WHERE witness = 'first'") == [
            ("witness-conflict", 10)
        ]
        await one.append(1)
        one.integrate(witnessed=False)
        once(one, to_first)
        assert one.query("SELECT trouble, size FROM evidence.witnesses WHERE witness = 'first'") == [
            ("witness-inconsistent", 11)
        ]
