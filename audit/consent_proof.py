"""The consent proof: replays one mentorship's stored events and says of each act what it rested on, and whether that held then.

Works on what is stored in plain text alone, so that an outsider can run it, and shares no rule with the side that recorded:
terms, topics and bases stand here as plain text. What it answers is described in docs/consent-proof.md.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from audit.consent_trail import ActDone, DecisionMade, Judgement, OverrideMade, Review, judge

FORMAT = "accompany consent proof 1"

# What an act is done for, by its kind.
PURPOSES: Mapping[str, str] = {
    "goal-set": "mentoring",
    "goal-revised": "mentoring",
    "goal-reached": "mentoring",
    "goal-dropped": "mentoring",
    "session-held": "mentoring",
    "appointment-booked": "mentoring",
    "appointment-moved": "mentoring",
    "appointment-cancelled": "mentoring",
    "appointment-missed": "mentoring",
    "appointment-concluded": "mentoring",
    "next-step-completed": "mentoring",
    "accompaniment-recorded": "accompaniment",
    "credential-path-opened": "credential-recognition",
    "credential-step-taken": "credential-recognition",
    "credential-decided": "credential-recognition",
    "credential-appealed": "credential-recognition",
    "outcome-found": "mentoring",
}
# What else is done, and on which legal basis (GDPR article 6 (1)).
BASES: Mapping[str, str] = {
    "mentorship-started": "contract",
    "mentorship-paused": "legitimate-interests",
    "mentorship-resumed": "legitimate-interests",
    "mentorship-handed-over": "legitimate-interests",
    "mentorship-closed": "legitimate-interests",
    "consent-overridden": "vital-interests",
    "override-reviewed": "legal-obligation",
    "entry-corrected": "legal-obligation",
    "entry-retracted": "legal-obligation",
}
DECISIONS = frozenset(
    {"requested", "deferred", "refused", "given", "renewed", "withdrawn", "invalidated", "superseded"}
)
# What everyday work asks consent to.
CATEGORY, RECIPIENT = "case-record", "this-organisation"
LONGEST_OVERRIDE = timedelta(hours=72)
REVIEWED_WITHIN = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class StoredFact:
    """One event as it is stored. `plain` is its state without what is sealed, as JSON; the others are its columns."""

    position: int
    version: int
    topic: str
    actor_id: UUID
    purpose: str | None
    occurred_on: date | None
    occurred_at: datetime | None
    recorded_at: datetime
    plain: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Act:
    fact: StoredFact
    done: ActDone
    retracted_by: int | None = None


def prove(mentorship_id: UUID, facts: Iterable[StoredFact], now: datetime) -> dict[str, Any]:
    """The consent proof of one mentorship, in JSON's own types. `now` (aware) decides which reviews are overdue."""
    stored = sorted(facts, key=lambda fact: (fact.version, fact.position))
    findings = [*_out_of_line(stored)]
    told = [fact for fact in stored if _is_readable(fact)]
    findings += [_finding("unreadable", fact) for fact in stored if fact not in told]
    decisions = decisions_of(told)
    overrides = overrides_of(told)
    acts = _acts(told)
    judged = [(act, judge(act.done, decisions, overrides)) for act in acts]
    findings += [_finding(f"act-{judgement.value}", act.fact) for act, judgement in judged if judgement.is_gap]
    findings += _faults_of_overrides(told, overrides, now)
    return {
        "format": FORMAT,
        "mentorship": str(mentorship_id),
        "events": len(stored),
        "last_position": max((fact.position for fact in stored), default=None),
        "acts": [_act_line(act, judgement, overrides) for act, judgement in judged],
        "decisions": [_decision_line(decision) for decision in decisions],
        "overrides": [_override_line(override) for override in overrides],
        "other_bases": [
            {"version": fact.version, "topic": fact.topic, "legal_basis": BASES[fact.topic]}
            for fact in told
            if fact.topic in BASES
        ],
        "findings": sorted(findings, key=lambda one: (one["version"], one["code"])),
        "totals": {
            "acts": len(judged),
            **{judgement.value: sum(found is judgement for _, found in judged) for judgement in Judgement},
            "gaps": sum(found.is_gap for _, found in judged),
            "overrides": len(overrides),
            "overrides_not_reviewed": sum(override.review is None for override in overrides),
            "findings": len(findings),
        },
    }


