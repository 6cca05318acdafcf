"""The key-encryption key inside a PKCS#11 token: made there, used there, and never seen outside."""

import asyncio
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import pkcs11
from pkcs11 import Attribute, GCMParams, KeyType, Mechanism, MechanismFlag, ObjectClass, PKCS11Error
from pkcs11.exceptions import PinExpired, PinIncorrect, PinInvalid, PinLenRange, PinLocked, UserAlreadyLoggedIn

from adapters.keys.holder import HOLDER_BYTES, KeyHolderRefused, KeyHolderUnavailable, Subject
from adapters.keys.sealing import SECRET_BYTES, TAG_BYTES, length_prefixed

HELD_IN_TOKEN = b"\x02"
ID_BYTES = 16
NONCE_BYTES = 12
# Zeros in front of what is encrypted: a text that opens under two keys would need them under both. (Albertini and others, "How to Abuse
# and Fix Authenticated Encryption Without Key Commitment", USENIX Security 2022.)
COMMITTING = bytes(32)
WRAPPED_BYTES = NONCE_BYTES + len(COMMITTING) + SECRET_BYTES + TAG_BYTES
# A token that does not answer holds up its thread, not the service.
PATIENCE = 4.0

_PIN_REFUSED = (PinIncorrect, PinLocked, PinExpired, PinInvalid, PinLenRange)


class _Module:
    """A token's library: one for each process, and one thread to use it, since its state is shared and its calls block."""

    def __init__(self, path: str) -> None:
        self._lib = pkcs11.lib(path)
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="pkcs11")
        self.times_opened = 0

    def token(self, label: str) -> pkcs11.Token:
        return self._lib.get_token(token_label=label)

    def reopen(self) -> None:
        """After a token was taken out and put back its library finds it again only when it starts anew."""
        self.times_opened += 1
        self._lib.reinitialize()


# A library can't be loaded twice in one process.
_module = cache(_Module)


