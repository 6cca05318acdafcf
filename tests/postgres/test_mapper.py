"""Events to rows and back: nothing is lost, nothing personal is plain, and nothing half-read is taken for whole."""

import base64
import json
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, ClassVar, get_type_hints
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import Mapper, StoredEvent
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

import domain.mentorship
import domain.person  # noqa: F401 - both imports fill TOPICS
from adapters.keys.sealing import DataKey, Unreadable
from adapters.postgres import mapper
from adapters.postgres.mapper import (
    LibraryMapper,
    NewerSchema,
    StateUnreadable,
    UnknownTopic,
    Unwritable,
)
from adapters.postgres.shapes import shape_of
from adapters.postgres.stored import RecordedEvent
from domain.events import TOPICS, RecordEvent
from domain.personal import OF_MENTOR, OF_SELF, OF_TRAINEE
from domain.vocabulary import AppointmentOutcome, Purpose
from tests.shared_data import shared_data


class Feeling(StrEnum):
    GOOD = "good"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Rating:
    question: str
    points: int
    on: date


class AccompanimentNoted(RecordEvent):
    TOPIC = "test-accompaniment-noted"
    PURPOSE = Purpose.ACCOMPANIMENT
    trainee_id: UUID
    mentor_id: UUID | None
    relied_on: int | None
    outcome: AppointmentOutcome
    cost: Decimal
    told_at: datetime
    ratings: tuple[Rating, ...]
    deadline: date | None
    office: Annotated[str, OF_TRAINEE]
    papers_brought: Annotated[tuple[str, ...], OF_TRAINEE]
    mentors_view: Annotated[str | None, OF_MENTOR]
    mentors_mood: Annotated[Feeling | None, OF_MENTOR]


class PersonNamed(RecordEvent):
    TOPIC = "test-person-named"
    name: Annotated[str, OF_SELF]
    born_on: Annotated[date, OF_SELF]


class NameTold(RecordEvent):
    TOPIC = "test-name-told"
    name: Annotated[str, OF_SELF]
    born_on: Annotated[date, OF_SELF]


class Unregistered(RecordEvent):
    pass


class VisitOfOld(RecordEvent):
    TOPIC = "test-visit-of-old"
    trainee_id: UUID
    minutes: int
    note: Annotated[str, OF_TRAINEE]


class VisitOfToday(RecordEvent):
    TOPIC = "test-visit-of-today"
    SCHEMA_VERSION = 3
    UPCASTS: ClassVar = {
        1: lambda fields: fields | {"hours": str(Decimal(fields.pop("minutes")) / 60)},
        2: lambda fields: fields | {"medium": "in-person"},
    }
    PERSONAL_UPCASTS: ClassVar = {2: lambda person_field, fields: {"notes": [fields["note"]]}}
    trainee_id: UUID
    hours: Decimal
    medium: str
    notes: Annotated[tuple[str, ...], OF_TRAINEE]


class VisitWithoutWay(RecordEvent):
    TOPIC = "test-visit-without-way"
    SCHEMA_VERSION = 2
    trainee_id: UUID


class VisitWithoutPersonalWay(RecordEvent):
    TOPIC = "test-visit-without-personal-way"
    SCHEMA_VERSION = 2
    UPCASTS: ClassVar = {1: lambda fields: fields}
    trainee_id: UUID
    minutes: int
    notes: Annotated[tuple[str, ...], OF_TRAINEE]


ORGANISATION, ACTOR = uuid4(), uuid4()
NOW = datetime(2025, 3, 1, 7, 15, 0, 123456, tzinfo=UTC)


class KeysInHand:
    """Keys of everybody who asks, as a ring would give them after `ensure`."""

    def __init__(self) -> None:
        self.held: dict[tuple[UUID, UUID], DataKey] = {}
        self.gone: set[UUID] = set()

    def __call__(self, organisation_id: UUID, person_id: UUID, key_version: int | None = None) -> DataKey:
        if person_id in self.gone or key_version not in (None, 1):
            raise Unreadable
        return self.held.setdefault((organisation_id, person_id), DataKey.generate())


KEYS = KeysInHand()


