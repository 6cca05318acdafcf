"""The Merkle tree against the published vectors, and against the definition in RFC 6962, section 2.1."""

import base64
import json
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.merkle import (
    EMPTY_ROOT,
    Frontier,
    Node,
    ProofRefused,
    consistency_spans,
    inclusion_spans,
    leaf_hash,
    node_hash,
    nodes_of,
    proof_from,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from tests.shared_data import shared_data

LEAVES = [leaf_hash(number.to_bytes(2)) for number in range(600)]


def by_definition(leaves: list[bytes]) -> bytes:
    """MTH, written down from the RFC."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + by_definition(leaves[:split]) + by_definition(leaves[split:])).digest()


def stored(size: int) -> dict[Node, bytes]:
    """Every perfect subtree, as appending tells them."""
    nodes: dict[Node, bytes] = {}
    frontier = Frontier()
    for leaf in LEAVES[:size]:
        frontier.append(leaf, lambda level, number, found: nodes.__setitem__(Node(level, number), found))
    return nodes


NODES = stored(len(LEAVES))


def vectors(kind: str) -> list[Path]:
    return sorted(shared_data("merkle", kind).rglob("*.json"))


def decoded(text: str | None) -> bytes:
    return base64.b64decode(text or "")


def test_every_valid_inclusion_vector_is_accepted_and_every_invalid_one_refused() -> None:
    accepted = 0
    for path in vectors("inclusion"):
        case = json.loads(path.read_bytes())
        proof = [decoded(one) for one in case["proof"] or []]
        args = (case["leafIdx"], case["treeSize"], decoded(case["leafHash"]), proof, decoded(case["root"]))
        if case["wantErr"]:
            with pytest.raises(ProofRefused):
                verify_inclusion(*args)
        else:
            verify_inclusion(*args)
            accepted += 1
    assert accepted == 6


def test_every_valid_consistency_vector_is_accepted_and_every_invalid_one_refused() -> None:
    accepted = 0
    for path in vectors("consistency"):
        case = json.loads(path.read_bytes())
        proof = [decoded(one) for one in case["proof"] or []]
        args = (case["size1"], case["size2"], decoded(case["root1"]), decoded(case["root2"]), proof)
        if case["wantErr"]:
            with pytest.raises(ProofRefused):
                verify_consistency(*args)
        else:
            verify_consistency(*args)
            accepted += 1
    assert accepted == 6


def test_the_root_is_the_one_of_the_definition_at_every_size() -> None:
    assert root_of([]) == EMPTY_ROOT
    for size in (*range(70), 127, 128, 129, 255, 256, 257, 600):
        assert root_of(LEAVES[:size]) == by_definition(LEAVES[:size])


def test_a_frontier_taken_up_again_goes_on_as_if_it_had_never_been_put_down() -> None:
    for size in range(130):
        kept = Frontier(size, [NODES[node] for node in nodes_of(size)])
        assert kept.root() == by_definition(LEAVES[:size])
        kept.append(LEAVES[size])
        assert kept.root() == by_definition(LEAVES[: size + 1])


def test_nothing_is_in_the_empty_tree_and_nothing_follows_from_it() -> None:
    with pytest.raises(ProofRefused):
        verify_inclusion(0, 0, LEAVES[0], [], EMPTY_ROOT)
    for new in (0, 1, 7):
        with pytest.raises(ProofRefused):
            verify_consistency(0, new, EMPTY_ROOT, root_of(LEAVES[:new]), [])
    with pytest.raises(ValueError, match="not in a tree"):
        inclusion_spans(0, 0)
    with pytest.raises(ValueError, match="not empty"):
        consistency_spans(0, 5)


@given(st.data())
def test_every_leaf_is_proven_and_no_other_in_its_place(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 600))
    index = data.draw(st.integers(0, size - 1))
    root = root_of(LEAVES[:size])
    proof = proof_from(inclusion_spans(index, size), NODES.__getitem__)
    verify_inclusion(index, size, LEAVES[index], proof, root)
    other = data.draw(st.integers(0, size - 1).filter(lambda one: one != index)) if size > 1 else 1
    with pytest.raises(ProofRefused):
        verify_inclusion(other, size, LEAVES[index], proof, root)
    with pytest.raises(ProofRefused):
        verify_inclusion(index, size, LEAVES[other], proof, root)
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        changed = [*proof[:at], node_hash(proof[at], proof[at]), *proof[at + 1 :]]
        for wrong in (changed, proof[:-1], [*proof, root], proof[::-1] if proof != proof[::-1] else changed):
            with pytest.raises(ProofRefused):
                verify_inclusion(index, size, LEAVES[index], wrong, root)


@given(st.integers(1, 600), st.integers(1, 600), st.binary(min_size=32, max_size=32))
def test_a_tree_is_consistent_with_each_of_its_beginnings_and_with_no_other(
    one: int, other: int, foreign: bytes
) -> None:
    old, new = sorted((one, other))
    proof = proof_from(consistency_spans(old, new), NODES.__getitem__)
    roots = root_of(LEAVES[:old]), root_of(LEAVES[:new])
    verify_consistency(old, new, *roots, proof)
    changed = root_of([*LEAVES[: old - 1], foreign])
    with pytest.raises(ProofRefused):
        verify_consistency(old, new, changed, roots[1], proof)
    with pytest.raises(ProofRefused):
        verify_consistency(old, new, roots[0], foreign, proof)
    for wrong in ([*proof, foreign], proof[:-1] or [foreign]):
        with pytest.raises(ProofRefused):
            verify_consistency(old, new, *roots, wrong)


def test_a_proof_of_a_large_tree_is_short() -> None:
    assert max(len(inclusion_spans(index, 1_000_000)) for index in (0, 5, 999_999, 524_288)) == 20
    assert len(consistency_spans(999_999, 1_000_000)) <= 21
