"""What the HTTP interface is made of: handed in by the wiring, so that nothing here reaches for anything."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, Self

from adapters.erasure.erasures import Erasures
from adapters.erasure.schedule import Schedule
from adapters.evidence.bundles import Bundles
from adapters.evidence.reading import LogReader
from adapters.export.gathering import Gatherer
from adapters.identity.tokens import Tokens
from adapters.postgres.access_log import AccessLog
from adapters.postgres.pool import Pool
from adapters.search.index import SearchIndex
from adapters.telemetry import Telemetry
from adapters.wiring import Installation
from application.caller import Caller
from application.casebook import Casebook
from application.credential_paths import Templates
from application.evidence import Evidence
from application.people import People
from application.record import Record
from application.rights import Rights
from domain.events import RecordEvent


class Opened(Protocol):
    """Opens events for somebody, of their organisation, as an `Opener` does."""

    async def __call__(
        self, by: Caller, positions: Iterable[int], *, names: Iterable[int] = ()
    ) -> Mapping[int, RecordEvent]: ...


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Parts:
    """`digest` is keyed: it tells two contents apart and tells nobody what was in them.

    `reads` bounds the reads at one time. Each holds a connection of `pool` while `opened` takes another from it, so that more than
    half of the pool's number could wait for each other.
    """

    record: Record
    casebook: Casebook
    people: People
    rights: Rights
    erasures: Erasures
    copies: Gatherer
    schedule: Schedule
    templates: Templates
    tokens: Tokens
    pool: Pool
    index: SearchIndex
    reads: asyncio.Semaphore
    opened: Opened
    accesses: AccessLog
    digest: Callable[[bytes], bytes]
    telemetry: Telemetry
    logs: Mapping[str, LogReader]
    evidence: Evidence
    bundles: Bundles
    now: Callable[[], datetime] = _now

    @classmethod
    def of(cls, installation: Installation) -> Self:
        """The parts of an installation that is open."""
        return cls(
            record=installation.record,
            casebook=installation.casebook,
            people=installation.people,
            rights=installation.rights,
            erasures=installation.erasures,
            copies=installation.copies,
            schedule=installation.schedule,
            templates=installation.templates,
            tokens=installation.tokens,
            pool=installation.pool,
            index=installation.index,
            reads=asyncio.Semaphore(max(1, installation.pool.max_size // 2)),
            opened=installation.record.opened,
            accesses=installation.accesses,
            digest=installation.digest,
            telemetry=installation.telemetry,
            logs={reader.name: reader for reader in installation.logs},
            evidence=installation.evidence,
            bundles=installation.bundles,
        )
