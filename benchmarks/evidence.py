"""The transparency log beside bare SHA-256 over the same rows in the same language: keeping it, verifying it, and proving from it."""

import asyncio
import time
from hashlib import sha256

import psycopg

from adapters.evidence.logged import LOGS, rows
from adapters.evidence.signing import LastSigned
from adapters.evidence.stored import LogStore
from adapters.evidence.verifying import verify
from adapters.postgres.session import session
from adapters.wiring import Installation
from audit.merkle import inclusion_spans, proof_from, verify_inclusion
from audit.tiles import nodes_in, tiles_for
from benchmarks.cases import office, record_cases
from benchmarks.ground import Ground
from benchmarks.measured import Figure, median, spread

LENGTH = 100
PROOFS = 200
EVENTS = LOGS[0]


async def evidence(ground: Ground) -> list[Figure]:
    wanted = 10_000 if ground.quick else 1_000_000
    async with ground.installation() as parts:
        at = await office(parts)
        await record_cases(parts, at.by, wanted // LENGTH, LENGTH)
        return await asyncio.to_thread(_measured, parts, ground)


def _measured(parts: Installation, ground: Ground) -> list[Figure]:
    hashed = [_hashed(parts.dsn) for _ in range(min(3, ground.rounds))]
    count = hashed[0][0]
    bare = median([seconds for _, seconds in hashed])
    began = time.perf_counter()
    parts.keeping.integrator().catch_up()
    integrated = time.perf_counter() - began
    verified = [_verified(parts) for _ in range(min(3, ground.rounds))]
    proofs, size = _proofs(parts.dsn, count)
    beside = f"{bare:.2f} s for SHA-256 over the same bytes in Python"
    return [
        Figure(
            "Evidence", f"put {count:,} events into the log, seconds", f"{integrated:.1f}", beside, integrated / bare
        ),
        Figure(
            "Evidence",
            f"verify {count:,} events against the log, seconds",
            spread(verified, ".1f"),
            beside,
            median(verified) / bare,
        ),
        Figure(
            "Evidence",
            f"an inclusion proof among {count:,} events, read, made and verified, ms",
            spread(proofs, ".2f"),
            f"{size} bytes",
            None,
        ),
        *(
            Figure("Evidence", f"hashes in an inclusion proof among {n:,} events", str(len(inclusion_spans(n // 3, n))))
            for n in (1_000, 1_000_000, 1_000_000_000)
        ),
    ]


def _hashed(dsn: str) -> tuple[int, float]:
    """How many rows there are, and how long SHA-256 over their envelopes takes once they are in memory."""
    with psycopg.connect(session(dsn, "accompany_worker", statement_timeout=0)) as connection:
        envelopes = [row.envelope for row in rows(connection, EVENTS, 1)]
    began = time.perf_counter()
    for one in envelopes:
        sha256(one).digest()
    return len(envelopes), time.perf_counter() - began


def _verified(parts: Installation) -> float:
    last = LastSigned(parts.keeping.folder, parts.keeping.key).read(EVENTS.name)
    conninfo = session(parts.dsn, "accompany_worker", statement_timeout=0)
    began = time.perf_counter()
    with psycopg.connect(conninfo, autocommit=True) as connection:
        report = verify(connection, EVENTS, parts.keeping.key, last.checkpoint if last else None)
    assert report.verified, report.disagreements
    return time.perf_counter() - began


def _proofs(dsn: str, count: int) -> tuple[list[float], int]:
    """Milliseconds for each of some proofs, and the bytes of their hashes at most."""
    took, largest = [], 0
    with psycopg.connect(session(dsn, "accompany_worker", statement_timeout=0), autocommit=True) as connection:
        store = LogStore(connection, EVENTS.name)
        root = store.frontier(count).root()
        for number in range(PROOFS):
            index = number * count // PROOFS
            [leaf] = store.leaves(index, index + 1)
            began = time.perf_counter()
            spans = inclusion_spans(index, count)
            proof = proof_from(spans, nodes_in(store.tiles(tiles_for(spans))))
            verify_inclusion(index, count, leaf, proof, root)
            took.append((time.perf_counter() - began) * 1000)
            largest = max(largest, 32 * len(proof))
    return took, largest
