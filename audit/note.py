"""C2SP signed notes (c2sp.org/signed-note): a text and signature lines, each naming its key.

A note's text means nothing until `opened` has found it signed by a key that is trusted. Signature types are told apart by one byte, so
that another algorithm is another pair of signer and verifier, and old readers ignore its lines.
"""

import base64
import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import ClassVar, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = 0x01
KEY_ID_BYTES = 4
# The specification asks for 16 at least.
MOST_SIGNATURES = 100
LARGEST_NOTE = 1_000_000
_DASH = "— "


class NoteRefused(Exception):
    """No note, or not signed by whom it should be."""

    code: ClassVar[str] = "note-refused"


@dataclass(frozen=True, slots=True)
class Signature:
    """One line: who signed, with which key, and what came out."""

    name: str
    key_id: bytes
    value: bytes

    def line(self) -> str:
        return f"{_DASH}{self.name} {base64.b64encode(self.key_id + self.value).decode()}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A text, which ends in a newline, and its signatures, not verified yet."""

    text: str
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        return f"{self.text}\n{''.join(signature.line() for signature in self.signatures)}"

    def encoded(self) -> bytes:
        return str(self).encode()

    def with_signatures(self, more: Iterable[Signature]) -> "Note":
        """The same with further signatures, none of them twice."""
        return Note(self.text, tuple(dict.fromkeys((*self.signatures, *more))))


class Verifier(Protocol):
    """A key that is trusted, by its name and id."""

    @property
    def name(self) -> str: ...
    @property
    def key_id(self) -> bytes: ...

    def verifies(self, text: bytes, value: bytes) -> bool:
        """Whether the signature is good for this text."""
        ...


class Signer(Protocol):
    """A key that signs, by its name and id."""

    @property
    def name(self) -> str: ...
    @property
    def key_id(self) -> bytes: ...

    def sign(self, text: bytes) -> bytes: ...


def key_id(name: str, kind: int, public_key: bytes) -> bytes:
    """SHA-256(name, newline, kind, public key), its first four bytes."""
    return sha256(name.encode() + b"\n" + bytes([kind]) + public_key).digest()[:KEY_ID_BYTES]


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key as people hand it on: `name+id+base64`, where the base64 holds a byte for the kind of signature and then the key."""

    name: str
    kind: int
    public_key: bytes

    def __post_init__(self) -> None:
        check_name(self.name)

    @property
    def key_id(self) -> bytes:
        return key_id(self.name, self.kind, self.public_key)

    def __str__(self) -> str:
        material = base64.b64encode(bytes([self.kind]) + self.public_key).decode()
        return f"{self.name}+{self.key_id.hex()}+{material}"

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Raises NoteRefused."""
        # Base64 may hold a plus as well; a name may not.
        name, _, rest = text.strip().partition("+")
        told, _, encoded = rest.partition("+")
        material = from_base64(encoded)
        if len(material) < 2:
            raise NoteRefused("A verifier key is written name+id+base64.")
        found = cls(name, material[0], material[1:])
        if found.key_id.hex() != told:
            raise NoteRefused("The id in a verifier key is not that of its name and key: a slip in copying?")
        return found


class Ed25519Signer:
    """Signs a note's text as it is: signature type 1."""

    def __init__(self, name: str, private_key: Ed25519PrivateKey) -> None:
        self._private_key = private_key
        self.verifier_key = VerifierKey(name, ED25519, private_key.public_key().public_bytes_raw())

    @property
    def name(self) -> str:
        return self.verifier_key.name

    @property
    def key_id(self) -> bytes:
        return self.verifier_key.key_id

    def sign(self, text: bytes) -> bytes:
        return self._private_key.sign(text)


class Ed25519Verifier:
    """Raises NoteRefused for a key of another kind or length."""

    def __init__(self, key: VerifierKey) -> None:
        if key.kind != ED25519:
            raise NoteRefused("This key is for another kind of signature than Ed25519.")
        self.verifier_key = key
        self._public_key = public_key(key.public_key)

    @property
    def name(self) -> str:
        return self.verifier_key.name

    @property
    def key_id(self) -> bytes:
        return self.verifier_key.key_id

    def verifies(self, text: bytes, value: bytes) -> bool:
        return verifies(self._public_key, value, text)


