"""A PKCS#11 token (SoftHSM2) and a key service (moto's server), both really started, and out of reach when a test wants it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest

MODULES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
)
PIN = "4711-invented"
TOKENS = ("office", "next")
PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class SoftHsm:
    """Tokens in a folder. `environment` is what a process needs to find them."""

    folder: Path
    module: Path
    pin_file: Path

    @property
    def environment(self) -> dict[str, str]:
        return {"SOFTHSM2_CONF": str(self.folder / "softhsm2.conf")}

    def settings(self, token: str, key: str, prefix: str = "ACCOMPANY_") -> dict[str, str]:
        return {
            f"{prefix}KEY_HOLDER": "pkcs11",
            f"{prefix}PKCS11_MODULE": str(self.module),
            f"{prefix}PKCS11_TOKEN": token,
            f"{prefix}PKCS11_KEY": key,
            f"{prefix}PKCS11_PIN_FILE": str(self.pin_file),
        }

    @contextmanager
    def taken_out(self) -> Iterator[None]:
        """As if somebody had pulled the token out."""
        tokens = self.folder / "tokens"
        aside = tokens.rename(self.folder / "in-a-drawer")
        try:
            yield
        finally:
            aside.rename(tokens)


@contextmanager
def soft_hsm(folder: Path) -> Iterator[SoftHsm]:
    module = next((Path(one) for one in MODULES if Path(one).exists()), None)
    if module is None or shutil.which("softhsm2-util") is None:
        missing = "SoftHSM2 is not installed here"
        if os.environ.get("ACCOMPANY_REQUIRE_SOFTHSM"):
            pytest.fail(f"{missing}, and ACCOMPANY_REQUIRE_SOFTHSM asks for it")
        pytest.skip(missing)
    (folder / "tokens").mkdir(parents=True)
    hsm = SoftHsm(folder, module, folder / "pin")
    (folder / "softhsm2.conf").write_text(
        f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n"
    )
    hsm.pin_file.write_text(f"{PIN}\n")
    hsm.pin_file.chmod(0o600)
    for token in TOKENS:
        subprocess.run(
            ["softhsm2-util", "--init-token", "--free", "--label", token, "--so-pin", "so-invented", "--pin", PIN],
            env={**os.environ, **hsm.environment},
            check=True,
            capture_output=True,
        )
    yield hsm


class KeyService:
    """A running `moto_server` that does what AWS KMS does."""

    def __init__(self, process: subprocess.Popen[bytes], address: str) -> None:
        self._process = process
        self.address = address

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL_KMS": self.address,
            "AWS_ACCESS_KEY_ID": "invented",
            "AWS_SECRET_ACCESS_KEY": "invented",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def key(self) -> str:
        """The ARN of a new key."""
        client = boto3.client(
            "kms",
            region_name="eu-central-1",
            endpoint_url=self.address,
            aws_access_key_id="invented",
            aws_secret_access_key="invented",
        )
        return str(client.create_key()["KeyMetadata"]["Arn"])

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """It takes connections and answers nobody, as a service behind a broken line does; it keeps its keys."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)


@contextmanager
def key_service() -> Iterator[KeyService]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).with_name("moto_server")), "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                with urllib.request.urlopen(f"{address}/moto-api/", timeout=5):  # noqa: S310  # ours, on loopback
                    break
            except OSError:
                assert process.poll() is None, "moto_server has ended"
                assert time.monotonic() < deadline, "moto_server does not answer"
                time.sleep(0.1)
        yield KeyService(process, address)
    finally:
        process.kill()
        process.wait(PATIENCE)
