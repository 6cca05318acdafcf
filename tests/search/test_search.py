"""Whoever is on record is found through the blinded index, and the index never changes who matches."""

import asyncio
import random
import re
import unicodedata
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.person import Details
from projections.findable import MatchedBy, Question
from projections.spelling import shortest, words
from tests.installations import caller, opened, organisation
from tests.postgres_servers import VERSIONS, Clusters
from tests.projections.test_spelling import naughty, published_names
from tests.search.place import Place

pytestmark = pytest.mark.anyio

PEOPLE = 250
asks_often = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@dataclass(frozen=True)
class Crowd:
    """Many people of one organisation: published names of many countries in pairs, and strings that break programs."""

    place: Place
    people: dict[UUID, Details]

    def nth(self, number: int) -> tuple[UUID, Details]:
        people = list(self.people.items())
        return people[number % len(people)]

    def obvious(self, typed: str) -> set[UUID]:
        """Who matches, by opening everybody and comparing."""
        question = Question.read(typed, "DE")
        return {person_id for person_id, details in self.people.items() if question.matched_by(details, ())}


def invented_people() -> list[Details]:
    chance = random.Random(4)  # noqa: S311 - the same people each time
    names = sorted(published_names())
    pairs = [f"{chance.choice(names)} {chance.choice(names)}" for _ in range(PEOPLE)]
    strange = [string for string in naughty() if len(string) <= 500 and "\x00" not in string][::16]
    return [
        Details(full_name=name, phone=f"+49 151 {chance.randrange(10**7):07d}", reference=f"T-{number:04d}")
        for number, name in enumerate([*pairs, *strange])
        if any(unicodedata.category(character)[0] not in "ZC" for character in name)
    ]


@pytest.fixture(scope="module", params=VERSIONS)
async def crowd(
    request: pytest.FixtureRequest, postgres_clusters: Clusters, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Crowd]:
    data: Path = tmp_path_factory.mktemp("data")
    with postgres_clusters.running(request.param).fresh_database() as dsn:
        async with opened(data, dsn) as parts:
            place = Place(parts, caller(await organisation(dsn)))
            details = invented_people()
            registered = await place.register(*details)
            # Another organisation with the same people: nobody of it is ever found here.
            await replace(place, by=caller(await organisation(dsn, "Twin"))).register(*details)
            await place.caught_up()
            yield Crowd(place, dict(zip(registered, details, strict=True)))


# Which of several: drawn before the test runs, since the people are not there yet.
some = st.integers(0, 10**6)


@asks_often
@given(some, some, some)
async def test_everybody_is_found_by_any_beginning_of_any_word_of_their_name(
    crowd: Crowd, who: int, which: int, length: int
) -> None:
    person_id, details = crowd.nth(who)
    asked = [word for word in re.split(r"[\s,/()\-]+", details.full_name) if is_long_enough(word)]
    if not asked:
        return
    word = asked[which % len(asked)]
    typed = word[: 1 + length % len(word)]
    if is_long_enough(typed):
        assert person_id in await crowd.place.found(typed)


def is_long_enough(typed: str) -> bool:
    return any(len(word[0]) >= shortest(word[0]) for word in words(typed))


@asks_often
@given(some, st.lists(st.tuples(some, some), min_size=1, max_size=3))
async def test_a_search_finds_whom_the_obvious_search_finds(
    crowd: Crowd, who: int, typed_of_it: list[tuple[int, int]]
) -> None:
    _, details = crowd.nth(who)
    parts = [*details.full_name.split(), details.phone, details.phone[-5:], details.reference, details.reference[:3]]
    typed = " ".join(parts[which % len(parts)][: 1 + length % 12] for which, length in typed_of_it)
    assert await crowd.place.found(typed) == crowd.obvious(typed)


@asks_often
@given(st.text(max_size=30))
async def test_whatever_is_typed_is_answered_as_the_obvious_search_does(crowd: Crowd, typed: str) -> None:
    assert await crowd.place.found(typed) == crowd.obvious(typed)


@pytest.mark.parametrize(
    "spelling", ["{0}", "0151 {1}", "0049151{1}", "(0151) {1}", "+49-151/{1}", "+49 (0)151 {1}", "{1}", "{2}"]
)
async def test_everybody_is_found_by_any_spelling_of_their_number(crowd: Crowd, spelling: str) -> None:
    for person_id, details in islice(crowd.people.items(), 0, None, 40):
        typed = spelling.format(details.phone, details.phone[-7:], details.phone[-4:])
        found = await crowd.place.search(typed)
        assert person_id in {one.person_id for one in found.people if one.matched_by is MatchedBy.PHONE}


async def test_a_common_beginning_is_answered_page_by_page_until_all_were_shown(crowd: Crowd) -> None:
    everybody = crowd.obvious("ma")
    assert len(everybody) > 20
    shown: list[UUID] = []
    beyond: UUID | None = None
    while True:
        page = await crowd.place.search("ma", beyond=beyond, limit=7)
        shown += [one.person_id for one in page.people]
        names = [one.full_name for one in page.people]
        assert len(names) <= 7
        if (beyond := page.beyond) is None:
            break
    assert len(shown) == len(everybody)
    assert set(shown) == everybody


async def test_somebody_who_may_see_very_many_finds_them_and_nobody_else(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = replace(crowd.place, by=caller(crowd.place.by.organisation_id))
    [theirs] = await stranger.register(Details(full_name="Maximilian Elsewhere"))
    await crowd.place.caught_up()
    for few in (2_000, 1):
        monkeypatch.setattr("projections.search.FEW", few)
        for typed in ("ma", "maximilian", "elsewhere", "0151"):
            found = await crowd.place.found(typed, caseworker_id=crowd.place.by.member_id)
            assert found == crowd.obvious(typed)
            assert theirs not in found
        assert await crowd.place.found("elsewhere", caseworker_id=stranger.by.member_id) == {theirs}
    assert theirs in await crowd.place.found("elsewhere")
    await crowd.place.parts.index.forget(crowd.place.by.organisation_id, theirs)


async def test_searches_at_once_do_not_disturb_each_other(crowd: Crowd) -> None:
    asked = [details.reference for details in islice(crowd.people.values(), 12)]
    answers = await asyncio.gather(*(crowd.place.found(typed) for typed in asked))
    assert [set(found) for found in answers] == [crowd.obvious(typed) for typed in asked]