def noted(**changes: Any) -> AccompanimentNoted:
    values: dict[str, Any] = {
        "originator_id": uuid4(),
        "originator_version": 4,
        "timestamp": NOW,
        "occurred_on": date(2025, 3, 1),
        "occurred_at": datetime(2025, 3, 1, 7, 0, tzinfo=UTC),
        "trainee_id": uuid4(),
        "mentor_id": uuid4(),
        "relied_on": 2,
        "outcome": AppointmentOutcome.PAPERS_MISSING,
        "cost": Decimal("12.50"),
        "told_at": NOW,
        "ratings": (Rating("helpful", 4, date(2025, 3, 1)), Rating("tiring", 2, date(2025, 3, 2))),
        "deadline": date(2025, 4, 1),
        "office": "Bürgeramt, Zimmer 4",
        "papers_brought": ("passport", "birth certificate"),
        "mentors_view": "went well",
        "mentors_mood": Feeling.GOOD,
    }
    return AccompanimentNoted(**(values | changes))


def named(**changes: Any) -> PersonNamed:
    values: dict[str, Any] = {
        "originator_id": uuid4(),
        "originator_version": 1,
        "timestamp": NOW,
        "occurred_on": date(2025, 3, 1),
        "occurred_at": None,
        "name": "Yusuf Haddad",
        "born_on": date(1994, 5, 6),
    }
    return PersonNamed(**(values | changes))


def visit_of_old() -> VisitOfOld:
    values: dict[str, Any] = {
        "originator_id": uuid4(),
        "originator_version": 1,
        "timestamp": NOW,
        "occurred_on": date(2025, 3, 1),
        "occurred_at": None,
        "trainee_id": uuid4(),
        "minutes": 90,
        "note": "at the bank",
    }
    return VisitOfOld(**values)


def stored(event: RecordEvent) -> RecordedEvent:
    """The row as it comes back from the database."""
    row = mapper.seal_event(event, KEYS, organisation_id=ORGANISATION, actor_id=ACTOR, command_key="k", trace_id="t")
    return replace(row, recorded_at=event.timestamp, position=9)


def reopened(event: RecordEvent) -> RecordEvent:
    return mapper.open(mapper.envelope(stored(event)), KEYS)


def with_state(row: RecordedEvent, **changes: Any) -> RecordedEvent:
    state = json.loads(row.state) | changes
    return replace(row, state=json.dumps({name: value for name, value in state.items() if value is not ...}).encode())


def test_an_event_comes_back_as_it_was() -> None:
    for event in (noted(), named()):
        again = reopened(event)
        assert again == event
        assert type(again) is type(event)
        assert {name: type(value) for name, value in vars(again).items()} == {
            name: type(value) for name, value in vars(event).items()
        }


def test_the_row_says_what_the_store_needs_to_know() -> None:
    event = noted()
    row = mapper.seal_event(event, KEYS, organisation_id=ORGANISATION, actor_id=ACTOR, command_key="k", trace_id="t")
    assert replace(row, state=b"") == RecordedEvent(
        originator_id=event.originator_id,
        originator_version=4,
        topic="test-accompaniment-noted",
        state=b"",
        schema_version=1,
        organisation_id=ORGANISATION,
        actor_id=ACTOR,
        purpose="accompaniment",
        occurred_on=date(2025, 3, 1),
        occurred_at=datetime(2025, 3, 1, 7, 0, tzinfo=UTC),
        trace_id="t",
        command_key="k",
    )


def test_the_time_of_recording_is_the_databases() -> None:
    later = NOW + timedelta(seconds=3)
    again = mapper.open(mapper.envelope(replace(stored(noted()), recorded_at=later)), KEYS)
    assert again.timestamp == later


def test_nothing_personal_stands_in_the_state() -> None:
    state = stored(noted()).state
    assert set(json.loads(state)["sealed"]) == {"trainee_id", "mentor_id"}
    unpacked = state + b"".join(base64.b64decode(sealed) for sealed in json.loads(state)["sealed"].values())
    for canary in ("Bürgeramt", "passport", "birth", "went well", "good", "office", "papers_brought"):
        assert canary.encode() not in unpacked


def test_what_is_not_personal_is_read_without_any_key() -> None:
    event = noted()
    envelope = mapper.envelope(stored(event))
    assert envelope.plain.outcome is AppointmentOutcome.PAPERS_MISSING
    assert envelope.plain.trainee_id == event.trainee_id
    assert not hasattr(envelope.plain, "office")


