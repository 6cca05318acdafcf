"""The log follows the record: what is in it is what was recorded, and it is signed in order."""

import asyncio
import base64
import subprocess
import sys
import threading
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
from psycopg import errors

from adapters.evidence.integrating import LogStopped
from adapters.evidence.logged import LOGS, Log, rows
from adapters.evidence.signing import LastSigned, LogKey
from adapters.evidence.stored import LogStore
from adapters.postgres.session import session
from audit.checkpoint import Checkpoint
from audit.leaf import ACCESS, EVENTS, entry, leaf
from audit.merkle import root_of, verify_consistency
from audit.tiles import bundles_of, entries_of, tiles_of
from tests.evidence.kept_log import KeptLog
from tests.evidence.waiting import until, until_true

pytestmark = pytest.mark.anyio

SHORT = {
    "bigint": "int8",
    "integer": "int4",
    "timestamp with time zone": "timestamptz",
    "bigint[]": "int8[]",
}


def leaves(kept: KeptLog) -> list[bytes]:
    with psycopg.connect(kept.dsn) as owner:
        return [leaf(row.envelope) for row in rows(owner, LOGS[0], 1)]


async def test_a_row_read_in_bulk_has_the_envelope_of_its_values(kept: KeptLog) -> None:
    """The two ways to an envelope agree: the database's own binary form, and the page's description of it."""
    await kept.append(3)
    kept.as_owner(
        "UPDATE accompany.events SET purpose = NULL, occurred_on = NULL, occurred_at = '1969-12-31 23:59:59.999999+00', trace_id = ''"
        " WHERE position = 2",
        "UPDATE accompany.events SET occurred_on = '0001-01-01', topic = 'größe', state = '' WHERE position = 3",
    )
    with psycopg.connect(kept.dsn) as owner:
        found = [row.envelope for row in rows(owner, LOGS[0], 1)]
        cursor = owner.cursor(row_factory=psycopg.rows.dict_row)
        cursor.execute("SELECT * FROM accompany.events ORDER BY position")
        assert [EVENTS.encode(row) for row in cursor.fetchall()] == found
        assert [row.position for row in rows(owner, LOGS[0], 2, 1)] == [2]


@pytest.mark.parametrize("log", LOGS, ids=lambda log: str(log.name))
def test_every_column_of_a_table_is_in_its_envelope(postgres: str, log: Log) -> None:
    with psycopg.connect(postgres) as owner:
        found = owner.execute(
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
            " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
            (".".join(log.table),),
        ).fetchall()
    assert [(name, SHORT.get(kind, kind)) for name, kind in found] == list(log.envelope.columns)


async def test_a_read_that_was_logged_has_the_envelope_of_its_values(kept: KeptLog) -> None:
    kept.as_owner(
        "INSERT INTO accompany.access_log SELECT n, now(), gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'auditor', 'GET /x',"
        " gen_random_uuid(), NULL, CASE n WHEN 1 THEN '{}' ELSE '{7,8}' END::bigint[],"
        " CASE n WHEN 1 THEN '{}' ELSE '{größe,\"\"}' END::text[],"
        " '{}', NULL, 'consent', NULL, 7, 'shown', NULL, 't' FROM generate_series(1, 2) n"
    )
    with psycopg.connect(kept.dsn) as owner:
        found = [row.envelope for row in rows(owner, LOGS[1], 1)]
        cursor = owner.cursor(row_factory=psycopg.rows.dict_row)
        cursor.execute("SELECT * FROM accompany.access_log ORDER BY position")
        assert [ACCESS.encode(row) for row in cursor.fetchall()] == found
    kept.integrate()
    assert kept.query("SELECT log, size FROM evidence.checkpoints") == [("access", 2)]


