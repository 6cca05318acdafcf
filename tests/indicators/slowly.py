"""The same figures counted the slow and obvious way: straight from the events as the domain recorded them, with plain loops.

Shares nothing with the product's counting: no projection, no fold, no table. It reads the definitions as a person would.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from domain.events import RecordEvent
from domain.mentorship.corrections import EntryCorrected, EntryRetracted, as_it_stands
from domain.person import Details


@dataclass(frozen=True)
class Told:
    """One event at its place in the log."""

    position: int
    event: RecordEvent


class Ledger:
    """All entries of one organisation up to a position, as they stand, by trainee."""

    def __init__(self, log: Sequence[Told], position: int) -> None:
        known = [told for told in log if told.position <= position]
        streams: dict[UUID, list[Told]] = {}
        for told in known:
            streams.setdefault(told.event.originator_id, []).append(told)
        self.entries: dict[UUID, list[tuple[UUID, int, Any]]] = {}
        self.people: dict[UUID, list[RecordEvent]] = {}
        self.decisions: dict[UUID, list[Any]] = {}
        for stream, told_there in streams.items():
            events = [told.event for told in told_there]
            if not hasattr(events[0], "trainee_id"):
                self.people[stream] = events
                continue
            gone = {one.corrects for one in events if isinstance(one, EntryRetracted)}
            corrections = [one for one in events if isinstance(one, EntryCorrected)]
            trainee = events[0].trainee_id
            for told in told_there:
                event: Any = told.event
                if event.TOPIC == "credential-decided":
                    self.decisions.setdefault(trainee, []).append(event)
                if isinstance(event, EntryCorrected | EntryRetracted) or event.originator_version in gone:
                    continue
                stands = as_it_stands(event, corrections)
                self.entries.setdefault(trainee, []).append((stream, told.position, stands))

    def details(self, trainee: UUID) -> Details | None:
        told = [e for e in self.people.get(trainee, []) if e.TOPIC in ("person-registered", "person-details-corrected")]
        return told[-1].details if told else None  # type: ignore[attr-defined] # the two topics have it

    def of(self, trainee: UUID, *topics: str) -> list[Any]:
        return [event for _, _, event in self.entries[trainee] if event.TOPIC in topics]

    def last_decisions(self, trainee: UUID) -> list[Any]:
        """Of each path the last decision, unless that was taken back: then the path is open."""
        last = {
            (one.originator_id, one.credential_id): one.originator_version for one in self.decisions.get(trainee, [])
        }
        standing = self.of(trainee, "credential-decided")
        return [one for one in standing if last[one.originator_id, one.credential_id] == one.originator_version]

    def counted(self, trainee: UUID, asked_on: date) -> bool:
        restricted = erased = False
        objections: set[UUID] = set()
        for event in self.people.get(trainee, []):
            match event.TOPIC:
                case "processing-restricted":
                    restricted = True
                case "restriction-lifted":
                    restricted = False
                case "erasure-approved" | "personal-data-erased":
                    erased = True
                case "objection-raised" if event.interest == "statistics":  # type: ignore[attr-defined] # the topic has it
                    objections.add(event.objection_id)  # type: ignore[attr-defined] # the topic has it
                case "objection-decided" if event.outcome == "overridden":  # type: ignore[attr-defined] # the topic has it
                    objections.discard(event.objection_id)  # type: ignore[attr-defined] # the topic has it
        if restricted or erased or objections:
            return False
        said = [
            (event.occurred_on, position, event)
            for _, position, event in self.entries[trainee]
            if event.TOPIC.startswith("consent-") and event.purpose == "funder-reporting"
        ]
        if not said:
            return False
        last = sorted(said, key=lambda one: one[:2])[-1][2]
        return (
            last.TOPIC in ("consent-given", "consent-renewed")
            and (last.valid_from is None or last.valid_from <= asked_on)
            and (last.valid_until is None or asked_on <= last.valid_until)
        )


def figures(
    log: Sequence[Told], since: date, until: date, position: int, asked_on: date
) -> tuple[Counter[str], dict[str, list[int]]]:
    """Every figure of every indicator by its name; those that are zero are missing."""
    ledger = Ledger(log, position)
    found: Counter[str] = Counter()
    days: list[int] = []

    def inside(day: date) -> bool:
        return since <= day <= until

    for trainee in ledger.entries:
        contacts = ledger.of(trainee, "session-held", "accompaniment-recorded", "appointment-concluded")
        came = [one for one in contacts if not str(getattr(one, "outcome", "")).startswith("no-show")]
        served = any(inside(one.occurred_on) for one in came)
        if not ledger.counted(trainee, asked_on):
            found["left-out"] += served
            continue
        cases: dict[UUID, dict[str, Any]] = {}
        for stream, position_of, event in ledger.entries[trainee]:
            if event.TOPIC == "mentorship-started":
                cases[stream] = {"since": event.occurred_on, "track": event.track, "at": position_of, "until": None}
            if event.TOPIC == "mentorship-closed":
                cases[stream] |= {"until": event.occurred_on, "reason": event.reason}
        groups = _groups(ledger.details(trainee), list(cases.values()), since, until)
        if served:
            standing = "new" if all(case["since"] >= since for case in cases.values()) else "continuing"
            found["served@1"] += 1
            found[f"served@1/standing={standing}"] += 1
            for split, category in groups.items():
                found[f"served@1/{split}={category}"] += 1
                found[f"served@1/standing={standing}/{split}={category}"] += 1
        if all(case["until"] for case in cases.values()):
            last = sorted(cases.values(), key=lambda case: (case["until"], case["at"]))[-1]
            if inside(last["until"]):
                found["left@1"] += 1
                found[f"left@1/reason={last['reason']}"] += 1
                found[f"left@1/gender={groups['gender']}"] += 1
            for number in (90, 180, 365):
                due = last["until"] + timedelta(days=number)
                if inside(due + timedelta(days=45)):
                    what = _at_follow_up(ledger.of(trainee, "outcome-found"), due)
                    found[f"in-work-{number}@1"] += 1
                    found[f"in-work-{number}@1/found={what}"] += 1
        for one in ledger.of(trainee, "session-held"):
            if inside(one.occurred_on):
                found["sessions@1"] += 1
                found[f"sessions@1/track={groups['track']}"] += 1
                found["session-time@1"] += one.minutes
        booked = {(one.originator_id, one.appointment_id): one for one in ledger.of(trainee, "appointment-booked")}
        for one in ledger.of(trainee, "accompaniment-recorded"):
            if inside(one.occurred_on):
                found["accompaniments@1"] += 1
                found[f"accompaniments@1/type={booked[one.originator_id, one.appointment_id].type}"] += 1
                found[f"accompaniments@1/outcome={one.outcome}"] += 1
        for one in ledger.of(trainee, "accompaniment-recorded", "appointment-concluded", "appointment-missed"):
            if inside(one.occurred_on):
                how = "accompanied" if one.TOPIC == "accompaniment-recorded" else "alone"
                how = {"no-show-trainee": "trainee-did-not-come", "no-show-companion": "companion-did-not-come"}.get(
                    one.outcome, how
                )
                found["appointments-kept@1"] += 1
                found[f"appointments-kept@1/kept={how}"] += 1
        applied: dict[tuple[UUID, UUID], date] = {}
        for one in ledger.of(trainee, "credential-step-taken"):
            if one.stage == "application-filed":
                path = one.originator_id, one.credential_id
                applied[path] = min(one.occurred_on, applied.get(path, date.max))
        if any(inside(day) for day in applied.values()):
            found["recognition-applied@1"] += 1
            found[f"recognition-applied@1/gender={groups['gender']}"] += 1
        decided = {(one.originator_id, one.credential_id): one for one in ledger.last_decisions(trainee)}
        results = [one.result for one in decided.values() if inside(one.occurred_on)]
        if results:
            best = next(result for result in ("full", "partial", "none", "withdrawn", "expired") if result in results)
            found["recognition-decided@1"] += 1
            found[f"recognition-decided@1/result={best}"] += 1
        for path, one in decided.items():
            if inside(one.occurred_on) and path in applied and applied[path] <= one.occurred_on:
                days.append((one.occurred_on - applied[path]).days)
    return +found, {"recognition-decided@1": sorted(days)}


def _groups(details: Details | None, cases: list[dict[str, Any]], since: date, until: date) -> dict[str, str]:
    age = "unknown"
    if details and details.born_on:
        years = until.year - details.born_on.year
        if (until.month, until.day) < (details.born_on.month, details.born_on.day):
            years -= 1
        age = next(
            name
            for most, name in (
                (17, "under-18"),
                (24, "18-24"),
                (34, "25-34"),
                (44, "35-44"),
                (54, "45-54"),
                (999, "55-and-over"),
            )
            if years <= most
        )
    running = [case for case in cases if case["since"] <= until and (case["until"] is None or case["until"] >= since)]
    tracks = {str(case["track"]) for case in (running or cases)}
    levels = (
        [str(one.level) for one in details.languages if one.level and one.language.split("-")[0] == "de"]
        if details
        else []
    )
    return {
        "age": age,
        "gender": str(details.gender) if details and details.gender else "unknown",
        "track": next(iter(tracks)) if len(tracks) == 1 else "several",
        "language": max(levels) if levels else "unknown",
    }


def _at_follow_up(outcomes: list[Any], due: date) -> str:
    near = [one for one in outcomes if abs((one.occurred_on - due).days) <= 45]
    if not near:
        return "lost-to-follow-up"
    closest = min(abs((one.occurred_on - due).days) for one in near)
    last_day = max(one.occurred_on for one in near if abs((one.occurred_on - due).days) == closest)
    status = [one for one in near if one.occurred_on == last_day][-1].status
    return {
        "employed": "in-work",
        "self-employed": "in-work",
        "apprenticeship": "in-training",
        "internship": "in-training",
        "studying": "in-training",
        "unemployed": "not-in-work",
        "unknown": "unknown",
    }[status]
