"""Marks an event's field as personal data and says whose it is.

    summary: Annotated[str, OF_TRAINEE]

means: `summary` is sealed, wherever it is stored, under the key of the person whose id stands in the event's field `trainee_id`.
A field without a mark is stored in plain text, so an unmarked field must never hold a name, a note or anything that singles out a person.
"""

from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Personal:
    """Personal data of the person whose id is in the event's field named `person_field`."""

    person_field: str


OF_SELF = Personal("originator_id")
OF_TRAINEE = Personal("trainee_id")
OF_MENTOR = Personal("mentor_id")


@cache
def personal_fields(event_class: type) -> dict[str, Personal]:
    """The personal fields of an event class, by name, in the order of declaration."""
    found: dict[str, Personal] = {}
    for name, hint in get_type_hints(event_class, include_extras=True).items():
        if get_origin(hint) is Annotated:
            for mark in get_args(hint)[1:]:
                if isinstance(mark, Personal):
                    found[name] = mark
    return found


def fields_about(event: Any, person_id: UUID) -> list[str]:
    """The names of an event's fields that are personal data of this person."""
    kind: type = type(event)
    marks = personal_fields(kind)
    return [name for name, mark in marks.items() if getattr(event, mark.person_field) == person_id]
