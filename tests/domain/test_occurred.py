"""When something happened, as told."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from domain.errors import Refusal
from domain.occurred import (
    DayAndTimeDiffer,
    NoSuchLocalTime,
    Occurred,
    OccurredInFuture,
    OccurredTooEarly,
    TimeOutOfRange,
    TimeWithoutZone,
    at_place,
)

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2025, 3, 1, 22, 30, tzinfo=UTC)  # 23:30 on the same day in Berlin
MOMENT = some.builds(
    Occurred,
    some.dates(date(2025, 3, 1), date(2025, 3, 3)),
    some.none(),
) | some.datetimes(datetime(2025, 3, 1), datetime(2025, 3, 3)).map(  # noqa: DTZ001 - Hypothesis adds the zone below
    lambda at: Occurred(at.date(), at.replace(tzinfo=UTC))
)


def told(on: date | None = None, at: datetime | None = None, now: datetime = NOW) -> Occurred:
    return Occurred.told(on=on, at=at, now=now, zone=BERLIN)


def refusal_of(on: date | None = None, at: datetime | None = None, now: datetime = NOW) -> type[Refusal]:
    with pytest.raises(Refusal) as refused:
        told(on, at, now)
    assert set(refused.value.fields) <= {"occurred_on", "occurred_at"}
    return type(refused.value)


def test_without_a_day_and_a_time_it_happened_now() -> None:
    assert told() == Occurred(date(2025, 3, 1), NOW)


def test_a_day_alone_is_a_day_alone() -> None:
    assert told(date(2025, 2, 3)) == Occurred(date(2025, 2, 3), None)


def test_a_time_names_its_day_at_the_organisations_place() -> None:
    late = datetime(2025, 2, 27, 23, 15, tzinfo=UTC)
    assert told(at=late) == Occurred(date(2025, 2, 28), late)
    assert told(date(2025, 2, 28), late) == told(at=late)
    assert refusal_of(date(2025, 2, 27), late) is DayAndTimeDiffer


def test_a_time_is_kept_in_utc() -> None:
    at = datetime(2025, 2, 28, 9, 0, tzinfo=timezone(timedelta(hours=1)))
    occurred = told(at=at)
    assert occurred.at == at
    assert occurred.at is not None
    assert occurred.at.tzinfo is UTC


def test_a_time_of_day_needs_its_zone() -> None:
    assert refusal_of(at=datetime(2025, 2, 28, 9, 0)) is TimeWithoutZone  # noqa: DTZ001 - this is what is refused


def test_the_future_is_not_on_record() -> None:
    assert refusal_of(date(2025, 3, 2)) is OccurredInFuture
    assert refusal_of(at=NOW + timedelta(microseconds=1)) is OccurredInFuture
    assert told(at=NOW).at == NOW


def test_today_is_the_day_at_the_organisations_place() -> None:
    just_after_midnight = NOW + timedelta(minutes=31)
    assert told(date(2025, 3, 2), now=just_after_midnight).on == date(2025, 3, 2)
    assert told(now=just_after_midnight).on == date(2025, 3, 2)


def test_a_year_that_nobody_remembers_is_a_slip_of_the_pen() -> None:
    assert refusal_of(date(25, 3, 1)) is OccurredTooEarly
    assert refusal_of(at=datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))) is OccurredTooEarly
    assert refusal_of(at=datetime.max.replace(tzinfo=timezone(-timedelta(hours=14)))) is OccurredInFuture
    assert told(date(1900, 1, 1)).on == date(1900, 1, 1)


def test_a_planned_moment_may_lie_ahead() -> None:
    at = datetime(2030, 7, 1, 22, 30, tzinfo=UTC)
    assert Occurred.planned(at, zone=BERLIN) == Occurred(date(2030, 7, 2), at)


def test_a_planned_moment_outside_the_calendar_is_refused() -> None:
    for at in (
        datetime.max.replace(tzinfo=UTC),
        datetime.max.replace(tzinfo=timezone(-timedelta(hours=1))),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=1))),
    ):
        with pytest.raises(TimeOutOfRange) as refused:
            Occurred.planned(at, zone=BERLIN)
        assert refused.value.fields == ("starts_at",)
    with pytest.raises(TimeWithoutZone):
        Occurred.planned(datetime(2025, 3, 1, 9, 0), zone=BERLIN)  # noqa: DTZ001 - this is what is refused


def test_the_hour_that_comes_twice_is_told_apart_by_its_offset() -> None:
    first = told(at=datetime(2024, 10, 27, 2, 30, tzinfo=timezone(timedelta(hours=2))))
    second = told(at=datetime(2024, 10, 27, 2, 30, tzinfo=timezone(timedelta(hours=1))))
    assert first.known_before(second)
    assert not second.known_before(first)


def local(year: int, month: int, day: int, hour: int, minute: int) -> datetime:
    return datetime(year, month, day, hour, minute)  # noqa: DTZ001 - as the clocks of a place show it


def test_a_time_that_the_clocks_leapt_over_is_refused() -> None:
    for minute in (0, 30, 59):
        with pytest.raises(NoSuchLocalTime) as refused:
            at_place(local(2027, 3, 28, 2, minute), BERLIN, "clock")
        assert refused.value.fields == ("clock",)
    assert at_place(local(2027, 3, 28, 1, 59), BERLIN, "clock") == datetime(2027, 3, 28, 0, 59, tzinfo=UTC)
    assert at_place(local(2027, 3, 28, 3, 0), BERLIN, "clock") == datetime(2027, 3, 28, 1, 0, tzinfo=UTC)


def test_a_time_that_comes_twice_means_the_first() -> None:
    twice = local(2027, 10, 31, 2, 30)
    for fold in (0, 1):
        assert at_place(twice.replace(fold=fold), BERLIN, "clock").astimezone(UTC) == datetime(
            2027, 10, 31, 0, 30, tzinfo=UTC
        )


@pytest.mark.parametrize(
    ("far", "zone"), [(local(1, 1, 1, 0, 0), "Asia/Tokyo"), (local(9999, 12, 31, 23, 59), "America/New_York")]
)
def test_a_local_time_at_the_edge_of_the_calendar_is_refused(far: datetime, zone: str) -> None:
    with pytest.raises(TimeOutOfRange):
        at_place(far, ZoneInfo(zone), "clock")


@given(MOMENT, MOMENT)
def test_of_two_moments_one_at_least_counts_as_before_the_other(one: Occurred, other: Occurred) -> None:
    assert one.known_before(other) or other.known_before(one)
    assert one.known_before(one)
    if one.on < other.on:
        assert one.known_before(other)
        assert not other.known_before(one)