def test_the_keys_to_fetch_are_those_of_the_people_in_the_events() -> None:
    two, one = noted(), named()
    envelopes = [mapper.envelope(stored(event)) for event in (two, one)]
    assert mapper.needed(envelopes) == {(two.trainee_id, 1), (two.mentor_id, 1), (one.originator_id, 1)}
    assert mapper.people(two) == {two.trainee_id, two.mentor_id}
    assert mapper.people(one) == {one.originator_id}


def test_each_person_in_an_event_is_sealed_under_their_own_key() -> None:
    event = noted()
    envelope = mapper.envelope(stored(event))
    keys = KeysInHand()
    keys.held, keys.gone = KEYS.held, {event.trainee_id}
    with pytest.raises(Unreadable):
        mapper.open(envelope, keys)
    assert event.mentor_id is not None
    del keys.held[ORGANISATION, event.mentor_id]
    keys.gone = set()
    with pytest.raises(Unreadable):
        mapper.open(envelope, keys)


def test_a_person_of_whom_nothing_is_told_is_not_sealed() -> None:
    event = noted(mentors_view=None, mentors_mood=None, mentor_id=None)
    assert set(json.loads(stored(event).state)["sealed"]) == {"trainee_id"}
    assert mapper.people(event) == {event.trainee_id}
    assert reopened(event) == event
    silent = noted(mentors_view=None, mentors_mood=None, office="", papers_brought=())
    assert "sealed" not in json.loads(stored(silent).state)
    assert mapper.people(silent) == set()
    assert reopened(silent) == silent


def test_an_empty_text_and_no_text_stay_apart() -> None:
    event = noted(mentors_view="", mentors_mood=None)
    assert set(json.loads(stored(event).state)["sealed"]) == {"trainee_id", "mentor_id"}
    assert reopened(event) == event


def test_personal_data_of_nobody_are_refused() -> None:
    with pytest.raises(Unwritable, match="nobody in 'mentor_id'"):
        stored(noted(mentor_id=None))


@given(
    office=some.text(),
    papers=some.lists(some.text(), max_size=4).map(tuple),
    view=some.none() | some.text(),
    cost=some.decimals(allow_nan=False, allow_infinity=False),
    told_at=some.datetimes(timezones=some.just(UTC)),
    deadline=some.none() | some.dates(),
    relied_on=some.none() | some.integers(1, 2**63 - 1),
    outcome=some.sampled_from(AppointmentOutcome),
)
def test_every_event_that_can_be_written_can_be_read(
    office: str,
    papers: tuple[str, ...],
    view: str | None,
    cost: Decimal,
    told_at: datetime,
    deadline: date | None,
    relied_on: int | None,
    outcome: AppointmentOutcome,
) -> None:
    event = noted(
        office=office,
        papers_brought=papers,
        mentors_view=view,
        cost=cost,
        told_at=told_at,
        deadline=deadline,
        relied_on=relied_on,
        outcome=outcome,
    )
    again = reopened(event)
    assert again == event
    assert isinstance(again, AccompanimentNoted)
    assert str(again.cost) == str(cost)


def test_strings_that_break_software_come_back_unharmed() -> None:
    naughty = json.loads(shared_data("naughty-strings", "blns.json").read_text("utf-8"))
    assert len(naughty) > 500
    for text in naughty:
        event = noted(office=text, papers_brought=(text, text), mentors_view=text)
        assert reopened(event) == event


