"""Identifiers: UUID version 7 (RFC 9562), so that rows made together lie together. They carry a time and nothing else."""

import os
import time
from uuid import UUID


def new_id() -> UUID:
    """48 bits of milliseconds since 1970, 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10))
    value = (milliseconds & 0xFFFFFFFFFFFF) << 80 | 0x7 << 76 | (random >> 64 & 0xFFF) << 64 | 0b10 << 62
    return UUID(int=value | random & 0x3FFFFFFFFFFFFFFF)
