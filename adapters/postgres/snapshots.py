"""Snapshots of mentorships: loading a case stays as quick as it was, however long its history grows.

A snapshot saves time and nothing else. It is taken beside the requests, and whatever is wrong with one, the events have it all.
"""

import asyncio
import contextlib
import hashlib
import inspect
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from operator import attrgetter
from typing import Any, ClassVar, Self, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec
import psycopg
from psycopg.rows import tuple_row

from adapters.keys.key_ring import KeyRing, KeysUnavailable
from adapters.keys.sealing import DataKey, Place, key_version, seal, unseal
from adapters.postgres import mapper
from adapters.postgres.pool import Pool
from adapters.postgres.reader import Reader
from adapters.postgres.seen import code_of
from adapters.postgres.stored import RecordedEvent
from adapters.sources import sources
from domain.errors import NotFound
from domain.mentorship import Mentorship
from domain.mentorship.part import MentorshipPart

# Reading this many events costs about as much as all else in a load.
EVERY = 25
# A case that finds no place here is asked for again when it is next loaded.
WAITING = 1_000
# Between these the event loop turns to others: opening an event takes some 40 µs.
OPENED_AT_ONCE = 64

KEEP = "SELECT accompany.keep_newest_snapshot(%s, %s, %s, %s)"

log = logging.getLogger(__name__)


class SnapshotUnusable(Exception):
    """A snapshot that does not belong to the stream beside which it stands. The events are read instead."""

    code: ClassVar[str] = "snapshot-unusable"


@dataclass(frozen=True, slots=True)
class _Shape:
    """How the state of a case is written. `topic` names the state's types and the rules that made it."""

    topic: str
    names: tuple[str, ...]
    dicts: tuple[int, ...]
    values: Callable[[Any], tuple[Any, ...]]
    decoder: msgspec.msgpack.Decoder[Any]


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A case, the row of its last event, and how many events were read beyond a snapshot; `mend` if that was of no use."""

    case: Mentorship
    last: RecordedEvent
    read: int
    mend: bool


class Snapshots:
    """Loads mentorships and takes snapshots of those that have grown by `every` events. `async with Snapshots(...)`."""

    def __init__(self, pool: Pool, keys: KeyRing, *, every: int = EVERY, waiting: int = WAITING) -> None:
        self._pool = pool
        self._reader = Reader(pool)
        self._keys = keys
        self._every = every
        self._limit = waiting
        self._waiting: dict[tuple[UUID, UUID], None] = {}
        self._wanted = asyncio.Event()
        self._taker: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        shape()
        self._taker = asyncio.create_task(self._take_as_wanted(), name="snapshots")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._taker is not None:
            self._taker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._taker

    async def load(self, organisation_id: UUID, mentorship_id: UUID) -> Mentorship:
        """The case as it stands. Raises NotFound, and as reading and opening events do."""
        loaded = await self._load(organisation_id, mentorship_id)
        if (loaded.read > self._every or loaded.mend) and len(self._waiting) < self._limit:
            self._waiting[organisation_id, mentorship_id] = None
            self._wanted.set()
        return loaded.case

    async def take(self, organisation_id: UUID, mentorship_id: UUID) -> None:
        """Takes a snapshot now. Raises as `load` does."""
        loaded = await self._load(organisation_id, mentorship_id)
        if not (loaded.read or loaded.mend):
            return
        trainee_id = loaded.case.trainee_id
        keys = await self._keys.ensure(organisation_id, [trainee_id])
        sealed = seal_state(loaded.case, loaded.last, keys(organisation_id, trainee_id))
        values = (mentorship_id, loaded.last.originator_version, shape().topic, sealed)
        await self._pool.rows(organisation_id, KEEP, values, row_factory=tuple_row)

    async def _take_as_wanted(self) -> None:
        while True:
            await self._wanted.wait()
            while self._waiting:
                case = next(iter(self._waiting))
                del self._waiting[case]
                try:
                    await self.take(*case)
                except Exception as error:
                    log.warning("snapshot-not-taken", extra={"code": code_of(error)})
            self._wanted.clear()

    async def _load(self, organisation_id: UUID, mentorship_id: UUID) -> _Loaded:
        try:
            sealed, stored = await self._reader.since_snapshot(organisation_id, mentorship_id, shape().topic)
            if sealed is None:
                return await self._folded(organisation_id, None, stored)
            return await self._built_on(organisation_id, sealed, stored)
        except (_Spoilt, psycopg.Error) as error:
            log.warning("snapshot-ignored", extra={"code": code_of(error)})
        stored = await self._reader.stream(organisation_id, mentorship_id)
        return await self._folded(organisation_id, None, stored, mend=True)

    async def _built_on(self, organisation_id: UUID, sealed: bytes, stored: Sequence[RecordedEvent]) -> _Loaded:
        """The case from a snapshot, the event that it was taken at and those after. Raises _Spoilt whatever is wrong with it."""
        try:
            if not stored:
                raise SnapshotUnusable
            taken_at = mapper.envelope(stored[0])
            whose = taken_at.plain.trainee_id, key_version(sealed)
            keys = await self._keys.fetch(organisation_id, {whose})
            case = open_state(sealed, stored[0], whose[0], keys(organisation_id, *whose))
            return await self._folded(organisation_id, case, stored)
        except KeysUnavailable:
            raise
        except Exception as error:
            raise _Spoilt(code_of(error)) from None

    async def _folded(
        self, organisation_id: UUID, case: Mentorship | None, stored: Sequence[RecordedEvent], *, mend: bool = False
    ) -> _Loaded:
        if not stored:
            raise NotFound
        new = stored if case is None else stored[1:]
        envelopes = [mapper.envelope(row) for row in new]
        keys = await self._keys.fetch(organisation_id, mapper.needed(envelopes))
        folded: Any = case
        for number, envelope in enumerate(envelopes, 1):
            folded = mapper.open(envelope, keys).mutate(folded)
            if number % OPENED_AT_ONCE == 0:
                await asyncio.sleep(0)
        if not isinstance(folded, Mentorship):
            raise NotFound
        return _Loaded(folded, stored[-1], len(new), mend)


class _Spoilt(Exception):
    """A load that began with a snapshot failed, by this code; the cause may lie in the snapshot."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class _Sealed(msgspec.Struct, array_like=True):
    """What is sealed: the event that it was taken at, two times that the library keeps, and the state."""

    taken_at: bytes
    created_on: datetime
    modified_on: datetime
    state: msgspec.Raw


