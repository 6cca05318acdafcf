"""The envelope of a stored row: the vectors in the documentation are what the program does."""

import json
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from audit.leaf import EVENTS, Value, entry, leaf, timestamp

PAGE = (Path(__file__).parents[2] / "docs" / "transparency-log.md").read_text(encoding="utf-8")
VECTORS: list[dict[str, Any]] = json.loads(re.findall(r"```json envelope-vectors\n(.*?)```", PAGE, re.DOTALL)[0])


def row_of(written: dict[str, Any]) -> dict[str, Value]:
    """The values of a row as the page writes them."""

    def value(kind: str, text: Any) -> Value:
        if text is None or kind in ("int4", "int8", "text"):
            found: Value = text
            return found
        match kind:
            case "uuid":
                return UUID(text)
            case "bytea":
                return bytes.fromhex(text)
            case "date":
                return date.fromisoformat(text)
            case _:
                return datetime.fromisoformat(text)

    return {name: value(kind, written[name]) for name, kind in EVENTS.columns}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["about"]))
def test_a_vector_of_the_page_is_spelled_so(vector: dict[str, Any]) -> None:
    envelope = EVENTS.encode(row_of(vector["row"]))
    assert envelope.hex() == vector["envelope"]
    assert entry(envelope).hex() == vector["entry"]
    assert leaf(envelope).hex() == vector["leaf"]


def test_no_two_rows_have_one_envelope() -> None:
    row = row_of(VECTORS[0]["row"])
    changed: dict[str, list[Value]] = {
        "position": [2],
        "organisation_id": [UUID(int=1)],
        "stream_id": [UUID(int=1)],
        "version": [2],
        "topic": ["session-held2", ""],
        "schema_version": [3],
        "state": [b"Sealed", b""],
        "actor_id": [UUID(int=1)],
        "purpose": ["recognition", "", None],
        "occurred_on": [date(2025, 3, 2), None],
        "occurred_at": [datetime(2025, 3, 1, 8, 15, 0, 1, tzinfo=UTC), None],
        "recorded_at": [datetime(2025, 3, 1, 9, 30, 0, 123457, tzinfo=UTC)],
        "command_key": ["k-2", ""],
        "trace_id": ["", None],
    }
    assert set(changed) == set(EVENTS.names)
    others = [EVENTS.encode(row | {name: value}) for name, values in changed.items() for value in values]
    # What moves from one column to its neighbour is another row as well.
    others.append(EVENTS.encode(row | {"command_key": "k-10", "trace_id": str(row["trace_id"])[1:]}))
    assert len({*others, EVENTS.encode(row)}) == len(others) + 1


def test_the_columns_come_out_of_an_envelope_again() -> None:
    row = row_of(VECTORS[1]["row"])
    fields = EVENTS.fields(EVENTS.encode(row))
    assert fields["purpose"] is None
    assert fields["command_key"] == b""
    assert timestamp(fields["recorded_at"] or b"") == row["recorded_at"]
    envelope = EVENTS.encode(row)
    for wrong in (envelope[:-1], envelope + b"\x00", envelope.replace(b"events", b"access")):
        with pytest.raises(ValueError, match="envelope"):
            EVENTS.fields(wrong)


def test_what_a_column_can_not_hold_has_no_envelope() -> None:
    row = row_of(VECTORS[0]["row"])
    for name, value in (
        ("position", True),
        ("position", "1"),
        ("recorded_at", datetime(2025, 3, 1)),  # noqa: DTZ001 - a time without a zone is what is refused
        ("occurred_on", row["recorded_at"]),
        ("state", "sealed"),
    ):
        with pytest.raises(ValueError, match="column"):
            EVENTS.encode(row | {name: value})
    with pytest.raises(ValueError, match="columns"):
        EVENTS.encode({**row, "another": 1})
