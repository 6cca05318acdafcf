"""Credential paths as they stand: the stages of the template, the steps taken, and the decision."""

from datetime import date
from uuid import UUID

from msgspec.structs import replace

from domain.vocabulary import RecognitionResult
from projections.projection import Projection, Row, Rows, Seen, Table, corrected_value


class CredentialPath(Row, frozen=True):
    """`step_…` has one entry for each step, in the order they were recorded.

    `decided_…` are of the decision that stands, which an appeal leaves in place: `appealed_on` is set while the path is open again.
    """

    organisation_id: UUID
    mentorship_id: UUID
    credential_id: UUID
    trainee_id: UUID
    country: str
    profession: str
    template: str
    stages: tuple[str, ...]
    opened_on: date
    opened_version: int
    opened_position: int
    step_versions: tuple[int, ...] = ()
    step_positions: tuple[int, ...] = ()
    step_stages: tuple[str, ...] = ()
    step_days: tuple[date, ...] = ()
    result: RecognitionResult | None = None
    decided_on: date | None = None
    decided_version: int | None = None
    decided_position: int | None = None
    objection_until: date | None = None
    appealed_on: date | None = None
    appealed_position: int | None = None
    corrections: tuple[int, ...] = ()


CREDENTIALS = Table(
    "credentials",
    CredentialPath,
    """
    organisation_id uuid NOT NULL,
    mentorship_id uuid NOT NULL,
    credential_id uuid NOT NULL,
    trainee_id uuid NOT NULL,
    country text NOT NULL,
    profession text NOT NULL,
    template text NOT NULL,
    stages text[] NOT NULL,
    opened_on date NOT NULL,
    opened_version integer NOT NULL,
    opened_position bigint NOT NULL,
    step_versions integer[] NOT NULL,
    step_positions bigint[] NOT NULL,
    step_stages text[] NOT NULL,
    step_days date[] NOT NULL,
    result text,
    decided_on date,
    decided_version integer,
    decided_position bigint,
    objection_until date,
    appealed_on date,
    appealed_position bigint,
    corrections bigint[] NOT NULL
    """,
    key=("organisation_id", "mentorship_id", "credential_id"),
    indexes=("(organisation_id, objection_until) WHERE objection_until IS NOT NULL AND appealed_on IS NULL",),
)


def _opened(seen: Seen, rows: Rows) -> None:
    fields = seen.fields
    rows.put(
        CREDENTIALS,
        CredentialPath(
            *seen.stream,
            fields.credential_id,
            fields.trainee_id,
            fields.country,
            fields.profession,
            fields.template,
            fields.stages,
            seen.occurred_on,
            seen.version,
            seen.position,
        ),
    )


def _step_taken(seen: Seen, rows: Rows) -> None:
    path = rows.get(CREDENTIALS, *seen.stream, seen.fields.credential_id)
    if path is not None:
        rows.put(
            CREDENTIALS,
            replace(
                path,
                step_versions=(*path.step_versions, seen.version),
                step_positions=(*path.step_positions, seen.position),
                step_stages=(*path.step_stages, seen.fields.stage),
                step_days=(*path.step_days, seen.occurred_on),
            ),
        )


def _decided(seen: Seen, rows: Rows) -> None:
    path = rows.get(CREDENTIALS, *seen.stream, seen.fields.credential_id)
    if path is not None:
        rows.put(
            CREDENTIALS,
            replace(
                path,
                result=seen.fields.result,
                decided_on=seen.occurred_on,
                decided_version=seen.version,
                decided_position=seen.position,
                objection_until=seen.fields.objection_until,
                appealed_on=None,
                appealed_position=None,
            ),
        )


def _appealed(seen: Seen, rows: Rows) -> None:
    path = rows.get(CREDENTIALS, *seen.stream, seen.fields.credential_id)
    if path is not None:
        rows.put(CREDENTIALS, replace(path, appealed_on=seen.occurred_on, appealed_position=seen.position))


def _corrected(seen: Seen, rows: Rows) -> None:
    fields = seen.fields
    for path in rows.of(CREDENTIALS, seen.stream):
        if fields.corrects == path.opened_version:
            changed = replace(
                path,
                country=corrected_value(fields, "country", str, path.country),
                profession=corrected_value(fields, "profession", str, path.profession),
                opened_on=corrected_value(fields, "occurred_on", date, path.opened_on),
            )
        elif fields.corrects == path.decided_version:
            changed = replace(
                path,
                result=corrected_value(fields, "result", RecognitionResult, path.result),
                decided_on=corrected_value(fields, "occurred_on", date, path.decided_on),
                objection_until=corrected_value(fields, "objection_until", date, path.objection_until),
            )
        elif fields.corrects in path.step_versions:
            at = path.step_versions.index(fields.corrects)
            stage = corrected_value(fields, "stage", str, path.step_stages[at])
            day = corrected_value(fields, "occurred_on", date, path.step_days[at])
            changed = replace(
                path,
                step_stages=(*path.step_stages[:at], stage, *path.step_stages[at + 1 :]),
                step_days=(*path.step_days[:at], day, *path.step_days[at + 1 :]),
            )
        else:
            continue
        rows.put(CREDENTIALS, replace(changed, corrections=(*path.corrections, seen.position)))


def _retracted(seen: Seen, rows: Rows) -> None:
    for path in rows.of(CREDENTIALS, seen.stream):
        if seen.fields.corrects == path.opened_version:
            rows.delete(CREDENTIALS, path)
        elif seen.fields.corrects == path.decided_version:
            rows.put(
                CREDENTIALS,
                replace(
                    path,
                    result=None,
                    decided_on=None,
                    decided_version=None,
                    decided_position=None,
                    objection_until=None,
                    appealed_on=None,
                    appealed_position=None,
                ),
            )
        elif seen.fields.corrects in path.step_versions:
            kept = [n for n, version in enumerate(path.step_versions) if version != seen.fields.corrects]
            rows.put(
                CREDENTIALS,
                replace(
                    path,
                    step_versions=tuple(path.step_versions[n] for n in kept),
                    step_positions=tuple(path.step_positions[n] for n in kept),
                    step_stages=tuple(path.step_stages[n] for n in kept),
                    step_days=tuple(path.step_days[n] for n in kept),
                ),
            )


PROJECTION = Projection(
    "credentials",
    1,
    (CREDENTIALS,),
    {
        "credential-path-opened": _opened,
        "credential-step-taken": _step_taken,
        "credential-decided": _decided,
        "credential-appealed": _appealed,
        "entry-corrected": _corrected,
        "entry-retracted": _retracted,
    },
)
