"""Goals as they stand. What a goal is stands in the event that set or last revised it."""

from datetime import date
from uuid import UUID

from msgspec.structs import replace

from domain.vocabulary import GoalKind, GoalStatus
from projections.projection import Projection, Row, Rows, Seen, Table, corrected_value


class Goal(Row, frozen=True):
    """`told_…` has one entry for each time the goal was told, setting it and each revision, so that the last can be taken back.

    `corrections` are the positions of the corrections of any of them, in order.
    """

    organisation_id: UUID
    mentorship_id: UUID
    goal_id: UUID
    kind: GoalKind
    status: GoalStatus
    set_on: date
    ended_on: date | None
    ended_version: int | None
    told_versions: tuple[int, ...]
    told_positions: tuple[int, ...]
    told_targets: tuple[date | None, ...]
    corrections: tuple[int, ...] = ()


GOALS = Table(
    "goals",
    Goal,
    """
    organisation_id uuid NOT NULL,
    mentorship_id uuid NOT NULL,
    goal_id uuid NOT NULL,
    kind text NOT NULL,
    status text NOT NULL,
    set_on date NOT NULL,
    ended_on date,
    ended_version integer,
    told_versions integer[] NOT NULL,
    told_positions bigint[] NOT NULL,
    told_targets date[] NOT NULL,
    corrections bigint[] NOT NULL
    """,
    key=("organisation_id", "mentorship_id", "goal_id"),
)

_ENDED = {"goal-reached": GoalStatus.REACHED, "goal-dropped": GoalStatus.DROPPED}


def _set(seen: Seen, rows: Rows) -> None:
    fields = seen.fields
    rows.put(
        GOALS,
        Goal(
            *seen.stream,
            fields.goal_id,
            fields.kind,
            GoalStatus.OPEN,
            seen.occurred_on,
            None,
            None,
            (seen.version,),
            (seen.position,),
            (fields.target_on,),
        ),
    )


def _revised(seen: Seen, rows: Rows) -> None:
    goal = rows.get(GOALS, *seen.stream, seen.fields.goal_id)
    if goal is not None:
        rows.put(
            GOALS,
            replace(
                goal,
                status=GoalStatus.REVISED,
                told_versions=(*goal.told_versions, seen.version),
                told_positions=(*goal.told_positions, seen.position),
                told_targets=(*goal.told_targets, seen.fields.target_on),
            ),
        )


def _ended(seen: Seen, rows: Rows) -> None:
    goal = rows.get(GOALS, *seen.stream, seen.fields.goal_id)
    if goal is not None:
        status = _ENDED[seen.topic]
        rows.put(GOALS, replace(goal, status=status, ended_on=seen.occurred_on, ended_version=seen.version))


def _corrected(seen: Seen, rows: Rows) -> None:
    fields = seen.fields
    for goal in rows.of(GOALS, seen.stream):
        if fields.corrects == goal.ended_version:
            rows.put(GOALS, replace(goal, ended_on=corrected_value(fields, "occurred_on", date, goal.ended_on)))
        elif fields.corrects in goal.told_versions:
            at = goal.told_versions.index(fields.corrects)
            target = corrected_value(fields, "target_on", date, goal.told_targets[at])
            changed = replace(
                goal,
                kind=corrected_value(fields, "kind", GoalKind, goal.kind),
                told_targets=(*goal.told_targets[:at], target, *goal.told_targets[at + 1 :]),
                corrections=(*goal.corrections, seen.position),
            )
            if at == 0:
                changed = replace(changed, set_on=corrected_value(fields, "occurred_on", date, goal.set_on))
            rows.put(GOALS, changed)


def _retracted(seen: Seen, rows: Rows) -> None:
    """Of an end or a revision: the goal is what it was before. Of the goal itself: there never was such a goal."""
    corrects = seen.fields.corrects
    for goal in rows.of(GOALS, seen.stream):
        if corrects == goal.told_versions[0]:
            rows.delete(GOALS, goal)
        elif corrects == goal.ended_version:
            rows.put(GOALS, replace(goal, status=_open(goal), ended_on=None, ended_version=None))
        elif corrects in goal.told_versions:
            kept = [n for n, version in enumerate(goal.told_versions) if version != corrects]
            changed = replace(
                goal,
                told_versions=tuple(goal.told_versions[n] for n in kept),
                told_positions=tuple(goal.told_positions[n] for n in kept),
                told_targets=tuple(goal.told_targets[n] for n in kept),
            )
            rows.put(GOALS, changed if goal.ended_version else replace(changed, status=_open(changed)))


def _open(goal: Goal) -> GoalStatus:
    return GoalStatus.REVISED if len(goal.told_versions) > 1 else GoalStatus.OPEN


PROJECTION = Projection(
    "goals",
    1,
    (GOALS,),
    {
        "goal-set": _set,
        "goal-revised": _revised,
        "entry-corrected": _corrected,
        "entry-retracted": _retracted,
        **dict.fromkeys(_ENDED, _ended),
    },
)
