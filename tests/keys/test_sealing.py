"""The format of docs/sealing.md, published vectors through our own functions, and what a sealed value refuses."""

import hmac
import json
import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as some

from adapters.keys.sealing import (
    DataKey,
    Place,
    Unreadable,
    aes256gcm_decrypt,
    aes256gcm_encrypt,
    hkdf_sha512,
    key_version,
    lock,
    opening_key,
    seal,
    unlock,
    unseal,
)
from adapters.keys.service_secrets import ServiceSecrets
from audit.note import ED25519, Ed25519Verifier, VerifierKey
from tests.keys.two_keys import opening_under_both
from tests.shared_data import shared_data

DOCUMENTED: dict[str, Any] = json.loads(
    re.findall(r"```json\n(.*?)```", (Path(__file__).parents[2] / "docs" / "sealing.md").read_text("utf-8"), re.S)[-1]
)
PLACE = Place(uuid4(), uuid4(), 3, "test-noted", 1, "trainee_id", uuid4())
KEY = DataKey.generate()


def place_of(vector: dict[str, Any]) -> Place:
    return Place(
        UUID(vector["organisation"]),
        UUID(vector["stream"]),
        vector["stream_version"],
        vector["topic"],
        vector["schema_version"],
        vector["group"],
        UUID(vector["person"]),
    )


@pytest.mark.parametrize("vector", DOCUMENTED["values"], ids=lambda vector: f"key-version-{vector['key_version']}")
def test_the_documented_vectors_hold(vector: dict[str, Any]) -> None:
    key = DataKey(vector["key_version"], bytes.fromhex(vector["data_key"]))
    sealed, plaintext = bytes.fromhex(vector["sealed"]), vector["plaintext"].encode()
    locked = lock(key.secret, bytes.fromhex(vector["salt"]), plaintext, bytes.fromhex(vector["associated"]))
    assert sealed[5:] == locked
    assert unseal(key, sealed, place_of(vector)) == plaintext
    assert key_version(sealed) == key.version


@pytest.mark.parametrize("vector", DOCUMENTED["values"], ids=lambda vector: f"key-version-{vector['key_version']}")
def test_what_opens_one_value_to_an_auditor_is_as_documented(vector: dict[str, Any]) -> None:
    key = DataKey(vector["key_version"], bytes.fromhex(vector["data_key"]))
    prk, plaintext = opening_key(key, bytes.fromhex(vector["sealed"]), place_of(vector))
    assert (prk.hex(), plaintext.decode()) == (vector["prk"], vector["plaintext"])
    derived = hmac.digest(prk, b"accompany sealed value 1\x01", "sha512")
    assert derived.hex() == vector["encryption_key"] + vector["commitment"]


def test_what_opens_one_value_is_another_for_every_value_and_not_given_out_for_a_wrong_place() -> None:
    sealed = [seal(KEY, b"the same", PLACE) for _ in range(20)]
    assert len({opening_key(KEY, one, PLACE)[0] for one in sealed}) == 20
    with pytest.raises(Unreadable):
        opening_key(KEY, sealed[0], replace(PLACE, group="mentor_id"))
    with pytest.raises(Unreadable):
        opening_key(DataKey.generate(), sealed[0], PLACE)


@pytest.mark.parametrize("vector", DOCUMENTED["values"], ids=lambda vector: f"key-version-{vector['key_version']}")
def test_the_documented_format_can_be_read_without_our_code(vector: dict[str, Any]) -> None:
    sealed = bytes.fromhex(vector["sealed"])
    salt, commitment, ciphertext = sealed[5:37], sealed[37:69], sealed[69:]
    extracted = hmac.digest(salt, bytes.fromhex(vector["data_key"]), "sha512")
    derived = hmac.digest(extracted, b"accompany sealed value 1\x01", "sha512")
    assert derived.hex() == vector["encryption_key"] + vector["commitment"]
    assert commitment == derived[32:]
    parts = (
        UUID(vector["organisation"]).bytes,
        UUID(vector["stream"]).bytes,
        vector["stream_version"].to_bytes(8),
        vector["topic"].encode(),
        vector["schema_version"].to_bytes(4),
        vector["group"].encode(),
        UUID(vector["person"]).bytes,
        vector["key_version"].to_bytes(4),
    )
    associated = b"".join(len(part).to_bytes(4) + part for part in parts)
    assert associated.hex() == vector["associated"]
    assert AESGCM(derived[:32]).decrypt(bytes(12), ciphertext, associated) == vector["plaintext"].encode()


