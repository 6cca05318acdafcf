"""An organisation with members of every role, each with a token, who ask through HTTP; and the steps that tests begin with."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self
from uuid import UUID

import httpx
import psycopg
from fastapi import FastAPI

from adapters.identity.members import ensure_member, ensure_organisation, issue
from application.ids import new_id
from domain.vocabulary import Role

PURPOSES = ("mentoring", "accompaniment", "credential-recognition")
STARTED = "2025-01-10"


class Asker:
    """Somebody with a token. Paths are below /api/v1; a read waits for what this one recorded last."""

    def __init__(self, client: httpx.AsyncClient, member_id: UUID, token: str) -> None:
        self.client = client
        self.member_id = member_id
        self.token = token
        self.last = 0

    async def get(self, path: str, **params: Any) -> httpx.Response:
        return await self.client.get(path, params={"min_position": self.last, **params})

    async def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        return self._seen(await self.client.post(path, json={} if body is None else body, headers=_named(headers)))

    async def patch(self, path: str, body: Any, **headers: str) -> httpx.Response:
        return self._seen(await self.client.patch(path, json=body, headers=_named(headers)))

    async def change(self, path: str, body: Any = None) -> httpx.Response:
        """A change of state, decided on what the case is at now."""
        case = "/".join(path.split("/")[:3])
        return await self.post(path, body, if_match=await self.etag(case))

    async def etag(self, path: str) -> str:
        """The version of a case or a person, in quotes."""
        found = await self.get(path)
        assert found.status_code == 200, found.text
        return found.headers["etag"]

    def _seen(self, answer: httpx.Response) -> httpx.Response:
        self.last = max(self.last, int(answer.headers.get("accompany-position", 0)))
        return answer


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


class Office:
    """One organisation. Members are made when they are first asked for."""

    def __init__(self, dsn: str, organisation_id: UUID, door: str | FastAPI, clients: AsyncExitStack) -> None:
        self.dsn = dsn
        self.organisation_id = organisation_id
        self._door = door
        self._clients = clients
        self._askers: dict[str, Asker] = {}

    async def member(self, role: Role, handle: str | None = None, person_id: UUID | None = None) -> Asker:
        """The one member of this role, or with a handle another one."""
        handle = handle or role.value
        if handle not in self._askers:
            async with await psycopg.AsyncConnection.connect(self.dsn, autocommit=True) as connection:
                member_id = await ensure_member(connection, self.organisation_id, new_id(), handle, person_id)
                token = await issue(connection, self.organisation_id, member_id, role, "bearer", timedelta(hours=1))
            client = httpx.AsyncClient(
                transport=httpx.ASGITransport(app=self._door) if isinstance(self._door, FastAPI) else None,
                base_url="http://accompany.test/api/v1" if isinstance(self._door, FastAPI) else f"{self._door}/api/v1",
                headers={"Authorization": f"Bearer {token}"},
            )
            self._askers[handle] = Asker(await self._clients.enter_async_context(client), member_id, token)
        return self._askers[handle]

    async def caseworker(self) -> Asker:
        return await self.member(Role.CASEWORKER)

    async def coordinator(self) -> Asker:
        return await self.member(Role.COORDINATOR)


@dataclass(frozen=True, slots=True)
class OpenCase:
    """A case that the office's caseworker opened, with consents to everyday work."""

    path: str
    mentorship_id: UUID
    trainee_id: UUID
    mentor_id: UUID
    position: int
    office: Office

    @classmethod
    async def begin(cls, office: Office, *, purposes: tuple[str, ...] = PURPOSES) -> Self:
        by = await office.caseworker()
        trainee = await registered(by, "trainee", "Parwana Invented")
        mentor = await registered(by, "mentor", "Marek Erfunden")
        started = await by.post(
            "/mentorships",
            {"trainee_id": trainee, "mentor_id": mentor, "track": "healthcare", "occurred_on": STARTED},
        )
        assert started.status_code == 201, started.text
        mentorship_id, position = started.json()["id"], started.json()["position"]
        path = f"/mentorships/{mentorship_id}"
        for purpose in purposes:
            given = await by.post(f"{path}/consents", consent(purpose))
            assert given.status_code == 201, given.text
            position = given.json()["position"]
        return cls(path, UUID(mentorship_id), UUID(trainee), UUID(mentor), position, office)

    async def mentor(self) -> Asker:
        return await self.office.member(Role.MENTOR, f"m{str(self.mentor_id)[-12:]}", self.mentor_id)

    async def trainee(self) -> Asker:
        return await self.office.member(Role.TRAINEE, f"t{str(self.trainee_id)[-12:]}", self.trainee_id)


def consent(purpose: str, state: str = "given", on: str = STARTED) -> dict[str, Any]:
    return {
        "state": state,
        "purpose": purpose,
        "occurred_on": on,
        "notice": {"version": "2025-1", "language": "fa-AF", "form": "read-aloud"},
        "communication": {"language": "fa-AF", "interpreter": "professional", "teach_back": "pass"},
        "expression": {"method": "signature", "place": "office"},
    }


async def registered(by: Asker, role: str, name: str) -> str:
    answer = await by.post("/people", {"role": role, "full_name": name, "phone": "+49 30 0000000"})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


@asynccontextmanager
async def open_office(dsn: str, door: str | FastAPI) -> AsyncIterator[Office]:
    """A new organisation in this database. `door` is the application, or the address where one is served."""
    organisation_id = new_id()
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        await ensure_organisation(connection, organisation_id, str(organisation_id), "Europe/Berlin", demo=False)
    async with AsyncExitStack() as clients:
        yield Office(dsn, organisation_id, door, clients)
