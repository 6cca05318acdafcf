"""Tokens: opaque secrets of 256 random bits, each for a member, an organisation and a role. Only their hashes are stored."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg.rows import tuple_row

from adapters.postgres.pool import Pool
from application.caller import Caller
from domain.vocabulary import Role

type Kind = Literal["bearer", "link", "session"]

# How long a lookup is believed: the longest that an ended token still opens anything, in seconds.
BELIEVED_FOR = 5.0
REMEMBERED = 10_000
SESSION_LASTS = timedelta(hours=9)

SPEAKS_FOR = """
    SELECT organisation_id, member_id, role, person_id, time_zone, organisation, demo, handle, expires_at
    FROM accompany.speaks_for(%s, %s)
"""


@dataclass(frozen=True, slots=True)
class Holder:
    """Whom a token speaks for."""

    member_id: UUID
    organisation_id: UUID
    role: Role
    zone: ZoneInfo
    person_id: UUID | None
    organisation: str
    demo: bool
    handle: str
    expires_at: datetime

    def caller(self, now: datetime) -> Caller:
        return Caller(self.member_id, self.organisation_id, self.role, self.zone, now, self.person_id)


class Tokens:
    """Looks tokens up, and exchanges sign-in links for sessions. `pool` runs as `accompany_service`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._known: dict[tuple[bytes, Kind], tuple[Holder, datetime]] = {}

    async def caller(self, token: str, now: datetime) -> Caller | None:
        """Who asks with this bearer token at `now` (aware); None if it is unknown, ended or expired."""
        holder = await self.holder(token, "bearer", now)
        return holder.caller(now) if holder else None

    async def holder(self, secret: str, kind: Kind, now: datetime) -> Holder | None:
        """Whom a secret speaks for. A lookup is believed for five seconds."""
        asked = (hash_of(secret), kind)
        if (known := self._known.get(asked)) and now < min(known[1], known[0].expires_at):
            return known[0]
        rows = await self._pool.rows(None, SPEAKS_FOR, asked, row_factory=tuple_row)
        if not rows:
            self._known.pop(asked, None)
            return None
        organisation_id, member_id, role, person_id, zone, organisation, demo, handle, expires_at = rows[0]
        holder = Holder(
            member_id, organisation_id, Role(role), ZoneInfo(zone), person_id, organisation, demo, handle, expires_at
        )
        while len(self._known) >= REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[asked] = (holder, now + timedelta(seconds=BELIEVED_FOR))
        return holder

    async def open_session(self, link: str) -> str | None:
        """A new session for the holder of a sign-in link; None if the link is unknown, used up or expired."""
        session = new_secret()
        async with self._pool.lend() as connection:
            cursor = await connection.execute(
                "SELECT accompany.open_session(%s, %s, %s)", (hash_of(link), hash_of(session), SESSION_LASTS)
            )
            row = await cursor.fetchone()
        self._known.pop((hash_of(link), "link"), None)
        return session if row and row[0] else None

    async def end_session(self, session: str) -> None:
        """Signs out. Unknown sessions are ended too."""
        hashed = hash_of(session)
        async with self._pool.lend() as connection:
            await connection.execute("SELECT accompany.end_session(%s)", (hashed,))
        self._known.pop((hashed, "session"), None)


def new_secret() -> str:
    """43 characters that are safe in a header and in an address."""
    return secrets.token_urlsafe(32)


def hash_of(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def expiry(lasts: timedelta) -> datetime:
    return datetime.now(UTC) + lasts
