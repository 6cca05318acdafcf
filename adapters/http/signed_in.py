"""Who asks: nothing below /api answers without a bearer token, not even that an address does not exist."""

import re
from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from adapters.http.parts import Parts
from adapters.http.problems import RequestRefused
from application.caller import Caller

# RFC 6750, section 2.1. Our own have 43 characters.
_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/-]{1,200}=*)", re.IGNORECASE)


class TokenMissing(RequestRefused):
    status = 401
    code = "token-missing"
    message = "Send a token as Authorization: Bearer. `accompany token` issues one."


class TokenUnknown(RequestRefused):
    """The answer is the same for a token that never was, that has ended and that has expired."""

    status = 401
    code = "token-unknown"
    message = "This token is not valid, or not any more. Ask for a new one."


class TokensOnly:
    """ASGI middleware: refuses every request below /api without a good token, before anything else looks at it."""

    def __init__(self, app: ASGIApp, parts: Parts) -> None:
        self._app = app
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and is_api(scope["path"]):
            scope["accompany.caller"] = await self._caller(Headers(scope=scope).getlist("authorization"))
        await self._app(scope, receive, send)

    async def _caller(self, given: list[str]) -> Caller:
        if not given:
            raise TokenMissing(headers={"WWW-Authenticate": 'Bearer realm="accompany"'})
        found = _BEARER.fullmatch(given[0])
        if found and len(given) == 1:
            caller = await self._parts.tokens.caller(found[1], self._parts.now())
            if caller is not None:
                return caller
        raise TokenUnknown(headers={"WWW-Authenticate": 'Bearer realm="accompany", error="invalid_token"'})


def is_api(path: str) -> bool:
    return path == "/api" or path.startswith("/api/")


async def _caller(request: Request) -> Caller:
    # A KeyError, and so no answer at all, where the middleware did not run.
    caller: Caller = request.scope["accompany.caller"]
    return caller


SignedIn = Annotated[Caller, Depends(_caller)]
