"""Carries an approved erasure out, step by step. Every step may be done twice, so that whoever is interrupted begins again.

What the files beside the database hold is found by the person's own details, so it goes while these can still be read. Then comes the
ledger, so that no crash leaves destroyed keys that a restored backup would bring back; then the keys, and with them everything sealed,
wherever it lies; then the fact itself, and what is left to be removed.
"""

import asyncio
import contextlib
import logging
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import ClassVar, LiteralString
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from psycopg.rows import tuple_row

from adapters.erasure.backups_known import known_backups
from adapters.erasure.inventory import INVENTORY, Treatment
from adapters.erasure.involved import Involved
from adapters.erasure.ledger import Erasure, ErasureLedger
from adapters.erasure.refused_rows import Whose, take_out
from adapters.identity.members import keyed_id
from adapters.keys.key_ring import KeyRing
from adapters.keys.service_secrets import ServiceSecrets
from adapters.postgres.pool import Pool
from adapters.postgres.record import PostgresRecord
from adapters.postgres.seen import code_of
from adapters.search.index import SearchIndex
from application.caller import Caller, Submission
from application.record import Entry, MovedOn
from domain.erasure import Approval
from domain.errors import NotFound, RuleBroken
from domain.person import Person
from domain.personal import fields_about
from domain.vocabulary import Role

REFUSALS = "refusals"
LOOK_AGAIN = 60.0
BUNDLES: LiteralString = """
    SELECT min(recorded_at) AT TIME ZONE 'UTC' FROM accompany.access_log
    WHERE organisation_id = %s AND person_id = %s AND outcome = 'shown' AND read ~ '[/ ]bundle$'
    GROUP BY read_id ORDER BY 1
"""

log = logging.getLogger(__name__)


class ErasureNotApproved(RuleBroken):
    code = "erasure-not-approved"
    message = "Erasing this person is not approved, so nothing was erased."


class StillReadable(Exception):
    """Something of the person opened after their keys were destroyed. It is a fault, and the erasure is not done."""

    code: ClassVar[str] = "still-readable"


@dataclass(frozen=True, slots=True)
class StoreReceipt:
    """What was done in one store. `found` counts what was there, None where nothing is counted; `left` says what was not done."""

    store: str
    kind: str
    holds: str
    treatment: Treatment
    found: int | None = None
    left: str = ""


@dataclass(frozen=True, slots=True)
class ErasureReceipt:
    """What was done where. `facts` is how many of the person's facts were tried afterwards, of which none opened."""

    person_id: UUID
    approved_by: UUID
    requested_by: UUID | None
    erased_at: datetime
    mentorships: int
    facts: int
    stores: tuple[StoreReceipt, ...]
    format: str = "accompany-erasure-receipt/1"


@dataclass(slots=True)
class _Done:
    """What the steps found, by step, and what they had to leave."""

    found: dict[str, int] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)


