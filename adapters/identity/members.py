"""Organisations and their members, as the owner of the database sets them up."""

import hashlib
import hmac
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg

from adapters.identity.tokens import Kind, expiry, hash_of, new_secret
from domain.errors import NotFound
from domain.vocabulary import Role


class MemberUnknown(NotFound):
    code = "member-unknown"
    message = "There is no such member in this organisation. `accompany doctor` lists the organisations."


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
    handle: str,
    person_id: UUID | None = None,
) -> UUID:
    """The member with this handle, made if there is none."""
    await connection.execute(
        "INSERT INTO accompany.members (organisation_id, member_id, handle, person_id) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        (organisation_id, member_id, handle, person_id),
    )
    return await member_by_handle(connection, organisation_id, handle)


async def member_by_handle(connection: psycopg.AsyncConnection[Any], organisation_id: UUID, handle: str) -> UUID:
    """Raises MemberUnknown."""
    cursor = await connection.execute(
        "SELECT member_id FROM accompany.members WHERE organisation_id = %s AND handle = %s", (organisation_id, handle)
    )
    row = await cursor.fetchone()
    if row is None:
        raise MemberUnknown
    return UUID(str(row[0]))


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
