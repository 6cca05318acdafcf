#!/usr/bin/env python3
"""Checks an evidence bundle of Accompany, on any machine: no network, no database, no secret, none of the service's code.

    python accompany_verify.py bundle.zip

It needs Python 3.10 or newer and the package `cryptography`; for timestamps also `rfc3161-client`. Read it from top to bottom: it
is one file on purpose, and shares no line with the service. It works out by itself what it checks: RFC 6962 Merkle proofs, C2SP
signed notes, checkpoints, cosignatures, tlog-proofs and policies, the format of stored events, the opening of sealed values, and
whether each use of a person's data had a consent in force.

Exit codes: 0 all that was checked holds; 1 something does not hold; 2 wrong use of this program; 3 this is no bundle, or one that
is not safe to read; 4 something that you asked for could not be checked here; 5 all of it holds, and it shows uses of data without a
consent in force.
"""

import argparse
import base64
import binascii
import hashlib
import hmac
import html
import json
import mmap
import os
import re
import struct
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509 import load_pem_x509_certificates

VERSION = "1"
HOLDS, DOES_NOT_HOLD, WRONG_USE, NO_BUNDLE, NOT_CHECKED, SHOWS_GAPS = range(6)


# ---------------------------------------------------------------- What can go wrong


class Malformed(Exception):
    """What was read is not in its format, or not safe to read. `where` names the file or the record."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"{where}: {problem}")


class Refuted(Exception):
    """A proof that does not prove what it claims."""


@dataclass
class Check:
    """One thing that was looked at: `held`, `failed` or `not-checked`. `failures` are pairs of a record and what is wrong with it."""

    name: str
    title: str
    outcome: str = "held"
    said: str = ""
    failures: list[tuple[str, str]] = field(default_factory=list)

    def fail(self, record: str, problem: str) -> None:
        self.outcome = "failed"
        self.failures.append((record, problem))

    def skip(self, why: str) -> None:
        self.outcome, self.said = "not-checked", why


# ---------------------------------------------------------------- The archive
#
# A bundle is a ZIP file in which nothing is compressed and nothing is left to choice: the files in the order of their names, all of
# one time, without comments or extra fields. So there is one archive only for given files, what it holds is never larger than
# itself, and a byte that was changed anywhere is found.

LARGEST = 2**31
MOST_FILES = 65_534
_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s4B4H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*(?:[./][a-z0-9_-]+)*|README\.txt")


def read_archive(data: memoryview) -> dict[str, memoryview]:
    """The files by name. Raises Malformed unless the archive is exactly what a bundle's writer makes of them."""
    if len(data) > LARGEST:
        raise Malformed("the bundle", "it is larger than 2 GiB")
    if len(data) < _END.size:
        raise Malformed("the bundle", "it is no ZIP file")
    mark, disk, first_disk, here, count, size, start, comment = _END.unpack_from(data, len(data) - _END.size)
    if mark != b"PK\5\6" or (disk, first_disk, comment) != (0, 0, 0) or here != count or count > MOST_FILES:
        raise Malformed("the bundle", "it is no ZIP file, or not one of ours: its end is not as it should be")
    if start + size + _END.size != len(data):
        raise Malformed("the bundle", "there are bytes in it that belong to no file")
    files: dict[str, memoryview] = {}
    at, entry, before = 0, start, ""
    for _ in range(count):
        if entry + _CENTRAL.size > start + size:
            raise Malformed("the bundle", "its list of files is cut off")
        found = _CENTRAL.unpack_from(data, entry)
        crc, length, name_bytes = found[9], found[11], found[12]
        raw_name = bytes(data[entry + _CENTRAL.size : entry + _CENTRAL.size + name_bytes])
        name = _file_name(raw_name)
        sizes = (crc, length, length, len(raw_name))
        expected = _CENTRAL.pack(b"PK\1\2", 20, 3, 20, 0, 0, 0, 0, 33, *sizes, 0, 0, 0, 0, 0o100600 << 16, at)
        if expected != bytes(data[entry : entry + _CENTRAL.size]):
            raise Malformed(name, "its entry in the list of files is not as a bundle's writer makes it")
        local = _LOCAL.pack(b"PK\3\4", 20, 0, 0, 0, 33, *sizes, 0) + raw_name
        begin = at + len(local)
        if bytes(data[at:begin]) != local or begin + length > start:
            raise Malformed(name, "it does not stand where the list of files says")
        if name <= before:
            raise Malformed(name, "files are not in the order of their names, or one is there twice")
        content = data[begin : begin + length]
        if binascii.crc32(content) != crc:
            raise Malformed(name, "its checksum differs: the file is damaged")
        files[name] = content
        at, entry, before = begin + length, entry + _CENTRAL.size + len(raw_name), name
    if at != start or entry != start + size:
        raise Malformed("the bundle", "there are bytes in it that belong to no file")
    return files


def _file_name(raw: bytes) -> str:
    try:
        name = raw.decode("ascii")
    except UnicodeDecodeError:
        raise Malformed("the bundle", "it holds a file with a name that is not allowed") from None
    if len(name) > 200 or not _NAME.fullmatch(name):
        raise Malformed("the bundle", "it holds a file with a name that is not allowed")
    return name


# ---------------------------------------------------------------- JSON, strictly

LONGEST_LINE = 16 * 2**20


def parse(raw: bytes, where: str) -> Any:
    """JSON in which no name stands twice and every number is one. Raises Malformed."""
    if len(raw) > LONGEST_LINE:
        raise Malformed(where, "it is too long")
    try:
        parsed = json.loads(raw.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_number)
        json.dumps(parsed, ensure_ascii=False).encode("utf-8")  # a lone surrogate has no UTF-8
        return parsed
    except (ValueError, RecursionError) as problem:
        kind = (
            "it is nested too deeply" if isinstance(problem, RecursionError) else "it is not the JSON that it should be"
        )
        raise Malformed(where, kind) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _no_number(_name: str) -> Any:
    raise ValueError


