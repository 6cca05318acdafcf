"""Appends a second: our appender, PostgreSQL by itself and other event stores, in turns on one server."""

import asyncio
from collections.abc import Iterator

from benchmarks.contenders import Contender, Ours, StockRecorder, one_row_a_commit
from benchmarks.ground import Ground
from benchmarks.measured import Bar, Figure, median, spread
from benchmarks.peers import peers

CLIENTS = (1, 8, 32)
OF_PGBENCH = {1: 0.3, 8: 0.6, 32: 1.1}


async def appends(ground: Ground) -> list[Figure]:
    ours = Ours(await ground.database())
    pgbench = one_row_a_commit(ground)
    stock = StockRecorder(ground.empty_database())
    others, left_out = peers(ground)
    contenders: list[Contender] = [ours, pgbench, stock, *others]
    figures: list[Figure] = []
    for clients in CLIENTS:
        rates: dict[str, list[float]] = {}
        flushed: list[float] = []
        for number in range(ground.rounds):
            ground.tell(f"{clients} clients, round {number + 1} of {ground.rounds}")
            for contender in contenders:
                before = ground.flushes()
                # In a thread, so that each finds the main one free: ours brings an event loop of its own.
                rate = await asyncio.to_thread(contender.run, clients, ground.seconds)
                rates.setdefault(contender.name, []).append(rate)
                if contender is ours:
                    flushed.append(rate * ground.seconds / max(1, ground.flushes() - before))
        figures += _compared(clients, rates, flushed, contenders)
    if left_out:
        figures.append(Figure("Appends", left_out, ""))
    return figures


def _compared(
    clients: int, rates: dict[str, list[float]], flushed: list[float], contenders: list[Contender]
) -> Iterator[Figure]:
    group = f"Appends, {clients} client{'s' if clients > 1 else ''}"
    middle = {name: median(found) for name, found in rates.items()}
    ours, pgbench, stock, *others = (contender.name for contender in contenders)
    best = max(others, key=lambda name: middle[name], default="")
    yield Figure(group, "a second, and the lowest and highest round", spread(rates[ours]))
    for name in (pgbench, stock, *others):
        bar = None
        if name == pgbench:
            bar = Bar("at least", OF_PGBENCH[clients])
        elif clients == 32 and name == stock:
            bar = Bar("at least", 15)
        elif clients == 32 and name == best:
            bar = Bar("at least", 2)
        yield Figure(group, f"beside {name}", "", spread(rates[name]), middle[ours] / middle[name], bar)
    yield Figure(
        group,
        "events for each flush of the log",
        f"{median(flushed):.1f}",
        "",
        median(flushed),
        Bar("at least", 16) if clients == 32 else None,
    )
