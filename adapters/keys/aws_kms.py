"""The key-encryption key in AWS KMS: it never leaves the service, which wraps and unwraps by its own rules and records each call."""

import asyncio
import hashlib
import logging
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from adapters.keys.holder import HOLDER_BYTES, KeyHolderRefused, KeyHolderUnavailable, Subject
from adapters.keys.sealing import SECRET_BYTES

HELD_IN_KMS = b"\x03"
# Calls at one time. A dashboard of 200 people nobody asked for yet is 13 rounds.
AT_ONCE = 16
CONNECT_SECONDS = 1
READ_SECONDS = 2

ARN = re.compile(r"arn:aws[a-z-]*:kms:([a-z0-9-]+):\d{12}:key/[A-Za-z0-9-]+")
# What these say is that the bytes are wrong, not that the service is.
_UNREADABLE = frozenset({"InvalidCiphertextException", "IncorrectKeyException"})

log = logging.getLogger(__name__)


class AwsKms:
    """A key holder of one symmetric key in KMS, named by its ARN. Its own name is 3 (AWS KMS) and 16 bytes of a digest of the ARN.

    What a secret is bound to is the encryption context, which AWS writes into its own trail: ids, and nothing else.
    """

    def __init__(self, client: Any, arn: str) -> None:
        self.holder = HELD_IN_KMS + hashlib.sha256(arn.encode()).digest()[: HOLDER_BYTES - 1]
        self._client = client
        self._arn = arn
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="aws-kms")

    @classmethod
    async def opened(cls, arn: str) -> Self:
        """Raises KeyHolderRefused if the key can't be used. Credentials and endpoint come from where AWS's own tools take them."""
        found = ARN.fullmatch(arn)
        if found is None:
            raise KeyHolderRefused("ACCOMPANY_AWS_KMS_KEY must be a key's ARN: arn:aws:kms:region:account:key/id.")
        limits = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"total_max_attempts": 2, "mode": "standard"},
            max_pool_connections=AT_ONCE,
        )
        try:
            client = await asyncio.to_thread(boto3.client, "kms", region_name=found[1], config=limits)
            about = await asyncio.to_thread(client.describe_key, KeyId=arn)
        except (BotoCoreError, ClientError) as error:
            raise KeyHolderRefused(
                f"AWS KMS does not let this service use its key ({_code(error)}). Check ACCOMPANY_AWS_KMS_KEY, the credentials, "
                "the key's policy and the way to the service."
            ) from None
        key = about["KeyMetadata"]
        # No key of this kind does anything else than encrypting and decrypting.
        if not key["Enabled"] or key["KeySpec"] != "SYMMETRIC_DEFAULT":
            raise KeyHolderRefused("The key in AWS KMS must be enabled, symmetric, and for encrypting and decrypting.")
        return cls(client, arn)

    async def wrap(self, secrets: Sequence[tuple[Subject, bytes]]) -> list[bytes]:
        def wrapped(subject: Subject, secret: bytes) -> bytes:
            answer = self._client.encrypt(KeyId=self._arn, Plaintext=secret, EncryptionContext=dict(subject.context))
            return self.holder + bytes(answer["CiphertextBlob"])

        return await self._all(wrapped, secrets)

    async def unwrap(self, wrapped: Sequence[tuple[Subject, bytes]]) -> list[bytes | None]:
        def unwrapped(subject: Subject, one: bytes) -> bytes | None:
            if one[:HOLDER_BYTES] != self.holder or len(one) == HOLDER_BYTES:
                return None
            try:
                answer = self._client.decrypt(
                    KeyId=self._arn, CiphertextBlob=one[HOLDER_BYTES:], EncryptionContext=dict(subject.context)
                )
            except ClientError as error:
                if _code(error) in _UNREADABLE:
                    return None
                raise
            secret = bytes(answer["Plaintext"])
            return secret if len(secret) == SECRET_BYTES else None

        return await self._all(unwrapped, wrapped)

    async def _all[T](self, work: Callable[[Subject, bytes], T], given: Sequence[tuple[Subject, bytes]]) -> list[T]:
        loop = asyncio.get_running_loop()
        calls = [loop.run_in_executor(self._threads, work, subject, one) for subject, one in given]
        try:
            return await asyncio.gather(*calls)
        except (BotoCoreError, ClientError) as error:
            # Those that wait for a thread would fail as slowly as this one did.
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
            log.error("key-service-failed", extra={"code": _code(error)})
            raise KeyHolderUnavailable from None


def _code(error: Exception) -> str:
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "ClientError"))
    return type(error).__name__
