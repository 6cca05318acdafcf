"""The key ring: people's data keys, wrapped in the database, unwrapped in memory for a bounded time and number."""

from collections.abc import Callable, Iterable, Sequence
from itertools import batched
from time import monotonic
from typing import Any, ClassVar
from uuid import UUID

from psycopg_pool import AsyncConnectionPool

from adapters.keys.holder import KeyHolderUnavailable, KeysUnavailable, PersonKey, described
from adapters.keys.holders import Holders
from adapters.keys.key_cache import KeyCache, Person, Versions
from adapters.keys.sealing import DataKey, KeyDestroyed, Unreadable
from adapters.keys.store import KeyStore
from domain.erasure import PersonErased

__all__ = ["KeyRing", "Keys", "KeysUnavailable", "WrongKey"]

# Wrapping takes about 10 µs a key: longer batches would keep the event loop from other requests.
BATCH = 500
# A person who gets no key because the holder changed in that moment is asked for again under the new one.
ATTEMPTS = 3

FETCH = """
    SELECT person_id, key_version, wrapped FROM keys.person_keys WHERE organisation_id = %s AND person_id = ANY (%s)
    UNION ALL
    SELECT person_id, NULL, NULL FROM keys.destroyed WHERE organisation_id = %s AND person_id = ANY (%s)
"""


class WrongKey(Exception):
    """The key ring is wrapped under a key-encryption key that is not at hand."""

    code: ClassVar[str] = "wrong-key"

    def __init__(self, holder: bytes) -> None:
        super().__init__(
            f"The people's keys in this database are wrapped under a key that is not at hand: {described(holder)}. "
            "Put the right key back, or name it in the settings; without it nothing personal can be read."
        )


class Keys:
    """Some people's data keys, held for as long as this object lives, whatever the ring drops meanwhile."""

    def __init__(self) -> None:
        self._held: dict[Person, Versions] = {}
        self._destroyed: set[Person] = set()

    def __call__(self, organisation_id: UUID, person_id: UUID, key_version: int | None = None) -> DataKey:
        """The key of that version, or the newest. Raises KeyDestroyed after an erasure, Unreadable where there is none."""
        person = organisation_id, person_id
        if person in self._destroyed:
            raise KeyDestroyed
        return _chosen(self._held.get(person), key_version)

    def hold(self, person: Person, keys: Versions) -> None:
        self._held[person] = keys

    def mark_destroyed(self, person: Person) -> None:
        self._destroyed.add(person)

    @property
    def some_destroyed(self) -> bool:
        return bool(self._destroyed)


