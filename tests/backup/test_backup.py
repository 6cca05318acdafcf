"""A backup is whole or is none, keeps the keys apart, and a restore brings nobody back who was erased since."""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from adapters.backup.making import KeysBesideData, Made, make_backup, prune
from adapters.backup.manifest import BackupDamaged
from adapters.backup.postgres_tools import Tools
from adapters.backup.restoring import KeysOfAnotherBackup, LedgerTooOld, NotEmpty, Restored, restore_backup
from adapters.data_folder import RestoreUnfinished, begin_restoring, claim, end_restoring
from adapters.erasure.erasures import ErasureReceipt
from adapters.keys.key_file import KeyFileRefused, generate_secret
from adapters.keys.key_ring import WrongKey
from adapters.postgres.runner import Runner
from tests.erasure.erasing import approved, caseload, readable
from tests.installations import caller, opened, settings
from tests.postgres_servers import VERSIONS, Clusters

TRAINEES, MENTORS = "Invented Trainee", "Invented Mentor"


def quiet(_done: int, _total: int) -> None:
    pass


class Place:
    """One cluster, an installation in it that was backed up, and room for more beside it."""

    def __init__(self, folder: Path, fresh: Callable[[bool], str]) -> None:
        self.folder = folder
        self.fresh = fresh
        self.data, self.dsn = folder / "data", fresh(True)
        self.organisation_id = asyncio.run(self._fill())

    async def _fill(self) -> UUID:
        async with opened(self.data, self.dsn) as parts:
            return await caseload(parts, self.folder)

    def back_up(self) -> Made:
        return make_backup(
            self.dsn, None, self.data, self.folder / "backups", self.folder / "elsewhere", timedelta(days=35), quiet
        )

    def erase(self, number: str) -> ErasureReceipt:
        async def erased() -> ErasureReceipt:
            async with opened(self.data, self.dsn) as parts:
                person_id = await approved(parts, self.organisation_id, number)
                return await parts.erasures.carry_out(self.organisation_id, person_id)

        return asyncio.run(erased())

    def restore(self, made: Made, name: str, ledger: Path | None) -> tuple[Path, str, Restored]:
        """Into an empty place, where the administrator has put the key-encryption key."""
        data, dsn = self.folder / name, self.fresh(False)
        data.mkdir(mode=0o700)
        shutil.copy(self.data / "key-encryption.key", data)
        return data, dsn, restore_backup(settings(data, dsn), made.data, made.keys, ledger, quiet)

    def reads(self, data: Path, dsn: str) -> set[str]:
        async def all_of_it() -> set[str]:
            async with opened(data, dsn) as parts:
                return await readable(parts, self.organisation_id)

        return asyncio.run(all_of_it())


@pytest.fixture(params=VERSIONS)
def place(request: pytest.FixtureRequest, postgres_clusters: Clusters, tmp_path: Path) -> Iterator[Place]:
    with ExitStack() as databases:
        cluster = postgres_clusters.running(request.param)
        yield Place(tmp_path, lambda prepared: databases.enter_context(cluster.fresh_database(prepared=prepared)))


def test_who_was_erased_after_the_backup_stays_erased_when_it_is_restored(place: Place) -> None:
    made = place.back_up()
    assert {TRAINEES, MENTORS} <= place.reads(place.data, place.dsn)
    receipt = place.erase("T1")
    [backups] = [one for one in receipt.stores if one.store == "backups of the keys"]
    assert made.manifest.keys_end_on.isoformat() in backups.left

    data, dsn, restored = place.restore(made, "restored", place.data / "erasure-ledger.jsonl")
    assert (restored.erased_again, restored.ledger_lines) == (1, 1)
    found = place.reads(data, dsn)
    assert MENTORS in found
    assert not {TRAINEES, "Planned next steps", "B2"} & found

    async def as_it_stands() -> None:
        async with opened(data, dsn) as parts:
            await Runner(dsn).catch_up()
            person = await parts.record.person(caller(place.organisation_id), receipt.person_id)
            assert person.erased_on is not None
            case = parts.identify(place.organisation_id, "mentorship", "MS1")
            assert (await parts.record.mentorship(caller(place.organisation_id), case)).closed_on is None

    asyncio.run(as_it_stands())


def test_without_a_newer_ledger_they_come_back_until_it_is_there(place: Place) -> None:
    made = place.back_up()
    place.erase("T1")
    data, dsn, restored = place.restore(made, "restored", None)
    assert restored.erased_again == 0
    assert TRAINEES in place.reads(data, dsn), "the backup did hold them, so that the other test tells something"
    # However a database came to be where it is: the next start erases whoever stands in the ledger.
    shutil.copy(place.data / "erasure-ledger.jsonl", data)
    found = place.reads(data, dsn)
    assert TRAINEES not in found
    assert MENTORS in found


@pytest.fixture
def small(postgres_clusters: Clusters, tmp_path: Path) -> Iterator[Place]:
    with ExitStack() as databases:
        cluster = postgres_clusters.running("postgres-18")
        yield Place(tmp_path, lambda prepared: databases.enter_context(cluster.fresh_database(prepared=prepared)))


