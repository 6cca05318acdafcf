"""Signed notes, checkpoints, cosignatures and proofs, to the byte of C2SP."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.checkpoint import Checkpoint, opened_checkpoint
from audit.cosignature import CosignatureVerifier, Cosigner, cosigned_at
from audit.inclusion_proof import InclusionProof
from audit.merkle import leaf_hash, node_hash
from audit.note import (
    Ed25519Signer,
    Ed25519Verifier,
    Note,
    NoteRefused,
    Signature,
    VerifierKey,
    opened,
    parsed,
    signed,
)

# The example of Go's golang.org/x/mod/sumdb/note, so a key and a signature that others made.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
ORIGIN = "example.org/accompany/events"
LOG = Ed25519Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\x01"))
WITNESS = Cosigner("witness.example/w1", Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\x02"))
LOG_KEY = Ed25519Verifier(LOG.verifier_key)
WITNESS_KEY = CosignatureVerifier(WITNESS.verifier_key)
ENTRY = b"an entry"
SIBLING = leaf_hash(b"another")
CHECKPOINT = Checkpoint(ORIGIN, 2, node_hash(leaf_hash(ENTRY), SIBLING))


def test_a_note_that_go_signed_is_opened() -> None:
    text, [signature] = opened(GO_NOTE.encode(), [Ed25519Verifier(VerifierKey.parse(GO_KEY))])
    assert text.startswith("If you think")
    assert signature.name == "PeterNeumann"
    assert str(VerifierKey.parse(GO_KEY)) == GO_KEY
    assert str(parsed(GO_NOTE.encode())) == GO_NOTE


def test_one_changed_letter_is_noticed() -> None:
    with pytest.raises(NoteRefused, match="is not"):
        opened(GO_NOTE.replace("answer", "Answer").encode(), [Ed25519Verifier(VerifierKey.parse(GO_KEY))])


def test_a_note_that_only_strangers_signed_is_not_opened() -> None:
    with pytest.raises(NoteRefused, match="No trusted key"):
        opened(GO_NOTE.encode(), [LOG_KEY])


@pytest.mark.parametrize(
    "wrong",
    [
        GO_NOTE.removesuffix("\n"),
        GO_NOTE.replace("\n\n", "\n"),
        GO_NOTE.replace("— ", "- "),
        GO_NOTE.replace("problem,", "pro\tblem"),
        GO_NOTE.replace("nAM=", "nAM"),
        GO_NOTE.replace("nAM=", "nAN="),
        GO_NOTE.replace("nAM=", "nAM=\n"),
        GO_NOTE.replace("Peter", "Peter+"),
        GO_NOTE.replace("— PeterNeumann ", "— "),
        "text only\n\n",
        "a\n\n— x AAAAAA==\n",
    ],
)
def test_what_is_not_a_note_to_the_byte_is_refused(wrong: str) -> None:
    with pytest.raises(NoteRefused):
        parsed(wrong.encode())


def test_a_text_that_can_not_be_a_note_is_not_signed() -> None:
    for text in ("no newline", "a\tb\n"):
        with pytest.raises(NoteRefused):
            signed(text, LOG)


def test_a_slip_in_a_verifier_key_is_noticed() -> None:
    key = str(LOG.verifier_key)
    for wrong in (key.replace("events", "access"), key[:-4] + "AAA=", "name", "a+b+c"):
        with pytest.raises(NoteRefused):
            VerifierKey.parse(wrong)


def test_a_checkpoint_is_read_as_it_was_written() -> None:
    note = signed(CHECKPOINT.text, LOG)
    found, [signature] = opened_checkpoint(note.encoded(), LOG_KEY)
    assert found == CHECKPOINT
    assert signature.key_id == LOG.key_id
    extended = Checkpoint(ORIGIN, 2, CHECKPOINT.root, ("more",))
    assert Checkpoint.parse(extended.text) == extended


@pytest.mark.parametrize("size", ["01", "-1", "1.0", "", "٣", "9223372036854775808", "1_0"])
def test_a_size_that_is_not_plain_decimal_is_refused(size: str) -> None:
    with pytest.raises(NoteRefused):
        Checkpoint.parse(CHECKPOINT.text.replace("\n2\n", f"\n{size}\n"))


def test_another_logs_checkpoint_is_refused_even_under_our_key() -> None:
    with pytest.raises(NoteRefused, match="another log"):
        opened_checkpoint(signed(Checkpoint("else", 2, CHECKPOINT.root).text, LOG).encoded(), LOG_KEY)


def test_a_checkpoint_that_only_a_witness_signed_is_refused() -> None:
    note = Note(CHECKPOINT.text, (WITNESS.cosign(CHECKPOINT.text, 1_700_000_000),))
    with pytest.raises(NoteRefused, match="itself"):
        opened_checkpoint(note.encoded(), LOG_KEY, [WITNESS_KEY])


def test_a_cosignature_says_when_and_is_good_for_that_moment_alone() -> None:
    cosignature = WITNESS.cosign(CHECKPOINT.text, 1_700_000_000)
    note = signed(CHECKPOINT.text, LOG).with_signatures([cosignature])
    _, good = opened_checkpoint(note.encoded(), LOG_KEY, [WITNESS_KEY])
    assert cosigned_at(good[1]) == 1_700_000_000
    later = Signature(cosignature.name, cosignature.key_id, (1_700_000_001).to_bytes(8) + cosignature.value[8:])
    with pytest.raises(NoteRefused):
        opened(signed(CHECKPOINT.text, LOG).with_signatures([later]), [LOG_KEY, WITNESS_KEY])


def test_a_key_of_one_kind_is_not_taken_for_the_other() -> None:
    with pytest.raises(NoteRefused):
        Ed25519Verifier(WITNESS.verifier_key)
    with pytest.raises(NoteRefused):
        CosignatureVerifier(LOG.verifier_key)
    with pytest.raises(NoteRefused):
        Ed25519Verifier(VerifierKey("short", 1, b"x"))


@pytest.mark.parametrize("extra", [None, b"", b"context"])
def test_a_proof_is_read_and_verified_alone(extra: bytes | None) -> None:
    encoded = InclusionProof(0, (SIBLING,), signed(CHECKPOINT.text, LOG).encoded(), extra).encoded()
    proof = InclusionProof.parse(encoded)
    assert proof.extra == extra
    assert proof.encoded() == encoded
    assert proof.verified(ENTRY, LOG_KEY)[0] == CHECKPOINT


def test_a_proof_with_anything_changed_is_refused() -> None:
    encoded = InclusionProof(0, (SIBLING,), signed(CHECKPOINT.text, LOG).encoded()).encoded()
    changes = (b"index 0", b"index 00"), (b"index", b"Index"), (b"@v1", b"@v2"), (b"\n\n", b"\n")
    for old, new in changes:
        with pytest.raises(NoteRefused):
            InclusionProof.parse(encoded.replace(old, new, 1))
    assert InclusionProof.parse(encoded).index == 0
