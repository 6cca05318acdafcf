"""The demo's caseload: an invented charity over four quarters, in the same eight files that charities hand over.

Every row keeps the rules of the record. Each caseworker gets what a dashboard is for: appointments today, this week and
later, deadlines near and overdue, consents that run out, are withdrawn or were refused, and a case that went quiet.
"""

import csv
import random
import tomllib
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import Enum, auto
from itertools import count
from pathlib import Path
from typing import Any

from adapters.caseload.columns import RESOURCES

STAGES = ("counselling", "papers-collected", "application-filed", "receipt", "assessment", "decision")
type Cells = dict[str, object]


class Story(Enum):
    """What one mentorship is there to show."""

    ENDED = auto()
    RUNNING = auto()
    RUNNING_OUT = auto()
    QUIET = auto()
    WITHDRAWN = auto()
    REFUSED = auto()


# Dealt to each caseworker's open cases in turn; the cases after these go on as usual.
_DEALT = (Story.RUNNING, Story.RUNNING_OUT, Story.QUIET, Story.WITHDRAWN, Story.RUNNING, Story.REFUSED)
# By purpose: how often of a hundred a trainee agrees. Nobody is mentored without agreeing to it.
_AGREED = {
    "mentoring": 100,
    "accompaniment": 100,
    "credential-recognition": 70,
    "funder-reporting": 85,
    "sharing-with-employer": 50,
    "story-publication": 15,
}


@dataclass
class _Case:
    """One mentorship while it is told. Nothing but bookings and follow-ups lies after `last`."""

    id: str
    trainee: Cells
    caseworker: str
    trade: dict[str, str]
    story: Story
    start: date
    end: date | None
    last: date
    # By purpose: the day a consent was given and the day from which it is no longer in force.
    consents: dict[str, tuple[date, date]] = field(default_factory=dict)
    sessions: list[date] = field(default_factory=list)

    def covered(self, purpose: str, day: date) -> bool:
        given, over = self.consents.get(purpose, (date.max, date.max))
        return given <= day < over


def write_invented_caseload(
    folder: Path, *, today: date, seed: int = 7, trainees: int = 60, mentors: int = 40, mentorships: int = 70
) -> None:
    """Writes the eight files into `folder`, which is made if it is not there: UTF-8, commas, ISO dates, local times.

    The same day, seed and numbers give the same bytes. Only bookings and deadlines lie after `today`. There are at most
    two mentorships for each trainee, one after the other; ValueError otherwise.
    """
    if not 0 < mentorships <= 2 * trainees or mentors < 1:
        raise ValueError("each trainee has at most two mentorships, and a mentor in each")
    rows = _Invention(today, seed).caseload(trainees, mentors, mentorships)
    folder.mkdir(parents=True, exist_ok=True)
    for resource in RESOURCES:
        with (folder / f"{resource.name}.csv").open("w", encoding="utf-8", newline="") as file:
            out = csv.DictWriter(file, [column.name for column in resource.columns], restval="", lineterminator="\n")
            out.writeheader()
            out.writerows(rows[resource.name])