def seal_state(case: Mentorship, last: RecordedEvent, key: DataKey) -> bytes:
    """The state of a case at its last event, under the trainee's key. Raises SnapshotUnusable for a part that nobody declared."""
    form = shape()
    if vars(case).keys() - _KEPT_BY_LIBRARY != set(form.names):
        raise SnapshotUnusable
    values = list(form.values(case))
    for place in form.dicts:
        values[place] = list(values[place].items())
    state = msgspec.Raw(msgspec.msgpack.encode(values))
    written = msgspec.msgpack.encode(_Sealed(_digest(last), case.created_on, case.modified_on, state))
    return seal(key, written, _place(last, case.trainee_id))


def open_state(sealed: bytes, taken_at: RecordedEvent, trainee_id: UUID, key: DataKey) -> Mentorship:
    """The case as it stood after an event. Raises Unreadable, SnapshotUnusable or what msgspec raises."""
    form = shape()
    found = msgspec.msgpack.decode(unseal(key, sealed, _place(taken_at, trainee_id)), type=_Sealed)
    if found.taken_at != _digest(taken_at):
        raise SnapshotUnusable
    values = list(form.decoder.decode(found.state))
    for place in form.dicts:
        values[place] = dict(values[place])
    case = object.__new__(Mentorship)
    case.__base_init__(taken_at.originator_id, taken_at.originator_version, found.created_on)
    case.modified_on = found.modified_on
    vars(case).update(zip(form.names, values, strict=True))
    return case


def _digest(event: RecordedEvent) -> bytes:
    """Of the event itself, since another history may have one with the same id, as after a restored backup."""
    return hashlib.sha256(shape().topic.encode() + event.state).digest()


def _place(event: RecordedEvent, trainee_id: UUID) -> Place:
    stream_id, version = event.originator_id, event.originator_version
    return Place(event.organisation_id, stream_id, version, "table:snapshots", 1, "trainee_id", trainee_id)


_KEPT_BY_LIBRARY = {"_id", "_version", "_created_on", "_modified_on", "_pending_events"}


@cache
def shape() -> _Shape:
    """The shape of a case's state in this version of the service. Raises TypeError for a part that can't be stored."""
    hints = get_type_hints(Mentorship)
    parts = [part for part in reversed(Mentorship.__mro__) if issubclass(part, MentorshipPart)]
    names = tuple(name for part in parts for name in inspect.get_annotations(part) if not _is_constant(hints[name]))
    dicts = tuple(place for place, name in enumerate(names) if get_origin(hints[name]) is dict)
    stored = tuple[tuple(_pairs(hints[name]) for name in names)]  # type: ignore[misc, valid-type] # made at run time
    said = msgspec.json.encode(msgspec.json.schema(stored), order="sorted")
    # A mended rule can make another state of the same events, so the sources of the domain count as well.
    digest = hashlib.sha256(said + sources("domain")).hexdigest()
    return _Shape(f"mentorship/{digest[:32]}", names, dicts, attrgetter(*names), msgspec.msgpack.Decoder(stored))


def _is_constant(hint: Any) -> bool:
    return get_origin(hint) is ClassVar or hint is ClassVar


def _pairs(hint: Any) -> Any:
    """A dict as pairs, since its keys may be more than text."""
    return list[tuple[get_args(hint)]] if get_origin(hint) is dict else hint  # type: ignore[misc] # as above
