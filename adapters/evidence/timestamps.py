"""RFC 3161 timestamps: an authority that knows nothing of us says that a checkpoint's note existed at a time.

Needs the package `rfc3161-client` (`accompany[timestamps]`). Whether the authority's certificate is to be trusted is for those who verify
the evidence to say; here it is only made sure that the answer is one to what was asked.
"""

import hashlib
import http.client
import urllib.error
import urllib.request
from typing import ClassVar

TIMEOUT = 15.0
LARGEST_ANSWER = 64 * 1024


class TimestampFailed(Exception):
    """No timestamp this time. `code` says why: timestamp-unreachable, timestamp-refused, timestamp-differs."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class TimestampsMissing(Exception):
    """The setting asks for timestamps, and the package that makes them is not installed."""

    code: ClassVar[str] = "timestamps-missing"

    def __init__(self) -> None:
        super().__init__("ACCOMPANY_TIMESTAMP_URL needs the package rfc3161-client: install accompany[timestamps].")


class Authority:
    """A timestamping authority at an address. Raises TimestampsMissing."""

    def __init__(self, url: str) -> None:
        try:
            import rfc3161_client  # noqa: PLC0415 - an extra that most installations do without
        except ImportError:
            raise TimestampsMissing from None
        self._client = rfc3161_client
        self.url = url

    def stamp(self, content: bytes) -> bytes:
        """The whole response, in DER, over the SHA-512 of `content`. Raises TimestampFailed."""
        # The client hashes with SHA-512 unless told otherwise, and asks for the certificates to be sent along.
        wanted = (
            self._client.TimestampRequestBuilder()
            .data(content)
            .nonce(nonce=True)
            .cert_request(cert_request=True)
            .build()
        )
        request = urllib.request.Request(  # noqa: S310 - the setting takes http and https alone
            self.url, data=wanted.as_bytes(), headers={"Content-Type": "application/timestamp-query"}
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310 - the same
                encoded = bytes(answer.read(LARGEST_ANSWER))
        except (urllib.error.URLError, http.client.HTTPException, OSError):
            raise TimestampFailed("timestamp-unreachable") from None
        try:
            response = self._client.decode_timestamp_response(encoded)
            granted = response.status in (0, 1)
            told = response.tst_info if granted else None
        except ValueError:
            raise TimestampFailed("timestamp-refused") from None
        if told is None:
            raise TimestampFailed("timestamp-refused")
        if told.message_imprint.message != hashlib.sha512(content).digest() or told.nonce != wanted.nonce:
            raise TimestampFailed("timestamp-differs")
        return encoded
