"""Whoever steals the database reads nothing: the whole of it is dumped after an import and searched for what people wrote."""

import asyncio
import re
import subprocess
from pathlib import Path
from uuid import UUID

from adapters.postgres.programs import bundled_bin_dir
from adapters.postgres.runner import Runner
from adapters.serving import watched_indexer
from adapters.wiring import Installation
from application.caller import Submission
from application.ids import new_id
from domain.mentorship import Mentorship
from domain.vocabulary import AppointmentOutcome, AppointmentType
from tests.installations import caller, imported, opened, organisation
from tests.shared_data import shared_data, spreadsheet

PERSONAL = {
    "people": ("person_id", "full_name", "phone", "email", "note"),
    "mentorships": ("mentorship_id",),
    "goals": ("goal_id", "description"),
    "sessions": ("summary",),
    "appointments": ("appointment_id", "office", "agreed", "next_step"),
    "credential_steps": ("credential_id", "authority", "reference"),
}
# Too short to tell from chance, or a word of SQL or JSON by itself.
ORDINARY = frozenset(
    {"false", "False", "FALSE", "undefined", "evaluate", "instanceof", "constructor", "CONSTRAINT", "function"}
)


def test_a_dump_after_the_import_holds_no_name_note_phone_number_or_reference(tmp_path: Path, database: str) -> None:
    source = shared_data("caseload")

    async def fill(parts: Installation, organisation_id: UUID) -> None:
        await imported(parts, organisation_id, source, tmp_path / "reports")
        await _record_an_accompaniment(parts, organisation_id)
        await Runner(database).catch_up()
        await watched_indexer(parts).catch_up()

    async def prepared() -> None:
        async with opened(tmp_path / "data", database) as parts:
            await fill(parts, await organisation(database))

    asyncio.run(prepared())
    haystack = _dump(database)
    assert b"mentorship-started" in haystack, "the search sees what is stored in plain text"
    assert re.search(rb"COPY search\.terms .*\n[0-9a-f-]{36}\t", haystack), (
        "the search index is filled, and in the dump"
    )

    assert not _found(_needles(source) | {"Canary Office 17", "canary-4711"}, haystack)


async def _record_an_accompaniment(parts: Installation, organisation_id: UUID) -> None:
    by = caller(organisation_id)
    case = parts.identify(organisation_id, "mentorship", "MS0009")
    appointment_id = new_id()
    await parts.casebook.decide(
        by,
        Submission("book", b""),
        case,
        {},
        Mentorship.book_appointment,
        appointment_id,
        by.told(),
        type=AppointmentType.BANK,
        starts=by.told(),
        office="Canary Office 17",
        reference_number="canary-4711",
    )
    await parts.casebook.decide(
        by,
        Submission("accompany", b""),
        case,
        {},
        Mentorship.record_accompaniment,
        appointment_id,
        by.told(),
        companion_id=by.member_id,
        outcome=AppointmentOutcome.GRANTED,
        papers_brought=("canary-4711",),
        note="Canary Office 17",
    )


def _dump(dsn: str) -> bytes:
    """The dump as text, and everything that stands in it as hexadecimal digits decoded beside it."""
    dump = subprocess.run([bundled_bin_dir() / "pg_dump", dsn], check=True, capture_output=True).stdout
    return dump + b"\n".join(bytes.fromhex(found.decode()) for found in re.findall(rb"\\\\x((?:[0-9a-f]{2})+)", dump))


def _found(needles: set[str], haystack: bytes) -> set[str]:
    """Plain words as whole words, since ciphertext in base64 holds any short one by chance; everything else wherever it stands."""
    words = set(re.findall(rb"[A-Za-z0-9_.@-]+", haystack))
    plain = {needle for needle in needles if re.fullmatch(r"[A-Za-z0-9_.@-]+", needle)}
    return {n for n in plain if n.encode() in words} | {n for n in needles - plain if n.encode() in haystack}


def _needles(source: Path) -> set[str]:
    needles = set()
    for name, columns in PERSONAL.items():
        for row in spreadsheet(source / f"{name}.csv"):
            needles |= {row[column].replace("\0", "") for column in columns}
    return {needle for needle in needles if len(needle) >= 5} - ORDINARY
