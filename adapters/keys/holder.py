"""What holds a key-encryption key, wherever that is: a file, a token, a cloud's key service."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol
from uuid import UUID

HOLDER_BYTES = 17
"""Stand in front of everything wrapped and name its key-encryption key: a byte for the kind, and 16 of its own."""


class KeysUnavailable(Exception):
    """The key ring can't be reached. Nothing was sealed or opened; the same can be asked again."""

    code: ClassVar[str] = "keys-unavailable"

    def __init__(self) -> None:
        super().__init__("The key ring can't be reached at the moment.")


class KeyHolderUnavailable(KeysUnavailable):
    """What holds the key-encryption key does not answer, or has it no more. The same can be asked again."""

    code: ClassVar[str] = "key-holder-unavailable"

    def __init__(self) -> None:
        Exception.__init__(self, "What holds the key of this service can't be reached at the moment.")


class KeyHolderRefused(Exception):
    """A start without the key-encryption key: it is missing, wrong or out of reach. The message says what to do."""

    code: ClassVar[str] = "key-holder-refused"


@dataclass(frozen=True, slots=True)
class PersonKey:
    """One version of one person's key."""

    organisation_id: UUID
    person_id: UUID
    version: int

    @property
    def bound(self) -> tuple[bytes, ...]:
        return self.organisation_id.bytes, self.person_id.bytes, self.version.to_bytes(4)

    @property
    def context(self) -> Mapping[str, str]:
        return {
            "organisation": str(self.organisation_id),
            "person": str(self.person_id),
            "key_version": str(self.version),
        }


@dataclass(frozen=True, slots=True)
class ServiceSecret:
    """A secret of the service itself, by its name."""

    name: str

    @property
    def bound(self) -> tuple[bytes, ...]:
        return (self.name.encode(),)

    @property
    def context(self) -> Mapping[str, str]:
        return {"service_secret": self.name}


type Subject = PersonKey | ServiceSecret
"""Whose 32 bytes are wrapped. They unwrap as this subject's alone; `bound` and `context` say the same in bytes and words."""


class KeyHolder(Protocol):
    """Wraps and unwraps secrets of 32 bytes. Never blocks the event loop for longer than a batch takes to compute."""

    @property
    def holder(self) -> bytes:
        """The 17 bytes in front of everything it wraps."""

    async def wrap(self, secrets: Sequence[tuple[Subject, bytes]]) -> list[bytes]:
        """Each secret as the key ring stores it. Raises KeyHolderUnavailable."""

    async def unwrap(self, wrapped: Sequence[tuple[Subject, bytes]]) -> list[bytes | None]:
        """Each secret; None for one that was damaged, moved or is another subject's. Raises KeyHolderUnavailable."""


def described(holder: bytes) -> str:
    """A holder's name as people may compare it. It tells nothing of the key."""
    kind = {1: "a key file", 2: "a PKCS#11 token", 3: "AWS KMS"}.get(holder[0], "an unknown kind of holder")
    return f"{kind}, id {holder[1:].hex()}"
