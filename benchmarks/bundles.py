"""A bundle of evidence, made and checked: about a case as it grows, and about a period."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

from adapters.disclosure import Disclosure
from adapters.wiring import Installation
from application.caller import Caller, Submission
from application.ids import new_id
from audit.verifier import accompany_verify
from benchmarks.cases import office, record_cases
from benchmarks.ground import Ground
from benchmarks.measured import Figure, spread
from domain.evidence import EvidenceOpening, EvidenceReason, EvidenceSubject
from domain.vocabulary import Role

LENGTHS = (10, 100, 1_000)
PERIOD = 10_000


async def bundles(ground: Ground) -> list[Figure]:
    figures = []
    async with ground.installation() as parts:
        at = await office(parts)
        by = Caller(at.by.member_id, at.by.organisation_id, Role.COORDINATOR, at.by.zone, datetime.now(UTC))
        for length in LENGTHS:
            [case] = await record_cases(parts, at.by, 1, length)
            receipt = await parts.evidence.request_about_subject(
                by,
                _submission(),
                new_id(),
                subject=EvidenceSubject.MENTORSHIP,
                subject_id=case,
                opening=EvidenceOpening.CONSENT,
                reason_code=EvidenceReason.REGULAR_AUDIT,
                reason="Measured",
            )
            figures += await _measured(parts, by, ground, receipt.answer["id"], f"a case of {length:,} events")
        count = 2_000 if ground.quick else PERIOD
        await record_cases(parts, at.by, count // 100, 100)
        today = datetime.now(UTC).date()
        receipt = await parts.evidence.request_about_period(
            by,
            _submission(),
            new_id(),
            recorded_from=today - timedelta(days=1),
            recorded_until=today,
            opening=EvidenceOpening.SEALED,
            reason_code=EvidenceReason.REGULAR_AUDIT,
            reason="Measured",
        )
        figures += await _measured(parts, by, ground, receipt.answer["id"], f"a period of {count:,} events")
    return figures


async def _measured(parts: Installation, by: Caller, ground: Ground, request: str | int, about: str) -> list[Figure]:
    await asyncio.to_thread(parts.keeping.integrator().catch_up)
    made, checked, content = [], [], b""
    for _ in range(ground.rounds):
        began = time.perf_counter()
        with Disclosure().active():
            content = await parts.bundles.make(by, UUID(str(request)), {})
        made.append((time.perf_counter() - began) * 1_000)
        began = time.perf_counter()
        checks = accompany_verify.Bundle(
            accompany_verify.read_archive(memoryview(content)), accompany_verify.Trust()
        ).run()
        checked.append((time.perf_counter() - began) * 1_000)
        assert not any(check.failures for check in checks), "a bundle holds"
    size = f"{len(content) / 1_000_000:.2f} MB"
    return [
        Figure("Evidence bundles", f"make a bundle of {about}, ms", spread(made), size),
        Figure("Evidence bundles", "check it, ms", spread(checked)),
    ]


def _submission() -> Submission:
    return Submission(new_id().hex, new_id().bytes)
