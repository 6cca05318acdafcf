"""The request by which a log asks a witness to sign (c2sp.org/tlog-witness): the size that the witness knows, a proof, a checkpoint."""

import base64
from dataclasses import dataclass

from audit.checkpoint import decimal
from audit.merkle import HASH_BYTES
from audit.note import NoteRefused, from_base64

MOST_HASHES = 63
PATH = "/add-checkpoint"
SIZE_TYPE = "text/x.tlog.size"


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """`checkpoint` is the signed note; `proof` leads to it from the tree of `old` entries, and is empty where that is 0."""

    old: int
    proof: tuple[bytes, ...]
    checkpoint: bytes

    def encoded(self) -> bytes:
        lines = [f"old {self.old}", *(base64.b64encode(one).decode() for one in self.proof)]
        return "".join(f"{line}\n" for line in lines).encode() + b"\n" + self.checkpoint

    @classmethod
    def parse(cls, encoded: bytes) -> "AddCheckpoint":
        """Raises NoteRefused."""
        head, blank, checkpoint = encoded.partition(b"\n\n")
        try:
            first, *lines = head.decode("ascii").split("\n")
        except UnicodeDecodeError:
            raise NoteRefused("The head of the request is ASCII.") from None
        if not blank or not first.startswith("old "):
            raise NoteRefused("A request has a line with the old size and a blank line before the checkpoint.")
        proof = tuple(from_base64(line) for line in lines)
        if len(proof) > MOST_HASHES or any(len(one) != HASH_BYTES for one in proof):
            raise NoteRefused(f"A proof holds at most {MOST_HASHES} hashes of 32 bytes.")
        return cls(decimal(first.removeprefix("old ")), proof, checkpoint)