@pytest.mark.parametrize(
    "wrong",
    [
        {"office": "half of a pair \ud83d"},
        {"office": 4},
        {"office": None},
        {"papers_brought": "passport"},
        {"papers_brought": ("passport", 4)},
        {"trainee_id": "Yusuf"},
        {"relied_on": "2"},
        {"relied_on": 2.5},
        {"outcome": "no such outcome"},
        {"cost": Decimal("NaN")},
        {"cost": object()},
        {"told_at": datetime(2025, 3, 1, 7, 15)},  # noqa: DTZ001 - a time without its zone is what must be refused
        {"deadline": datetime(2025, 3, 1, 7, 15, tzinfo=UTC)},
        {"ratings": (("helpful", 4, date(2025, 3, 1)),)},
        {"ratings": (Rating("helpful", "4", date(2025, 3, 1)),)},  # type: ignore[arg-type] # the wrong type is the point
        {"mentors_mood": "indifferent"},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_value_of_another_type_is_refused_before_it_is_stored(wrong: dict[str, Any]) -> None:
    with pytest.raises(Unwritable) as refused:
        stored(noted(**wrong))
    assert refused.value.__cause__ is None
    assert all(str(value) not in str(refused.value) for value in wrong.values() if isinstance(value, str))


def test_a_time_with_another_offset_keeps_its_instant() -> None:
    told_at = datetime(2025, 3, 1, 8, 15, tzinfo=timezone(timedelta(hours=1)))
    again = reopened(noted(told_at=told_at))
    assert isinstance(again, AccompanimentNoted)
    assert again.told_at == told_at


@pytest.mark.parametrize(
    "change",
    [
        {"originator_id": uuid4()},
        {"originator_version": 5},
        {"organisation_id": uuid4()},
    ],
    ids=lambda change: next(iter(change)),
)
def test_an_event_moved_in_the_table_does_not_open(change: dict[str, Any]) -> None:
    keys = KeysInHand()
    event = noted()
    row = replace(mapper.seal_event(event, keys, organisation_id=ORGANISATION), recorded_at=NOW)
    for person_id in (event.trainee_id, event.mentor_id):
        assert person_id is not None
        keys.held[change.get("organisation_id", ORGANISATION), person_id] = keys.held[ORGANISATION, person_id]
    with pytest.raises(Unreadable):
        mapper.open(mapper.envelope(replace(row, **change)), keys)


def test_an_event_under_another_topic_does_not_open() -> None:
    row = stored(named())
    with pytest.raises(Unreadable):
        mapper.open(mapper.envelope(replace(row, topic="test-name-told")), KEYS)


def test_a_sealed_part_put_under_another_person_does_not_open() -> None:
    event = noted()
    row = stored(event)
    sealed = json.loads(row.state)["sealed"]
    swapped = {"trainee_id": sealed["mentor_id"], "mentor_id": sealed["trainee_id"]}
    for changed in (with_state(row, sealed=swapped), with_state(row, trainee_id=str(event.mentor_id))):
        with pytest.raises(Unreadable):
            mapper.open(mapper.envelope(changed), KEYS)


def test_a_part_that_must_be_there_is_missed() -> None:
    row = with_state(stored(named()), sealed=...)
    with pytest.raises(StateUnreadable, match="lacks a sealed part"):
        mapper.open(mapper.envelope(row), KEYS)


@pytest.mark.parametrize(
    "change",
    [
        {"outcome": "CANARY"},
        {"outcome": ...},
        {"relied_on": "CANARY"},
        {"trainee_id": "CANARY"},
        {"told_at": "2025-03-01T07:15:00"},
        {"more": "CANARY"},
        {"office": "CANARY"},
        {"sealed": {"nobody_id": "AAAA"}},
        {"sealed": {"trainee_id": "CANARY!"}},
        {"sealed": ["CANARY"]},
    ],
    ids=str,
)
def test_a_state_that_is_not_as_declared_is_refused_and_not_shown(change: dict[str, Any]) -> None:
    with pytest.raises(StateUnreadable, match="position 9") as refused:
        mapper.envelope(with_state(stored(noted()), **change))
    assert "CANARY" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


@pytest.mark.parametrize("state", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'"CANARY"'])
def test_bytes_that_are_no_event_are_refused(state: bytes) -> None:
    with pytest.raises(StateUnreadable):
        mapper.envelope(replace(stored(noted()), state=state))


@pytest.mark.parametrize("sealed", ["", "AAAA", base64.b64encode(b"\x02" + bytes(100)).decode()])
def test_a_sealed_part_of_an_unknown_format_is_unreadable(sealed: str) -> None:
    row = stored(noted())
    with pytest.raises(Unreadable):
        mapper.envelope(with_state(row, sealed={"trainee_id": sealed}))


def test_an_unknown_topic_is_named_and_never_imported() -> None:
    for topic in ("test-never-heard-of", "os:system", "domain.events:RecordEvent", ""):
        with pytest.raises(UnknownTopic, match="has no event called"):
            mapper.envelope(replace(stored(noted()), topic=topic))


def test_an_event_that_is_not_in_the_registry_is_not_stored() -> None:
    event = Unregistered(
        originator_id=uuid4(), originator_version=1, timestamp=NOW, occurred_on=NOW.date(), occurred_at=None
    )
    with pytest.raises(UnknownTopic):
        stored(event)


def test_a_newer_events_shape_is_refused() -> None:
    with pytest.raises(NewerSchema, match="schema version 2"):
        mapper.envelope(replace(stored(noted()), schema_version=2))


def test_an_event_of_an_older_shape_is_read_in_todays(monkeypatch: pytest.MonkeyPatch) -> None:
    row = stored(visit_of_old())
    monkeypatch.setitem(TOPICS, row.topic, VisitOfToday)
    envelope = mapper.envelope(row)
    again = mapper.open(envelope, KEYS)
    assert isinstance(again, VisitOfToday)
    assert (again.hours, again.medium, again.notes) == (Decimal("1.5"), "in-person", ("at the bank",))
    assert (again.occurred_on, again.trainee_id) == (date(2025, 3, 1), envelope.plain.trainee_id)


def test_an_older_shape_without_a_way_to_todays_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    row = stored(visit_of_old())
    monkeypatch.setitem(TOPICS, row.topic, VisitWithoutWay)
    with pytest.raises(StateUnreadable):
        mapper.envelope(row)


def test_a_sealed_part_of_an_older_shape_without_a_way_to_todays_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    row = stored(visit_of_old())
    monkeypatch.setitem(TOPICS, row.topic, VisitWithoutPersonalWay)
    with pytest.raises(StateUnreadable):
        mapper.open(mapper.envelope(row), KEYS)


def test_a_declaration_that_would_leave_personal_data_plain_is_refused_at_the_start() -> None:
    class HalfMarked(RecordEvent):
        trainee_id: UUID
        note: Annotated[str, OF_TRAINEE] | None

    class NamesInATuple(RecordEvent):
        trainee_id: UUID
        notes: tuple[Annotated[str, OF_TRAINEE], ...]

    @dataclass(frozen=True)
    class Remark:
        text: Annotated[str, OF_TRAINEE]

    class MarkInside(RecordEvent):
        trainee_id: UUID
        remark: Remark

    class NobodysNote(RecordEvent):
        note: Annotated[str, OF_TRAINEE]

    class TakenName(RecordEvent):
        sealed: str

    for event_class in (HalfMarked, NamesInATuple, MarkInside, NobodysNote, TakenName):
        with pytest.raises(TypeError, match=event_class.__name__):
            shape_of(event_class)


def test_every_event_of_the_record_can_be_stored() -> None:
    mapper.prepare()


ANY_JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.text(max_size=5),
    lambda inner: some.lists(inner, max_size=2) | some.dictionaries(some.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
FIELDS = some.dictionaries(some.text(max_size=5), ANY_JSON, max_size=2)
# For the whole run of the tests, as Hypothesis has it: no event holds a time without its zone or an amount that is none.
some.register_type_strategy(datetime, some.datetimes(timezones=some.just(UTC)))
some.register_type_strategy(Decimal, some.decimals(allow_nan=False, allow_infinity=False))


@pytest.mark.parametrize("topic", [topic for topic in TOPICS if not topic.startswith("test-")])
def test_an_event_of_the_record_comes_back_as_it_was(topic: str) -> None:
    """With values of all declared types, whether the rules would take them or not."""
    event_class = TOPICS[topic]
    hints = get_type_hints(event_class) | {"originator_id": UUID}
    values = {
        field.name: some.integers(1, 2**31 - 1)
        if field.name == "originator_version"
        else FIELDS
        if hints[field.name] == dict[str, Any]
        else some.from_type(hints[field.name])
        for field in fields(event_class)
    }

    @settings(max_examples=10, database=None, suppress_health_check=[HealthCheck.too_slow])
    @given(event=some.builds(event_class, **values))
    def comes_back(event: RecordEvent) -> None:
        assert reopened(event) == event

    comes_back()


def test_the_librarys_mapper_interface_gives_the_same() -> None:
    library: Mapper[UUID] = LibraryMapper(ORGANISATION, KEYS)
    event = noted()
    row = library.to_stored_event(event)
    assert isinstance(row, RecordedEvent)
    assert library.to_domain_event(replace(row, recorded_at=NOW)) == event
    with pytest.raises(StateUnreadable):
        library.to_domain_event(StoredEvent(event.originator_id, 4, event.TOPIC, row.state))
