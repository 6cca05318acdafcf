"""What was opened for an answer, held against whoever asked until the access log has it.

Sealed data are opened for somebody only within a `Disclosure`: outside of one there would be nobody to write down.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import ClassVar, Self
from uuid import UUID

_CURRENT: ContextVar["Disclosure | None"] = ContextVar("disclosure", default=None)


class NobodyAnswers(Exception):
    """Personal data were to be opened where no access log would learn of it. A fault in the program; nothing was opened."""

    code: ClassVar[str] = "nobody-answers"

    def __init__(self) -> None:
        super().__init__(
            "Open personal data within a Disclosure, and write it into the access log before anything is shown."
        )


@dataclass(frozen=True, slots=True)
class OpenedEvent:
    """An event that was opened: of each person whose data are sealed in it, the fields. `trainee_id` is set in a mentorship."""

    position: int
    topic: str
    stream_id: UUID
    trainee_id: UUID | None
    fields_of: Mapping[UUID, tuple[str, ...]]


@dataclass(slots=True)
class Shown:
    """What is shown of one person: as a party of one mentorship, or by itself. `of_trainee`: they are its trainee."""

    person_id: UUID
    mentorship_id: UUID | None = None
    of_trainee: bool = False
    positions: set[int] = field(default_factory=set)
    topics: set[str] = field(default_factory=set)
    fields: set[str] = field(default_factory=set)

    def take(self, event: OpenedEvent, fields: Iterable[str]) -> None:
        self.positions.add(event.position)
        self.topics.add(event.topic)
        self.fields.update(fields)


class Disclosure:
    """Gathers what is opened. Whoever made it takes it out, writes it down, and only then lets the answer go."""

    def __init__(self) -> None:
        self._opened: list[OpenedEvent] = []
        self._decided_on: list[OpenedEvent] = []
        self._named: list[Shown] = []

    @classmethod
    def current(cls) -> Self | None:
        found = _CURRENT.get()
        return found if isinstance(found, cls) else None

    @contextmanager
    def active(self) -> Iterator[None]:
        """What is opened while this block lasts is held against it."""
        token = _CURRENT.set(self)
        try:
            yield
        finally:
            _CURRENT.reset(token)

    def opened(self, events: Iterable[OpenedEvent]) -> None:
        """Opened to be shown."""
        self._opened += events

    def decided_on(self, events: Iterable[OpenedEvent]) -> None:
        """Opened for a command to decide on. It counts as shown only where the answer is more than a command's receipt."""
        self._decided_on += events

    def named(self, people: Iterable[tuple[UUID, UUID | None]], topic: str) -> None:
        """Something about people that is shown and stands in no sealed event, as who looked at their data.

        Each with the mentorship that it came from, if any; as its trainee, then.
        """
        self._named += [
            Shown(person_id, mentorship_id, of_trainee=mentorship_id is not None, topics={topic})
            for person_id, mentorship_id in dict.fromkeys(people)
        ]

    @property
    def is_empty(self) -> bool:
        return not (self._opened or self._decided_on or self._named)

    def take(self, *, with_decided_on: bool) -> list[Shown]:
        """Whose data were opened since this was last asked: one for each person, or for each mentorship that theirs came from."""
        events = [*self._opened, *self._decided_on] if with_decided_on else self._opened
        named = self._named
        self._opened, self._decided_on, self._named = [], [], []
        return [*_by_person(events), *named]


def hold(people: Iterable[tuple[UUID, UUID | None]], topic: str) -> None:
    """Holds against whoever asks that they are shown something of these people, as `Disclosure.named`. Raises NobodyAnswers."""
    disclosure = Disclosure.current()
    if disclosure is None:
        raise NobodyAnswers
    disclosure.named(people, topic)


def _by_person(events: Iterable[OpenedEvent]) -> Iterator[Shown]:
    by_itself: dict[UUID, Shown] = {}
    in_case: dict[UUID, dict[UUID, Shown]] = {}
    for event in events:
        fields_of = dict(event.fields_of)
        if event.trainee_id is not None:
            # A fact of a mentorship is about its trainee, whether or not anything in it had to be sealed.
            fields_of.setdefault(event.trainee_id, ())
        for person_id, fields in fields_of.items():
            if event.trainee_id is None:
                by_itself.setdefault(person_id, Shown(person_id)).take(event, fields)
            else:
                of_person = in_case.setdefault(person_id, {})
                shown = Shown(person_id, event.stream_id, of_trainee=person_id == event.trainee_id)
                of_person.setdefault(event.stream_id, shown).take(event, fields)
    for person_id in {**by_itself, **in_case}:
        of_person = in_case.get(person_id, {})
        own = by_itself.get(person_id)
        if own is not None and of_person:
            first = of_person[min(of_person)]
            first.positions |= own.positions
            first.topics |= own.topics
            first.fields |= own.fields
        elif own is not None:
            yield own
        yield from of_person.values()
