"""Organisations and their members, as the owner of the database sets them up."""

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg

from adapters.identity.tokens import Kind, expiry, hash_of, new_secret
from domain.errors import NotFound, RuleBroken
from domain.vocabulary import Role

# As the table of members demands it.
_HANDLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")


class MemberUnknown(NotFound):
    code = "member-unknown"
    message = "There is no such member in this organisation. `accompany doctor` lists the organisations."


class StandsForAnother(RuleBroken):
    code = "stands-for-another"
    message = "This member stands for another person already. Take another handle for this person."


class OrganisationUnknown(NotFound):
    code = "organisation-unknown"
    message = (
        "There is no such organisation in this database. Import a caseload, or name one of those that `doctor` lists."
    )


def keyed_id(identifier_key: bytes, organisation_id: UUID, kind: str, external: str) -> UUID:
    """The id of what a spreadsheet calls `external`: the same each time, and without the key nobody finds it out (UUIDv8)."""
    text = b"\x00".join((organisation_id.bytes, kind.encode(), external.encode()))
    digest = hmac.new(identifier_key, text, hashlib.sha256).digest()
    value = int.from_bytes(digest[:16])
    return UUID(int=value & ~(0xF << 76) & ~(0b11 << 62) | 0x8 << 76 | 0b10 << 62)


@dataclass(frozen=True, slots=True)
class Member:
    """A member as stored; `person_id` is whom a mentor or trainee stands for."""

    member_id: UUID
    handle: str
    person_id: UUID | None


def is_handle(label: str) -> bool:
    """Whether what a spreadsheet calls a member may be stored: a code such as `cw07`. Everything else may be a name, as `Petra` is."""
    is_code = label == label.lower() or any(character.isdigit() for character in label)
    return is_code and _HANDLE.fullmatch(label) is not None


async def ensure_organisation(
    connection: psycopg.AsyncConnection[Any], organisation_id: UUID, name: str, time_zone: str, *, demo: bool
) -> None:
    """Sets an organisation up if it is not there."""
    await connection.execute(
        "INSERT INTO accompany.organisations (organisation_id, name, time_zone, demo) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        (organisation_id, name, time_zone, demo),
    )


async def organisation_by_name(connection: psycopg.AsyncConnection[Any], name: str | None) -> tuple[UUID, str]:
    """Id and time zone of the organisation of that name, or of the only one. Raises OrganisationUnknown."""
    cursor = await connection.execute(
        "SELECT organisation_id, time_zone FROM accompany.organisations WHERE %(name)s::text IS NULL OR name = %(name)s LIMIT 2",
        {"name": name},
    )
    rows = await cursor.fetchall()
    if len(rows) != 1:
        raise OrganisationUnknown
    return rows[0][0], rows[0][1]


async def ensure_member(
    connection: psycopg.AsyncConnection[Any],
    organisation_id: UUID,
    member_id: UUID,
    label: str,
    person_id: UUID | None = None,
) -> UUID:
    """The member whom the organisation calls `label`, made if there is none.

    A label that is no handle is never stored: the handle is made from `member_id`, which is then the label's keyed id.
    """
    handle = label if is_handle(label) else f"member-{member_id.hex[:8]}"
    await connection.execute(
        "INSERT INTO accompany.members (organisation_id, member_id, handle, person_id) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        (organisation_id, member_id, handle, person_id),
    )
    return (await member_called(connection, organisation_id, member_id, label)).member_id


async def member_called(
    connection: psycopg.AsyncConnection[Any], organisation_id: UUID, member_id: UUID, label: str
) -> Member:
    """The member with the handle `label`, or where that is no handle, with `label`'s keyed id. Raises MemberUnknown."""
    cursor = await connection.execute(
        "SELECT member_id, handle, person_id FROM accompany.members"
        " WHERE organisation_id = %s AND (handle = %s OR member_id = %s)",
        (organisation_id, label, None) if is_handle(label) else (organisation_id, None, member_id),
    )
    row = await cursor.fetchone()
    if row is None:
        raise MemberUnknown
    return Member(*row)


async def stand_for(
    connection: psycopg.AsyncConnection[Any], organisation_id: UUID, member: Member, person_id: UUID
) -> None:
    """From now on the member stands for this person. Raises StandsForAnother; nobody's person is ever exchanged."""
    cursor = await connection.execute(
        "UPDATE accompany.members SET person_id = %(person)s WHERE organisation_id = %(organisation)s"
        " AND member_id = %(member)s AND (person_id IS NULL OR person_id = %(person)s)",
        {"person": person_id, "organisation": organisation_id, "member": member.member_id},
    )
    if cursor.rowcount != 1:
        raise StandsForAnother


async def issue(
    connection: psycopg.AsyncConnection[Any],
    organisation_id: UUID,
    member_id: UUID,
    role: Role,
    kind: Kind,
    lasts: timedelta,
) -> str:
    """A new token. The answer is the only time that it is seen."""
    secret = new_secret()
    await connection.execute(
        "INSERT INTO accompany.tokens (secret_hash, organisation_id, member_id, role, kind, expires_at)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        (hash_of(secret), organisation_id, member_id, role.value, kind, expiry(lasts)),
    )
    return secret
