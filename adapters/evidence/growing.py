"""The right edge of a log's tree: what must be held to append, and what has grown since it was last stored."""

from dataclasses import dataclass, field
from typing import Self

from audit.leaf import ENTRY_BYTES
from audit.merkle import HASH_BYTES, Frontier, leaf_hash
from audit.tiles import HEIGHT, WIDTH, TileAt, bundle

LENGTH_PREFIX = 2


@dataclass(slots=True)
class Edge:
    """`tiles` are the tiles of hashes and the bundle (level None) that are not full yet, with what stands in them.

    `last` is the last entry, by which a row that was changed is noticed.
    """

    frontier: Frontier = field(default_factory=Frontier)
    tiles: dict[TileAt, bytes] = field(default_factory=dict)
    last: bytes | None = None

    @property
    def size(self) -> int:
        return self.frontier.size

    def copy(self) -> Self:
        return type(self)(self.frontier.copy(), dict(self.tiles), self.last)

    def append(self, entries: list[bytes]) -> dict[TileAt, bytes]:
        """Takes the next entries, and answers every tile and bundle that grew, whole."""
        grown: dict[TileAt, bytearray] = {}

        def grow(at: TileAt, more: bytes) -> None:
            found = grown.get(at)
            if found is None:
                found = grown[at] = bytearray(self.tiles.get(at, b""))
            found += more

        def completed(level: int, number: int, found: bytes) -> None:
            if level % HEIGHT == 0:
                grow(TileAt(level // HEIGHT, number // WIDTH), found)

        for entry in entries:
            grow(TileAt(None, self.size // WIDTH), bundle([entry]))
            self.frontier.append(leaf_hash(entry), completed)
        answer = {at: bytes(found) for at, found in grown.items()}
        for at, found in answer.items():
            if len(found) < WIDTH * stride(at):
                self.tiles[at] = found
            else:
                self.tiles.pop(at, None)
        if entries:
            self.last = entries[-1]
        return answer


def stride(at: TileAt) -> int:
    """Bytes of one hash in a tile, or of one entry in a bundle."""
    return LENGTH_PREFIX + ENTRY_BYTES if at.level is None else HASH_BYTES
