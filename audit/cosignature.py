"""C2SP cosignatures (c2sp.org/tlog-cosignature), the Ed25519 kind: a witness says that, as of a time, a checkpoint is the
largest consistent tree that it has seen of that log.
"""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.note import NoteRefused, Signature, VerifierKey, public_key, verifies

COSIGNATURE = 0x04
TIME_BYTES = 8
SIGNATURE_BYTES = 64


class Cosigner:
    """Signs a checkpoint's text together with the time at which it says so."""

    def __init__(self, name: str, private_key: Ed25519PrivateKey) -> None:
        self._private_key = private_key
        self.verifier_key = VerifierKey(name, COSIGNATURE, private_key.public_key().public_bytes_raw())

    def cosign(self, text: str, at: int) -> Signature:
        """`at` in seconds since 1970."""
        value = at.to_bytes(TIME_BYTES) + self._private_key.sign(_message(text.encode(), at))
        return Signature(self.verifier_key.name, self.verifier_key.key_id, value)


class CosignatureVerifier:
    """Raises NoteRefused for a key of another kind."""

    def __init__(self, key: VerifierKey) -> None:
        if key.kind != COSIGNATURE:
            raise NoteRefused("This key is for another kind of signature than a cosignature.")
        self.verifier_key = key
        self._public_key = public_key(key.public_key)

    @property
    def name(self) -> str:
        return self.verifier_key.name

    @property
    def key_id(self) -> bytes:
        return self.verifier_key.key_id

    def verifies(self, text: bytes, value: bytes) -> bool:
        if len(value) != TIME_BYTES + SIGNATURE_BYTES:
            return False
        at = int.from_bytes(value[:TIME_BYTES])
        return at < 2**63 and verifies(self._public_key, value[TIME_BYTES:], _message(text, at))


def cosigned_at(signature: Signature) -> int:
    """When a good cosignature was made, in seconds since 1970."""
    return int.from_bytes(signature.value[:TIME_BYTES])


def _message(text: bytes, at: int) -> bytes:
    return b"cosignature/v1\ntime %d\n" % at + text
