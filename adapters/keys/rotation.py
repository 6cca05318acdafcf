"""Moves the key ring to another key-encryption key, while the service goes on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, LiteralString

from psycopg import AsyncConnection

from adapters.keys.holder import KeyHolder, KeyHolderUnavailable, PersonKey, ServiceSecret, Subject, described
from adapters.keys.holders import Holders

BATCH = 500

type Row = tuple[tuple[Any, ...], Subject, bytes]
"""Its place in the table, whose secret it is, and the secret as wrapped."""


class RotationUnfinished(Exception):
    """The ring is on its way to another key than the one asked for."""

    code: ClassVar[str] = "rotation-unfinished"

    def __init__(self, holder: bytes) -> None:
        super().__init__(
            f"The ring is being moved to {described(holder)}, and that is not finished. Name that key again and finish it first."
        )


@dataclass(frozen=True, slots=True)
class Rotated:
    """What became of the ring. `damaged` keys open under no key at hand and were left as they are."""

    holder: bytes
    rewrapped: int
    damaged: int


class Rotation:
    """One move of the ring to `target`. Killed at any moment, it goes on where it was when it is asked for again.

    `connection` is the owner's, in autocommit: no role of the service may change what is wrapped. `holders` has the former holder
    and the target. Raises RotationUnfinished, and KeyHolderUnavailable as they do.
    """

    def __init__(
        self, connection: AsyncConnection[Any], holders: Holders, target: KeyHolder, batch: int = BATCH
    ) -> None:
        self._connection = connection
        self._holders = holders
        self._target = target
        self._batch = batch
        self._done = 0
        self._damaged = 0

    async def run(self, progress: Callable[[int, int], None]) -> Rotated:
        await self._put_in_force()
        total = 0
        for count in ("SELECT count(*) FROM keys.person_keys", "SELECT count(*) FROM keys.service_secrets"):
            cursor = await self._connection.execute(
                f"{count} WHERE substr(wrapped, 1, 17) <> %s", (self._target.holder,)
            )
            row = await cursor.fetchone()
            total += row[0] if row else 0
        progress(0, total)
        for rewrap in (self._secrets_after, self._keys_after):
            after: tuple[Any, ...] = ()
            while rows := await rewrap(after):
                after = rows[-1][0]
                progress(self._done + self._damaged, max(total, self._done + self._damaged))
        async with self._connection.transaction():
            await self._connection.execute("SELECT keys.lock_alone()")
            await self._connection.execute("UPDATE keys.state SET former = NULL")
        return Rotated(self._target.holder, self._done, self._damaged)

    async def _put_in_force(self) -> None:
        """From here on, every process wraps under the target: the ring takes nothing else."""
        async with self._connection.transaction():
            await self._connection.execute("SELECT keys.lock_alone()")
            cursor = await self._connection.execute("SELECT holder, former FROM keys.state")
            row = await cursor.fetchone()
            holder, former = row if row else (self._holders.in_force, None)
            if holder != self._target.holder:
                if former is not None:
                    raise RotationUnfinished(holder)
                await self._connection.execute(
                    "UPDATE keys.state SET holder = %s, former = holder", (self._target.holder,)
                )
                former = holder
        if not await self._holders.move_to(self._target.holder, former):
            raise KeyHolderUnavailable

    async def _secrets_after(self, after: tuple[Any, ...]) -> list[Row]:
        cursor = await self._connection.execute(
            "SELECT name, wrapped FROM keys.service_secrets WHERE substr(wrapped, 1, 17) <> %s AND name > %s ORDER BY name LIMIT %s",
            (self._target.holder, *(after or ("",)), self._batch),
        )
        rows: list[Row] = [((name,), ServiceSecret(name), bytes(wrapped)) for name, wrapped in await cursor.fetchall()]
        await self._rewrap(rows, "UPDATE keys.service_secrets SET wrapped = %s WHERE name = %s AND wrapped = %s")
        return rows

    async def _keys_after(self, after: tuple[Any, ...]) -> list[Row]:
        cursor = await self._connection.execute(
            "SELECT organisation_id, person_id, key_version, wrapped FROM keys.person_keys"
            " WHERE substr(wrapped, 1, 17) <> %s AND (%s OR (organisation_id, person_id, key_version) > (%s, %s, %s))"
            " ORDER BY organisation_id, person_id, key_version LIMIT %s",
            (self._target.holder, not after, *(after or (None, None, None)), self._batch),
        )
        rows: list[Row] = [
            (tuple(place), PersonKey(*place), bytes(wrapped)) for *place, wrapped in await cursor.fetchall()
        ]
        await self._rewrap(
            rows,
            "UPDATE keys.person_keys SET wrapped = %s"
            " WHERE organisation_id = %s AND person_id = %s AND key_version = %s AND wrapped = %s",
        )
        return rows

    async def _rewrap(self, rows: Sequence[Row], update: LiteralString) -> None:
        """One batch, whole or not at all. What was destroyed meanwhile stays destroyed: it is updated where it still is as it was read."""
        if not rows:
            return
        secrets = await self._holders.unwrap([(subject, wrapped) for _, subject, wrapped in rows])
        whole = [(row, secret) for row, secret in zip(rows, secrets, strict=True) if secret is not None]
        self._damaged += len(rows) - len(whole)
        rewrapped = await self._target.wrap([(row[1], secret) for row, secret in whole])
        # The old form is about to be lost for good, so the new one is tried first.
        tried = await self._target.unwrap([(row[1], new) for (row, _), new in zip(whole, rewrapped, strict=True)])
        if tried != [secret for _, secret in whole]:
            raise KeyHolderUnavailable
        async with self._connection.transaction(), self._connection.cursor() as cursor:
            await cursor.executemany(
                update, [(new, *row[0], row[2]) for (row, _), new in zip(whole, rewrapped, strict=True)]
            )
            self._done += cursor.rowcount
