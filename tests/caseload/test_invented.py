"""The demo's caseload keeps every rule of the record, and shows each caseworker what a dashboard is for."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from adapters.caseload.columns import RESOURCES
from adapters.caseload.invented import STAGES, write_invented_caseload
from adapters.caseload.reading import read_folder
from adapters.caseload.rows import Row

BERLIN = ZoneInfo("Europe/Berlin")
DAYS = [date(2025, 3, 1), date(2026, 1, 1), date(2026, 11, 23), date(2024, 2, 29), date(2026, 6, 7)]
Values = Mapping[str, Any]


class Told:
    """An invented caseload as the reader finds it."""

    def __init__(self, folder: Path, today: date, seed: int = 7) -> None:
        write_invented_caseload(folder, today=today, seed=seed)
        self.today = today
        self.tables = read_folder(folder, zone=BERLIN)
        self.rows: dict[str, list[Values]] = {
            table.resource.name: [row.values for row in table.rows if isinstance(row, Row)] for table in self.tables
        }
        self.mentorships = {row["mentorship_id"]: row for row in self.rows["mentorships"]}

    def in_force(self, mentorship: str, purpose: str, day: date) -> bool:
        state = False
        for row in self.rows["consents"]:
            if (row["mentorship_id"], row["purpose"]) == (mentorship, purpose) and row["decided_on"] <= day:
                state = row["decision"] == "given" and (row["valid_until"] is None or day < row["valid_until"])
        return state

    def last_day(self, mentorship: str) -> date:
        ended: date | None = self.mentorships[mentorship]["ended_on"]
        return ended or self.today


@pytest.fixture(scope="module", params=DAYS, ids=str)
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Told:
    return Told(tmp_path_factory.mktemp("invented"), request.param)


def test_every_row_of_the_eight_files_is_taken(told: Told) -> None:
    assert [table.resource for table in told.tables] == list(RESOURCES)
    for table in told.tables:
        assert table.unread is None
        assert not table.ignored
        assert all(isinstance(row, Row) for row in table.rows)
    counted = {name: len(rows) for name, rows in told.rows.items()}
    assert (counted["people"], counted["mentorships"]) == (100, 70)
    assert counted["sessions"] > 500
    assert counted["appointments"] > 200


def test_the_same_day_and_seed_give_the_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("one", 7), ("two", 7), ("other", 8)):
        write_invented_caseload(tmp_path / name, today=DAYS[0], seed=seed)
    files = [f"{resource.name}.csv" for resource in RESOURCES]
    one, two, other = ([(tmp_path / name / file).read_bytes() for file in files] for name in ("one", "two", "other"))
    assert one == two
    assert one != other


@pytest.mark.parametrize(("trainees", "mentors", "mentorships"), [(1, 1, 2), (5, 3, 10), (120, 60, 240), (300, 40, 30)])
def test_a_charity_may_be_smaller_or_larger(tmp_path: Path, trainees: int, mentors: int, mentorships: int) -> None:
    write_invented_caseload(
        tmp_path, today=DAYS[1], trainees=trainees, mentors=mentors, mentorships=mentorships, seed=trainees
    )
    assert all(isinstance(row, Row) for table in read_folder(tmp_path, zone=BERLIN) for row in table.rows)


def test_rows_refer_to_rows_that_are_there_and_ids_are_given_once(told: Told) -> None:
    people = {row["person_id"]: row["role"] for row in told.rows["people"]}
    for row in told.rows["mentorships"]:
        assert people[row["trainee_id"]] == "trainee"
        assert people[row["mentor_id"]] in ("mentor", "both")
    for resource in RESOURCES[2:]:
        assert all(row["mentorship_id"] in told.mentorships for row in told.rows[resource.name])
    for resource in RESOURCES:
        keys = [tuple(row[name] for name in resource.key) for row in told.rows[resource.name]]
        assert len(keys) == len(set(keys))


def test_a_trainee_has_one_mentorship_at_a_time(told: Told) -> None:
    of_trainee: defaultdict[str, list[Values]] = defaultdict(list)
    for row in told.rows["mentorships"]:
        of_trainee[row["trainee_id"]].append(row)
    assert sum(len(rows) == 2 for rows in of_trainee.values()) == 10
    for first, *rest in of_trainee.values():
        assert all(first["ended_on"] is not None and first["ended_on"] < later["started_on"] for later in rest)


def test_only_bookings_and_deadlines_lie_ahead(told: Told) -> None:
    may_lie_ahead = {"starts_at", "deadline", "target_on", "valid_until"}
    for rows in told.rows.values():
        for row in rows:
            days = {name: value for name, value in row.items() if isinstance(value, date) and name not in may_lie_ahead}
            assert all(day <= told.today for day in days.values())
    for row in told.rows["appointments"]:
        if row["starts_at"].date() >= told.today:
            assert (row["accompanied_by"], row["outcome"], row["deadline"]) == (None, None, None)


def test_sessions_goals_and_appointments_lie_between_start_and_end(told: Told) -> None:
    for name, columns in {
        "sessions": ["held_on"],
        "goals": ["set_on", "status_on"],
        "appointments": ["starts_at"],
    }.items():
        for row in told.rows[name]:
            mentorship = told.mentorships[row["mentorship_id"]]
            for told_at in filter(None, (row[column] for column in columns)):
                day = told_at.date() if isinstance(told_at, datetime) else told_at
                assert mentorship["started_on"] <= day
                assert mentorship["ended_on"] is None or day <= mentorship["ended_on"]


def test_everything_rests_on_a_consent_in_force(told: Told) -> None:
    resting = [
        *((row, "mentoring", row["held_on"]) for row in told.rows["sessions"]),
        *((row, "mentoring", row["set_on"]) for row in told.rows["goals"]),
        *((row, "mentoring", row["status_on"]) for row in told.rows["goals"] if row["status_on"]),
        *((row, "mentoring", row["on"]) for row in told.rows["outcomes"]),
        *((row, "mentoring", row["starts_at"].date()) for row in told.rows["appointments"]),
        *(
            (row, "accompaniment", row["starts_at"].date())
            for row in told.rows["appointments"]
            if row["accompanied_by"]
        ),
        *((row, "credential-recognition", row["on"]) for row in told.rows["credential_steps"]),
    ]
    for row, purpose, day in resting:
        assert told.in_force(row["mentorship_id"], purpose, day)


def test_a_goal_is_revised_on_the_day_of_a_session(told: Told) -> None:
    held = {(row["mentorship_id"], row["held_on"]) for row in told.rows["sessions"]}
    revised = [row for row in told.rows["goals"] if row["status"] == "revised"]
    assert revised
    assert all((row["mentorship_id"], row["status_on"]) in held for row in revised)


def test_credential_steps_follow_the_template_and_some_are_decided(told: Told) -> None:
    paths: defaultdict[str, list[Values]] = defaultdict(list)
    for row in told.rows["credential_steps"]:
        paths[row["credential_id"]].append(row)
    for steps in paths.values():
        assert tuple(step["stage"] for step in steps) == STAGES[: len(steps)]
        assert [step["on"] for step in steps] == sorted(step["on"] for step in steps)
        assert all((step["result"] is not None) == (step["stage"] == "decision") for step in steps)
    assert any(steps[-1]["result"] for steps in paths.values())


def test_each_caseworker_has_something_on_every_part_of_the_dashboard(told: Told) -> None:
    today, seen = told.today, Counter[tuple[str, str]]()
    contact: dict[str, date] = {}
    for row in told.rows["sessions"]:
        contact[row["mentorship_id"]] = max(contact.get(row["mentorship_id"], date.min), row["held_on"])
    for row in told.rows["appointments"]:
        caseworker, day = told.mentorships[row["mentorship_id"]]["caseworker"], row["starts_at"].date()
        if row["accompanied_by"]:
            contact[row["mentorship_id"]] = max(contact[row["mentorship_id"]], day)
        seen[caseworker, "today"] += day == today
        seen[caseworker, "this week"] += today < day <= today + timedelta(days=7)
        seen[caseworker, "near deadline"] += row["deadline"] is not None and row["deadline"] >= today
        seen[caseworker, "overdue"] += row["deadline"] is not None and row["deadline"] < today
    for row in told.rows["consents"]:
        caseworker = told.mentorships[row["mentorship_id"]]["caseworker"]
        until = row["valid_until"]
        seen[caseworker, "runs out"] += until is not None and today < until <= today + timedelta(days=30)
        seen[caseworker, row["decision"]] += 1
    for row in told.rows["mentorships"]:
        quiet = row["ended_on"] is None and contact[row["mentorship_id"]] < today - timedelta(days=30)
        seen[row["caseworker"], "quiet"] += quiet
    caseworkers = {row["caseworker"] for row in told.rows["mentorships"]}
    assert caseworkers == {f"cw{number:02}" for number in range(1, 7)}
    for part in ("today", "this week", "near deadline", "overdue", "runs out", "refused", "withdrawn", "quiet"):
        assert all(seen[caseworker, part] for caseworker in caseworkers), part
    assert sum(seen[caseworker, "quiet"] for caseworker in caseworkers) == 6
    assert sum(seen[caseworker, "today"] for caseworker in caseworkers) >= 6


def test_people_have_names_of_their_own_in_their_own_scripts(told: Told) -> None:
    names = [row["full_name"] for row in told.rows["people"]]
    assert len(names) == len(set(names))
    for first, last in (("\u0621", "\u06cc"), ("\u0400", "\u04ff"), ("\u1200", "\u137f"), ("A", "z")):
        assert any(first <= name[0] <= last for name in names)
