"""A person that the record is about: a trainee, a mentor, or someone who is both."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Self, cast
from uuid import UUID

from eventsourcing.domain import CanInitAggregate

from domain.copies import CopiesPart
from domain.errors import Invalid, RuleBroken
from domain.events import PersonEvent
from domain.occurred import Occurred
from domain.personal import OF_SELF
from domain.text import SHORT, check_text, check_texts
from domain.vocabulary import CefrLevel, Gender, PersonRole


class NameMissing(Invalid):
    code = "name-missing"
    message = "A person needs a name as they write it themselves."


class BornInFuture(Invalid):
    code = "born-in-future"
    message = "The date of birth lies in the future."


class NothingChanged(RuleBroken):
    code = "nothing-changed"
    message = "The details are already as submitted."


@dataclass(frozen=True, slots=True)
class LanguageSkill:
    """A language (BCP 47 tag, as `fa-AF`) and, where known, its level."""

    language: str
    level: CefrLevel | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What is known of a person. Unknown is None or empty, never a guess.

    `origin_country` is an ISO 3166-1 alpha-3 code, `occupation_isco` an ISCO-08 code, `reference` the organisation's own number.
    """

    full_name: str
    born_on: date | None = None
    gender: Gender | None = None
    languages: tuple[LanguageSkill, ...] = ()
    origin_country: str = ""
    occupation_isco: str = ""
    phone: str = ""
    email: str = ""
    care_duties: bool | None = None
    note: str = ""
    reference: str = ""

    def check(self, told: Occurred) -> None:
        """Raises NameMissing, BornInFuture or a refusal of the text."""
        if all(
            unicodedata.category(character)[0] in "ZC" for character in self.full_name
        ):  # a name of these shows nothing
            raise NameMissing(fields=("full_name",))
        check_text(
            SHORT,
            full_name=self.full_name,
            origin_country=self.origin_country,
            occupation_isco=self.occupation_isco,
            phone=self.phone,
            email=self.email,
            reference=self.reference,
        )
        check_text(note=self.note)
        check_texts(languages=tuple(skill.language for skill in self.languages))
        if self.born_on is not None and self.born_on > told.on:
            raise BornInFuture(fields=("born_on",))


class _DetailsTold(PersonEvent):
    """A person's details as told, the whole of them each time."""

    role: PersonRole
    full_name: Annotated[str, OF_SELF]
    born_on: Annotated[date | None, OF_SELF]
    gender: Annotated[Gender | None, OF_SELF]
    languages: Annotated[tuple[LanguageSkill, ...], OF_SELF]
    origin_country: Annotated[str, OF_SELF]
    occupation_isco: Annotated[str, OF_SELF]
    phone: Annotated[str, OF_SELF]
    email: Annotated[str, OF_SELF]
    care_duties: Annotated[bool | None, OF_SELF]
    note: Annotated[str, OF_SELF]
    reference: Annotated[str, OF_SELF]

    @property
    def details(self) -> Details:
        return Details(**{name: getattr(self, name) for name in Details.__dataclass_fields__})

    def apply(self, aggregate: "Person") -> None:
        aggregate.role = self.role
        aggregate.details = self.details


class PersonRegistered(_DetailsTold, CanInitAggregate[UUID]):
    TOPIC = "person-registered"

    def mutate(self, aggregate: Any) -> Any:
        person = object.__new__(Person)
        person.__base_init__(self.originator_id, self.originator_version, self.timestamp)
        person._begin(self.occurred_on)
        self.apply(person)
        return person


class PersonDetailsCorrected(_DetailsTold):
    TOPIC = "person-details-corrected"


class Person(CopiesPart):
    """The aggregate of one person. Its id is a random number and says nothing."""

    TOPIC = "person"
    Event = PersonEvent  # type: ignore[assignment]  # the library declares a class of its own here
    Created = PersonRegistered  # type: ignore[assignment]  # it is one; the library declares its own class here

    role: PersonRole
    details: Details

    @classmethod
    def register(cls, person_id: UUID, *, role: PersonRole, details: Details, told: Occurred) -> Self:
        """Puts a person on record. Raises NameMissing, BornInFuture or a refusal of the text."""
        details.check(told)
        event = PersonRegistered(
            originator_id=person_id,
            originator_version=cls.INITIAL_VERSION,
            timestamp=PersonRegistered.create_timestamp(),
            **_told(role, details, told),
        )
        person = cast(Self, event.mutate(None))
        person.pending_events.append(event)
        return person

    def _begin(self, on: date) -> None:
        """Empties every part."""
        self.registered_on = on
        self.proposed = self.erasure = self.approval = self.erased_on = self.restricted_on = None
        self.holds, self.objections, self.funding, self.copies = {}, {}, [], 0

    def correct_details(self, *, role: PersonRole, details: Details, told: Occurred) -> None:
        """Replaces the details by the right ones; the old ones stay in the history.

        Raises NothingChanged, PersonErased or as `register`.
        """
        self._refuse_when_erased()
        details.check(told)
        if role == self.role and details == self.details:
            raise NothingChanged
        self.trigger_event(PersonDetailsCorrected, **_told(role, details, told))

    @property
    def may_be_trainee(self) -> bool:
        return self.role in (PersonRole.TRAINEE, PersonRole.BOTH)

    @property
    def may_be_mentor(self) -> bool:
        return self.role in (PersonRole.MENTOR, PersonRole.BOTH)


def _told(role: PersonRole, details: Details, told: Occurred) -> Mapping[str, Any]:
    fields = {name: getattr(details, name) for name in Details.__dataclass_fields__}
    return {"role": role, "occurred_on": told.on, "occurred_at": told.at, **fields}