class Erasures:
    """Carries out erasures that were approved. One for each process; several may be at the same one without harm."""

    def __init__(
        self,
        record: PostgresRecord,
        keys: KeyRing,
        pool: Pool,
        data: Path,
        ledger: ErasureLedger,
        involved: Involved,
        secrets: ServiceSecrets,
        search: SearchIndex,
    ) -> None:
        self._record = record
        self._keys = keys
        self._pool = pool
        self._data = data
        self._ledger = ledger
        self._involved = involved
        self._secrets = secrets
        self._search = search
        self._turn = asyncio.Lock()
        self.erased_again = 0

    async def carry_out(self, organisation_id: UUID, person_id: UUID) -> ErasureReceipt:
        """To its end, however far it came before. Raises ErasureNotApproved, StillReadable, or what a store raises that is away."""
        async with self._turn:
            if done_before := await self.receipt(organisation_id, person_id):
                return done_before
            by = Caller(UUID(int=0), organisation_id, Role.COORDINATOR, ZoneInfo("UTC"), datetime.now(UTC))
            person = await self._record.person(by, person_id)
            approval = person.approval
            if approval is None:
                raise ErasureNotApproved
            by = Caller(approval.approved_by, organisation_id, Role.COORDINATOR, ZoneInfo("UTC"), datetime.now(UTC))
            cases = await self._involved(organisation_id, person_id)
            requests = await self._involved.evidence(organisation_id, person_id)
            done = _Done()
            await self._take_out_refused_rows(organisation_id, person, cases, done)
            noted = await asyncio.to_thread(
                self._ledger.add, organisation_id, person_id, approval.approved_by, by.asked_at.date()
            )
            done.found["ledger"] = int(noted)
            done.found["keys"] = await self._keys.destroy(organisation_id, person_id)
            await self._confirm(by, person_id)
            await self._remove(organisation_id, person_id, cases, done)
            facts = await self._try_to_read(by, person_id, (person_id, *cases, *requests))
            if person.copies:
                done.left["copies"] = f"{person.copies} handed out; they are with those who got them"
            await self._name_evidence(organisation_id, person_id, done)
            done.found["former keys"] = len(list(self._data.glob("former-*.key")))
            if done.found["former keys"]:
                done.left["former keys"] = (
                    "opens backups of keys made before the rotation; destroy it once they have ended"
                )
            for backup in known_backups(self._data):
                done.left["backups"] = f"the last copy of the keys ends on {backup.keys_end_on.isoformat()}"
            receipt = _receipt(person_id, approval, len(cases), facts, done)
            await self._keep(organisation_id, receipt)
            log.info("person-erased")
            return receipt

    async def replay(self) -> None:
        """Erases again whoever stands in the ledger and is not erased here, as after a restored backup.

        For the start of a process, before anything is read; `erased_again` then says how many. Raises LedgerDamaged.
        """
        by_organisation: dict[UUID, dict[UUID, Erasure]] = {}
        for one in await asyncio.to_thread(self._ledger.read):
            by_organisation.setdefault(one.organisation_id, {})[one.person_id] = one
        again = 0
        for organisation_id, noted in by_organisation.items():
            for person_id in noted.keys() - await self._keys.destroyed(organisation_id, noted):
                await self._keys.destroy(organisation_id, person_id)
                approved_by = noted[person_id].approved_by
                by = Caller(approved_by, organisation_id, Role.COORDINATOR, ZoneInfo("UTC"), datetime.now(UTC))
                # A backup may be older than the person's record itself.
                with contextlib.suppress(NotFound):
                    await self._confirm(by, person_id)
                await self._remove(
                    organisation_id, person_id, await self._involved.known(organisation_id, person_id), _Done()
                )
                again += 1
        if again:
            log.warning("erased-again", extra={"count": again})
        self.erased_again = again

    async def receipt(self, organisation_id: UUID, person_id: UUID) -> ErasureReceipt | None:
        """The receipt of an erasure that is done; None while it is not."""
        rows = await self._pool.rows(
            organisation_id,
            "SELECT receipt::text FROM accompany.erasures WHERE organisation_id = %s AND person_id = %s",
            (organisation_id, person_id),
            row_factory=tuple_row,
        )
        return msgspec.json.decode(rows[0][0], type=ErasureReceipt) if rows else None

    async def finish_what_was_begun(self) -> int:
        """Carries out what was approved and is not done: after a crash, or where a store was away. Answers how many are done now."""
        rows = await self._pool.rows(
            None, "SELECT organisation_id, person_id FROM accompany.erasures_under_way()", row_factory=tuple_row
        )
        done = 0
        for organisation_id, person_id in rows:
            try:
                await self.carry_out(organisation_id, person_id)
                done += 1
            except Exception as error:
                # The next one is not to wait for it; this one is tried again.
                log.error("erasure-not-finished", extra={"code": code_of(error)})
        return done

    async def keep_finishing(self) -> None:
        """For as long as the process serves. To be cancelled."""
        while True:
            try:
                await self.finish_what_was_begun()
            except Exception as error:
                log.warning("erasures-not-looked-for", extra={"code": code_of(error)})
            await asyncio.sleep(LOOK_AGAIN)

    async def _take_out_refused_rows(
        self, organisation_id: UUID, person: Person, cases: Collection[UUID], done: _Done
    ) -> None:
        details = person.details
        whose = Whose(
            person.id,
            frozenset(cases),
            # Empty once the keys are destroyed: then this was done before.
            frozenset(filter(None, (details.full_name, details.phone, details.email, details.reference))),
            partial(keyed_id, self._secrets.identifier_key, organisation_id),
        )
        taken = await asyncio.to_thread(take_out, self._data / REFUSALS, whose)
        done.found["refusals"] = taken.rows
        if taken.unread:
            done.left["refusals"] = f"{taken.unread} files could not be read; look into them and delete them"

    async def _confirm(self, by: Caller, person_id: UUID) -> None:
        """Puts the erasure on record, unless it is there."""
        while True:
            person = await self._record.person(by, person_id)
            if person.erased_on is not None:
                return
            person.confirm_erased(by.told(), approved_by=by.member_id)
            try:
                await self._record.append(
                    by, [Entry.of(Submission(f"erased-{person_id}", b"erased"), person, {"id": str(person_id)})]
                )
            except MovedOn:
                continue
            return

    async def _remove(self, organisation_id: UUID, person_id: UUID, cases: Collection[UUID], done: _Done) -> None:
        [(snapshots, tokens)] = await self._pool.rows(
            organisation_id,
            "SELECT snapshots, tokens FROM accompany.remove_of_person(%s, %s::uuid[])",
            (person_id, list(cases)),
            row_factory=tuple_row,
        )
        done.found |= {"snapshots": snapshots, "tokens": tokens}
        done.found["search"] = await self._search.forget(organisation_id, person_id)

    async def _try_to_read(self, by: Caller, person_id: UUID, streams: Collection[UUID]) -> int:
        """Opens everything about the person and finds nothing. Raises StillReadable."""
        tried = 0
        for stream in streams:
            for event in await self._record.history(by, stream):
                mine = fields_about(event, person_id)
                tried += bool(mine)
                if any(getattr(event, name) for name in mine if name not in event.erased):
                    raise StillReadable
        return tried

    async def _name_evidence(self, organisation_id: UUID, person_id: UUID, done: _Done) -> None:
        """Bundles in which something of the person was opened. The access log has each before it left, also those about a period."""
        rows = await self._pool.rows(organisation_id, BUNDLES, (organisation_id, person_id), row_factory=tuple_row)
        if rows:
            days = ", ".join(dict.fromkeys(f"{taken_at:%Y-%m-%d}" for (taken_at,) in rows))
            done.left["evidence"] = f"{len(rows)} handed out ({days}); they are with those who got them"

    async def _keep(self, organisation_id: UUID, receipt: ErasureReceipt) -> None:
        said = msgspec.json.encode(receipt).decode()
        await self._pool.rows(
            organisation_id,
            "SELECT accompany.keep_erasure_receipt(%s, %s::jsonb)",
            (receipt.person_id, said),
            row_factory=tuple_row,
        )


