"""Who looks at a page: the holder of a browser session, by its cookie."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from adapters.http.headers import parts_of
from adapters.http.problems import RequestRefused
from adapters.identity.tokens import Holder
from adapters.postgres.stored import StoreBusy, StoreUnavailable
from application.caller import Caller

COOKIE = "accompany_session"
# Our own have 43 characters.
_LONGEST = 200


class NotSignedIn(RequestRefused):
    status = 401
    code = "not-signed-in"
    message = "You are not signed in, or your session has ended."


@dataclass(frozen=True, slots=True)
class Visitor:
    """`holder` knows the organisation by name and whether it is a demo; `by` is who asks, for commands and queries."""

    holder: Holder
    by: Caller


async def _signed_in(request: Request) -> Visitor:
    parts = parts_of(request)
    session = request.cookies.get(COOKIE, "")
    now = parts.now()
    holder = await parts.tokens.holder(session, "session", now) if 0 < len(session) <= _LONGEST else None
    if holder is None:
        raise NotSignedIn
    visitor = Visitor(holder, holder.caller(now))
    # So that a page that tells of an error still knows whom it is for.
    request.state.visitor = visitor
    return visitor


async def recognise(request: Request) -> None:
    """For a page that is there for everybody, and is framed for the visitor where they are known."""
    with suppress(NotSignedIn, StoreBusy, StoreUnavailable):
        await _signed_in(request)


SignedInVisitor = Annotated[Visitor, Depends(_signed_in)]
