"""When something happened, as told: a day always, a time of day where it is known.

The time of recording is another thing: the database gives it, and nobody can choose it.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Self
from zoneinfo import ZoneInfo

from domain.errors import Invalid

# Nobody whom the record is about lived before; a year such as 0025 is a slip of the pen.
EARLIEST = 1900


class OccurredInFuture(Invalid):
    code = "occurred-in-future"
    message = "This is dated in the future. Record it once it has happened."


class OccurredTooEarly(Invalid):
    code = "occurred-too-early"
    message = "This is dated before the year 1900. Check the year."


class TimeWithoutZone(Invalid):
    code = "time-without-zone"
    message = "A time of day needs its offset from UTC, as in 2025-03-01T08:15:00+01:00."


class TimeOutOfRange(Invalid):
    code = "time-out-of-range"
    message = "This moment lies outside the years that a calendar here can hold. Check the year."


class DayAndTimeDiffer(Invalid):
    code = "day-and-time-differ"
    message = "The day and the time of day name different days at the organisation's place."


class NoSuchLocalTime(Invalid):
    code = "no-such-local-time"
    message = "The clocks went forward over this time of day, so there is none such on that day. Give another."


def at_place(local: datetime, zone: ZoneInfo, field: str) -> datetime:
    """The moment at which the clocks of a place show a day and time (`local`, without a zone); of two such, the first.

    Raises NoSuchLocalTime or TimeOutOfRange, which point at `field`.
    """
    at = local.replace(tzinfo=zone, fold=0)
    try:
        shown = at.astimezone(UTC).astimezone(zone)
    except OverflowError:
        raise TimeOutOfRange(fields=(field,)) from None
    if shown.replace(tzinfo=None, fold=0) != local.replace(fold=0):
        raise NoSuchLocalTime(fields=(field,))
    return at


def instant(at: datetime, field: str) -> datetime:
    """The moment in UTC. Raises TimeWithoutZone or TimeOutOfRange, which point at `field`."""
    if at.tzinfo is None:
        raise TimeWithoutZone(fields=(field,))
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise TimeOutOfRange(fields=(field,)) from None


@dataclass(frozen=True, slots=True)
class Occurred:
    """A day at the organisation's place and, where known, the instant (UTC)."""

    on: date
    at: datetime | None = None

    @classmethod
    def told(cls, *, on: date | None = None, at: datetime | None = None, now: datetime, zone: ZoneInfo) -> Self:
        """What a person told of the past; `now` (aware) is when they told it. Neither given means now.

        Raises OccurredInFuture, OccurredTooEarly, TimeWithoutZone or DayAndTimeDiffer.
        """
        if at is None and on is not None:
            if on > now.astimezone(zone).date():
                raise OccurredInFuture(fields=("occurred_on",))
            if on.year < EARLIEST:
                raise OccurredTooEarly(fields=("occurred_on",))
            return cls(on)
        at = at or now
        if at.tzinfo is None:
            raise TimeWithoutZone(fields=("occurred_at",))
        if at > now:
            raise OccurredInFuture(fields=("occurred_at",))
        if at.year < EARLIEST:
            raise OccurredTooEarly(fields=("occurred_at",))
        day = at.astimezone(zone).date()
        if on is not None and on != day:
            raise DayAndTimeDiffer(fields=("occurred_on", "occurred_at"))
        return cls(day, at.astimezone(UTC))

    @classmethod
    def planned(cls, at: datetime, *, zone: ZoneInfo, field: str = "starts_at") -> Self:
        """A moment that may lie ahead, such as an appointment's start. Raises TimeWithoutZone or TimeOutOfRange."""
        at = instant(at, field)
        try:
            return cls(at.astimezone(zone).date(), at)
        except OverflowError:
            raise TimeOutOfRange(fields=(field,)) from None

    def known_before(self, other: "Occurred") -> bool:
        """Whether this may count as having happened before `other`, or at the same moment.

        On one and the same day the times of day decide if both are known; otherwise the whole day counts as before.
        """
        if self.on == other.on and self.at is not None and other.at is not None:
            return self.at <= other.at
        return self.on <= other.on
