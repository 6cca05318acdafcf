"""What the owner of the database can do to the record: `accompany audit verify` finds each attack and names the record."""

from typing import LiteralString
from uuid import UUID, uuid4

import psycopg
import pytest

from adapters.evidence.logged import LOGS
from adapters.evidence.signing import LastSigned
from adapters.evidence.verifying import Disagreement, Report, verify
from adapters.postgres.session import session
from audit.checkpoint import Checkpoint
from tests.evidence.kept_log import KeptLog

pytestmark = pytest.mark.anyio


def report(one: KeptLog, *others: Checkpoint, remembers: bool = True) -> Report:
    """Of a verification that knows the file in the data folder, or that has lost it."""
    last = LastSigned(one.folder, one.key).read("events") if remembers else None
    with psycopg.connect(session(one.dsn, "accompany_worker", statement_timeout=60), autocommit=True) as connection:
        return verify(connection, LOGS[0], one.key, last.checkpoint if last else None, others)


def first(one: KeptLog, *others: Checkpoint, remembers: bool = True) -> Disagreement:
    found = report(one, *others, remembers=remembers)
    assert not found.verified
    return found.disagreements[0]


async def history(one: KeptLog) -> UUID:
    """700 events in three streams, under two checkpoints. Positions 301 to 320 are of the stream that is answered."""
    await one.append(300)
    one.integrate()
    stream = await one.append(20)
    await one.append(380)
    one.integrate()
    return stream


async def test_what_nobody_touched_is_verified(kept: KeptLog) -> None:
    await history(kept)
    await kept.append(4)
    found = report(kept)
    assert found.verified, found.disagreements
    assert (found.rows, found.entries, found.checkpoints, found.tiles) == (704, 700, 2, 4)
    assert (found.last_signed, found.not_logged_yet) == (700, 4)


async def test_an_empty_record_is_verified(one: KeptLog) -> None:
    assert report(one).verified


@pytest.mark.parametrize(
    "change",
    [
        "state = set_byte(state, 2, get_byte(state, 2) # 1)",
        "purpose = 'recognition'",
        "trace_id = NULL",
        "topic = 'test-fact2'",
        "recorded_at = recorded_at + interval '1 microsecond'",
        "occurred_at = occurred_at - interval '1 microsecond'",
        "occurred_on = occurred_on + 1",
        "actor_id = gen_random_uuid()",
        "organisation_id = gen_random_uuid()",
        "command_key = command_key || ' '",
        "schema_version = 1",
    ],
)
async def test_one_changed_column_is_found_and_its_record_named(one: KeptLog, change: LiteralString) -> None:
    stream = await history(one)
    one.as_owner("UPDATE accompany.events SET " + change + " WHERE position = 307")  # noqa: S608 - the changes above
    found = report(one).disagreements
    assert Disagreement("row-changed", "is not the row that was logged", 307, str(stream), 7) in found
    assert {one.position for one in found} <= {307, 308}


async def test_a_deleted_row_is_found(one: KeptLog) -> None:
    await history(one)
    one.as_owner("DELETE FROM accompany.events WHERE position = 307")
    found = first(one)
    assert (found.what, found.position) == ("row-missing", 307)


async def test_the_newest_rows_deleted_are_found_and_the_first_of_them_named(one: KeptLog) -> None:
    await history(one)
    one.as_owner("DELETE FROM accompany.events WHERE position > 690")
    found = report(one)
    assert (found.disagreements[0].what, found.disagreements[0].position) == ("row-missing", 691)
    assert found.count == 10


async def test_two_rows_swapped_are_found(one: KeptLog) -> None:
    stream = await history(one)
    one.as_owner(
        "UPDATE accompany.events SET position = 100000 WHERE position = 307",
        "UPDATE accompany.events SET position = 307 WHERE position = 309",
        "UPDATE accompany.events SET position = 309 WHERE position = 100000",
    )
    found = [one for one in report(one).disagreements if one.what == "row-changed"]
    assert [(one.position, one.stream, one.version) for one in found] == [(307, str(stream), 9), (309, str(stream), 7)]


INSERTED: LiteralString = """
    INSERT INTO accompany.events
    SELECT {position}, organisation_id, stream_id, version + 1000, topic, schema_version, state, actor_id, purpose,
        occurred_on, occurred_at, recorded_at, command_key, trace_id
    FROM accompany.events WHERE position = 306
"""


