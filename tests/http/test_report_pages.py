"""Reports through the front door: prepared, agreed to by another, released, read by a funder, kept as it was."""

import csv
import hashlib
import io
import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI

from adapters.postgres.runner import Runner
from adapters.reporting.files import figures_csv
from adapters.reporting.preparing import FiguresNotProtected, Wanted, content_of, published, report_id
from adapters.wiring import Installation
from application.caller import Caller, Receipt, Submission
from application.reports import Reports
from domain.report import Audience, Content, Figure
from domain.vocabulary import Role
from projections.disclosure.rule import Rule
from projections.disclosure.tables import Cell, Sum, Tables
from projections.indicators.counting import Counted
from projections.indicators.life import Question
from tests.http.browsing import Visit
from tests.http.front_door import Office, OpenCase
from tests.installations import BERLIN

pytestmark = pytest.mark.anyio

SINCE, UNTIL = date(2025, 1, 1), date(2025, 3, 31)


@dataclass
class Desk:
    """Two coordinators and a funder, each at a browser, and the report that the first one prepares."""

    house: Installation
    office: Office
    preparer: Visit
    reviewer: Visit
    funder: Visit
    by: Caller
    report_id: UUID

    @property
    def path(self) -> str:
        return f"/reports/{self.report_id}"

    async def prepare(self, content: Content) -> Receipt:
        register = Reports(self.house.record)
        submission = Submission(uuid4().hex, b"digest")
        receipt = await register.prepare(
            self.by, submission, self.report_id, audience=Audience.FUNDERS, content=content
        )
        return receipt

    async def step(self, visit: Visit, step: str, **fields: str) -> httpx.Response:
        await visit.get(self.path)
        return await visit.send(self.path, step=step, **fields)


@pytest.fixture
async def desk(house: Installation, app: FastAPI, office: Office) -> AsyncIterator[Desk]:
    async with AsyncExitStack() as clients:
        preparer = await office.member(Role.COORDINATOR, "preparer")
        now = datetime.now(BERLIN)
        by = Caller(preparer.member_id, office.organisation_id, Role.COORDINATOR, BERLIN, now)
        yield Desk(
            house,
            office,
            await Visit.begin(app, office, Role.COORDINATOR, clients, handle="preparer"),
            await Visit.begin(app, office, Role.COORDINATOR, clients, handle="reviewer"),
            await Visit.begin(app, office, Role.FUNDER, clients, handle="funder"),
            by,
            report_id(house, office.organisation_id, Audience.FUNDERS, SINCE),
        )


async def a_content(desk: Desk) -> Content:
    wanted = Wanted(SINCE, UNTIL, Rule(10), seconds=30)
    return await content_of(desk.house, desk.by, wanted)


async def test_a_report_goes_from_one_to_another_and_then_to_the_funder(desk: Desk) -> None:
    case = await OpenCase.begin(desk.office)
    await (await desk.office.caseworker()).post(
        f"{case.path}/sessions", {"minutes": 60, "medium": "phone", "occurred_on": "2025-02-03"}
    )
    content = await a_content(desk)
    receipt = await desk.prepare(content)
    await desk.preparer.get(f"{desk.path}?position={receipt.position}")
    assert "You prepared these figures" in desk.preparer.page.words
    assert (await desk.funder.get(desk.path)).status_code == 404
    assert (await desk.funder.get(f"{desk.path}/figures.csv")).status_code == 404
    assert (await desk.step(desk.preparer, "agree")).status_code == 422
    assert (await desk.step(desk.reviewer, "release")).status_code == 422
    await desk.reviewer.follow(await desk.step(desk.reviewer, "agree"))
    await desk.reviewer.follow(await desk.step(desk.reviewer, "release"))
    await desk.funder.get("/reports")
    assert desk.path in desk.funder.page.links()
    answer = await desk.funder.get(desk.path)
    assert answer.status_code == 200
    assert "Withdraw" not in desk.funder.page.words
    assert content.digest in answer.text
    assert (await desk.funder.client.post(desk.path)).status_code in (403, 415)
    # What one trainee did is nowhere: one served without consent is a small figure itself.
    assert [figure for figure in content.figures if figure.key == "left-out"] == [Figure("left-out", None)]
    withdrawn = await desk.step(desk.preparer, "withdraw", reason="wrong-figures")
    await desk.preparer.follow(withdrawn)
    answer = await desk.funder.get(desk.path)
    assert "Do not rely on these figures" in desk.funder.page.words


