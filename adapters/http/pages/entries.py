"""Entries of a timeline as lines to read: what happened, and the words that were written about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from adapters.http.pages.wording import sentence, words
from domain.mentorship.overrides import ConsentOverridden, OverrideReviewed
from domain.vocabulary import AppointmentType
from projections.timeline import TimelineEntry

type Kind = Literal["text", "term", "day", "moment", "list"]


@dataclass(frozen=True, slots=True)
class Detail:
    """One thing that an entry says, and how to show it."""

    label: str
    kind: Kind
    value: Any


@dataclass(frozen=True, slots=True)
class EntryLine:
    """`term` stands as a chip beside the title; `erased` says that words stood here whose owner has been erased."""

    version: int
    title: str
    term: str | None
    occurred_on: date
    occurred_at: datetime | None
    recorded_at: datetime
    actor_id: UUID
    details: tuple[Detail, ...]
    corrected: bool
    retracted: bool
    erased: bool


_TITLES: Mapping[str, str] = {
    "mentorship-started": "The mentorship started",
    "mentorship-paused": "Paused",
    "mentorship-resumed": "Resumed",
    "mentorship-handed-over": "Handed over",
    "mentorship-closed": "Closed",
    "consent-requested": "Consent asked for",
    "consent-deferred": "Consent put off",
    "consent-refused": "Consent refused",
    "consent-given": "Consent given",
    "consent-renewed": "Consent renewed",
    "consent-withdrawn": "Consent withdrawn",
    "consent-invalidated": "Consent found invalid",
    "consent-superseded": "Consent superseded by a new notice",
    "consent-overridden": "Consent overridden: a life in danger",
    "override-reviewed": "Override reviewed",
    "goal-set": "Goal set",
    "goal-revised": "Goal revised",
    "goal-reached": "Goal reached",
    "goal-dropped": "Goal dropped",
    "session-held": "Session",
    "appointment-booked": "Appointment booked",
    "appointment-moved": "Appointment moved",
    "appointment-cancelled": "Appointment cancelled",
    "appointment-missed": "Appointment missed",
    "appointment-concluded": "Went alone",
    "accompaniment-recorded": "Went along",
    "next-step-completed": "Next step done",
    "credential-path-opened": "Recognition begun",
    "credential-step-taken": "Recognition step",
    "credential-decided": "Recognition decided",
    "credential-appealed": "Appeal against the decision",
    "outcome-found": "Follow-up",
    "entry-corrected": "Entry corrected",
    "entry-retracted": "Entry taken back",
}

# What stands beside the title: the one field that sums an entry up.
_SUMS_UP = ("outcome", "result", "status")
# What other entries say there in their own words, an override says in a term.
_SUMMED_UP = (ConsentOverridden.TOPIC, "reason")

# In the order in which they are shown. A field that is not named here is for machines.
_DETAILS: tuple[tuple[str, str, Kind], ...] = (
    ("description", "Goal", "text"),
    ("target_on", "By", "day"),
    ("summary", "What was done", "text"),
    ("agreed", "Agreed", "text"),
    ("next_step", "Next step", "text"),
    ("deadline", "Deadline", "day"),
    ("objection_until", "Objection until", "day"),
    ("starts_at", "When", "moment"),
    ("office", "Where", "text"),
    ("authority", "Authority", "text"),
    ("reference_number", "Reference", "text"),
    ("reference_occupation", "Reference occupation", "text"),
    ("papers_needed", "Papers to bring", "list"),
    ("papers_brought", "Papers brought", "list"),
    ("papers_missing", "Papers missing", "list"),
    ("arrived_at", "Arrived", "moment"),
    ("seen_at", "Seen", "moment"),
    ("left_at", "Left", "moment"),
    ("companion_role", "Companion", "term"),
    ("interpreter", "Interpreter", "term"),
    ("valid_from", "From", "day"),
    ("valid_until", "Until", "day"),
    ("trainee_feedback", "The trainee says", "text"),
    ("mentor_feedback", "The mentor says", "text"),
    ("expected_until", "Expected until", "day"),
    ("until_at", "Until", "moment"),
    ("reason", "Reason", "text"),
    ("explanation", "Explanation", "text"),
    ("note", "Note", "text"),
)


def entry_line(entry: TimelineEntry, appointments: Mapping[str, AppointmentType]) -> EntryLine:
    """`appointments` gives the type of each appointment of the case, by its id in text."""
    fields = entry.fields or {}
    return EntryLine(
        version=entry.version,
        title=": ".join(
            filter(None, (_TITLES.get(entry.topic, sentence(words(entry.topic))), _about(fields, appointments)))
        ),
        term=_term(entry.topic, fields),
        occurred_on=entry.occurred_on,
        occurred_at=entry.occurred_at,
        recorded_at=entry.recorded_at,
        actor_id=entry.actor_id,
        details=tuple(
            Detail(label, kind, _read(kind, fields[name]))
            for name, label, kind in _DETAILS
            if fields.get(name) and fields[name] != "none" and (entry.topic, name) != _SUMMED_UP
        ),
        corrected=bool(entry.corrected_by),
        retracted=entry.retracted_by is not None,
        erased=bool(entry.erased) or entry.fields is None,
    )


def _term(topic: str, fields: Mapping[str, Any]) -> str | None:
    if topic == OverrideReviewed.TOPIC and "upheld" in fields:
        return "found-right" if fields["upheld"] else "found-wrong"
    names = ("reason",) if topic == ConsentOverridden.TOPIC else _SUMS_UP
    return next((fields[name] for name in names if fields.get(name)), None)


def _about(fields: Mapping[str, Any], appointments: Mapping[str, AppointmentType]) -> str | None:
    """What the title goes on with."""
    if "minutes" in fields:
        return f"{fields['minutes']} minutes, {words(fields['medium'])}"
    if "purpose" in fields:
        return words(fields["purpose"])
    if "corrected_topic" in fields:
        return (_TITLES.get(fields["corrected_topic"]) or words(fields["corrected_topic"])).lower()
    for name in ("stage", "type", "kind", "track"):
        if fields.get(name):
            return words(fields[name])
    kind = appointments.get(fields.get("appointment_id", ""))
    return None if kind is None else words(kind)


def _read(kind: Kind, value: Any) -> Any:
    match kind:
        case "day":
            return date.fromisoformat(value)
        case "moment":
            return datetime.fromisoformat(value)
    return value
