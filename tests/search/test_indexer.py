"""The index is filled by whoever holds the keys, follows the log, is filled anew without a gap, and forgets for good."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID

import psycopg
import pytest
from psycopg import errors

from adapters.postgres.session import session
from adapters.search.blinding import BITS, Blinder
from adapters.search.index import SearchIndex
from adapters.search.indexer import Indexer, SearchStatus, status
from domain.person import Details
from tests.installations import caller, opened, organisation
from tests.search.place import Place, indexer

pytestmark = pytest.mark.anyio

PARWANA = Details(full_name="Parwana Rahimi", phone="+49 151 5550123", reference="T-0815")
SABINE = Details(full_name="Sabine Krüger", phone="+49 30 1234567")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def place(postgres: str, tmp_path: Path) -> AsyncIterator[Place]:
    async with opened(tmp_path, postgres) as parts:
        yield Place(parts, caller(await organisation(postgres)))


@asynccontextmanager
async def following(*indexers: Indexer) -> AsyncIterator[None]:
    stop = asyncio.Event()
    tasks = [asyncio.create_task(one.run(stop)) for one in indexers]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*tasks)


async def reaches(place: Place, position: int) -> None:
    async with asyncio.timeout(30):
        while await place.parts.index.reached() < position:  # noqa: ASYNC110 - another process would tell by nothing else
            await asyncio.sleep(0.02)


async def asked(dsn: str, query: LiteralString, *values: object) -> list[tuple[Any, ...]]:
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as owner:
        cursor = await owner.execute(query, values)
        return await cursor.fetchall() if cursor.description else []


async def test_a_correction_takes_the_old_name_out_and_puts_the_new_one_in(place: Place) -> None:
    [person_id] = await place.register(PARWANA)
    await place.caught_up()
    assert await place.found("rahimi") == {person_id}
    before = await asked(place.parts.dsn, "SELECT terms::text FROM search.terms")
    await place.correct(person_id, replace(PARWANA, full_name="Parwana Karimi"))
    await place.caught_up()
    assert await place.found("rahimi") == set()
    assert await place.found("karimi") == {person_id}
    after = await asked(place.parts.dsn, "SELECT terms::text FROM search.terms")
    assert len(after) == 1
    assert after != before


async def test_whoever_is_registered_while_the_index_is_followed_is_found_within_moments(place: Place) -> None:
    async with following(indexer(place.parts), indexer(place.parts)):
        for details in (PARWANA, SABINE):
            await place.register(details)
            [(last,)] = await asked(place.parts.dsn, "SELECT accompany.last_position()")
            await reaches(place, last)
    await place.caught_up()
    assert len(await place.found("parwana")) == len(await place.found("kruger")) == 1


async def test_another_indexer_goes_on_where_one_was_cut_off(place: Place) -> None:
    dsn = place.parts.dsn
    async with following(indexer(place.parts), indexer(place.parts)):
        await place.register(PARWANA)
        await reaches(place, 1)
        # What a failing network does to whoever works, and to whoever stands by.
        await asked(
            dsn, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'accompany-worker'"
        )
        await place.register(SABINE)
        await reaches(place, 2)
    await place.caught_up()
    assert len(await place.found("sabine")) == 1


async def test_the_index_is_asked_while_it_is_filled_anew(place: Place) -> None:
    people = await place.register(*[replace(PARWANA, full_name=f"Parwana Number{n}") for n in range(60)])
    await place.caught_up()
    seen: list[int] = []
    small = indexer(place.parts, batch=7)
    # Filled anew by the process that follows the log, and by one alone.
    for others in ((small,), ()):
        async with following(*others):
            if others:
                await reaches(place, 60)
            anew = asyncio.create_task(small.rebuild(lambda done, total: seen.append(done)))
            while not anew.done():
                assert await place.found("parwana") == set(people)
                await asyncio.sleep(0.005)
            await anew
        assert await place.found("parwana") == set(people)
        assert await asked(place.parts.dsn, "SELECT count(*), count(DISTINCT filling) FROM search.terms") == [(60, 1)]
    assert seen
    assert await status(place.parts.dsn) == SearchStatus(60, 60, is_filled_anew=False, error=None)


async def test_several_who_fill_the_index_anew_at_once_end_with_one(place: Place) -> None:
    people = await place.register(*[replace(PARWANA, full_name=f"Parwana Number{n}") for n in range(20)])
    await place.caught_up()
    async with following(indexer(place.parts, batch=3)):
        await asyncio.gather(*(indexer(place.parts, batch=3).rebuild() for _ in range(3)))
        async with asyncio.timeout(30):
            while (await status(place.parts.dsn)).is_filled_anew:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.02)
    assert await place.found("parwana") == set(people)
    assert await asked(place.parts.dsn, "SELECT count(*), count(DISTINCT filling) FROM search.terms") == [(20, 1)]


async def test_under_another_key_nobody_is_found_until_the_index_is_filled_under_it(place: Place) -> None:
    [person_id] = await place.register(PARWANA)
    await place.caught_up()
    other = Blinder(lambda organisation_id: b"another secret, 32 bytes long...")
    index = SearchIndex(place.parts.pool, other, place.parts.index.opening)
    with_other = Place(replace(place.parts, index=index), place.by)
    assert await index.reached() == 0
    assert await with_other.found("parwana") == set()
    await indexer(with_other.parts).catch_up()
    assert await with_other.found("parwana") == {person_id}
    assert await index.reached() == 1
    assert await place.found("parwana") == set(), "and the first key finds nobody any more"


async def test_a_forgotten_person_is_in_no_filling_and_never_comes_back(place: Place) -> None:
    parwana, sabine = await place.register(PARWANA, SABINE)
    twin = Place(place.parts, caller(await organisation(place.parts.dsn, "Twin")))
    [theirs] = await twin.register(PARWANA)
    await place.caught_up()
    assert await place.parts.index.forget(place.by.organisation_id, parwana) == 1
    assert await place.parts.index.forget(place.by.organisation_id, parwana) == 0
    assert await place.parts.index.forget(place.by.organisation_id, theirs) == 0, "another organisation's"
    assert await place.found("parwana") == set()
    # What is still in the log, or is recorded of them later, does not come back: neither by following nor by filling anew.
    await place.correct(parwana, replace(PARWANA, note="Corrected after all"))
    await place.caught_up()
    await indexer(place.parts).rebuild()
    assert await asked(place.parts.dsn, "SELECT FROM search.terms WHERE person_id = %s", parwana) == []
    assert await place.found("parwana") == set()
    assert await place.found("sabine") == {sabine}
    assert await twin.found("parwana") == {theirs}


async def test_forgetting_waits_for_a_batch_that_is_being_written(place: Place) -> None:
    [person_id] = await place.register(PARWANA)
    await place.caught_up()
    async with await psycopg.AsyncConnection.connect(place.parts.dsn) as writer:
        await writer.execute("SELECT FROM search.fillings FOR UPDATE")
        await writer.execute("UPDATE search.terms SET terms = 'late' WHERE person_id = %s", (person_id,))
        forgetting = asyncio.create_task(place.parts.index.forget(place.by.organisation_id, person_id))
        await asyncio.sleep(0.2)
        assert not forgetting.done()
        await writer.commit()
        await forgetting
    assert await asked(place.parts.dsn, "SELECT count(*) FROM search.terms") == [(0,)]


@pytest.mark.parametrize("how", ["destroyed", "lost"])
async def test_a_person_whom_nobody_can_read_any_more_is_passed_over(place: Place, tmp_path: Path, how: str) -> None:
    parwana, sabine = await place.register(PARWANA, SABINE)
    await place.caught_up()
    if how == "destroyed":
        await place.parts.keys.destroy(place.by.organisation_id, parwana)
    else:
        await asked(place.parts.dsn, "DELETE FROM keys.person_keys WHERE person_id = %s", parwana)
    # Another process, which never had the key in memory.
    async with opened(tmp_path, place.parts.dsn) as parts:
        elsewhere = Place(parts, place.by)
        # Still in the index, they match nothing, and everybody else is found.
        assert await elsewhere.found("parwana") == set()
        assert await elsewhere.found("sabine") == {sabine}
        await indexer(parts).rebuild()
        assert await parts.index.reached() == 2
        assert await elsewhere.found("sabine") == {sabine}
    assert await asked(place.parts.dsn, "SELECT person_id FROM search.terms") == [(sabine,)]


async def test_two_organisations_with_the_same_people_share_no_bucket(place: Place) -> None:
    twin = Place(place.parts, caller(await organisation(place.parts.dsn, "Twin")))
    people = [replace(PARWANA, full_name=f"Parwana Number{n}") for n in range(50)]
    await place.register(*people)
    await twin.register(*people)
    await place.caught_up()
    buckets = dict(
        await asked(
            place.parts.dsn,
            "SELECT organisation_id, array_agg(DISTINCT lexeme) FROM search.terms, unnest(tsvector_to_array(terms)) lexeme"
            " GROUP BY organisation_id",
        )
    )
    mine, theirs = (set(buckets[one.by.organisation_id]) for one in (place, twin))
    assert len(mine) > 20 < len(theirs)
    assert not mine & theirs


async def test_the_index_holds_buckets_that_many_terms_share_and_no_whole_hmac(place: Place) -> None:
    await place.register(
        *[replace(PARWANA, full_name=f"Parwana Number{n}", phone=f"+49 151 {n:07d}") for n in range(50)]
    )
    await place.caught_up()
    rows = await asked(place.parts.dsn, "SELECT tsvector_to_array(terms) FROM search.terms")
    for (lexemes,) in rows:
        assert len(lexemes) % 16 == 0, "the length of a name does not show"
        for lexeme in lexemes:
            assert re.fullmatch(r"[0-9a-z]{5}[0-9a-z]{1,4}", lexeme)
            bucket = int(lexeme[5:], 36)
            assert bucket.bit_length() - 1 == BITS[0], "a small organisation has 256 buckets"


async def test_the_service_can_ask_and_forget_but_neither_read_nor_change_the_index(place: Place) -> None:
    await place.register(PARWANA)
    await place.caught_up()
    for statement in (
        "SELECT * FROM search.terms",
        "DELETE FROM search.terms",
        "INSERT INTO search.terms SELECT * FROM search.terms",
        "UPDATE search.fillings SET position = 0",
        "SELECT * FROM search.forgotten",
        "DELETE FROM search.forgotten",
    ):
        async with await psycopg.AsyncConnection.connect(
            session(place.parts.dsn, "accompany_service", statement_timeout=5)
        ) as service:
            with pytest.raises(errors.InsufficientPrivilege):
                await service.execute(statement)
    for call in ("search.candidates('a', '', NULL, NULL, 1)", f"search.forget('{UUID(int=1)}')"):
        async with await psycopg.AsyncConnection.connect(
            session(place.parts.dsn, "accompany_service", statement_timeout=5)
        ) as service:
            with pytest.raises(errors.RaiseException, match="organisation is not set"):
                await service.execute(f"SELECT {call}")
        async with await psycopg.AsyncConnection.connect(
            session(place.parts.dsn, "accompany_worker", statement_timeout=5)
        ) as worker:
            with pytest.raises(errors.InsufficientPrivilege):
                await worker.execute(f"SELECT {call}")