class KeyRing:
    """Fetches, makes, renews and destroys data keys. One for each process, on its event loop; several share one database.

    `pool` connects as `accompany_keys`. At most `capacity` people's keys are kept, each for `keep_seconds`; `changes.follow`
    keeps the memory true to what other processes do. What else holds opened data in memory asks to be told by `when_dropped`.
    Raises KeysUnavailable where the ring or what holds its key can't be reached.
    """

    def __init__(
        self,
        pool: AsyncConnectionPool[Any],
        holders: Holders,
        *,
        capacity: int = 20_000,
        keep_seconds: float = 300.0,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._store = KeyStore(pool)
        self._holders = holders
        self._cache = KeyCache(capacity, keep_seconds, clock)
        self._clock = clock
        self._told: list[Callable[[], None]] = []

    async def begin(self) -> bool:
        """For the start of a process: takes the holder in force, or puts the first one in force.

        Answers whether this ring is older than its service secrets, which were derived from the key file then. Raises WrongKey if
        a holder that the ring names is not at hand.
        """
        [state] = await self._store.ask(
            None, "SELECT holder, former, secrets_from_file FROM keys.begin_with(%s)", (self._holders.in_force,)
        )
        holder, former, secrets_from_file = state
        for one in (holder, former):
            if one is not None and not await self._holders.move_to(one, None):
                raise WrongKey(one)
        await self._holders.move_to(holder, former)
        return bool(secrets_from_file)

    async def fetch(self, organisation_id: UUID, needed: Iterable[tuple[UUID, int]]) -> Keys:
        """The keys of these (person id, key version) pairs. What is missing is left out; its use is Unreadable."""
        keys = Keys()
        missing: set[UUID] = set()
        for person_id, key_version in set(needed):
            cached = self._cache.get((organisation_id, person_id))
            if cached is not None and key_version in cached:
                keys.hold((organisation_id, person_id), cached)
            else:
                missing.add(person_id)
        for people in batched(missing, BATCH):
            await self._load(organisation_id, people, keys)
        return keys

    async def ensure(self, organisation_id: UUID, person_ids: Iterable[UUID]) -> Keys:
        """The keys of these people, made for whom there are none and durable before this returns.

        Raises PersonErased if one of them has been erased: there is never another key.
        """
        keys = Keys()
        missing: set[UUID] = set()
        for person_id in set(person_ids):
            cached = self._cache.get((organisation_id, person_id))
            if cached is None:
                missing.add(person_id)
            else:
                keys.hold((organisation_id, person_id), cached)
        for people in batched(missing, BATCH):
            without = set(people) - await self._load(organisation_id, people, keys)
            for _ in range(ATTEMPTS):
                if without:
                    without -= await self._make(organisation_id, list(without), keys)
            if without:
                raise KeyHolderUnavailable
        if keys.some_destroyed:
            raise PersonErased
        return keys

    async def renew(self, organisation_id: UUID, person_id: UUID) -> int:
        """Gives a person a further key, for what is recorded from now on; what is sealed opens as before. Answers its version.

        Raises PersonErased, or Unreadable for somebody who has no key yet.
        """
        for _ in range(ATTEMPTS):
            newest = (await self._fresh(organisation_id, person_id))(organisation_id, person_id).version
            key = DataKey.generate(newest + 1)
            [wrapped] = await self._holders.wrap([(PersonKey(organisation_id, person_id, key.version), key.secret)])
            [[done]] = await self._store.ask(
                organisation_id, "SELECT keys.renew(%s, %s, %s)", (person_id, key.version, wrapped)
            )
            if done:
                self.drop((organisation_id, person_id))
                return key.version
            await self._follow_holder()
        raise KeysUnavailable

    async def destroy(self, organisation_id: UUID, person_id: UUID) -> int:
        """Destroys every version of a person's key, for good. Answers how many there were, 0 at a repeat.

        When it returns, this process holds nothing of them; other processes drop theirs within a second, or, where no notice
        reaches them, within `changes.TRUSTED` seconds.
        """
        [[gone]] = await self._store.ask(organisation_id, "SELECT keys.destroy(%s)", (person_id,))
        self.drop((organisation_id, person_id))
        return int(gone)

    async def destroyed(self, organisation_id: UUID, person_ids: Iterable[UUID]) -> set[UUID]:
        """Those of these people whose keys were destroyed."""
        rows = await self._store.ask(
            organisation_id,
            "SELECT person_id FROM keys.destroyed WHERE organisation_id = %s AND person_id = ANY (%s)",
            (organisation_id, list(set(person_ids))),
        )
        return {person_id for (person_id,) in rows}

    def cached(self, organisation_id: UUID, person_id: UUID, key_version: int | None = None) -> DataKey:
        """A key that was fetched or ensured before, or Unreadable; never asks the database.

        Others' keys may push it out meanwhile: what `fetch` and `ensure` return is not lost in between.
        """
        return _chosen(self._cache.get((organisation_id, person_id)), key_version)

    @property
    def held(self) -> int:
        """How many people's keys are in memory."""
        return len(self._cache)

    def when_dropped(self, told: Callable[[], None]) -> None:
        """Calls `told` whenever keys are dropped because something happened to them: opened data in memory must go as well."""
        self._told.append(told)

    def drop(self, person: Person | None = None) -> None:
        """Forgets one person's keys, or everybody's."""
        self._cache.drop(person)
        for told in self._told:
            told()

    def trust_for(self, seconds: float) -> None:
        """Keys in memory count as current for so long, until this is said again."""
        self._cache.trusted_until = self._clock() + seconds

    async def move_to(self, holder: bytes, former: bytes | None) -> None:
        """Follows a rotation that began or ended elsewhere."""
        await self._holders.move_to(holder, former)

    async def _fresh(self, organisation_id: UUID, person_id: UUID) -> Keys:
        keys = Keys()
        await self._load(organisation_id, [person_id], keys)
        if keys.some_destroyed:
            raise PersonErased
        return keys

    async def _load(self, organisation_id: UUID, people: Sequence[UUID], keys: Keys) -> set[UUID]:
        """Takes into `keys` what the ring has of these people; answers of whom it had something."""
        asked = organisation_id, list(people)
        drops = self._cache.drops
        return await self._take(organisation_id, await self._store.ask(organisation_id, FETCH, asked * 2), keys, drops)

    async def _make(self, organisation_id: UUID, people: list[UUID], keys: Keys) -> set[UUID]:
        drops = self._cache.drops
        made = [(PersonKey(organisation_id, person_id, 1), DataKey.generate().secret) for person_id in people]
        offered = await self._holders.wrap(made)
        rows = await self._store.ask(
            organisation_id,
            "SELECT person_id, key_version, wrapped FROM keys.ensure(%s::uuid[], %s::bytea[])",
            (people, offered),
        )
        found = await self._take(organisation_id, rows, keys, drops)
        if len(found) < len(people):
            await self._follow_holder()
        return found

    async def _follow_holder(self) -> None:
        for holder, former in await self._store.ask(None, "SELECT holder, former FROM keys.state"):
            await self._holders.move_to(holder, former)

    async def _take(
        self, organisation_id: UUID, rows: Sequence[tuple[UUID, int | None, bytes]], keys: Keys, drops: int
    ) -> set[UUID]:
        wrapped = [
            (PersonKey(organisation_id, person_id, key_version), bytes(wrapped))
            for person_id, key_version, wrapped in rows
            if key_version is not None
        ]
        secrets = await self._holders.unwrap(wrapped)
        if None in secrets:
            # Damaged, or wrapped under a holder that was put in force since this process last looked.
            await self._follow_holder()
            secrets = await self._holders.unwrap(wrapped)
        loaded: dict[Person, Versions] = {}
        for (subject, _), secret in zip(wrapped, secrets, strict=True):
            # One damaged key must not keep the others from being read: it is missing where it is used.
            if secret is not None:
                versions = loaded.setdefault((organisation_id, subject.person_id), {})
                versions[subject.version] = DataKey(subject.version, secret)
        for person, versions in loaded.items():
            keys.hold(person, versions)
        for person_id, key_version, _ in rows:
            if key_version is None:
                keys.mark_destroyed((organisation_id, person_id))
        self._cache.put(loaded, drops)
        return {person_id for person_id, _, _ in rows}


def _chosen(keys: Versions | None, key_version: int | None) -> DataKey:
    if not keys:
        raise Unreadable
    key = keys.get(max(keys) if key_version is None else key_version)
    if key is None:
        raise Unreadable
    return key