class Pkcs11Token:
    """A key holder of one AES-256 key in a token.

    Its name is 2 (a token) and the key's CKA_ID. Wraps with AES-256-GCM inside the token (CKM_AES_GCM) with a random nonce of 12
    bytes, so that one key is good for 2^32 wraps. What it is bound to goes in as associated data.
    """

    def __init__(self, module: _Module, token: str, key_label: str, pin: str) -> None:
        """Only `opened` calls this, in the module's thread."""
        self._module = module
        self._token = token
        self._key_label = key_label
        self._pin = pin
        self._pin_refused = False
        self._opened_at = module.times_opened
        self._session, self._key = self._open()
        self.holder = HELD_IN_TOKEN + self._key_id(self._key)

    @staticmethod
    async def opened(module: Path, token: str, key_label: str, pin_file: Path, *, create: bool) -> "Pkcs11Token":
        """The key of this label; with `create`, made in the token if there is none. Raises KeyHolderRefused."""
        pin = _pin(pin_file)
        try:
            loaded = _module(str(module))
        except PKCS11Error:
            raise KeyHolderRefused(
                f"The PKCS#11 module {module} does not start. Check ACCOMPANY_PKCS11_MODULE, and whether the token is plugged in."
            ) from None

        def open_it() -> "Pkcs11Token":
            try:
                if create:
                    _make_missing(loaded, token, key_label, pin)
                return Pkcs11Token(loaded, token, key_label, pin)
            except _PIN_REFUSED:
                raise KeyHolderRefused(
                    f"The token {token!r} does not take the PIN in {pin_file}. Mend the file before the token locks itself."
                ) from None
            except pkcs11.NoSuchToken:
                raise KeyHolderRefused(
                    f"There is no token called {token!r}. Is it plugged in and initialised?"
                ) from None
            except pkcs11.NoSuchKey:
                raise KeyHolderRefused(
                    f"There is no AES key called {key_label!r} in the token {token!r}. Put back the token whose key the data were "
                    "sealed with."
                ) from None
            except pkcs11.MultipleObjectsReturned:
                raise KeyHolderRefused(f"Several keys are called {key_label!r} in the token {token!r}.") from None
            except PKCS11Error as error:
                raise KeyHolderRefused(
                    f"The token {token!r} can't be used ({type(error).__name__}). Is it plugged in and initialised?"
                ) from None

        return await asyncio.get_running_loop().run_in_executor(loaded.thread, open_it)

    async def wrap(self, secrets: Sequence[tuple[Subject, bytes]]) -> list[bytes]:
        return await self._in_thread(lambda: [self._wrapped(subject, secret) for subject, secret in secrets])

    async def unwrap(self, wrapped: Sequence[tuple[Subject, bytes]]) -> list[bytes | None]:
        return await self._in_thread(lambda: [self._unwrapped(subject, one) for subject, one in wrapped])

    async def _in_thread[T](self, work: Callable[[], T]) -> T:
        def done() -> T:
            try:
                if self._opened_at != self._module.times_opened:
                    self._open_again()
                return work()
            except PKCS11Error:
                self._module.reopen()
                self._open_again()
                return work()

        try:
            async with asyncio.timeout(PATIENCE):
                return await asyncio.get_running_loop().run_in_executor(self._module.thread, done)
        except (PKCS11Error, TimeoutError, KeyHolderRefused):
            raise KeyHolderUnavailable from None

    def _wrapped(self, subject: Subject, secret: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return self.holder + nonce + self._encrypted(nonce, COMMITTING + secret, subject)

    def _encrypted(self, nonce: bytes, plaintext: bytes, subject: Subject) -> bytes:
        return bytes(
            self._key.encrypt(plaintext, mechanism=Mechanism.AES_GCM, mechanism_param=self._params(nonce, subject))
        )

    def _unwrapped(self, subject: Subject, wrapped: bytes) -> bytes | None:
        locked = wrapped[HOLDER_BYTES:]
        if wrapped[:HOLDER_BYTES] != self.holder or len(locked) != WRAPPED_BYTES:
            return None
        nonce = locked[:NONCE_BYTES]
        try:
            opened = bytes(
                self._key.decrypt(
                    locked[NONCE_BYTES:], mechanism=Mechanism.AES_GCM, mechanism_param=self._params(nonce, subject)
                )
            )
        except PKCS11Error:
            # A wrong tag and a broken token may look the same. If the token still works, it was the tag.
            self._encrypted(os.urandom(NONCE_BYTES), COMMITTING, subject)
            return None
        return opened[len(COMMITTING) :] if opened.startswith(COMMITTING) else None

    def _params(self, nonce: bytes, subject: Subject) -> GCMParams:
        return GCMParams(nonce, length_prefixed(self.holder, *subject.bound), TAG_BYTES * 8)

    def _open_again(self) -> None:
        if self._pin_refused:
            # Three more attempts, and many a token locks itself for good.
            raise KeyHolderUnavailable
        with suppress(PKCS11Error):
            self._session.close()
        try:
            self._session, self._key = self._open()
        except _PIN_REFUSED:
            self._pin_refused = True
            raise
        if HELD_IN_TOKEN + self._key_id(self._key) != self.holder:
            raise KeyHolderUnavailable
        self._opened_at = self._module.times_opened

    def _open(self) -> tuple[pkcs11.Session, Any]:
        session = _logged_in(self._module, self._token, self._pin)
        key = session.get_key(label=self._key_label, key_type=KeyType.AES, object_class=ObjectClass.SECRET_KEY)
        return session, key

    def _key_id(self, key: Any) -> bytes:
        identifier = bytes(key[Attribute.ID])
        if len(identifier) != ID_BYTES or not key[Attribute.SENSITIVE] or key[Attribute.EXTRACTABLE]:
            raise KeyHolderRefused(
                f"The key {self._key_label!r} must have a CKA_ID of 16 bytes, be sensitive and not extractable. Name a key that does "
                "not exist yet, and it is made so."
            )
        return identifier


def _make_missing(module: _Module, token: str, key_label: str, pin: str) -> None:
    with _logged_in(module, token, pin, rw=True) as session:
        if any(
            True for _ in session.get_objects({Attribute.LABEL: key_label, Attribute.CLASS: ObjectClass.SECRET_KEY})
        ):
            return
        session.generate_key(
            KeyType.AES,
            SECRET_BYTES * 8,
            label=key_label,
            id=os.urandom(ID_BYTES),
            store=True,
            capabilities=MechanismFlag.ENCRYPT | MechanismFlag.DECRYPT,
            template={Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False, Attribute.PRIVATE: True},
        )


def _logged_in(module: _Module, token: str, pin: str, *, rw: bool = False) -> pkcs11.Session:
    found = module.token(token)
    try:
        return found.open(user_pin=pin, rw=rw)
    except UserAlreadyLoggedIn:
        # By another holder in this token: the login is the whole process's.
        return found.open(rw=rw)


def _pin(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, ValueError):
        raise KeyHolderRefused(f"The file {path} with the token's PIN can't be read.") from None
