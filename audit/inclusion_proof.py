"""C2SP proofs (c2sp.org/tlog-proof): one entry's inclusion in a log, as a text that is verified without asking anybody."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from audit.checkpoint import Checkpoint, decimal, opened_checkpoint
from audit.merkle import HASH_BYTES, leaf_hash, verify_inclusion
from audit.note import NoteRefused, Signature, Verifier, from_base64

HEADER = "c2sp.org/tlog-proof@v1"
MOST_HASHES = 63


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """`index` counts from 0; `checkpoint` is the signed note as it was served; `extra` is not authenticated by anything."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None

    def encoded(self) -> bytes:
        lines = [HEADER]
        if self.extra is not None:
            lines.append(f"extra {base64.b64encode(self.extra).decode()}")
        lines.append(f"index {self.index}")
        lines += [base64.b64encode(one).decode() for one in self.hashes]
        return "".join(f"{line}\n" for line in lines).encode() + b"\n" + self.checkpoint

    @classmethod
    def parse(cls, encoded: bytes) -> "InclusionProof":
        """Raises NoteRefused."""
        head, blank, checkpoint = encoded.partition(b"\n\n")
        try:
            first, *lines = head.decode("ascii").split("\n")
        except UnicodeDecodeError:
            raise NoteRefused("The head of a proof is ASCII.") from None
        if not blank or first != HEADER or not lines:
            raise NoteRefused(f"A proof begins with {HEADER} and has a blank line before its checkpoint.")
        extra = None
        if lines[0].startswith("extra "):
            extra = from_base64(lines.pop(0).removeprefix("extra "))
        if not lines or not lines[0].startswith("index "):
            raise NoteRefused("A proof names the index of its entry.")
        index = decimal(lines.pop(0).removeprefix("index "))
        hashes = tuple(from_base64(line) for line in lines)
        if len(hashes) > MOST_HASHES or any(len(one) != HASH_BYTES for one in hashes):
            raise NoteRefused(f"A proof holds at most {MOST_HASHES} hashes of 32 bytes.")
        return cls(index, hashes, checkpoint, extra)

    def verified(
        self, entry: bytes, log: Verifier, witnesses: Sequence[Verifier] = ()
    ) -> tuple[Checkpoint, tuple[Signature, ...]]:
        """The checkpoint that holds `entry` at `index`, and its good signatures. Raises NoteRefused or ProofRefused."""
        checkpoint, good = opened_checkpoint(self.checkpoint, log, witnesses)
        verify_inclusion(self.index, checkpoint.size, leaf_hash(entry), self.hashes, checkpoint.root)
        return checkpoint, good