async def test_what_was_recorded_is_in_the_tree_that_is_signed(kept: KeptLog) -> None:
    last: Checkpoint | None = None
    for count in (1, 254, 1, 1, 300):
        await kept.append(count)
        kept.integrate(batch=100)
        checkpoint = kept.key.opened("events", kept.newest().note)
        expected = leaves(kept)
        assert checkpoint == Checkpoint("example.org/accompany/events", len(expected), root_of(expected))
        with kept.store() as store:
            if last:
                proof = store.consistency(last.size, checkpoint.size)
                verify_consistency(last.size, checkpoint.size, last.root, checkpoint.root, proof)
            assert list(store.leaves(0, checkpoint.size)) == expected
            tiles = store.tiles([tile.at for tile in tiles_of(checkpoint.size)])
            assert all(len(tiles[tile.at]) == 32 * tile.width for tile in tiles_of(checkpoint.size))
            entries = [one for tile in bundles_of(checkpoint.size) for one in entries_of(store.bundle(tile.at.number))]
        with psycopg.connect(kept.dsn) as owner:
            assert entries == [entry(row.envelope) for row in rows(owner, LOGS[0], 1)]
        last = checkpoint
    signed = LastSigned(kept.folder, kept.key).read("events")
    assert signed is not None
    assert signed.note == kept.newest().note


async def test_nothing_new_is_not_signed_again(one: KeptLog) -> None:
    one.integrate()
    assert one.query("SELECT count(*) FROM evidence.checkpoints") == [(0,)]
    await one.append(5)
    one.integrate()
    one.integrate()
    assert one.query("SELECT count(*) FROM evidence.checkpoints") == [(1,)]


async def test_two_that_keep_the_log_do_not_get_in_each_others_way(one: KeptLog) -> None:
    stop = threading.Event()
    keepers = [threading.Thread(target=one.integrator(batch=50).run, args=(stop,)) for _ in range(2)]
    for keeper in keepers:
        keeper.start()
    try:
        for _ in range(5):
            await one.append(60)
        one.integrate()
        assert one.newest().size == 300
    finally:
        stop.set()
        for keeper in keepers:
            keeper.join()
    assert one.key.opened("events", one.newest().note).root == root_of(leaves(one))


async def test_many_commands_at_once_keep_the_log_from_nothing(one: KeptLog) -> None:
    """Each command sends a notification. The log waits once for those that have come together, not once for each of them."""
    stop = threading.Event()
    keeper = threading.Thread(target=one.integrator().run, args=(stop,))
    keeper.start()
    try:
        await one.append(1)
        until_true(one.dsn, "SELECT size = 1 FROM evidence.logs WHERE log = 'events'")
        one.as_owner("SELECT pg_notify('accompany_events', n::text) FROM generate_series(1, 1000) n")
        # By now the keeper has heard of them and is gathering.
        await asyncio.sleep(1)
        await one.append(1)
        until_true(one.dsn, "SELECT size = 2 FROM evidence.logs WHERE log = 'events'")
    finally:
        stop.set()
        keeper.join()


async def test_neither_service_nor_worker_changes_what_is_kept(kept: KeptLog) -> None:
    await kept.append(3)
    kept.integrate()
    changes: tuple[LiteralString, ...] = (
        "UPDATE evidence.tiles SET hashes = hashes",
        "DELETE FROM evidence.checkpoints",
        "INSERT INTO evidence.bundles SELECT * FROM evidence.bundles",
        "TRUNCATE evidence.cosignatures",
    )
    for role in ("accompany_service", "accompany_worker"):
        for change in changes:
            with psycopg.connect(session(kept.dsn, role, statement_timeout=5)) as connection:
                assert connection.execute("SELECT count(*) FROM evidence.tiles").fetchone() == (1,)
                with pytest.raises(errors.InsufficientPrivilege):
                    connection.execute(change)
    with (
        psycopg.connect(session(kept.dsn, "accompany_service", statement_timeout=5)) as connection,
        pytest.raises(errors.InsufficientPrivilege),
    ):
        LogStore(connection, "events").publish("x", 1, "x", witnessed=True)
    with psycopg.connect(session(kept.dsn, "accompany_worker", statement_timeout=5)) as connection:
        store = LogStore(connection, "events")
        edge = store.edge()
        grown = {at: bytes(len(found) + 32) for at, found in edge.tiles.items() if at.level is not None}
        with pytest.raises(errors.IntegrityError, match="only grows"):
            store.integrate(3, 4, grown)


