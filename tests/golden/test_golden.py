"""An event that was ever stored stays readable: a sample of each, in each of its schema versions, is opened here."""

import json
from dataclasses import replace
from typing import Annotated, ClassVar
from uuid import UUID

import pytest

from adapters.keys.sealing import Unreadable
from adapters.postgres import mapper
from domain.events import TOPICS, RecordEvent
from domain.mentorship import Mentorship
from domain.person import Person
from domain.personal import OF_TRAINEE, personal_fields
from tests.domain.scenario import TRAINEE, on
from tests.golden.stored import FOLDER, key_of, opened, path_of, read, sealed, written
from tests.golden.write import samples

SAMPLES = sorted(FOLDER.glob("*.json"))
OURS = {topic: event for topic, event in TOPICS.items() if event.__module__.startswith("domain.")}


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_stored_event_opens_to_what_it_was(path: object) -> None:
    assert isinstance(path, type(FOLDER))
    stored, expected = read(path)
    event = mapper.open(mapper.envelope(stored), key_of)
    assert path == path_of(stored.topic, stored.schema_version)
    assert type(event) is OURS[stored.topic]
    assert event.timestamp == stored.recorded_at
    assert opened(event) == expected


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_stored_event_shows_nothing_personal_and_opens_for_nobody_else(path: object) -> None:
    assert isinstance(path, type(FOLDER))
    stored, expected = read(path)
    for name in personal_fields(OURS[stored.topic]):
        assert name not in json.loads(stored.state)
        if isinstance(expected[name], str) and len(expected[name]) > 3:
            assert json.dumps(expected[name]).strip('"').encode() not in stored.state
            assert expected[name].encode() not in stored.state
    if json.loads(stored.state).get("sealed"):
        elsewhere = replace(stored, originator_version=stored.originator_version + 1)
        with pytest.raises(Unreadable):
            mapper.open(mapper.envelope(elsewhere), key_of)


@pytest.mark.parametrize("topic", sorted(OURS))
def test_every_event_has_a_sample_of_each_of_its_schema_versions(topic: str) -> None:
    for version in range(1, OURS[topic].SCHEMA_VERSION + 1):
        assert path_of(topic, version).exists(), "run: python -m tests.golden.write"


def test_no_sample_is_left_of_an_event_that_is_gone() -> None:
    assert {read(path)[0].topic for path in SAMPLES} == set(OURS)


def test_the_story_behind_the_samples_tells_every_event_with_every_field_filled() -> None:
    told = {event.TOPIC: event for event in reversed(list(samples()))}
    assert set(told) == set(OURS)
    for topic, event in told.items():
        empty = {name for name, value in opened(event).items() if value in (None, "", [], {})}
        assert empty <= (set() if event.PURPOSE else {"relied_on"}), topic


def test_samples_are_read_as_they_were_written() -> None:
    event = next(samples())
    row = sealed(event)
    sample = json.loads(written(row, event))
    assert sample["stored"]["state"].encode() == row.state
    assert sample["opened"] == opened(event)


def test_the_samples_of_aggregates_begin_them() -> None:
    aggregates: dict[str, object] = {"person-registered": Person, "mentorship-started": Mentorship}
    for topic, aggregate in aggregates.items():
        stored, _ = read(path_of(topic, 1))
        begun = mapper.open(mapper.envelope(stored), key_of).mutate(None)
        assert type(begun) is aggregate


class VisitPaid(RecordEvent):
    """An event of the tests, whose first version kept hours and one name of a street."""

    TOPIC = "test-visit-paid"
    SCHEMA_VERSION = 2
    UPCASTS: ClassVar = {1: lambda fields: {"minutes": fields.pop("hours") * 60, **fields}}
    PERSONAL_UPCASTS: ClassVar = {1: lambda person_field, fields: {"streets": [fields["street"]]}}
    trainee_id: UUID
    minutes: int
    streets: Annotated[tuple[str, ...], OF_TRAINEE]


def test_an_event_of_an_older_schema_version_opens_in_todays_shape() -> None:
    stored, expected = read(FOLDER / "older" / "test-visit-paid.v1.json")
    event = mapper.open(mapper.envelope(stored), key_of)
    assert isinstance(event, VisitPaid)
    assert (event.minutes, event.streets, event.trainee_id) == (120, ("Turmstraße",), TRAINEE.id)
    assert (event.occurred_on, opened(event)) == (on(5).on, expected)
