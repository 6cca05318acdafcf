"""Two programs that share no line judge the same consents: the service's, and the one that an auditor runs."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as some

from adapters.disclosure import Disclosure
from application.caller import Caller, Submission
from application.ids import new_id
from audit.bundle import archived
from audit.consent_trail import ActDone, DecisionMade, OverrideMade, Review, judge
from audit.verifier import accompany_verify as verifier
from domain.evidence import EvidenceOpening, EvidenceReason
from domain.vocabulary import Role
from tests.installations import imported, opened, organisation
from tests.postgres_servers import Clusters
from tests.shared_data import shared_data

FIRST = date(2025, 3, 1)
STATES = sorted(set(verifier.DECISIONS.values()))
SCOPES = [
    ("mentoring", "case-record", "this-organisation"),
    ("mentoring", "health", "this-organisation"),
    ("research", "case-record", "partner"),
]
DAYS = some.integers(0, 6)
CLOCKS = some.none() | some.integers(0, 4)


def moment(day: int, clock: int | None) -> datetime | None:
    return (
        None if clock is None else datetime.combine(FIRST, datetime.min.time(), UTC) + timedelta(days=day, hours=clock)
    )


@settings(max_examples=500, deadline=None)
@given(
    some.lists(
        some.tuples(
            some.sampled_from(STATES), some.sampled_from(SCOPES), DAYS, CLOCKS, some.none() | DAYS, some.none() | DAYS
        ),
        max_size=7,
    ),
    DAYS,
    CLOCKS,
    some.none() | some.integers(0, 8),
    some.integers(1, 9),
)
def test_every_act_is_judged_alike(
    made: list[Any], day: int, clock: int | None, relied_on: int | None, told_in: int
) -> None:
    ours, theirs = [], []
    for version, (state, scope, on, at, begin, end) in enumerate(made, 1):
        valid = [None if one is None else FIRST + timedelta(days=one) for one in (begin, end)]
        told = version, scope, state, FIRST + timedelta(days=on), moment(on, at), *valid
        ours.append(DecisionMade(*told))
        theirs.append(verifier.Decision(*told))
    done = FIRST + timedelta(days=day)
    event = cast(verifier.Row, SimpleNamespace(topic="session-held"))
    act = verifier.Act(event, done, moment(day, clock), relied_on, told_in)
    same = judge(ActDone(told_in, SCOPES[0], done, moment(day, clock), relied_on), ours)
    assert verifier.judge(act, theirs, {}) == same


@settings(max_examples=500, deadline=None)
@given(
    some.sampled_from(["mentoring", "research"]),
    some.integers(1, 4),
    DAYS,
    CLOCKS,
    some.integers(0, 80),
    some.none() | some.tuples(some.integers(2, 9), some.booleans()),
    DAYS,
    CLOCKS,
    some.none() | some.integers(1, 4),
    some.integers(1, 9),
)
def test_every_act_under_an_override_is_judged_alike(
    purpose: str,
    version: int,
    begin: int,
    at: int | None,
    hours: int,
    review: tuple[int, bool] | None,
    day: int,
    clock: int | None,
    relied_on: int | None,
    told_in: int,
) -> None:
    begins_at = moment(begin, at)
    ends_at = (begins_at or datetime(2025, 3, 1, tzinfo=UTC) + timedelta(days=begin)) + timedelta(hours=hours)
    told = purpose, "missing", FIRST + timedelta(days=begin), begins_at, ends_at.date(), ends_at, "somebody"
    event = cast(verifier.Row, SimpleNamespace(topic="session-held", version=version))
    reviewed = None if review is None else (*review, "somebody else")
    theirs = {version: verifier.Override(event, *told, reviewed)}
    ours = [OverrideMade(version, *told, None if review is None else Review(*review, "somebody else"))]
    done = FIRST + timedelta(days=day)
    act = verifier.Act(event, done, moment(day, clock), relied_on, told_in)
    same = judge(ActDone(told_in, SCOPES[0], done, moment(day, clock), relied_on), [], ours)
    assert verifier.judge(act, [], theirs) == same


def test_a_bundle_of_the_whole_shared_caseload_holds_and_judges_every_case_alike(
    tmp_path: Path, postgres_clusters: Clusters
) -> None:
    async def everything(postgres: str) -> tuple[bytes, str]:
        async with opened(tmp_path / "data", postgres) as parts:
            organisation_id = await organisation(postgres)
            await imported(parts, organisation_id, shared_data("caseload"), tmp_path / "reports")
            await asyncio.to_thread(parts.keeping.integrator().catch_up)
            now = datetime.now(UTC)
            by = Caller(new_id(), organisation_id, Role.AUDITOR, ZoneInfo("UTC"), now)
            receipt = await parts.evidence.request_about_period(
                by,
                Submission("whole", b"whole"),
                new_id(),
                recorded_from=now.date() - timedelta(days=1),
                recorded_until=now.date(),
                opening=EvidenceOpening.CONSENT,
                reason_code=EvidenceReason.REGULAR_AUDIT,
                reason="All of it",
            )
            await asyncio.to_thread(parts.keeping.integrator().catch_up)
            with Disclosure().active():
                content = await parts.bundles.make(by, verifier.as_uuid(receipt.answer["id"], "id"), {})
            return content, str(parts.keeping.key.verifier_key("events"))

    with postgres_clusters.running("postgres-18").fresh_database() as dsn:
        content, key = asyncio.run(everything(dsn))
    files = verifier.read_archive(memoryview(content))
    bundle = verifier.Bundle(files, verifier.Trust(keys=[verifier.read_key(key, "key")]))
    assert [check for check in bundle.run() if check.failures] == []
    assert len(bundle.proofs) > 100
    assert sum(len(proof.acts) for proof in bundle.proofs.values()) > 1_000
    assert len(bundle.opened) > 500
    assert archived({name: bytes(one) for name, one in files.items()}) == content
