"""The key that an installation signs its logs with, and what it signed last: both outside the database.

The owner of the database can put back all of it to how it was yesterday. The file in the data folder then tells that more had been
signed, and nothing is signed again until somebody has looked.
"""

import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adapters.keys.key_file import KeyFileRefused, generate_secret, read_secret
from adapters.postgres.locks import locked_folder
from audit.checkpoint import Checkpoint, opened_checkpoint
from audit.note import Ed25519Signer, Ed25519Verifier, NoteRefused, VerifierKey, signed

KEY_NAME = "log-signing.key"
STATE_FOLDER = "log"


class SignedStateDamaged(Exception):
    """The file with the last signed checkpoint holds none of this key."""

    code: ClassVar[str] = "signed-state-damaged"

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"The file {path} holds no checkpoint that this installation signed. Restore it from a backup."
        )


@dataclass(frozen=True, slots=True)
class Signed:
    """A checkpoint and the note that it was signed as."""

    checkpoint: Checkpoint
    note: str


class LogKey:
    """One Ed25519 key, under the name of each log: the log's origin, which is the installation's followed by the log's own name."""

    def __init__(self, secret: bytes, origin: str | None = None) -> None:
        self._private_key = Ed25519PrivateKey.from_private_bytes(secret)
        # Nobody can be asked for a name at the first start, so it is made of the key. `.invalid` is nobody's domain (RFC 2606).
        public = self._private_key.public_key().public_bytes_raw()
        self._origin = origin or f"accompany-{hashlib.sha256(public).hexdigest()[:12]}.invalid"

    @classmethod
    def at(cls, folder: Path, origin: str | None, *, create: bool = True) -> Self:
        """The key in the data folder; made there at the first start, mode 0600. Raises KeyFileRefused."""
        path = folder / KEY_NAME
        try:
            return cls(read_secret(path), origin)
        except FileNotFoundError:
            if not create:
                raise KeyFileRefused(
                    f"There is no key to sign the log with at {path}. The first start of the service makes it."
                ) from None
        try:
            generate_secret(path)
            return cls(read_secret(path), origin)
        except OSError as error:
            raise KeyFileRefused(f"The key file {path} can't be made: {error.strerror}.") from None

    def origin(self, log: str) -> str:
        return f"{self._origin}/{log}"

    def verifier_key(self, log: str) -> VerifierKey:
        """The public key as it is handed to auditors and witnesses."""
        return self._signer(log).verifier_key

    def sign(self, log: str, size: int, root: bytes) -> Signed:
        checkpoint = Checkpoint(self.origin(log), size, root)
        return Signed(checkpoint, str(signed(checkpoint.text, self._signer(log))))

    def opened(self, log: str, note: str) -> Checkpoint:
        """What this key signed. Raises NoteRefused."""
        checkpoint, _ = opened_checkpoint(note.encode(), Ed25519Verifier(self.verifier_key(log)))
        return checkpoint

    def _signer(self, log: str) -> Ed25519Signer:
        return Ed25519Signer(self.origin(log), self._private_key)


class LastSigned:
    """The last checkpoint of each log and origin, in a file each. Whoever signs holds `alone` from reading until it is written."""

    def __init__(self, folder: Path, key: LogKey) -> None:
        self._folder = folder / STATE_FOLDER
        self._key = key

    @contextmanager
    def alone(self) -> Iterator[None]:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked_folder(self._folder):
            yield

    def read(self, log: str) -> Signed | None:
        """Raises SignedStateDamaged."""
        try:
            note = self._path(log).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError):
            raise SignedStateDamaged(self._path(log)) from None
        try:
            return Signed(self._key.opened(log, note), note)
        except NoteRefused:
            raise SignedStateDamaged(self._path(log)) from None

    def write(self, log: str, signed: Signed, drafted: Callable[[], None] = lambda: None) -> None:
        """Whole or not at all, and flushed. `drafted` is called before the file takes its place."""
        path = self._path(log)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w") as file:
                file.write(signed.note)
                file.flush()
                os.fsync(file.fileno())
            drafted()
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _path(self, log: str) -> Path:
        origin = hashlib.sha256(self._key.origin(log).encode()).hexdigest()[:12]
        return self._folder / f"{log}-{origin}.checkpoint"
