"""Who asks, for which organisation, in which role, and what they handed in."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.occurred import Occurred
from domain.vocabulary import Role


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who is known. `member_id` stands as the actor of what they record; `person_id` is set for mentors and trainees.

    `asked_at` (aware) is the moment of the request, `zone` the organisation's time zone.
    """

    member_id: UUID
    organisation_id: UUID
    role: Role
    zone: ZoneInfo
    asked_at: datetime
    person_id: UUID | None = None

    def told(self, on: date | None = None, at: datetime | None = None) -> Occurred:
        """When something happened, as this caller tells it. Raises OccurredInFuture and the like."""
        return Occurred.told(on=on, at=at, now=self.asked_at, zone=self.zone)

    def at(self, instant: datetime) -> Occurred:
        """A moment that may lie ahead, such as an appointment's start. Raises TimeWithoutZone or TimeOutOfRange."""
        return Occurred.planned(instant, zone=self.zone)

    @property
    def today(self) -> date:
        return self.asked_at.astimezone(self.zone).date()


@dataclass(frozen=True, slots=True)
class Submission:
    """One command as it was handed in: its idempotency key, a keyed digest of its content, and the version it was decided on.

    `expected_version` is None for a new fact, which conflicts with nothing and is tried again when somebody else was faster.
    """

    key: str
    digest: bytes
    expected_version: int | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was recorded: the log position to wait for, and the ids and version to answer with. No personal data.

    `repeated` says that this is the first answer again.
    """

    position: int
    answer: dict[str, str | int]
    repeated: bool = False
