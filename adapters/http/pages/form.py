"""Forms: what was typed is kept until it is recorded, and what is wrong with it is said in words beside it.

A form carries an idempotency key from the moment it is shown, so that sending it twice records one fact.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, time
from enum import Enum
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, Request

from adapters.http.pages.wording import REFUSALS
from adapters.http.problems import RequestRefused
from adapters.http.strict_json import SECONDS, BodyTooSlow
from application.caller import Caller, Submission
from application.ids import new_id
from domain.errors import Refusal

# The longest texts that the record takes, in the longest way to write them in a form.
LIMIT = 512 * 1024
_FIELDS = 100
_KEY = "key"
_DAY = re.compile(r"(?:19|20|21)\d\d-\d\d-\d\d", re.ASCII)
_CLOCK = re.compile(r"(\d\d):(\d\d)(?::\d\d(?:\.\d+)?)?", re.ASCII)
_WHOLE = re.compile(r"\d{1,6}", re.ASCII)


class FormTooLarge(RequestRefused):
    status = 413
    code = "form-too-large"
    message = "This is more than one form can hold. Shorten it."


class NotAForm(RequestRefused):
    status = 415
    code = "not-a-form"
    message = "Only forms of these pages are taken here."


@dataclass(frozen=True, slots=True)
class FormProblem:
    """What is wrong, in words, and the field that it is about; None for the form as a whole."""

    field: str | None
    message: str
    code: str


class Form:
    """The fields of a form as text, and the problems found while they are read."""

    def __init__(self, fields: Mapping[str, str], raw: bytes = b"") -> None:
        self.fields = {name: text for name, text in fields.items() if name != _KEY}
        self.key = fields.get(_KEY) or new_id().hex
        self.problems: list[FormProblem] = []
        self._raw = raw

    def value(self, name: str) -> str:
        return self.fields.get(name, "")

    def problem(self, name: str) -> FormProblem | None:
        """The first problem with a field."""
        return next((problem for problem in self.problems if problem.field == name), None)

    def refuse(self, refusal: Refusal, **also_called: str) -> None:
        """Keeps the record's refusal; `also_called` are fields that stand in this form under another name."""
        names = [also_called.get(name, name) for name in refusal.fields]
        field = next((name for name in names if name in self.fields), None)
        self.problems.append(FormProblem(field, REFUSALS.get(refusal.code, str(refusal)), refusal.code))

    def submission(self, request: Request, by: Caller) -> Submission:
        """The command as it was handed in, in this role. Its key is kept as a keyed digest, whatever a sender has put into it."""
        digest = request.app.state.parts.digest
        asked = f"{by.role} {request.method} {request.scope['path']}\0".encode()
        return Submission(digest(b"Form\0" + self.key.encode()).hex(), digest(asked + self._raw))

    def text(self, name: str) -> str:
        """Free text, with the line ends that a form sends made plain and no blanks around it."""
        return self.value(name).replace("\r\n", "\n").strip()

    def lines(self, name: str) -> tuple[str, ...]:
        """One entry a line."""
        return tuple(line.strip() for line in self.text(name).split("\n") if line.strip())

    def flag(self, name: str) -> bool:
        return self.value(name) == "yes"

    def choice[E: Enum](self, name: str, kind: type[E], missing: str | None = None) -> E | None:
        """One of a list. `missing` says what to do where it must not be left out."""
        return self._read(name, kind, "Choose one from the list.", missing)

    def day(self, name: str, missing: str | None = None) -> date | None:
        return self._read(name, _day, "Give a day between 1900 and 2199, written as 2026-03-01.", missing)

    def clock(self, name: str, missing: str | None = None) -> time | None:
        """A time of day."""
        return self._read(name, _clock, "Give a time of day from 00:00 to 23:59, written as 08:15.", missing)

    def whole(self, name: str, missing: str | None = None) -> int | None:
        return self._read(name, _whole, "Give a whole number.", missing)

    def add(self, name: str, message: str, code: str = "invalid") -> None:
        """Says what is wrong with a field."""
        self.problems.append(FormProblem(name, message, code))

    def _read[T](self, name: str, kind: Callable[[str], T], wrong: str, missing: str | None) -> T | None:
        """None where the field is empty, or holds what `kind` raises ValueError for."""
        written = self.text(name)
        if not written:
            if missing is not None:
                self.add(name, missing, "missing")
            return None
        try:
            return kind(written)
        except ValueError:
            self.add(name, wrong, "not-understood")
            return None


def _day(written: str) -> date:
    if not _DAY.fullmatch(written):
        raise ValueError
    return date.fromisoformat(written)


def _clock(written: str) -> time:
    found = _CLOCK.fullmatch(written)
    if not found:
        raise ValueError
    return time(int(found[1]), int(found[2]))


def _whole(written: str) -> int:
    if not _WHOLE.fullmatch(written):
        raise ValueError
    return int(written)


async def posted(request: Request) -> Form:
    """The form that was sent. Raises NotAForm, FormTooLarge or BodyTooSlow."""
    kept: Form | None = getattr(request.state, "form", None)
    if kept is None:
        raw = await _body(request)
        try:
            pairs = parse_qsl(
                raw.decode("ascii"),
                keep_blank_values=True,
                errors="strict",
                max_num_fields=_FIELDS,
                strict_parsing=bool(raw),
            )
        except ValueError:
            raise NotAForm from None
        kept = request.state.form = Form(dict(pairs), raw)
    return kept


PostedForm = Annotated[Form, Depends(posted)]


async def _body(request: Request) -> bytes:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/x-www-form-urlencoded":
        raise NotAForm
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(SECONDS):
            async for chunk in request.stream():
                size += len(chunk)
                if size > LIMIT:
                    raise FormTooLarge
                chunks.append(chunk)
    except TimeoutError:
        raise BodyTooSlow from None
    return b"".join(chunks)
