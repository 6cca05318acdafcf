"""C2SP tiles (c2sp.org/tlog-tiles): how a log's tree and entries are cut into files.

A tile is up to 256 hashes, 8 levels of the tree: tile `(level, number)` holds the nodes of tree level `8 * level` from `256 * number` on.
A tile that is not full holds the beginning of what it will hold, so every narrower one is a prefix of it.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from audit.merkle import HASH_BYTES, Node, Span, fold, node_hash
from audit.note import NoteRefused

HEIGHT = 8
WIDTH = 1 << HEIGHT
LARGEST_ENTRY = 0xFFFF
_PATH = re.compile(r"(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII)


class TileAt(NamedTuple):
    """Where a tile is. `level` is None for a bundle of entries."""

    level: int | None
    number: int


class Tile(NamedTuple):
    """A tile as it is asked for: its place and its width, from 1 to 256."""

    at: TileAt
    width: int

    @property
    def path(self) -> str:
        """Below `tile/`."""
        level = "entries" if self.at.level is None else str(self.at.level)
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return f"{level}/{number_path(self.at.number)}{partial}"


def number_path(number: int) -> str:
    """1234067 as `x001/x234/067`."""
    digits = str(number)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    *first, last = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    return "".join(f"x{one}/" for one in first) + last


def parse_path(path: str) -> Tile:
    """What stands after `tile/`. Raises NoteRefused for anything but the one right spelling."""
    found = _PATH.fullmatch(path)
    if found is None:
        raise NoteRefused("There is no tile at such a path.")
    level, number, width = found.groups()
    index = int(number.replace("x", "").replace("/", ""))
    tile = Tile(TileAt(None if level == "entries" else int(level), index), int(width) if width else WIDTH)
    if tile.path != path or (tile.at.level or 0) > 63 or (width and tile.width >= WIDTH) or index >= 2**55:
        raise NoteRefused("There is no tile at such a path.")
    return tile


def tiles_of(size: int) -> Iterator[Tile]:
    """Every tile of hashes that a tree of this size has, in order, at its full width."""
    level = 0
    while count := size >> (HEIGHT * level):
        for index in range(-(-count // WIDTH)):
            yield Tile(TileAt(level, index), min(WIDTH, count - index * WIDTH))
        level += 1


def bundles_of(size: int) -> Iterator[Tile]:
    """Every bundle of entries that a log of this size has."""
    for index in range(-(-size // WIDTH)):
        yield Tile(TileAt(None, index), min(WIDTH, size - index * WIDTH))


def tile_of(node: Node) -> TileAt:
    """The tile that a node is in, or that it is folded from."""
    level, above = divmod(node.level, HEIGHT)
    return TileAt(level, (node.number << above) >> HEIGHT)


def tiles_for(spans: Iterable[Span]) -> set[TileAt]:
    """The tiles that a proof is made from."""
    return {tile_of(node) for span in spans for node in span}


def nodes_in(tiles: Mapping[TileAt, bytes]) -> Callable[[Node], bytes]:
    """Finds or folds nodes in tiles. A node that they do not hold is a KeyError."""

    def node(wanted: Node) -> bytes:
        at = tile_of(wanted)
        hashes = tiles[at]
        _, above = divmod(wanted.level, HEIGHT)
        first = (wanted.number << above) % WIDTH
        found = hashes[first * HASH_BYTES : (first + (1 << above)) * HASH_BYTES]
        if len(found) != HASH_BYTES << above:
            raise KeyError(wanted)
        return _perfect([found[at : at + HASH_BYTES] for at in range(0, len(found), HASH_BYTES)])

    return node


def _perfect(hashes: Sequence[bytes]) -> bytes:
    while len(hashes) > 1:
        hashes = [node_hash(hashes[at], hashes[at + 1]) for at in range(0, len(hashes), 2)]
    return hashes[0]


def tile_root(hashes: bytes) -> bytes:
    """The hash over a full tile, which is its place in the tile above."""
    if len(hashes) != WIDTH * HASH_BYTES:
        raise ValueError("only a full tile has a hash in the tile above")
    return fold([_perfect([hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)])])


def bundle(entries: Iterable[bytes]) -> bytes:
    """Entries as a bundle holds them, each after its length in two bytes."""
    found = bytearray()
    for entry in entries:
        if len(entry) > LARGEST_ENTRY:
            raise ValueError("an entry has at most 65,535 bytes")
        found += len(entry).to_bytes(2) + entry
    return bytes(found)


def entries_of(encoded: bytes) -> list[bytes]:
    """The entries of a bundle. Raises NoteRefused."""
    found = []
    at = 0
    while at < len(encoded):
        end = at + 2 + int.from_bytes(encoded[at : at + 2])
        if end > len(encoded) or at + 2 > len(encoded):
            raise NoteRefused("A bundle of entries ends in the middle of one.")
        found.append(encoded[at + 2 : end])
        at = end
    return found