CRASH = """
import os, signal, sys
from pathlib import Path
from adapters.evidence.integrating import Integrator
from adapters.evidence.signing import LogKey

dsn, folder, step, after = sys.argv[1:]
left = int(after)

def steps(done):
    global left
    if step in (done, 'any'):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

Integrator(dsn, Path(folder), LogKey.at(Path(folder), "example.org/accompany"), batch=70, steps=steps).catch_up()
"""


def keeper(one: KeptLog, step: str, after: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", CRASH, one.dsn, str(one.folder), step, after])


@pytest.mark.parametrize("step", ["integrated", "signed", "drafted", "kept", "published"])
async def test_a_log_killed_at_any_step_goes_on_consistently(one: KeptLog, step: str) -> None:
    await one.append(100)
    one.integrate()
    first = one.key.opened("events", one.newest().note)
    await one.append(400)
    after = "3" if step == "integrated" else "1"
    assert keeper(one, step, after).wait() == -9, "it was killed where it should be"

    await one.append(10)
    one.integrate()
    last = one.key.opened("events", one.newest().note)
    assert last == Checkpoint(first.origin, 510, root_of(leaves(one)))
    signed = {one.key.opened("events", note) for (note,) in one.query("SELECT note FROM evidence.checkpoints")}
    with one.store() as store:
        for checkpoint in signed:
            verify_consistency(
                checkpoint.size, 510, checkpoint.root, last.root, store.consistency(checkpoint.size, last.size)
            )
    # What stood in the file when it was killed has become public: two trees of one size are never signed.
    sizes = {checkpoint.size for checkpoint in signed}
    assert sizes == ({100, 500, 510} if step in ("kept", "published") else {100, 510})


async def test_a_log_killed_again_and_again_goes_on_consistently(one: KeptLog) -> None:
    await one.append(3000)
    for steps in ("1", "7", "20"):
        assert keeper(one, "any", steps).wait() == -9
    assert one.query("SELECT size FROM evidence.logs") == [(28 * 70,)]
    one.integrate()
    assert one.key.opened("events", one.newest().note) == Checkpoint(
        one.key.origin("events"), 3000, root_of(leaves(one))
    )


async def stops(one: KeptLog, code: str, position: int) -> None:
    """Nothing is signed, and it is told where anybody looks."""
    before = one.query("SELECT count(*), max(size) FROM evidence.checkpoints")
    with pytest.raises(LogStopped) as stopped:
        one.integrate()
    assert (stopped.value.code, stopped.value.position) == (code, position)
    assert one.query("SELECT count(*), max(size) FROM evidence.checkpoints") == before


async def test_a_gap_in_the_positions_stops_the_log(one: KeptLog) -> None:
    await one.append(9)
    one.as_owner("DELETE FROM accompany.events WHERE position = 5")
    await stops(one, "log-gap", 5)


async def test_a_log_notices_that_its_last_row_is_gone_or_another(one: KeptLog) -> None:
    await one.append(9)
    one.integrate()
    one.as_owner("UPDATE accompany.events SET state = '\\x00' WHERE position = 9")
    await stops(one, "log-row-changed", 9)
    one.as_owner("DELETE FROM accompany.events WHERE position > 7")
    await stops(one, "log-row-missing", 9)


async def test_a_database_put_back_to_yesterday_is_not_signed_again(one: KeptLog) -> None:
    yesterday: tuple[LiteralString, ...] = (
        "DELETE FROM accompany.events WHERE position > 4",
        "DELETE FROM evidence.checkpoints",
        "DELETE FROM evidence.tiles",
        "DELETE FROM evidence.bundles",
        "DELETE FROM evidence.logs",
    )
    await one.append(9)
    one.integrate()
    one.as_owner(*yesterday)
    await stops(one, "log-rolled-back", 4)
    # Events that come on top of it until there are more than were signed do not help.
    await one.append(8)
    await stops(one, "log-rewritten", 9)


async def test_a_database_put_back_to_nothing_is_not_signed_again(one: KeptLog) -> None:
    await one.append(2)
    one.integrate()
    one.as_owner(
        "DELETE FROM accompany.events",
        "DELETE FROM evidence.checkpoints",
        "DELETE FROM evidence.tiles",
        "DELETE FROM evidence.bundles",
        "DELETE FROM evidence.logs",
    )
    await stops(one, "log-rolled-back", 0)


async def test_tiles_that_were_changed_do_not_come_to_be_signed(one: KeptLog) -> None:
    await one.append(3)
    one.integrate()
    one.as_owner("UPDATE evidence.tiles SET hashes = set_byte(hashes, 70, 1 - sign(get_byte(hashes, 70))::integer)")
    await one.append(3)
    await stops(one, "log-rewritten", 3)


async def test_a_file_that_holds_no_checkpoint_of_ours_stops_the_log(one: KeptLog) -> None:
    await one.append(3)
    one.integrate()
    [file] = (one.folder / "log").glob("*.checkpoint")
    file.write_text("x")
    await one.append(3)
    await stops(one, "signed-state-damaged", 0)


async def test_a_machine_without_the_file_takes_up_what_another_has_signed(one: KeptLog, tmp_path: Path) -> None:
    await one.append(3)
    one.integrate()
    elsewhere = KeptLog(one.dsn, tmp_path / "elsewhere", one._appender)
    (elsewhere.folder / "log-signing.key").write_bytes((one.folder / "log-signing.key").read_bytes())
    elsewhere = KeptLog(one.dsn, tmp_path / "elsewhere", one._appender)
    await one.append(3)
    elsewhere.integrate()
    assert one.newest().size == 6
    await one.append(3)
    one.integrate()
    assert one.newest().size == 9


def of_events(told: list[tuple[str, bool]]) -> list[bool]:
    return [stopped for name, stopped in told if name == "events"]


async def test_a_stopped_log_says_so_and_goes_on_once_it_is_mended(one: KeptLog) -> None:
    await one.append(4)
    one.integrate()
    [(state,)] = one.query("SELECT state FROM accompany.events WHERE position = 4")
    one.as_owner("UPDATE accompany.events SET state = '\\x00' WHERE position = 4")
    told: list[tuple[str, bool]] = []
    stop = threading.Event()
    keeping = threading.Thread(
        target=one.integrator(stopped=lambda name, stopped: told.append((name, stopped))).run, args=(stop,)
    )
    keeping.start()
    try:
        until_true(
            one.dsn, "SELECT stopped = 'log-row-changed' AND stopped_at = 4 FROM evidence.logs WHERE log = 'events'"
        )
        assert of_events(told)[-1] is True
        assert state == b"sealed"
        one.as_owner("UPDATE accompany.events SET state = 'sealed' WHERE position = 4")
        await one.append(1)
        until_true(one.dsn, "SELECT stopped IS NULL AND size = 5 FROM evidence.logs WHERE log = 'events'")
        until(lambda: of_events(told)[-1] is False, "told that it goes on")
    finally:
        stop.set()
        keeping.join()


def test_the_name_of_an_installation_is_its_own(tmp_path: Path) -> None:
    keys = [LogKey.at(tmp_path / name, None) for name in ("a", "b", "a")]
    assert keys[0].origin("events") == keys[2].origin("events") != keys[1].origin("events")
    assert base64.b64decode(str(keys[0].verifier_key("events")).split("+", 2)[2])[0] == 1
    assert (tmp_path / "a" / "log-signing.key").stat().st_mode & 0o777 == 0o600
