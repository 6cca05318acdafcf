"""Nothing personal leaves before the access log has it: who was shown whose data, or was refused.

One place, around all routes: a view opens what it shows within the `Disclosure` of its request, and no byte of the answer goes out
while there is something in it that is not written down. A route can't forget it, nor go around it.
"""

from typing import Any
from uuid import UUID

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.disclosure import Disclosure, Shown
from adapters.http.parts import Parts
from adapters.http.problems import RequestRefused
from adapters.http.read_purposes import BASIS_OF_READ, ReadBasis, relied_on
from adapters.http.telemetry import route_of
from adapters.postgres.access_log import Standing
from adapters.postgres.stored import NotStorable, StoreBusy, StoreUnavailable
from adapters.telemetry import current_trace_id
from application.caller import Caller
from application.ids import new_id
from audit.access import AccessEntry
from domain.errors import NotAllowed, NotFound, Refusal
from domain.purposes import OtherBasis
from domain.vocabulary import LegalBasis, Purpose

# Asked with a body, since what is asked for must not stand in an address.
_READ_BY_POST = frozenset({"/api/v1/search"})


class AccessNotLogged(RequestRefused):
    status = 503
    code = "access-not-logged"
    message = "Who looks at personal data is written down first, and that can't be done just now. Nothing was shown. Ask again."


class AccessesLogged:
    """ASGI middleware; the innermost one, so that what it refuses is answered as any other error."""

    def __init__(self, app: ASGIApp, parts: Parts) -> None:
        self._app = app
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        disclosure = Disclosure()

        async def held(message: Message) -> None:
            if not disclosure.is_empty:
                await self._shown(scope, disclosure)
            await send(message)

        with disclosure.active():
            try:
                await self._app(scope, receive, held)
            except (NotFound, NotAllowed) as refusal:
                await self._denied(scope, refusal)
                raise

    async def _shown(self, scope: Scope, disclosure: Disclosure) -> None:
        address = route_of(scope) or ""
        # A command's receipt holds ids and a version: what it opened to decide is not shown.
        is_read = scope["method"] == "GET" or address in _READ_BY_POST
        shown = disclosure.take(with_decided_on=is_read)
        by = _caller(scope)
        if not shown:
            return
        if by is None:
            raise LookupError("personal data were opened for nobody who is known")
        based = [
            (one, relied_on(address, own=one.person_id == by.person_id, of_trainee=one.of_trainee)) for one in shown
        ]
        try:
            read = _Read(by, f"{scope['method']} {address}", await self._standing(by, based))
            await self._parts.accesses.write([read.entry(one, basis) for one, basis in based])
        except (StoreBusy, StoreUnavailable, NotStorable):
            raise AccessNotLogged from None

    async def _standing(self, by: Caller, based: list[tuple[Shown, ReadBasis]]) -> Standing:
        purposes = {basis for _, basis in based if isinstance(basis, Purpose)}
        if not purposes:
            return Standing()
        [purpose] = purposes
        mentorships = {one.mentorship_id for one, basis in based if basis is purpose and one.mentorship_id}
        return await self._parts.accesses.consents_in_force(
            by.organisation_id, mentorships, purpose, by.today, by.asked_at
        )

    async def _denied(self, scope: Scope, refusal: Refusal) -> None:
        address, by = route_of(scope), _caller(scope)
        if address is None or by is None:
            return
        asked: dict[str, Any] = scope.get("path_params", {})
        person_id, mentorship_id = _id(asked.get("person_id")), _id(asked.get("mentorship_id"))
        basis = BASIS_OF_READ.get(address)
        try:
            if mentorship_id is not None:
                person_id = await self._parts.accesses.trainee_of(by.organisation_id, mentorship_id)
            await self._parts.accesses.write(
                [
                    AccessEntry(
                        organisation_id=by.organisation_id,
                        read_id=new_id(),
                        member_id=by.member_id,
                        role=by.role.value,
                        read=f"{scope['method']} {address}",
                        person_id=person_id,
                        mentorship_id=mentorship_id,
                        positions=(),
                        topics=(),
                        fields=(),
                        purpose=basis.value if isinstance(basis, Purpose) else None,
                        legal_basis=None,
                        consent_version=None,
                        consent_as_of=None,
                        outcome="denied",
                        refusal=refusal.code,
                        trace_id=current_trace_id(),
                    )
                ]
            )
        except (StoreBusy, StoreUnavailable, NotStorable):
            raise AccessNotLogged from None


class _Read:
    """One answer, whose entries share everything but whose data they are about."""

    def __init__(self, by: Caller, read: str, standing: Standing) -> None:
        self._by = by
        self._read = read
        self._standing = standing
        self._id = new_id()
        self._trace_id = current_trace_id()

    def entry(self, shown: Shown, basis: ReadBasis) -> AccessEntry:
        legal_basis, consent = LegalBasis.CONSENT, None
        if isinstance(basis, OtherBasis):
            legal_basis = basis.basis
        elif shown.mentorship_id is not None:
            consent = self._standing.consents.get(shown.mentorship_id)
            if consent is None and (override := self._standing.overrides.get(shown.mentorship_id)):
                legal_basis, consent = LegalBasis.VITAL_INTERESTS, override
        return AccessEntry(
            organisation_id=self._by.organisation_id,
            read_id=self._id,
            member_id=self._by.member_id,
            role=self._by.role.value,
            read=self._read,
            person_id=shown.person_id,
            mentorship_id=shown.mentorship_id,
            positions=tuple(sorted(shown.positions)),
            topics=tuple(sorted(shown.topics)),
            fields=tuple(sorted(shown.fields)),
            purpose=basis.value if isinstance(basis, Purpose) else None,
            legal_basis=legal_basis.value,
            consent_version=consent,
            consent_as_of=self._standing.as_of if isinstance(basis, Purpose) else None,
            outcome="shown",
            refusal=None,
            trace_id=self._trace_id,
        )


def _caller(scope: Scope) -> Caller | None:
    """Who asks: the holder of a token, or of a browser session."""
    if "accompany.caller" in scope:
        caller: Caller = scope["accompany.caller"]
        return caller
    visitor = scope.get("state", {}).get("visitor")
    return None if visitor is None else visitor.by


def _id(text: object) -> UUID | None:
    try:
        return UUID(str(text))
    except ValueError:
        return None
