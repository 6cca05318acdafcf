"""Blinds the terms that people are found by: each becomes the number of a bucket, which says nothing without the key. See docs/search.md.

A bucket is the beginning of an HMAC-SHA-256 under a key of one organisation and one field, cut so short that the terms of many people
fall into one.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable
from functools import lru_cache
from uuid import UUID

from adapters.keys.sealing import hkdf_sha512, length_prefixed
from projections.findable import VERSION, Question, Term

# How many bits of the HMAC are kept in an organisation of up to so many people, and in a larger one: some 8 to 33 people who do not
# belong to a term are in its bucket, enough to hide among and few enough to be opened for each search.
SIZES = ((250, 8), (1_000, 10), (4_000, 12), (16_000, 14), (64_000, 16))
LARGEST = 18
BITS = (*(bits for _, bits in SIZES), LARGEST)
# Each list of terms is filled up to a multiple of this, so that its length does not tell how long a name is.
FILLED_UP_TO = 16

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_ORGANISATION_DIGITS = 5
_KEYS_HELD = 1_000


class Blinder:
    """Turns terms into lexemes of letters and digits. Lexemes of two organisations have nothing in common.

    `secret_of` gives an organisation's secret of 32 bytes for this use. `key_id` (8 bytes) names these secrets and the version of the
    terms: an index that was filled under another one is of no use.
    """

    def __init__(self, secret_of: Callable[[UUID], bytes]) -> None:
        self._secret_of = secret_of
        nobodys = secret_of(UUID(int=0))
        self.key_id = hkdf_sha512(nobodys, salt=b"", info=f"accompany search index {VERSION}".encode(), length=8)
        self._key = lru_cache(_KEYS_HELD)(self._derived)

    def lexemes(self, organisation_id: UUID, stream_id: UUID, terms: Iterable[Term], bits: int) -> list[str]:
        """What stands in the index for all terms of one stream: their buckets, and others that nobody asks for."""
        found = {self._lexeme(organisation_id, by, term.encode(), bits) for by, term in terms}
        filling = 0
        while found and len(found) % FILLED_UP_TO:
            found.add(self._lexeme(organisation_id, "filling", stream_id.bytes + filling.to_bytes(4), bits))
            filling += 1
            # A small index has few buckets, and a very long name may fill them all.
            if filling > 8 * FILLED_UP_TO:
                break
        return sorted(found)

    def query(self, organisation_id: UUID, question: Question) -> str:
        """What to look up, as a PostgreSQL tsquery: any reading, each of its words, in any of its spellings, at any size."""
        readings = []
        for alternative in question.alternatives:
            words = (
                " | ".join(
                    self._lexeme(organisation_id, alternative.by, form.encode(), bits)
                    for form in sorted(one)
                    for bits in BITS
                )
                for one in alternative.looked_up
            )
            readings.append(" & ".join(f"({word})" for word in words))
        return " | ".join(f"({reading})" for reading in readings)

    def _lexeme(self, organisation_id: UUID, field: str, term: bytes, bits: int) -> str:
        begins_with, key = self._key(organisation_id, field)
        bucket = int.from_bytes(hmac.digest(key, term, hashlib.sha256)[:4]) >> (32 - bits)
        # The bit in front tells buckets of different sizes apart.
        return begins_with + _written(1 << bits | bucket)

    def _derived(self, organisation_id: UUID, field: str) -> tuple[str, bytes]:
        secret = self._secret_of(organisation_id)
        number = int.from_bytes(hkdf_sha512(secret, salt=b"", info=b"accompany search organisation 1", length=8))
        info = length_prefixed(b"accompany search terms 1", field.encode())
        return (
            _written(number % len(_DIGITS) ** _ORGANISATION_DIGITS).rjust(_ORGANISATION_DIGITS, "0"),
            hkdf_sha512(secret, salt=b"", info=info, length=32),
        )


def bits_for(people: int) -> int:
    """How many bits of each HMAC to keep in an organisation of so many people."""
    return next((bits for most, bits in SIZES if people <= most), LARGEST)


def _written(number: int) -> str:
    found = ""
    while True:
        number, digit = divmod(number, len(_DIGITS))
        found = _DIGITS[digit] + found
        if not number:
            return found