def public_key(encoded: bytes) -> Ed25519PublicKey:
    """Raises NoteRefused."""
    try:
        return Ed25519PublicKey.from_public_bytes(encoded)
    except ValueError:
        raise NoteRefused("An Ed25519 key has 32 bytes.") from None


def verifies(key: Ed25519PublicKey, value: bytes, message: bytes) -> bool:
    try:
        key.verify(value, message)
    except InvalidSignature:
        return False
    return True


def signed(text: str, *signers: Signer) -> Note:
    """A new note. Raises NoteRefused for a text that can't be one."""
    _check_text(text)
    encoded = text.encode()
    return Note(text, tuple(Signature(one.name, one.key_id, one.sign(encoded)) for one in signers))


def parsed(encoded: bytes) -> Note:
    """A note as it is written, with every signature that it has, verified or not. Raises NoteRefused."""
    if len(encoded) > LARGEST_NOTE:
        raise NoteRefused("A note of this size is not read.")
    try:
        whole = encoded.decode()
    except UnicodeDecodeError:
        raise NoteRefused("A note is UTF-8.") from None
    if any(character < " " and character != "\n" for character in whole):
        raise NoteRefused("A note holds no control characters but newlines.")
    text, blank, lines = whole.rpartition("\n\n")
    if not blank or not lines:
        raise NoteRefused("A note ends in a blank line and signatures.")
    return Note(text + "\n", signature_lines(lines))


def signature_lines(lines: str) -> tuple[Signature, ...]:
    """Signature lines by themselves, as a witness answers them. Raises NoteRefused."""
    if not lines.endswith("\n"):
        raise NoteRefused("A signature line ends in a newline.")
    each = lines[:-1].split("\n")
    if len(each) > MOST_SIGNATURES:
        raise NoteRefused(f"A note of more than {MOST_SIGNATURES} signatures is not read.")
    return tuple(_signature(line) for line in each)


def _signature(line: str) -> Signature:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space:
        raise NoteRefused("A signature line is a dash, a name and base64.")
    check_name(name)
    value = from_base64(encoded)
    if len(value) <= KEY_ID_BYTES:
        raise NoteRefused("A signature line holds a key id of four bytes and a signature.")
    return Signature(name, value[:KEY_ID_BYTES], value[KEY_ID_BYTES:])


def opened(encoded: bytes | Note, verifiers: Sequence[Verifier]) -> tuple[str, tuple[Signature, ...]]:
    """The text of a note, and those of its signatures that are of a trusted key and good.

    Lines of unknown keys are ignored. Raises NoteRefused if a trusted key's signature is not good, or if there is none.
    """
    note = encoded if isinstance(encoded, Note) else parsed(encoded)
    text = note.text.encode()
    known = {(one.name, one.key_id): one for one in verifiers}
    if len(known) != len(verifiers):
        raise ValueError("two trusted keys have one name and id")
    good = []
    for signature in note.signatures:
        verifier = known.get((signature.name, signature.key_id))
        if verifier is None:
            continue
        if not verifier.verifies(text, signature.value):
            raise NoteRefused("A signature that claims to be of a trusted key is not.")
        good.append(signature)
    if not good:
        raise NoteRefused("No trusted key has signed this note.")
    return note.text, tuple(good)


def check_name(name: str) -> None:
    """Raises NoteRefused for what can't be a key's name."""
    if not name or "+" in name or any(character.isspace() or character < " " for character in name):
        raise NoteRefused("A key's name is not empty and holds neither spaces nor a plus.")


def from_base64(text: str) -> bytes:
    """Raises NoteRefused for anything but the one right encoding: two texts for one signature would be two notes."""
    try:
        found = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NoteRefused("This is not base64.") from None
    if base64.b64encode(found).decode() != text:
        raise NoteRefused("This is not the canonical base64.")
    return found


def _check_text(text: str) -> None:
    if not text.endswith("\n"):
        raise NoteRefused("A note's text ends in a newline.")
    if any(character < " " and character != "\n" for character in text):
        raise NoteRefused("A note holds no control characters but newlines.")
