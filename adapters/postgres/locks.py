"""File locks that the kernel drops when their last holder ends, however it ends."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Short enough that nobody feels it, long enough that a wait costs nothing.
PAUSE = 0.02


def open_lock(path: Path) -> int:
    """A descriptor of the lock file, made if need be, of this process alone until it is handed on."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def take(lock: int, *, shared: bool = False, patience: float = 0.0) -> bool:
    """Take the lock, or try again for `patience` seconds; whether it was had."""
    until = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(lock, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(PAUSE)
        else:
            return True


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Alone in a folder, without writing into it."""
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
