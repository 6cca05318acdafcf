"""One writing process of the order suite: `python -m tests.postgres.order_writer STORE SEED SECONDS`, the DSN in DSN.

Prints a line of JSON for each append that was acknowledged: its key, its last position and its number of events.
"""

import asyncio
import json
import os
import random
import sys
from uuid import UUID

from tests.postgres.order_stores import Opened, Recorded, Stream, TryAgain, store_named

ORGANISATIONS = [UUID(int=n) for n in (1, 2, 3)]
STREAMS = [UUID(int=n) for n in range(100, 112)]


async def write(store: Opened, chance: random.Random, until: float, name: str) -> None:
    loop = asyncio.get_running_loop()
    versions: dict[Stream, int] = {}
    number = 0
    while loop.time() < until:
        number += 1
        stream = chance.choice(ORGANISATIONS), chance.choice(STREAMS)
        last, size, key = versions.get(stream, 0), chance.randint(1, 3), f"{name}-{number}"
        while loop.time() < until:
            try:
                outcome = await store.append(stream, last, size, key)
            except TryAgain:
                continue
            if isinstance(outcome, Recorded):
                versions[stream] = last + size
                sys.stdout.write(json.dumps([key, outcome.position, size]) + "\n")
            else:
                versions[stream] = outcome.version
            break


async def main(name: str, seed: int, seconds: float) -> None:
    until = asyncio.get_running_loop().time() + seconds
    async with store_named(name, os.environ["DSN"]).open() as store:
        await asyncio.gather(
            *(write(store, random.Random(seed * 100 + n), until, f"{seed}-{n}") for n in range(6))  # noqa: S311  no secret
        )


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
