"""Who may see which case and which person. What one may not see is answered as if it did not exist."""

from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from adapters.http.parts import Parts
from application.caller import Caller
from application.permissions import refuse_unless, refuse_unless_involved
from domain.errors import Invalid, NotFound
from domain.person import Person
from domain.vocabulary import Role
from projections.cases import Case, case_row
from projections.people import person_visible


class MemberUnknown(Invalid):
    code = "member-unknown"
    message = "There is no such member in this organisation."


async def visible_case(
    connection: AsyncConnection[Any], by: Caller, mentorship_id: UUID, action: str = "see_case"
) -> Case:
    """The case's bare row. Raises NotAllowed, or NotFound where it is not the caller's to see."""
    refuse_unless(by, action)
    case = await case_row(connection, organisation_id=by.organisation_id, mentorship_id=mentorship_id)
    if case is None:
        raise NotFound
    refuse_unless_involved(by, case)
    return case


def own_cases_only(by: Caller) -> UUID | None:
    """The caseworker whose cases and people a query is limited to; None for those who answer for all of them."""
    return None if by.role is Role.COORDINATOR else by.member_id


async def refuse_unless_person_visible(parts: Parts, by: Caller, person_id: UUID) -> None:
    """Raises NotFound. Whoever registered a person sees them at once, before any projection knows."""
    if by.role is Role.COORDINATOR or await parts.record.registered_by(by, person_id) == by.member_id:
        return
    async with parts.pool.organisation(by.organisation_id) as connection:
        if await person_visible(
            connection, organisation_id=by.organisation_id, caseworker_id=by.member_id, person_id=person_id
        ):
            return
    raise NotFound


async def mentor(parts: Parts, by: Caller, person_id: UUID) -> Person:
    """Somebody to be named as a mentor: any mentor of the organisation, since matching looks further than one's own cases.

    Raises NotFound for one who is no mentor and whom the caller may not see.
    """
    person = await parts.record.person(by, person_id)
    if not person.may_be_mentor:
        await refuse_unless_person_visible(parts, by, person_id)
    return person


async def refuse_unless_member(parts: Parts, by: Caller, member_id: UUID, field: str) -> None:
    """Raises MemberUnknown: nobody could see a case in the hands of a member who does not exist."""
    if member_id == by.member_id:
        return
    async with parts.pool.organisation(by.organisation_id) as connection:
        found = await connection.execute(
            "SELECT FROM accompany.members WHERE organisation_id = %s AND member_id = %s",
            (by.organisation_id, member_id),
        )
        if await found.fetchone() is None:
            raise MemberUnknown(fields=(field,))
