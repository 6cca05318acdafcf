"""C2SP trust policies (c2sp.org/tlog-policy): which logs are meant, which witnesses there are, and how many must have signed.

log example.org/accompany/events+5cbbd5a1+AQ… https://record.example.org/log/events
witness auditor auditor.example+4d2f1c33+BA… https://witness.auditor.example
witness funder funder.example+90aa1b2c+BA… https://accompany-witness.funder.example
group both all auditor funder
quorum both
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import ClassVar

from audit.cosignature import CosignatureVerifier
from audit.note import NoteRefused, VerifierKey

NONE = "none"


class PolicyRefused(Exception):
    """A policy file that is not understood; nobody may guess what its author meant."""

    code: ClassVar[str] = "policy-refused"


@dataclass(frozen=True, slots=True)
class KnownLog:
    key: VerifierKey
    url: str | None


@dataclass(frozen=True, slots=True)
class Witness:
    """`name` is the policy's own; the key has another one."""

    name: str
    verifier: CosignatureVerifier
    url: str | None


@dataclass(frozen=True, slots=True)
class Group:
    """Satisfied by `needed` of its members, which are witnesses or groups."""

    needed: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    logs: tuple[KnownLog, ...]
    witnesses: tuple[Witness, ...]
    groups: Mapping[str, Group]
    quorum: str

    def satisfied_by(self, signed: Collection[str]) -> bool:
        """Whether these witnesses, by their names in the policy, are enough."""
        return self.quorum == NONE or self._has(self.quorum, signed)

    def _has(self, name: str, signed: Collection[str]) -> bool:
        group = self.groups.get(name)
        if group is None:
            return name in signed
        return sum(self._has(member, signed) for member in group.members) >= group.needed

    @classmethod
    def parse(cls, encoded: bytes) -> "Policy":
        """Raises PolicyRefused, naming the line."""
        reading = _Reading()
        for number, line in enumerate(encoded.split(b"\n"), 1):
            if any((byte < 0x20 and byte != 0x09) or byte == 0x7F for byte in line):
                raise PolicyRefused(f"Line {number} holds a control character.")
            # Octets above ASCII are opaque: every one has its own character here, and none is a blank.
            items = line.decode("utf-8", "surrogateescape").replace("\t", " ").split(" ")
            words = [item for item in items if item]
            if not words or words[0].startswith("#"):
                continue
            try:
                reading.take(words)
            except (PolicyRefused, NoteRefused) as refused:
                raise PolicyRefused(f"Line {number} is not understood: {refused}") from None
        if reading.quorum is None:
            raise PolicyRefused("A policy has one quorum line; `quorum none` asks for no witness.")
        return cls(tuple(reading.logs), tuple(reading.witnesses.values()), reading.groups, reading.quorum)


class _Reading:
    def __init__(self) -> None:
        self.logs: list[KnownLog] = []
        self.witnesses: dict[str, Witness] = {}
        self.groups: dict[str, Group] = {}
        self.quorum: str | None = None
        self._keys: set[tuple[str, bytes]] = set()
        self._members: set[str] = set()

    def take(self, words: list[str]) -> None:
        match words:
            case ["log", vkey]:
                self._log(vkey, None)
            case ["log", vkey, url]:
                self._log(vkey, url)
            case ["witness", name, vkey]:
                self._witness(name, vkey, None)
            case ["witness", name, vkey, url]:
                self._witness(name, vkey, url)
            case ["group", name, needed, *members] if members:
                self._group(name, needed, members)
            case ["quorum", name]:
                if self.quorum is not None:
                    raise PolicyRefused("there is a quorum already")
                if name != NONE:
                    self._must_know(name)
                self.quorum = name
            case _:
                raise PolicyRefused("a line begins with log, witness, group or quorum and holds what belongs to it")

    def _log(self, vkey: str, url: str | None) -> None:
        key = VerifierKey.parse(vkey)
        self._once("log", key)
        self.logs.append(KnownLog(key, url))

    def _witness(self, name: str, vkey: str, url: str | None) -> None:
        key = VerifierKey.parse(vkey)
        self._once("witness", key)
        self._new(name)
        self.witnesses[name] = Witness(name, CosignatureVerifier(key), url)

    def _group(self, name: str, needed: str, members: list[str]) -> None:
        for member in members:
            self._must_know(member)
            if member in self._members:
                raise PolicyRefused("a witness or group is a member only once")
            self._members.add(member)
        self._new(name)
        match needed:
            case "any":
                count = 1
            case "all":
                count = len(members)
            case _:
                count = int(needed) if needed.isascii() and needed.isdecimal() and len(needed) < 6 else 0
        if not 1 <= count <= len(members):
            raise PolicyRefused("a group needs any, all, or a number of its members")
        self.groups[name] = Group(count, tuple(members))

    def _once(self, kind: str, key: VerifierKey) -> None:
        if (kind, key.public_key) in self._keys:
            raise PolicyRefused("this key stands in the policy already")
        self._keys.add((kind, key.public_key))

    def _new(self, name: str) -> None:
        if name == NONE or name in self.witnesses or name in self.groups:
            raise PolicyRefused("this name is taken")

    def _must_know(self, name: str) -> None:
        if name not in self.witnesses and name not in self.groups:
            raise PolicyRefused("this name is not defined above")
