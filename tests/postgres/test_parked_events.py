"""What a dashboard's projection can't take it goes on without, and says so until it is filled anew."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, NumberDataPoint

from adapters import doctor
from adapters.postgres.filling import RebuildStuck
from adapters.postgres.parked import Trouble
from adapters.postgres.runner import Runner
from adapters.serving import watched_runner
from adapters.telemetry import Telemetry
from projections import cases, consent_acts, people
from projections.projection import Projection, Rows, Seen
from projections.registry import PROJECTIONS
from tests.installations import caller, opened, organisation
from tests.postgres.recording import Recording, all_rows

pytestmark = pytest.mark.anyio


@pytest.fixture
async def recording(database: str, tmp_path: Path) -> AsyncIterator[Recording]:
    async with opened(tmp_path, database) as parts:
        yield Recording(parts, caller(await organisation(database)))


def stumbling(*at: int, over: Projection = cases.PROJECTION) -> Projection:
    """A projection that has its row half written when it stumbles over events at these positions."""

    def clumsy(seen: Seen, rows: Rows) -> None:
        over.apply(seen, rows)
        if seen.position in at:
            raise LookupError("Parwana Rahimi")

    return replace(over, on=dict.fromkeys(over.on, clumsy))


def without(*at: int, over: Projection = cases.PROJECTION) -> Projection:
    """What it should come to: as if those events were none of its business."""

    def careful(seen: Seen, rows: Rows) -> None:
        if seen.position not in at:
            over.apply(seen, rows)

    return replace(over, on=dict.fromkeys(over.on, careful))


@pytest.mark.parametrize("batch", [1, 3, 1000])
async def test_a_dashboard_parks_the_event_and_goes_on(
    recording: Recording, batch: int, caplog: pytest.LogCaptureFixture
) -> None:
    dsn = recording.parts.dsn
    position = [await recording.case() for _ in range(2)][-1]
    told: list[Trouble] = []
    runner = Runner(
        dsn,
        (people.PROJECTION, stumbling(5, 7)),
        batch=batch,
        troubled=lambda name, trouble: told.append(trouble) if name == "cases" else None,
    )
    assert await runner.catch_up() == position
    parked = Trouble(parked=2, first=5, error="LookupError")
    assert [(one.name, one.position, one.error, one.trouble) for one in await runner.status()] == [
        ("people", position, None, Trouble()),
        ("cases", position, None, parked),
    ]
    assert told[-1] == parked
    assert [one.message for one in caplog.records] == ["projection-event-parked"] * 2
    assert "Parwana" not in caplog.text
    rows = await all_rows(dsn, (cases.PROJECTION,))
    await Runner(dsn, (without(5, 7),)).rebuild([])
    assert await all_rows(dsn, (cases.PROJECTION,)) == rows, "nothing half done, and nothing else left out"


async def test_filled_anew_it_tries_what_was_parked_again(recording: Recording) -> None:
    dsn = recording.parts.dsn
    await recording.case()
    stumbles = Runner(dsn, (stumbling(5),))
    await stumbles.catch_up()
    caught_up = await all_rows(dsn, (cases.PROJECTION,))
    await stumbles.rebuild([])
    assert await all_rows(dsn, (cases.PROJECTION,)) == caught_up
    [status] = await stumbles.status()
    assert status.trouble == Trouble(parked=1, first=5, error="LookupError")
    mended = Runner(dsn, (cases.PROJECTION,))
    await mended.rebuild([])
    [status] = await mended.status()
    assert status.trouble == Trouble()


async def test_a_rebuild_of_an_audit_projection_is_not_finished_without_an_event(recording: Recording) -> None:
    dsn = recording.parts.dsn
    assert consent_acts.PROJECTION.audit, "auditors rely on the consent trail"
    await recording.case()
    await Runner(dsn, (consent_acts.PROJECTION,)).catch_up()
    rows = await all_rows(dsn, (consent_acts.PROJECTION,))
    assert any(rows.values())
    with pytest.raises(RebuildStuck):
        await Runner(dsn, (stumbling(2, over=consent_acts.PROJECTION),)).rebuild([])
    assert await all_rows(dsn, (consent_acts.PROJECTION,)) == rows


async def test_doctor_shows_what_stopped_and_what_was_parked(recording: Recording) -> None:
    dsn = recording.parts.dsn
    await recording.case()
    broken = tuple(stumbling(3, over=one) if one.name in ("cases", "consent_acts") else one for one in PROJECTIONS)
    await Runner(dsn, broken).catch_up()
    found = {one.check: one for one in await doctor.projections(dsn)}
    parked, stopped = found["projection cases"], found["projection consent_acts"]
    assert (parked.state, "accompany rebuild cases" in parked.found) == ("warning", True)
    assert "position 3 (LookupError)" in parked.found
    assert (stopped.state, stopped.found) == ("failed", "stopped at position 2: LookupError")
    assert {one.state for name, one in found.items() if name not in (parked.check, stopped.check)} == {"ok"}


async def test_lag_and_troubles_are_metrics_of_each_projection(recording: Recording) -> None:
    dsn = recording.parts.dsn
    await recording.case()
    await Runner(dsn, tuple(stumbling(3, over=one) for one in PROJECTIONS)).catch_up()
    await recording.case()
    reader = InMemoryMetricReader()
    telemetry = Telemetry(metrics=reader)
    stop = asyncio.Event()
    following = asyncio.create_task(watched_runner(dsn, telemetry).run(stop))
    try:
        async with asyncio.timeout(10):
            while ("accompany.projection.lag", "cases") not in measured(reader):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.1)
    finally:
        stop.set()
        await following
    found = measured(reader)
    telemetry.close()
    # The one for audit has tried again and found the event mended; what is parked waits for a rebuild.
    assert found["accompany.projection.parked", "cases"] == 1
    assert found["accompany.projection.stopped", "cases"] == 0
    assert found["accompany.projection.stopped", "consent_acts"] == 0
    assert {name for metric, name in found if metric == "accompany.projection.lag"} == {p.name for p in PROJECTIONS}


def measured(reader: InMemoryMetricReader) -> dict[tuple[str, str], float]:
    """The last value of each metric and projection."""
    data = reader.get_metrics_data()
    return {
        (metric.name, str((point.attributes or {})["accompany.projection"])): point.value
        for resource in (data.resource_metrics if data else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
        if isinstance(point, NumberDataPoint)
    }


async def test_a_failure_names_its_code_in_the_log(recording: Recording, caplog: pytest.LogCaptureFixture) -> None:
    await recording.case()
    with caplog.at_level(logging.ERROR):
        await Runner(recording.parts.dsn, (stumbling(3, over=consent_acts.PROJECTION),)).catch_up()
    [line] = caplog.records
    assert (line.message, vars(line)["code"], vars(line)["position"]) == ("projection-stopped", "LookupError", 2)
