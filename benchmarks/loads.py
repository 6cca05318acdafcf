"""Loading a mentorship of 10, 100 and 1,000 events: read, open and fold."""

import asyncio
import time
from uuid import UUID

from adapters.wiring import Installation
from application.caller import Caller
from benchmarks.cases import office, record_cases
from benchmarks.ground import Ground
from benchmarks.measured import Bar, Figure, median

LENGTHS = (10, 100, 1_000)
TIMES = 40
UNTIL_SNAPSHOT = 1.0


async def loads(ground: Ground) -> list[Figure]:
    async with ground.installation() as parts:
        at = await office(parts)
        cases = {length: (await record_cases(parts, at.by, 1, length))[0] for length in LENGTHS}
        for case in cases.values():
            await parts.record.mentorship(at.by, case)
        # A long case got a snapshot by this load, taken beside it.
        await asyncio.sleep(UNTIL_SNAPSHOT)
        times = {length: await milliseconds_to_load(parts, at.by, case) for length, case in cases.items()}
        whole = {length: await milliseconds_to_fold(parts, at.by, case) for length, case in cases.items()}
    shortest, longest = min(LENGTHS), max(LENGTHS)
    return [
        Figure(
            "Loading a mentorship",
            f"{length:,} events" + (f", and how many times {shortest} events" if length != shortest else ""),
            f"{times[length]:.2f} ms",
            f"{whole[length]:.2f} ms without a snapshot",
            times[length] / times[shortest],
            Bar("at most", 3) if length == longest else None,
        )
        for length in LENGTHS
    ]


async def milliseconds_to_load(parts: Installation, by: Caller, case: UUID) -> float:
    """As a command loads it: from its snapshot, where there is one."""
    taken = []
    for _ in range(TIMES):
        began = time.perf_counter()
        await parts.record.mentorship(by, case)
        taken.append(1000 * (time.perf_counter() - began))
    return median(taken)


async def milliseconds_to_fold(parts: Installation, by: Caller, case: UUID) -> float:
    """From all of its events."""
    taken = []
    for _ in range(TIMES // 4):
        began = time.perf_counter()
        folded = None
        for event in await parts.record.history(by, case):
            folded = event.mutate(folded)
        taken.append(1000 * (time.perf_counter() - began))
    return median(taken)
