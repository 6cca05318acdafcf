"""The register of reports to funders: prepared, agreed to by a second person, released once, and kept as it was released.

A quarter is released once to an audience. Other figures for the same days, however much truer, would stand beside the first ones and tell
what changed between them, which can be one person. So a report is withdrawn, never replaced; see docs/disclosure.md.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Self, cast
from uuid import UUID

from eventsourcing.domain import Aggregate, CanInitAggregate

from domain.errors import Invalid, RuleBroken
from domain.events import RecordEvent
from domain.occurred import Occurred
from domain.text import check_codes


class QuarterNotOver(Invalid):
    code = "quarter-not-over"
    message = "A report is about a calendar quarter that is over. Give its first and its last day."


class QuarterReleased(RuleBroken):
    code = "quarter-released"
    message = "A report on this quarter was released. Other figures beside it would tell what changed, which can be one person."


class DraftReplaced(RuleBroken):
    code = "draft-replaced"
    message = "The figures were prepared anew since. Look at the new ones."


class SecondReviewerNeeded(RuleBroken):
    code = "second-reviewer-needed"
    message = "Whoever prepared the figures can't be the one who agrees to them. Ask somebody else."


class NotAgreedTo(RuleBroken):
    code = "not-agreed-to"
    message = "Nobody has agreed to these figures yet. A second person has to look at them before they are released."


class NotReleased(RuleBroken):
    code = "not-released"
    message = "Only a report that was released, and not withdrawn yet, can be withdrawn."


class Audience(StrEnum):
    """Who has a report, and everything that was ever released to the same."""

    FUNDERS = "funders"


class WithdrawalReason(StrEnum):
    WRONG_FIGURES = "wrong-figures"
    WRONG_DEFINITION = "wrong-definition"
    RELEASED_BY_MISTAKE = "released-by-mistake"


@dataclass(frozen=True, slots=True)
class Definition:
    """An indicator with its version, and the digest of its words."""

    id: str
    digest: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure as it is published; None where it is kept back. What it would have been is stored nowhere."""

    key: str
    value: int | None


@dataclass(frozen=True, slots=True)
class MedianDays:
    """A median number of days as it is published."""

    indicator: str
    days: int | None


@dataclass(frozen=True, slots=True)
class Hidden:
    """How far an attacker can narrow a figure that is kept back. Anybody can compute it from the published ones.

    Where these are rounded it is left out: it would tell what they were.
    """

    key: str
    least: int
    most: int | None


