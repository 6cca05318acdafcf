"""Key holders of every kind keep the same promises; what each adds of its own, and what a start says when one is not right."""

import asyncio
from pathlib import Path
from uuid import uuid4

import boto3
import pkcs11
import pytest
from pkcs11 import Attribute, ObjectClass

from adapters.keys.chosen import open_holder
from adapters.keys.holder import KeyHolder, KeyHolderRefused, KeyHolderUnavailable, PersonKey, ServiceSecret, Subject
from adapters.keys.settings import HolderSettings
from adapters.settings import Settings
from tests.keys.key_services import PIN, KeyService, SoftHsm

SUBJECT = PersonKey(uuid4(), uuid4(), 3)
SECRET = bytes(range(32))
KINDS = ("file", "pkcs11", "aws-kms")


def chosen(kind: str, request: pytest.FixtureRequest, key: str = "") -> HolderSettings:
    """A holder of this kind with a key of its own for this test."""
    key = key or uuid4().hex
    if kind == "file":
        return HolderSettings(file=request.getfixturevalue("tmp_path") / key)
    if kind == "pkcs11":
        hsm: SoftHsm = request.getfixturevalue("hsm")
        return Settings.read(hsm.settings("office", key)).key_holder
    kms: KeyService = request.getfixturevalue("kms")
    return HolderSettings("aws-kms", aws_kms_key=kms.key())


def opened(settings: HolderSettings, *, create: bool = True) -> KeyHolder:
    return asyncio.run(open_holder(settings, Path("/nowhere"), create=create))


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_wrapped_unwraps_for_its_subject_alone(kind: str, request: pytest.FixtureRequest) -> None:
    settings = chosen(kind, request)

    async def story() -> None:
        holder = await open_holder(settings, Path("/nowhere"), create=True)
        again = await open_holder(settings, Path("/nowhere"), create=False)
        other = await open_holder(chosen(kind, request), Path("/nowhere"), create=True)
        assert again.holder == holder.holder != other.holder
        assert len(holder.holder) == 17
        many = [(PersonKey(uuid4(), uuid4(), number), bytes([number]) * 32) for number in range(1, 40)]
        wrapped = await holder.wrap([(SUBJECT, SECRET), *many])
        assert all(one.startswith(holder.holder) for one in wrapped)
        assert not any(SECRET in one for one in wrapped)
        subjects: list[Subject] = [SUBJECT, *(subject for subject, _ in many)]
        assert await again.unwrap(list(zip(subjects, wrapped, strict=True))) == [SECRET, *(one for _, one in many)]

        [one, *_] = wrapped
        strangers: list[Subject] = [
            PersonKey(uuid4(), SUBJECT.person_id, SUBJECT.version),
            PersonKey(SUBJECT.organisation_id, uuid4(), SUBJECT.version),
            PersonKey(SUBJECT.organisation_id, SUBJECT.person_id, SUBJECT.version + 1),
            ServiceSecret("request digests"),
        ]
        assert await holder.unwrap([(stranger, one) for stranger in strangers]) == [None] * len(strangers)
        damaged = [one[:at] + bytes([one[at] ^ 1]) + one[at + 1 :] for at in (0, 5, 60, len(one) - 1)]
        cut = [b"", one[:10], one[:17], one[:60], one[:-1]]
        relabelled = other.holder + one[17:]
        refused = await holder.unwrap([(SUBJECT, bad) for bad in (*damaged, *cut, relabelled)])
        assert refused == [None] * len(refused)
        assert await other.unwrap([(SUBJECT, one)]) == [None]
        if kind != "aws-kms":
            # moto takes another key's ciphertext for missing rights, where AWS says IncorrectKeyException.
            assert await other.unwrap([(SUBJECT, relabelled)]) == [None]
        # One that is wrong keeps none of the others back.
        assert await holder.unwrap([(SUBJECT, damaged[-1]), (SUBJECT, one)]) == [None, SECRET]

    asyncio.run(story())


