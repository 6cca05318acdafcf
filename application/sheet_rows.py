"""What a row of a spreadsheet stands for: the commands that record it, each with a name and a content of its own."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from application.caller import Caller
from application.credential_paths import Templates
from domain.errors import Invalid
from domain.mentorship import Mentorship
from domain.mentorship.consent import Communication, Expression, Notice, Scope
from domain.person import Details, LanguageSkill
from domain.vocabulary import AppointmentOutcome, ConsentState, EndReason, GoalStatus, Interpreter, RecognitionResult


class MissingValue(Invalid):
    code = "missing-value"
    message = "This cell must be filled in, because of what the other cells of the row say."


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A row as read: the sheet's name, its parsed values by column (None where blank), and what the reader knows it by."""

    sheet: str
    values: Mapping[str, Any]
    source: object

    def text(self, column: str) -> str:
        return self.values.get(column) or ""


@dataclass(frozen=True, slots=True)
class Step:
    """One command that a row stands for. `name` tells it from all others; `content` is what it says.

    `moment` is the column that says when it happened.
    """

    name: tuple[str, ...]
    content: tuple[Any, ...]
    moment: str
    run: Callable[[Mentorship], None]


class RowSteps:
    """Cuts rows into steps, one method for each sheet. `identify` gives the id of what a spreadsheet has its own number for."""

    def __init__(self, identify: Callable[[str, str], UUID], templates: Templates) -> None:
        self._identify = identify
        self._templates = templates

    def of(self, by: Caller, row: SheetRow) -> Iterable[Step]:
        steps: Callable[[Caller, SheetRow], Iterable[Step]] = getattr(self, f"_{row.sheet}")
        return steps(by, row)

    def _mentorships(self, by: Caller, row: SheetRow) -> Iterable[Step]:
        ended_on, reason = row.values["ended_on"], row.values["end_reason"] or EndReason.OTHER
        if ended_on is not None:
            yield Step(
                ("close", row.text("mentorship_id")),
                (ended_on, reason),
                "ended_on",
                lambda case: case.close(by.told(ended_on), reason=reason),
            )

    def _consents(self, by: Caller, row: SheetRow) -> Iterable[Step]:
        values = row.values
        yield Step(
            ("consent", *_texts(values)),
            (),
            "decided_on",
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
            "set_on",
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
                "status_on",
                lambda case: _end_goal(case, goal_id, status, by, values["status_on"], description),
            )

    def _sessions(self, by: Caller, row: SheetRow) -> Iterable[Step]:
        values = row.values
        name = ("session", *_texts(values))
        session_id = self._identify("session", json.dumps(name))
        yield Step(
            name,
            (),
            "held_on",
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
            "starts_at",
            book,
        )
        told = ("accompanied_by", "outcome", "agreed", "next_step", "deadline")
        if any(values[column] for column in told):
            yield Step(
                ("appointment-outcome", number),
                tuple(values[column] for column in told),
                "starts_at",
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
            "on",
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
            "on",
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
            "on",
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


def start_of(row: SheetRow) -> tuple[tuple[str, ...], tuple[Any, ...]]:
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


def details_of(row: SheetRow) -> Details:
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
