"""Was there a consent? Judges each act of processing anew from the decisions on record, without the rules of the side that recorded it.

An auditor who distrusts the service reads these lines instead: they share none with it, down to the terms, which are plain text.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

# W3C Data Privacy Vocabulary 2.3: of all states of a consent, these two permit processing.
PERMITTING = frozenset({"given", "renewed"})
# To be asked again, or to put the answer off, leaves standing what stood before.
DECIDING_NOTHING = frozenset({"requested", "deferred"})

type Scope = tuple[str, str, str]
"""Purpose, data category and recipient: what a decision is about."""


class Judgement(StrEnum):
    """Whether an act was covered by the consent that it names.

    `AS_KNOWN_THEN`: it was when the act was recorded; a decision that was told later and dated before the act says otherwise,
    or found that the consent never was valid.
    `UNDER_OVERRIDE`: it was done without a consent, in the hours of an override for that purpose.
    `NOT_IN_FORCE`: the consent named had not been given yet, had ended, was known to be invalid, or another decision had taken its place;
    the override named had not begun, had ended, or had been found wrong before.
    `OVERRIDE_NOT_UPHELD`: whoever reviewed the override that it was done under found that it was wrong.
    `NONE_NAMED`: no decision or override of this purpose stands where the act points. The last three are gaps.
    """

    IN_FORCE = "in-force"
    AS_KNOWN_THEN = "as-known-then"
    UNDER_OVERRIDE = "under-override"
    NOT_IN_FORCE = "not-in-force"
    OVERRIDE_NOT_UPHELD = "override-not-upheld"
    NONE_NAMED = "none-named"

    @property
    def is_gap(self) -> bool:
        return self in (Judgement.NOT_IN_FORCE, Judgement.OVERRIDE_NOT_UPHELD, Judgement.NONE_NAMED)


@dataclass(frozen=True, slots=True)
class DecisionMade:
    """A decision of the person. `version` counts the entries of the case in the order they were recorded."""

    version: int
    scope: Scope
    state: str
    made_on: date
    made_at: datetime | None
    valid_from: date | None
    valid_until: date | None


@dataclass(frozen=True, slots=True)
class ActDone:
    """Something done with a person's data. `told_in` is the entry that last said when it happened; `relied_on` the one it names."""

    told_in: int
    scope: Scope
    done_on: date
    done_at: datetime | None
    relied_on: int | None


@dataclass(frozen=True, slots=True)
class Review:
    """What another member (`by`) found of an override; `version` is the entry that says so."""

    version: int
    upheld: bool
    by: str


@dataclass(frozen=True, slots=True)
class OverrideMade:
    """For these hours data may be used for a purpose without a consent. `review` is None until somebody has reviewed it."""

    version: int
    purpose: str
    reason: str
    begins_on: date
    begins_at: datetime | None
    ends_on: date
    ends_at: datetime
    by: str
    review: Review | None


def judge(act: ActDone, decisions: Iterable[DecisionMade], overrides: Iterable[OverrideMade] = ()) -> Judgement:
    """Judges one act; `decisions` and `overrides` are all of its case, in any order."""
    for override in overrides:
        if override.version == act.relied_on and override.purpose == act.scope[0]:
            return _under(act, override)
    of_scope = [decision for decision in decisions if decision.scope == act.scope]
    if not any(decision.version == act.relied_on for decision in of_scope):
        return Judgement.NONE_NAMED
    known = [decision for decision in of_scope if decision.version < act.told_in]
    then = _covering(act, known)
    if then is None or then.version != act.relied_on:
        return Judgement.NOT_IN_FORCE
    if len(known) == len(of_scope):
        return Judgement.IN_FORCE
    return Judgement.IN_FORCE if _covering(act, of_scope) is not None else Judgement.AS_KNOWN_THEN


def _under(act: ActDone, override: OverrideMade) -> Judgement:
    begun = (
        override.begins_at <= act.done_at
        if act.done_at is not None and override.begins_at is not None
        else override.begins_on <= act.done_on
    )
    over = override.ends_at < act.done_at if act.done_at is not None else override.ends_on < act.done_on
    wrong = override.review is not None and not override.review.upheld
    if not begun or over or override.version >= act.told_in:
        return Judgement.NOT_IN_FORCE
    if wrong and override.review is not None and override.review.version < act.told_in:
        return Judgement.NOT_IN_FORCE
    return Judgement.OVERRIDE_NOT_UPHELD if wrong else Judgement.UNDER_OVERRIDE


def _covering(act: ActDone, decisions: Sequence[DecisionMade]) -> DecisionMade | None:
    """The decision that covered the act, as far as these decisions tell.

    A consent found invalid covers nothing, whatever was withdrawn or renewed between. One recorded after the finding is another.
    """
    stood = _stood(act, decisions)
    if stood is None or not _permits(stood, act.done_on):
        return None
    findings = (decision for decision in decisions if decision.state == "invalidated")
    if any(found.version > stood.version and _precedes(stood, found.made_on, found.made_at) for found in findings):
        return None
    return stood


def _stood(act: ActDone, decisions: Iterable[DecisionMade]) -> DecisionMade | None:
    """The last decision before the act, taken in the order of recording.

    A day without a time of day counts whole: a decision on the day of the act precedes it, and of two on one day the one recorded
    later stands, unless both times are known and say otherwise.
    """
    stood: DecisionMade | None = None
    clock: datetime | None = None
    for decision in sorted(decisions, key=lambda decision: decision.version):
        if decision.state in DECIDING_NOTHING or not _precedes(decision, act.done_on, act.done_at):
            continue
        if stood is None or decision.made_on > stood.made_on:
            stood, clock = decision, decision.made_at
        elif decision.made_on == stood.made_on:
            if decision.made_at is None:
                stood = decision
            elif clock is None or decision.made_at >= clock:
                stood, clock = decision, decision.made_at
    return stood


def _precedes(decision: DecisionMade, day: date, time: datetime | None) -> bool:
    if decision.made_on == day and decision.made_at is not None and time is not None:
        return decision.made_at <= time
    return decision.made_on <= day


def _permits(decision: DecisionMade, day: date) -> bool:
    return (
        decision.state in PERMITTING
        and (decision.valid_from is None or decision.valid_from <= day)
        and (decision.valid_until is None or decision.valid_until >= day)
    )
