"""Rows of a caseload that was kept elsewhere become the same facts that a caseworker records, through the same rules.

A row is taken whole, unchanged (it is on record already), or refused whole. What a row says is cut into steps, each with a command
key of its own, so that a later export of the same spreadsheet, with a goal reached meanwhile, adds just that.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol
from uuid import UUID

from application.caller import Caller, Submission
from application.credential_paths import Templates
from application.record import Entry, MovedOn, Record
from domain.errors import Invalid, NotFound, Refusal, RuleBroken
from domain.events import RecordEvent
from domain.mentorship import Mentorship
from domain.mentorship.consent import Communication, Expression, Notice, Scope
from domain.person import Details, LanguageSkill, Person
from domain.vocabulary import (
    AppointmentOutcome,
    ConsentState,
    EndReason,
    GoalStatus,
    Interpreter,
    RecognitionResult,
)

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


class MissingValue(Invalid):
    code = "missing-value"
    message = "This cell must be filled in, because of what the other cells of the row say."


class IntakeRecord(Record, Protocol):
    """A record that can tell of many command keys at once which it knows."""

    async def receipts(self, by: Caller, keys: Sequence[str]) -> dict[str, bytes]:
        """Of these command keys, those used before, with the digest of the request that used them."""


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A row as read: the sheet's name, its parsed values by column (None where blank), and what the reader knows it by."""

    sheet: str
    values: Mapping[str, Any]
    source: object

    def text(self, column: str) -> str:
        return self.values.get(column) or ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a row: taken, unchanged, or refused for a reason."""

    row: SheetRow
    taken: bool = False
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One command that a row stands for. `name` tells it from all others; `content` is what it says."""

    name: tuple[str, ...]
    content: tuple[Any, ...]
    run: Callable[[Mentorship], None]