def _is_readable(fact: StoredFact) -> bool:
    """Whether what is needed of an entry is there, and is of its kind. Whoever may write to the database can spoil it."""
    try:
        if _is_decision(fact.topic):
            _decision(fact)
        elif fact.topic == "override-reviewed":
            return isinstance(fact.plain["override"], int) and isinstance(fact.plain["upheld"], bool)
        elif fact.topic == "consent-overridden":
            _overrides([fact])
            return isinstance(fact.plain["overridden_by"], str)
        elif fact.topic == "entry-corrected":
            _day(fact.plain["changes"].get("occurred_on"))
            return isinstance(fact.plain["corrects"], int) and isinstance(fact.plain["relied_on"], int | None)
        elif fact.topic == "entry-retracted":
            return isinstance(fact.plain["corrects"], int)
        else:
            _acts([fact])
            return isinstance(fact.plain["relied_on"], int | None)
    except (KeyError, TypeError, ValueError, AttributeError):
        return False
    return True


def _is_decision(topic: str) -> bool:
    return topic.startswith("consent-") and topic.removeprefix("consent-") in DECISIONS


def _decision(fact: StoredFact) -> DecisionMade:
    plain = fact.plain
    return DecisionMade(
        fact.version,
        (plain["purpose"], plain["data_category"], plain["recipient"]),
        fact.topic.removeprefix("consent-"),
        date.fromisoformat(plain["occurred_on"]),
        _moment(plain["occurred_at"]),
        _day(plain["valid_from"]),
        _day(plain["valid_until"]),
    )


def overrides_of(facts: Iterable[StoredFact]) -> list[OverrideMade]:
    """The overrides among these facts with their reviews; what can't be read is left out."""
    return _overrides(fact for fact in facts if _is_readable(fact))


def decisions_of(facts: Iterable[StoredFact]) -> list[DecisionMade]:
    """The decisions among these facts; what can't be read is left out."""
    return [_decision(fact) for fact in facts if _is_decision(fact.topic) and _is_readable(fact)]


def _overrides(told: Iterable[StoredFact]) -> list[OverrideMade]:
    made: dict[int, OverrideMade] = {}
    for fact in told:
        plain = fact.plain
        if fact.topic == "consent-overridden":
            made[fact.version] = OverrideMade(
                fact.version,
                plain["purpose"],
                plain["reason"],
                date.fromisoformat(plain["occurred_on"]),
                _moment(plain["occurred_at"]),
                date.fromisoformat(plain["until_on"]),
                _instant(plain["until_at"]),
                str(fact.actor_id),
                None,
            )
        elif fact.topic == "override-reviewed" and plain["override"] in made and made[plain["override"]].review is None:
            review = Review(fact.version, bool(plain["upheld"]), str(fact.actor_id))
            made[plain["override"]] = replace(made[plain["override"]], review=review)
    return list(made.values())


def _acts(told: Iterable[StoredFact]) -> list[_Act]:
    """The acts as they stand after corrections: one of the day rests on what it names itself, from when it was told."""
    acts: dict[int, _Act] = {}
    for fact in told:
        plain = fact.plain
        if fact.topic in PURPOSES:
            scope = (PURPOSES[fact.topic], CATEGORY, RECIPIENT)
            on, at = date.fromisoformat(plain["occurred_on"]), _moment(plain["occurred_at"])
            acts[fact.version] = _Act(fact, ActDone(fact.version, scope, on, at, plain["relied_on"]))
        elif fact.topic == "entry-corrected" and plain["corrects"] in acts and "occurred_on" in plain["changes"]:
            act = acts[plain["corrects"]]
            told_anew = plain["relied_on"]
            moved = replace(
                act.done,
                done_on=date.fromisoformat(plain["changes"]["occurred_on"]),
                done_at=None,
                relied_on=told_anew or act.done.relied_on,
                told_in=fact.version if told_anew else act.done.told_in,
            )
            acts[fact.plain["corrects"]] = replace(act, done=moved)
        elif fact.topic == "entry-retracted" and plain["corrects"] in acts:
            acts[plain["corrects"]] = replace(acts[plain["corrects"]], retracted_by=fact.version)
    return list(acts.values())


