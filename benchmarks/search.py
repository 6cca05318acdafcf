"""Searching among many people beside the same names in plain text under a B-tree, which is as fast as a search can be."""

import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import batched, product
from typing import Any, LiteralString

import httpx
import psycopg

from adapters.identity.members import ensure_member, issue
from adapters.postgres.runner import Runner
from adapters.serving import watched_indexer
from adapters.wiring import Installation
from application.caller import Submission
from application.ids import new_id
from application.record import Entry
from benchmarks.cases import FIRST_DAY, Office, office
from benchmarks.ground import Ground
from benchmarks.measured import Figure, median, percentile
from benchmarks.serving import service
from domain.occurred import Occurred
from domain.person import Details, Person
from domain.vocabulary import PersonRole, Role

AT_ONCE = 100
SHOWN = 50

PLAIN: LiteralString = """
    CREATE TABLE plain_words (person integer, word text COLLATE "C");
    CREATE TABLE plain_numbers (person integer, phone text COLLATE "C", reference text COLLATE "C");
"""
INDEXES: LiteralString = """
    CREATE INDEX ON plain_words (word, person);
    CREATE INDEX ON plain_numbers (reverse(phone) COLLATE "C");
    CREATE INDEX ON plain_numbers (reference);
    ANALYZE plain_words; ANALYZE plain_numbers;
"""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of search: what is typed for somebody, and the plain query for the same."""

    name: str
    typed: Callable[[Details], str]
    query: LiteralString
    values: Callable[[Details], Sequence[str]]


def _first(details: Details) -> str:
    return details.full_name.split()[0].lower()


def _last(details: Details) -> str:
    return details.full_name.split()[1].lower()


WORD: LiteralString = "SELECT DISTINCT person FROM plain_words WHERE word LIKE %s LIMIT 50"
WORDS: LiteralString = (
    "SELECT DISTINCT a.person FROM plain_words a JOIN plain_words b USING (person)"
    " WHERE a.word LIKE %s AND b.word LIKE %s LIMIT 50"
)
ENDING: LiteralString = (
    "SELECT person FROM plain_numbers WHERE reverse(phone) COLLATE \"C\" LIKE reverse(%s) || '%%' LIMIT 50"
)
REFERENCE: LiteralString = "SELECT person FROM plain_numbers WHERE reference LIKE %s LIMIT 50"

KINDS = (
    Kind("two letters of a first name", lambda one: _first(one)[:2], WORD, lambda one: [f"{_first(one)[:2]}%"]),
    Kind("a family name", _last, WORD, lambda one: [f"{_last(one)}%"]),
    Kind(
        "four letters of both names",
        lambda one: f"{_last(one)[:4]} {_first(one)[:4]}",
        WORDS,
        lambda one: [f"{_last(one)[:4]}%", f"{_first(one)[:4]}%"],
    ),
    Kind("a telephone number", lambda one: one.phone.replace("+49", "0"), ENDING, lambda one: [one.phone]),
    Kind("its last four digits", lambda one: one.phone[-4:], ENDING, lambda one: [one.phone[-4:]]),
    Kind("a reference", lambda one: one.reference, REFERENCE, lambda one: [f"{one.reference}%"]),
)


async def search(ground: Ground) -> list[Figure]:
    number = 2_000 if ground.quick else 100_000
    dsn = ground.empty_database()
    people = _people(number)
    async with ground.installation(dsn) as parts:
        at = await office(parts)
        await _register(parts, at, people)
        token = await _coordinator(at, dsn)
        await Runner(dsn).catch_up()
        began = time.perf_counter()
        await watched_indexer(parts).catch_up()
        filled = time.perf_counter() - began
    figures = [
        Figure(_group(number), "the index filled, people a second", f"{number / filled:,.0f}"),
        await _size(dsn, number),
    ]
    asked = random.Random(7).sample(people, 50 if ground.quick else 300)  # noqa: S311 - the same ones each time
    plain = ground.empty_database()
    async with await psycopg.AsyncConnection.connect(plain, autocommit=True) as bound:
        await _fill_plain(bound, people)
        with service(ground.environment(dsn), "--no-worker") as served:
            async with httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{served.port}", headers={"Authorization": f"Bearer {token}"}
            ) as client:
                for kind in KINDS:
                    ours = await _milliseconds([_asking(client, kind.typed(one)) for one in asked])
                    theirs = await _milliseconds([_querying(bound, kind.query, kind.values(one)) for one in asked])
                    figures.append(
                        Figure(
                            _group(number),
                            kind.name,
                            f"{median(ours):.1f} ms, 99 % in {percentile(ours, 99):.1f}",
                            f"{median(theirs):.2f} ms, 99 % in {percentile(theirs, 99):.2f} in plain text, without HTTP",
                            median(ours) / median(theirs),
                        )
                    )
    return figures


def _group(number: int) -> str:
    return f"Search among {number:,} people"


def _people(number: int) -> list[Details]:
    """As many names as a country has, the first ones far more common than the last."""
    chance = random.Random(5)  # noqa: S311 - the same people each time
    syllables = [consonant + vowel for consonant in "bdfghklmnrstvz" for vowel in "aeiou"]
    words = ["".join(some) for some in product(syllables, repeat=3)]
    chance.shuffle(words)
    first, last = words[:800], words[800:9_000]
    by_rank = [1 / (rank + 10) for rank in range(len(words))]
    firsts = chance.choices(first, by_rank[: len(first)], k=number)
    lasts = chance.choices(last, by_rank[: len(last)], k=number)
    return [
        Details(
            full_name=f"{one.title()} {other.title()}",
            phone=f"+49151{chance.randrange(10**7):07d}",
            reference=f"T-{place:06d}",
        )
        for place, (one, other) in enumerate(zip(firsts, lasts, strict=True))
    ]


async def _register(parts: Installation, at: Office, people: list[Details]) -> None:
    told = Occurred(FIRST_DAY)
    for some in batched(people, AT_ONCE):
        registered = [Person.register(new_id(), role=PersonRole.TRAINEE, details=one, told=told) for one in some]
        await parts.record.append(
            at.by, [Entry.of(Submission(str(new_id()), b"d" * 32), one, {}) for one in registered]
        )


async def _coordinator(at: Office, dsn: str) -> str:
    """The token of somebody who may find everybody."""
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        by = at.by
        member_id = await ensure_member(connection, by.organisation_id, new_id(), "co01")
        return await issue(connection, by.organisation_id, member_id, Role.COORDINATOR, "bearer", timedelta(hours=9))


async def _fill_plain(connection: psycopg.AsyncConnection[Any], people: list[Details]) -> None:
    await connection.execute(PLAIN)
    async with connection.cursor() as cursor:
        async with cursor.copy("COPY plain_words FROM STDIN") as into:
            for place, one in enumerate(people):
                for word in (_first(one), _last(one)):
                    await into.write_row((place, word))
        async with cursor.copy("COPY plain_numbers FROM STDIN") as into:
            for place, one in enumerate(people):
                await into.write_row((place, one.phone, one.reference))
    await connection.execute(INDEXES)


async def _size(dsn: str, number: int) -> Figure:
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        cursor = await connection.execute("SELECT pg_total_relation_size('search.terms')")
        row = await cursor.fetchone()
    assert row is not None
    return Figure(_group(number), "the index with its table, bytes a person", f"{row[0] / number:,.0f}")


async def _milliseconds(asking: Sequence[Callable[[], Awaitable[None]]]) -> list[float]:
    """One after the other, after a few to warm up."""
    for one in asking[:5]:
        await one()
    found = []
    for one in asking:
        began = time.perf_counter()
        await one()
        found.append(1000 * (time.perf_counter() - began))
    return found


def _asking(client: httpx.AsyncClient, typed: str) -> Callable[[], Awaitable[None]]:
    async def ask() -> None:
        answer = await client.post("/api/v1/search", json={"q": typed, "limit": SHOWN})
        assert answer.status_code == 200, answer.status_code
        assert answer.json()["people"], "everybody who is asked for is on record"

    return ask


def _querying(
    connection: psycopg.AsyncConnection[Any], query: LiteralString, values: Sequence[str]
) -> Callable[[], Awaitable[None]]:
    async def ask() -> None:
        cursor = await connection.execute(query, values, prepare=True)
        assert await cursor.fetchall()

    return ask