def test_a_tokens_key_never_leaves_it(hsm: SoftHsm) -> None:
    settings = Settings.read(hsm.settings("office", "kept-inside")).key_holder
    holder = opened(settings)
    token = pkcs11.lib(str(hsm.module)).get_token(token_label="office")
    # The holder has logged in, and a login is the whole process's.
    with token.open() as session:
        key = session.get_key(label="kept-inside", object_class=ObjectClass.SECRET_KEY)
        assert (key[Attribute.SENSITIVE], key[Attribute.EXTRACTABLE], key[Attribute.NEVER_EXTRACTABLE]) == (
            True,
            False,
            True,
        )
        assert holder.holder[1:] == key[Attribute.ID]
        with pytest.raises(pkcs11.AttributeSensitive):
            key[Attribute.VALUE]


def test_a_missing_tokens_key_is_made_at_a_first_start_only(hsm: SoftHsm) -> None:
    settings = Settings.read(hsm.settings("office", "never-made")).key_holder
    with pytest.raises(KeyHolderRefused, match=r"no AES key called 'never-made'.*Put back the token"):
        opened(settings, create=False)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"ACCOMPANY_PKCS11_TOKEN": "none-such"}, "no token called 'none-such'"),
        ({"ACCOMPANY_PKCS11_MODULE": "/nowhere/lib.so"}, "module /nowhere/lib.so does not start"),
        ({"ACCOMPANY_PKCS11_PIN_FILE": "/nowhere/pin"}, "/nowhere/pin with the token's PIN can't be read"),
    ],
)
def test_a_token_that_is_not_right_is_named_at_the_start(hsm: SoftHsm, wrong: dict[str, str], says: str) -> None:
    settings = Settings.read({**hsm.settings("next", "k"), **wrong}).key_holder
    with pytest.raises(KeyHolderRefused, match=says):
        opened(settings)


def test_a_wrong_pin_is_named_and_not_shown(hsm: SoftHsm, tmp_path: Path) -> None:
    (tmp_path / "pin").write_text("0000-wrong")
    settings = {**hsm.settings("next", "k"), "ACCOMPANY_PKCS11_PIN_FILE": str(tmp_path / "pin")}
    with pytest.raises(KeyHolderRefused, match=r"does not take the PIN.*before the token locks itself") as refused:
        opened(Settings.read(settings).key_holder)
    assert "0000-wrong" not in str(refused.value)
    assert PIN not in repr(Settings.read(settings))


def test_a_key_service_that_is_not_right_is_named_at_the_start(kms: KeyService) -> None:
    arn = kms.key()
    absent = arn[:-12] + "0" * 12
    with pytest.raises(KeyHolderRefused, match=r"does not let this service use its key \(NotFoundException\)"):
        opened(HolderSettings("aws-kms", aws_kms_key=absent))
    with pytest.raises(KeyHolderRefused, match="must be a key's ARN"):
        opened(HolderSettings("aws-kms", aws_kms_key="alias/accompany"))
    client = boto3.client("kms", region_name="eu-central-1")
    client.disable_key(KeyId=arn.rpartition("/")[2])
    with pytest.raises(KeyHolderRefused, match="must be enabled"):
        opened(HolderSettings("aws-kms", aws_kms_key=arn))


@pytest.mark.parametrize("kind", ["pkcs11", "aws-kms"])
def test_a_holder_out_of_reach_says_so_and_comes_back_by_itself(kind: str, request: pytest.FixtureRequest) -> None:
    settings = chosen(kind, request)
    hsm_or_kms = request.getfixturevalue("hsm" if kind == "pkcs11" else "kms")
    away = hsm_or_kms.taken_out() if kind == "pkcs11" else hsm_or_kms.stopped()

    async def story() -> None:
        holder = await open_holder(settings, Path("/nowhere"), create=True)
        [wrapped] = await holder.wrap([(SUBJECT, SECRET)])
        with away:
            with pytest.raises(KeyHolderUnavailable):
                await holder.wrap([(SUBJECT, SECRET)])
            with pytest.raises(KeyHolderUnavailable):
                await holder.unwrap([(SUBJECT, wrapped)])
        assert await holder.unwrap([(SUBJECT, wrapped)]) == [SECRET]

    asyncio.run(story())