def _out_of_line(told: list[StoredFact]) -> Iterable[dict[str, Any]]:
    """What keeps the replay from being the whole story: entries that lack, are of no known kind, or say two things."""
    expected = 1
    before: StoredFact | None = None
    for fact in told:
        if fact.version < expected:
            yield _finding("version-repeated", fact)
        if fact.version > expected:
            yield _finding("version-missing", fact)
        expected = fact.version + 1
        if before is not None and fact.position <= before.position:
            yield _finding("out-of-order", fact)
        before = fact
        if not (fact.topic in PURPOSES or fact.topic in BASES or _is_decision(fact.topic)):
            yield _finding("unknown-kind", fact)
            continue
        if fact.purpose != PURPOSES.get(fact.topic):
            yield _finding("purpose-differs", fact)
        if _is_readable(fact):
            told_on = (_day(fact.plain.get("occurred_on")), _moment(fact.plain.get("occurred_at")))
            if told_on != (fact.occurred_on, fact.occurred_at):
                yield _finding("time-differs", fact)


def _faults_of_overrides(
    told: Iterable[StoredFact], overrides: Iterable[OverrideMade], now: datetime
) -> Iterable[dict[str, Any]]:
    facts = {fact.version: fact for fact in told}
    for override in overrides:
        fact = facts[override.version]
        if override.begins_at is None or override.ends_at - override.begins_at > LONGEST_OVERRIDE:
            yield _finding("override-too-long", fact)
        if override.by != fact.plain["overridden_by"]:
            yield _finding("override-by-another", fact)
        if override.review is None:
            if now - fact.recorded_at > REVIEWED_WITHIN:
                yield _finding("override-not-reviewed", fact)
        elif override.review.by in (override.by, fact.plain["overridden_by"]):
            yield _finding("override-reviewed-by-its-author", facts[override.review.version])


def _finding(code: str, fact: StoredFact) -> dict[str, Any]:
    return {"code": code, "version": fact.version, "position": fact.position, "topic": fact.topic}


def _act_line(act: _Act, judgement: Judgement, overrides: Iterable[OverrideMade]) -> dict[str, Any]:
    rests_on_override = any(override.version == act.done.relied_on for override in overrides)
    return {
        "version": act.fact.version,
        "position": act.fact.position,
        "topic": act.fact.topic,
        "actor": str(act.fact.actor_id),
        "purpose": act.done.scope[0],
        "done_on": act.done.done_on.isoformat(),
        "done_at": _written(act.done.done_at),
        "told_in": act.done.told_in,
        "legal_basis": "vital-interests" if rests_on_override else "consent",
        "relied_on": act.done.relied_on,
        "judgement": judgement.value,
        "gap": judgement.is_gap,
        "retracted_by": act.retracted_by,
    }


def _decision_line(decision: DecisionMade) -> dict[str, Any]:
    purpose, category, recipient = decision.scope
    return {
        "version": decision.version,
        "purpose": purpose,
        "data_category": category,
        "recipient": recipient,
        "state": decision.state,
        "made_on": decision.made_on.isoformat(),
        "made_at": _written(decision.made_at),
        "valid_from": _written(decision.valid_from),
        "valid_until": _written(decision.valid_until),
    }


def _override_line(override: OverrideMade) -> dict[str, Any]:
    review = override.review
    return {
        "version": override.version,
        "purpose": override.purpose,
        "reason": override.reason,
        "begins_at": _written(override.begins_at),
        "ends_at": _written(override.ends_at),
        "by": override.by,
        "review": None if review is None else {"version": review.version, "upheld": review.upheld, "by": review.by},
    }


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else _instant(text)


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a time without its offset from UTC")
    return at


def _written(value: date | datetime | None) -> str | None:
    """Times in UTC, to the microsecond."""
    if isinstance(value, datetime):
        return value.astimezone(tz=UTC).isoformat(timespec="microseconds")
    return None if value is None else value.isoformat()