@dataclass(slots=True)
class _Case:
    """A mentorship while its rows are taken in."""

    events: list[RecordEvent]
    known: dict[str, bytes]
    mentorship: Mentorship | None = None
    entries: list[Entry] = field(default_factory=list)

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
        self._templates = templates
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
                    details=_details(row),
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
        planned = [(row, list(self._steps(by, row))) for row in rows]
        keys = [self._submission(step.name, step.content).key for _, steps in planned for step in steps]
        starts = [self._submission(*_start(row)) for row in rows if row.sheet == "mentorships"]
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
        try:
            if row.sheet == "mentorships" and (start := self._unknown(case, *_start(row))):
                case.mentorship = await self._start(by, mentorship_id, row)
                entries.append(Entry.of(start, case.mentorship, {"id": str(mentorship_id)}))
            if case.mentorship is None:
                raise UnknownMentorship(fields=("mentorship_id",))
            for step in steps:
                if submission := self._unknown(case, step.name, step.content):
                    step.run(case.mentorship)
                    entries.append(Entry.of(submission, case.mentorship, {}))
        except Refusal as refusal:
            case.begin_again()
            return Verdict(row, refusal=refusal)
        for entry in entries:
            case.known[entry.submission.key] = entry.submission.digest
            case.events.extend(entry.events)
        case.entries.extend(entries)
        return Verdict(row, taken=bool(entries))

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

    def _steps(self, by: Caller, row: SheetRow) -> Iterable[Step]:
        steps: Callable[[Caller, SheetRow], Iterable[Step]] = getattr(self, f"_{row.sheet}")
        return steps(by, row)

    def _mentorships(self, by: Caller, row: SheetRow) -> Iterable[Step]:
        ended_on, reason = row.values["ended_on"], row.values["end_reason"] or EndReason.OTHER
        if ended_on is not None:
            yield Step(
                ("close", row.text("mentorship_id")),
                (ended_on, reason),
                lambda case: case.close(by.told(ended_on), reason=reason),
            )

    def _consents(self, by: Caller, row: SheetRow) -> Iterable[Step]:
        values = row.values
        yield Step(
            ("consent", *_texts(values)),
            (),
            lambda case: case.decide_consent(
                ConsentState(values["decision"]),
                Scope(values["purpose"]),
                by.told(values["decided_on"]),
                notice=Notice(version=row.text("notice_version"), language=row.text("language")),
                communication=Communication(
                    language=row.text("language"), interpreter=values["interpreter"] or Interpreter.NONE
                ),
                expression=Expression(method=values["method"], witness=row.text("witness")),
                valid_until=values["valid_until"],
            ),
        )

    def _goals(self, by: Caller, row: SheetRow) -> Iterable[Step]:
        values, number = row.values, row.text("goal_id")
        goal_id, description = self._identify("goal", number), row.text("description")
        yield Step(
            ("goal", number),
            (row.text("mentorship_id"), values["set_on"], values["kind"], description, values["target_on"]),
            lambda case: case.set_goal(
                goal_id,
                by.told(values["set_on"]),
                kind=values["kind"],
                description=description,
                target_on=values["target_on"],
            ),
        )
        status = GoalStatus(values["status"])
        if status is not GoalStatus.OPEN:
            yield Step(
                ("goal-status", number, status),
                (values["status_on"],),
                lambda case: _end_goal(case, goal_id, status, by, values["status_on"], description),
            )

    def _sessions(self, by: Caller, row: SheetRow) -> Iterable[Step]:
        values = row.values
        name = ("session", *_texts(values))
        session_id = self._identify("session", json.dumps(name))
        yield Step(
            name,
            (),
            lambda case: case.hold_session(
                session_id,
                by.told(values["held_on"]),
                minutes=values["minutes"],
                medium=values["medium"],
                summary=row.text("summary"),
                trainee_rating=values["trainee_rating"],
                mentor_rating=values["mentor_rating"],
            ),
        )

    def _appointments(self, by: Caller, row: SheetRow) -> Iterable[Step]:
        values, number = row.values, row.text("appointment_id")
        appointment_id = self._identify("appointment", number)

        def book(case: Mentorship) -> None:
            starts = by.at(values["starts_at"])
            booked = by.told(min(starts.on, by.today))
            case.book_appointment(appointment_id, booked, type=values["type"], starts=starts, office=row.text("office"))

        yield Step(
            ("appointment", number),
            (row.text("mentorship_id"), values["type"], row.text("office"), values["starts_at"]),
            book,
        )
        told = ("accompanied_by", "outcome", "agreed", "next_step", "deadline")
        if any(values[column] for column in told):
            yield Step(
                ("appointment-outcome", number),
                tuple(values[column] for column in told),
                lambda case: self._conclude(case, by, row, appointment_id),
            )

    def _conclude(self, case: Mentorship, by: Caller, row: SheetRow, appointment_id: UUID) -> None:
        values = row.values
        if values["outcome"] is None:
            raise MissingValue(fields=("outcome",))
        outcome, occurred = AppointmentOutcome(values["outcome"]), by.told(at=values["starts_at"])
        agreed, next_step, deadline = row.text("agreed"), row.text("next_step"), values["deadline"]
        if values["accompanied_by"]:
            case.record_accompaniment(
                appointment_id,
                occurred,
                companion_id=self._identify("member", values["accompanied_by"]),
                outcome=outcome,
                agreed=agreed,
                next_step=next_step,
                deadline=deadline,
            )
            return
        missed = outcome in (AppointmentOutcome.NO_SHOW_TRAINEE, AppointmentOutcome.NO_SHOW_COMPANION)
        conclude = case.miss_appointment if missed else case.conclude_appointment
        conclude(appointment_id, occurred, outcome=outcome, agreed=agreed, next_step=next_step, deadline=deadline)

    def _credential_steps(self, by: Caller, row: SheetRow) -> Iterable[Step]:
        values, number = row.values, row.text("credential_id")
        credential_id = self._identify("credential", number)
        authority, reference = row.text("authority"), row.text("reference")
        template = self._templates.for_country(row.text("country"), row.text("profession"))
        yield Step(
            ("credential", number),
            (row.text("mentorship_id"), row.text("country"), row.text("profession")),
            lambda case: case.open_credential_path(
                credential_id,
                by.told(values["on"]),
                country=row.text("country"),
                profession=row.text("profession"),
                template=template.id if template else "",
                stages=template.stages if template else (),
            ),
        )
        result = values["result"]
        yield Step(
            ("credential-step", *_texts(values)),
            (),
            lambda case: (
                case.take_credential_step(
                    credential_id,
                    by.told(values["on"]),
                    stage=row.text("stage"),
                    authority=authority,
                    reference_number=reference,
                )
                if result is None
                else case.decide_credential(
                    credential_id,
                    by.told(values["on"]),
                    result=RecognitionResult(result),
                    authority=authority,
                    reference_number=reference,
                )
            ),
        )

    def _outcomes(self, by: Caller, row: SheetRow) -> Iterable[Step]:
        values = row.values
        name = ("outcome", row.text("mentorship_id"), str(values["on"]))
        outcome_id = self._identify("outcome", json.dumps(name))
        yield Step(
            name,
            tuple(_texts(values)),
            lambda case: case.find_outcome(
                outcome_id,
                by.told(values["on"]),
                status=values["status"],
                verified=bool(values["verified"]),
                hours_per_week=values["hours_per_week"],
                hourly_wage=values["hourly_wage"],
                currency=row.text("currency"),
            ),
        )


def _start(row: SheetRow) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    columns = ("trainee_id", "mentor_id", "track", "started_on", "caseworker")
    return ("mentorship", row.text("mentorship_id")), tuple(row.values[column] for column in columns)


def _end_goal(
    case: Mentorship, goal_id: UUID, status: GoalStatus, by: Caller, on: date | None, description: str
) -> None:
    if on is None:
        raise MissingValue(fields=("status_on",))
    if status is GoalStatus.REACHED:
        case.reach_goal(goal_id, by.told(on))
    elif status is GoalStatus.DROPPED:
        case.drop_goal(goal_id, by.told(on))
    else:
        case.revise_goal(goal_id, by.told(on), description=description)


def _details(row: SheetRow) -> Details:
    return Details(
        full_name=row.text("full_name"),
        born_on=row.values["born_on"],
        gender=row.values["gender"],
        languages=tuple(LanguageSkill(one.code, one.level) for one in row.values["languages"] or ()),
        origin_country=row.text("origin_country"),
        occupation_isco=row.text("occupation_isco"),
        phone=row.text("phone"),
        email=row.text("email"),
        care_duties=row.values["care_duties"],
        note=row.text("note"),
        reference=row.text("person_id"),
    )


def _texts(values: Mapping[str, Any]) -> list[str]:
    return ["" if value is None else str(value) for value in values.values()]


def _bytes(parts: Iterable[Any]) -> bytes:
    return json.dumps(["" if part is None else str(part) for part in parts], ensure_ascii=True).encode()
