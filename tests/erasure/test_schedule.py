"""The schedule finds whose data have been kept long enough and proposes to erase them; a legal hold stops it, and people decide."""

import asyncio
from datetime import date
from pathlib import Path
from uuid import UUID

import pytest

from adapters.erasure.rules import RulesUnusable, retention_rules
from adapters.postgres.runner import Runner
from application.caller import Submission
from domain.erasure import HoldGround
from domain.person import Person
from tests.installations import caller, imported, opened, organisation, small_caseload

HOLD = UUID(int=77)


def test_what_was_kept_long_enough_is_proposed_once_and_a_legal_hold_stops_it(tmp_path: Path, database: str) -> None:
    source = small_caseload(tmp_path / "caseload")
    cases = source / "mentorships.csv"
    cases.write_text(cases.read_text().replace("2025-01-10,,,cw01", "2019-01-10,2020-02-01,employed,cw01"))
    for name in ("consents", "goals", "sessions"):
        (source / f"{name}.csv").unlink()

    async def story() -> None:
        async with opened(tmp_path / "data", database) as parts:
            organisation_id = await organisation(database)
            await imported(parts, organisation_id, source, tmp_path / "reports")
            await Runner(database).catch_up()
            by = caller(organisation_id)
            trainee, mentor = (parts.identify(organisation_id, "person", number) for number in ("T1", "M1"))
            found = await parts.schedule.due(by)
            assert {one.person_id for one in found} == {trainee, mentor}
            assert {(one.rule, one.until, one.held) for one in found} == {("participants", date(2023, 2, 1), False)}

            await parts.rights.decide(
                by, Submission("hold", b""), mentor, {}, Person.place_hold, by.told(), hold_id=HOLD, ground=HoldGround.AUDIT
            )  # fmt: skip
            await Runner(database).catch_up()
            assert [one.person_id for one in await parts.schedule.due(by) if one.held] == [mentor]
            assert await parts.schedule.propose_everywhere() == 1
            await Runner(database).catch_up()
            assert await parts.schedule.propose_everywhere() == 0
            assert (await parts.record.person(by, trainee)).proposed == ("participants", date(2023, 2, 1))
            assert (await parts.record.person(by, mentor)).proposed is None
            assert (await parts.record.person(by, trainee)).erased_on is None, "people decide"

    asyncio.run(story())


def test_an_organisations_own_rules_take_the_place_of_the_examples(tmp_path: Path) -> None:
    assert {rule.id for rule in retention_rules(tmp_path)} >= {"participants", "eu-funds"}
    own = tmp_path / "retention.toml"
    own.write_text(
        '[[rule]]\nid = "ours"\ntitle = "Ours"\ndata_class = "all"\nyears = 1\ncounted_from = "registered"\n'
    )
    assert [(rule.id, rule.duty) for rule in retention_rules(tmp_path)] == [("ours", False)]


@pytest.mark.parametrize(
    "text",
    [
        "[[rule]",
        '[[rule]]\nid = "x"\n',
        '[[rule]]\nid = "Mr. Invented"\ntitle = "x"\ndata_class = "all"\nyears = 1\ncounted_from = "registered"\n',
        '[[rule]]\nid = "x"\ntitle = "x"\ndata_class = "all"\nyears = -1\ncounted_from = "registered"\n',
        '[[rule]]\nid = "x"\ntitle = "x"\ndata_class = "all"\nyears = 1\ncounted_from = "birthday"\n',
    ],
)
def test_rules_that_can_not_be_read_are_refused_and_not_quoted(tmp_path: Path, text: str) -> None:
    (tmp_path / "retention.toml").write_text(text)
    with pytest.raises(RulesUnusable) as refused:
        retention_rules(tmp_path)
    assert "Invented" not in str(refused.value)
    assert "birthday" not in str(refused.value)
