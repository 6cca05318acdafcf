"""What the logs' entries are: `v1` and a SHA-256 over the stored row, in one spelling that leaves nothing out.

The spelling is the envelope; docs/transparency-log.md gives it byte for byte, with examples. It begins with the log's name and version, so
that no row of one log can be taken for one of another. Then comes each column in a fixed order: its length in four bytes and its value
as PostgreSQL stores and sends it, big-endian, or the length FF FF FF FF alone for NULL, which so is told apart from an empty value.

What is personal in a row is sealed, so an entry says nothing about anybody, and goes on to verify when the key has been destroyed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Literal
from uuid import UUID

from audit.merkle import leaf_hash

VERSION = b"v1"
ENTRY_BYTES = len(VERSION) + 32
NULL = b"\xff\xff\xff\xff"
# PostgreSQL counts days and microseconds from here.
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)

type Kind = Literal["int2", "int4", "int8", "bool", "uuid", "text", "bytea", "date", "timestamptz", "int8[]", "text[]"]
type Value = int | bool | str | bytes | UUID | date | datetime | Sequence[int] | Sequence[str] | None


@dataclass(frozen=True, slots=True)
class Envelope:
    """How the rows of one log are spelled: its name, and each column with its PostgreSQL type, in order."""

    log: str
    columns: tuple[tuple[str, Kind], ...]

    @property
    def header(self) -> bytes:
        return f"accompany/{self.log}/v1\n".encode()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.columns)

    def encode(self, row: Mapping[str, Value]) -> bytes:
        """The envelope of a row, from the values of its columns. Raises KeyError or ValueError where one is missing or unfit."""
        if len(row) != len(self.columns):
            raise ValueError("an envelope takes the columns of its log and no others")
        return self.header + b"".join(_field(kind, row[name]) for name, kind in self.columns)

    def fields(self, envelope: bytes) -> dict[str, bytes | None]:
        """The bytes of each column, None for NULL. Raises ValueError."""
        if not envelope.startswith(self.header):
            raise ValueError("an envelope of another log")
        found: dict[str, bytes | None] = {}
        at = len(self.header)
        for name in self.names:
            length = envelope[at : at + 4]
            at += 4
            if length == NULL:
                found[name] = None
                continue
            end = at + int.from_bytes(length)
            if len(length) < 4 or end > len(envelope):
                raise ValueError("an envelope that ends in the middle of a column")
            found[name] = envelope[at:end]
            at = end
        if at != len(envelope):
            raise ValueError("an envelope with something behind its last column")
        return found


EVENTS = Envelope(
    "events",
    (
        ("position", "int8"),
        ("organisation_id", "uuid"),
        ("stream_id", "uuid"),
        ("version", "int4"),
        ("topic", "text"),
        ("schema_version", "int4"),
        ("state", "bytea"),
        ("actor_id", "uuid"),
        ("purpose", "text"),
        ("occurred_on", "date"),
        ("occurred_at", "timestamptz"),
        ("recorded_at", "timestamptz"),
        ("command_key", "text"),
        ("trace_id", "text"),
    ),
)


ACCESS = Envelope(
    "access",
    (
        ("position", "int8"),
        ("recorded_at", "timestamptz"),
        ("organisation_id", "uuid"),
        ("read_id", "uuid"),
        ("member_id", "uuid"),
        ("role", "text"),
        ("read", "text"),
        ("person_id", "uuid"),
        ("mentorship_id", "uuid"),
        ("positions", "int8[]"),
        ("topics", "text[]"),
        ("fields", "text[]"),
        ("purpose", "text"),
        ("legal_basis", "text"),
        ("consent_version", "int4"),
        ("consent_as_of", "int8"),
        ("outcome", "text"),
        ("refusal", "text"),
        ("trace_id", "text"),
    ),
)


def entry(envelope: bytes) -> bytes:
    """What a log holds of a row: 34 bytes."""
    return VERSION + sha256(envelope).digest()


def leaf(envelope: bytes) -> bytes:
    """The leaf of a row in the Merkle tree."""
    return leaf_hash(entry(envelope))


def microseconds(value: bytes) -> int:
    """A `timestamptz` of an envelope, in microseconds since 2000, UTC."""
    return int.from_bytes(value, signed=True)


def timestamp(value: bytes) -> datetime:
    """A `timestamptz` of an envelope. Raises OverflowError for a time that Python can't tell."""
    return EPOCH + timedelta(microseconds=microseconds(value))


def _field(kind: Kind, value: Value) -> bytes:
    if value is None:
        return NULL
    encoded = _encoded(kind, value)
    return len(encoded).to_bytes(4) + encoded


# PostgreSQL's own numbers for its types, which never change.
_TYPE_NUMBERS: Mapping[str, int] = {"int8": 20, "text": 25}


def _array(kind: Kind, values: Sequence[Value]) -> bytes:
    """Dimensions (0 or 1), a flag for NULLs (none), the elements' type; then their number, 1 as the first index, and each as a field."""
    head = len(values[:1]).to_bytes(4) + bytes(4) + _TYPE_NUMBERS[kind].to_bytes(4)
    if not values:
        return head
    return head + len(values).to_bytes(4) + (1).to_bytes(4) + b"".join(_field(kind, value) for value in values)


_INTEGER_BYTES: Mapping[str, int] = {"int2": 2, "int4": 4, "int8": 8}


def _encoded(kind: Kind, value: Value) -> bytes:
    match kind, value:
        case "bool", bool():
            return bytes([value])
        case (("int2" | "int4" | "int8"), int()) if not isinstance(value, bool):
            return value.to_bytes(_INTEGER_BYTES[kind], signed=True)
        case "uuid", UUID():
            return value.bytes
        case "text", str():
            return value.encode()
        case "bytea", bytes():
            return value
        case "timestamptz", datetime() if value.tzinfo is not None:
            return ((value - EPOCH) // timedelta(microseconds=1)).to_bytes(8, signed=True)
        case "date", date() if not isinstance(value, datetime):
            return (value - EPOCH.date()).days.to_bytes(4, signed=True)
        case (("int8[]" | "text[]"), (list() | tuple())):
            return _array("int8" if kind == "int8[]" else "text", value)
    raise ValueError(f"a column of type {kind} can't hold this")
