"""How each event class looks when it is stored: its plain fields, and for each person one group sealed together.

Built once for each class from its declared types, so that a declaration that can't be stored is refused at start-up.
"""

import types
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from functools import cache
from operator import attrgetter
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec

from domain.events import RecordEvent
from domain.personal import Personal, personal_fields

# Known from the row that the event stands in.
FROM_ROW = frozenset({"originator_id", "originator_version", "timestamp"})
SEALED = "sealed"

type Upcasts = dict[int, Callable[[dict[str, Any]], dict[str, Any]]]
type PersonalUpcasts = dict[int, Callable[[str, dict[str, Any]], dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Part:
    """Some fields of an event, as one JSON object. `values(event)` is a tuple in the order of `names`."""

    names: tuple[str, ...]
    struct: type[msgspec.Struct]
    values: Callable[[Any], tuple[Any, ...]]
    decoder: msgspec.json.Decoder[Any]


@dataclass(frozen=True, slots=True)
class Shape:
    """One event class. `groups` are by the name of the field that holds the person's id.

    `absent` are the field values of a group that holds nothing, which is left out instead of sealed. A group with a
    field whose type knows no empty value has none. `erased` are those that stand in for a group whose person was erased.
    """

    event_class: type[RecordEvent]
    plain: Part
    sealed: type[msgspec.Struct]
    groups: dict[str, Part]
    absent: dict[str, tuple[Any, ...]]
    erased: dict[str, tuple[Any, ...]]
    upcasts: Upcasts
    personal_upcasts: PersonalUpcasts


@cache
def shape_of(event_class: type[RecordEvent]) -> Shape:
    """Raises TypeError for a declaration that can't be stored, or that would store personal data in plain text."""
    name = event_class.__name__
    hints = get_type_hints(event_class, include_extras=True)
    stored = [field.name for field in fields(event_class) if field.name not in FROM_ROW]
    if SEALED in stored:
        raise TypeError(f"{name}: no field may be called {SEALED!r}")
    marks = personal_fields(event_class)
    for field in stored:
        declared = get_args(hints[field])[0] if field in marks else hints[field]
        if _holds_mark(declared):
            raise TypeError(f"{name}.{field}: a mark inside a type would not be seen; mark the whole field")
    for field, mark in marks.items():
        if mark.person_field in marks or (mark.person_field not in stored and mark.person_field != "originator_id"):
            raise TypeError(f"{name}.{field}: {mark.person_field!r} is no plain field of this event")
    by_person: dict[str, list[str]] = {}
    for field in stored:
        if field in marks:
            by_person.setdefault(marks[field].person_field, []).append(field)
    sealed = msgspec.defstruct(
        f"{name}Sealed",
        [(person_field, bytes | msgspec.UnsetType, msgspec.UNSET) for person_field in by_person],
        forbid_unknown_fields=True,
    )
    plain = [(field, _stored_type(hints[field])) for field in stored if field not in marks]
    groups = {
        person_field: _part(
            f"{name}_{person_field}", [(field, _stored_type(get_args(hints[field])[0])) for field in group]
        )
        for person_field, group in by_person.items()
    }
    absent = {
        person_field: tuple(_nothing(get_args(hints[field])[0]) for field in group)
        for person_field, group in by_person.items()
    }
    return Shape(
        event_class=event_class,
        plain=_part(name, plain, (SEALED, sealed | msgspec.UnsetType, msgspec.UNSET)),
        sealed=sealed,
        groups=groups,
        absent={person_field: values for person_field, values in absent.items() if _NO_NOTHING not in values},
        erased={
            person_field: tuple(None if value is _NO_NOTHING else value for value in values)
            for person_field, values in absent.items()
        },
        upcasts=event_class.UPCASTS,
        personal_upcasts=event_class.PERSONAL_UPCASTS,
    )


def _part(name: str, declared: list[tuple[str, Any]], *more: tuple[str, Any, Any]) -> Part:
    names = tuple(field for field, _ in declared)
    struct = msgspec.defstruct(name, [*declared, *more], forbid_unknown_fields=True)
    return Part(names, struct, _values(names), msgspec.json.Decoder(struct))


def _values(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    if len(names) > 1:
        return attrgetter(*names)
    return lambda event: tuple(getattr(event, name) for name in names)


def _stored_type(declared: Any) -> Any:
    """The declared type, with every time of day required to carry its offset from UTC."""
    if declared is datetime:
        return Annotated[datetime, msgspec.Meta(tz=True)]
    arguments = get_args(declared)
    if get_origin(declared) in (types.UnionType, Union):
        return Union[tuple(_stored_type(argument) for argument in arguments)]  # noqa: UP007 - made of a tuple at run time
    if get_origin(declared) is tuple:
        return tuple[tuple(argument if argument is ... else _stored_type(argument) for argument in arguments)]  # type: ignore[misc] # made at run time
    return declared


_NO_NOTHING = object()


def _nothing(declared: Any) -> Any:
    if declared is type(None) or type(None) in get_args(declared):
        return None
    if declared is str:
        return ""
    if get_origin(declared) is dict:
        return {}
    return () if get_origin(declared) is tuple else _NO_NOTHING


def _holds_mark(declared: Any) -> bool:
    if get_origin(declared) is Annotated and any(isinstance(mark, Personal) for mark in get_args(declared)[1:]):
        return True
    if isinstance(declared, type) and is_dataclass(declared):
        return any(_holds_mark(hint) for hint in get_type_hints(declared, include_extras=True).values())
    return any(_holds_mark(argument) for argument in get_args(declared))
