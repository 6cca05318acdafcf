"""The shared caseload, counted as known at a position, beside plain SQL over its files."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from uuid import UUID

import pytest

from adapters.postgres.known_at import PositionAhead, last_position, lives_at
from adapters.postgres.runner import Runner
from adapters.wiring import Installation
from domain.vocabulary import Medium
from projections.indicators.catalogue import CATALOGUE
from projections.indicators.counting import Counted, count
from projections.indicators.life import Question
from tests.domain.scenario import MENTORING_CONSENTED, TRAINEE, case_of, held, history, on
from tests.installations import caller, imported, opened, organisation
from tests.postgres.recording import Recording
from tests.postgres.test_caseload_views import refused, rows_of
from tests.shared_data import shared_data

pytestmark = pytest.mark.anyio

SINCE, UNTIL, ASKED = date(2025, 7, 1), date(2025, 12, 31), date(2026, 1, 15)

# Consents are the trainee's word: the last one on funder reporting, over all of their mentorships.
COUNTED = """
    CREATE VIEW counted AS
    SELECT trainee_id FROM (
        SELECT m.trainee_id, c.decision, c.valid_until,
            row_number() OVER (PARTITION BY m.trainee_id ORDER BY c.decided_on DESC, c.place DESC) AS back
        FROM consents c JOIN mentorships m USING (mentorship_id)
        WHERE c.purpose = 'funder-reporting'
    )
    WHERE back = 1 AND decision IN ('given', 'renewed') AND (valid_until = '' OR valid_until >= :asked)
"""
TOUCHED = """
    CREATE VIEW served AS
    SELECT DISTINCT m.trainee_id FROM mentorships m JOIN (
        SELECT mentorship_id, held_on AS day FROM sessions
        UNION ALL
        SELECT mentorship_id, day FROM appointments WHERE outcome NOT IN ('', 'no-show-trainee', 'no-show-companion')
    ) USING (mentorship_id)
    WHERE day BETWEEN :since AND :until
