"""An aggregate rebuilt from its stored events is the one that recorded them, whatever the rules are by then."""

import ast
import inspect
from pathlib import Path
from typing import Any

import pytest

import domain.mentorship
from domain.errors import RuleBroken
from domain.events import TOPICS, RecordEvent
from domain.mentorship import Mentorship
from domain.mentorship.part import MentorshipEvent, MentorshipPart
from domain.person import Person
from tests.domain.replay import parts, replayed, stored_and_opened
from tests.domain.scenario import TRAINEE
from tests.golden.write import samples

OURS = [event for event in TOPICS.values() if event.__module__.startswith("domain.")]
HISTORY = list(samples())
PERSON = [event for event in HISTORY if event.originator_id == TRAINEE.id]
MENTORSHIP = [event for event in HISTORY if isinstance(event, MentorshipEvent)]


@pytest.mark.parametrize("events", [PERSON, MENTORSHIP], ids=["person", "mentorship"])
def test_events_come_back_from_the_store_as_they_were(events: list[RecordEvent]) -> None:
    for event, back in zip(events, stored_and_opened(events), strict=True):
        assert {**vars(event), "timestamp": None} == {**vars(back), "timestamp": None}


@pytest.mark.parametrize(
    ("events", "aggregate"), [(PERSON, Person), (MENTORSHIP, Mentorship)], ids=["person", "mentorship"]
)
def test_an_aggregate_rebuilt_from_the_store_is_the_one_that_recorded(
    events: list[RecordEvent], aggregate: type[Person] | type[Mentorship]
) -> None:
    rebuilt = replayed(stored_and_opened(events))
    assert isinstance(rebuilt, aggregate)
    assert rebuilt.version == len(events)
    assert parts(rebuilt) == parts(replayed(events))


def test_history_stays_readable_when_rules_are_tightened(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = parts(replayed(MENTORSHIP))

    def never(*_: Any, **__: Any) -> None:
        raise RuleBroken

    for event in OURS:
        if "check" in vars(event):
            monkeypatch.setattr(event, "check", never)
    for part in Mentorship.__mro__:
        for name in vars(part):
            # Commands and rules: whatever decides. What applies an event is on the event.
            if issubclass(part, MentorshipPart) and inspect.isfunction(vars(part)[name]) and name != "_begin":
                monkeypatch.setattr(part, name, never)
    assert parts(replayed(stored_and_opened(MENTORSHIP))) == expected


def test_applying_an_event_refuses_nothing_and_reads_no_clock() -> None:
    folder = Path(domain.mentorship.__file__).parent
    applied = 0
    for path in [*folder.glob("*.py"), folder.parent / "person.py"]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name in ("apply", "mutate"):
                applied += 1
                called = {_name(call.func) for call in ast.walk(node) if isinstance(call, ast.Call)}
                assert not [one for one in ast.walk(node) if isinstance(one, ast.Raise | ast.Assert)], path
                assert not {name for name in called if name.startswith(("check", "_check", "_refuse", "now", "today"))}
    assert applied > 20


def _name(called: ast.expr) -> str:
    return called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
