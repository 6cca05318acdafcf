"""The same figures as the record grows, and the memory of service and worker at each size."""

import asyncio

from adapters.postgres.runner import Runner
from benchmarks.cases import office, record_cases
from benchmarks.commands import BODY
from benchmarks.contenders import Ours
from benchmarks.ground import Ground
from benchmarks.loads import milliseconds_to_load
from benchmarks.measured import Figure, median
from benchmarks.serving import Post, ask, service, worker
from benchmarks.tail import PROBES, latency, shown

LENGTH = 50
CLIENTS = 32


async def growth(ground: Ground) -> list[Figure]:
    figures: list[Figure] = []
    dsn = ground.empty_database()
    recorded = 0
    for size in ground.sizes:
        async with ground.installation(dsn) as parts:
            at = await office(parts)
            ground.tell(f"Recording up to {size:,} events, in mentorships of {LENGTH}")
            cases = await record_cases(parts, at.by, (size - recorded) // LENGTH, LENGTH)
            recorded = size
            ground.tell("Projecting them")
            await Runner(dsn).catch_up()
            ground.tell("Asking")
            loaded = await milliseconds_to_load(parts, at.by, cases[0])
            with worker(ground.environment(dsn)) as following:
                async with shown(dsn) as visible:
                    seen = median([await latency(parts, at, cases[0], visible) for _ in range(PROBES)])
                worker_memory = following.memory
        post = Post(
            [f"/api/v1/mentorships/{case}/sessions" for case in cases[-320:]],
            BODY,
            {"Authorization": f"Bearer {at.token}"},
        )
        with service(ground.environment(dsn), "--no-worker") as served:
            # Twice: the first time brings the cases into memory.
            asked = [ask(served, CLIENTS, ground.seconds, post) for _ in range(2)][-1]
            service_memory = served.memory
        # In a copy: these events have 600 bytes and no meaning, and no projection could read them.
        appended = await asyncio.to_thread(Ours(ground.copy_of(dsn)).run, CLIENTS, ground.seconds)
        group = f"A record of {size:,} events"
        figures += [
            Figure(group, f"appends a second, {CLIENTS} clients", f"{appended:,.0f}"),
            Figure(group, f"HTTP commands a second, {CLIENTS} clients", f"{asked.rate:,.0f}"),
            Figure(group, f"loading a mentorship of {LENGTH} events", f"{loaded:.2f} ms"),
            Figure(group, "from commit to projections", f"{1000 * seen:.1f} ms"),
            Figure(group, "memory of the service", f"{service_memory:.0f} MB"),
            Figure(group, "memory of the worker", f"{worker_memory:.0f} MB"),
            Figure(group, "the database on the disk", f"{ground.megabytes(dsn):,.0f} MB"),
        ]
    return figures
