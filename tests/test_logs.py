"""A log line is one JSON object with fields that we named, and nothing of a person gets into it."""

import asyncio
import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from adapters.http.telemetry import HttpTelemetry
from adapters.logs import start_logging
from adapters.telemetry import Telemetry
from domain.errors import RuleBroken

CANARY = "Amira-Haddad"
OURS = logging.getLogger("adapters.somewhere")
THEIRS = logging.getLogger("library.somewhere")


class Lines(io.StringIO):
    def all(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]

    def last(self) -> dict[str, Any]:
        return self.all()[-1]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    root = logging.root
    kept, level = list(root.handlers), root.level
    # Takes back what start_logging sets for the whole process.
    for owner, hook in ((sys, "excepthook"), (sys, "unraisablehook"), (threading, "excepthook")):
        monkeypatch.setattr(owner, hook, getattr(owner, hook))
    lines = Lines()
    start_logging("info", lines)
    yield lines
    logging.captureWarnings(False)
    root.handlers[:] = kept
    root.setLevel(level)


def test_a_line_holds_its_event_and_the_named_fields(lines: Lines) -> None:
    OURS.info("projection-caught-up", extra={"projection": "dashboard", "position": 42, "lag": 0})
    line = lines.last()
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "info",
        "logger": "adapters.somewhere",
        "event": "projection-caught-up",
        "projection": "dashboard",
        "position": 42,
        "lag": 0,
    }


def test_fields_that_nobody_allowed_are_left_out(lines: Lines) -> None:
    OURS.info(
        "case-opened",
        extra={"person": CANARY, "route": f"/people/{CANARY}", "status": CANARY, "code": f"{CANARY} 7", "count": True},
    )
    assert lines.last().keys() == {"time", "level", "logger", "event"}


def test_a_free_text_is_withheld_and_its_place_shown(lines: Lines) -> None:
    OURS.info("%s came", CANARY)
    OURS.info(f"{CANARY} came")  # the mistake that this test is about
    THEIRS.warning("cannot parse %r", CANARY)
    THEIRS.error(CANARY)
    assert [line["event"] for line in lines.all()] == ["text-withheld"] * 4
    assert all(line["at"].startswith("test_logs:") for line in lines.all())
    assert CANARY not in lines.getvalue()


def test_other_libraries_are_heard_from_warnings_on(lines: Lines) -> None:
    THEIRS.info("GET /people/7")
    OURS.debug("too-fine")
    assert lines.all() == []


def test_an_exception_leaves_class_code_and_stack_without_its_text(lines: Lines) -> None:
    def fall() -> None:
        try:
            raise psycopg.errors.UniqueViolation(f"Key (name)=({CANARY}) already exists.")
        except psycopg.Error as error:
            raise RuleBroken(CANARY) from error

    try:
        fall()
    except RuleBroken:
        OURS.exception("append-failed")
    outer, cause = lines.last()["errors"]
    assert (outer["type"], outer["code"]) == ("RuleBroken", "rule-broken")
    assert (cause["type"], cause["code"]) == ("UniqueViolation", "23505")
    assert outer["stack"][-1].split(" ")[-1] == "fall"
    assert outer["stack"][0].startswith("tests.test_logs:")
    assert CANARY not in lines.getvalue()


def test_the_members_of_a_group_are_shown(lines: Lines) -> None:
    OURS.error("worker-stopped", exc_info=ExceptionGroup(CANARY, [ValueError(CANARY), KeyError(CANARY)]))
    assert [error["type"] for error in lines.last()["errors"]] == ["ExceptionGroup", "ValueError", "KeyError"]
    assert CANARY not in lines.getvalue()


def test_what_nobody_caught_is_a_line_too(lines: Lines) -> None:
    def fall() -> None:
        raise ValueError(CANARY)

    thread = threading.Thread(target=fall, name=CANARY)
    thread.start()
    thread.join()
    try:
        fall()
    except ValueError as error:
        sys.excepthook(type(error), error, error.__traceback__)
    assert [line["event"] for line in lines.all()] == ["uncaught", "uncaught"]
    assert CANARY not in lines.getvalue()


def test_a_warning_is_a_line_without_its_text(lines: Lines) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn(CANARY, stacklevel=1)
        logging.captureWarnings(False)
    assert lines.last()["logger"] == "py.warnings"
    assert CANARY not in lines.getvalue()


def test_a_line_that_cannot_be_written_tells_nothing(lines: Lines, capsys: pytest.CaptureFixture[str]) -> None:
    class Unwritable(str):
        __slots__ = ()

        def __hash__(self) -> int:
            raise ValueError(CANARY)

    OURS.info("request", extra={"method": Unwritable(CANARY)})
    assert lines.last() == {"level": "error", "event": "log-line-lost"}
    assert CANARY not in lines.getvalue() + "".join(capsys.readouterr())


def test_a_request_is_one_line_under_its_route_and_trace(lines: Lines) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"

    async def broken(request: Request) -> None:
        OURS.warning("about-to-fall")
        raise ValueError(CANARY)

    async def ask() -> None:
        front = HttpTelemetry(Starlette(routes=[Route("/people/{person_id}", broken)]), Telemetry())
        transport = httpx.ASGITransport(front, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            headers = {"traceparent": f"00-{trace}-b7ad6b7169203331-01", "x-name": CANARY}
            await client.get(f"/people/{CANARY}?name={CANARY}", headers=headers)

    asyncio.run(ask())
    before, request = lines.all()
    assert before["trace_id"] == request["trace_id"] == trace
    assert request["event"] == "request"
    assert (request["method"], request["route"], request["status"]) == ("GET", "/people/{person_id}", 500)
    assert request["duration_ms"] >= 0
    assert CANARY not in lines.getvalue()
