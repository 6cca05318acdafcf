"""Folds the history of a mentorship into a projection, in memory, from what is plain in its events and nothing else."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from adapters.postgres.shapes import shape_of
from domain.events import RecordEvent
from projections.projection import Projection, Rows, Seen, Table
from tests.domain.scenario import MENTORSHIP, Step, case_of, history

ORGANISATION = UUID(int=70)
ACTOR = UUID(int=71)
RECORDED = datetime(2026, 1, 1, tzinfo=UTC)


def seen(events: Iterable[RecordEvent], first_position: int = 1) -> list[Seen]:
    """Events as projections see them, recorded a minute apart. A field that is sealed is not there to be read."""
    return [
        Seen(
            position=position,
            organisation_id=ORGANISATION,
            stream_id=event.originator_id,
            version=event.originator_version,
            topic=event.TOPIC,
            fields=shape_of(type(event)).plain.struct(*shape_of(type(event)).plain.values(event)),
            actor_id=ACTOR,
            purpose=event.PURPOSE,
            occurred_on=event.occurred_on,
            occurred_at=event.occurred_at,
            recorded_at=RECORDED + timedelta(minutes=position),
        )
        for position, event in enumerate(events, start=first_position)
    ]


def folded(projection: Projection, *facts: Step) -> Rows:
    """The rows after a mentorship has started and these facts were recorded."""
    rows = Rows()
    for one in seen(history(case_of(*facts))):
        projection.apply(one, rows)
    return rows


def rows_of[R](table: Table[R], rows: Rows) -> list[R]:
    """The rows of the mentorship, in the order of their keys."""
    return sorted(rows.of(table, (ORGANISATION, MENTORSHIP)), key=lambda row: str(table.key_of(row)))


def the_row[R](table: Table[R], rows: Rows) -> R:
    [row] = rows_of(table, rows)
    return row
