"""Keeps this process's memory, where keys and opened data are, out of core dumps and other processes' reach."""

import contextlib
import ctypes
import resource
import sys

# From <sys/prctl.h>.
_PR_SET_DUMPABLE = 4


def forbid_core_dumps() -> None:
    """No core is written when this process or one that it starts crashes, and other processes of the same user can't read its memory.

    What Python can't do: wipe a key after its use (texts and bytes are copied and freed, not overwritten), or keep memory from being
    swapped out. Encrypt the swap, or have none.
    """
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    # Where the system forbids it there is nothing to allow either: a limit may always be lowered.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0 if most == resource.RLIM_INFINITY or most > 0 else most))
    if sys.platform == "linux":
        # A limit of 0 does not bind a core_pattern that pipes cores to a program; this does.
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