@dataclass(frozen=True, slots=True)
class Content:
    """A report as readers get it, and all that is needed to make it again or to check it.

    Figures of the days from `since` to `until` as known at log `position`, of those whose consent was in force on `asked_on`. `k` is the
    rule, `rounding` 0 or the base, `method` and `cost` how it was chosen what to keep back.
    """

    since: date
    until: date
    position: int
    asked_on: date
    language: str
    k: int
    rounding: int
    method: str
    cost: str
    definitions: tuple[Definition, ...]
    figures: tuple[Figure, ...]
    medians: tuple[MedianDays, ...]
    hidden: tuple[Hidden, ...]

    @property
    def as_json(self) -> str:
        """What is published, in its one form: the fields as JSON, sorted keys, no blanks, days as YYYY-MM-DD, in UTF-8."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)

    @property
    def digest(self) -> str:
        """SHA-256 of that, in hexadecimal."""
        return hashlib.sha256(self.as_json.encode()).hexdigest()


class ReportState(StrEnum):
    PREPARED = "prepared"
    AGREED_TO = "agreed-to"
    TURNED_DOWN = "turned-down"
    RELEASED = "released"
    WITHDRAWN = "withdrawn"


class ReportPrepared(RecordEvent, CanInitAggregate[UUID]):
    """Figures for a second person to look at. One after another takes its place, as long as none was released."""

    TOPIC = "report-prepared"
    audience: Audience
    prepared_by: UUID
    content: Content
    digest: str

    def mutate(self, aggregate: Any) -> Any:
        if aggregate is None:
            aggregate = object.__new__(Report)
            aggregate.__base_init__(self.originator_id, self.originator_version, self.timestamp)
        else:
            aggregate = RecordEvent.mutate(self, aggregate)  # not the mutate of an event that begins something
        aggregate.audience, aggregate.prepared_by, aggregate.digest = self.audience, self.prepared_by, self.digest
        aggregate.draft, aggregate.state = self.originator_version, ReportState.PREPARED
        return aggregate


class ReportReviewed(RecordEvent):
    """A second person has looked at the draft with this version."""

    TOPIC = "report-reviewed"
    reviewed_by: UUID
    draft: int
    agrees: bool

    def apply(self, aggregate: "Report") -> None:
        aggregate.state = ReportState.AGREED_TO if self.agrees else ReportState.TURNED_DOWN


class ReportReleased(RecordEvent):
    """From now on the audience has these figures, for good."""

    TOPIC = "report-released"
    released_by: UUID
    draft: int
    audience: Audience
    digest: str

    def apply(self, aggregate: "Report") -> None:
        aggregate.state = ReportState.RELEASED


class ReportWithdrawn(RecordEvent):
    """The figures are not to be relied on. They stay what they were: whoever has them has them."""

    TOPIC = "report-withdrawn"
    withdrawn_by: UUID
    reason: WithdrawalReason

    def apply(self, aggregate: "Report") -> None:
        aggregate.state = ReportState.WITHDRAWN


class Report(Aggregate):
    """What became of the figures of one quarter for one audience. Its id is made from the two, so there is one of each."""

    TOPIC = "report"
    Event = RecordEvent  # type: ignore[assignment]  # the library declares a class of its own here
    Created = ReportPrepared  # type: ignore[assignment]  # it is one; the library declares its own class here

    audience: Audience
    prepared_by: UUID
    digest: str
    draft: int
    state: ReportState

    @classmethod
    def prepare_report(
        cls, report_id: UUID, *, audience: Audience, content: Content, prepared_by: UUID, told: Occurred
    ) -> Self:
        """The first draft. Raises QuarterNotOver or CodeMalformed."""
        _check(content)
        event = ReportPrepared(
            originator_id=report_id,
            originator_version=cls.INITIAL_VERSION,
            timestamp=ReportPrepared.create_timestamp(),
            **_prepared(audience, content, prepared_by, told),
        )
        report = cast(Self, event.mutate(None))
        report.pending_events.append(event)
        return report

    def prepare_anew(self, told: Occurred, *, content: Content, prepared_by: UUID) -> None:
        """Another draft. Raises QuarterReleased, or as `prepare_report`."""
        self._refuse_when_released()
        _check(content)
        self.trigger_event(ReportPrepared, **_prepared(self.audience, content, prepared_by, told))

    def review_report(self, told: Occurred, *, reviewed_by: UUID, draft: int, agrees: bool) -> None:
        """Somebody else than who prepared it has looked at it. Raises QuarterReleased, DraftReplaced or SecondReviewerNeeded."""
        self._refuse_when_released()
        if draft != self.draft:
            raise DraftReplaced
        if reviewed_by == self.prepared_by:
            raise SecondReviewerNeeded
        self._tell(ReportReviewed, told, reviewed_by=reviewed_by, draft=draft, agrees=agrees)

    def release_report(self, told: Occurred, *, released_by: UUID, draft: int) -> None:
        """Raises QuarterReleased, DraftReplaced or NotAgreedTo."""
        self._refuse_when_released()
        if draft != self.draft:
            raise DraftReplaced
        if self.state is not ReportState.AGREED_TO:
            raise NotAgreedTo
        self._tell(
            ReportReleased, told, released_by=released_by, draft=draft, audience=self.audience, digest=self.digest
        )

    def withdraw_report(self, told: Occurred, *, withdrawn_by: UUID, reason: WithdrawalReason) -> None:
        """Raises NotReleased."""
        if self.state is not ReportState.RELEASED:
            raise NotReleased
        self._tell(ReportWithdrawn, told, withdrawn_by=withdrawn_by, reason=reason)

    def _refuse_when_released(self) -> None:
        if self.state in (ReportState.RELEASED, ReportState.WITHDRAWN):
            raise QuarterReleased

    def _tell(self, event: type[RecordEvent], told: Occurred, **fields: object) -> None:
        self.trigger_event(event, occurred_on=told.on, occurred_at=told.at, **fields)


def quarter_of(day: date) -> tuple[date, date]:
    """The first and the last day of the calendar quarter that a day is in."""
    first = date(day.year, day.month - (day.month - 1) % 3, 1)
    return first, (first + timedelta(days=100)).replace(day=1) - timedelta(days=1)


def _check(content: Content) -> None:
    check_codes(language=(content.language,))
    if quarter_of(content.since) != (content.since, content.until) or content.until >= content.asked_on:
        raise QuarterNotOver(fields=("since", "until"))


def _prepared(audience: Audience, content: Content, prepared_by: UUID, told: Occurred) -> dict[str, Any]:
    return {
        "occurred_on": told.on,
        "occurred_at": told.at,
        "audience": audience,
        "prepared_by": prepared_by,
        "content": content,
        "digest": content.digest,
    }
