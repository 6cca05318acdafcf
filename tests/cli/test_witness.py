"""`accompany witness`, run by somebody else on a folder of their own, beside a service that asks it."""

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from audit.checkpoint import opened_checkpoint
from audit.cosignature import CosignatureVerifier
from audit.note import Ed25519Verifier, VerifierKey
from tests.cli.running import ACCOMPANY, PATIENCE, answer, environment, run, serving
from tests.evidence.waiting import until_true
from tests.installations import small_caseload

NAME = "witness.auditor.example"


@contextmanager
def witness(folder: Path, log_key: str, written: Path) -> Iterator[str]:
    asked = [
        str(ACCOMPANY),
        "witness",
        "serve",
        "--name",
        NAME,
        "--folder",
        str(folder),
        "--log",
        log_key,
        "--port",
        "0",
    ]
    with written.open("w") as output:
        process = subprocess.Popen(asked, stderr=output)
    try:
        deadline = time.monotonic() + PATIENCE
        while not (found := re.search(r"answers on (http://\S+)", written.read_text())):
            assert process.poll() is None, written.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield found[1]
    finally:
        process.terminate()
        process.wait(PATIENCE)


def test_the_checkpoint_that_is_served_is_signed_by_a_witness_elsewhere(tmp_path: Path, database: str) -> None:
    folder, policy = tmp_path / "auditor", tmp_path / "policy"
    env = environment(tmp_path / "data", DATABASE_URL=database)
    run("import", str(small_caseload(tmp_path / "caseload")), env=env)
    log_key = answer("audit", "key", env=env)["events"]
    key = run("witness", "key", "--name", NAME, "--folder", str(folder), env=env).stdout.strip()
    assert (folder / "witness.key").stat().st_mode & 0o777 == 0o600
    with witness(folder, log_key, tmp_path / "witness.log") as address:
        policy.write_text(f"witness auditor {key} {address}\nquorum auditor\n")
        with serving({**env, "ACCOMPANY_WITNESS_POLICY": str(policy)}, tmp_path / "serve.log") as service:
            until_true(database, "SELECT EXISTS (SELECT FROM evidence.checkpoints WHERE witnessed AND log = 'events')")
            served = httpx.get(f"{service.address}/log/events/checkpoint").content
        again = run("witness", "serve", "--name", NAME, "--folder", str(folder), "--log", log_key, env=env)
        assert (again.returncode, "witness-in-use" in again.stderr) == (3, True)
    log, auditor = Ed25519Verifier(VerifierKey.parse(log_key)), CosignatureVerifier(VerifierKey.parse(key))
    _, good = opened_checkpoint(served, log, [auditor])
    assert len(good) == 2

    policy.write_text("witness auditor nothing\n")
    refused = run("serve", env={**env, "ACCOMPANY_WITNESS_POLICY": str(policy)})
    assert (refused.returncode, "policy-refused" in refused.stderr) == (3, True)
