"""A whole command over HTTP beside a bare route with one insert: same uvicorn, same load, in turns."""

from collections.abc import Iterator

from benchmarks.cases import SESSION, office, record_cases
from benchmarks.ground import Ground
from benchmarks.measured import Bar, Figure, median
from benchmarks.serving import Asked, Post, ask, bare_route, service

CASES, LENGTH = 320, 20
CLIENTS = (1, 8, 32)
WARMING = 2.0
BODY = {"occurred_on": "2024-06-03", "minutes": 60, "medium": "in-person", "summary": SESSION["summary"]}


async def commands(ground: Ground) -> list[Figure]:
    async with ground.installation() as parts:
        at = await office(parts)
        cases = await record_cases(parts, at.by, CASES, LENGTH)
        dsn = parts.dsn
    ours = Post(
        [f"/api/v1/mentorships/{case}/sessions" for case in cases],
        {**BODY, "trainee_rating": 4, "mentor_rating": 5},
        {"Authorization": f"Bearer {at.token}"},
    )
    theirs = Post([f"/mentorships/{case}/sessions" for case in cases], BODY, {})
    with service(ground.environment(dsn), "--no-worker") as whole, bare_route(ground.empty_database()) as bare:
        # Cases that are worked on are in memory; the first command on each is the slow one.
        ask(whole, max(CLIENTS), WARMING, ours)
        ask(bare, max(CLIENTS), WARMING, theirs)
        figures: list[Figure] = []
        for clients in CLIENTS:
            ground.tell(f"{clients} clients")
            rounds: list[tuple[Asked, Asked]] = [
                (ask(whole, clients, ground.seconds, ours), ask(bare, clients, ground.seconds, theirs))
                for _ in range(ground.rounds)
            ]
            figures += _compared(clients, rounds)
        return figures


def _compared(clients: int, rounds: list[tuple[Asked, Asked]]) -> Iterator[Figure]:
    group = f"HTTP command, {clients} client{'s' if clients > 1 else ''}"
    rates, bare = median([one.rate for one, _ in rounds]), median([one.rate for _, one in rounds])
    yield Figure(group, "a second", f"{rates:,.0f}", f"{bare:,.0f} bare route", rates / bare, Bar("at least", 0.6))
    half, most = median([one.median for one, _ in rounds]), median([one.p99 for one, _ in rounds])
    yield Figure(group, "median", f"{half:.1f} ms", f"{median([one.median for _, one in rounds]):.1f} ms")
    yield Figure(
        group,
        "99th percentile, and how many times the median",
        f"{most:.1f} ms",
        f"{median([one.p99 for _, one in rounds]):.1f} ms",
        most / half,
        Bar("at most", 4) if clients == 32 else None,
    )
