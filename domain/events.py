"""The registry of topics: every event class that may stand in the record, by the name it is stored under.

Topics are looked up here and nowhere else. They are never imported by name: a row in a database must not choose what Python loads.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar

from eventsourcing.domain import Aggregate
from eventsourcing.utils import register_topic

from domain.vocabulary import Purpose

TOPICS: dict[str, type["RecordEvent"]] = {}


@dataclass(frozen=True)
class RecordEvent(Aggregate.Event):
    """A fact in the record. `occurred_*` is as told.

    `SCHEMA_VERSION` counts the shapes of the fields. `UPCASTS[n](fields)` turns the plain stored fields of version n into those of
    n + 1; `PERSONAL_UPCASTS[n](person_field, fields)` does so for one person's sealed fields, once they are opened.
    `erased` names the fields that nobody can read any more because whose they were has been erased. They hold the empty value of their
    type, or None where it has none, so that history stays loadable; whoever shows a field looks here first.
    """

    TOPIC: ClassVar[str] = ""
    SCHEMA_VERSION: ClassVar[int] = 1
    UPCASTS: ClassVar[dict[int, Any]] = {}
    PERSONAL_UPCASTS: ClassVar[dict[int, Any]] = {}
    PURPOSE: ClassVar[Purpose | None] = None
    erased: ClassVar[frozenset[str]] = frozenset()

    occurred_on: date
    occurred_at: datetime | None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        topic = cls.__dict__.get("TOPIC")
        if topic:
            if topic in TOPICS:
                raise TypeError(f"two events are called {topic!r}")
            TOPICS[topic] = cls
            register_topic(topic, cls)


@dataclass(frozen=True)
class PersonEvent(RecordEvent):
    """A fact about one person by themselves, in the stream that has their id."""
