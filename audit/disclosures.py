"""No disclosure without a consent in force or another basis: judges the access log's entries against the mentorship's own events."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from audit.consent_proof import CATEGORY, RECIPIENT, StoredFact, decisions_of, overrides_of
from audit.consent_trail import ActDone, judge


@dataclass(frozen=True, slots=True)
class Disclosed:
    """An entry of the access log that showed data of a mentorship's trainee, by what it says it rests on."""

    position: int
    recorded_at: datetime
    purpose: str | None
    legal_basis: str
    consent_version: int | None
    consent_as_of: int | None


def faults_of(disclosed: Iterable[Disclosed], facts: Sequence[StoredFact], zone: ZoneInfo) -> Iterator[tuple[str, int]]:
    """The entries that do not stand, each by a code and its position.

    `shown-without-consent`: none was in force, as the entry itself says. `shown-on-wrong-consent`: what it names was not in force by what
    was recorded up to `consent_as_of`. `zone` is the organisation's, whose days consents count in.
    """
    for one in disclosed:
        if one.purpose is None:
            continue
        if one.consent_version is None:
            yield "shown-without-consent", one.position
            continue
        known = [fact for fact in facts if fact.position <= (one.consent_as_of or 0)]
        looked_in = max((fact.version for fact in known), default=0) + 1
        look = ActDone(
            looked_in,
            (one.purpose, CATEGORY, RECIPIENT),
            one.recorded_at.astimezone(zone).date(),
            one.recorded_at,
            one.consent_version,
        )
        if judge(look, decisions_of(known), overrides_of(known)).is_gap:
            yield "shown-on-wrong-consent", one.position
