"""The schedule that finds whose data have been kept long enough, and proposes to erase them. People decide."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg

from adapters.identity.members import ensure_member, keyed_id
from adapters.postgres.pool import Pool
from adapters.postgres.seen import code_of
from application.caller import Caller, Submission
from application.rights import Rights
from domain.errors import Refusal
from domain.person import Person
from domain.vocabulary import Role
from projections.retention import may_be_due

# Who records what the schedule proposes.
MEMBER = "retention"
ONCE_A_DAY = 24 * 60 * 60.0
FIRST = 60.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Due:
    """Somebody whose data are due: the rule that held longest, its last day, and whether a legal hold stands."""

    person_id: UUID
    rule: str
    title: str
    until: date
    held: bool


class Schedule:
    """Looks once a day. `pool` reads one organisation at a time; `dsn` is the owner's."""

    def __init__(self, dsn: str, pool: Pool, rights: Rights, identifier_key: bytes) -> None:
        self._dsn = dsn
        self._pool = pool
        self._rights = rights
        self._identifier_key = identifier_key

    async def due(self, by: Caller) -> list[Due]:
        """Whose data are due in the caller's organisation, the longest overdue first. The rules decide on the record itself."""
        shortest = min((rule.years for rule in self._rights.rules if not rule.funder), default=None)
        if shortest is None:
            return []
        async with self._pool.organisation(by.organisation_id) as connection:
            candidates = await may_be_due(connection, by.organisation_id, by.today, shortest)
        found = []
        for person_id in candidates:
            period, held = await self._rights.due(by, person_id)
            if period is not None and period.until is not None:
                found.append(Due(person_id, period.rule.id, period.rule.title, period.until, held))
        return sorted(found, key=lambda one: (one.until, one.person_id))

    async def propose(self, by: Caller) -> int:
        """Puts on record that these data are due, once for each rule and day. Answers how many are new. A legal hold stops it."""
        new = 0
        for one in await self.due(by):
            if one.held:
                continue
            try:
                receipt = await self._rights.decide(
                    by,
                    Submission(f"retention-{one.person_id}-{one.rule}-{one.until}", b"proposed"),
                    one.person_id,
                    {},
                    Person.propose_erasure,
                    by.told(),
                    rule=one.rule,
                    due_on=one.until,
                )
            except Refusal:
                # Asked for already, or erased meanwhile: nothing to propose.
                continue
            new += not receipt.repeated
        return new

    async def propose_everywhere(self) -> int:
        """For every organisation of this database."""
        async with await psycopg.AsyncConnection.connect(self._dsn, autocommit=True, connect_timeout=10) as owner:
            cursor = await owner.execute("SELECT organisation_id, time_zone FROM accompany.organisations")
            organisations = await cursor.fetchall()
            callers = []
            for organisation_id, zone in organisations:
                member_id = keyed_id(self._identifier_key, organisation_id, "member", MEMBER)
                await ensure_member(owner, organisation_id, member_id, MEMBER)
                callers.append(
                    Caller(member_id, organisation_id, Role.ADMINISTRATOR, ZoneInfo(zone), datetime.now(UTC))
                )
        return sum([await self.propose(by) for by in callers])

    async def keep_proposing(self) -> None:
        """For as long as the process serves. To be cancelled."""
        await asyncio.sleep(FIRST)
        while True:
            try:
                log.info("erasures-proposed", extra={"count": await self.propose_everywhere()})
            except Exception as error:
                log.warning("erasures-not-proposed", extra={"code": code_of(error)})
            await asyncio.sleep(ONCE_A_DAY)
