"""People's unwrapped keys in memory: for a bounded time, a bounded number, and no longer than erasures are heard of."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from uuid import UUID

from adapters.keys.sealing import DataKey

type Person = tuple[UUID, UUID]
"""Organisation id and person id."""
type Versions = dict[int, DataKey]


@dataclass(frozen=True, slots=True)
class _Cached:
    keys: Versions
    until: float


class KeyCache:
    """At most `capacity` people's keys, each for `keep_seconds`. For one event loop.

    `trusted_until` bounds all of them: after it, nothing is given out, because an erasure elsewhere may have been missed.
    """

    def __init__(self, capacity: int, keep_seconds: float, clock: Callable[[], float]) -> None:
        self._capacity = capacity
        self._keep_seconds = keep_seconds
        self._clock = clock
        # In the order of loading, which is also the order of expiry: what goes first stands in front.
        self._cache: dict[Person, _Cached] = {}
        self._sweep: asyncio.TimerHandle | None = None
        self.trusted_until = inf
        self.drops = 0
        """How often something was dropped. What was read from the database before a drop must not come in after it."""

    def __len__(self) -> int:
        return len(self._cache)

    def get(self, person: Person) -> Versions | None:
        now = self._clock()
        cached = self._cache.get(person)
        return cached.keys if cached is not None and now < cached.until and now < self.trusted_until else None

    def put(self, loaded: Mapping[Person, Versions], drops: int) -> None:
        """Keeps what was loaded, unless something was dropped since `drops` was read, before loading."""
        if drops != self.drops:
            return
        until = self._clock() + self._keep_seconds
        for person, versions in loaded.items():
            self._cache.pop(person, None)
            self._cache[person] = _Cached(versions, until)
        while len(self._cache) > self._capacity:
            del self._cache[next(iter(self._cache))]
        if self._cache and self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(self._keep_seconds, self._drop_expired)

    def drop(self, person: Person | None = None) -> None:
        """One person's keys, or everybody's."""
        self.drops += 1
        if person is None:
            self._cache.clear()
        else:
            self._cache.pop(person, None)

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
