"""The program's own text: what another version of it has made may be of no use to this one."""

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable


def sources(*rooms: str) -> bytes:
    """The Python files of these packages, one after the other in the order of their names."""
    return b"".join(text for room in rooms for text in _texts(files(room)))


def _texts(folder: Traversable) -> Iterator[bytes]:
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        if entry.is_dir():
            yield from _texts(entry)
        elif entry.name.endswith(".py"):
            yield entry.read_bytes()
