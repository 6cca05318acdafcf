"""The file that holds the key-encryption key: made once, refused when others may know it."""

import asyncio
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from uuid import UUID, uuid4

import pytest

from adapters.keys.holder import PersonKey, ServiceSecret, Subject
from adapters.keys.key_file import FILE_NAME, KeyFile, KeyFileRefused
from tests.keys.test_sealing import DOCUMENTED

ORGANISATION, PERSON = uuid4(), uuid4()
KEY = PersonKey(ORGANISATION, PERSON, 1)
SECRET = bytes(range(32))


def wrapped(key_file: KeyFile, secret: bytes) -> bytes:
    [one] = asyncio.run(key_file.wrap([(KEY, secret)]))
    return one


def unwrapped(key_file: KeyFile, one: bytes, subject: Subject = KEY) -> bytes | None:
    [secret] = asyncio.run(key_file.unwrap([(subject, one)]))
    return secret


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / FILE_NAME


def test_the_first_start_makes_a_key_that_only_its_owner_reads(path: Path) -> None:
    before = os.umask(0)
    try:
        KeyFile.at(path)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.stat().st_size == 32
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [file.name for file in path.parent.iterdir()] == [FILE_NAME]


def test_a_umask_that_takes_everything_still_leaves_a_readable_key(path: Path) -> None:
    path.parent.mkdir()
    before = os.umask(0o777)
    try:
        KeyFile.at(path)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_second_start_finds_the_same_key(path: Path) -> None:
    first, second = KeyFile.at(path), KeyFile.at(path)
    assert first.holder == second.holder
    assert unwrapped(second, wrapped(first, SECRET)) == SECRET


def test_first_starts_at_the_same_moment_agree_on_one_key(path: Path) -> None:
    barrier = Barrier(12)

    def start(_: int) -> bytes:
        barrier.wait()
        return KeyFile.at(path).holder

    with ThreadPoolExecutor(12) as starts:
        assert len(set(starts.map(start, range(12)))) == 1
    assert [file.name for file in path.parent.iterdir()] == [FILE_NAME]


def test_two_installations_share_no_secret(tmp_path: Path) -> None:
    one, other = KeyFile.at(tmp_path / "one"), KeyFile.at(tmp_path / "other")
    secrets = [part for file in (one, other) for part in (file.holder, file.digest_key, file.identifier_key)]
    assert len(set(secrets)) == 6


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o601, 0o700, 0o4600])
def test_a_key_open_to_more_than_its_owner_is_refused(path: Path, mode: int) -> None:
    KeyFile.at(path)
    path.chmod(mode)
    with pytest.raises(KeyFileRefused, match=rf"mode {mode:04o}.*chmod 600"):
        KeyFile.at(path)
    assert path.stat().st_mode & 0o7777 == mode


def test_a_key_that_its_owner_may_only_read_is_taken(path: Path) -> None:
    holder = KeyFile.at(path).holder
    path.chmod(0o400)
    assert KeyFile.at(path).holder == holder


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
def test_somebody_elses_key_is_refused(path: Path) -> None:
    KeyFile.at(path)
    os.chown(path, 12345, -1)
    with pytest.raises(KeyFileRefused, match="belongs to user 12345"):
        KeyFile.at(path)


@pytest.mark.parametrize("size", [0, 31, 33, 10_000])
def test_a_file_of_another_size_is_refused_and_left_as_it_is(path: Path, size: int) -> None:
    path.parent.mkdir()
    path.write_bytes(bytes(size))
    path.chmod(0o600)
    with pytest.raises(KeyFileRefused, match="32 bytes"):
        KeyFile.at(path)
    assert path.stat().st_size == size


def test_a_link_to_a_key_is_refused(path: Path, tmp_path: Path) -> None:
    KeyFile.at(tmp_path / "elsewhere")
    path.parent.mkdir()
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KeyFileRefused, match="not a link"):
        KeyFile.at(path)


def test_a_link_to_nothing_is_refused(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir()
    path.symlink_to(tmp_path / "nothing")
    with pytest.raises(KeyFileRefused, match="not a link"):
        KeyFile.at(path)
    assert not (tmp_path / "nothing").exists()


def test_a_folder_or_a_pipe_is_no_key(path: Path, tmp_path: Path) -> None:
    path.mkdir(parents=True)
    os.mkfifo(tmp_path / "pipe", 0o600)
    for no_file in (path, tmp_path / "pipe"):
        with pytest.raises(KeyFileRefused, match="not a plain file"):
            KeyFile.at(no_file)


def test_a_key_that_must_be_there_is_not_made_anew(path: Path) -> None:
    with pytest.raises(KeyFileRefused, match="no key file"):
        KeyFile.at(path, create=False)
    assert not path.exists()


def test_a_place_where_nothing_can_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(KeyFileRefused, match="can't be"):
        KeyFile.at(tmp_path / "file" / FILE_NAME)


def test_a_wrapped_key_opens_for_its_person_and_version_alone(path: Path) -> None:
    key_file = KeyFile.at(path)
    one = wrapped(key_file, SECRET)
    assert len(one) == 129
    for subject in (
        PersonKey(uuid4(), PERSON, 1),
        PersonKey(ORGANISATION, uuid4(), 1),
        PersonKey(ORGANISATION, PERSON, 2),
        ServiceSecret("request digests"),
    ):
        assert unwrapped(key_file, one, subject) is None


def test_another_key_file_or_a_changed_byte_opens_nothing(path: Path, tmp_path: Path) -> None:
    key_file, other = KeyFile.at(path), KeyFile.at(tmp_path / "other")
    one = wrapped(key_file, SECRET)
    relabelled = other.holder + one[len(other.holder) :]
    for opener, changed in (
        (other, one),
        (other, relabelled),
        *((key_file, one[:at] + bytes([one[at] ^ 1]) + one[at + 1 :]) for at in range(len(one))),
        *((key_file, one[:length]) for length in range(len(one))),
    ):
        assert unwrapped(opener, changed) is None


def test_no_message_shows_the_key(path: Path) -> None:
    key_file = KeyFile.at(path)
    path.write_bytes(path.read_bytes() + b"CANARY")
    with pytest.raises(KeyFileRefused) as refused:
        KeyFile.at(path)
    assert "CANARY" not in str(refused.value)
    assert re.fullmatch(r"<adapters\.keys\.key_file\.KeyFile object at 0x[0-9a-f]+>", repr(key_file))


def test_the_documented_key_file_vectors_hold() -> None:
    vector = DOCUMENTED["key_file"]
    key_file = KeyFile(bytes.fromhex(vector["key_encryption_key"]))
    assert key_file.holder.hex() == vector["holder"]
    assert key_file.digest_key.hex() == vector["digest_key"]
    assert key_file.identifier_key.hex() == vector["identifier_key"]
    subject = PersonKey(UUID(vector["organisation"]), UUID(vector["person"]), vector["key_version"])
    assert unwrapped(key_file, bytes.fromhex(vector["wrapped"]), subject) == bytes.fromhex(vector["data_key"])