def _receipt(person_id: UUID, approval: Approval, mentorships: int, facts: int, done: _Done) -> ErasureReceipt:
    """Every store of the inventory, with what was found in it."""
    stores = tuple(
        StoreReceipt(
            one.name, one.kind, one.holds, one.treatment, done.found.get(one.step), done.left.get(one.step, "")
        )
        for one in INVENTORY
    )
    return ErasureReceipt(
        person_id, approval.approved_by, approval.requested_by, datetime.now(UTC), mentorships, facts, stores
    )


def in_words(receipt: ErasureReceipt) -> str:
    """The receipt for people: plain text, a line for each store."""
    lines = [
        f"Receipt of an erasure ({receipt.format})",
        "",
        f"Person:        {receipt.person_id}",
        f"Erased:        {receipt.erased_at:%Y-%m-%d %H:%M} UTC",
        f"Approved by:   {receipt.approved_by}",
        f"Requested by:  {receipt.requested_by or 'not on record here'}",
        f"Tried to open: {receipt.facts} facts, of the person, {receipt.mentorships} mentorships and requests for evidence; none opened",
        "",
    ]
    for one in receipt.stores:
        found = "" if one.found is None else f", {one.found} found"
        lines.append(f"- {one.store} ({one.holds}): {_WORDS[one.treatment]}{found}")
        if one.left:
            lines.append(f"  NOT DONE HERE: {one.left}")
    return "\n".join(lines) + "\n"


_WORDS = {
    Treatment.NOTHING_PERSONAL: "nothing personal",
    Treatment.KEY_DESTROYED: "cannot be opened by anybody, the key is destroyed",
    Treatment.KEPT_AS_PROOF: "stays: ids, days and terms",
    Treatment.REMOVED: "removed",
    Treatment.NOT_OURS: "out of our reach",
}
