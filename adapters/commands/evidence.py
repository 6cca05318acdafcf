"""`accompany audit bundle`: asks for evidence as a member of the organisation, and puts the bundle into a file."""

import asyncio
import os
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
import typer

from adapters.commands.looked import written_down
from adapters.console import err, print_json, progress, refusals
from adapters.data_folder import NothingHere, holds_database
from adapters.evidence.bundles import Known
from adapters.http.read_purposes import OVERSIGHT
from adapters.identity.members import organisation_by_name
from adapters.settings import Settings
from adapters.speakers import speaker
from adapters.wiring import Installation, database, installation
from application.caller import Caller, Receipt, Submission
from application.ids import new_id
from domain.errors import Invalid
from domain.evidence import EvidenceOpening, EvidenceReason, EvidenceSubject
from domain.vocabulary import Role

READ = "accompany audit bundle"


class SubjectMissing(Invalid):
    code = "subject-missing"
    message = (
        "Say what the evidence is about: --mentorship or --person with an id, or --since and --until with two days."
    )


class FileInTheWay(Invalid):
    code = "file-in-the-way"
    message = "There is a file of that name already. Evidence is never written over: name another one."


@dataclass(frozen=True, slots=True)
class Subject:
    kind: EvidenceSubject
    id: UUID


@dataclass(frozen=True, slots=True)
class Period:
    since: date
    until: date


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for on the command line."""

    member: str
    organisation: str | None
    about: Subject | Period
    opening: EvidenceOpening | None
    reason_code: EvidenceReason
    reason: str


def make_bundle(
    output: Annotated[Path, typer.Argument(help="The file to write; it must not exist.")],
    member: Annotated[str, typer.Option(help="Who asks, as the spreadsheets write it: a coordinator.")],
    reason_code: Annotated[EvidenceReason, typer.Option(help="Why.")],
    reason: Annotated[str, typer.Option(help="Why, in a few words. They stand sealed in the record.")],
    mentorship: Annotated[UUID | None, typer.Option(help="The id of a mentorship.")] = None,
    person: Annotated[UUID | None, typer.Option(help="The id of a person, with all their mentorships.")] = None,
    since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day of a period, in UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Its last day.")] = None,
    opening: Annotated[
        EvidenceOpening | None, typer.Option(help="What is opened; of a period nothing unless asked for.")
    ] = None,
    known_events: Annotated[int, typer.Option(min=0, help="The size of the last checkpoint that you have kept.")] = 0,
    organisation: Annotated[str | None, typer.Option(help="The organisation's name, where there are several.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Answer with one JSON object on standard output.")] = False,
) -> None:
    """Ask for evidence about a mentorship, a person or a period, and write the bundle to a file that only you can read."""
    with refusals():
        if output.exists():
            raise FileInTheWay
        about = _about(mentorship, person, since, until)
        settings = Settings.read(os.environ)
        if settings.database_url is None and not holds_database(settings.data):
            raise NothingHere
        asked = Asked(member, organisation, about, opening, reason_code, reason)
        with database(settings) as dsn, progress("Making the bundle"):
            content, position = asyncio.run(_bundle(settings, dsn, asked, {"events": known_events}))
        try:
            file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            raise FileInTheWay from None
        with os.fdopen(file, "wb") as opened:
            opened.write(content)
    if json:
        print_json({"file": str(output), "bytes": len(content), "position": position})
    else:
        err.print(
            f"The request stands at position {position}. Check the bundle with: accompany-verify {output}",
            highlight=False,
        )


def _about(
    mentorship: UUID | None, person: UUID | None, since: datetime | None, until: datetime | None
) -> Subject | Period:
    match mentorship, person, since, until:
        case UUID(), None, None, None:
            return Subject(EvidenceSubject.MENTORSHIP, mentorship)
        case None, UUID(), None, None:
            return Subject(EvidenceSubject.PERSON, person)
        case None, None, datetime(), datetime():
            return Period(since.date(), until.date())
    raise SubjectMissing


async def _bundle(settings: Settings, dsn: str, asked: Asked, known: Known) -> tuple[bytes, int]:
    """The bundle, and the position of its request."""
    async with installation(settings, dsn) as opened:
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as owner:
            organisation_id, zone = await organisation_by_name(owner, asked.organisation)
            who, _ = await speaker(opened, owner, organisation_id, Role.COORDINATOR, asked.member.strip(), None)
        by = Caller(who.member_id, organisation_id, Role.COORDINATOR, ZoneInfo(zone), datetime.now(UTC))
        receipt = await _requested(opened, by, asked)
        await asyncio.to_thread(opened.keeping.integrator().catch_up)
        async with written_down(opened.accesses, by, READ, OVERSIGHT):
            content = await opened.bundles.make(by, UUID(str(receipt.answer["id"])), known)
        return content, receipt.position


async def _requested(opened: Installation, by: Caller, asked: Asked) -> Receipt:
    submission = Submission(new_id().hex, opened.digest(new_id().bytes))
    if isinstance(asked.about, Subject):
        return await opened.evidence.request_about_subject(
            by,
            submission,
            new_id(),
            subject=asked.about.kind,
            subject_id=asked.about.id,
            opening=asked.opening or EvidenceOpening.CONSENT,
            reason_code=asked.reason_code,
            reason=asked.reason,
        )
    return await opened.evidence.request_about_period(
        by,
        submission,
        new_id(),
        recorded_from=asked.about.since,
        recorded_until=asked.about.until,
        opening=asked.opening or EvidenceOpening.SEALED,
        reason_code=asked.reason_code,
        reason=asked.reason,
    )
