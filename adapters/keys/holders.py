"""The key-encryption keys at hand: one in ordinary times, the old and the new one while the ring moves from one to the other."""

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence

from adapters.keys.holder import HOLDER_BYTES, KeyHolder, KeyHolderUnavailable, Subject

log = logging.getLogger(__name__)


async def _no_more() -> Iterable[KeyHolder]:
    return ()


class Holders:
    """Unwraps by whichever holder a wrapped key names, and wraps by the one that is in force.

    `first` is in force until `move_to` is told otherwise. `more` looks for holders that came while this process ran.
    """

    def __init__(
        self, first: KeyHolder, *others: KeyHolder, more: Callable[[], Awaitable[Iterable[KeyHolder]]] = _no_more
    ) -> None:
        self.first = first
        self._known = {one.holder: one for one in (first, *others)}
        self._in_force = first.holder
        self._former: bytes | None = None
        self._more = more

    @property
    def in_force(self) -> bytes:
        return self._in_force

    async def move_to(self, in_force: bytes, former: bytes | None) -> bool:
        """Follows what the ring says; whether both are at hand."""
        self._in_force, self._former = in_force, former
        return all([await self._found(one) is not None for one in (in_force, former) if one])

    async def wrap(self, secrets: Sequence[tuple[Subject, bytes]]) -> list[bytes]:
        """Raises KeyHolderUnavailable."""
        holder = await self._found(self._in_force)
        if holder is None:
            log.error("key-holder-unknown")
            raise KeyHolderUnavailable
        return await holder.wrap(secrets)

    async def unwrap(self, wrapped: Sequence[tuple[Subject, bytes]]) -> list[bytes | None]:
        """Each secret in the order given, None for what can't be unwrapped. Raises KeyHolderUnavailable."""
        by_holder: dict[bytes, list[int]] = {}
        for place, (_, one) in enumerate(wrapped):
            by_holder.setdefault(bytes(one[:HOLDER_BYTES]), []).append(place)
        opened: list[bytes | None] = [None] * len(wrapped)
        for name, places in by_holder.items():
            holder = await self._found(name)
            if holder is not None:
                secrets = await holder.unwrap([wrapped[place] for place in places])
                for place, secret in zip(places, secrets, strict=True):
                    opened[place] = secret
            elif name in (self._in_force, self._former):
                # What the ring itself names is no damage: this process lacks a holder, and nothing may be taken for erased.
                log.error("key-holder-unknown")
                raise KeyHolderUnavailable
        return opened

    async def _found(self, name: bytes) -> KeyHolder | None:
        # A name that the ring does not know is damage, and no reason to look at files again.
        if name not in self._known and name in (self._in_force, self._former):
            self._known |= {one.holder: one for one in await self._more()}
        return self._known.get(name)
