"""The words that pages use for the record's terms, and how they write days and times.

Terms are codes in the record; here they become plain English. A term without an entry is written as its code, hyphens as blanks.
"""

from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum
from typing import Literal
from zoneinfo import ZoneInfo

from audit.consent_trail import Judgement
from domain.vocabulary import (
    AppointmentOutcome,
    AppointmentType,
    CompanionRole,
    ConsentMethod,
    ConsentState,
    Interpreter,
    Track,
)
from projections.consents import ConsentStatus

type Tone = Literal["good", "warn", "bad", "calm"]

_WORDS: Mapping[str, str] = {
    AppointmentOutcome.NO_SHOW_COMPANION: "we did not come",
    AppointmentOutcome.NO_SHOW_TRAINEE: "trainee did not come",
    AppointmentOutcome.PAPERS_MISSING: "papers were missing",
    AppointmentOutcome.INFORMATION_ONLY: "information only",
    AppointmentType.TAX_OR_IDENTITY_NUMBER: "tax or identity number",
    AppointmentType.SCHOOL_ENROLMENT: "school or childcare enrolment",
    AppointmentType.LANGUAGE_COURSE: "language course or test",
    AppointmentType.LAWYER: "lawyer or appeal",
    AppointmentType.CHAMBER: "union or chamber",
    Track.INFORMATION_TECHNOLOGY: "IT",
    ConsentMethod.WITNESSED_ORAL: "said it, with a witness",
    ConsentMethod.RECORDED_AUDIO: "recorded on audio",
    Interpreter.STAFF: "a colleague",
    CompanionRole.PRESENCE: "was there",
    CompanionRole.INTERPRETING: "interpreted",
    CompanionRole.EXPLAINING: "explained",
    ConsentStatus.IN_FORCE: "in force",
    ConsentStatus.RUNNING_OUT: "running out",
    ConsentStatus.NOT_YET: "not yet in force",
    ConsentStatus.MISSING: "never asked",
    ConsentState.DEFERRED: "put off",
    Judgement.AS_KNOWN_THEN: "covered as known then",
    # Ages, where the hyphen is no blank.
    "18-24": "18 to 24",
    "25-34": "25 to 34",
    "35-44": "35 to 44",
    "45-54": "45 to 54",
    Judgement.UNDER_OVERRIDE: "under an override",
    Judgement.NOT_IN_FORCE: "gap: consent not in force",
    Judgement.OVERRIDE_NOT_UPHELD: "gap: override found wrong",
    Judgement.NONE_NAMED: "gap: no consent named",
}

# A chip's sign, so that its colour never speaks alone.
SIGNS: Mapping[Tone, str] = {"good": "✓", "warn": "!", "bad": "✗", "calm": "○"}

# A refusal is as good an answer as any: it is no alarm.
_TONES: Mapping[str, Tone] = {
    ConsentStatus.IN_FORCE: "good",
    ConsentStatus.RUNNING_OUT: "warn",
    ConsentStatus.NOT_YET: "warn",
    ConsentStatus.EXPIRED: "bad",
    ConsentStatus.WITHDRAWN: "bad",
    ConsentStatus.INVALIDATED: "bad",
    ConsentStatus.MISSING: "warn",
    ConsentState.GIVEN: "good",
    ConsentState.RENEWED: "good",
    Judgement.AS_KNOWN_THEN: "warn",
    Judgement.UNDER_OVERRIDE: "warn",
    Judgement.NOT_IN_FORCE: "bad",
    Judgement.OVERRIDE_NOT_UPHELD: "bad",
    Judgement.NONE_NAMED: "bad",
    AppointmentOutcome.GRANTED: "good",
    AppointmentOutcome.ADJOURNED: "warn",
    AppointmentOutcome.PAPERS_MISSING: "warn",
    AppointmentOutcome.TURNED_AWAY: "bad",
    AppointmentOutcome.NO_SHOW_COMPANION: "bad",
    AppointmentOutcome.NO_SHOW_TRAINEE: "warn",
    "full": "good",
    "found-right": "good",
    "found-wrong": "bad",
    "released": "good",
    "agreed-to": "good",
    "turned-down": "bad",
    "partial": "warn",
    "reached": "good",
}

