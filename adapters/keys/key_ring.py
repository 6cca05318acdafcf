"""The key ring: people's data keys, wrapped in the database, unwrapped in memory for a bounded time and number."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import batched
from time import monotonic
from typing import Any, ClassVar, LiteralString
from uuid import UUID

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from adapters.keys.key_file import KeyFile
from adapters.keys.sealing import DataKey, Unreadable

# Wrapping takes about 10 µs a key: longer batches would keep the event loop from other requests.
BATCH = 500
ATTEMPTS = 3

type Person = tuple[UUID, UUID]
"""Organisation id and person id."""


class KeysUnavailable(Exception):
    """The key ring can't be reached. Nothing was sealed or opened; the same can be asked again."""

    code: ClassVar[str] = "keys-unavailable"

    def __init__(self) -> None:
        super().__init__("The key ring can't be reached at the moment.")


class WrongKeyFile(Exception):
    """The key ring was wrapped under another key-encryption key than the one at hand."""

    code: ClassVar[str] = "wrong-key-file"

    def __init__(self) -> None:
        super().__init__(
            "This key file is not the one that the people's keys in this database were wrapped with. "
            "Put the right key file back; without it nothing personal can be read."
        )


class Keys:
    """Some people's data keys, held for as long as this object lives, whatever the ring drops meanwhile."""

    def __init__(self) -> None:
        self._held: dict[Person, dict[int, DataKey]] = {}

    def __call__(self, organisation_id: UUID, person_id: UUID, key_version: int | None = None) -> DataKey:
        """The key of that version, or the newest. Raises Unreadable where there is none, as after an erasure."""
        return _chosen(self._held.get((organisation_id, person_id)), key_version)

    def hold(self, person: Person, keys: dict[int, DataKey]) -> None:
        self._held[person] = keys


@dataclass(frozen=True, slots=True)
class _Cached:
    keys: dict[int, DataKey]
    until: float


