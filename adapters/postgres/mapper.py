"""Turns events into rows and back: plain fields as JSON, personal ones sealed under the key of whom they are about.

Reading takes two steps, since keys are fetched in between and for many events at once:

    envelopes = [mapper.envelope(row) for row in rows]
    keys = await ring.fetch(organisation_id, mapper.needed(envelopes))
    events = [mapper.open(envelope, keys) for envelope in envelopes]
"""

from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

import msgspec
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import JSONTranscoder, Mapper, StoredEvent

import domain.evidence  # noqa: F401  # its topics stand in the log, and no read model asks for them
from adapters.keys.sealing import DataKey, KeyDestroyed, Place, Unreadable, key_version, seal, unseal
from adapters.postgres.shapes import SEALED, Shape, shape_of
from adapters.postgres.stored import RecordedEvent
from domain.events import TOPICS, RecordEvent

type Held = Callable[[UUID, UUID, int | None], DataKey]
"""Gives the key of (organisation id, person id, key version; None for the newest), or raises Unreadable.

Raises KeyDestroyed for one that was destroyed because the person was erased.

`Keys`, which the ring's `fetch` and `ensure` return, is one; so is `KeyRing.cached`.
"""

_encode = msgspec.json.Encoder().encode


class UnknownTopic(Exception):
    """A stored event of a topic that this version of the service does not have."""

    code: ClassVar[str] = "unknown-topic"


class NewerSchema(Exception):
    """A stored event in a shape that only a newer version of the service knows."""

    code: ClassVar[str] = "newer-schema"


class StateUnreadable(Exception):
    """A stored event whose state is not what its topic and schema version declare."""

    code: ClassVar[str] = "state-unreadable"


class Unwritable(Exception):
    """An event that could not be read again as it is: a value is not of its declared type. Nothing is recorded."""

    code: ClassVar[str] = "event-unwritable"


@dataclass(frozen=True, slots=True)
class Envelope:
    """A stored event with its personal data still sealed.

    `plain` has the fields that are not personal, as attributes. `sealed` has of each sealed group: person field, person
    id, key version, sealed bytes.
    """

    stored: RecordedEvent
    stream_id: UUID
    shape: Shape
    plain: Any
    sealed: tuple[tuple[str, UUID, int, bytes], ...]


def prepare() -> None:
    """Builds the shapes of all topics. Raises TypeError for an event class whose declaration can't be stored."""
    for event_class in TOPICS.values():
        shape_of(event_class)


def people(event: RecordEvent) -> set[UUID]:
    """Whose keys `seal_event` will ask for: ensure them first, so that nothing is sealed under a key that gets lost."""
    shape = shape_of(type(event))
    return {
        _person(event, person_field)
        for person_field, part in shape.groups.items()
        if part.values(event) != shape.absent.get(person_field)
    }


def seal_event(
    event: RecordEvent,
    keys: Held,
    *,
    organisation_id: UUID,
    actor_id: UUID | None = None,
    command_key: str | None = None,
    trace_id: str | None = None,
) -> RecordedEvent:
    """The row to append. Raises Unwritable, which echoes no value, and Unreadable where a key is missing."""
    event_class = type(event)
    if TOPICS.get(event_class.TOPIC) is not event_class:
        raise UnknownTopic(f"{event_class.__name__} is not in the registry of topics.")
    shape = shape_of(event_class)
    groups: dict[str, bytes] = {}
    for person_field, part in shape.groups.items():
        values = part.values(event)
        if values == shape.absent.get(person_field):
            continue
        person_id = _person(event, person_field)
        groups[person_field] = seal(
            keys(organisation_id, person_id, None),
            _written(part.struct(*values), part.decoder),
            Place(
                organisation_id,
                event.originator_id,
                event.originator_version,
                event_class.TOPIC,
                event_class.SCHEMA_VERSION,
                person_field,
                person_id,
            ),
        )
    plain = shape.plain.struct(*shape.plain.values(event), shape.sealed(**groups) if groups else msgspec.UNSET)
    return RecordedEvent(
        originator_id=event.originator_id,
        originator_version=event.originator_version,
        topic=event_class.TOPIC,
        state=_written(plain, shape.plain.decoder),
        schema_version=event_class.SCHEMA_VERSION,
        organisation_id=organisation_id,
        actor_id=actor_id,
        purpose=None if event_class.PURPOSE is None else event_class.PURPOSE.value,
        occurred_on=event.occurred_on,
        occurred_at=event.occurred_at,
        command_key=command_key,
        trace_id=trace_id,
    )


def envelope(stored: RecordedEvent) -> Envelope:
    """Reads what is plain. Raises UnknownTopic, NewerSchema or StateUnreadable."""
    event_class = TOPICS.get(stored.topic)
    if event_class is None:
        raise UnknownTopic(f"This version of the service has no event called {stored.topic!r}.")
    shape = shape_of(event_class)
    if stored.schema_version > event_class.SCHEMA_VERSION:
        raise NewerSchema(
            f"{stored.topic!r} is stored in schema version {stored.schema_version}; "
            f"this version of the service knows up to {event_class.SCHEMA_VERSION}."
        )
    try:
        if stored.schema_version == event_class.SCHEMA_VERSION:
            plain = shape.plain.decoder.decode(stored.state)
        else:
            state = msgspec.json.decode(stored.state, type=dict[str, Any])
            groups = state.pop(SEALED, msgspec.UNSET)
            for version in range(stored.schema_version, event_class.SCHEMA_VERSION):
                state = shape.upcasts[version](state)
            plain = msgspec.convert({**state, SEALED: groups} if groups else state, shape.plain.struct)
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError):
        # The cause would show the value that it stumbled over.
        raise StateUnreadable(f"{stored.topic!r} at position {stored.position} is not in its declared shape.") from None
    stream_id = stored.originator_id
    if not isinstance(stream_id, UUID):
        raise StateUnreadable(f"{stored.topic!r} at position {stored.position} has no UUID for its stream.")
    return Envelope(stored, stream_id, shape, plain, _sealed_groups(stream_id, shape, plain))