@given(plaintext=some.binary(max_size=200))
def test_what_was_sealed_opens_again(plaintext: bytes) -> None:
    sealed = seal(KEY, plaintext, PLACE)
    assert len(sealed) == len(plaintext) + 85
    assert unseal(KEY, sealed, PLACE) == plaintext


def test_the_same_text_sealed_twice_shares_no_part() -> None:
    one, other = seal(KEY, b"the same", PLACE), seal(KEY, b"the same", PLACE)
    assert one[5:37] != other[5:37]
    assert one[37:69] != other[37:69]
    assert one[69:] != other[69:]


@pytest.mark.parametrize("part", [field.name for field in fields(Place)])
def test_a_value_opens_at_no_other_place(part: str) -> None:
    there = getattr(PLACE, part)
    elsewhere: Any = uuid4() if isinstance(there, UUID) else there + 1 if isinstance(there, int) else there + "x"
    with pytest.raises(Unreadable):
        unseal(KEY, seal(KEY, b"note", PLACE), replace(PLACE, **{part: elsewhere}))


def test_letters_moved_from_one_part_of_the_place_to_the_next_refuse() -> None:
    sealed = seal(KEY, b"note", replace(PLACE, topic="ab", group="c"))
    with pytest.raises(Unreadable):
        unseal(KEY, sealed, replace(PLACE, topic="a", group="bc"))


def test_two_of_the_same_persons_values_cannot_change_places() -> None:
    here, there = PLACE, replace(PLACE, stream_version=4)
    one, other = seal(KEY, b"one", here), seal(KEY, b"other", there)
    for sealed, place in ((one, there), (other, here)):
        with pytest.raises(Unreadable):
            unseal(KEY, sealed, place)


def test_another_key_or_another_version_of_it_refuses() -> None:
    sealed = seal(KEY, b"note", PLACE)
    for key in (DataKey.generate(), DataKey(2, KEY.secret)):
        with pytest.raises(Unreadable):
            unseal(key, sealed, PLACE)


def test_a_relabelled_key_version_refuses() -> None:
    sealed = seal(KEY, b"note", PLACE)
    with pytest.raises(Unreadable):
        unseal(DataKey(2, KEY.secret), sealed[:1] + (2).to_bytes(4) + sealed[5:], PLACE)


