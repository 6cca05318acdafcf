"""Health: whether the process lives, and whether it is ready to be asked. Answered without a token, and telling nothing else."""

from dataclasses import dataclass
from typing import Any, Literal

from fastapi import APIRouter, Response
from psycopg import AsyncConnection, errors

from adapters.http.parts import Parts
from adapters.http.strict_json import StrictRoute
from adapters.postgres.stored import StoreBusy, StoreUnavailable
from projections.registry import PROJECTIONS

# So many events behind, what people read is older than what they remember having recorded.
LAG = 5_000


@dataclass(frozen=True, slots=True)
class Alive:
    status: Literal["alive"] = "alive"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must be right. `code` says what is not; `lag` is in events."""

    name: Literal["database", "schema", "projections"]
    ready: bool
    code: str | None = None
    lag: int | None = None


@dataclass(frozen=True, slots=True)
class Readiness:
    status: Literal["ready", "not-ready"]
    checks: tuple[Check, ...]


def health_routes(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/health", tags=["health"], route_class=StrictRoute)

    @router.get("/live")
    async def read_liveness() -> Alive:
        """The process answers. Nothing is touched."""
        return Alive()

    @router.get("/ready", responses={503: {"model": Readiness, "description": "Not ready."}})
    async def read_readiness(response: Response) -> Readiness:
        """The database answers, has this version's schema, and the projections keep up."""
        checks = await _checks(parts)
        ready = all(check.ready for check in checks)
        response.status_code = 200 if ready else 503
        return Readiness("ready" if ready else "not-ready", checks)

    return router


async def _checks(parts: Parts) -> tuple[Check, ...]:
    try:
        async with parts.pool.lend() as connection:
            schema = await _schema(connection)
            if not schema.ready:
                return Check("database", True), schema
            return Check("database", True), schema, await _projections(connection)
    except (StoreBusy, StoreUnavailable) as error:
        return (Check("database", False, error.code),)


async def _schema(connection: AsyncConnection[Any]) -> Check:
    try:
        found = await connection.execute("SELECT projection, version FROM projections.tracking")
    except (errors.UndefinedTable, errors.InvalidSchemaName):
        return Check("schema", False, "schema-missing")
    kept = dict(await found.fetchall())
    current = all(kept.get(projection.name) == projection.version for projection in PROJECTIONS)
    return Check("schema", current, None if current else "schema-of-another-version")


async def _projections(connection: AsyncConnection[Any]) -> Check:
    found = await connection.execute(
        "SELECT accompany.last_position() - min(position), count(error) FROM projections.tracking"
    )
    row = await found.fetchone()
    lag, stopped = row if row else (None, 0)
    if stopped:
        return Check("projections", False, "projection-stopped", lag)
    if lag is None or lag > LAG:
        return Check("projections", False, "projections-behind", lag)
    return Check("projections", True, None, lag)
