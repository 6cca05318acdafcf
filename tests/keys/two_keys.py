"""Makes one AES-GCM ciphertext that is authentic under two keys: what a cipher that does not commit to its key allows.

The tag of GCM is linear in each block of the ciphertext, so the last block can be solved for. After Dodis, Grubbs,
Ristenpart and Woodage, "Fast Message Franking: From Invisible Salamanders to Encryptment" (CRYPTO 2018).
"""

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK = 16
# x^128 + x^7 + x^2 + x + 1, in GCM's order of bits (NIST SP 800-38D, 6.3).
REDUCTION = 0xE1 << 120
ONE = 1 << 127


def opening_under_both(one: bytes, other: bytes, nonce: bytes, associated: bytes, first_block: bytes) -> bytes:
    """Two blocks and a tag. Under `one` the first block opens to `first_block`; the rest is whatever comes."""
    ciphertext = bytes(a ^ b for a, b in zip(_aes(one, nonce + (2).to_bytes(4)), first_block, strict=True))
    lengths = (len(associated) * 8).to_bytes(8) + (2 * BLOCK * 8).to_bytes(8)
    padded = associated + bytes(-len(associated) % BLOCK)
    tags = []
    for key in (one, other):
        subkey = int.from_bytes(_aes(key, bytes(BLOCK)))
        hashed = _ghash(subkey, padded + ciphertext + bytes(BLOCK) + lengths)
        # The tag with an empty last block, and what each bit of that block is multiplied with.
        tags.append((hashed ^ int.from_bytes(_aes(key, nonce + (1).to_bytes(4))), _multiplied(subkey, subkey)))
    (empty_one, factor_one), (empty_other, factor_other) = tags
    block = _multiplied(empty_one ^ empty_other, _inverse(factor_one ^ factor_other))
    tag = empty_one ^ _multiplied(block, factor_one)
    return ciphertext + block.to_bytes(BLOCK) + tag.to_bytes(BLOCK)


def _aes(key: bytes, block: bytes) -> bytes:
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 - one block, as GCM itself is built
    return encryptor.update(block)


def _ghash(subkey: int, blocks: bytes) -> int:
    hashed = 0
    for at in range(0, len(blocks), BLOCK):
        hashed = _multiplied(hashed ^ int.from_bytes(blocks[at : at + BLOCK]), subkey)
    return hashed


def _multiplied(one: int, other: int) -> int:
    product = 0
    for bit in range(127, -1, -1):
        if one >> bit & 1:
            product ^= other
        other = other >> 1 ^ (REDUCTION if other & 1 else 0)
    return product


def _inverse(value: int) -> int:
    """To the power of 2^128 - 2."""
    power, square = ONE, value
    for _ in range(127):
        square = _multiplied(square, square)
        power = _multiplied(power, square)
    return power
