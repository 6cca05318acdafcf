"""Who looked at my data: for the person themselves, in plain words. Looks of one day that are alike are one line."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from adapters.http.accesses import accesses_page
from adapters.http.pages.page import page
from adapters.http.pages.visitor import SignedInVisitor
from adapters.http.pages.wording import sentence, words
from adapters.http.parts import Parts
from adapters.http.reading import cursor_of, reading
from application.caller import Caller
from application.permissions import refuse_unless
from domain.errors import NotAllowed
from domain.vocabulary import LegalBasis, Role
from projections.accesses import Access, Wanted

ENTRIES = 200

_ROLES: Mapping[Role, str] = {
    Role.CASEWORKER: "A caseworker",
    Role.MENTOR: "Your mentor",
    Role.TRAINEE: "Your trainee",
    Role.COORDINATOR: "A coordinator",
    Role.AUDITOR: "An auditor",
    Role.ADMINISTRATOR: "An administrator",
}
# What they did, by the address; the first that fits.
_DID: tuple[tuple[str, str], ...] = (
    ("report prepare", "counted you in a report"),
    ("bundle", "took evidence about you for an audit"),
    ("consent-trail", "checked what you agreed to"),
    ("accesses", "looked at this list of yours"),
    ("search", "searched for people and found you"),
    ("dashboard", "opened the overview of their cases"),
    ("people", "opened your details"),
    ("consents", "opened what you agreed to"),
    ("goals", "opened your goals"),
    ("sessions", "opened the meetings with your mentor"),
    ("accompaniment", "opened the form on how an appointment went"),
    ("appointments", "opened your appointments"),
    ("credentials", "opened the recognition of your qualification"),
    ("outcomes", "opened how you were doing later"),
    ("/my", "opened their own list"),
)
_OPENED_CASE = "opened your record"
# What they saw, by the kind of entry; the first that fits.
_SAW: tuple[tuple[str, str], ...] = (
    ("goal-", "your goals"),
    ("session-", "your meetings"),
    ("appointment-", "your appointments"),
    ("accompaniment-", "your appointments"),
    ("next-step-", "your appointments"),
    ("credential-", "the recognition of your qualification"),
    ("consent", "what you agreed to"),
    ("outcome-", "how you were doing later"),
    ("mentorship-", "your mentorship"),
    ("entry-", "corrections"),
    ("access-log", "who looked at your data"),
)


@dataclass(frozen=True, slots=True)
class Look:
    """`times` that somebody looked alike on one day, the last one at `at`; `agreed` None where no consent of theirs is needed."""

    at: datetime
    who: str
    handle: str | None
    did: str
    saw: tuple[str, ...]
    why: str
    agreed: bool | None
    times: int


def access_routes(parts: Parts) -> APIRouter:
    router = APIRouter()

    @router.get("/my/accesses")
    async def read_own_accesses(
        request: Request, visitor: SignedInVisitor, cursor: Annotated[str | None, Query(max_length=200)] = None
    ) -> Response:
        by = visitor.by
        refuse_unless(by, "see_accesses")
        if by.role not in (Role.MENTOR, Role.TRAINEE) or by.person_id is None:
            raise NotAllowed
        async with reading(parts, by, Response(), 0) as connection:
            wanted = Wanted(person_id=by.person_id, not_by=by.member_id, outcome="shown")
            found = await accesses_page(connection, by, wanted, cursor, ENTRIES)
        return page(
            request,
            "my_accesses.html",
            days=_days(by, found.entries),
            cursor=cursor,
            earlier=None if found.before is None else cursor_of(found.before),
        )

    return router


def _days(by: Caller, entries: Iterable[Access]) -> list[tuple[datetime, list[Look]]]:
    """The looks of each day, the last day first, and in it the last look."""
    days: dict[object, dict[object, list[Access]]] = {}
    for entry in entries:
        day = entry.recorded_at.astimezone(by.zone).date()
        alike = (entry.member_id, entry.role, _did(entry), _why(entry), _agreed(entry))
        days.setdefault(day, {}).setdefault(alike, []).append(entry)
    return [
        (next(iter(looks.values()))[0].recorded_at, [_look(alike) for alike in looks.values()])
        for looks in days.values()
    ]


def _look(alike: list[Access]) -> Look:
    last = alike[0]
    return Look(
        at=last.recorded_at,
        who=_ROLES.get(last.role, sentence(words(last.role))),
        handle=last.member_handle,
        did=_did(last),
        saw=_saw(alike),
        why=_why(last),
        agreed=_agreed(last),
        times=len({entry.read_id for entry in alike}),
    )


def _did(entry: Access) -> str:
    return next((did for part, did in _DID if part in entry.read), _OPENED_CASE)


def _saw(alike: list[Access]) -> tuple[str, ...]:
    topics = {topic for entry in alike for topic in entry.topics}
    found = dict.fromkeys(saw for start, saw in _SAW if any(topic.startswith(start) for topic in topics))
    if any(topic.startswith("person-") for topic in topics):
        fields = {field for entry in alike for field in entry.fields}
        details = (
            "your details"
            if "phone" in fields
            else "your name"
            if "full_name" in fields
            else "your age, gender and languages"
        )
        found = {details: None, **found}
    return tuple(found)


def _why(entry: Access) -> str:
    if entry.purpose is not None:
        return f"for {words(entry.purpose)}"
    match entry.legal_basis:
        case LegalBasis.CONTRACT:
            return "because you take part here"
        case LegalBasis.VITAL_INTERESTS:
            return "because your life or health was in danger"
        case LegalBasis.LEGAL_OBLIGATION:
            return "because the law asks for it"
    return "to do the organisation's work"


def _agreed(entry: Access) -> bool | None:
    return None if entry.legal_basis is not LegalBasis.CONSENT else entry.consent_version is not None