def needed(envelopes: Iterable[Envelope]) -> set[tuple[UUID, int]]:
    """The (person id, key version) pairs to fetch before these are opened."""
    return {(person_id, version) for one in envelopes for _, person_id, version, _ in one.sealed}


def open(envelope: Envelope, keys: Held) -> RecordEvent:
    """The event; what was an erased person's in it is empty, and named in its `erased`.

    Raises Unreadable where a key is missing or a value was moved; StateUnreadable for a wrong shape.
    """
    stored, shape = envelope.stored, envelope.shape
    event_class = shape.event_class
    state: dict[str, Any] = {
        "originator_id": envelope.stream_id,
        "originator_version": stored.originator_version,
        "timestamp": stored.recorded_at,
    }
    for name in shape.plain.names:
        state[name] = getattr(envelope.plain, name)
    opened = set()
    erased: list[str] = []
    for person_field, person_id, version, sealed in envelope.sealed:
        opened.add(person_field)
        try:
            key = keys(stored.organisation_id, person_id, version)
        except KeyDestroyed:
            names = shape.groups[person_field].names
            state.update(zip(names, map(copy, shape.erased[person_field]), strict=True))
            erased += names
            continue
        place = Place(
            stored.organisation_id,
            envelope.stream_id,
            stored.originator_version,
            stored.topic,
            stored.schema_version,
            person_field,
            person_id,
        )
        group = _group(stored, shape, person_field, unseal(key, sealed, place))
        for name in shape.groups[person_field].names:
            state[name] = getattr(group, name)
    for person_field, part in shape.groups.items():
        if person_field not in opened:
            if person_field not in shape.absent:
                raise StateUnreadable(f"{stored.topic!r} at position {stored.position} lacks a sealed part.")
            # Copied, or an empty dict would be shared by all events.
            state.update(zip(part.names, map(copy, shape.absent[person_field]), strict=True))
    if erased:
        state["erased"] = frozenset(erased)
    # As the library's own mapper does: what was recorded is not judged again by today's rules.
    event = object.__new__(event_class)
    object.__setattr__(event, "__dict__", state)
    return event


class LibraryMapper(Mapper[UUID]):
    """For eventsourcing's `Application`, in one organisation, with keys that were fetched or ensured before."""

    def __init__(self, organisation_id: UUID, keys: Held) -> None:
        super().__init__(JSONTranscoder())
        self._organisation_id = organisation_id
        self._keys = keys

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> StoredEvent:
        if not isinstance(domain_event, RecordEvent):
            raise Unwritable(f"{type(domain_event).__name__} is no event of the record.")
        return seal_event(domain_event, self._keys, organisation_id=self._organisation_id)

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[UUID]:
        if not isinstance(stored_event, RecordedEvent):
            raise StateUnreadable("A row without its organisation can't be opened.")
        return open(envelope(stored_event), self._keys)


def _person(event: Any, person_field: str) -> UUID:
    person_id = getattr(event, person_field)
    if not isinstance(person_id, UUID):
        raise Unwritable(f"{type(event).__name__}: personal data, and nobody in {person_field!r} whose they are.")
    return person_id


def _written(part: Any, decoder: msgspec.json.Decoder[Any]) -> bytes:
    """JSON that was read back and found the same: a wrong value is refused while it can still be mended."""
    try:
        written = _encode(part)
        same = decoder.decode(written) == part
    except (msgspec.MsgspecError, UnicodeError, TypeError, ValueError, OverflowError):
        same = False
    if not same:
        raise Unwritable(f"{type(part).__name__}: a value is not of its field's declared type.") from None
    return written


def _sealed_groups(stream_id: UUID, shape: Shape, plain: Any) -> tuple[tuple[str, UUID, int, bytes], ...]:
    groups = getattr(plain, SEALED)
    if groups is msgspec.UNSET:
        return ()
    found = []
    for person_field in shape.groups:
        sealed = getattr(groups, person_field)
        if sealed is not msgspec.UNSET:
            person_id = stream_id if person_field == "originator_id" else getattr(plain, person_field)
            if not isinstance(person_id, UUID):
                raise Unreadable
            found.append((person_field, person_id, key_version(sealed), sealed))
    return tuple(found)


def _group(stored: RecordedEvent, shape: Shape, person_field: str, plaintext: bytes) -> Any:
    part = shape.groups[person_field]
    try:
        if stored.schema_version == shape.event_class.SCHEMA_VERSION:
            return part.decoder.decode(plaintext)
        state = msgspec.json.decode(plaintext, type=dict[str, Any])
        for version in range(stored.schema_version, shape.event_class.SCHEMA_VERSION):
            upcast = shape.personal_upcasts.get(version)
            state = upcast(person_field, state) if upcast else state
        return msgspec.convert(state, part.struct)
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError):
        raise StateUnreadable(f"{stored.topic!r} at position {stored.position} is not in its declared shape.") from None
