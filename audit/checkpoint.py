"""C2SP checkpoints (c2sp.org/tlog-checkpoint): what a log says of itself, as the text of a signed note.

    example.org/accompany/events
    20852163
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

The log of that origin has so many leaves, and this is the root of its Merkle tree.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from audit.merkle import HASH_BYTES, LARGEST
from audit.note import NoteRefused, Signature, Verifier, from_base64, opened


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """`extensions` are further lines, which mean nothing here; our own log writes none."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        lines = (self.origin, str(self.size), base64.b64encode(self.root).decode(), *self.extensions)
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """From a note's text, whose signature somebody has verified. Raises NoteRefused."""
        lines = text.split("\n")
        if len(lines) < 4 or lines.pop() or not all(lines):
            raise NoteRefused("A checkpoint has three lines at least, none of them empty.")
        origin, size, root, *extensions = lines
        hash_of_root = from_base64(root)
        if len(hash_of_root) != HASH_BYTES:
            raise NoteRefused("A checkpoint's root hash has 32 bytes.")
        return cls(origin, decimal(size), hash_of_root, tuple(extensions))


def opened_checkpoint(
    encoded: bytes, log: Verifier, others: Sequence[Verifier] = ()
) -> tuple[Checkpoint, tuple[Signature, ...]]:
    """A checkpoint that the log has signed, and its good signatures: the log's own and those of `others`.

    Raises NoteRefused, also where the origin is not the name of the log's key.
    """
    text, good = opened(encoded, [log, *others])
    if not any((one.name, one.key_id) == (log.name, log.key_id) for one in good):
        raise NoteRefused("The log itself has not signed this checkpoint.")
    checkpoint = Checkpoint.parse(text)
    if checkpoint.origin != log.name:
        raise NoteRefused("This checkpoint is another log's.")
    return checkpoint, good


def decimal(text: str) -> int:
    """A size or an index as the formats write it: digits, no zero in front. Raises NoteRefused."""
    if not (text.isascii() and text.isdecimal()) or len(text) > 19 or (text != "0" and text.startswith("0")):
        raise NoteRefused("A size is written in decimal digits without a zero in front.")
    found = int(text)
    if found > LARGEST:
        raise NoteRefused("No log is that large.")
    return found
