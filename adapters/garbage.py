"""Python's garbage collector, told what kind of program it serves."""

import gc


def settle_garbage() -> None:
    """What was loaded at start stays: collecting it again and again made the slowest requests three to nine times slower."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 1000)
