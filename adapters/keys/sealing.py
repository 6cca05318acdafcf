"""Seals a value under a person's key, bound to the one place where it stands. Format and vectors: docs/sealing.md."""

import os
import struct
from dataclasses import dataclass, field
from hmac import compare_digest, digest
from typing import ClassVar
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SECRET_BYTES = 32
SALT_BYTES = 32
COMMITMENT_BYTES = 32
TAG_BYTES = 16
FORMAT = 1

_SHA512 = hashes.SHA512()
_INFO = b"accompany sealed value 1"
# One nonce for all: the encryption key is derived from a fresh 256-bit salt and used for one message, so no pair of
# key and nonce comes twice, which is all that GCM asks of a nonce.
_NONCE = bytes(12)
_HEADER = struct.Struct(">BI")
_PLACE = struct.Struct(">I16sI16sIQ")
_PERSON = struct.Struct(">I16sII")
_U32 = struct.Struct(">I")


class Unreadable(Exception):
    """A sealed value that this key does not open at this place: moved, changed, sealed under another key, or erased."""

    code: ClassVar[str] = "sealed-unreadable"

    def __init__(self) -> None:
        super().__init__("A sealed value can't be read with the keys at hand.")


class KeyDestroyed(Unreadable):
    """Sealed under a key that was destroyed when the person was erased. It stays unreadable."""

    code: ClassVar[str] = "key-destroyed"


@dataclass(frozen=True, slots=True)
class DataKey:
    """One version of one person's key: 32 random bytes. Never stored unwrapped, never shown."""

    version: int
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != SECRET_BYTES or not 1 <= self.version < 2**32:
            raise ValueError("a data key has 32 bytes and a version from 1 on")

    @classmethod
    def generate(cls, version: int = 1) -> "DataKey":
        return cls(version, os.urandom(SECRET_BYTES))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sealed value stands; it opens nowhere else.

    `stream_id` and `stream_version` together are the event's id. `group` names the value within the event: the field
    that holds the id of the person whose data it is. Values outside the log have `table:` and their table's name as
    topic.
    """

    organisation_id: UUID
    stream_id: UUID
    stream_version: int
    topic: str
    schema_version: int
    group: str
    person_id: UUID


def seal(key: DataKey, plaintext: bytes, bound_to: Place) -> bytes:
    """Version byte, key version (u32), salt, commitment, ciphertext and tag: 85 bytes more than the plaintext."""
    return _HEADER.pack(FORMAT, key.version) + lock(
        key.secret, os.urandom(SALT_BYTES), plaintext, _associated(bound_to, key.version)
    )


def unseal(key: DataKey, sealed: bytes, bound_to: Place) -> bytes:
    """The plaintext, or Unreadable: the reason is not told apart."""
    if key_version(sealed) != key.version:
        raise Unreadable
    return unlock(key.secret, sealed[_HEADER.size :], _associated(bound_to, key.version))


def opening_key(key: DataKey, sealed: bytes, bound_to: Place) -> tuple[bytes, bytes]:
    """What opens this one value to somebody else, and its plaintext, or Unreadable: the step of HKDF between the person's key and this
    value's own. No other value opens with it (docs/sealing.md, "Opening one value to somebody else").
    """
    plaintext = unseal(key, sealed, bound_to)
    salt = sealed[_HEADER.size : _HEADER.size + SALT_BYTES]
    return digest(salt, key.secret, "sha512"), plaintext


def key_version(sealed: bytes) -> int:
    """The version of the person's key that a value was sealed under. Not yet authenticated; `unseal` does that."""
    if len(sealed) < _HEADER.size:
        raise Unreadable
    form, version = _HEADER.unpack_from(sealed)
    if form != FORMAT:
        raise Unreadable
    return int(version)


def lock(secret: bytes, salt: bytes, plaintext: bytes, associated: bytes) -> bytes:
    """Salt, commitment, ciphertext and tag. The salt is 32 random bytes that were never used before."""
    if len(salt) != SALT_BYTES:
        raise ValueError("a salt has 32 bytes")
    encryption_key, commitment = _derive(secret, salt)
    return salt + commitment + aes256gcm_encrypt(encryption_key, _NONCE, plaintext, associated)


def unlock(secret: bytes, locked: bytes, associated: bytes) -> bytes:
    """The plaintext, or Unreadable.

    AES-GCM alone lets somebody make one ciphertext that opens under two keys; the commitment names the one key before
    anything is decrypted.
    """
    salt, commitment = locked[:SALT_BYTES], locked[SALT_BYTES : SALT_BYTES + COMMITMENT_BYTES]
    ciphertext = locked[SALT_BYTES + COMMITMENT_BYTES :]
    if len(ciphertext) < TAG_BYTES:
        raise Unreadable
    encryption_key, expected = _derive(secret, salt)
    if not compare_digest(expected, commitment):
        raise Unreadable
    return aes256gcm_decrypt(encryption_key, _NONCE, ciphertext, associated)


def hkdf_sha512(secret: bytes, *, salt: bytes, info: bytes, length: int) -> bytes:
    """RFC 5869 with SHA-512; `length` in bytes, at most 16,320."""
    return HKDF(algorithm=_SHA512, length=length, salt=salt, info=info).derive(secret)


def aes256gcm_encrypt(key: bytes, nonce: bytes, plaintext: bytes, associated: bytes) -> bytes:
    """Ciphertext and tag (NIST SP 800-38D). The key has 32 bytes, the nonce 12."""
    return _aes256gcm(key, nonce).encrypt(nonce, plaintext, associated)


def aes256gcm_decrypt(key: bytes, nonce: bytes, ciphertext: bytes, associated: bytes) -> bytes:
    """The plaintext, or Unreadable."""
    try:
        return _aes256gcm(key, nonce).decrypt(nonce, ciphertext, associated)
    except InvalidTag:
        raise Unreadable from None


def length_prefixed(*fields: bytes) -> bytes:
    """Each field after its length (u32), so that no two lists of fields give the same bytes."""
    return b"".join(_U32.pack(len(part)) + part for part in fields)


def _aes256gcm(key: bytes, nonce: bytes) -> AESGCM:
    if len(key) != SECRET_BYTES or len(nonce) != len(_NONCE):
        raise ValueError("AES-256-GCM takes a key of 32 bytes and a nonce of 12")
    return AESGCM(key)


def _derive(secret: bytes, salt: bytes) -> tuple[bytes, bytes]:
    derived = hkdf_sha512(secret, salt=salt, info=_INFO, length=SECRET_BYTES + COMMITMENT_BYTES)
    return derived[:SECRET_BYTES], derived[SECRET_BYTES:]


def _associated(place: Place, key_version: int) -> bytes:
    """`length_prefixed` over all parts of the place and the key version, in the order of docs/sealing.md."""
    topic, group = place.topic.encode(), place.group.encode()
    return b"".join(
        (
            _PLACE.pack(16, place.organisation_id.bytes, 16, place.stream_id.bytes, 8, place.stream_version),
            _U32.pack(len(topic)),
            topic,
            _U32.pack(4),
            _U32.pack(place.schema_version),
            _U32.pack(len(group)),
            group,
            _PERSON.pack(16, place.person_id.bytes, 4, key_version),
        )
    )