def canonical(value: Any) -> bytes:
    """The one way in which a bundle writes a value as JSON: names sorted, no blanks, UTF-8."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode("utf-8")


def lines(data: bytes, where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """JSON objects, one a line and each written canonically, with the name of the line."""
    if data and not data.endswith(b"\n"):
        raise Malformed(where, "its last line is cut off")
    for number, line in enumerate(data.split(b"\n")[:-1], 1):
        name = f"{where}, line {number}"
        yield name, written(line, name)


def written(raw: bytes, where: str) -> dict[str, Any]:
    """A JSON object in canonical form."""
    value = parse(raw, where)
    if not isinstance(value, dict) or canonical(value) != raw:
        raise Malformed(where, "it is not a JSON object in the one form that bundles use")
    return value


class Fields:
    """The fields of one object, each read as the kind that it must be of. `done` finds what nobody asked for."""

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise Malformed(where, "it is no JSON object")
        self.value: dict[str, Any] = value
        self.where = where
        self.read: set[str] = set()

    def take(self, name: str, kind: Any, optional: bool = False) -> Any:
        self.read.add(name)
        found = self.value.get(name)
        if found is None and optional and name in self.value:
            return None
        if not isinstance(found, kind) or isinstance(found, bool):
            raise Malformed(self.where, f"{name!r} is missing or of the wrong kind")
        return found

    def text(self, name: str, optional: bool = False) -> Any:
        return self.take(name, str, optional)

    def count(self, name: str, least: int = 0, optional: bool = False) -> Any:
        found = self.take(name, int, optional)
        if found is not None and not least <= found < 2**63:
            raise Malformed(self.where, f"{name!r} is no number that can stand there")
        return found

    def uuid(self, name: str, optional: bool = False) -> Any:
        found = self.text(name, optional)
        return None if found is None else as_uuid(found, self.where)

    def day(self, name: str, optional: bool = False) -> Any:
        found = self.text(name, optional)
        return None if found is None else as_day(found, self.where)

    def moment(self, name: str, optional: bool = False) -> Any:
        found = self.text(name, optional)
        return None if found is None else as_moment(found, self.where)

    def base64(self, name: str) -> bytes:
        return from_base64(self.text(name), self.where)

    def done(self) -> None:
        if set(self.value) - self.read:
            raise Malformed(self.where, "it has a field that does not belong there")


def as_uuid(text: Any, where: str) -> UUID:
    if not isinstance(text, str) or not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text):
        raise Malformed(where, "an id is no UUID")
    return UUID(text)


def as_day(text: Any, where: str) -> date:
    try:
        if not isinstance(text, str) or len(text) != 10:
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise Malformed(where, "a day is no day") from None


_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(Z|\+00:00)", re.ASCII)


def as_moment(text: Any, where: str) -> datetime:
    """A moment in UTC, as `2025-03-01T08:15:00.25Z`."""
    found = _MOMENT.fullmatch(text) if isinstance(text, str) else None
    try:
        if not found:
            raise ValueError
        moment = datetime.strptime(found[1], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
        return moment.replace(microsecond=int((found[2] or "").ljust(6, "0")))
    except ValueError:
        raise Malformed(where, "a moment is no moment in UTC") from None


def from_base64(text: Any, where: str) -> bytes:
    """Standard base64 with padding (RFC 4648, section 4), in the one form that these bytes have."""
    try:
        found = base64.b64decode(text, validate=True)
        if base64.b64encode(found).decode() != text:
            raise ValueError
        return found
    except (ValueError, TypeError):
        raise Malformed(where, "a value is not base64") from None


# ---------------------------------------------------------------- Merkle trees (RFC 6962)


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def _refuse_unless_hashes(*hashes: bytes) -> None:
    if any(len(one) != 32 for one in hashes):
        raise Refuted("a hash has not 32 bytes")


def root_of_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """The root of a tree of `size` leaves in which this leaf hash stands at `index`, from 0 (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        raise Refuted("the position lies outside of the tree")
    _refuse_unless_hashes(leaf, *proof)
    at, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise Refuted("the proof is longer than the tree is high")
        if at & 1 or at == last:
            found = node_hash(sibling, found)
            while not at & 1 and at != 0:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        at, last = at >> 1, last >> 1
    if last != 0:
        raise Refuted("the proof is too short for the tree")
    return found


def check_consistency(old_size: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> None:
    """Raises Refuted unless the tree of `size` leaves begins with the older one (RFC 9162, 2.1.4.2).

    An older tree without leaves is refused: every tree begins with it, so that it proves nothing.
    """
    if not 0 < old_size <= size:
        raise Refuted("the older tree is empty, or larger than the newer one")
    if old_size == size:
        if proof or old_root != root:
            raise Refuted("there are two trees of one size, and they differ")
        return
    _refuse_unless_hashes(old_root, root, *proof)
    path = list(proof)
    if old_size & (old_size - 1) == 0:
        path.insert(0, old_root)
    if not path:
        raise Refuted("the proof is empty")
    at, last = old_size - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise Refuted("the proof is longer than the tree is high")
        if at & 1 or at == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not at & 1 and at != 0:
                at, last = at >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        at, last = at >> 1, last >> 1
    if last != 0 or old != old_root or new != root:
        raise Refuted("the newer tree does not begin with the older one")


def root_of_range(leaves: Sequence[bytes], first: int, size: int, around: Sequence[bytes]) -> bytes:
    """The root of a tree in which these leaf hashes stand side by side, from index `first` on.

    `around` holds the roots of the largest whole subtrees to the left and to the right, in the order in which a walk from the root, left
    before right, meets them. One such proof stands for all of the leaves, and shows that none between them is left out.
    """
    if not leaves or first < 0 or first + len(leaves) > size:
        raise Refuted("the positions lie outside of the tree")
    _refuse_unless_hashes(*leaves, *around)
    rest = iter(around)

    def root(low: int, high: int) -> bytes:
        if high <= first or low >= first + len(leaves):
            found = next(rest, None)
            if found is None:
                raise Refuted("the proof is too short for the tree")
            return found
        if high - low == 1:
            return leaves[low - first]
        middle = low + (1 << (high - low - 1).bit_length() - 1)
        return node_hash(root(low, middle), root(middle, high))

    found = root(0, size)
    if next(rest, None) is not None:
        raise Refuted("the proof is longer than the tree is high")
    return found


# ---------------------------------------------------------------- Signed notes (C2SP signed-note, tlog-checkpoint, tlog-cosignature)

ED25519, COSIGNATURE = 1, 4
MOST_SIGNATURES = 64
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True)
class NoteKey:
    """A key that signs notes: its name, its kind, its 32 bytes."""

    name: str
    kind: int
    public: bytes

    @property
    def id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    @property
    def fingerprint(self) -> str:
        """To be read out over a telephone."""
        text = hashlib.sha256(bytes([self.kind]) + self.public).hexdigest()[:32]
        return " ".join(text[at : at + 4] for at in range(0, 32, 4))

    def verify(self, signature: bytes, message: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
            return True
        except (InvalidSignature, ValueError):
            return False


def read_key(text: str, where: str) -> NoteKey:
    """A verifier key, `name+hash+key`."""
    parts = text.strip().split("+", 2)
    if len(parts) != 3 or not _key_name(parts[0]):
        raise Malformed(where, "a key is not in the form name+hash+key")
    material = from_base64(parts[2], where)
    if len(material) != 33 or material[0] not in (ED25519, COSIGNATURE):
        raise Malformed(where, "a key is neither an Ed25519 key nor one for cosignatures")
    key = NoteKey(parts[0], material[0], material[1:])
    if key.id.hex() != parts[1]:
        raise Malformed(where, "a key's hash does not fit it")
    return key


def _key_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(c.isspace() for c in name)


@dataclass(frozen=True)
class Note:
    text: str
    signatures: tuple[tuple[str, bytes, bytes], ...]
    """Key name, key id, signature."""

    @classmethod
    def read(cls, raw: bytes, where: str) -> "Note":
        try:
            whole = raw.decode("utf-8")
        except UnicodeDecodeError:
            raise Malformed(where, "it is not UTF-8") from None
        if any(ord(c) < 32 and c != "\n" for c in whole):
            raise Malformed(where, "it has a control character")
        cut = whole.rfind("\n\n")
        if cut < 0 or not whole.endswith("\n"):
            raise Malformed(where, "it is no signed note")
        signatures: list[tuple[str, bytes, bytes]] = []
        for line in whole[cut + 2 : -1].split("\n"):
            parts = line.split(" ")
            if len(parts) != 3 or parts[0] != "\u2014" or not _key_name(parts[1]):
                raise Malformed(where, "a line of its signatures is none")
            signed = from_base64(parts[2], where)
            if len(signed) < 5 or len(signatures) >= MOST_SIGNATURES:
                raise Malformed(where, "a line of its signatures is none, or there are too many")
            signatures.append((parts[1], signed[:4], signed[4:]))
        return cls(whole[: cut + 1], tuple(signatures))

    def by(self, key: NoteKey) -> list[bytes]:
        return [signature for name, key_id, signature in self.signatures if (name, key_id) == (key.name, key.id)]

    def only_by(self, key: NoteKey) -> bytes:
        """The note as this key's holder signed it, before others added their signatures."""
        lines = (base64.b64encode(key.id + signature).decode() for signature in self.by(key))
        return (self.text + "\n" + "".join(f"\u2014 {key.name} {line}\n" for line in lines)).encode()

    def signed_by(self, key: NoteKey) -> bool:
        """Whether the log's key signed this. Raises Refuted for a signature of that key that is wrong."""
        found = self.by(key)
        if not all(key.verify(signature, self.text.encode()) for signature in found):
            raise Refuted(f"the signature of {key.name} is wrong")
        return bool(found)

    def cosigned_by(self, key: NoteKey) -> datetime | None:
        """When a witness cosigned this, or None if it did not. Raises Refuted for a cosignature that is wrong."""
        latest = None
        for signature in self.by(key):
            seconds = int.from_bytes(signature[:8], "big")
            message = f"cosignature/v1\ntime {seconds}\n".encode() + self.text.encode()
            if len(signature) != 72 or not key.verify(signature[8:], message) or seconds > 253402300799:
                raise Refuted(f"the cosignature of {key.name} is wrong")
            latest = datetime.fromtimestamp(seconds, timezone.utc)
        return latest


@dataclass(frozen=True)
class Checkpoint:
    """What a log was at some size: origin, number of leaves, Merkle root."""

    origin: str
    size: int
    root: bytes
    note: Note
    raw: bytes

    @classmethod
    def read(cls, raw: bytes, where: str) -> "Checkpoint":
        note = Note.read(raw, where)
        body = note.text[:-1].split("\n")
        if len(body) < 3 or not all(body) or not _DECIMAL.fullmatch(body[1]):
            raise Malformed(where, "it is no checkpoint")
        root = from_base64(body[2], where)
        if len(root) != 32 or int(body[1]) >= 2**63:
            raise Malformed(where, "it is no checkpoint")
        return cls(body[0], int(body[1]), root, note, raw)


# ---------------------------------------------------------------- Which witnesses are enough (C2SP tlog-policy)


@dataclass
class Policy:
    """Known logs, known witnesses, and who of them must have cosigned."""

    logs: dict[str, NoteKey]
    witnesses: dict[str, NoteKey]
    groups: dict[str, tuple[int, list[str]]]
    quorum: str

    @classmethod
    def read(cls, raw: bytes, where: str) -> "Policy":
        found = cls({}, {}, {}, "")
        taken = {"none"}
        members: set[str] = set()
        for line in raw.decode("utf-8", "surrogateescape").split("\n"):
            words = line.strip(" \t").replace("\t", " ").split()
            if not words or words[0].startswith("#"):
                continue
            kind, rest = words[0], words[1:]
            if kind == "log" and len(rest) in (1, 2):
                key = read_key(rest[0], where)
                if key.kind != ED25519 or any(key.public == other.public for other in found.logs.values()):
                    raise Malformed(where, "a log's key is of the wrong kind or there twice")
                found.logs[key.name] = key
            elif kind == "witness" and len(rest) in (2, 3) and rest[0] not in taken:
                key = read_key(rest[1], where)
                if key.kind != COSIGNATURE or any(key.public == other.public for other in found.witnesses.values()):
                    raise Malformed(where, "a witness's key is of the wrong kind or there twice")
                found.witnesses[rest[0]] = key
                taken.add(rest[0])
            elif kind == "group" and len(rest) >= 3 and rest[0] not in taken:
                names = rest[2:]
                if "none" in names or not set(names) <= taken or len(set(names)) != len(names) or members & set(names):
                    raise Malformed(where, "a group has a member that is unknown or in a group already")
                if rest[1] not in ("any", "all") and not _DECIMAL.fullmatch(rest[1]):
                    raise Malformed(where, "a group says neither any nor all nor how many")
                least = {"any": 1, "all": len(names)}.get(rest[1]) or int(rest[1])
                if not 1 <= least <= len(names):
                    raise Malformed(where, "a group asks for more members than it has")
                found.groups[rest[0]] = (least, names)
                taken.add(rest[0])
                members |= set(names)
            elif kind == "quorum" and len(rest) == 1 and rest[0] in taken and not found.quorum:
                found.quorum = rest[0]
            else:
                raise Malformed(where, "a line is not one of log, witness, group and quorum as a policy has them")
        if not found.quorum:
            raise Malformed(where, "it names no quorum")
        return found

    def is_met(self, cosigned: Iterable[str]) -> bool:
        met = set(cosigned)
        for name, (least, names) in self.groups.items():
            if len(met & set(names)) >= least:
                met.add(name)
        return self.quorum == "none" or self.quorum in met


# ---------------------------------------------------------------- Inclusion proofs (C2SP tlog-proof)

PROOF_HEADER = "c2sp.org/tlog-proof@v1"


def read_proof(raw: bytes, where: str) -> tuple[int, list[bytes], bytes]:
    """The index, the hashes from the leaf's sibling up, and the checkpoint as it stands there."""
    head, blank, checkpoint = raw.partition(b"\n\n")
    try:
        found = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise Malformed(where, "it is no tlog-proof") from None
    if not blank or found[0] != PROOF_HEADER:
        raise Malformed(where, "it is no tlog-proof")
    rest = found[1:]
    if rest and rest[0].startswith("extra "):
        from_base64(rest.pop(0)[6:], where)
    if not rest or not rest[0].startswith("index ") or not _DECIMAL.fullmatch(rest[0][6:]):
        raise Malformed(where, "it names no index")
    hashes = [from_base64(line, where) for line in rest[1:]]
    if len(hashes) > 63 or any(len(one) != 32 for one in hashes):
        raise Malformed(where, "its hashes are not the hashes of a proof")
    return int(rest[0][6:]), hashes, checkpoint


# ---------------------------------------------------------------- What a log holds of a row
#
# A log's entry is `v1` and the SHA-256 of an envelope: the log's name, then each column after its length in four bytes, as PostgreSQL
# stores it, with the length FF FF FF FF for NULL (docs/transparency-log.md of the service).

EVENTS, ACCESSES = "events", "access"
# Name and type of each column, in order; a question mark where NULL may stand.
COLUMNS = {
    EVENTS: """
        position int8, organisation_id uuid, stream_id uuid, version int4, topic text, schema_version int4, state bytea, actor_id uuid,
        purpose text?, occurred_on date?, occurred_at timestamptz?, recorded_at timestamptz, command_key text, trace_id text?
    """,
    ACCESSES: """
        position int8, recorded_at timestamptz, organisation_id uuid, read_id uuid, member_id uuid, role text, read text,
        person_id uuid?, mentorship_id uuid?, positions int8[], topics text[], fields text[], purpose text?, legal_basis text?,
        consent_version int4?, consent_as_of int8?, outcome text, refusal text?, trace_id text
    """,
}
_EPOCH = datetime(2000, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Row:
    """A row of a log: its envelope, to be hashed, and what stands in its columns."""

    log: str
    envelope: bytes
    columns: dict[str, Any]

    @classmethod
    def from_envelope(cls, log: str, envelope: bytes, where: str) -> "Row":
        # Not called `read`: a column of the access log is.
        header = f"accompany/{log}/v1\n".encode()
        if not envelope.startswith(header):
            raise Malformed(where, "its envelope is that of another log")
        at = len(header)
        columns: dict[str, Any] = {}
        for name, kind in (column.split() for column in COLUMNS[log].split(",")):
            value, at = _value(envelope, at, where)
            if value is None and not kind.endswith("?"):
                raise Malformed(where, f"its {name} is missing")
            columns[name] = None if value is None else _column(kind.rstrip("?"), value, where)
        if at != len(envelope):
            raise Malformed(where, "its envelope has something behind its last column")
        if not isinstance(columns["position"], int) or columns["position"] < 1:
            raise Malformed(where, "its position is none")
        return cls(log, envelope, columns)

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["columns"][name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def leaf(self) -> bytes:
        return leaf_hash(b"v1" + hashlib.sha256(self.envelope).digest())

    @property
    def label(self) -> str:
        if self.log == EVENTS:
            return f"event {self.position} ({self.topic}, version {self.version} of {self.stream_id})"
        return f"access entry {self.position}"


def _value(envelope: bytes, at: int, where: str) -> tuple[bytes | None, int]:
    length, begin = envelope[at : at + 4], at + 4
    if length == b"\xff\xff\xff\xff":
        return None, begin
    end = begin + int.from_bytes(length, "big")
    if len(length) < 4 or end > len(envelope):
        raise Malformed(where, "its envelope ends in the middle of a column")
    return envelope[begin:end], end


def _column(kind: str, value: bytes, where: str) -> Any:
    if kind.endswith("[]"):
        return _array(kind[:-2], value, where)
    if kind == "bytea":
        return value
    try:
        if kind == "text":
            return value.decode("utf-8")
        if len(value) != {"int4": 4, "int8": 8, "uuid": 16, "date": 4, "timestamptz": 8}[kind]:
            raise ValueError
        if kind == "uuid":
            return UUID(bytes=value)
        number = int.from_bytes(value, "big", signed=True)
        if kind == "date":
            return date.fromordinal(_EPOCH.toordinal() + number)
        return _EPOCH + timedelta(microseconds=number) if kind == "timestamptz" else number
    except (ValueError, OverflowError):
        raise Malformed(where, f"one of its columns is no {kind}") from None


def _array(kind: str, value: bytes, where: str) -> tuple[Any, ...]:
    """PostgreSQL's binary form: dimensions, whether NULL occurs, the type; then length and lower bound; then each element."""
    if len(value) < 12:
        raise Malformed(where, "one of its columns is no list")
    dimensions, nulls, _ = struct.unpack_from(">3i", value)
    if dimensions == 0 and len(value) == 12:
        return ()
    if dimensions != 1 or nulls or len(value) < 20:
        raise Malformed(where, "one of its columns is no list")
    count, at = struct.unpack_from(">i", value, 12)[0], 20
    found: list[Any] = []
    while len(found) < count:
        element, at = _value(value, at, where)
        if element is None:
            raise Malformed(where, "one of its columns is no list")
        found.append(_column(kind, element, where))
    if at != len(value):
        raise Malformed(where, "one of its columns is no list")
    return tuple(found)


# ---------------------------------------------------------------- Opening what is sealed (docs/sealing.md of the service)
#
# A sealed value stands as: format (1 byte, 01), version of the person's key (4), salt (32), commitment (32), ciphertext and tag. The key
# of this one value is HKDF-SHA-512 over the person's key and the salt. A bundle reveals the middle of that derivation, the
# pseudorandom key that is made from both: it opens this value and no other, and nobody can find another one with the same commitment.

_INFO = b"accompany sealed value 1"


def open_sealed(sealed: bytes, prk: bytes, associated: bytes) -> bytes:
    """The plaintext. Raises Refuted where this key is not the one that the value commits to, or does not open it here."""
    if len(sealed) < 85 or sealed[0] != 1 or len(prk) != 64:
        raise Refuted("it is not a sealed value with its key")
    derived = hmac.new(prk, _INFO + b"\1", hashlib.sha512).digest()
    if not hmac.compare_digest(derived[32:], sealed[37:69]):
        raise Refuted("the key is not the one that the sealed value commits to")
    try:
        return AESGCM(derived[:32]).decrypt(bytes(12), sealed[69:], associated)
    except InvalidTag:
        raise Refuted("the sealed value was changed, or stands at another place than it was sealed for") from None


def place_of(event: Row, group: str, person: UUID, key_version: bytes) -> bytes:
    """What a sealed value is bound to: each part after its length, in four bytes."""
    parts = (
        event.organisation_id.bytes,
        event.stream_id.bytes,
        event.version.to_bytes(8, "big"),
        event.topic.encode(),
        event.schema_version.to_bytes(4, "big"),
        group.encode(),
        person.bytes,
        key_version,
    )
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


# ---------------------------------------------------------------- Was there a consent? (docs/consent-proof.md of the service)
#
# Worked out anew from the events alone. Of the states of a consent, after the W3C Data Privacy Vocabulary, only `given` and `renewed`
# permit anything; to be asked again, or to put the answer off, changes nothing. Where a life is in danger an override carries an act for
# some hours, and another member reviews it.

STATES = ["requested", "deferred", "refused", "given", "renewed", "withdrawn", "invalidated", "superseded"]
DECISIONS = {"consent-" + state: state for state in STATES}
MENTORING = """
    goal-set goal-revised goal-reached goal-dropped session-held appointment-booked appointment-moved appointment-cancelled
    appointment-missed appointment-concluded next-step-completed outcome-found
"""
PURPOSES = {
    **dict.fromkeys(MENTORING.split(), "mentoring"),
    "accompaniment-recorded": "accompaniment",
    **{f"credential-{what}": "credential-recognition" for what in ("path-opened", "step-taken", "decided", "appealed")},
}
BASES = {
    "mentorship-started": "contract",
    "mentorship-paused": "legitimate-interests",
    "mentorship-resumed": "legitimate-interests",
    "mentorship-handed-over": "legitimate-interests",
    "mentorship-closed": "legitimate-interests",
    "consent-overridden": "vital-interests",
    "override-reviewed": "legal-obligation",
    "entry-corrected": "legal-obligation",
    "entry-retracted": "legal-obligation",
}
IN_FORCE, AS_KNOWN_THEN, UNDER_OVERRIDE = "in-force", "as-known-then", "under-override"
NOT_IN_FORCE, NOT_UPHELD, NONE_NAMED = "not-in-force", "override-not-upheld", "none-named"
JUDGEMENTS = (IN_FORCE, AS_KNOWN_THEN, UNDER_OVERRIDE, NOT_IN_FORCE, NOT_UPHELD, NONE_NAMED)
GAPS = (NOT_IN_FORCE, NOT_UPHELD, NONE_NAMED)
LONGEST_OVERRIDE, REVIEWED_WITHIN = timedelta(hours=72), timedelta(days=7)


@dataclass
class Decision:
    version: int
    scope: tuple[str, str, str]
    state: str
    on: date
    at: datetime | None
    valid_from: date | None
    valid_until: date | None

    def comes_before(self, on: date, at: datetime | None) -> bool:
        """A day without a time of day counts whole."""
        if self.on == on and self.at is not None and at is not None:
            return self.at <= at
        return self.on <= on

    def permits(self, on: date) -> bool:
        begun = self.valid_from is None or self.valid_from <= on
        ended = self.valid_until is not None and self.valid_until < on
        return self.state in ("given", "renewed") and begun and not ended


@dataclass
class Override:
    """`review` is the version of the entry that judges it, whether it was right, and who said so."""

    event: Row
    purpose: str
    reason: str
    on: date
    at: datetime | None
    until_on: date
    until: datetime
    named: str
    review: tuple[int, bool, str] | None = None

    def carries(self, on: date, at: datetime | None) -> bool:
        begun = self.at <= at if at is not None and self.at is not None else self.on <= on
        return begun and not (self.until < at if at is not None else self.until_on < on)


@dataclass
class Act:
    """A use of somebody's data. `told_in` is the version of the entry that last said when it happened."""

    event: Row
    on: date
    at: datetime | None
    relied_on: int | None
    told_in: int
    retracted_by: int | None = None
    judgement: str = NONE_NAMED

    @property
    def purpose(self) -> str:
        return PURPOSES[self.event.topic]


@dataclass
class ConsentProof:
    """`told` is the whole of it, as JSON."""

    decisions: dict[int, Decision]
    overrides: dict[int, Override]
    acts: dict[int, Act]
    told: dict[str, Any]


def covering(decisions: Sequence[Decision], on: date, at: datetime | None) -> Decision | None:
    """The decision, of these of one scope in the order of recording, on which something could rest at that time."""
    known = [d for d in decisions if d.state not in ("requested", "deferred") and d.comes_before(on, at)]
    if not known:
        return None
    # The last day decides. Within it the one that was recorded last stands, unless it is earlier by the clock than one before it.
    day, stood, clock = max(d.on for d in known), None, None
    for decision in (d for d in known if d.on == day):
        if decision.at is None or clock is None or decision.at >= clock:
            stood, clock = decision, decision.at or clock
    if stood is None or not stood.permits(on):
        return None
    undone = (d for d in decisions if d.state == "invalidated" and d.version > stood.version)
    return None if any(stood.comes_before(d.on, d.at) for d in undone) else stood


def judge(act: Act, decisions: Iterable[Decision], overrides: Mapping[int, Override]) -> str:
    """Everyday work asks for consent to the case record, within the organisation."""
    override = overrides.get(act.relied_on) if act.relied_on is not None else None
    if override is not None and override.purpose == act.purpose:
        wrong = override.review is not None and not override.review[1]
        known_wrong = wrong and override.review is not None and override.review[0] < act.told_in
        if override.event.version >= act.told_in or known_wrong or not override.carries(act.on, act.at):
            return NOT_IN_FORCE
        return NOT_UPHELD if wrong else UNDER_OVERRIDE
    of_scope = [d for d in decisions if d.scope == (act.purpose, "case-record", "this-organisation")]
    if all(d.version != act.relied_on for d in of_scope):
        return NONE_NAMED
    then = covering([d for d in of_scope if d.version < act.told_in], act.on, act.at)
    if then is None or then.version != act.relied_on:
        return NOT_IN_FORCE
    return IN_FORCE if covering(of_scope, act.on, act.at) is not None else AS_KNOWN_THEN


def consent_proof(stream_id: UUID, events: Sequence[Row], now: datetime) -> ConsentProof:
    """The proof of one mentorship, from all of its events. `now` decides which reviews are overdue."""
    proof = ConsentProof({}, {}, {}, {})
    findings: list[dict[str, Any]] = []
    expected = 1
    for before, event in zip([None, *events], events, strict=False):
        if event.version != expected:
            findings.append(_finding("version-missing" if event.version > expected else "version-repeated", event))
        expected = event.version + 1
        if before is not None and event.position <= before.position:
            findings.append(_finding("out-of-order", event))
        if event.topic not in PURPOSES and event.topic not in BASES and event.topic not in DECISIONS:
            findings.append(_finding("unknown-kind", event))
        elif event.purpose != PURPOSES.get(event.topic):
            findings.append(_finding("purpose-differs", event))
        try:
            _replay(event, proof)
        except Malformed:
            findings.append(_finding("unreadable", event))
    for act in proof.acts.values():
        act.judgement = judge(act, proof.decisions.values(), proof.overrides)
        if act.judgement in GAPS:
            findings.append(_finding(f"act-{act.judgement}", act.event))
    by_version = {event.version: event for event in events}
    for override in proof.overrides.values():
        if override.at is None or override.until - override.at > LONGEST_OVERRIDE:
            findings.append(_finding("override-too-long", override.event))
        if override.named != str(override.event.actor_id):
            findings.append(_finding("override-by-another", override.event))
        if override.review is None:
            if now - override.event.recorded_at > REVIEWED_WITHIN:
                findings.append(_finding("override-not-reviewed", override.event))
        elif override.review[2] in (override.named, str(override.event.actor_id)):
            findings.append(_finding("override-reviewed-by-its-author", by_version[override.review[0]]))
    proof.told = _told(stream_id, events, proof, findings)
    return proof


def _replay(event: Row, proof: ConsentProof) -> None:
    state = Fields(state_of(event), event.label)
    on, at = state.day("occurred_on"), state.moment("occurred_at", optional=True)
    if event.topic in DECISIONS:
        scope = (state.text("purpose"), state.text("data_category"), state.text("recipient"))
        valid = state.day("valid_from", optional=True), state.day("valid_until", optional=True)
        proof.decisions[event.version] = Decision(event.version, scope, DECISIONS[event.topic], on, at, *valid)
    elif event.topic in PURPOSES:
        proof.acts[event.version] = Act(event, on, at, state.count("relied_on", optional=True), event.version)
    elif event.topic == "consent-overridden":
        until = state.day("until_on"), state.moment("until_at")
        purpose, reason, named = state.text("purpose"), state.text("reason"), state.text("overridden_by")
        proof.overrides[event.version] = Override(event, purpose, reason, on, at, *until, named)
    elif event.topic == "override-reviewed":
        upheld = state.value.get("upheld")
        if not isinstance(upheld, bool):
            raise Malformed(event.label, "it does not say what the review found")
        override = proof.overrides.get(state.count("override"))
        if override is not None and override.review is None:
            override.review = event.version, upheld, str(event.actor_id)
    elif event.topic in ("entry-corrected", "entry-retracted"):
        act = proof.acts.get(state.count("corrects"))
        if act is not None and event.topic == "entry-retracted":
            act.retracted_by = event.version
        elif act is not None and "occurred_on" in state.take("changes", dict):
            act.on, act.at = as_day(state.take("changes", dict)["occurred_on"], event.label), None
            relied_on = state.count("relied_on", optional=True)
            if relied_on:
                act.relied_on, act.told_in = relied_on, event.version


def _told(
    stream_id: UUID, events: Sequence[Row], proof: ConsentProof, findings: list[dict[str, Any]]
) -> dict[str, Any]:
    judgements = [act.judgement for act in proof.acts.values()]
    return {
        "format": "accompany consent proof 1",
        "mentorship": str(stream_id),
        "events": len(events),
        "last_position": max((event.position for event in events), default=None),
        "acts": [
            {
                "version": act.event.version,
                "position": act.event.position,
                "topic": act.event.topic,
                "actor": str(act.event.actor_id),
                "purpose": act.purpose,
                "done_on": act.on.isoformat(),
                "done_at": _exact(act.at),
                "told_in": act.told_in,
                "legal_basis": "vital-interests" if act.relied_on in proof.overrides else "consent",
                "relied_on": act.relied_on,
                "judgement": act.judgement,
                "gap": act.judgement in GAPS,
                "retracted_by": act.retracted_by,
            }
            for act in proof.acts.values()
        ],
        "decisions": [
            {
                "version": decision.version,
                "purpose": decision.scope[0],
                "data_category": decision.scope[1],
                "recipient": decision.scope[2],
                "state": decision.state,
                "made_on": decision.on.isoformat(),
                "made_at": _exact(decision.at),
                "valid_from": decision.valid_from and decision.valid_from.isoformat(),
                "valid_until": decision.valid_until and decision.valid_until.isoformat(),
            }
            for decision in proof.decisions.values()
        ],
        "overrides": [
            {
                "version": override.event.version,
                "purpose": override.purpose,
                "reason": override.reason,
                "begins_at": _exact(override.at),
                "ends_at": _exact(override.until),
                "by": str(override.event.actor_id),
                "review": override.review and dict(zip(("version", "upheld", "by"), override.review, strict=True)),
            }
            for override in proof.overrides.values()
        ],
        "other_bases": [
            {"version": event.version, "topic": event.topic, "legal_basis": BASES[event.topic]}
            for event in events
            if event.topic in BASES
        ],
        "findings": sorted(findings, key=lambda one: (one["version"], one["code"])),
        "totals": {
            "acts": len(judgements),
            **{judgement: judgements.count(judgement) for judgement in JUDGEMENTS},
            "gaps": sum(judgement in GAPS for judgement in judgements),
            "overrides": len(proof.overrides),
            "overrides_not_reviewed": sum(one.review is None for one in proof.overrides.values()),
            "findings": len(findings),
        },
    }


def _finding(code: str, event: Row) -> dict[str, Any]:
    return {"code": code, "version": event.version, "position": event.position, "topic": event.topic}


def _exact(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="microseconds")


def state_of(event: Row) -> dict[str, Any]:
    """An event's fields, with what is personal still sealed."""
    state = parse(event.state, event.label)
    if not isinstance(state, dict):
        raise Malformed(event.label, "its state is no JSON object")
    return state


def moment_text(moment: datetime) -> str:
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    return text + (f".{moment.microsecond:06}" if moment.microsecond else "") + "Z"


# ---------------------------------------------------------------- A bundle

FORMAT = "accompany-evidence/1"
REQUESTED, PERIOD_REQUESTED = "evidence-requested", "period-evidence-requested"
MENTORSHIP, PERSON, PERIOD = "mentorship", "person", "period"
SEALED, CONSENT, ACTS = "sealed", "consent", "acts"
README = """\
This is evidence from Accompany, a record of mentorships. It holds personal data: keep it as you keep a case file.

  summary.html          to read and to print, in any browser, without a network
  accompany_verify.py   checks everything here. With Python 3.10 or newer:

      pip install cryptography
      unzip THIS-BUNDLE.zip accompany_verify.py
      python accompany_verify.py THIS-BUNDLE.zip

The check needs no network, no password and nothing of ours, and it is one file that you can read. A verifier that came with the evidence is
as trustworthy as who sent it: take one from another place (`pip install accompany-verify`), or write your own. All formats are public:

  events.jsonl          each event as it is stored, what is personal in it sealed
  opened.jsonl          what you may read, each beside the key that opens this one value and shows that it is what was sealed
  access.jsonl          who looked at these data
  consent.json          for each use of data, the consent that it relied on, and whether that was in force
  proofs/               that each of these stands in the log, one file each (c2sp.org/tlog-proof)
  checkpoints/, keys/   what the log was, signed by it and by its witnesses (c2sp.org/tlog-checkpoint), and its public keys
  timestamps/           that a checkpoint was there at some time (RFC 3161)
  consistency/          that the log only grew since the checkpoint that you knew (RFC 6962)
  range/, withheld/     of a period: that no position in it was left out, and the fingerprints of what is another organisation's
  manifest.json         what this bundle is about, and the SHA-256 of each file

The service's page docs/evidence.md says what all this proves, and what it does not.
"""


@dataclass
class Opened:
    """A sealed value that may be read."""

    event: Row
    group: str
    person: UUID
    prk: bytes
    text: str


@dataclass
class Request:
    """Why and for what this bundle was made: the event that records it.

    It also counts what there was, so that something that was left out of the bundle is missed: the versions of each stream and the
    entries of the access log, or, of a period, the positions of both logs.
    """

    event: Row
    kind: str
    opening: str
    reason_code: str
    subject_id: UUID | None = None
    streams: dict[UUID, int] = field(default_factory=dict)
    accesses: int | None = None
    days: tuple[date, date] | None = None
    positions: dict[str, tuple[int, int]] = field(default_factory=dict)

    @classmethod
    def read(cls, event: Row) -> "Request":
        state = Fields(state_of(event), event.label)
        opening, reason_code = state.text("opening"), state.text("reason_code")
        if event.topic == PERIOD_REQUESTED:
            days = state.day("recorded_from"), state.day("recorded_until")
            positions = {EVENTS: (state.count("first_position", 1), state.count("last_position"))}
            first, last = state.count("first_access", 1, optional=True), state.count("last_access", optional=True)
            if first is not None and last is not None:
                positions[ACCESSES] = first, last
            return cls(event, PERIOD, opening, reason_code, days=days, positions=positions)
        if event.topic != REQUESTED:
            raise Malformed(event.label, "it is no request for evidence")
        streams = {}
        for one in state.take("streams", list):
            entry = Fields(one, event.label)
            streams[entry.uuid("stream_id")] = entry.count("versions", 1)
        accesses = state.count("access_entries", optional=True)
        return cls(event, state.text("subject"), opening, reason_code, state.uuid("subject_id"), streams, accesses)


@dataclass
class Trust:
    """What the one who checks brings along."""

    keys: Sequence[NoteKey] = ()
    policy: Policy | None = None
    timestamp_roots: Sequence[Any] = ()
    known: Sequence[Checkpoint] = ()
    own_source: bytes = b""


class Bundle:
    """A bundle, checked step by step. Each step leaves what it has found for the next ones; one that finds nothing leaves it empty."""

    def __init__(
        self,
        files: Mapping[str, bytes | memoryview],
        trust: Trust,
        progress: Callable[[str, int, int], None] = lambda what, done, of: None,
    ) -> None:
        self.files = files
        self.trust = trust
        self.progress = progress
        self.checks: list[Check] = []
        self.manifest = Fields(written(self._raw("manifest.json"), "manifest.json"), "manifest.json")
        if self.manifest.text("format") != FORMAT:
            raise Malformed("manifest.json", "this bundle is of a format that this program does not know")
        self.checkpoints: dict[str, Checkpoint] = {}
        self.events: list[Row] = []
        self.by_position: dict[int, Row] = {}
        self.request: Request | None = None
        self.opened: list[Opened] = []
        self.accesses: list[Row] = []
        self.proofs: dict[UUID, ConsentProof] = {}

    def run(self, only: Sequence[str] = ()) -> list[Check]:
        """Every check, or those of these names."""
        steps: list[tuple[str, str, Callable[..., None], tuple[str, ...]]] = [
            ("files", "Every file is the one that the manifest names", self._check_files, ())
        ]
        for log in self._logs():
            steps += [
                (f"{log}-checkpoint", f"The {log} log signed its checkpoint", self._check_signature, (log,)),
                (f"{log}-witnesses", f"Witnesses saw the same {log} log", self._check_witnesses, (log,)),
                (f"{log}-timestamps", f"The {log} log was there at that time", self._check_timestamps, (log,)),
                (f"{log}-consistency", f"The {log} log only grew since you last looked", self._check_growth, (log,)),
            ]
        steps += [
            ("events", "Every event stands in the log as it stands here", self._check_events, ()),
            ("request", "That this evidence was asked for is on record", self._check_request, ()),
            ("completeness", "No event is missing", self._check_completeness, ()),
            ("opened", "What can be read is what was sealed", self._check_opened, ()),
        ]
        if ACCESSES in self._logs():
            steps.append(("accesses", "Every look at the data stands in the access log", self._check_accesses, ()))
        steps += [
            ("consent", "The consent proof, worked out anew, says the same", self._check_consent, ()),
            ("summary", "The summary shows what was checked, and nothing else", self._check_summary, ()),
        ]
        for name, title, look, log_name in steps:
            if not only or name in only:
                self._step(name, title, look, *log_name)
        return self.checks

    @property
    def gaps(self) -> list[Act]:
        """Uses that no consent covered, those taken back left out."""
        acts = (act for proof in self.proofs.values() for act in proof.acts.values())
        return [act for act in acts if act.judgement in GAPS and act.retracted_by is None]

    def _step(self, name: str, title: str, look: Callable[..., None], *log: str) -> None:
        check = Check(name, title)
        self.checks.append(check)
        try:
            look(check, *log)
        except (Malformed, Refuted) as problem:
            check.fail("", str(problem))

    def _logs(self) -> list[str]:
        return [log for log in (EVENTS, ACCESSES) if f"checkpoints/{log}.txt" in self.files]

    def _raw(self, name: str) -> bytes:
        if name not in self.files:
            raise Malformed(name, "it is missing")
        return bytes(self.files[name])

    # The files

    def _check_files(self, check: Check) -> None:
        named = Fields(self.manifest.take("files", dict), "manifest.json")
        for name, content in self.files.items():
            if name == "manifest.json":
                continue
            entry = Fields(named.take(name, dict), name) if name in named.value else None
            if entry is None:
                named.read.add(name)
                check.fail(name, "the manifest does not name it")
            elif (entry.count("bytes"), entry.text("sha256")) != (len(content), hashlib.sha256(content).hexdigest()):
                check.fail(name, "its content is not what the manifest says")
        for name in sorted(set(named.value) - set(self.files)):
            check.fail(name, "the manifest names it, and it is missing")
        check.said = f"{len(self.files)} files"

    # What the logs were

    def _key(self, log: str) -> tuple[NoteKey, bool]:
        """The key that signs this log, and whether it came from the one who checks."""
        carried = read_key(self._raw(f"keys/{log}.vkey").decode("utf-8", "replace"), f"keys/{log}.vkey")
        brought = [*self.trust.keys, *(self.trust.policy.logs.values() if self.trust.policy else ())]
        for key in brought:
            if key.name == carried.name:
                return key, True
        if brought and log == EVENTS:
            raise Refuted(f"this is the log {carried.name!r}, for which you gave no key")
        return carried, False

    def _check_signature(self, check: Check, log: str) -> None:
        where = f"checkpoints/{log}.txt"
        checkpoint = Checkpoint.read(self._raw(where), where)
        key, brought = self._key(log)
        if key.kind != ED25519 or checkpoint.origin != key.name:
            raise Refuted("the checkpoint is not one of this log")
        if not checkpoint.note.signed_by(key):
            raise Refuted("the log's key has not signed it")
        self.checkpoints[log] = checkpoint
        check.said = f"{checkpoint.origin}, {checkpoint.size} entries, key {key.fingerprint}"
        if not brought:
            check.said += " (the key came with the bundle: compare it with one that you have from another place, or keep it with --log-key)"

    def _check_witnesses(self, check: Check, log: str) -> None:
        checkpoint = self.checkpoints.get(log)
        if checkpoint is None or self.trust.policy is None:
            return check.skip("no policy was given (--policy)" if checkpoint else "there is no checkpoint to rely on")
        seen = {}
        for name, key in self.trust.policy.witnesses.items():
            try:
                at = checkpoint.note.cosigned_by(key)
            except Refuted as problem:
                check.fail(name, str(problem))
                continue
            if at is not None:
                seen[name] = at
        if not self.trust.policy.is_met(seen):
            check.fail(
                self.trust.policy.quorum, f"the quorum is not met: cosigned by {', '.join(sorted(seen)) or 'nobody'}"
            )
        check.said = ", ".join(f"{name} at {moment_text(at)}" for name, at in sorted(seen.items()))

    def _check_timestamps(self, check: Check, log: str) -> None:
        checkpoint = self.checkpoints.get(log)
        names = [name for name in self.files if name.startswith(f"timestamps/{log}-")]
        if checkpoint is None or not self.trust.timestamp_roots:
            return check.skip(f"no authority's certificate was given (--timestamp-root); {len(names)} in the bundle")
        if not names:
            raise Refuted("there is no timestamp in the bundle")
        told = []
        stamped = checkpoint.note.only_by(self._key(log)[0])
        for name in names:
            try:
                told.append(timestamp_of(self._raw(name), stamped, self.trust.timestamp_roots))
            except Refuted as problem:
                check.fail(name, str(problem))
        check.said = "there at " + ", ".join(moment_text(at) for at in told)

    def _check_growth(self, check: Check, log: str) -> None:
        checkpoint = self.checkpoints.get(log)
        known = [one for one in self.trust.known if checkpoint and one.origin == checkpoint.origin]
        if checkpoint is None or not known:
            return check.skip("no earlier checkpoint of this log was given (--since)")
        key, _ = self._key(log)
        for old in known:
            if not old.note.signed_by(key):
                raise Refuted("the log's key has not signed your earlier checkpoint")
            if old.size > checkpoint.size:
                raise Refuted(
                    f"you have seen {old.size} entries, and this log has only {checkpoint.size}: it was shortened, or this is older"
                )
            hashes: list[bytes] = []
            if old.size != checkpoint.size:
                where = f"consistency/{log}-{old.size}.txt"
                if where not in self.files:
                    return check.skip(
                        f"the bundle has no proof from {old.size} entries: ask for it with your checkpoint's size"
                    )
                hashes = _hashes(self._raw(where), where)
            check_consistency(old.size, old.root, checkpoint.size, checkpoint.root, hashes)
            check.said = f"from {old.size} to {checkpoint.size} entries"

    # The events

    def _check_events(self, check: Check) -> None:
        self.events = self._rows(EVENTS, check)
        self.by_position = {event.position: event for event in self.events}
        for event in self.events:
            if str(event.organisation_id) != self.manifest.text("organisation"):
                check.fail(event.label, "it is of another organisation")
            state = state_of(event)
            for name in ("occurred_on", "occurred_at"):
                if state.get(name) is not None and not _same_moment(state[name], event.columns[name], event.label):
                    check.fail(event.label, f"its columns and its state name different times ({name})")
        check.said = f"{len(self.events)} events"

    def _rows(self, log: str, check: Check) -> list[Row]:
        """The rows of a log that are here, each proven, by itself or as one of a range. What is wrong with one is told, and it stays."""
        checkpoint = self.checkpoints.get(log)
        name = f"{log}.jsonl"
        rows: list[Row] = []
        for where, value in lines(self._raw(name), name):
            entry = Fields(value, where)
            row = Row.from_envelope(log, entry.base64("envelope"), where)
            if row.position != entry.count("position", 1):
                check.fail(row.label, "another position stands beside it")
            entry.done()
            if rows and row.position <= rows[-1].position:
                check.fail(row.label, "it is there twice, or not in its order")
            if rows and row.recorded_at < rows[-1].recorded_at:
                check.fail(row.label, "it was recorded before the one that precedes it")
            rows.append(row)
        if checkpoint is None:
            check.fail("", "there is no checkpoint to rely on")
            return rows
        within = self._range(log, rows, check)
        for number, row in enumerate(rows):
            self.progress(name, number, len(rows))
            if row.position in within:
                continue
            where = f"proofs/{log}/{row.position}.tlog-proof"
            try:
                index, hashes, carried = read_proof(self._raw(where), where)
                if index != row.position - 1 or carried != checkpoint.raw:
                    raise Refuted("its proof is for another position or another checkpoint")
                if root_of_inclusion(row.leaf, index, checkpoint.size, hashes) != checkpoint.root:
                    raise Refuted("it does not stand in the log like this")
            except (Malformed, Refuted) as problem:
                check.fail(row.label, str(problem))
        proven = {f"proofs/{log}/{row.position}.tlog-proof" for row in rows if row.position not in within}
        for name in self.files:
            if name.startswith(f"proofs/{log}/") and name not in proven:
                check.fail(name, "it proves something that is not here")
        return rows

    def _range(self, log: str, rows: Sequence[Row], check: Check) -> range:
        """The positions that one proof for all shows to be here, or withheld because they are another organisation's."""
        where = f"range/{log}.json"
        if where not in self.files:
            return range(0)
        fields = Fields(written(self._raw(where), where), where)
        first, last = fields.count("first", 1), fields.count("last")
        around = [from_base64(one, where) for one in fields.take("hashes", list)]
        fields.done()
        if last < first:
            return range(0)
        leaves = {row.position: row.leaf for row in rows if first <= row.position <= last}
        withheld = f"withheld/{log}.jsonl"
        for line, value in lines(self._raw(withheld), withheld):
            entry = Fields(value, line)
            position = entry.count("position", 1)
            if position in leaves or not first <= position <= last:
                raise Malformed(line, "its position is not one that is withheld")
            leaves[position] = entry.base64("leaf")
            entry.done()
        missing = next((one for one in range(first, last + 1) if one not in leaves), None)
        if missing is not None:
            raise Refuted(f"position {missing} is missing")
        checkpoint = self.checkpoints[log]
        ordered = [leaves[position] for position in range(first, last + 1)]
        if root_of_range(ordered, first - 1, checkpoint.size, around) != checkpoint.root:
            check.fail(
                f"positions {first} to {last}", "one of them does not stand in the log like this, or is left out"
            )
        return range(first, last + 1)

    def _check_request(self, check: Check) -> None:
        subject = Fields(self.manifest.take("subject", dict), "manifest.json")
        event = self.by_position.get(self.manifest.count("request", 1))
        if event is None:
            raise Refuted("the event that records the request is not here")
        request = Request.read(event)
        told = (subject.text("kind"), subject.uuid("id", optional=True), self.manifest.text("opening"))
        days = subject.day("from", optional=True), subject.day("until", optional=True)
        asked = (request.kind, request.subject_id, request.opening)
        if told != asked or days != (request.days or (None, None)):
            check.fail(event.label, "the bundle is about something else than what was asked for")
        self.request = request
        check.said = f"asked for by {event.actor_id}, {moment_text(event.recorded_at)}, because: {request.reason_code}"

    def _check_completeness(self, check: Check) -> None:
        request = self._asked(check)
        if request is None:
            return
        streams: dict[UUID, list[Row]] = {}
        for event in self.events:
            if event.position != request.event.position:
                streams.setdefault(event.stream_id, []).append(event)
        if request.kind == PERIOD:
            self._check_period(check, request, streams)
            return
        for stream_id, versions in request.streams.items():
            found = [event.version for event in streams.pop(stream_id, ())]
            expected = list(range(1, versions + 1))
            if found != expected:
                missing = sorted(set(expected) - set(found))
                of = f"version {missing[0]} is missing" if missing else "there are others than its request names"
                check.fail(f"stream {stream_id}", of)
        for stream_id in streams:
            check.fail(f"stream {stream_id}", "its request does not name it")
        check.said = (
            f"{_count(len(request.streams), 'stream')}, each from its first event to the last one before the request"
        )

    def _check_period(self, check: Check, request: Request, streams: dict[UUID, list[Row]]) -> None:
        for log, positions in request.positions.items():
            where = f"range/{log}.json"
            fields = Fields(written(self._raw(where), where), where)
            if (fields.count("first", 1), fields.count("last")) != positions:
                check.fail(where, "the positions are not those that the request names")
        for stream_id, events in streams.items():
            for before, after in pairwise(events):
                if after.version != before.version + 1:
                    check.fail(f"stream {stream_id}", f"version {before.version + 1} is missing")
            for event in events:
                if request.days and not request.days[0] <= event.recorded_at.date() <= request.days[1]:
                    check.fail(event.label, "it was not recorded in this period")
        check.said = ", ".join(f"{log} {first} to {last}" for log, (first, last) in request.positions.items())

    def _asked(self, check: Check) -> Request | None:
        if self.request is None:
            check.fail("", "what was asked for is not known")
        return self.request

    # What can be read

    def _check_opened(self, check: Check) -> None:
        seen = set()
        for where, value in lines(self._raw("opened.jsonl"), "opened.jsonl"):
            entry = Fields(value, where)
            position, group, person = entry.count("position", 1), entry.text("group"), entry.uuid("person")
            prk, text = entry.base64("prk"), entry.text("text")
            entry.done()
            event = self.by_position.get(position)
            if event is None or (position, group) in seen:
                check.fail(where, "it is there twice, or its event is not here")
                continue
            seen.add((position, group))
            try:
                state = state_of(event)
                groups = state.get("sealed")
                whose = event.stream_id if group == "originator_id" else as_uuid(state.get(group), event.label)
                if whose != person or not isinstance(groups, dict):
                    raise Refuted("it is not that person's")
                sealed = from_base64(groups.get(group), event.label)
                if open_sealed(sealed, prk, place_of(event, group, person, sealed[1:5])) != text.encode():
                    raise Refuted("the text is not the one that was sealed")
                if not self._may_be_open(event):
                    raise Refuted("it is open, though the request asks for less")
            except (Malformed, Refuted) as problem:
                check.fail(event.label, str(problem))
                continue
            self.opened.append(Opened(event, group, person, prk, text))
        check.said = f"{len(self.opened)} values"

    def _may_be_open(self, event: Row) -> bool:
        opening = self.manifest.text("opening")
        if event.topic in (REQUESTED, PERIOD_REQUESTED):
            return True
        if event.topic in DECISIONS:
            return opening in (CONSENT, ACTS)
        return opening == ACTS and event.purpose is not None

    # Who looked

    def _check_accesses(self, check: Check) -> None:
        self.accesses = self._rows(ACCESSES, check)
        request = self._asked(check)
        for entry in self.accesses:
            if str(entry.organisation_id) != self.manifest.text("organisation"):
                check.fail(entry.label, "it is of another organisation")
        if request is None:
            return
        for entry in self.accesses:
            if request.kind == MENTORSHIP and entry.mentorship_id != request.subject_id:
                check.fail(entry.label, "it is about another mentorship")
            if request.kind == PERSON and entry.person_id != request.subject_id:
                check.fail(entry.label, "it is about another person")
        if request.accesses is not None and len(self.accesses) < request.accesses:
            check.fail(
                "",
                f"{request.accesses} were on record when the bundle was asked for, and {len(self.accesses)} are here",
            )
        check.said = f"{len(self.accesses)} entries"

    # Whether there was a consent

    def _check_consent(self, check: Check) -> None:
        streams: dict[UUID, list[Row]] = {}
        for event in self.events:
            streams.setdefault(event.stream_id, []).append(event)
        # What is overdue is judged by when the evidence was asked for, so that everybody gets the same answer.
        asked = [self.request.event] if self.request else self.events[-1:]
        now = asked[0].recorded_at if asked else _EPOCH
        for stream_id, events in streams.items():
            if events[0].version == 1 and events[0].topic == "mentorship-started":
                self.proofs[stream_id] = consent_proof(stream_id, events, now)
        told = parse(self._raw("consent.json"), "consent.json")
        if canonical(told) + b"\n" != self._raw("consent.json"):
            raise Malformed("consent.json", "it is not in the one form that bundles use")
        here = {str(stream_id): proof.told for stream_id, proof in self.proofs.items()}
        if told != here:
            other = _first_difference(told, here)
            check.fail(
                f"stream {other}" if other else "consent.json",
                "the consent proof says something else than the events do",
            )
        acts = [act for proof in self.proofs.values() for act in proof.acts.values()]
        of = f"{len(acts)} uses of data in {_count(len(self.proofs), 'mentorship')}"
        check.said = f"{of}, {len(self.gaps) or 'none'} of them without a consent in force"
        older = sum(events[0].version > 1 for events in streams.values())
        if older:
            check.said += f"; {older} began before the period and were not judged: ask for a bundle about each"

    # What people look at

    def _check_summary(self, check: Check) -> None:
        request = self._asked(check)
        if request is None:
            return
        if self._raw("README.txt") != README.encode():
            check.fail("README.txt", "it is not the one that belongs to this format")
        if self._raw("summary.html") != draw_summary(self):
            check.fail("summary.html", "it shows something else than what was checked")
        if self.trust.own_source and self._raw("accompany_verify.py") != self.trust.own_source:
            carried = re.search(rb'^VERSION = "([^"\n]*)"$', self._raw("accompany_verify.py"), re.MULTILINE)
            if carried is None or carried[1].decode("ascii", "replace") == VERSION:
                check.fail("accompany_verify.py", "it calls itself what this program is, and it is another one")
            else:
                check.said = "the verifier in the bundle is another version and was not looked at"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _hashes(raw: bytes, where: str) -> list[bytes]:
    """One hash in base64 a line."""
    found = [from_base64(line, where) for line in raw.decode("ascii", "replace").split("\n")[:-1]]
    if len(found) > 128 or any(len(one) != 32 for one in found) or not raw.endswith(b"\n"):
        raise Malformed(where, "it is no list of hashes")
    return found


def _same_moment(text: Any, column: Any, where: str) -> bool:
    return bool(column == (as_moment(text, where) if isinstance(column, datetime) else as_day(text, where)))


def _first_difference(told: Any, here: dict[str, Any]) -> str:
    if not isinstance(told, dict):
        return ""
    return next((name for name in sorted(set(told) | set(here)) if told.get(name) != here.get(name)), "")


def timestamp_of(raw: bytes, stamped: bytes, roots: Sequence[Any]) -> datetime:
    """When an authority saw a checkpoint as the log signed it (RFC 3161). Raises Refuted."""
    from rfc3161_client import VerifierBuilder, decode_timestamp_response  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415
    from rfc3161_client.errors import VerificationError  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415

    try:
        response = decode_timestamp_response(raw)
        builder = VerifierBuilder()
        for root in roots:
            builder = builder.add_root_certificate(root)
        builder.build().verify_message(response, stamped)
        told: datetime = response.tst_info.gen_time
        return told.astimezone(timezone.utc)
    except (VerificationError, ValueError):
        raise Refuted("the timestamp is not one of this authority over this checkpoint") from None


# ---------------------------------------------------------------- The summary
#
# Drawn from what the bundle holds, and by this very function when the bundle is made: a summary that shows anything else is found.

STYLE = """
:root { --ink: #1d2a2b; --soft: #5a6869; --line: #d9d4c8; --paper: #fbf8f2; --card: #fff;
  --good: #0d5c55; --warn: #8a5a00; --bad: #a3211d; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
main { max-width: 68rem; margin: 0 auto; padding: 2.5rem 1.5rem 4rem; }
header { border-bottom: 3px solid var(--good); padding-bottom: 1.25rem; margin-bottom: 1.75rem; }
.kicker { margin: 0; color: var(--good); font-weight: 600; letter-spacing: .04em; text-transform: uppercase; font-size: .8rem; }
h1 { margin: .2rem 0 .4rem; font-size: 1.9rem; line-height: 1.2; }
h2 { margin: 2.5rem 0 .75rem; font-size: 1.25rem; }
h3 { margin: 1.75rem 0 .5rem; font-size: 1rem; }
p { max-width: 46rem; }
.soft { color: var(--soft); }
code, .id { font: .86em/1.4 ui-monospace, "DejaVu Sans Mono", Consolas, monospace; overflow-wrap: anywhere; }
dl.facts { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1.25rem; margin: 0; }
dl.facts dt { color: var(--soft); }
dl.facts dd { margin: 0; }
.figures { display: flex; flex-wrap: wrap; gap: .75rem; margin: 0; }
.figures div { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .6rem 1rem; min-width: 8rem; }
.figures dt { color: var(--soft); font-size: .85rem; }
.figures dd { margin: 0; font-size: 1.5rem; font-weight: 650; }
.figures .gap { border-color: var(--bad); } .figures .gap dd { color: var(--bad); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; background: var(--card); border: 1px solid var(--line); }
caption { text-align: left; color: var(--soft); padding: 0 0 .4rem; }
th, td { text-align: left; vertical-align: top; padding: .5rem .7rem; border-bottom: 1px solid var(--line); }
thead th { background: #f1ede3; font-size: .82rem; font-weight: 600; }
tbody th { font-weight: 500; }
tr.gap > * { background: #fcefee; }
tr.decision td:nth-child(2) { font-weight: 600; }
.mark, .day { white-space: nowrap; } .mark { font-weight: 600; }
.good { color: var(--good); } .warn { color: var(--warn); } .bad { color: var(--bad); }
tr.opened td { padding-top: 0; }
.read { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: .35rem 1rem; margin: 0; padding: .6rem .9rem;
  background: var(--paper); border-left: 3px solid var(--good); font-size: .9rem; }
.read dt { color: var(--soft); font-size: .8rem; } .read dd { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }
tr:has(+ tr.opened) > * { border-bottom: 0; }
footer { margin-top: 3rem; border-top: 1px solid var(--line); padding-top: 1rem; color: var(--soft); font-size: .9rem; }
@media print {
  @page { margin: 16mm 14mm; }
  body { background: #fff; font-size: 9.5pt; }
  main { max-width: none; padding: 0; }
  tr { break-inside: avoid; } thead { display: table-header-group; } h2, h3 { break-after: avoid; }
}
"""
MARKS = {
    IN_FORCE: '<span class="mark good">\u2713 covered</span>',
    AS_KNOWN_THEN: '<span class="mark warn">\u25d0 covered as known then</span>',
    UNDER_OVERRIDE: '<span class="mark warn">\u25d0 under an override</span>',
    NOT_UPHELD: '<span class="mark bad">\u2715 override not upheld</span>',
    NOT_IN_FORCE: '<span class="mark bad">\u2715 no consent in force</span>',
    NONE_NAMED: '<span class="mark bad">\u2715 no consent named</span>',
}
TITLES = {MENTORSHIP: "Evidence on one mentorship", PERSON: "Evidence on one person", PERIOD: "Evidence on a period"}
OPENINGS = {
    SEALED: "nothing personal is opened",
    CONSENT: "decisions on consent are opened, nothing else",
    ACTS: "decisions on consent and uses of data are opened, nothing else",
}


def draw_summary(bundle: Bundle) -> bytes:
    """One page of HTML without script or anything from elsewhere. The same bundle gives the same bytes."""
    request = bundle.request
    if request is None:
        raise Malformed("summary.html", "what was asked for is not known")
    about = f"{request.days[0]} to {request.days[1]} (UTC)" if request.days else str(request.subject_id)
    acts = [act for proof in bundle.proofs.values() for act in proof.acts.values() if act.retracted_by is None]
    figures = [
        ("Events", len(bundle.events), ""),
        ("Uses of data", len(acts), ""),
        ("Covered", sum(act.judgement not in GAPS for act in acts), ""),
        ("Gaps", len(bundle.gaps), ' class="gap"' if bundle.gaps else ""),
        ("Looks at the data", len(bundle.accesses), ""),
    ]
    parts = [
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{TITLES.get(request.kind, 'Evidence')}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n<header>\n"
        f'<p class="kicker">Accompany: evidence</p>\n<h1>{TITLES.get(request.kind, "Evidence")}</h1>\n'
        f'<p class="id">{about}</p>\n',
        _facts(bundle, request),
        '</header>\n<dl class="figures">\n',
        *(f"<div{css}><dt>{name}</dt><dd>{count}</dd></div>\n" for name, count, css in figures),
        "</dl>\n",
        '<p class="soft">This page shows what stands in the other files of this bundle. By itself it proves nothing: '
        "<code>python accompany_verify.py</code> checks the files, draws this page anew from them, and compares. Times are in UTC.</p>\n",
    ]
    opened: dict[int, list[Opened]] = {}
    for one in bundle.opened:
        opened.setdefault(one.event.position, []).append(one)
    for stream_id, proof in bundle.proofs.items():
        parts.append(_trail(stream_id, bundle, proof, opened))
    others = [event for event in bundle.events if event.stream_id not in bundle.proofs]
    if others:
        parts.append(_others(others, opened))
    parts.append(_accesses(bundle.accesses))
    parts.append(
        "<footer><p>Whoever holds this bundle holds personal data. Keep it as you keep a case file, and destroy it when its purpose has "
        "ended. The ids are those of the record; whose they are, the organisation can tell.</p></footer>\n</main>\n</body>\n</html>\n"
    )
    return "".join(parts).encode()


def _facts(bundle: Bundle, request: Request) -> str:
    facts = [
        ("Organisation", f'<span class="id">{escape(request.event.organisation_id)}</span>'),
        (
            "Asked for",
            f'{_time(request.event.recorded_at)} by <span class="id">{escape(request.event.actor_id)}</span>, '
            f"because: {escape(words(request.reason_code))}",
        ),
        ("What is opened", escape(OPENINGS.get(request.opening, request.opening))),
    ]
    for log, checkpoint in bundle.checkpoints.items():
        root = base64.b64encode(checkpoint.root).decode()
        facts.append(
            (
                f"Log of {'events' if log == EVENTS else 'accesses'}",
                f'<span class="id">{escape(checkpoint.origin)}</span>, {checkpoint.size} entries, root <span class="id">{root}</span>',
            )
        )
    return '<dl class="facts">\n' + "".join(f"<dt>{name}</dt><dd>{told}</dd>\n" for name, told in facts) + "</dl>\n"


def _trail(stream_id: UUID, bundle: Bundle, proof: ConsentProof, opened: dict[int, list[Opened]]) -> str:
    decided, done = proof.decisions, proof.acts
    rows = []
    for event in (one for one in bundle.events if one.stream_id == stream_id):
        act, decision = done.get(event.version), decided.get(event.version)
        css, purpose, on, at, relied, mark = "", "", event.occurred_on, event.occurred_at, "", ""
        what = escape(words(event.topic).capitalize())
        if decision is not None:
            css, what = "decision", f"Consent {escape(words(decision.state))}"
            purpose = escape(words(decision.scope[0]))
            if decision.scope[1:] != ("case-record", "this-organisation"):
                purpose += f'<br><span class="soft">{escape(words(decision.scope[1]))}, to {escape(words(decision.scope[2]))}</span>'
            relied = f"good until {_day(decision.valid_until)}" if decision.valid_until else ""
        elif act is not None:
            gap = act.judgement in GAPS and act.retracted_by is None
            css, purpose, on, at, mark = (
                "gap" if gap else "act",
                escape(words(act.purpose)),
                act.on,
                act.at,
                MARKS[act.judgement],
            )
            basis = decided.get(act.relied_on) if act.relied_on is not None else None
            relied = f"entry {act.relied_on}" if act.relied_on is not None else "none"
            relied += f": {escape(words(basis.state))} {_day(basis.on)}" if basis else ""
            relied += ": override" if act.relied_on in proof.overrides else ""
            if act.retracted_by is not None:
                what += f' <span class="warn">(taken back by entry {act.retracted_by})</span>'
        happened = "" if on is None else _day(on) + (f"<br>{at:%H:%M}" if at else "")
        rows.append(
            f'<tr class="{css}"><th scope="row">{event.version}</th><td>{what}</td>'
            f"<td>{purpose}</td><td>{happened}</td><td>{relied}</td><td>{mark}</td>"
            f'<td>{_time(event.recorded_at)}<br><span class="soft">by <span class="id">{str(event.actor_id)[-12:]}</span>, '
            f"position {event.position}</span></td></tr>\n" + _read(opened.get(event.position, ()), 7)
        )
    heads = "Entry", "What", "Purpose", "Happened", "Relied on", "Consent", "Recorded"
    return f'<h2>Mentorship <span class="id">{escape(stream_id)}</span></h2>\n' + _table(
        "Every entry, in the order of recording; each use of data beside the consent that it relied on", heads, rows
    )


def _others(events: Sequence[Row], opened: dict[int, list[Opened]]) -> str:
    rows = [
        f'<tr><th scope="row">{event.position}</th><td>{escape(words(event.topic).capitalize())}</td>'
        f'<td><span class="id">{escape(event.stream_id)}</span>, {event.version}</td>'
        f"<td>{_day(event.occurred_on) if event.occurred_on else ''}</td>"
        f'<td>{_time(event.recorded_at)}<br><span class="soft">by <span class="id">{str(event.actor_id)[-12:]}</span></span></td></tr>\n'
        + _read(opened.get(event.position, ()), 5)
        for event in events
    ]
    heads = "Position", "What", "Stream and version", "Happened", "Recorded"
    return "<h2>Other events</h2>\n" + _table(
        "What else belongs to this evidence, its own request among them", heads, rows
    )


def _accesses(entries: Sequence[Row]) -> str:
    if not entries:
        return '<h2>Who looked</h2>\n<p class="soft">No access entries are in this bundle.</p>\n'
    rows = []
    for entry in entries:
        basis = " ".join(
            filter(None, (words(entry.purpose or ""), f"({words(entry.legal_basis)})" if entry.legal_basis else ""))
        )
        consent = "" if entry.consent_version is None else f"<br>consent: entry {entry.consent_version}"
        mark = '<span class="mark warn">denied</span>' if entry.outcome == "denied" else escape(words(entry.outcome))
        rows.append(
            f'<tr><th scope="row">{entry.position}</th><td>{_time(entry.recorded_at)}</td>'
            f'<td>{escape(words(entry.role))}<br><span class="id soft">{str(entry.member_id)[-12:]}</span></td>'
            f'<td><code>{escape(entry.read)}</code></td><td><span class="id">{escape(str(entry.person_id or "")[-12:])}</span></td>'
            f"<td>{escape(', '.join(words(one) for one in entry.fields))}</td><td>{escape(basis)}{consent}</td><td>{mark}</td></tr>\n"
        )
    heads = "Position", "When", "Who", "Asked for", "Whose data", "Fields", "Purpose and basis", "Outcome"
    return "<h2>Who looked</h2>\n" + _table("Every look at these data, in the order of recording", heads, rows)


def _table(caption: str, heads: Sequence[str], rows: Sequence[str]) -> str:
    head = "".join(f'<th scope="col">{one}</th>' for one in heads)
    return (
        f'<div class="scroll"><table>\n<caption>{caption}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n'
        + "".join(rows)
        + "</tbody>\n</table></div>\n"
    )


def _read(values: Iterable[Opened], columns: int) -> str:
    """A row with what was opened, as names and values."""
    pairs = [pair for one in values for pair in _flat("", parse(one.text.encode(), one.event.label))]
    if not pairs:
        return ""
    told = "".join(f"<div><dt>{escape(words(name))}</dt><dd>{escape(value)}</dd></div>" for name, value in pairs)
    return f'<tr class="opened"><td></td><td colspan="{columns - 1}"><dl class="read">{told}</dl></td></tr>\n'


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(f"{name}, {key}" if name else key, inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _flat(name, inner)
    elif isinstance(value, bool):
        yield name, "yes" if value else "no"
    elif value not in (None, ""):
        yield name, str(value)


def escape(value: Any) -> str:
    return html.escape(str(value))


def words(slug: str) -> str:
    return slug.replace("-", " ").replace("_", " ")


def _day(day: date) -> str:
    return f'<span class="day">{day}</span>'


def _time(moment: datetime) -> str:
    return f'<time datetime="{moment_text(moment)}">{moment:%Y-%m-%d %H:%M}</time>'


# ---------------------------------------------------------------- The command line

NOT_PROVEN = (
    "that what was recorded is true: a log proves that nobody changed it later, not that it happened",
    "that everything that happened was recorded, or every look that was possible outside of the service, as in a database or a backup",
    "that no event of these cases came after the request, or that none was left out of the count that the request itself names",
    "in a bundle about a period: that the withheld positions are another organisation's",
    "who a person or a member behind an id is",
)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="accompany-verify",
        description="Checks an evidence bundle of Accompany. Needs no network, no database and no secret.",
        epilog="Exit codes: 0 all that was checked holds; 1 something does not; 2 wrong use; 3 no bundle, or not safe to read; "
        "4 something that you asked for could not be checked; 5 all holds, and it shows uses of data without a consent in force.",
    )
    parser.add_argument("bundle", help="the ZIP file")
    parser.add_argument(
        "--log-key", action="append", default=[], metavar="KEY", help="a log's key (name+hash+key), or a file with keys"
    )
    parser.add_argument("--policy", metavar="FILE", help="which witnesses must have cosigned (c2sp.org/tlog-policy)")
    parser.add_argument(
        "--timestamp-root",
        action="append",
        default=[],
        metavar="PEM",
        help="a timestamping authority's root certificate",
    )
    parser.add_argument(
        "--since", action="append", default=[], metavar="PATH", help="a checkpoint that you know, or a folder of them"
    )
    parser.add_argument("--remember", metavar="FOLDER", help="where to keep the checkpoints of a bundle that holds")
    parser.add_argument("--json", action="store_true", help="the result as JSON")
    parser.add_argument("--version", action="version", version=f"accompany-verify {VERSION}")
    given = parser.parse_args(arguments)
    try:
        trust = read_trust(given)
    except (OSError, Malformed, ValueError, ImportError) as problem:
        say(f"accompany-verify: {problem}", sys.stderr)
        return NOT_CHECKED if isinstance(problem, ImportError) else WRONG_USE
    try:
        bundle, checks = verify_file(Path(given.bundle), trust)
    except (Malformed, OSError) as problem:
        reason = f"{given.bundle}: {problem.strerror}" if isinstance(problem, OSError) else str(problem)
        say(json.dumps({"verdict": "refused", "problem": reason}) if given.json else f"Refused: {reason}.", sys.stdout)
        return NO_BUNDLE
    code = verdict(bundle, checks, given)
    say(as_json(bundle, checks, code) if given.json else as_text(bundle, checks, code), sys.stdout)
    if given.remember and code in (HOLDS, SHOWS_GAPS):
        remember(bundle, Path(given.remember))
    return code


def read_trust(given: argparse.Namespace) -> Trust:
    keys = []
    for text in given.log_key:
        is_file = os.path.exists(text)
        listed = Path(text).read_text("utf-8").split("\n") if is_file else [text]
        keys += [
            read_key(line, text if is_file else "--log-key")
            for line in listed
            if line.strip() and not line.startswith("#")
        ]
    policy = Policy.read(Path(given.policy).read_bytes(), given.policy) if given.policy else None
    roots: list[Any] = []
    for name in given.timestamp_root:
        roots += load_pem_x509_certificates(Path(name).read_bytes())
    if roots and find_spec("rfc3161_client") is None:
        raise ImportError("timestamps are checked with the package rfc3161-client, which is not installed")
    known = []
    for name in given.since:
        path = Path(name)
        for one in sorted(path.glob("*.checkpoint")) if path.is_dir() else [path]:
            known.append(Checkpoint.read(one.read_bytes(), str(one)))
    return Trust(keys, policy, roots, known, Path(__file__).read_bytes())


def verify_file(path: Path, trust: Trust) -> tuple[Bundle, list[Check]]:
    """Raises Malformed or OSError where there is nothing that could be checked."""
    with path.open("rb") as opened:
        if os.fstat(opened.fileno()).st_size == 0:
            raise Malformed("the bundle", "it is empty")
        archive = memoryview(mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ))
    bundle = Bundle(read_archive(archive), trust, show_progress)
    return bundle, bundle.run()


def verdict(bundle: Bundle, checks: Sequence[Check], given: argparse.Namespace) -> int:
    asked = {"witnesses": given.policy, "timestamps": given.timestamp_root, "consistency": given.since}
    if any(check.outcome == "failed" for check in checks):
        return DOES_NOT_HOLD
    for kind, wanted in asked.items():
        if wanted and not any(check.outcome == "held" for check in checks if check.name.endswith(kind)):
            return NOT_CHECKED
    return SHOWS_GAPS if bundle.gaps else HOLDS


VERDICTS = {
    HOLDS: ("holds", "All that was checked holds."),
    DOES_NOT_HOLD: (
        "does-not-hold",
        "This does not hold. What is marked with \u2715 is not what was recorded, or can't be shown to be.",
    ),
    SHOWS_GAPS: (
        "shows-gaps",
        "All that was checked holds, and it shows that data were used without a consent in force.",
    ),
    NOT_CHECKED: ("not-checked", "What was checked holds, but something that you asked for could not be checked."),
}
MOST_SAID = 20


def as_text(bundle: Bundle, checks: Sequence[Check], code: int) -> str:
    out = []
    for check in checks:
        sign = {"held": "\u2713", "failed": "\u2715", "not-checked": "\u2013"}[check.outcome]
        said = f": {check.said}" if check.said else ""
        out.append(f"{sign} {check.title}{said if check.outcome != 'not-checked' else f' (not checked: {check.said})'}")
        out += [f"    {': '.join(filter(None, failure))}" for failure in check.failures[:MOST_SAID]]
        if len(check.failures) > MOST_SAID:
            out.append(f"    and {len(check.failures) - MOST_SAID} more")
    if bundle.gaps:
        out += ["", "Uses of data without a consent in force:"]
        out += [f"    {act.event.label} on {act.on}: {words(act.judgement)}" for act in bundle.gaps[:MOST_SAID]]
        if len(bundle.gaps) > MOST_SAID:
            out.append(f"    and {len(bundle.gaps) - MOST_SAID} more")
    out += ["", "What this does not prove:", *(f"    {one}" for one in NOT_PROVEN), "", VERDICTS[code][1]]
    return "\n".join(out)


def as_json(bundle: Bundle, checks: Sequence[Check], code: int) -> str:
    return json.dumps(
        {
            "verdict": VERDICTS[code][0],
            "checks": [
                {
                    "check": check.name,
                    "outcome": check.outcome,
                    "said": check.said,
                    "failures": [{"record": record, "problem": problem} for record, problem in check.failures],
                }
                for check in checks
            ],
            "gaps": [
                {"record": act.event.label, "done_on": act.on.isoformat(), "judgement": act.judgement}
                for act in bundle.gaps
            ],
            "checkpoints": {
                log: {"origin": one.origin, "size": one.size, "root": base64.b64encode(one.root).decode()}
                for log, one in bundle.checkpoints.items()
            },
            "does_not_prove": NOT_PROVEN,
        },
        indent=2,
        ensure_ascii=False,
    )


def remember(bundle: Bundle, folder: Path) -> None:
    """Keeps the checkpoints, each whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    for log, checkpoint in bundle.checkpoints.items():
        fresh = folder / f"{log}.checkpoint.new"
        fresh.write_bytes(checkpoint.raw)
        fresh.replace(folder / f"{log}.checkpoint")


def show_progress(what: str, done: int, of: int) -> None:
    if of >= 2_000 and done % 500 == 0 and sys.stderr.isatty():
        print(f"\r{what}: {done * 100 // of:3} %", end="\r" if done + 500 < of else "\n", file=sys.stderr, flush=True)  # noqa: T201


def say(text: str, stream: Any) -> None:
    try:
        print(text, file=stream)
    except UnicodeEncodeError:
        print(text.encode("ascii", "replace").decode(), file=stream)


def command() -> None:
    sys.exit(main())


if __name__ == "__main__":
    command()
