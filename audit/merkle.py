"""The Merkle tree of RFC 6962 over SHA-256: root, inclusion and consistency, proven and verified.

A tree of n leaves is told by a few nodes. `Node(level, number)` is the hash over the leaves `number << level` up to, not including,
`(number + 1) << level`: a perfect subtree that never changes once its last leaf is there. Everything that a proof holds is such a node, or
a few of them folded together at the right edge. So proofs are made in two steps: name the nodes, then fetch them from wherever they are.

Zero sizes, decided on purpose: the root of the empty tree is SHA-256 of nothing. No leaf is in it, and a consistency proof *from* it
is refused, since every tree would pass; whoever has seen nothing yet compares nothing and says so.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import ClassVar, NamedTuple

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()
# Beyond it no size can be encoded, and no honest log gets there.
LARGEST = 2**63 - 1


class ProofRefused(Exception):
    """What was to be proven does not follow from what was given."""

    code: ClassVar[str] = "proof-refused"


class Node(NamedTuple):
    level: int
    number: int


type Span = tuple[Node, ...]
"""Neighbouring perfect subtrees from left to right. Their hash is the fold from the right."""


def leaf_hash(entry: bytes) -> bytes:
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def fold(hashes: Sequence[bytes]) -> bytes:
    """The root over neighbouring perfect subtrees, given from left to right."""
    if not hashes:
        return EMPTY_ROOT
    *others, found = hashes
    for left in reversed(others):
        found = node_hash(left, found)
    return found


@dataclass(slots=True)
class Frontier:
    """The compact range from the first leaf on: all that must be remembered to append, at most 63 hashes.

    `hashes` are those of the perfect subtrees that make up `size` leaves, the largest first: `nodes_of(size)` names them.
    """

    size: int = 0
    hashes: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        if len(self.hashes) != self.size.bit_count():
            raise ValueError("a frontier holds one hash for each bit of its size")

    def append(self, leaf: bytes, completed: Callable[[int, int, bytes], None] | None = None) -> None:
        """Takes the next leaf's hash; `completed` is told level, number and hash of each subtree that is now perfect, first the leaf's."""
        level, number = 0, self.size
        if completed:
            completed(level, number, leaf)
        while number & 1:
            leaf = node_hash(self.hashes.pop(), leaf)
            level += 1
            number >>= 1
            if completed:
                completed(level, number, leaf)
        self.hashes.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        return fold(self.hashes)

    def copy(self) -> "Frontier":
        return Frontier(self.size, list(self.hashes))


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root over leaf hashes."""
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    return frontier.root()


def nodes_of(size: int) -> Span:
    """The perfect subtrees that make up a tree, the largest first."""
    return _span(0, size)


def _span(begin: int, end: int) -> Span:
    """The perfect subtrees that cover the leaves from `begin` to `end`; `begin` is where a subtree of that many leaves may begin."""
    found = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        found.append(Node(level, begin >> level))
        begin += 1 << level
    return tuple(found)


def inclusion_spans(index: int, size: int) -> list[Span]:
    """What an inclusion proof is made of, from the leaf's sibling up: RFC 6962, section 2.1.1. Raises ValueError."""
    if not 0 <= index < size:
        raise ValueError("the leaf is not in a tree of this size")
    found: list[Span] = []
    begin, end = 0, size
    while end - begin > 1:
        split = begin + _largest_power_below(end - begin)
        if index < split:
            found.append(_span(split, end))
            end = split
        else:
            found.append(_span(begin, split))
            begin = split
    return found[::-1]


def consistency_spans(old: int, new: int) -> list[Span]:
    """What a consistency proof is made of: RFC 6962, section 2.1.2. Empty where the sizes are equal. Raises ValueError."""
    if not 0 < old <= new:
        raise ValueError("a consistency proof leads from a tree that is not empty to one that is no smaller")
    found: list[Span] = []
    begin, end = 0, new
    # Whether the old tree ends where a subtree of it begins at the far left: then the verifier knows that hash.
    known = True
    while end != old:
        split = begin + _largest_power_below(end - begin)
        if old <= split:
            found.append(_span(split, end))
            end = split
        else:
            found.append(_span(begin, split))
            begin = split
            known = False
    if not known:
        found.append(_span(begin, end))
    return found[::-1]


def proof_from(spans: Sequence[Span], node: Callable[[Node], bytes]) -> list[bytes]:
    """The hashes of a proof, where `node` has the hash of each node that the spans name."""
    return [fold([node(one) for one in span]) for span in spans]


def root_from_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes]) -> bytes:
    """The root that a proof leads to from a leaf's hash. Raises ProofRefused where it has the wrong shape."""
    if not 0 <= index < size <= LARGEST:
        raise ProofRefused("The leaf's index is not below the size of the tree.")
    _check_hashes([leaf, *proof])
    position, last = index, size - 1
    found = leaf
    for sibling in proof:
        if last == 0:
            raise ProofRefused("The proof holds more hashes than this tree has levels.")
        if position & 1 or position == last:
            found = node_hash(sibling, found)
            # A node without a sibling at the right edge moves up as it is.
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            found = node_hash(found, sibling)
        position >>= 1
        last >>= 1
    if last:
        raise ProofRefused("The proof holds fewer hashes than this tree has levels.")
    return found


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """That the leaf's hash stands at `index` in the tree of `size` leaves under `root`. Raises ProofRefused."""
    if root_from_inclusion(index, size, leaf, proof) != root:
        raise ProofRefused("The proof leads to another root.")


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """That the tree of `new` leaves begins with all leaves of the tree of `old`, unchanged. Raises ProofRefused.

    The way of RFC 9162, section 2.1.4.2, which proves the same as RFC 6962. An `old` of 0 is refused, see above.
    """
    if not 0 < old <= new <= LARGEST:
        raise ProofRefused("The old tree is empty, or larger than the new one: that proves nothing.")
    if old == new:
        if proof:
            raise ProofRefused("Two trees of one size need no proof.")
        if old_root != new_root:
            raise ProofRefused("Two trees of one size have different roots.")
        return
    _check_hashes([old_root, new_root, *proof])
    if not proof:
        raise ProofRefused("The proof is empty.")
    # A perfect tree's root is its own first node, which the proof leaves out.
    hashes = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    position, last = old - 1, new - 1
    while position & 1:
        position >>= 1
        last >>= 1
    found_old = found_new = hashes[0]
    for one in hashes[1:]:
        if last == 0:
            raise ProofRefused("The proof holds more hashes than this tree has levels.")
        if position & 1 or position == last:
            found_old = node_hash(one, found_old)
            found_new = node_hash(one, found_new)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            found_new = node_hash(found_new, one)
        position >>= 1
        last >>= 1
    if last:
        raise ProofRefused("The proof holds fewer hashes than this tree has levels.")
    if found_old != old_root:
        raise ProofRefused("The proof leads to another old root.")
    if found_new != new_root:
        raise ProofRefused("The proof leads to another new root.")


def _largest_power_below(count: int) -> int:
    """The largest power of two that is smaller than `count`, which is at least 2."""
    return 1 << ((count - 1).bit_length() - 1)


def _check_hashes(hashes: Iterable[bytes]) -> None:
    if any(len(one) != HASH_BYTES for one in hashes):
        raise ProofRefused("A hash has not 32 bytes.")
