"""What went wrong, as a page: what it means, and what to do next.

A form that could not be recorded because the record was out of reach comes back whole, to be sent again with one tap.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.http.pages.form import posted
from adapters.http.pages.page import page
from adapters.http.pages.visitor import recognise
from adapters.http.problems import RETRY_AFTER, RequestRefused, answer_to
from adapters.http.reading import NotYetProjected

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Explained:
    """A status as a page says it."""

    title: str
    text: str


_EXPLAINED = {
    HTTPStatus.FORBIDDEN: Explained(
        "Not for your role", "Your role does not do this. Ask your coordinator if you need it."
    ),
    HTTPStatus.NOT_FOUND: Explained(
        "Nothing here",
        "There is no such page, or it is about a case that is not yours to see. The two look the same on purpose.",
    ),
    HTTPStatus.METHOD_NOT_ALLOWED: Explained(
        "Nothing here", "This address is not opened like that. Go back to the start."
    ),
    HTTPStatus.INTERNAL_SERVER_ERROR: Explained(
        "Something went wrong here",
        "It is not your doing. What you sent may not be recorded: look at the case before you send it again.",
    ),
    HTTPStatus.NOT_IMPLEMENTED: Explained(
        "No PDF is made here",
        "This service is set up without it. Take the copy for a computer (JSON), or ask your caseworker for one on paper.",
    ),
    HTTPStatus.SERVICE_UNAVAILABLE: Explained(
        "The record is out of reach", "Nothing is lost. It usually comes back within a moment."
    ),
}


_NOT_DONE = Explained("This was not done", "Go back and try it in another way.")


def install(app: FastAPI) -> None:
    """Answers what the framework itself raises; the rest is for `PageErrors`."""
    app.add_exception_handler(RequestValidationError, _not_found)
    app.add_exception_handler(HTTPException, _from_framework)


class PageErrors:
    """ASGI middleware: answers with a page whatever is raised inside it. What nobody expected is logged by class and place."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            if answer_to(error).status_code == HTTPStatus.INTERNAL_SERVER_ERROR:
                _log.exception("page-failed")
            if started or scope["type"] != "http":
                raise
            answer = await page_of(Request(scope, receive), error)
            await answer(scope, receive, send)


async def page_of(request: Request, error: Exception) -> Response:
    """The page that tells of an error."""
    status = HTTPStatus(answer_to(error).status_code)
    if status is HTTPStatus.UNAUTHORIZED:
        # A challenge must name a scheme (RFC 9110, section 11.6.1); the link is ours.
        return page(request, "signed_out.html", status=status, headers={"WWW-Authenticate": 'Link realm="accompany"'})
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        return await _try_again(request, error)
    if isinstance(error, RequestRefused):
        return await _told(request, status, Explained("This was not done", error.message))
    return await _told(request, status)


async def _told(
    request: Request,
    status: HTTPStatus,
    explained: Explained | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    explained = explained or _EXPLAINED.get(status) or _NOT_DONE
    # Whatever has just failed might fail again.
    if status is not HTTPStatus.INTERNAL_SERVER_ERROR:
        await recognise(request)
    return page(request, "error.html", status=status, headers=headers, title=explained.title, text=explained.text)


async def _try_again(request: Request, error: Exception) -> Response:
    explained = _EXPLAINED[HTTPStatus.SERVICE_UNAVAILABLE]
    if isinstance(error, NotYetProjected):
        explained = Explained(
            "Recorded", "What you recorded is safe. It takes a moment longer than usual to show here."
        )
    again: dict[str, str] | None = None
    if request.method == "POST":
        form = await posted(request)
        again = {**form.fields, "key": form.key}
    query = "" if again is not None or not request.url.query else f"?{request.url.query}"
    return page(
        request,
        "try_again.html",
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        headers={"Retry-After": RETRY_AFTER},
        title=explained.title,
        text=explained.text,
        again=again,
        address=f"{request.url.path}{query}",
    )


async def _not_found(request: Request, _error: Exception) -> Response:
    """An address with something in it that is no id of ours, or no number."""
    return await _told(request, HTTPStatus.NOT_FOUND)


async def _from_framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return await _told(request, HTTPStatus(error.status_code), headers=error.headers)
