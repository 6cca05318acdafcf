"""The case file: one mentorship as it stands."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

import psycopg

from domain.events import RecordEvent
from domain.vocabulary import (
    AppointmentOutcome,
    AppointmentType,
    CompanionRole,
    GoalKind,
    GoalStatus,
    RecognitionResult,
)
from projections.appointments import APPOINTMENTS, Appointment, AppointmentStatus
from projections.cases import CASES, CaseView, case_views
from projections.consents import CONSENTS, ConsentView, consents_on
from projections.credentials import CREDENTIALS, CredentialPath
from projections.entries import entry_at, told
from projections.goals import GOALS, Goal
from projections.projection import Opener, as_of, select


@dataclass(frozen=True, slots=True)
class GoalView:
    """`revisions` counts how often it was revised; the words are those of the last one.

    `version` names the entry that last told the goal, `ended_version` the one that ended it, for a correction.
    """

    goal_id: UUID
    kind: GoalKind
    status: GoalStatus
    description: str | None
    set_on: date
    target_on: date | None
    ended_on: date | None
    revisions: int
    version: int
    ended_version: int | None


@dataclass(frozen=True, slots=True)
class StepView:
    """A step that was taken. `version` names the entry, for a correction."""

    stage: str
    taken_on: date
    authority: str | None
    reference_number: str | None
    note: str | None
    version: int


@dataclass(frozen=True, slots=True)
class CredentialView:
    """`ahead` are the stages of the template after the furthest one that was taken; a case may depart from them.

    `version` and `decided_version` name the entries, for a correction.
    """

    credential_id: UUID
    country: str
    profession: str
    template: str
    reference_occupation: str | None
    opened_on: date
    stages: tuple[str, ...]
    steps: tuple[StepView, ...]
    ahead: tuple[str, ...]
    result: RecognitionResult | None
    decided_on: date | None
    objection_until: date | None
    appealed_on: date | None
    version: int
    decided_version: int | None


@dataclass(frozen=True, slots=True)
class AppointmentView:
    """An appointment and, once known, what came of it. `version` and `concluded_version` name the entries, for a correction."""

    appointment_id: UUID
    type: AppointmentType
    status: AppointmentStatus
    starts_on: date
    starts_at: datetime
    authority: str | None
    office: str | None
    reference_number: str | None
    papers_needed: tuple[str, ...] | None
    note: str | None
    outcome: AppointmentOutcome | None
    concluded_on: date | None
    companion_id: UUID | None
    companion_role: CompanionRole | None
    agreed: str | None
    next_step: str | None
    next_step_open: bool
    deadline: date | None
    objection_until: date | None
    version: int
    concluded_version: int | None


@dataclass(frozen=True, slots=True)
class NextStepView:
    """Something to be done after an appointment. `days_left` is negative when overdue, None without a deadline."""

    appointment_id: UUID
    what: str | None
    due_on: date | None
    days_left: int | None


@dataclass(frozen=True, slots=True)
class CaseFile:
    """`upcoming` appointments are still to come, the next one first; `past` ones are over or off, the last one first."""

    case: CaseView
    today: date
    consents: tuple[ConsentView, ...]
    goals: tuple[GoalView, ...]
    credentials: tuple[CredentialView, ...]
    upcoming: tuple[AppointmentView, ...]
    past: tuple[AppointmentView, ...]
    next_steps: tuple[NextStepView, ...]
    as_of_position: int


type Part = Literal["goals", "credentials", "appointments"]
WHOLE: frozenset[Part] = frozenset({"goals", "credentials", "appointments"})
NO_PART: frozenset[Part] = frozenset()


async def case_file(
    connection: psycopg.AsyncConnection,
    *,
    organisation_id: UUID,
    mentorship_id: UUID,
    today: date,
    opened: Opener,
    showing: Collection[Part] = WHOLE,
) -> CaseFile | None:
    """The case file; None if there is no such case. Who may see it is the caller's to ask first (`cases.case_row`).

    Parts that are not `showing` are empty, and nothing in them is opened.
    """
    of_case = (organisation_id, mentorship_id)
    cases = await select(connection, CASES, _OF_CASE, of_case)
    if not cases:
        return None
    as_of_position = await as_of(connection, "people", "cases", "consents", "goals", "appointments", "credentials")
    consents = await select(connection, CONSENTS, _OF_CASE, of_case)
    goals = await select(connection, GOALS, _OF_CASE, of_case) if "goals" in showing else []
    paths = await select(connection, CREDENTIALS, _OF_CASE, of_case) if "credentials" in showing else []
    appointments = await select(connection, APPOINTMENTS, _OF_CASE, of_case) if "appointments" in showing else []
    events = await opened(
        [
            *(position for goal in goals for position in (goal.told_positions[-1], *goal.corrections)),
            *(position for path in paths for position in _positions(path)),
            *(position for appointment in appointments for position in appointment.positions),
        ]
    )
    [case] = await case_views(connection, organisation_id, cases, opened)
    views = [_appointment(appointment, events) for appointment in appointments]
    return CaseFile(
        case=case,
        today=today,
        consents=consents_on(today, consents),
        goals=tuple(_goal(goal, events) for goal in sorted(goals, key=lambda g: (g.set_on, g.told_versions[0]))),
        credentials=tuple(
            _credential(path, events) for path in sorted(paths, key=lambda p: (p.opened_on, p.opened_position))
        ),
        upcoming=tuple(sorted((v for v in views if _is_ahead(v, today)), key=lambda v: v.starts_at)),
        past=tuple(sorted((v for v in views if not _is_ahead(v, today)), key=lambda v: v.starts_at, reverse=True)),
        next_steps=tuple(sorted((_next_step(v, today) for v in views if v.next_step_open), key=_due)),
        as_of_position=as_of_position,
    )


_OF_CASE = "WHERE organisation_id = %s AND mentorship_id = %s"


def _goal(goal: Goal, events: Mapping[int, RecordEvent]) -> GoalView:
    words = entry_at(events, goal.told_positions[-1], goal.corrections)
    return GoalView(
        goal_id=goal.goal_id,
        kind=goal.kind,
        status=goal.status,
        description=told(words, "description"),
        set_on=goal.set_on,
        target_on=goal.told_targets[-1],
        ended_on=goal.ended_on,
        revisions=len(goal.told_versions) - 1,
        version=goal.told_versions[-1],
        ended_version=goal.ended_version,
    )


def _positions(path: CredentialPath) -> tuple[int, ...]:
    return (path.opened_position, *path.step_positions, *path.corrections)


def _credential(path: CredentialPath, events: Mapping[int, RecordEvent]) -> CredentialView:
    opened = entry_at(events, path.opened_position, path.corrections)
    steps = []
    for version, position, stage, day in zip(
        path.step_versions, path.step_positions, path.step_stages, path.step_days, strict=True
    ):
        entry = entry_at(events, position, path.corrections)
        steps.append(
            StepView(
                stage=stage,
                taken_on=day,
                authority=told(entry, "authority"),
                reference_number=told(entry, "reference_number"),
                note=told(entry, "note"),
                version=version,
            )
        )
    furthest = max((path.stages.index(stage) for stage in path.step_stages if stage in path.stages), default=-1)
    return CredentialView(
        credential_id=path.credential_id,
        country=path.country,
        profession=path.profession,
        template=path.template,
        reference_occupation=told(opened, "reference_occupation"),
        opened_on=path.opened_on,
        stages=path.stages,
        steps=tuple(sorted(steps, key=lambda step: (step.taken_on, step.version))),
        ahead=path.stages[furthest + 1 :],
        result=path.result,
        decided_on=path.decided_on,
        objection_until=path.objection_until,
        appealed_on=path.appealed_on,
        version=path.opened_version,
        decided_version=path.decided_version,
    )


def _appointment(appointment: Appointment, events: Mapping[int, RecordEvent]) -> AppointmentView:
    booked = entry_at(events, appointment.booked_position, appointment.corrections)
    concluded = entry_at(events, appointment.concluded_position, appointment.corrections)
    next_step = told(concluded, "next_step")
    is_due = appointment.deadline is not None or bool(next_step)
    return AppointmentView(
        appointment_id=appointment.appointment_id,
        type=appointment.type,
        status=appointment.status,
        starts_on=appointment.starts_on,
        starts_at=appointment.starts_at,
        authority=told(booked, "authority"),
        office=told(booked, "office"),
        reference_number=told(booked, "reference_number"),
        papers_needed=told(booked, "papers_needed"),
        note=told(booked, "note"),
        outcome=appointment.outcome,
        concluded_on=appointment.concluded_on,
        companion_id=appointment.companion_id,
        companion_role=appointment.companion_role,
        agreed=told(concluded, "agreed"),
        next_step=next_step,
        next_step_open=is_due and appointment.next_step_done_on is None,
        deadline=appointment.deadline,
        objection_until=appointment.objection_until,
        version=appointment.booked_version,
        concluded_version=appointment.concluded_version,
    )


def _is_ahead(appointment: AppointmentView, today: date) -> bool:
    return appointment.status is AppointmentStatus.BOOKED and appointment.starts_on >= today


def _next_step(appointment: AppointmentView, today: date) -> NextStepView:
    due = appointment.deadline
    return NextStepView(
        appointment_id=appointment.appointment_id,
        what=appointment.next_step,
        due_on=due,
        days_left=None if due is None else (due - today).days,
    )


def _due(step: NextStepView) -> tuple[bool, date]:
    return step.due_on is None, step.due_on or date.max
