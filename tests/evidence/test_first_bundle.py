"""Evidence from an installation in which nobody has looked at anything yet: its access log has no checkpoint."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

from adapters.disclosure import Disclosure
from application.caller import Caller, Submission
from application.ids import new_id
from audit.verifier import accompany_verify as verifier
from domain.evidence import EvidenceOpening, EvidenceReason, EvidenceSubject
from domain.person import Details
from domain.vocabulary import PersonRole, Role
from tests.installations import opened, organisation


def test_evidence_does_not_wait_for_a_first_look(tmp_path: Path, postgres: str) -> None:
    async def made() -> bytes:
        async with opened(tmp_path / "data", postgres) as parts:
            organisation_id = await organisation(postgres)
            by = Caller(new_id(), organisation_id, Role.COORDINATOR, ZoneInfo("UTC"), datetime.now(UTC))
            person_id = new_id()
            details = Details(full_name="Nobody Looked")
            await parts.people.register(by, Submission("a", b"a"), person_id, role=PersonRole.TRAINEE, details=details)
            receipt = await parts.evidence.request_about_subject(
                by,
                Submission("b", b"b"),
                new_id(),
                subject=EvidenceSubject.PERSON,
                subject_id=person_id,
                opening=EvidenceOpening.CONSENT,
                reason_code=EvidenceReason.COMPLAINT,
                reason="First of all",
            )
            await asyncio.to_thread(parts.keeping.integrator().catch_up)
            with Disclosure().active():
                return await parts.bundles.make(by, UUID(str(receipt.answer["id"])), {})

    bundle = verifier.Bundle(verifier.read_archive(memoryview(asyncio.run(made()))), verifier.Trust())
    assert [check for check in bundle.run() if check.failures] == []
    assert "access.jsonl" not in bundle.files
