"""Whom a token may speak for: a member, and where the role takes one, a person on record."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg

from adapters.identity.members import Member, MemberUnknown, ensure_member, member_called, stand_for
from adapters.wiring import Installation
from application.caller import Caller
from application.intake import UnknownPerson
from domain.errors import Invalid, NotFound
from domain.vocabulary import Role

STANDS_FOR_A_PERSON = (Role.MENTOR, Role.TRAINEE)


class MemberMissing(Invalid):
    code = "member-missing"
    message = "Say which member it is, by handle or as the spreadsheets write it."


class PersonNeeded(Invalid):
    code = "person-needed"
    message = "A mentor or trainee stands for a person on record. Name the person by the number in the spreadsheets: --person."


async def speaker(
    installation: Installation,
    connection: psycopg.AsyncConnection[Any],
    organisation_id: UUID,
    role: Role,
    label: str,
    person: str | None,
) -> tuple[Member, bool]:
    """The member whom the organisation calls `label`, and whether it was made now; standing for `person` where one is given.

    `person` is the number that the spreadsheets use; `connection` is the owner's. Raises MemberMissing, PersonNeeded,
    UnknownPerson or StandsForAnother, and has then made nobody.
    """
    if not label or not _is_text(label):
        raise MemberMissing
    member_id = installation.identify(organisation_id, "member", label)
    known: Member | None = None
    with suppress(MemberUnknown):
        known = await member_called(connection, organisation_id, member_id, label)
    person_id = None
    if person is not None:
        person_id = await _on_record(installation, organisation_id, member_id, person)
    elif role in STANDS_FOR_A_PERSON and (known is None or known.person_id is None):
        raise PersonNeeded
    await ensure_member(connection, organisation_id, member_id, label, person_id)
    member = await member_called(connection, organisation_id, member_id, label)
    if person_id is not None:
        await stand_for(connection, organisation_id, member, person_id)
    return member, known is None


async def _on_record(installation: Installation, organisation_id: UUID, member_id: UUID, number: str) -> UUID:
    if not _is_text(number):
        raise UnknownPerson
    person_id = installation.identify(organisation_id, "person", number.strip())
    by = Caller(member_id, organisation_id, Role.COORDINATOR, ZoneInfo("UTC"), datetime.now(UTC))
    try:
        await installation.record.person(by, person_id)
    except NotFound:
        raise UnknownPerson from None
    return person_id


def _is_text(argument: str) -> bool:
    """A terminal hands bytes that are no text over as half characters."""
    return not any("\ud800" <= character <= "\udfff" for character in argument)
