"""Rows of a caseload that was kept elsewhere become the same facts that a caseworker records, through the same rules.

A row is taken whole, unchanged (it is on record already), or refused whole. What a row says is cut into steps, each with a command
key of its own, so that a later export of the same spreadsheet, with a goal reached meanwhile, adds just that.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from application.caller import Caller, Submission
from application.credential_paths import Templates
from application.record import Entry, MovedOn, Record, StandingAt
from application.sheet_rows import RowSteps, SheetRow, Step, details_of, start_of
from domain.errors import NotFound, Refusal, RuleBroken
from domain.events import RecordEvent
from domain.mentorship import Mentorship
from domain.person import Person
from domain.restriction import refuse_unless_free

ATTEMPTS = 8


class DiffersFromRecord(RuleBroken):
    code = "differs-from-record"
    message = "An entry under this number is on record with other content. Correct it in the service, or give the row its own number."


class UnknownPerson(NotFound):
    code = "unknown-person"
    message = "No person is on record under this number. Import the person first."


class UnknownMentorship(NotFound):
    code = "unknown-mentorship"
    message = "No mentorship is on record under this number. Import the mentorship first."


class IntakeRecord(Record, Protocol):
    """A record that can tell of many command keys at once which it knows."""

    async def receipts(self, by: Caller, keys: Sequence[str]) -> dict[str, bytes]:
        """Of these command keys, those used before, with the digest of the request that used them."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a row: taken, unchanged, or refused for a reason.

    `moment` is the column that says when the refused step happened; empty where none does.
    """

    row: SheetRow
    taken: bool = False
    refusal: Refusal | None = None
    moment: str = ""


@dataclass(slots=True)
class _Case:
    """A mentorship while its rows are taken in."""

    events: list[RecordEvent]
    known: dict[str, bytes]
    mentorship: Mentorship | None = None
    entries: list[Entry] = field(default_factory=list)
    standings: Mapping[UUID, StandingAt] = field(default_factory=dict)

    def begin_again(self) -> None:
        """Back to what was accepted so far, after a row that was refused half way."""
        loaded: Any = None
        for event in self.events:
            loaded = event.mutate(loaded)
        self.mentorship = loaded


class Intake:
    """Takes rows in for one organisation. `identify` gives the id of a thing that the spreadsheets know by a number of their own."""

    def __init__(
        self,
        record: IntakeRecord,
        *,
        identify: Callable[[str, str], UUID],
        digest: Callable[[bytes], bytes],
        templates: Templates,
    ) -> None:
        self._record = record
        self._identify = identify
        self._digest = digest
        self._steps = RowSteps(identify, templates)
        self._people: dict[UUID, Person] = {}

    async def people(self, by: Caller, rows: Sequence[SheetRow]) -> list[Verdict]:
        """Registers people. Raises what the record raises; a row's own trouble is in its verdict."""
        submissions = [self._submission(("person", row.text("person_id")), tuple(row.values.values())) for row in rows]
        known = await self._record.receipts(by, [submission.key for submission in submissions])
        verdicts, entries = [], []
        for row, submission in zip(rows, submissions, strict=True):
            try:
                if (before := known.get(submission.key)) is not None:
                    if before != submission.digest:
                        raise DiffersFromRecord(fields=("person_id",))
                    verdicts.append(Verdict(row))
                    continue
                person = Person.register(
                    self._identify("person", row.text("person_id")),
                    role=row.values["role"],
                    details=details_of(row),
                    told=by.told(),
                )
            except Refusal as refusal:
                verdicts.append(Verdict(row, refusal=refusal))
                continue
            self._people[person.id] = person
            known[submission.key] = submission.digest
            entries.append(Entry.of(submission, person, {"id": str(person.id)}))
            verdicts.append(Verdict(row, taken=True))
        await self._record.append(by, entries)
        return verdicts

    async def case(self, by: Caller, number: str, rows: Sequence[SheetRow]) -> list[Verdict]:
        """Takes in all rows of one mentorship, in their order. Somebody else may record on it meanwhile."""
        for _ in range(ATTEMPTS):
            try:
                return await self._case(by, number, rows)
            except MovedOn:
                continue
        raise MovedOn

    async def _case(self, by: Caller, number: str, rows: Sequence[SheetRow]) -> list[Verdict]:
        mentorship_id = self._identify("mentorship", number)
        planned = [(row, list(self._steps.of(by, row))) for row in rows]
        keys = [self._submission(step.name, step.content).key for _, steps in planned for step in steps]
        starts = [self._submission(*start_of(row)) for row in rows if row.sheet == "mentorships"]
        known = await self._record.receipts(by, keys + [start.key for start in starts])
        try:
            case = _Case(list(await self._record.history(by, mentorship_id)), known)
            case.begin_again()
        except NotFound:
            case = _Case([], known)
        verdicts = [await self._take(by, case, mentorship_id, row, steps) for row, steps in planned]
        await self._record.append(by, case.entries)
        return verdicts

    async def _take(
        self, by: Caller, case: _Case, mentorship_id: UUID, row: SheetRow, steps: Sequence[Step]
    ) -> Verdict:
        entries: list[Entry] = []
        moment = "started_on"
        try:
            if row.sheet == "mentorships" and (start := self._unknown(case, *start_of(row))):
                case.mentorship = await self._start(by, mentorship_id, row)
                entries.append(Entry.of(start, case.mentorship, {"id": str(mentorship_id)}))
            if case.mentorship is None:
                raise UnknownMentorship(fields=("mentorship_id",))
            for step in steps:
                moment = step.moment
                if submission := self._unknown(case, step.name, step.content):
                    await self._refuse_unless_free(by, case, row)
                    step.run(case.mentorship)
                    entries.append(Entry.of(submission, case.mentorship, {}))
        except Refusal as refusal:
            case.begin_again()
            return Verdict(row, refusal=refusal, moment=moment)
        for entry in entries:
            case.known[entry.submission.key] = entry.submission.digest
            case.events.extend(entry.events)
        case.entries.extend(entries)
        return Verdict(row, taken=bool(entries))

    async def _refuse_unless_free(self, by: Caller, case: _Case, row: SheetRow) -> None:
        assert case.mentorship is not None, "a step runs on a case"
        people = case.mentorship.trainee_id, case.mentorship.mentor_id
        if not case.standings.keys() >= {*people}:
            case.standings = await self._record.standings(by, people)
        # What a row may stand for is the same for all sheets but one.
        command = "decide_consent" if row.sheet == "consents" else "start"
        refuse_unless_free(command, *(case.standings[person].standing for person in people))

    def _unknown(self, case: _Case, name: tuple[str, ...], content: tuple[Any, ...]) -> Submission | None:
        """The submission of a step that is not on record yet. Raises DiffersFromRecord."""
        submission = self._submission(name, content)
        before = case.known.get(submission.key)
        if before is not None and before != submission.digest:
            raise DiffersFromRecord
        return submission if before is None else None

    def _submission(self, name: tuple[str, ...], content: tuple[Any, ...]) -> Submission:
        # Keyed digests, since a number of the organisation's own must not stand in the database in plain text.
        key = self._digest(_bytes(("key", *name))).hex()
        return Submission(f"import-{key}", self._digest(_bytes(("content", *content))))

    async def _start(self, by: Caller, mentorship_id: UUID, row: SheetRow) -> Mentorship:
        return Mentorship.start(
            mentorship_id,
            trainee=await self._person(by, row, "trainee_id"),
            mentor=await self._person(by, row, "mentor_id"),
            caseworker_id=self._identify("member", row.text("caseworker")),
            track=row.values["track"],
            started=by.told(row.values["started_on"]),
            reference=row.text("mentorship_id"),
        )

    async def _person(self, by: Caller, row: SheetRow, column: str) -> Person:
        person_id = self._identify("person", row.text(column))
        if person_id not in self._people:
            try:
                self._people[person_id] = await self._record.person(by, person_id)
            except NotFound:
                raise UnknownPerson(fields=(column,)) from None
        return self._people[person_id]


def _bytes(parts: Iterable[Any]) -> bytes:
    return json.dumps(["" if part is None else str(part) for part in parts], ensure_ascii=True).encode()
