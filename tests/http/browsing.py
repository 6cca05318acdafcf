"""Somebody at a browser: signed in by a link, following links, sending the forms that a page shows."""

from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from html.parser import HTMLParser
from typing import Self
from urllib.parse import urlencode

import httpx
import psycopg
from fastapi import FastAPI

from adapters.identity.members import issue
from domain.vocabulary import Role
from tests.http.front_door import Office

HOUSE = "http://accompany.test"


class Page(HTMLParser):
    """What a browser understands of a page: its words, its links, the fields of its first whole form, the elements that there are."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words = ""
        self.fields: dict[str, str] = {}
        self._area: str | None = None
        self._select: str | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        self.tags.append((tag, known))
        name = known.get("name", "")
        match tag, known.get("type", ""):
            case "textarea", _:
                self._area, self.fields[name] = name, ""
            case "select", _:
                self._select = name
            case "option", _ if self._select and ("selected" in known or self._select not in self.fields):
                self.fields[self._select] = known.get("value", "")
            case "input", "radio" | "checkbox" if "checked" not in known:
                pass
            case "input", _:
                self.fields[name] = known.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._area is not None:
            # A browser leaves the first line break of a text area out.
            self.fields[self._area] = self.fields[self._area].removeprefix("\n")
            self._area = None
        if tag == "select":
            self._select = None

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self.fields[self._area] += data
        self.words += data

    def links(self) -> list[str]:
        return [attrs["href"] for tag, attrs in self.tags if tag == "a" and "href" in attrs]

    def has(self, tag: str, **attrs: str) -> bool:
        return any(found == tag and attrs.items() <= known.items() for found, known in self.tags)


@dataclass
class Visit:
    """One person's browser. Redirections are followed by hand."""

    client: httpx.AsyncClient
    link: str
    page: Page = field(default_factory=lambda: Page(""))

    @classmethod
    async def begin(cls, app: FastAPI, office: Office, role: Role, clients: AsyncExitStack, **who: object) -> Self:
        member = await office.member(role, **who)  # type: ignore[arg-type]  # a handle and a person's id, passed on
        async with await psycopg.AsyncConnection.connect(office.dsn, autocommit=True) as connection:
            link = await issue(connection, office.organisation_id, member.member_id, role, "link", timedelta(minutes=5))
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app), base_url=HOUSE, headers={"Sec-Fetch-Site": "same-origin"}
        )
        visit = cls(await clients.enter_async_context(client), f"/sign-in/{link}")
        answer = await visit.get(visit.link)
        if answer.status_code == 200:
            answer = await visit.send(visit.link)
        assert answer.status_code == 303, answer.text
        return visit

    async def get(self, path: str) -> httpx.Response:
        return self._seen(await self.client.get(path))

    async def send(self, path: str, **changed: str) -> httpx.Response:
        """Sends the form of the page that is open, as a browser does, with some fields filled in anew."""
        fields = {**self.page.fields, **changed}
        return self._seen(await post(self.client, path, fields))

    async def follow(self, answer: httpx.Response) -> httpx.Response:
        assert answer.status_code == 303, answer.text
        return await self.get(answer.headers["location"])

    def _seen(self, answer: httpx.Response) -> httpx.Response:
        if answer.headers.get("content-type", "").startswith("text/html"):
            self.page = Page(answer.text)
        return answer


async def post(
    client: httpx.AsyncClient, path: str, fields: dict[str, str], headers: dict[str, str] | None = None
) -> httpx.Response:
    """Sends fields as a form does."""
    return await client.post(
        path,
        content=urlencode({name: text.replace("\n", "\r\n") for name, text in fields.items()}),
        headers={"Content-Type": "application/x-www-form-urlencoded", **(headers or {})},
    )
