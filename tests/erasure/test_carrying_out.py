"""An erasure reaches every place that it names, ends the same however often it is interrupted, and leaves everybody else's data alone."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import msgspec
import psycopg
import pytest

from adapters.erasure.erasures import ErasureNotApproved, ErasureReceipt, in_words
from adapters.erasure.inventory import INVENTORY, Treatment, file, table
from adapters.erasure.involved import Involved
from adapters.erasure.ledger import ErasureLedger
from adapters.postgres.comparison import Compared
from adapters.postgres.runner import Runner
from adapters.wiring import Installation
from application.caller import Caller, Submission
from application.ids import new_id
from domain.erasure import PersonErased
from domain.evidence import EvidenceOpening, EvidenceReason, EvidenceSubject
from domain.mentorship import Mentorship
from domain.vocabulary import EndReason, Medium
from tests.cli.running import answer, environment
from tests.erasure.erasing import approved, caseload, readable
from tests.installations import caller, opened

# In the order in which they are taken. A process is killed before each of them, one after another, on one and the same erasure.
STEPS = (
    "_take_out_refused_rows", "_ledger.add", "_keys.destroy", "_confirm", "_remove", "_try_to_read", "_keep",
)  # fmt: skip
WHY_ASKED = "Says that nobody asked her"


def of(receipt: ErasureReceipt, store: str) -> int | None:
    return next(one.found for one in receipt.stores if one.store == store)


async def evidence_asked_for(parts: Installation, by: Caller, case: UUID) -> UUID:
    request_id = new_id()
    await parts.evidence.request_about_subject(
        by,
        Submission("evidence", b""),
        request_id,
        subject=EvidenceSubject.MENTORSHIP,
        subject_id=case,
        opening=EvidenceOpening.CONSENT,
        reason_code=EvidenceReason.COMPLAINT,
        reason=WHY_ASKED,
    )
    return request_id


async def refused_rows(data: Path) -> str:
    return "".join(path.read_text("utf-8-sig") for path in (data / "refusals").glob("*.csv"))


def test_an_erasure_reaches_every_store_and_spares_everybody_else(tmp_path: Path, postgres: str) -> None:
    data = tmp_path / "data"

    async def story() -> None:
        async with opened(data, postgres) as parts:
            organisation_id = await caseload(parts, tmp_path)
            by = caller(organisation_id)
            case = parts.identify(organisation_id, "mentorship", "MS1")
            asked_for = await evidence_asked_for(parts, by, case)
            before = await readable(parts, organisation_id)
            assert {"Invented Trainee", "Invented Mentor", "Planned next steps", WHY_ASKED} <= before
            rows = await refused_rows(data)
            assert "Invented Trainee-Elsewhere" in rows
            assert "Another Invented" in rows

            with pytest.raises(ErasureNotApproved):
                await parts.erasures.carry_out(organisation_id, parts.identify(organisation_id, "person", "T1"))
            person_id = await approved(parts, organisation_id)
            assert await Involved(parts.pool).evidence(organisation_id, person_id) == [asked_for]
            receipt = await parts.erasures.carry_out(organisation_id, person_id)

            after = await readable(parts, organisation_id)
            assert "Invented Mentor" in after
            assert not {"Invented Trainee", "Planned next steps", "B2", "Wants to be forgotten", WHY_ASKED} & after
            rows = await refused_rows(data)
            assert "Invented Trainee" not in rows
            assert "Planned" not in rows
            assert "Another Invented" in rows, "somebody else's row stays"
            assert [one.person_id for one in ErasureLedger(data / "erasure-ledger.jsonl").read()] == [person_id]
            assert of(receipt, "keys.person_keys") == 1
            assert receipt.facts == 7, "the reason of the request for evidence is one of them"
            assert receipt == await parts.erasures.receipt(organisation_id, person_id)
            assert {one.store for one in receipt.stores} == {one.name for one in INVENTORY}
            told = in_words(receipt)
            assert "cannot be opened by anybody" in told
            assert all(one.name in told for one in INVENTORY)
            assert "Invented" not in told.replace("invented people", "")

            await _nothing_is_recorded_but_the_end(parts, organisation_id, case)
            assert by.organisation_id == organisation_id
            differing: list[Compared] = []
            await Runner(postgres).catch_up()
            await Runner(postgres).rebuild([], compared=differing.append)
            assert not any(one.differing for one in differing)
            assert receipt == await parts.erasures.carry_out(organisation_id, person_id), "what is done is done"

    asyncio.run(story())


async def _nothing_is_recorded_but_the_end(parts: Installation, organisation_id: UUID, case: UUID) -> None:
    by = caller(organisation_id)
    with pytest.raises(PersonErased):
        await parts.casebook.decide(
            by, Submission("after", b""), case, {}, Mentorship.hold_session, new_id(), by.told(), minutes=30, medium=Medium.PHONE
        )  # fmt: skip
    await parts.casebook.decide(
        by, Submission("close", b""), case, {}, Mentorship.close, by.told(), reason=EndReason.OTHER
    )


def test_killed_before_any_step_it_goes_on_and_ends_the_same(tmp_path: Path, database: str) -> None:
    data = tmp_path / "data"

    async def begin() -> UUID:
        async with opened(data, database) as parts:
            organisation_id = await caseload(parts, tmp_path)
            await approved(parts, organisation_id)
            return organisation_id

    async def end(organisation_id: UUID) -> None:
        async with opened(data, database) as parts:
            person_id = parts.identify(organisation_id, "person", "T1")
            assert await parts.erasures.receipt(organisation_id, person_id) is None
            assert await parts.erasures.finish_what_was_begun() == 1
            receipt = await parts.erasures.receipt(organisation_id, person_id)
            assert receipt is not None
            assert receipt.facts >= 3
            assert await parts.erasures.finish_what_was_begun() == 0
            person = await parts.record.person(caller(organisation_id), person_id)
            assert person.erased_on is not None
            events = await parts.record.history(caller(organisation_id), person_id)
            assert [event.TOPIC for event in events].count("personal-data-erased") == 1
            assert not {"Invented Trainee", "Planned next steps"} & await readable(parts, organisation_id)
            assert "Invented Trainee" not in await refused_rows(data)
            assert len(ErasureLedger(data / "erasure-ledger.jsonl").read()) == 1

    organisation_id = asyncio.run(begin())
    for step in STEPS:
        killed = subprocess.run(
            [sys.executable, "-m", "tests.erasure.erasing", data, database, step],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (killed.returncode, killed.stdout) == (-signal.SIGKILL, step), killed.stderr
    asyncio.run(end(organisation_id))


def test_another_process_forgets_as_well(tmp_path: Path, database: str) -> None:
    data = tmp_path / "data"

    async def story() -> None:
        async with opened(data, database) as here, opened(data, database) as elsewhere:
            organisation_id = await caseload(here, tmp_path)
            by, case = caller(organisation_id), here.identify(organisation_id, "mentorship", "MS1")
            told = await elsewhere.record.history(by, here.identify(organisation_id, "person", "T1"))
            assert not told[0].erased
            await here.erasures.carry_out(organisation_id, await approved(here, organisation_id))
            async with asyncio.timeout(30):
                while elsewhere.keys.held:  # noqa: ASYNC110 - another process's notice sets no event here
                    await asyncio.sleep(0.05)
            assert not {"Invented Trainee", "Planned next steps"} & await readable(elsewhere, organisation_id)
            assert (await elsewhere.record.mentorship(by, case)).closed_on is None

    asyncio.run(story())


def test_every_table_and_every_file_of_an_installation_stands_in_the_inventory(tmp_path: Path, database: str) -> None:
    data = tmp_path / "data"

    async def used() -> UUID:
        async with opened(data, database) as parts:
            return await caseload(parts, tmp_path)

    async def erased() -> ErasureReceipt:
        async with opened(data, database) as parts:
            return await parts.erasures.carry_out(organisation_id, await approved(parts, organisation_id))

    organisation_id = asyncio.run(used())
    answer("keys", "rotate", env=environment(data, DATABASE_URL=database))
    receipt = asyncio.run(erased())
    [former] = [one for one in receipt.stores if one.store == "former-*.key"]
    assert former.found == 1
    assert "destroy it" in former.left
    with psycopg.connect(database) as connection:
        tables = connection.execute(
            """
            SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind IN ('r', 'p', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg_t%'
            """
        ).fetchall()
    unknown = {name for (name,) in tables if table(name) is None}
    unknown |= {
        name
        for name in (str(path.relative_to(data)) for path in data.rglob("*") if path.is_file())
        if file(name) is None
    }
    assert not unknown, "add these to adapters/erasure/inventory.py, and say what an erasure does there"
    named = {one.name for one in INVENTORY if one.kind == "table" and "*" not in one.name}
    assert named <= {name for (name,) in tables}, "the inventory names a table that is not there"
    # What is to be removed has somebody who removes it.
    assert all(one.step for one in INVENTORY if one.treatment is Treatment.REMOVED)


def test_a_receipt_holds_nothing_personal(tmp_path: Path, database: str) -> None:
    async def story() -> bytes:
        async with opened(tmp_path / "data", database) as parts:
            organisation_id = await caseload(parts, tmp_path)
            return msgspec.json.encode(
                await parts.erasures.carry_out(organisation_id, await approved(parts, organisation_id))
            )

    said = asyncio.run(story())
    assert b"Invented" not in said
    assert b"T1" not in said