# What a refusal says to somebody who looks at a form, where its own message speaks to a programmer.
REFUSALS: Mapping[str, str] = {
    "own-override": "You recorded this override. Another coordinator has to judge it.",
    "consent-missing": "There is no consent for this at that time, so nothing was recorded. Ask the person first.",
    "idempotency-key-reused": "This form was already sent once with other content, and that was recorded. Look at the case first.",
    "stale-version": "Somebody else recorded at the same moment. Send it again.",
    "lone-surrogate": "A text holds half of a character. Write the character whole.",
    "nul-character": "A text holds a character that nobody can read (NUL). Remove it.",
    "accompaniment-already-recorded": "What came of this appointment is on record already. The case shows it.",
    "before-appointment": "This day lies before the appointment. If it took place earlier than planned, move the appointment first.",
}

NOTICES: Mapping[str, str] = {
    "accompaniment": "Recorded: you went along.",
    "appointment": "Recorded: the appointment is booked.",
    "consent": "Recorded: the decision on consent.",
    "session": "Recorded: the session.",
    "override": "Recorded: the override. It ends by itself, and another member has to judge it.",
    "override-review": "Recorded: your finding on the override.",
    "erasure-request": "Recorded: the request to erase. A second member has to agree.",
    "erasure-refusal": "Recorded: the request was turned down.",
    "erased": "Erased for good. The receipt says what was done where.",
    "restriction": "Recorded: the use of their data is restricted from now on.",
    "lifting": "Recorded: their data may be used again.",
    "objection": "Recorded: the objection. What they object to rests until it is decided.",
    "objection-decision": "Recorded: what was decided on the objection.",
    "hold": "Recorded: the legal hold. Nothing of them is erased until it is released.",
    "release": "Recorded: the legal hold is released.",
    "next-step": "Recorded: the next step is done.",
    "report": "Recorded: what becomes of this report.",
}


def words(term: str | Enum) -> str:
    """A term of the vocabulary as a person says it."""
    code = str(term.value) if isinstance(term, Enum) else term
    return _WORDS.get(code) or code.replace("-", " ")


def sentence(text: str) -> str:
    """With a capital at its beginning, for where a term stands by itself."""
    return text[:1].upper() + text[1:]


def tone(term: str | Enum) -> Tone:
    """How a chip with this term looks. The chip says it in words as well."""
    return _TONES.get(str(term.value) if isinstance(term, Enum) else term, "calm")


def day(on: date, today: date, *, weekday: bool = False, whole: bool = False) -> str:
    """Without the year while it is this one, unless the `whole` day is asked for."""
    written = f"{on.day} {on:%b}" if on.year == today.year and not whole else f"{on.day} {on:%b} {on.year}"
    return f"{on:%a} {written}" if weekday else written


def clock(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%H:%M}"


def moment(at: datetime, today: date, zone: ZoneInfo) -> str:
    """Day and time of day at the organisation's place."""
    return f"{day(at.astimezone(zone).date(), today)}, {clock(at, zone)}"


def days_left(days: int) -> str:
    match days:
        case 0:
            return "today"
        case 1:
            return "tomorrow"
        case -1:
            return "1 day overdue"
        case _ if days < 0:
            return f"{-days} days overdue"
    return f"in {days} days"


def first_name(full_name: str | None) -> str | None:
    """The first word of a name, for those who need no more of it."""
    return full_name.split(maxsplit=1)[0] if full_name and full_name.strip() else None


def short_id(identifier: object) -> str:
    """The end of an id, enough to tell the entries of a list apart. It says nothing about anybody."""
    return str(identifier).replace("-", "")[-8:].upper()
