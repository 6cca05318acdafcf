from typing import Any

import pytest

from projections.cases import CASES
from projections.goals import GOALS, Goal
from projections.projection import Rows, Table
from projections.registry import PROJECTIONS
from tests.domain.scenario import GOAL_SET, MENTORING_CONSENTED
from tests.projections.folding import folded, the_row

TABLES = [table for projection in PROJECTIONS for table in projection.tables]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_columns_and_fields_are_the_same_in_the_same_order(table: Table[Any]) -> None:
    columns = [line.split()[0] for line in table.columns.strip().splitlines()]
    assert columns == list(table.names)
    assert table.names[: len(table.key)] == table.key


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_row_belongs_to_one_stream_of_one_organisation(table: Table[Any]) -> None:
    assert table.key[0] == "organisation_id"
    assert table.key[1] in ("mentorship_id", "person_id", "report_id", "request_id")


def test_names_of_projections_and_tables_are_given_once() -> None:
    names = [projection.name for projection in PROJECTIONS]
    assert len(set(names)) == len(names)
    assert len({table.name for table in TABLES}) == len(TABLES)


def test_a_row_comes_back_from_plain_values_as_it_was() -> None:
    goal = the_row(GOALS, folded(PROJECTIONS[3], MENTORING_CONSENTED, GOAL_SET))
    plain = [str(value) if isinstance(value, str) else value for value in GOALS.values_of(goal)]
    assert GOALS.row_of(plain) == goal
    assert isinstance(GOALS.row_of(plain), Goal)


def test_a_copy_of_rows_is_folded_into_without_touching_them() -> None:
    rows = folded(PROJECTIONS[1])
    case = the_row(CASES, rows)
    other = rows.copy()
    other.delete(CASES, case)
    assert the_row(CASES, rows) == case
    assert list(other.deleted(CASES)) == [CASES.key_of(case)]
    assert list(Rows().deleted(CASES)) == []
