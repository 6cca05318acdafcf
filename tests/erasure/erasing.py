"""A caseload with one mentorship, and the way from a request to an approval."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

from adapters.disclosure import Disclosure
from adapters.postgres.runner import Runner
from adapters.wiring import Installation
from application.caller import Caller, Submission
from domain.erasure import AskedBy, AskedHow, ErasureGround
from domain.person import Person
from domain.vocabulary import Role
from tests.installations import caller, imported, opened, organisation, small_caseload

NAMES = ("Invented Trainee", "Invented Mentor")


async def caseload(parts: Installation, folder: Path) -> UUID:
    """An organisation with the small caseload; its refused rows lie in the data folder, as after `accompany import`."""
    organisation_id = await organisation(parts.dsn)
    source = small_caseload(folder / "caseload")
    with (source / "people.csv").open("a", encoding="utf-8") as people:
        people.write("T2,somebody,Another Invented\nT1,trainee,Invented Trainee-Elsewhere\n")
    await imported(parts, organisation_id, source, folder / "data" / "refusals")
    await Runner(parts.dsn).catch_up()
    return organisation_id


async def approved(parts: Installation, organisation_id: UUID, number: str = "T1") -> UUID:
    """One member asks that a person be erased, and another approves."""
    person_id = parts.identify(organisation_id, "person", number)
    await ask(parts, caller(organisation_id), person_id)
    await Runner(parts.dsn).catch_up()
    await parts.rights.approve_erasure(caller(organisation_id), Submission(f"approve {number}", b""), person_id)
    await Runner(parts.dsn).catch_up()
    return person_id


async def ask(parts: Installation, by: Caller, person_id: UUID) -> None:
    await parts.rights.decide(
        by,
        Submission(f"ask {person_id}", b""),
        person_id,
        {},
        Person.request_erasure,
        by.told(),
        requested_by=by.member_id,
        asked_by=AskedBy.PERSON,
        asked_how=AskedHow.LETTER,
        ground=ErasureGround.CONSENT_WITHDRAWN,
        note="Wants to be forgotten",
    )


async def readable(parts: Installation, organisation_id: UUID) -> set[str]:
    """Every personal text that still opens, of everybody."""
    by = caller(organisation_id, Role.COORDINATOR)
    found: set[str] = set()
    positions = list(range(1, await last_position(parts) + 1))
    with Disclosure().active():
        events = await parts.record.opened(by, positions)
    for event in events.values():
        for name, value in vars(event).items():
            if isinstance(value, str) and value and name not in event.erased:
                found.add(value)
    return found


async def last_position(parts: Installation) -> int:
    async with parts.pool.lend() as connection:
        row: Any = await (await connection.execute("SELECT accompany.last_position()")).fetchone()
        return int(row[0])


def dying(step: str) -> Callable[..., Any]:
    """What stands in a step's place in a process that is to be killed there, as by the kernel: it has no time to say goodbye."""

    def killed(*_: object, **__: object) -> None:
        sys.stdout.write(step)
        sys.stdout.flush()
        os.kill(os.getpid(), signal.SIGKILL)

    return killed


def main() -> None:
    """`python -m tests.erasure.erasing DATA DSN STEP`: begins a process that finishes what was begun, and dies before a step."""
    data, dsn, step = sys.argv[1:]
    owner_name, _, name = step.rpartition(".")

    async def finish() -> None:
        async with opened(Path(data), dsn) as parts:
            await Runner(dsn).catch_up()
            owner = getattr(parts.erasures, owner_name) if owner_name else parts.erasures
            setattr(owner, name, dying(step))
            await parts.erasures.finish_what_was_begun()

    asyncio.run(finish())


if __name__ == "__main__":
    main()