class _Invention:
    def __init__(self, today: date, seed: int) -> None:
        self.today = today
        # Invented people need the same dice every time, not secret ones.
        self.dice = random.Random(seed)  # noqa: S311
        self.lists: dict[str, Any] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
        self.rows: dict[str, list[Cells]] = {resource.name: [] for resource in RESOURCES}
        self.numbers = {letter: count(1) for letter in "AGC"}
        self.open_cases = Counter[str]()
        self.today_at = Counter[str]()

    def caseload(self, trainees: int, mentors: int, mentorships: int) -> dict[str, list[Cells]]:
        origins = [origin for origin in self.lists["origins"] for _ in range(origin["share"])]
        for number in range(trainees):
            self._person(f"T{number + 1:03}", "trainee", origins[number * 7 % len(origins)], number)
        for number in range(mentors):
            self._person(f"M{number + 1:03}", "both" if number % 20 == 9 else "mentor", self.lists["mentors"], number)
        for number in range(mentorships):
            case = self._begin(number, trainees, mentors, again=number < mentorships - trainees)
            for tell in (self._consents, self._sessions, self._goals, self._accompanied, self._booked):
                tell(case)
            self._credential(case)
            self._outcomes(case)
        return self.rows

    def _person(self, person_id: str, role: str, origin: dict[str, Any], number: int) -> None:
        dice, guided = self.dice, role == "trainee"
        gender = dice.choice(("female", "male"))
        taken = {person["full_name"] for person in self.rows["people"]}
        names = [f"{given} {family}" for given in origin[gender] for family in origin["family"]]
        german = dice.choice((":A1", ":A2", ":B1", ":B1", ":B2", ":C1"))
        spoken = f"{origin['language']};de{german}" if guided else f"de:C2;en{german}"
        born = self.today - timedelta(
            days=dice.randint(19 * 366, 48 * 366) if guided else dice.randint(30 * 366, 70 * 366)
        )
        self.rows["people"].append(
            {
                "person_id": person_id,
                "role": role,
                "full_name": dice.choice([name for name in names if name not in taken] or names),
                "born_on": born if guided and dice.random() < 0.9 else "",
                "gender": gender,
                "languages": spoken,
                "origin_country": origin["country"],
                "occupation_isco": self.lists["trades"][number % len(self.lists["trades"])]["isco"],
                # Numbers that the Bundesnetzagentur keeps for films and novels.
                "phone": f"+49 30 23125 {len(taken) % 1000:03}" if guided or dice.random() < 0.3 else "",
                "email": f"{person_id.lower()}@example.org" if dice.random() < 0.85 else "",
                "care_duties": dice.choice(("yes", "no", "")) if guided else "",
                "note": dice.choice(self.lists["texts"]["notes"]) if guided and dice.random() < 0.2 else "",
            }
        )

    def _begin(self, number: int, trainees: int, mentors: int, *, again: bool) -> _Case:
        """The mentorship's row. Where the trainee comes `again`, it ended long enough ago for a second to follow."""
        dice, today = self.dice, self.today
        trade = self.lists["trades"][number % trainees % len(self.lists["trades"])]
        caseworker = self.lists["caseworkers"][number % len(self.lists["caseworkers"])]
        story, end, reason = Story.ENDED, None, ""
        if number < trainees and (again or number % 5 == 4):
            start = today - timedelta(days=dice.randint(280, 364))
            end = start + timedelta(days=dice.randint(60, 130 if again else 230))
            reason = dice.choice(
                ("goals-reached", "goals-reached", "employed", "employed", "moved-away", "mentor-left")
            )
        else:
            story = (_DEALT + (Story.RUNNING,) * number)[self.open_cases[caseworker]]
            self.open_cases[caseworker] += 1
            # Consents of those that run out hold for a year from the start, all others for two.
            ago = dice.randint(340, 362) if story is Story.RUNNING_OUT else dice.randint(100, 300)
            start = today - timedelta(days=dice.randint(60, 130) if number >= trainees else ago)
        quiet = timedelta(days=dice.randint(33, 40) if story is Story.QUIET else 1)
        row: Cells = {
            "mentorship_id": f"MS{number + 1:03}",
            "trainee_id": f"T{number % trainees + 1:03}",
            "mentor_id": f"M{number % mentors + 1:03}",
            "track": trade["track"],
            "started_on": start,
            "ended_on": end or "",
            "end_reason": reason,
            "caseworker": caseworker,
        }
        self.rows["mentorships"].append(row)
        trainee = self.rows["people"][number % trainees]
        return _Case(str(row["mentorship_id"]), trainee, caseworker, trade, story, start, end, end or today - quiet)

    def _consents(self, case: _Case) -> None:
        dice = self.dice
        years = 1 if case.story is Story.RUNNING_OUT else 2
        for purpose, agreed in _AGREED.items():
            refused = case.story is Story.REFUSED and purpose in ("accompaniment", "credential-recognition")
            if refused or dice.randint(1, 100) > agreed:
                self._decision(case, purpose, "refused", case.start)
                continue
            over = case.start + timedelta(days=365 * years)
            self._decision(case, purpose, "given", case.start, over)
            if case.story is Story.WITHDRAWN and purpose in ("accompaniment", "funder-reporting"):
                over = self.today - timedelta(days=dice.randint(5, 40))
                self._decision(case, purpose, "withdrawn", over)
            case.consents[purpose] = (case.start, over)

    def _decision(self, case: _Case, purpose: str, decision: str, day: date, until: date | None = None) -> None:
        method = self.dice.choice(("signature", "signature", "digital", "witnessed-oral"))
        self.rows["consents"].append(
            {
                "mentorship_id": case.id,
                "party": "trainee",
                "purpose": purpose,
                "decision": decision,
                "decided_on": day,
                "notice_version": "2025-1",
                "language": str(case.trainee["languages"]).partition(";")[0],
                "method": method,
                "interpreter": self.dice.choice(("professional", "professional", "community", "none")),
                "witness": case.caseworker if method == "witnessed-oral" else "",
                "valid_until": until or "",
            }
        )

    def _sessions(self, case: _Case) -> None:
        dice, day = self.dice, case.start + timedelta(days=self.dice.randint(2, 9))
        while day <= case.last:
            case.sessions.append(day)
            day += timedelta(days=dice.randint(7, 21))
        # The last contact is recent, or, of a quiet case, on its last day.
        latest = case.last if case.story is Story.QUIET else case.last - timedelta(days=dice.randint(0, 8))
        if case.sessions[-1] < latest:
            case.sessions.append(latest)
        for held in case.sessions:
            self.rows["sessions"].append(
                {
                    "mentorship_id": case.id,
                    "held_on": held,
                    "minutes": dice.choice((30, 45, 60, 60, 90, 120)),
                    "medium": dice.choice(("in-person", "in-person", "phone", "video", "messages")),
                    "trainee_rating": dice.choice((3, 4, 4, 5, 5, "")),
                    "mentor_rating": dice.choice((3, 4, 4, 5, 5, "")),
                    "summary": dice.choice(self.lists["texts"]["sessions"]).format(**case.trade),
                }
            )

    def _goals(self, case: _Case) -> None:
        dice = self.dice
        for goal in dice.sample(self.lists["goals"], dice.randint(1, 3)):
            set_on = min(case.last, case.start + timedelta(days=dice.randint(1, 35)))
            status = dice.choice(("open", "open", "reached", "reached", "revised", "dropped"))
            # A goal is revised in a session; everything else is noted when it is found.
            days = [held for held in case.sessions if held > set_on + timedelta(days=10)]
            if not days:
                status = "open"
            self.rows["goals"].append(
                {
                    "mentorship_id": case.id,
                    "goal_id": f"G{next(self.numbers['G']):04}",
                    "set_on": set_on,
                    "kind": goal["kind"],
                    "description": dice.choice(goal["descriptions"]).format(**case.trade),
                    "target_on": set_on + timedelta(days=dice.randint(60, 300)),
                    "status": status,
                    "status_on": "" if status == "open" else dice.choice(days),
                }
            )

    def _accompanied(self, case: _Case) -> None:
        """Appointments that are over: accompanied where the trainee wished it, otherwise only booked."""
        dice, today = self.dice, self.today
        span = (case.last - case.start).days
        days = {case.start + timedelta(days=dice.randint(5, span)) for _ in range(span // 28)}
        old = sorted(day for day in map(_workday_before, days) if day < today - timedelta(days=30))
        for day in old if case.story is not Story.REFUSED else old[:1]:
            self._appointment(case, day)
        if case.story is Story.RUNNING:
            met = _workday_before(today - timedelta(days=dice.randint(2, 12)))
            self._appointment(case, met, deadline=today + timedelta(days=dice.randint(0, 12)))
        if case.story is Story.RUNNING_OUT:
            met = _workday_before(today - timedelta(days=dice.randint(16, 26)))
            self._appointment(case, met, deadline=today - timedelta(days=dice.randint(1, 9)))

    def _booked(self, case: _Case) -> None:
        """Appointments that are still to come: today, in the days after, and in the weeks after that."""
        dice, today = self.dice, self.today
        if case.story in (Story.ENDED, Story.QUIET):
            return
        days = [_workday_after(today + timedelta(days=dice.randint(1, 4)))]
        if case.story is Story.RUNNING and (not self.today_at[case.caseworker] or dice.random() < 0.3):
            days.append(today)
        if case.story is not Story.RUNNING_OUT and dice.random() < 0.6:
            days.append(_workday_after(today + timedelta(days=dice.randint(7, 26))))
        for day in sorted(days):
            if case.covered("mentoring", day):
                self._appointment(case, day)

    def _appointment(self, case: _Case, day: date, *, deadline: date | None = None) -> None:
        dice = self.dice
        office = dice.choice(self.lists["offices"])
        clock = f"{dice.randint(8, 15):02}:{dice.choice(('00', '15', '30', '45'))}"
        if day == self.today:
            clock = ("08:30", "10:15", "13:00", "14:45")[self.today_at[case.caseworker] % 4]
            self.today_at[case.caseworker] += 1
        row: Cells = {
            "appointment_id": f"A{next(self.numbers['A']):04}",
            "mentorship_id": case.id,
            "type": office["type"],
            "office": dice.choice(office["names"]),
            "starts_at": f"{day} {clock}",
        }
        if day < self.today and case.covered("accompaniment", day):
            result = dice.choices(self.lists["results"], [one["share"] for one in self.lists["results"]])[0]
            row |= {
                "accompanied_by": case.caseworker,
                "outcome": result["outcome"],
                "agreed": dice.choice(result["agreed"]),
                "next_step": dice.choice(result["next_step"]) if deadline else "",
                "deadline": deadline or "",
            }
        self.rows["appointments"].append(row)

    def _credential(self, case: _Case) -> None:
        dice, day = self.dice, case.start + timedelta(days=self.dice.randint(5, 25))
        number = next(self.numbers["C"])
        for stage in STAGES:
            if day > case.last or not case.covered("credential-recognition", day):
                return
            self.rows["credential_steps"].append(
                {
                    "credential_id": f"C{number:03}",
                    "mentorship_id": case.id,
                    "country": "DEU",
                    "profession": case.trade["track"],
                    "stage": stage,
                    "on": day,
                    "result": dice.choice(("full", "full", "partial", "none")) if stage == "decision" else "",
                    "authority": case.trade["authority"],
                    "reference": f"AZ-{number:03}-{dice.randint(1000, 9999)}",
                }
            )
            day += timedelta(days=dice.randint(12, 45))

    def _outcomes(self, case: _Case) -> None:
        dice = self.dice
        for days in (30, 90, 180) if case.end else ():
            found = case.last + timedelta(days=days)
            if found >= self.today:
                return
            status = dice.choice(("employed", "employed", "apprenticeship", "studying", "unemployed", "unknown"))
            paid = status in ("employed", "apprenticeship")
            self.rows["outcomes"].append(
                {
                    "mentorship_id": case.id,
                    "on": found,
                    "status": status,
                    "hours_per_week": dice.choice(("20", "30", "38.5", "40")) if paid else "",
                    "hourly_wage": f"{dice.randint(1300, 2400) / 100:.2f}" if paid else "",
                    "currency": "EUR" if paid else "",
                    "verified": "no" if status == "unknown" else dice.choice(("yes", "no")),
                }
            )


def _workday_before(day: date) -> date:
    return day - timedelta(days=max(0, day.weekday() - 4))


def _workday_after(day: date) -> date:
    return day + timedelta(days=(7 - day.weekday()) % 7 if day.weekday() > 4 else 0)