def test_every_flipped_bit_and_every_cut_refuses() -> None:
    sealed = seal(KEY, b"note", PLACE)
    for at in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[at // 8] ^= 1 << at % 8
        with pytest.raises(Unreadable):
            unseal(KEY, bytes(changed), PLACE)
    for length in range(len(sealed)):
        with pytest.raises(Unreadable):
            unseal(KEY, sealed[:length], PLACE)
    with pytest.raises(Unreadable):
        unseal(KEY, sealed + b"\0", PLACE)


def test_one_ciphertext_that_opens_under_two_keys_opens_under_one_alone_here() -> None:
    one, other = bytes([1]) * 32, bytes([2]) * 32
    salt, associated = bytes([3]) * 32, b"a place"
    info = b"accompany sealed value 1"
    derived = {secret: hkdf_sha512(secret, salt=salt, info=info, length=64) for secret in (one, other)}
    ciphertext = opening_under_both(derived[one][:32], derived[other][:32], bytes(12), associated, b"sixteen letters!")

    under_one = aes256gcm_decrypt(derived[one][:32], bytes(12), ciphertext, associated)
    under_other = aes256gcm_decrypt(derived[other][:32], bytes(12), ciphertext, associated)
    assert under_one[:16] == b"sixteen letters!"
    assert under_one != under_other

    for committed_to, refused in ((one, other), (other, one)):
        locked = salt + derived[committed_to][32:] + ciphertext
        assert unlock(committed_to, locked, associated)
        with pytest.raises(Unreadable):
            unlock(refused, locked, associated)


def test_neither_a_key_nor_a_refusal_shows_what_it_holds() -> None:
    assert KEY.secret.hex() not in repr(KEY)
    assert repr(KEY.secret) not in repr(KEY)
    with pytest.raises(Unreadable) as refused:
        unseal(KEY, seal(KEY, b"note", PLACE), replace(PLACE, topic="canary"))
    assert "canary" not in str(refused.value)
    assert refused.value.code == "sealed-unreadable"
    assert refused.value.__cause__ is None


@pytest.mark.parametrize("version", [0, -1, 2**32])
def test_a_data_key_without_a_version_is_none(version: int) -> None:
    with pytest.raises(ValueError, match="32 bytes and a version"):
        DataKey(version, bytes(32))


def test_a_short_data_key_is_none() -> None:
    with pytest.raises(ValueError, match="32 bytes and a version"):
        DataKey(1, bytes(16))


def test_the_wycheproof_vectors_for_aes_gcm_hold() -> None:
    groups = json.loads(shared_data("wycheproof", "aes_gcm_test.json").read_text("utf-8"))["testGroups"]
    tried = {"valid": 0, "invalid": 0, "other size": 0}
    for group in groups:
        for vector in group["tests"]:
            key, nonce, associated, plaintext, ciphertext, tag = (
                bytes.fromhex(vector[part]) for part in ("key", "iv", "aad", "msg", "ct", "tag")
            )
            if (group["keySize"], group["ivSize"]) != (256, 96):
                with pytest.raises(ValueError, match="takes a key of 32 bytes"):
                    aes256gcm_encrypt(key, nonce, plaintext, associated)
                tried["other size"] += 1
            elif vector["result"] == "valid":
                assert aes256gcm_encrypt(key, nonce, plaintext, associated) == ciphertext + tag, vector["tcId"]
                assert aes256gcm_decrypt(key, nonce, ciphertext + tag, associated) == plaintext, vector["tcId"]
                tried["valid"] += 1
            else:
                with pytest.raises(Unreadable):
                    aes256gcm_decrypt(key, nonce, ciphertext + tag, associated)
                tried["invalid"] += 1
    assert tried == {"valid": 39, "invalid": 27, "other size": 250}


def test_the_wycheproof_vectors_for_hkdf_hold() -> None:
    groups = json.loads(shared_data("wycheproof", "hkdf_sha512_test.json").read_text("utf-8"))["testGroups"]
    tried = {"valid": 0, "invalid": 0}
    for group in groups:
        for vector in group["tests"]:
            secret, salt, info = (bytes.fromhex(vector[part]) for part in ("ikm", "salt", "info"))
            if vector["result"] == "valid":
                derived = hkdf_sha512(secret, salt=salt, info=info, length=vector["size"])
                assert derived.hex() == vector["okm"], vector["tcId"]
            else:
                with pytest.raises(ValueError, match=r".+"):
                    hkdf_sha512(secret, salt=salt, info=info, length=vector["size"])
            tried[vector["result"]] += 1
    assert tried == {"valid": 80, "invalid": 3}


def test_the_wycheproof_vectors_for_hmac_hold() -> None:
    groups = json.loads(shared_data("wycheproof", "hmac_sha256_test.json").read_text("utf-8"))["testGroups"]
    tried = {"valid": 0, "invalid": 0}
    for group in groups:
        for vector in group["tests"]:
            key, content, tag = (bytes.fromhex(vector[part]) for part in ("key", "msg", "tag"))
            digest = ServiceSecrets(key, b"", b"").digest(content)[: group["tagSize"] // 8]
            assert (digest == tag) == (vector["result"] == "valid"), vector["tcId"]
            tried[vector["result"]] += 1
    assert tried == {"valid": 66, "invalid": 108}


def test_the_wycheproof_vectors_for_ed25519_hold() -> None:
    groups = json.loads(shared_data("wycheproof", "ed25519_test.json").read_text("utf-8"))["testGroups"]
    tried = {"valid": 0, "invalid": 0}
    for group in groups:
        verifier = Ed25519Verifier(VerifierKey("vectors.test", ED25519, bytes.fromhex(group["publicKey"]["pk"])))
        for vector in group["tests"]:
            verified = verifier.verifies(bytes.fromhex(vector["msg"]), bytes.fromhex(vector["sig"]))
            assert verified == (vector["result"] == "valid"), vector["tcId"]
            tried[vector["result"]] += 1
    assert tried == {"valid": 88, "invalid": 63}
