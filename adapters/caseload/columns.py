"""The shapes of the eight spreadsheets that make up a caseload, as data, in the order in which they are imported.

People come first because mentorships name them; consents come before everything that rests on them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, StrEnum

from domain.vocabulary import (
    AppointmentOutcome,
    AppointmentType,
    ConsentMethod,
    ConsentState,
    EndReason,
    Gender,
    GoalKind,
    GoalStatus,
    Interpreter,
    Medium,
    OutcomeStatus,
    PersonRole,
    Purpose,
    RecognitionResult,
    Role,
    Track,
)


class Kind(Enum):
    """How a cell is read, and as what: see `adapters.caseload.cells`."""

    TEXT = "text"
    IDENTIFIER = "identifier"
    DATE = "date"
    LOCAL_TIME = "local time"
    INTEGER = "integer"
    DECIMAL = "decimal"
    YES_NO = "yes or no"
    TERM = "term"
    LANGUAGE = "language"
    LANGUAGES = "languages"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, how its cells are read, whether they must hold something, and their longest length."""

    name: str
    kind: Kind = Kind.TEXT
    required: bool = False
    terms: tuple[StrEnum, ...] = ()
    longest: int = 20_000


@dataclass(frozen=True, slots=True)
class Resource:
    """One spreadsheet. `key` are the columns that tell one row from another; `required` ones must be in the header."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]

    @property
    def by_name(self) -> dict[str, Column]:
        return {column.name: column for column in self.columns}

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns if column.required)


def _id(name: str, *, required: bool = True) -> Column:
    return Column(name, Kind.IDENTIFIER, required, longest=100)


def _text(name: str, *, required: bool = False, longest: int = 300) -> Column:
    return Column(name, Kind.TEXT, required, longest=longest)


def _prose(name: str, *, required: bool = False) -> Column:
    return Column(name, Kind.TEXT, required)


def _date(name: str, *, required: bool = True) -> Column:
    return Column(name, Kind.DATE, required, longest=40)


def _term(name: str, terms: Iterable[StrEnum], *, required: bool = True) -> Column:
    return Column(name, Kind.TERM, required, tuple(terms), longest=60)


def _number(name: str, kind: Kind, *, required: bool = False) -> Column:
    return Column(name, kind, required, longest=40)


# What one row of consents may say; the other states are reached by a clock or by this service alone.
DECISIONS = (
    ConsentState.REQUESTED,
    ConsentState.DEFERRED,
    ConsentState.REFUSED,
    ConsentState.GIVEN,
    ConsentState.RENEWED,
    ConsentState.WITHDRAWN,
)

RESOURCES: tuple[Resource, ...] = (
    Resource(
        "people",
        (
            _id("person_id"),
            _term("role", PersonRole),
            _text("full_name", required=True),
            _date("born_on", required=False),
            _term("gender", Gender, required=False),
            Column("languages", Kind.LANGUAGES, longest=1_000),
            _text("origin_country", longest=100),
            _text("occupation_isco", longest=100),
            _text("phone"),
            _text("email"),
            Column("care_duties", Kind.YES_NO, longest=20),
            _prose("note"),
        ),
        key=("person_id",),
    ),
    Resource(
        "mentorships",
        (
            _id("mentorship_id"),
            _id("trainee_id"),
            _id("mentor_id"),
            _term("track", Track),
            _date("started_on"),
            _date("ended_on", required=False),
            _term("end_reason", EndReason, required=False),
            _id("caseworker"),
        ),
        key=("mentorship_id",),
    ),
    Resource(
        "consents",
        (
            _id("mentorship_id"),
            # Consents are the trainee's: a row that tells of anybody else's is no consent in this record.
            _term("party", (Role.TRAINEE,)),
            _term("purpose", Purpose),
            _term("decision", DECISIONS),
            _date("decided_on"),
            Column("notice_version", Kind.IDENTIFIER, required=True, longest=100),
            Column("language", Kind.LANGUAGE, required=True, longest=40),
            _term("method", ConsentMethod),
            _term("interpreter", Interpreter, required=False),
            _id("witness", required=False),
            _date("valid_until", required=False),
        ),
        key=("mentorship_id", "party", "purpose", "decision", "decided_on"),
    ),
    Resource(
        "goals",
        (
            _id("mentorship_id"),
            _id("goal_id"),
            _date("set_on"),
            _term("kind", GoalKind),
            _prose("description", required=True),
            _date("target_on", required=False),
            _term("status", GoalStatus),
            _date("status_on", required=False),
        ),
        key=("goal_id",),
    ),
    Resource(
        "sessions",
        (
            _id("mentorship_id"),
            _date("held_on"),
            _number("minutes", Kind.INTEGER, required=True),
            _term("medium", Medium),
            _number("trainee_rating", Kind.INTEGER),
            _number("mentor_rating", Kind.INTEGER),
            _prose("summary"),
        ),
        # A spreadsheet of sessions has no column of its own for an id: the whole row is what tells one from another.
        key=("mentorship_id", "held_on", "minutes", "medium", "trainee_rating", "mentor_rating", "summary"),
    ),
    Resource(
        "appointments",
        (
            _id("appointment_id"),
            _id("mentorship_id"),
            _term("type", AppointmentType),
            _text("office"),
            Column("starts_at", Kind.LOCAL_TIME, required=True, longest=60),
            _id("accompanied_by", required=False),
            _term("outcome", AppointmentOutcome, required=False),
            _prose("agreed"),
            _prose("next_step"),
            _date("deadline", required=False),
        ),
        key=("appointment_id",),
    ),
    Resource(
        "credential_steps",
        (
            _id("credential_id"),
            _id("mentorship_id"),
            Column("country", Kind.IDENTIFIER, required=True, longest=100),
            _text("profession", required=True),
            # Stages are a template for each country and profession, which an organisation keeps as data.
            Column("stage", Kind.IDENTIFIER, required=True, longest=100),
            _date("on"),
            _term("result", RecognitionResult, required=False),
            _text("authority"),
            _text("reference"),
        ),
        key=("credential_id", "stage", "on"),
    ),
    Resource(
        "outcomes",
        (
            _id("mentorship_id"),
            _date("on"),
            _term("status", OutcomeStatus),
            _number("hours_per_week", Kind.DECIMAL),
            _number("hourly_wage", Kind.DECIMAL),
            Column("currency", Kind.IDENTIFIER, longest=20),
            Column("verified", Kind.YES_NO, longest=20),
        ),
        key=("mentorship_id", "on"),
    ),
)

BY_NAME: dict[str, Resource] = {resource.name: resource for resource in RESOURCES}