"""
QUESTIONS = {
    "served@1": "SELECT count(*) FROM served JOIN counted USING (trainee_id)",
    "left-out": "SELECT count(*) FROM served WHERE trainee_id NOT IN (SELECT trainee_id FROM counted)",
    "served@1/standing=new": """
        SELECT count(*) FROM served JOIN counted USING (trainee_id)
        WHERE (SELECT min(started_on) FROM mentorships m WHERE m.trainee_id = served.trainee_id) >= :since
    """,
    "served@1/gender=female": """
        SELECT count(*) FROM served JOIN counted USING (trainee_id)
        JOIN people p ON p.person_id = trainee_id WHERE p.gender = 'female'
    """,
    "served@1/age=25-34": """
        SELECT count(*) FROM served JOIN counted USING (trainee_id) JOIN people p ON p.person_id = trainee_id
        WHERE born_on <> '' AND CAST(strftime('%Y', :until) AS INTEGER) - CAST(substr(born_on, 1, 4) AS INTEGER)
            - (substr(:until, 6) < substr(born_on, 6)) BETWEEN 25 AND 34
    """,
    "left@1": """
        SELECT count(*) FROM (
            SELECT trainee_id, max(ended_on) AS last FROM mentorships JOIN counted USING (trainee_id)
            GROUP BY trainee_id HAVING min(ended_on) <> '' AND max(ended_on) BETWEEN :since AND :until
        )
    """,
    "sessions@1": """
        SELECT count(*) FROM sessions JOIN mentorships USING (mentorship_id) JOIN counted USING (trainee_id)
        WHERE held_on BETWEEN :since AND :until
    """,
    "session-time@1": """
        SELECT sum(minutes) FROM sessions JOIN mentorships USING (mentorship_id) JOIN counted USING (trainee_id)
        WHERE held_on BETWEEN :since AND :until
    """,
    "accompaniments@1": """
        SELECT count(*) FROM appointments JOIN mentorships USING (mentorship_id) JOIN counted USING (trainee_id)
        WHERE accompanied_by <> '' AND outcome <> '' AND day BETWEEN :since AND :until
    """,
    "recognition-applied@1": """
        SELECT count(*) FROM (
            SELECT DISTINCT trainee_id FROM (
                SELECT trainee_id, credential_id, min("on") AS first
                FROM credential_steps JOIN mentorships USING (mentorship_id) JOIN counted USING (trainee_id)
                WHERE stage = 'application-filed' GROUP BY trainee_id, credential_id
            ) WHERE first BETWEEN :since AND :until
        )
    """,
    "in-work-90@1/found=lost-to-follow-up": """
        SELECT count(*) FROM (
            SELECT trainee_id, date(max(ended_on), '+90 days') AS due FROM mentorships JOIN counted USING (trainee_id)
            GROUP BY trainee_id HAVING min(ended_on) <> ''
        ) l
        WHERE date(due, '+45 days') BETWEEN :since AND :until AND NOT EXISTS (
            SELECT 1 FROM outcomes o JOIN mentorships m USING (mentorship_id)
            WHERE m.trainee_id = l.trainee_id AND o."on" BETWEEN date(due, '-45 days') AND date(due, '+45 days')
        )
    """,
}


async def asked(parts: Installation, organisation_id: UUID, question: Question) -> Counted:
    found = await lives_at(parts.dsn, parts.record, parts.accesses, caller(organisation_id), question)
    return count(CATALOGUE, found, question)


async def test_the_figures_are_those_of_plain_sql_over_the_files(database: str, tmp_path: Path) -> None:
    async with opened(tmp_path, database) as parts:
        organisation_id = await organisation(database)
        await imported(parts, organisation_id, shared_data("caseload"), tmp_path / "refusals")
        question = Question(SINCE, UNTIL, await last_position(database), ASKED)
        found = await asked(parts, organisation_id, question)
        again = await organisation(database, "Another organisation")
        elsewhere = await asked(parts, again, question)
        async with parts.pool.organisation(organisation_id) as connection:
            log = await connection.execute(
                "SELECT count(DISTINCT person_id) FROM accompany.access_log WHERE purpose = 'funder-reporting'"
            )
            looked_at = await log.fetchone()
    with files_in_sql(refused(tmp_path / "refusals")) as sql:
        values = {"since": str(SINCE), "until": str(UNTIL)}
        expected = {
            key: sql.execute(query, values if ":" in query else {}).fetchone()[0] for key, query in QUESTIONS.items()
        }
        counted = sql.execute("SELECT count(*) FROM counted JOIN people ON person_id = trainee_id").fetchone()
    assert looked_at == counted, (
        "whoever is counted can see that their details were read for it, and nobody else's were"
    )
    assert {key: found.tables.values[key] for key in QUESTIONS} == expected
    assert all(expected.values()), "a figure of nothing would compare with anything"
    assert not any(elsewhere.tables.values.values())


async def test_the_same_question_has_the_same_answer_after_more_was_told_and_after_a_rebuild(
    database: str, tmp_path: Path
) -> None:
    async with opened(tmp_path, database) as parts:
        recording = Recording(parts, caller(await organisation(database)))
        organisation_id = recording.by.organisation_id
        await recording.people()
        case = case_of(MENTORING_CONSENTED, held(on(5)))
        position = await recording.events(history(case))
        then = Question(on(0).on, on(200).on, position, on(30).on)
        first = await asked(parts, organisation_id, then)
        case.hold_session(TRAINEE.id, on(6), minutes=30, medium=Medium.PHONE)
        later = await recording.events(history(case)[-1:])
        await Runner(database).catch_up()
        await Runner(database).rebuild([])
        assert await asked(parts, organisation_id, then) == first
        assert (
            await asked(parts, organisation_id, Question(then.since, then.until, later, then.asked_on))
        ).tables.values["left-out"] == 1
        with pytest.raises(PositionAhead):
            await asked(parts, organisation_id, Question(then.since, then.until, later + 1, then.asked_on))


@contextmanager
def files_in_sql(taken_out: set[tuple[str, int]]) -> Iterator[sqlite3.Connection]:
    """The rows that the import took, one table for each file, days as YYYY-MM-DD."""
    sql = sqlite3.connect(":memory:")
    for name in ("people", "mentorships", "consents", "sessions", "appointments", "credential_steps", "outcomes"):
        rows = rows_of(f"{name}.csv", taken_out)
        for place, row in enumerate(rows):
            row["place"] = f"{place:06}"
            if "starts_at" in row:
                row["day"] = _plain(row["starts_at"])[:10]
        columns = ", ".join(f'"{column}"' for column in rows[0])
        sql.execute(f"CREATE TABLE {name} ({columns})")
        sql.executemany(
            f"INSERT INTO {name} VALUES ({', '.join('?' for _ in rows[0])})",  # noqa: S608 - the files' own columns
            [[_plain(value) for value in row.values()] for row in rows],
        )
    sql.execute(COUNTED.replace(":asked", f"'{ASKED}'"))
    sql.execute(TOUCHED.replace(":since", f"'{SINCE}'").replace(":until", f"'{UNTIL}'"))
    yield sql
    sql.close()


def _plain(value: str) -> str:
    day, rest = value[:10], value[10:]
    if len(day) == 10 and day[2] == day[5] == "." and day.replace(".", "").isdigit():
        return f"{day[6:]}-{day[3:5]}-{day[:2]}{rest}"
    return value
