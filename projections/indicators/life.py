"""What is known of each trainee at a position of the log, from the events up to it and nothing else."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from domain.person import Details
from domain.restriction import Interest, ObjectionOutcome
from domain.vocabulary import CefrLevel, Purpose
from projections import appointments, cases, consents, credentials
from projections.appointments import APPOINTMENTS, Appointment
from projections.cases import CASES, CONTACTS, Case, Contact
from projections.consents import CONSENTS, Consent, status_on
from projections.credentials import CREDENTIALS, CredentialPath
from projections.projection import Rows, Seen

_PROJECTIONS = (cases.PROJECTION, consents.PROJECTION, appointments.PROJECTION, credentials.PROJECTION)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: figures of the days from `since` to `until`, as known at a `position` of the log.

    `asked_on` is the day on which consent has to be in force, the day the report is prepared. `language` is the one whose levels are
    counted (BCP 47, as `de`). The same question gives the same figures, whenever it is asked.
    """

    since: date
    until: date
    position: int
    asked_on: date
    language: str = "de"

    def __contains__(self, day: date | None) -> bool:
        return day is not None and self.since <= day <= self.until


@dataclass(frozen=True, slots=True)
class Standing:
    """What of a person stands in the way of counting them, and where their details are. All of it is plain in the log."""

    details_position: int | None = None
    restricted: bool = False
    erased: bool = False
    objections: frozenset[UUID] = frozenset()
    """Of those to being counted, the ones that stand."""


@dataclass(frozen=True, slots=True)
class Life:
    """One trainee over all mentorships. `details` is None where nobody can read them any more."""

    trainee_id: UUID
    cases: tuple[Case, ...] = ()
    consents: tuple[Consent, ...] = ()
    contacts: tuple[Contact, ...] = ()
    appointments: tuple[Appointment, ...] = ()
    credentials: tuple[CredentialPath, ...] = ()
    standing: Standing = Standing()
    details: Details | None = None

    def may_be_counted(self, question: Question) -> bool:
        """Whether the last word on funder reporting, over all mentorships, is a consent in force, and nothing else forbids it.

        No other basis than consent is on record for this purpose.
        """
        if self.standing.restricted or self.standing.erased or self.standing.objections:
            return False
        last = self.last_word
        return last is not None and status_on(question.asked_on, last.state, last.valid_from, last.valid_until).permits

    @property
    def last_word(self) -> Consent | None:
        """The last decision on funder reporting, over all mentorships."""
        decided = [one for one in self.consents if one.purpose is Purpose.FUNDER_REPORTING]
        return max(decided, key=_said, default=None)

    def level_of(self, language: str) -> CefrLevel | None:
        """The level told of a language; of a variety of it where that is what was told."""
        skills = self.details.languages if self.details else ()
        return max(
            (one.level for one in skills if one.level and one.language.partition("-")[0] == language), default=None
        )


def _said(consent: Consent) -> tuple[date, bool, float, int]:
    """Orders decisions. One without a time of day stands for the end of its day."""
    at: datetime | None = consent.decided_at
    return consent.decided_on, at is None, at.timestamp() if at else 0.0, consent.position


def lives(streams: Iterable[Sequence[Seen]], position: int) -> dict[UUID, Life]:
    """Folds the streams of one organisation, each in order, up to a position. Details are not opened yet.

    An event that can't be folded raises: a report with a hole in it would be a wrong report.
    """
    found: dict[UUID, Life] = {}
    standings: dict[UUID, Standing] = {}
    for stream in streams:
        known = [seen for seen in stream if seen.position <= position]
        if not known:
            continue
        rows = Rows()
        for seen in known:
            for projection in _PROJECTIONS:
                projection.apply(seen, rows)
        of = known[0].stream
        for case in rows.of(CASES, of):
            life = found.get(case.trainee_id, Life(case.trainee_id))
            found[case.trainee_id] = replace(
                life,
                cases=(*life.cases, case),
                consents=(*life.consents, *rows.of(CONSENTS, of)),
                contacts=(*life.contacts, *rows.of(CONTACTS, of)),
                appointments=(*life.appointments, *rows.of(APPOINTMENTS, of)),
                credentials=(*life.credentials, *rows.of(CREDENTIALS, of)),
            )
        standing = _standing(known)
        if standing != Standing():
            standings[known[0].stream_id] = standing
    return {
        trainee_id: replace(life, standing=standings.get(trainee_id, Standing())) for trainee_id, life in found.items()
    }


def with_details(lives: Collection[Life], opened: Mapping[int, Details]) -> list[Life]:
    """The lives with their details, which are opened for counting and kept nowhere."""
    return [
        replace(life, details=opened.get(life.standing.details_position))
        if life.standing.details_position is not None
        else life
        for life in lives
    ]


def _standing(stream: Sequence[Seen]) -> Standing:
    standing = Standing()
    for seen in stream:
        match seen.topic:
            case "person-registered" | "person-details-corrected":
                standing = replace(standing, details_position=seen.position)
            case "processing-restricted":
                standing = replace(standing, restricted=True)
            case "restriction-lifted":
                standing = replace(standing, restricted=False)
            # From the approval on, as everywhere.
            case "erasure-approved" | "personal-data-erased":
                standing = replace(standing, erased=True)
            case "objection-raised" if seen.fields.interest is Interest.STATISTICS:
                standing = replace(standing, objections=standing.objections | {seen.fields.objection_id})
            case "objection-decided" if seen.fields.outcome is ObjectionOutcome.OVERRIDDEN:
                standing = replace(standing, objections=standing.objections - {seen.fields.objection_id})
    return standing
