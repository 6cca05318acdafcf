"""One writing process of the order suite: `python -m tests.postgres.order_writer SEED SECONDS`, the DSN in DSN.

Prints a line of JSON for each append that was acknowledged: its key and its last position.
"""

import asyncio
import json
import os
import random
import sys
from uuid import UUID

from adapters.postgres.appender import Appender
from adapters.postgres.stored import Append, Appended, RecordedEvent, Replayed, StoreBusy, StoreUnavailable

ORGANISATIONS = [UUID(int=n) for n in (1, 2, 3)]
STREAMS = [UUID(int=n) for n in range(100, 112)]


async def write(appender: Appender, chance: random.Random, until: float, name: str) -> None:
    loop = asyncio.get_running_loop()
    versions: dict[tuple[UUID, UUID], int] = {}
    number = 0
    while loop.time() < until:
        number += 1
        organisation, stream = chance.choice(ORGANISATIONS), chance.choice(STREAMS)
        last = versions.get((organisation, stream), 0)
        events = tuple(
            RecordedEvent(stream, last + step, "test-order", b"x" * 600, organisation_id=organisation)
            for step in range(1, chance.randint(1, 3) + 1)
        )
        append = Append(organisation, UUID(int=9), events, f"{name}-{number}", b"")
        while loop.time() < until:
            try:
                outcome = await appender.append(append)
            except (StoreBusy, StoreUnavailable):
                continue
            if isinstance(outcome, (Appended, Replayed)):
                versions[organisation, stream] = last + len(events)
                sys.stdout.write(json.dumps([append.command_key, outcome.position, len(events)]) + "\n")
            else:
                versions[organisation, stream] = outcome.actual_version
            break


async def main(seed: int, seconds: float) -> None:
    until = asyncio.get_running_loop().time() + seconds
    async with Appender(os.environ["DSN"], wait_limit=2) as appender:
        await asyncio.gather(
            *(write(appender, random.Random(seed * 100 + n), until, f"{seed}-{n}") for n in range(6))  # noqa: S311  no secret
        )


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