class KeyRing:
    """Fetches and makes data keys. One for each process, on its event loop; several processes share one database.

    `pool` connects as `accompany_service` (or `accompany_worker`, which only fetches). At most `capacity` people's keys
    are kept, each for `keep_seconds`.
    """

    def __init__(
        self,
        pool: AsyncConnectionPool[Any],
        key_file: KeyFile,
        *,
        capacity: int = 20_000,
        keep_seconds: float = 300.0,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._pool = pool
        self._key_file = key_file
        self._capacity = capacity
        self._keep_seconds = keep_seconds
        self._clock = clock
        # In the order of loading, which is also the order of expiry: what goes first stands in front.
        self._cache: dict[Person, _Cached] = {}
        self._sweep: asyncio.TimerHandle | None = None

    async def check(self) -> None:
        """Raises WrongKeyFile if the ring holds keys that this key file does not open. For the start of a process."""
        rows = await self._ask(None, "SELECT keys.holder()", ())
        if rows and rows[0][0] not in (None, self._key_file.holder):
            raise WrongKeyFile

    async def fetch(self, organisation_id: UUID, needed: Iterable[tuple[UUID, int]]) -> Keys:
        """The keys of these (person id, key version) pairs. What is missing is left out; its use is Unreadable."""
        keys = Keys()
        missing: set[UUID] = set()
        for person_id, key_version in set(needed):
            cached = self._in_cache((organisation_id, person_id))
            if cached is not None and key_version in cached:
                keys.hold((organisation_id, person_id), cached)
            else:
                missing.add(person_id)
        for people in batched(missing, BATCH):
            rows = await self._ask(
                organisation_id,
                "SELECT person_id, key_version, wrapped FROM keys.person_keys"
                " WHERE organisation_id = %s AND person_id = ANY (%s)",
                (organisation_id, list(people)),
            )
            self._take(organisation_id, rows, keys)
        return keys

    async def ensure(self, organisation_id: UUID, person_ids: Iterable[UUID]) -> Keys:
        """The keys of these people, made for whom there are none and durable before this returns."""
        keys = Keys()
        missing: set[UUID] = set()
        for person_id in set(person_ids):
            cached = self._in_cache((organisation_id, person_id))
            if cached is None:
                missing.add(person_id)
            else:
                keys.hold((organisation_id, person_id), cached)
        for people in batched(missing, BATCH):
            offered = [
                self._key_file.wrap(DataKey.generate(), organisation_id=organisation_id, person_id=person_id)
                for person_id in people
            ]
            rows = await self._ask(
                organisation_id,
                "SELECT person_id, key_version, wrapped FROM keys.ensure(%s::uuid[], %s::bytea[])",
                (list(people), offered),
            )
            self._take(organisation_id, rows, keys)
        return keys

    def cached(self, organisation_id: UUID, person_id: UUID, key_version: int | None = None) -> DataKey:
        """A key that was fetched or ensured before, or Unreadable; never asks the database.

        Others' keys may push it out meanwhile: what `fetch` and `ensure` return is not lost in between.
        """
        return _chosen(self._in_cache((organisation_id, person_id)), key_version)

    @property
    def held(self) -> int:
        """How many people's keys are in memory."""
        return len(self._cache)

    def _in_cache(self, person: Person) -> dict[int, DataKey] | None:
        cached = self._cache.get(person)
        return cached.keys if cached is not None and cached.until > self._clock() else None

    def _take(self, organisation_id: UUID, rows: Sequence[tuple[UUID, int, bytes]], keys: Keys) -> None:
        loaded: dict[UUID, dict[int, DataKey]] = {}
        for person_id, key_version, wrapped in rows:
            # One damaged key must not keep the others from being read: it is missing where it is used.
            with suppress(Unreadable):
                loaded.setdefault(person_id, {})[key_version] = self._key_file.unwrap(
                    wrapped, organisation_id=organisation_id, person_id=person_id, key_version=key_version
                )
        until = self._clock() + self._keep_seconds
        for person_id, versions in loaded.items():
            person = (organisation_id, person_id)
            keys.hold(person, versions)
            self._cache.pop(person, None)
            self._cache[person] = _Cached(versions, until)
        while len(self._cache) > self._capacity:
            del self._cache[next(iter(self._cache))]
        if self._cache and self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(self._keep_seconds, self._drop_expired)

    def _drop_expired(self) -> None:
        """Without this, a process that has nothing more to do would hold its last keys for ever."""
        self._sweep = None
        now = self._clock()
        while self._cache:
            person, oldest = next(iter(self._cache.items()))
            if oldest.until > now:
                self._sweep = asyncio.get_running_loop().call_later(oldest.until - now, self._drop_expired)
                return
            del self._cache[person]

    async def _ask(self, organisation_id: UUID | None, sql: LiteralString, values: tuple[Any, ...]) -> list[Any]:
        """The rows of one statement as this organisation, in one round trip.

        All that is asked here may be asked twice, so connections that a restarted database cut are replaced unseen.
        """
        try:
            for _ in range(ATTEMPTS):
                with suppress(_ConnectionCut):
                    return await self._ask_once(organisation_id, sql, values)
                await self._pool.check()
        except (psycopg.OperationalError, PoolTimeout):
            pass
        raise KeysUnavailable

    async def _ask_once(self, organisation_id: UUID | None, sql: LiteralString, values: tuple[Any, ...]) -> list[Any]:
        async with self._pool.connection() as connection:
            try:
                async with connection.pipeline(), connection.transaction():
                    await connection.execute(
                        "SELECT set_config('accompany.organisation', %s, true)", (str(organisation_id or ""),)
                    )
                    cursor = await connection.execute(sql, values, binary=True)
                rows: list[Any] = await cursor.fetchall()
                return rows
            except psycopg.OperationalError:
                if connection.closed:
                    raise _ConnectionCut from None
                raise


class _ConnectionCut(Exception):
    """The server closed the connection: it may be back already, on another one."""


def _chosen(keys: dict[int, DataKey] | None, key_version: int | None) -> DataKey:
    if not keys:
        raise Unreadable
    key = keys.get(max(keys) if key_version is None else key_version)
    if key is None:
        raise Unreadable
    return key
