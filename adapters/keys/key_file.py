"""The key-encryption key, held in a file.

For evaluation and small offices: whoever copies both the file and the database reads everything.
"""

import os
import secrets
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

from adapters.keys.holder import HOLDER_BYTES, Subject
from adapters.keys.sealing import SALT_BYTES, SECRET_BYTES, Unreadable, hkdf_sha512, length_prefixed, lock, unlock

FILE_NAME = "key-encryption.key"
HELD_IN_FILE = b"\x01"


class KeyFileRefused(Exception):
    """The key file is missing, open to others, or no key. The message says what to do and never shows the key."""

    code: ClassVar[str] = "key-file-refused"


class KeyFile:
    """A key holder of the 32 bytes in one file.

    Its name is 1 (a file) and 16 bytes derived from the key. `digest_key` and `identifier_key` (32 bytes each) were the service's
    own secrets before the ring kept them; a ring of that time goes on with the same ones.
    """

    def __init__(self, secret: bytes) -> None:
        if len(secret) != SECRET_BYTES:
            raise ValueError("a key-encryption key has 32 bytes")
        self.holder = HELD_IN_FILE + _derived(secret, "key id", HOLDER_BYTES - 1)
        self.digest_key = _derived(secret, "request digests")
        self.identifier_key = _derived(secret, "identifiers")
        self._wrapping_key = _derived(secret, "key wrapping")

    @classmethod
    def at(cls, path: Path, *, create: bool = True) -> Self:
        """The key at `path`; generated there, mode 0600, at the first start. Two first starts at once agree on one key.

        Raises KeyFileRefused for a file that others may read, that somebody else owns, or that has not 32 bytes; and,
        with `create` off, for a missing one.
        """
        try:
            return cls(read_secret(path))
        except FileNotFoundError:
            if not create:
                raise KeyFileRefused(
                    f"There is no key file at {path}. Put the one back that the data were sealed with."
                ) from None
        try:
            generate_secret(path)
            return cls(read_secret(path))
        except OSError as error:
            raise KeyFileRefused(f"The key file {path} can't be made: {error.strerror}.") from None

    async def wrap(self, secrets: Sequence[tuple[Subject, bytes]]) -> list[bytes]:
        return [
            self.holder + lock(self._wrapping_key, os.urandom(SALT_BYTES), secret, self._associated(subject))
            for subject, secret in secrets
        ]

    async def unwrap(self, wrapped: Sequence[tuple[Subject, bytes]]) -> list[bytes | None]:
        return [self._unwrapped(subject, one) for subject, one in wrapped]

    def _unwrapped(self, subject: Subject, wrapped: bytes) -> bytes | None:
        if wrapped[:HOLDER_BYTES] != self.holder:
            return None
        try:
            return unlock(self._wrapping_key, wrapped[HOLDER_BYTES:], self._associated(subject))
        except Unreadable:
            return None

    def _associated(self, subject: Subject) -> bytes:
        return length_prefixed(self.holder, *subject.bound)


def _derived(secret: bytes, purpose: str, length: int = SECRET_BYTES) -> bytes:
    return hkdf_sha512(secret, salt=b"", info=f"accompany {purpose} 1".encode(), length=length)


def read_secret(path: Path) -> bytes:
    """32 bytes that are nobody else's to read. Raises FileNotFoundError or KeyFileRefused."""
    try:
        # A link could point at a file that somebody else may replace.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise KeyFileRefused(
            f"The key file {path} can't be opened: {error.strerror}. It must be a plain file, not a link."
        ) from None
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise KeyFileRefused(f"The key file {path} is not a plain file.")
        if found.st_uid != os.geteuid():
            raise KeyFileRefused(
                f"The key file {path} belongs to user {found.st_uid}, and this runs as user {os.geteuid()}. "
                "Start it as the owner of the file, or give the file to the user that it runs as."
            )
        if stat.S_IMODE(found.st_mode) & ~0o600:
            raise KeyFileRefused(
                f"The key file {path} is open to more than its owner (mode {stat.S_IMODE(found.st_mode):04o}). "
                f"Run: chmod 600 {path}. If others could read it, take it for known to them."
            )
        secret = os.read(descriptor, SECRET_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(secret) != SECRET_BYTES:
        raise KeyFileRefused(
            f"The key file {path} has not the 32 bytes of a key. Put the one back that the data were sealed with."
        )
    return secret


def generate_secret(path: Path) -> None:
    """Whole or not at all: written beside, synced, then linked to its name, which fails if somebody else was first."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            # The umask may have taken the owner's own rights.
            os.fchmod(descriptor, 0o600)
            file.write(secrets.token_bytes(SECRET_BYTES))
            file.flush()
            os.fsync(descriptor)
        try:
            os.link(draft, path)
        except FileExistsError:
            return
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        os.unlink(draft)
