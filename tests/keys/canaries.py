"""Looks for planted words in every form in which they could leak: encodings, escapes, base64 at each offset, hexadecimal."""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus


def forms_of(word: str) -> dict[str, bytes]:
    """Each form by its name. In base64 and hexadecimal a word may begin at any byte of what was encoded."""
    raw = word.encode()
    forms = {
        "UTF-8": raw,
        "UTF-16 little-endian": word.encode("utf-16-le"),
        "UTF-16 big-endian": word.encode("utf-16-be"),
        "escaped JSON": json.dumps(word)[1:-1].encode(),
        "Python's repr": repr(word)[1:-1].encode("ascii", "backslashreplace"),
        "URL": quote(word).encode(),
        "form": quote_plus(word).encode(),
        "hexadecimal": raw.hex().encode(),
        "capital hexadecimal": raw.hex().upper().encode(),
    }
    for name, data in (("UTF-8", raw), ("UTF-16", word.encode("utf-16-le"))):
        for offset in range(3):
            # What the bytes around the word have no part in.
            encoded = base64.b64encode(bytes(offset) + data)
            inner = encoded[(offset * 8 + 5) // 6 : (offset + len(data)) * 8 // 6]
            forms[f"base64 of {name} at {offset}"] = inner
            forms[f"base64url of {name} at {offset}"] = inner.translate(bytes.maketrans(b"+/", b"-_"))
    return forms


def found(words: Iterable[str], haystack: bytes) -> set[str]:
    """What was found, as `word in form`."""
    return {f"{word} in {form}" for word in words for form, needle in forms_of(word).items() if needle in haystack}


def with_decoded_hex(haystack: bytes) -> bytes:
    """And what stands in it as hexadecimal digits, decoded, as in a dump of bytea columns."""
    digits = re.findall(rb"(?<![0-9a-fA-F])((?:[0-9a-fA-F]{2}){8,})", haystack)
    return haystack + b"\n".join(bytes.fromhex(one.decode()) for one in digits)


def files_under(folder: Path, *, without: Iterable[Path] = ()) -> Iterator[tuple[Path, bytes]]:
    """Every file in a folder, as bytes, and its name."""
    skipped = tuple(without)
    for path in folder.rglob("*"):
        if path.is_file() and not any(path.is_relative_to(one) for one in skipped):
            try:
                yield path, path.name.encode() + b"\n" + path.read_bytes()
            except OSError:
                continue
