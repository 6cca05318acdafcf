"""Reports as they stand: of which quarter, for whom, and how far they have come.

The figures stand in the event that `prepared_position` names.
"""

from datetime import date
from typing import Any
from uuid import UUID

import psycopg
from msgspec.structs import replace

from domain.report import Audience, ReportState, WithdrawalReason
from projections.projection import Projection, Row, Rows, Seen, Table, select


class ReportRow(Row, frozen=True):
    """`draft` is the version of the figures that stand. Members are named by id."""

    organisation_id: UUID
    report_id: UUID
    audience: Audience
    since: date
    until: date
    state: ReportState
    digest: str
    draft: int
    prepared_position: int
    prepared_by: UUID
    prepared_on: date
    reviewed_by: UUID | None
    reviewed_on: date | None
    released_on: date | None
    released_position: int | None
    withdrawn_on: date | None
    withdrawn_for: WithdrawalReason | None

    @property
    def is_public(self) -> bool:
        """Whether the audience has it. A withdrawn one stays: they had it."""
        return self.state in (ReportState.RELEASED, ReportState.WITHDRAWN)


REPORTS = Table(
    "reports",
    ReportRow,
    """
    organisation_id uuid NOT NULL,
    report_id uuid NOT NULL,
    audience text NOT NULL,
    since date NOT NULL,
    until date NOT NULL,
    state text NOT NULL,
    digest text NOT NULL,
    draft integer NOT NULL,
    prepared_position bigint NOT NULL,
    prepared_by uuid NOT NULL,
    prepared_on date NOT NULL,
    reviewed_by uuid,
    reviewed_on date,
    released_on date,
    released_position bigint,
    withdrawn_on date,
    withdrawn_for text
    """,
    key=("organisation_id", "report_id"),
)


async def reports(connection: psycopg.AsyncConnection[Any], *, organisation_id: UUID) -> list[ReportRow]:
    """All reports, the latest quarter first."""
    return await select(
        connection, REPORTS, "WHERE organisation_id = %s ORDER BY since DESC, audience", (organisation_id,)
    )


async def report_row(
    connection: psycopg.AsyncConnection[Any], *, organisation_id: UUID, report_id: UUID
) -> ReportRow | None:
    found = await select(
        connection, REPORTS, "WHERE organisation_id = %s AND report_id = %s", (organisation_id, report_id)
    )
    return found[0] if found else None


def _prepared(seen: Seen, rows: Rows) -> None:
    fields = seen.fields
    rows.put(
        REPORTS,
        ReportRow(
            *seen.stream,
            fields.audience,
            fields.content.since,
            fields.content.until,
            ReportState.PREPARED,
            fields.digest,
            seen.version,
            seen.position,
            fields.prepared_by,
            seen.occurred_on,
            None,
            None,
            None,
            None,
            None,
            None,
        ),
    )


def _reviewed(seen: Seen, rows: Rows) -> None:
    state = ReportState.AGREED_TO if seen.fields.agrees else ReportState.TURNED_DOWN
    _change(seen, rows, state=state, reviewed_by=seen.fields.reviewed_by, reviewed_on=seen.occurred_on)


def _released(seen: Seen, rows: Rows) -> None:
    _change(seen, rows, state=ReportState.RELEASED, released_on=seen.occurred_on, released_position=seen.position)


def _withdrawn(seen: Seen, rows: Rows) -> None:
    _change(seen, rows, state=ReportState.WITHDRAWN, withdrawn_on=seen.occurred_on, withdrawn_for=seen.fields.reason)


def _change(seen: Seen, rows: Rows, **changes: Any) -> None:
    report = rows.get(REPORTS, *seen.stream)
    if report is not None:
        rows.put(REPORTS, replace(report, **changes))


PROJECTION = Projection(
    "reports",
    1,
    (REPORTS,),
    {
        "report-prepared": _prepared,
        "report-reviewed": _reviewed,
        "report-released": _released,
        "report-withdrawn": _withdrawn,
    },
)