async def test_nobody_but_coordinators_and_those_it_was_released_to_reads_a_report(
    app: FastAPI, desk: Desk, neighbour: Office
) -> None:
    receipt = await desk.prepare(await a_content(desk))
    await desk.preparer.get(f"{desk.path}?position={receipt.position}")
    async with AsyncExitStack() as clients:
        for role in (Role.CASEWORKER, Role.ADMINISTRATOR):
            visit = await Visit.begin(app, desk.office, role, clients, handle=f"some-{role}")
            assert (await visit.get("/reports")).status_code == 403
            assert (await visit.get(desk.path)).status_code == 403
        stranger = await Visit.begin(app, neighbour, Role.COORDINATOR, clients, handle="stranger")
        assert (await stranger.get(desk.path)).status_code == 404
    answer = await desk.step(desk.funder, "release")
    assert answer.status_code in (403, 404)


async def test_the_files_carry_their_own_checksums_and_the_register_the_reports(desk: Desk) -> None:
    receipt = await desk.prepare(await a_content(desk))
    await desk.preparer.get(f"{desk.path}?position={receipt.position}")
    package = (await desk.preparer.get(f"{desk.path}/datapackage.json")).json()
    for resource in package["resources"]:
        content = (await desk.preparer.get(f"{desk.path}/{resource['path']}")).content
        assert resource["hash"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
        assert resource["bytes"] == len(content)
    page = (await desk.preparer.get(desk.path)).text
    report = (await desk.preparer.get(f"{desk.path}/report.json")).content
    assert hashlib.sha256(report).hexdigest() in page
    rows = list(csv.DictReader(io.StringIO((await desk.preparer.get(f"{desk.path}/figures.csv")).text)))
    assert list(rows[0]) == [field["name"] for field in package["resources"][0]["schema"]["fields"]]
    assert len(rows) == len(json.loads(report)["figures"])
    assert all((row["value"] == "") == (row["kept_back"] == "true") for row in rows)
    keys = [(row["indicator"], row["version"], row["breakdown"]) for row in rows]
    assert len(set(keys)) == len(keys)
    assert (await desk.preparer.get(f"{desk.path}/figures.xls")).status_code == 404


async def test_a_cell_that_a_spreadsheet_would_compute_is_plain_text(desk: Desk) -> None:
    content = replace(await a_content(desk), figures=(Figure("=cmd()@1/-x", 1), Figure("+1@1", None)))
    assert all(
        not re.match(r"[=+\-@\t\r]", cell)
        for row in csv.reader(io.StringIO(figures_csv(content).decode()))
        for cell in row
    )


async def test_figures_that_can_not_be_protected_are_refused_and_named_to_the_preparer_alone() -> None:
    cells = (Cell("all", 44), Cell("small", 4), Cell("large", 40))
    tables = Tables(cells, (Sum("all", ("small", "large")),), released={"all": 44, "large": 40})
    question = Question(SINCE, UNTIL, 1, date(2025, 5, 1))
    with pytest.raises(FiguresNotProtected) as refused:
        published(Counted(tables, {}), question, Wanted(SINCE, UNTIL, Rule(10), seconds=5))
    assert refused.value.cells == {"small"}
    assert "small" not in str(refused.value)
    assert "44" not in str(refused.value)


async def test_what_is_kept_back_stands_nowhere_in_the_register(desk: Desk) -> None:
    cells = (Cell("left-out", 0), Cell("all", 7777), Cell("small", 4), Cell("large", 7773))
    tables = Tables(cells, (Sum("all", ("small", "large")),))
    question = Question(SINCE, UNTIL, 1, date(2025, 5, 1))
    exact = published(Counted(tables, {}), question, Wanted(SINCE, UNTIL, Rule(10), seconds=5))
    assert "7773" not in exact.as_json
    assert [(one.key, one.least, one.most) for one in exact.hidden] == [("large", 0, 7777), ("small", 0, 7777)]
    content = published(Counted(tables, {}), question, Wanted(SINCE, UNTIL, Rule(10), rounding=5, seconds=5))
    assert not re.search("777[37]", content.as_json)
    assert {figure.key: figure.value for figure in content.figures} == {
        "left-out": 0,
        "all": 7775,
        "small": None,
        "large": None,
    }
    await desk.prepare(content)
    await Runner(desk.house.dsn).catch_up()