def test_keys_and_data_are_apart_and_closed_to_others(small: Place) -> None:
    made = small.back_up()
    tools = Tools.for_database(small.dsn)
    assert "keys." not in tools.listed(made.data / "data.dump")
    assert "person_keys" in tools.listed(made.keys / "keys.dump")
    for path in (*made.data.iterdir(), *made.keys.iterdir()):
        assert path.stat().st_mode & 0o077 == 0, path
    assert (small.data / "key-encryption.key").read_bytes() not in b"".join(
        path.read_bytes() for path in (*made.data.iterdir(), *made.keys.iterdir())
    )
    with pytest.raises(KeysBesideData):
        make_backup(small.dsn, None, small.data, small.folder / "b", small.folder / "b" / "keys", timedelta(1), quiet)


@pytest.mark.parametrize("harm", ["change", "remove", "manifest", "half"])
def test_a_backup_that_is_not_whole_is_not_restored(small: Place, harm: str) -> None:
    made = small.back_up()
    dump = made.data / "data.dump"
    match harm:
        case "change":
            held = bytearray(dump.read_bytes())
            held[len(held) // 2] ^= 1
            dump.write_bytes(held)
        case "remove":
            dump.unlink()
        case "manifest":
            (made.data / "manifest.json").write_text("{}")
        case "half":
            (made.data / "manifest.json").unlink()
    with pytest.raises(BackupDamaged):
        small.restore(made, "restored", None)
    assert not (small.folder / "restored" / "what-is-in-here.txt").exists(), "nothing was begun"


def test_a_restore_takes_nothing_that_does_not_belong_together(small: Place) -> None:
    before = small.back_up()
    small.erase("T1")
    after = small.back_up()
    nobody = small.folder / "empty-ledger.jsonl"
    nobody.touch()
    with pytest.raises(LedgerTooOld):
        small.restore(after, "old-ledger", nobody)
    with pytest.raises(KeysOfAnotherBackup):
        restore_backup(settings(small.folder / "mixed", small.fresh(False)), before.data, after.keys, None, quiet)
    with pytest.raises(NotEmpty):
        restore_backup(settings(small.folder / "occupied", small.dsn), after.data, after.keys, None, quiet)


def test_without_the_right_key_nothing_is_written_and_with_it_the_same_command_goes_through(small: Place) -> None:
    made = small.back_up()
    data, dsn = small.folder / "restored", small.fresh(False)
    with pytest.raises(KeyFileRefused):
        restore_backup(settings(data, dsn), made.data, made.keys, None, quiet)
    assert not data.exists()

    key = data / "key-encryption.key"
    generate_secret(key)
    with pytest.raises(WrongKey):
        restore_backup(settings(data, dsn), made.data, made.keys, None, quiet)
    assert list(data.iterdir()) == [key]
    with psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT FROM pg_namespace WHERE nspname IN ('accompany', 'keys')").fetchall() == []

    shutil.copy(small.data / "key-encryption.key", key)
    assert restore_backup(settings(data, dsn), made.data, made.keys, None, quiet).position == made.manifest.position
    assert MENTORS in small.reads(data, dsn)


def test_a_restore_whose_end_fails_serves_nobody(small: Place) -> None:
    made = small.back_up()
    # A record that ends before the position that its backup names.
    manifest = made.data / "manifest.json"
    manifest.write_text(
        manifest.read_text().replace(
            f'"position": {made.manifest.position}', f'"position": {made.manifest.position + 1}'
        )
    )
    with pytest.raises(BackupDamaged):
        small.restore(made, "restored", None)
    with pytest.raises(RestoreUnfinished):
        claim(small.folder / "restored", "real")


def test_half_a_restore_serves_nobody(tmp_path: Path) -> None:
    claim(tmp_path / "data", "real")
    begin_restoring(tmp_path / "data")
    with pytest.raises(RestoreUnfinished):
        claim(tmp_path / "data", "real")
    end_restoring(tmp_path / "data")
    claim(tmp_path / "data", "real")


def test_keys_whose_time_is_over_are_deleted_and_others_are_not(small: Place) -> None:
    made = small.back_up()
    foreign = made.keys.parent / "accompany-of-somebody-keys"
    foreign.mkdir()
    assert prune(made.keys.parent, datetime.now(UTC) + timedelta(days=35)) == []
    assert prune(made.keys.parent, datetime.now(UTC) + timedelta(days=36)) == [made.keys]
    assert not made.keys.exists()
    assert foreign.exists()
    assert made.data.exists()


def test_a_backup_ends_at_one_moment_and_says_which(small: Place) -> None:
    made = small.back_up()
    with psycopg.connect(small.dsn) as connection:
        row = connection.execute("SELECT max(position) FROM accompany.events").fetchone()
    assert row == (made.manifest.position,)
    _, dsn, restored = small.restore(made, "restored", None)
    assert restored.position == made.manifest.position
    with psycopg.connect(dsn) as connection:
        assert connection.execute("SELECT max(position) FROM accompany.events").fetchone() == row
