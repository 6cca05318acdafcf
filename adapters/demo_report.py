"""A released report for the demo, so that a funder has something to read: of the last quarter, by two invented coordinators."""

from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg

from adapters.identity.members import ensure_member
from adapters.reporting.preparing import Wanted, content_of, report_id
from adapters.wiring import Installation
from application.caller import Caller, Submission
from application.ids import new_id
from application.reports import Reports
from domain.errors import NotFound
from domain.report import Audience, Report
from domain.vocabulary import Role
from projections.disclosure.rule import Rule
from projections.funder_summary import quarters

PREPARER, REVIEWER = "demo-coordinator", "demo-second-coordinator"


async def release_last_quarter(installation: Installation, organisation_id: UUID, zone: ZoneInfo) -> None:
    """Does nothing where it was done before."""
    now = datetime.now(UTC)
    callers = []
    async with await psycopg.AsyncConnection.connect(installation.dsn, autocommit=True) as connection:
        for handle in (PREPARER, REVIEWER):
            member_id = installation.identify(organisation_id, "member", handle)
            await ensure_member(connection, organisation_id, member_id, handle)
            callers.append(Caller(member_id, organisation_id, Role.COORDINATOR, zone, now))
    preparer, reviewer = callers
    since, until = quarters(preparer.today, 1)[0]
    quarter = report_id(installation, organisation_id, Audience.FUNDERS, since)
    register = Reports(installation.record)
    try:
        await register.report(preparer, quarter)
    except NotFound:
        pass
    else:
        return
    # A choice that loses a little more is good enough here, and is made in a fraction of the time.
    content = await content_of(installation, preparer, Wanted(since, until, Rule(), seconds=20, optimal=False))
    await register.prepare(preparer, _submission(), quarter, audience=Audience.FUNDERS, content=content)
    told = reviewer.told()
    await register.decide(
        reviewer,
        _submission(),
        quarter,
        Report.review_report,
        told,
        reviewed_by=reviewer.member_id,
        draft=1,
        agrees=True,
    )
    await register.decide(
        reviewer, _submission(), quarter, Report.release_report, told, released_by=reviewer.member_id, draft=1
    )


def _submission() -> Submission:
    return Submission(new_id().hex, b"")
