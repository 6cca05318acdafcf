"""How a page is made: a template, the words for it, and the frame around it that depends on who looks."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from importlib.metadata import version
from typing import Any

from fastapi import Request
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context, select_autoescape
from jinja2.runtime import Context
from starlette.responses import HTMLResponse

from adapters.http.pages import wording
from adapters.http.pages.stylesheet import ADDRESS
from adapters.http.pages.visitor import Visitor
from domain.vocabulary import Role

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
}

# Where each role's work begins, then where else it may go.
PLACES: Mapping[Role, Sequence[tuple[str, str]]] = {
    Role.CASEWORKER: (("/dashboard", "Today"), ("/search", "Search")),
    Role.COORDINATOR: (
        ("/dashboard", "Overview"),
        ("/search", "Search"),
        ("/consent-trail", "Consent trail"),
        ("/summary", "Summary"),
        ("/reports", "Reports"),
        ("/rights", "Rights"),
    ),
    Role.AUDITOR: (("/consent-trail", "Consent trail"), ("/reports", "Reports")),
    Role.FUNDER: (("/reports", "Reports"),),
    Role.MENTOR: (("/my", "My trainees"), ("/my/accesses", "Who looked")),
    Role.TRAINEE: (("/my", "My record"), ("/my/accesses", "Who looked")),
    Role.ADMINISTRATOR: (("/system", "System"), ("/rights", "Rights")),
}


@pass_context
def _day(context: Context, on: date, **how: bool) -> str:
    return wording.day(on, context["visitor"].by.today, **how)


@pass_context
def _clock(context: Context, at: datetime) -> str:
    return wording.clock(at, context["visitor"].by.zone)


@pass_context
def _moment(context: Context, at: datetime) -> str:
    by = context["visitor"].by
    return wording.moment(at, by.today, by.zone)


@pass_context
def _local_day(context: Context, at: datetime) -> date:
    return at.astimezone(context["visitor"].by.zone).date()


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("adapters.http", "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        words=wording.words,
        sentence=wording.sentence,
        tone=wording.tone,
        day=_day,
        days_left=wording.days_left,
        first_name=wording.first_name,
        short_id=wording.short_id,
        clock=_clock,
        moment=_moment,
        local_day=_local_day,
    )
    environment.globals.update(stylesheet=ADDRESS, signs=wording.SIGNS, version=version("accompany"))
    return environment


_ENVIRONMENT = _environment()


def page(
    request: Request, template: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **shown: Any
) -> HTMLResponse:
    """The page that a template makes of what is shown on it."""
    visitor: Visitor | None = getattr(request.state, "visitor", None)
    places = PLACES[visitor.by.role] if visitor else ()
    text = _ENVIRONMENT.get_template(template).render(
        visitor=visitor, places=places, path=request.scope["path"], **shown
    )
    return HTMLResponse(text, status, {**HEADERS, **(headers or {})})
