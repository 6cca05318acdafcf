"""Loads a caseload into an organisation: sets up the members whom its rows name, then takes the rows in."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg

from adapters.caseload.importing import Summary, member_labels, read, take_in
from adapters.caseload.rows import Table
from adapters.identity.members import ensure_member, is_handle
from adapters.wiring import Installation
from application.caller import Caller
from domain.vocabulary import Role

# Imports are always recorded by this member: a command key is known again for the same member only.
IMPORTER = "import"


async def load(
    installation: Installation,
    connection: psycopg.AsyncConnection[Any],
    organisation_id: UUID,
    zone: ZoneInfo,
    source: Path,
    reports: Path,
    progress: Callable[[int, int], None],
) -> tuple[Summary, Sequence[Table]]:
    """Imports `source`, a folder or a mended file of refusals. `progress` is told how many rows are done, of how many.

    `connection` is the owner's. Raises NothingToRead, PackageInvalid or NotRefusals before anything is recorded.
    """
    importer = installation.identify(organisation_id, "member", IMPORTER)
    by = Caller(importer, organisation_id, Role.COORDINATOR, zone, datetime.now(UTC))
    tables = read(source, by)
    labels = {IMPORTER, *member_labels(tables)}
    for label in labels:
        await ensure_member(connection, organisation_id, installation.identify(organisation_id, "member", label), label)
    total, done = sum(len(table.rows) for table in tables), 0

    def count(rows: int) -> None:
        nonlocal done
        done += rows
        progress(done, total)

    progress(0, total)
    summary = await take_in(installation.intake(organisation_id), by, tables, reports, count)
    summary.handles_given = sum(not is_handle(label) for label in labels)
    return summary, tables