async def test_a_row_inserted_in_the_past_is_found_where_the_rows_after_it_move_on(one: KeptLog) -> None:
    await history(one)
    one.as_owner(
        "UPDATE accompany.events SET position = position + 100000 WHERE position >= 307",
        INSERTED.format(position="307"),
        "UPDATE accompany.events SET position = position - 99999 WHERE position > 100000",
    )
    found = first(one)
    assert found.position == 307
    assert "row-changed" in {one.what for one in report(one).disagreements}


async def test_a_row_inserted_at_the_end_with_a_time_of_the_past_is_found(one: KeptLog) -> None:
    await history(one)
    one.as_owner(INSERTED.format(position="701"))
    one.integrate()
    found = first(one)
    assert (found.what, found.position) == ("time-runs-backwards", 701)


async def test_a_row_below_the_first_position_is_found(one: KeptLog) -> None:
    await history(one)
    one.as_owner(
        "ALTER TABLE accompany.events DROP CONSTRAINT events_position_check",
        INSERTED.format(position="-3"),
    )
    found = first(one)
    assert (found.what, found.position) == ("row-unexpected", -3)


async def test_who_changes_row_and_log_together_fails_at_the_signature(one: KeptLog) -> None:
    """The owner of the database recomputes everything that is in it, and lacks the key."""
    await history(one)
    yesterday = one.key.opened("events", one.newest().note)
    one.as_owner(
        "UPDATE accompany.events SET actor_id = gen_random_uuid() WHERE position = 307",
        "DELETE FROM evidence.tiles",
        "DELETE FROM evidence.bundles",
        "CREATE TABLE public.kept AS SELECT * FROM evidence.checkpoints",
        "DELETE FROM evidence.checkpoints",
        "DELETE FROM evidence.logs",
    )
    forger = KeptLog(one.dsn, one.folder.with_name("forger"), one._appender)
    forger.integrate()
    found = report(one)
    assert {one.what for one in found.disagreements} == {"signature-wrong", "checkpoint-differs"}
    assert "the checkpoint that was signed last" in found.disagreements[1].said
    # Whoever has lost the data folder too is left with what others have kept.
    found = report(one, yesterday, remembers=False)
    assert "a checkpoint kept elsewhere over 700 entries" in found.disagreements[1].said
    assert "after 0" in found.disagreements[1].said

    one.as_owner("DELETE FROM evidence.checkpoints", "INSERT INTO evidence.checkpoints SELECT * FROM public.kept")
    assert [(one.what, "after 300" in one.said) for one in report(one).disagreements] == [
        ("checkpoint-differs", True),
        ("checkpoint-differs", True),
    ]


async def test_a_whole_database_put_back_to_yesterday_is_found(one: KeptLog) -> None:
    await one.append(300)
    one.integrate()
    one.remember()
    await one.append(400)
    one.integrate()
    outside = one.key.opened("events", one.newest().note)
    one.put_back()
    found = report(one)
    assert [(one.what, "700" in one.said) for one in found.disagreements] == [("rolled-back", True)]
    # All in it is as it was yesterday, so that without the data folder only those can tell who know of today.
    assert report(one, remembers=False).verified
    lost = first(one, outside, remembers=False)
    assert (lost.what, "a checkpoint kept elsewhere is over 700" in lost.said) == ("rolled-back", True)


async def test_tiles_that_were_changed_are_found_and_the_record_named(one: KeptLog) -> None:
    await history(one)
    one.as_owner(
        "UPDATE evidence.tiles SET hashes = set_byte(hashes, 70, get_byte(hashes, 70) # 1) WHERE (level, number) = (0, 1)",
        "DELETE FROM evidence.tiles WHERE level = 1",
    )
    found = report(one).disagreements
    assert [(one.what, one.position) for one in found] == [("tile-differs", 256 + 3), ("tile-differs", None)]
    assert "level 1" in found[-1].said
    one.as_owner("DELETE FROM evidence.bundles WHERE number = 2")
    assert ("tile-missing", 513) in [(one.what, one.position) for one in report(one).disagreements]


async def test_a_stored_checkpoint_of_another_key_is_found(one: KeptLog) -> None:
    await history(one)
    one.as_owner("UPDATE evidence.checkpoints SET size = 299 WHERE size = 300")
    assert first(one).what == "signature-wrong"


async def test_versions_out_of_order_are_found_even_before_they_are_logged(one: KeptLog) -> None:
    stream = uuid4()
    await one.append(3, stream)
    one.as_owner("UPDATE accompany.events SET version = 9 WHERE position = 3")
    found = first(one)
    assert (found.what, found.position, found.stream, found.version) == ("version-out-of-order", 3, str(stream), 9)
