"""People on record: trainees, mentors, and those who are both."""

from dataclasses import dataclass, replace
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import ConfigDict, Field

from adapters.http.documented import CHANGED, FACT, READ, VERSIONED
from adapters.http.headers import ChangeOfState, NewRecord, Recorded, answered, created
from adapters.http.parts import Parts
from adapters.http.reading import Cursor, Limit, MinPosition, cursor_of, opener, place_of, reading
from adapters.http.signed_in import SignedIn
from adapters.http.strict_json import StrictRoute
from adapters.http.submitted import Day, Long, Short, Submitted
from adapters.http.visible import own_cases_only, refuse_unless_person_visible
from application.ids import new_id
from application.permissions import refuse_unless
from domain import person
from domain.errors import NotFound
from domain.vocabulary import CefrLevel, Gender, PersonRole
from projections.people import PersonView, people_page, person_view


class SpokenLanguage(Submitted):
    """`language` is a BCP 47 tag."""

    language: Short = Field(examples=["fa-AF"])
    level: CefrLevel | None = Field(default=None, examples=["C2"])


type Languages = Annotated[tuple[SpokenLanguage, ...], Field(max_length=100)]


class NewPerson(Submitted):
    """Unknown is left out, never guessed. `origin_country` is ISO 3166-1 alpha-3, `occupation_isco` an ISCO-08 code."""

    role: PersonRole = Field(examples=["trainee"])
    full_name: Short = Field(examples=["Parwana Invented"])
    born_on: Day | None = Field(default=None, examples=["1994-06-21"])
    gender: Gender | None = None
    languages: Languages = ()
    origin_country: Short = Field(default="", examples=["AFG"])
    occupation_isco: Short = Field(default="", examples=["2221"])
    phone: Short = ""
    email: Short = ""
    care_duties: bool | None = Field(default=None, strict=True)
    note: Long = ""
    reference: Short = Field(default="", examples=["T-0815"])


def _without_defaults(schema: dict[str, Any]) -> None:
    """A field that is left out keeps its value, so that there is none to name."""
    for field in schema["properties"].values():
        field.pop("default", None)


class PersonChange(Submitted):
    """What is left out stays as it is; null takes back what was known."""

    model_config = ConfigDict(json_schema_extra=_without_defaults)

    role: PersonRole = PersonRole.TRAINEE
    full_name: Short = Field(default="", examples=["Parwana Invented-Example"])
    born_on: Day | None = None
    gender: Gender | None = None
    languages: Languages = ()
    origin_country: Short = ""
    occupation_isco: Short = ""
    phone: Short = ""
    email: Short = ""
    care_duties: bool | None = Field(default=None, strict=True)
    note: Long = ""
    reference: Short = ""


@dataclass(frozen=True, slots=True)
class People:
    """By id. `next` is the cursor of the next page, null on the last one."""

    people: tuple[PersonView, ...]
    next: str | None


def people_routes(parts: Parts) -> APIRouter:
    router = APIRouter(prefix="/people", tags=["people"], route_class=StrictRoute)

    @router.get("", responses=READ)
    async def list_people(
        by: SignedIn, response: Response, min_position: MinPosition = 0, cursor: Cursor = None, limit: Limit = 50
    ) -> People:
        """The people whom the one who asks may see: a caseworker's own, or all of the organisation."""
        refuse_unless(by, "see_people")
        async with reading(parts, by, response, min_position) as connection:
            page = await people_page(
                connection,
                organisation_id=by.organisation_id,
                caseworker_id=own_cases_only(by),
                after=None if cursor is None else place_of(cursor, UUID)[0],
                limit=limit,
                opened=opener(parts, by),
            )
        return People(page.people, None if page.after is None else cursor_of(page.after))

    @router.get("/{person_id}", responses=VERSIONED)
    async def read_person(
        person_id: UUID, by: SignedIn, response: Response, min_position: MinPosition = 0
    ) -> PersonView:
        """A person as last told."""
        refuse_unless(by, "see_people")
        async with reading(parts, by, response, min_position) as connection:
            found = await person_view(
                connection,
                organisation_id=by.organisation_id,
                caseworker_id=own_cases_only(by),
                person_id=person_id,
                opened=opener(parts, by),
            )
        if found is None:
            raise NotFound
        response.headers["ETag"] = f'"{found.version}"'
        return found

    @router.post("", status_code=201, responses=FACT)
    async def register_person(body: NewPerson, by: SignedIn, submission: NewRecord, response: Response) -> Recorded:
        """Puts a person on record, because they ask to take part."""
        person_id = new_id()
        receipt = await parts.people.register(
            by, submission, person_id, role=body.role, details=_details(person.Details(full_name=""), body)
        )
        return created(receipt, response, "/people/{id}", person_id)

    @router.patch("/{person_id}", responses=CHANGED)
    async def correct_person(
        person_id: UUID, body: PersonChange, by: SignedIn, submission: ChangeOfState, response: Response
    ) -> Recorded:
        """Puts a person's details right; what they were stays in the history. Needs If-Match."""
        refuse_unless(by, "correct_details")
        await refuse_unless_person_visible(parts, by, person_id)
        known = await parts.record.person(by, person_id)
        receipt = await parts.people.correct_details(
            by,
            submission,
            person_id,
            role=body.role if "role" in body.model_fields_set else known.role,
            details=_details(known.details, body),
        )
        return answered(receipt, response, person_id)

    return router


def _details(known: person.Details, told: NewPerson | PersonChange) -> person.Details:
    """What was known, with what is told now in its place."""
    changes: dict[str, Any] = {name: getattr(told, name) for name in told.model_fields_set - {"role"}}
    if "languages" in changes:
        changes["languages"] = tuple(person.LanguageSkill(skill.language, skill.level) for skill in told.languages)
    return replace(known, **changes)
