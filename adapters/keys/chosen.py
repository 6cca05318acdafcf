"""Opens the key holders that the settings name."""

import asyncio
from dataclasses import replace
from pathlib import Path

from adapters.keys.holder import KeyHolder, KeyHolderRefused
from adapters.keys.holders import Holders
from adapters.keys.key_file import FILE_NAME, KeyFile, KeyFileRefused
from adapters.keys.settings import HolderSettings


async def open_holders(
    settings: HolderSettings, following: HolderSettings | None, data: Path, *, create: bool
) -> Holders:
    """The holder in use and, where one is named or a file of it lies beside the key file, the next one.

    A next file that appears later is found when it is needed, so that a running service follows a rotation. Raises as `open_holder`.
    """
    first = await open_holder(settings, data, create=create)
    following = following or next_file(settings, data)
    others = []
    if following is not None:
        # The next key is made by whoever needs it first: it wraps nothing before the ring is moved to it.
        others = [await open_holder(following, data, create=following.kind != "file" or following.file is not None)]

    async def more() -> list[KeyHolder]:
        found: list[KeyHolder] = []
        for one in (settings, next_file(settings, data)):
            if one is not None and one.kind == "file":
                try:
                    found.append(await open_holder(one, data, create=False))
                except KeyFileRefused:
                    continue
        return found

    return Holders(first, *others, more=more)


def next_path(settings: HolderSettings, data: Path) -> Path:
    """Where the file lies that a key file is rotated to, until it takes its place."""
    path = settings.file or data / FILE_NAME
    return path.with_name(f"next-{path.name}")


def next_file(settings: HolderSettings, data: Path) -> HolderSettings | None:
    path = next_path(settings, data)
    return replace(settings, file=path) if settings.kind == "file" and path.exists() else None


async def open_holder(settings: HolderSettings, data: Path, *, create: bool) -> KeyHolder:
    """The holder; `create` lets a missing key be made in a file or a token. A key in a cloud is made by whoever runs that.

    Raises KeyFileRefused or KeyHolderRefused.
    """
    match settings.kind:
        case "file":
            return await asyncio.to_thread(KeyFile.at, settings.file or data / FILE_NAME, create=create)
        case "pkcs11":
            assert settings.pkcs11_module is not None, "the settings were refused without it"
            assert settings.pkcs11_pin_file is not None, "and without this"
            try:
                from adapters.keys.pkcs11_token import Pkcs11Token  # noqa: PLC0415  # an optional extra
            except ModuleNotFoundError:
                raise _extra_missing("pkcs11") from None
            return await Pkcs11Token.opened(
                settings.pkcs11_module,
                settings.pkcs11_token,
                settings.pkcs11_key,
                settings.pkcs11_pin_file,
                create=create,
            )
        case "aws-kms":
            try:
                from adapters.keys.aws_kms import AwsKms  # noqa: PLC0415  # an optional extra
            except ModuleNotFoundError:
                raise _extra_missing("aws") from None
            return await AwsKms.opened(settings.aws_kms_key)


def _extra_missing(extra: str) -> KeyHolderRefused:
    return KeyHolderRefused(f"This key holder needs more packages. Install: pip install 'accompany[{extra}]'.")
