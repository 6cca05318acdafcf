"""A mentorship as plain dicts: what a careful person with a notebook would expect. Written without looking at how domain/ does it.

Days count from the start. An hour is None where nobody knows it. `broken_by_…` answers the codes of all rules that a command would break.
"""

from typing import Any

type When = tuple[int, int | None]

PERMITTING = ("given", "renewed")
UNDECIDED = ("requested", "deferred")


class Notebook:
    def __init__(self) -> None:
        self.version = 1
        self.consents: dict[str, list[dict[str, Any]]] = {}
        self.overrides: list[dict[str, Any]] = []
        self.closed: int | None = None
        self.paused: int | None = None
        self.mentors: list[tuple[int, str]] = [(0, "first")]
        self.sessions: dict[int, int] = {}
        self.outcomes: dict[int, int] = {}
        self.goals: dict[int, dict[str, Any]] = {}
        self.appointments: dict[int, dict[str, Any]] = {}
        self.paths: dict[int, dict[str, Any]] = {}
        self.entries: dict[int, dict[str, Any]] = {}
        self.retracted: set[int] = set()

    # Consent

    def stands(self, purpose: str, when: When) -> dict[str, Any] | None:
        """Sorted by day, and within a day by the hour that each is known to come after."""
        hours: dict[int, int] = {}
        known = []
        for decision in self.consents.get(purpose, []):
            if not before(decision["when"], when):
                continue
            day, hour = decision["when"]
            if hour is None:
                hour = hours.get(day, -1)
            hours[day] = max(hour, hours.get(day, -1))
            known.append((day, hour, decision["version"], decision))
        known.sort(key=lambda one: one[:3])
        decided = [one[3] for one in known if one[3]["state"] not in UNDECIDED]
        asked = [one[3] for one in known]
        return (decided or asked)[-1] if asked else None

    def relied_on(self, purpose: str, when: When) -> int | None:
        return self.consented(purpose, when) or self.overridden(purpose, when)

    def consented(self, purpose: str, when: When) -> int | None:
        stood = self.stands(purpose, when)
        if stood is None or stood["state"] not in PERMITTING:
            return None
        if stood["from"] is not None and when[0] < stood["from"]:
            return None
        if stood["until"] is not None and when[0] > stood["until"]:
            return None
        return int(stood["version"])

    def without_consent(self, purpose: str, when: When) -> set[str]:
        return set() if self.relied_on(purpose, when) else {"consent-missing"}

    # Overrides

    def overridden(self, purpose: str, when: When) -> int | None:
        open_to_it = [
            one["version"]
            for one in self.overrides
            if one["purpose"] == purpose and one["upheld"] in (None, True)
            if before(one["since"], when) and before(when, one["until"])
        ]
        return max(open_to_it, default=None)

    def broken_by_override(self, day: int, hours: int) -> set[str]:
        return self.outside(day) | (set() if 0 < hours <= 72 else {"override-too-long"})

    def broken_by_review(self, version: int, by: str) -> set[str]:
        found = [one for one in self.overrides if one["version"] == version]
        if not found:
            return {"override-not-found"}
        broken = {"own-override"} if found[0]["by"] == by else set()
        return broken if found[0]["upheld"] is None else broken | {"override-reviewed-already"}

    def broken_by_decision(
        self, purpose: str, state: str, when: When, since: int | None, until: int | None
    ) -> set[str]:
        broken = set()
        if state == "expired":
            broken.add("expiry-not-decided")
        if until is not None and until < (when[0] if since is None else since):
            broken.add("validity-ends-too-early")
        ever = [
            one for one in self.consents.get(purpose, []) if one["state"] in PERMITTING and before(one["when"], when)
        ]
        stood = self.stands(purpose, when)
        if state == "renewed" and (stood is None or stood["state"] not in PERMITTING):
            broken.add("nothing-to-renew")
        if state == "withdrawn" and not ever:
            broken.add("nothing-to-withdraw")
        if state in ("invalidated", "superseded") and not ever:
            broken.add("nothing-to-invalidate")
        return broken

    def decided(self, purpose: str, state: str, when: When, since: int | None, until: int | None) -> None:
        if state == "invalidated":
            for one in self.consents[purpose]:
                if one["state"] in PERMITTING and before(one["when"], when):
                    one["state"] = "invalidated"
        self.consents.setdefault(purpose, []).append(
            {"version": self.version + 1, "state": state, "when": when, "from": since, "until": until}
        )

    # When

    def outside(self, day: int) -> set[str]:
        if day < 0:
            return {"before-start"}
        return {"after-close"} if self.closed is not None and day > self.closed else set()

    def shut(self) -> set[str]:
        return {"already-closed"} if self.closed is not None else set()

    def mentor_on(self, day: int) -> str:
        return [name for since, name in self.mentors if since <= day][-1]

    # Goals

    def broken_by_goal(self, goal: int, day: int) -> set[str]:
        if goal not in self.goals:
            return {"goal-not-found"}
        broken = self.outside(day)
        if self.goals[goal]["end"]:
            broken.add("goal-ended")
        if day < self.goals[goal]["set"]:
            broken.add("before-goal")
        return broken

    # Appointments

    def broken_by_appointment(self, appointment: int) -> set[str]:
        if appointment not in self.appointments:
            return {"appointment-not-found"}
        kept = self.appointments[appointment]
        broken = {"appointment-cancelled"} if kept["cancelled"] else set()
        if kept["concluded"]:
            broken.add("accompaniment-already-recorded")
        return broken

    def broken_by_change(self, appointment: int, when: When) -> set[str]:
        broken = self.broken_by_appointment(appointment) | self.without_consent("mentoring", when)
        return broken | ({"before-start"} if when[0] < 0 else set())

    def broken_by_conclusion(self, appointment: int, day: int, deadline: int | None) -> set[str]:
        broken = self.broken_by_appointment(appointment) | self.outside(day)
        if appointment in self.appointments and day < self.appointments[appointment]["day"]:
            broken.add("before-appointment")
        if deadline is not None and deadline < day:
            broken.add("deadline-too-early")
        return broken

    def step_open(self, appointment: int) -> bool:
        kept = self.appointments[appointment]
        return not kept["done"] and (kept["step"] or kept["deadline"] is not None)

    # Corrections

    def moved(self, version: int, day: int) -> set[str]:
        """What else the order of things says of an entry that is moved to another day."""
        about = self.entries[version]["of"]
        later = [self.entries[one]["day"] for one in self.resting_on(version)]
        broken = {"before-goal"} if self.entries[version]["kind"] == "goal" and later and min(later) < day else set()
        if self.entries[version]["kind"] in ("revision", "end") and day < self.entries[about]["day"]:
            broken.add("before-goal")
        if self.entries[version]["kind"] == "conclusion":
            [planned] = [kept["day"] for kept in self.appointments.values() if kept["by"] == about]
            broken |= {"before-appointment"} if day < planned else set()
        return broken

    def resting_on(self, version: int) -> list[int]:
        return [
            one
            for one, entry in self.entries.items()
            if version in (entry["of"], entry["session"]) and one not in self.retracted
        ]

    def retract(self, version: int) -> None:
        self.retracted.add(version)
        for kept in (self.sessions, self.outcomes):
            for key in [key for key, by in kept.items() if by == version]:
                del kept[key]
        for things in (self.goals, self.appointments, self.paths):
            for key in [key for key, thing in things.items() if thing["by"] == version]:
                del things[key]
        for goal in self.goals.values():
            if goal["end"] == version:
                goal["end"] = None
        for appointment in self.appointments.values():
            if appointment["concluded"] == version:
                appointment.update(concluded=None, step=False, deadline=None, done=False)
        for path in self.paths.values():
            if path["decided"] == version:
                path["decided"] = None


def before(one: When, other: When) -> bool:
    if one[0] != other[0] or one[1] is None or other[1] is None:
        return one[0] <= other[0]
    return one[1] <= other[1]
