"""The service's own secrets: they outlive every change of the key-encryption key, or repeats and ids would no longer be known."""

import hmac
import os
from typing import Any, Self
from uuid import UUID

from psycopg_pool import AsyncConnectionPool

from adapters.keys.holder import KeyHolderUnavailable, ServiceSecret
from adapters.keys.holders import Holders
from adapters.keys.key_file import KeyFile
from adapters.keys.key_ring import WrongKey
from adapters.keys.sealing import SECRET_BYTES, hkdf_sha512, length_prefixed
from adapters.keys.store import KeyStore

DIGESTS, IDENTIFIERS, NAMED = "request digests", "identifiers", "named secrets"


class ServiceSecrets:
    """Held in memory as long as the process lives. 32 bytes each.

    `digest_key` is for keyed digests of requests, `identifier_key` for pseudonymous ids that come out the same again.
    """

    def __init__(self, digest_key: bytes, identifier_key: bytes, named: bytes) -> None:
        self.digest_key = digest_key
        self.identifier_key = identifier_key
        self._named = named

    @classmethod
    async def kept_in(cls, pool: AsyncConnectionPool[Any], holders: Holders, *, derived_before: bool = False) -> Self:
        """Those that the ring keeps, made at the first start; from a ring that is older than they are, those of its key file.

        `pool` connects as `accompany_keys`. Raises KeysUnavailable, or WrongKey for a secret that does not unwrap.
        """
        store = KeyStore(pool)
        rows = await store.ask(None, "SELECT name, wrapped FROM keys.service_secrets")
        kept = {name: bytes(wrapped) for name, wrapped in rows}
        before: dict[str, bytes] = {}
        if derived_before and isinstance(holders.first, KeyFile):
            before = {DIGESTS: holders.first.digest_key, IDENTIFIERS: holders.first.identifier_key}
        for name in (DIGESTS, IDENTIFIERS, NAMED):
            if name not in kept:
                [offered] = await holders.wrap([(ServiceSecret(name), before.get(name) or os.urandom(SECRET_BYTES))])
                rows = await store.ask(None, "SELECT keys.keep_secret(%s, %s)", (name, offered))
                if not rows:
                    raise KeyHolderUnavailable
                [[kept[name]]] = rows
        wrapped = [(ServiceSecret(name), bytes(kept[name])) for name in (DIGESTS, IDENTIFIERS, NAMED)]
        secrets = [one for one in await holders.unwrap(wrapped) if one is not None]
        if len(secrets) != len(wrapped):
            raise WrongKey(holders.in_force)
        return cls(*secrets)

    def digest(self, content: bytes) -> bytes:
        """HMAC-SHA-256 of a request: tells two apart and tells nobody what was in them."""
        return hmac.digest(self.digest_key, content, "sha256")

    def derived(self, name: str, organisation_id: UUID) -> bytes:
        """A secret for this use in this organisation: the same each time, and of no use for guessing another."""
        info = b"accompany named secret 1" + length_prefixed(name.encode(), organisation_id.bytes)
        return hkdf_sha512(self._named, salt=b"", info=info, length=SECRET_BYTES)
