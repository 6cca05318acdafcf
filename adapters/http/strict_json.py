"""Request bodies: JSON that means one thing only, of a size and depth that a person may write.

RFC 8259 leaves duplicate names, half characters and huge numbers to the reader; here they are refused, so that what was sent is what
is recorded.
"""

import asyncio
import json
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, NoReturn

from fastapi import Request, Response, params
from fastapi.dependencies.utils import get_flat_params
from fastapi.routing import APIRoute, serialize_response

from adapters.http.arguments import NotPlain, Plan, plan_of
from adapters.http.problems import FieldProblem, RequestRefused, pointer

LIMIT = 64 * 1024
DEPTH = 32
# A body of that size takes a second on the slowest phone network.
SECONDS = 10.0


class BodyTooLarge(RequestRefused):
    status = 413
    code = "body-too-large"
    message = "The body is larger than 64 KiB."


class BodyTooSlow(RequestRefused):
    status = 408
    code = "body-too-slow"
    message = "The body did not arrive within ten seconds."


class NotJson(RequestRefused):
    status = 415
    code = "not-json"
    message = "Send the body as Content-Type: application/json, in UTF-8 and not compressed."


class MalformedJson(RequestRefused):
    code = "malformed-json"
    message = "The body is not JSON (RFC 8259)."


class NumberTooLarge(RequestRefused):
    code = "number-too-large"
    message = "A number in the body is too large, or none: NaN and Infinity are not JSON."


class DuplicateName(RequestRefused):
    code = "duplicate-name"
    message = "An object in the body has two fields of one name. Only one of them can be meant."


class TooDeep(RequestRefused):
    code = "too-deep"
    message = "The body nests more than 32 levels deep."


class NulCharacter(RequestRefused):
    status = 422
    code = "nul-character"
    message = "A text holds a NUL character, which no reader can show. Remove it."


class LoneSurrogate(RequestRefused):
    status = 422
    code = "lone-surrogate"
    message = "A text holds half of a character (a lone surrogate). Write the character whole."


class UnknownParameter(RequestRefused):
    status = 422
    code = "unknown-parameter"
    message = "The address has a query parameter that is not known here."


class StrictRoute(APIRoute):
    """A route that reads its body by these rules and takes no query parameter that it does not declare."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()
        known = {field.alias for field in get_flat_params(self.dependant) if isinstance(field.field_info, params.Query)}
        plan = plan_of(self)

        async def handle(request: Request) -> Response:
            if request.scope["query_string"] and not known.issuperset(request.query_params):
                raise UnknownParameter
            strict = StrictRequest(request.scope, request.receive)
            if self.body_field is not None:
                await strict.take_in()
            if plan is not None:
                with suppress(NotPlain):
                    return await self._answered(plan, strict)
            return await answer(strict)

        return handle

    async def _answered(self, plan: Plan, request: Request) -> Response:
        """As the framework answers where nothing is wrong."""
        # Functions that take it set the headers and the status of the answer.
        given = Response(status_code=self.status_code or 200)
        del given.headers["content-length"]
        found = await plan.call(request, given, {})
        if isinstance(found, Response):
            return found
        content = await serialize_response(field=self.response_field, response_content=found, dump_json=True)
        answer = Response(content, given.status_code, media_type="application/json")
        answer.headers.raw.extend(given.headers.raw)
        return answer


class StrictRequest(Request):
    """A request whose body was read and judged before anything else looks at it."""

    _raw: bytes = b""
    _parsed: Any = None

    async def take_in(self) -> None:
        """Reads the body. Raises a RequestRefused."""
        declared = self.headers.get("content-length", "0")
        if declared.isdecimal() and int(declared[:20]) > LIMIT:
            raise BodyTooLarge
        try:
            async with asyncio.timeout(SECONDS):
                self._raw = await self._read()
        except TimeoutError:
            raise BodyTooSlow from None
        if self._raw:
            self._refuse_unless_json()
            self._parsed = parse(self._raw)

    async def body(self) -> bytes:
        return self._raw

    async def json(self) -> Any:
        return self._parsed

    async def _read(self) -> bytes:
        chunks: list[bytes] = []
        size = 0
        async for chunk in self.stream():
            size += len(chunk)
            if size > LIMIT:
                raise BodyTooLarge
            chunks.append(chunk)
        return b"".join(chunks)

    def _refuse_unless_json(self) -> None:
        media_type, *parameters = self.headers.get("content-type", "").lower().split(";")
        charset_fits = all(
            parameter.replace(" ", "") in ("", "charset=utf-8", 'charset="utf-8"') for parameter in parameters
        )
        coding = self.headers.get("content-encoding", "identity").lower()
        if media_type.strip() != "application/json" or not charset_fits or coding != "identity":
            raise NotJson


def parse(raw: bytes) -> Any:
    """The value that a body holds. Raises a RequestRefused, which names the place of a bad text and never quotes it."""
    try:
        value = _DECODER.decode(raw.decode())
    except RecursionError:
        raise TooDeep from None
    except ValueError:
        raise MalformedJson from None
    # What is looked for can only be written as an escape, or with as many brackets.
    if b"\\u" in raw or raw.count(b"[") + raw.count(b"{") > DEPTH:
        _check(value, (), DEPTH)
    return value


def _check(value: Any, place: tuple[object, ...], depth: int) -> None:
    match value:
        case str():
            _check_text(value, place)
        case list() if depth:
            for number, member in enumerate(value):
                _check(member, (*place, number), depth - 1)
        case dict() if depth:
            for name, member in value.items():
                _check_text(name, place)
                _check(member, (*place, name), depth - 1)
        case list() | dict():
            raise TooDeep


def _check_text(text: str, place: tuple[object, ...]) -> None:
    refusal: type[RequestRefused]
    if "\x00" in text:
        refusal = NulCharacter
    elif not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        refusal = LoneSurrogate
    else:
        return
    raise refusal(errors=[FieldProblem(pointer=pointer(place), code=refusal.code, detail=refusal.message)])


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise DuplicateName
    return members


def _no_number(_name: str) -> NoReturn:
    raise NumberTooLarge


def _finite(written: str) -> float:
    number = float(written)
    if number in (float("inf"), float("-inf")):
        raise NumberTooLarge
    return number


def _whole(written: str) -> int:
    # PostgreSQL's and JavaScript's whole numbers end long before; Python's own limit raises a ValueError of another kind.
    if len(written) > 20:
        raise NumberTooLarge
    return int(written)


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_no_number, parse_float=_finite, parse_int=_whole)
