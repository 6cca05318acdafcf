"""Asks one witness to sign, over HTTP: what it answers is one of a few outcomes with a stable name."""

import http.client
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any, Literal

from audit.add_checkpoint import PATH, SIZE_TYPE, AddCheckpoint
from audit.checkpoint import decimal
from audit.note import Note, NoteRefused, Signature, opened, parsed, signature_lines
from audit.policy import Witness

TIMEOUT = 10.0
LARGEST_ANSWER = 64 * 1024

type Trouble = Literal[
    "witness-unreachable",
    "witness-answer-malformed",
    "witness-knows-another-size",
    "witness-knows-not-this-log",
    "witness-refused-signature",
    "witness-inconsistent",
]
"""`witness-refused-signature` and `witness-knows-not-this-log`: it was not given our key. `witness-inconsistent`: what it has seen of this
log is not what we show it now."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A good cosignature, or what went wrong; with `witness-knows-another-size` the size that the witness knows."""

    cosignature: Signature | None = None
    trouble: Trouble | None = None
    size: int | None = None


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirects)


def ask(witness: Witness, request: AddCheckpoint, timeout: float = TIMEOUT) -> Answer:
    """Never raises for what a witness or the way to it does."""
    assert witness.url is not None, "only a witness with an address is asked"
    sent = urllib.request.Request(  # noqa: S310 - the policy's author names the address; http is for a private network
        witness.url.rstrip("/") + PATH, data=request.encoded(), headers={"Content-Type": "text/plain; charset=utf-8"}
    )
    try:
        with _OPENER.open(sent, timeout=timeout) as answer:
            return _signed(witness, request, answer.read(LARGEST_ANSWER))
    except urllib.error.HTTPError as refused:
        with refused:
            return _refused(refused)
    except (OSError, ValueError, http.client.HTTPException):
        return Answer(trouble="witness-unreachable")


def _signed(witness: Witness, request: AddCheckpoint, body: bytes) -> Answer:
    """Only a signature of the witness's own key counts; others that it sends along are ignored."""
    try:
        note = Note(parsed(request.checkpoint).text, signature_lines(body.decode()))
        _, [cosignature, *_] = opened(note, [witness.verifier])
    except (NoteRefused, UnicodeDecodeError):
        return Answer(trouble="witness-answer-malformed")
    return Answer(cosignature)


def _refused(answer: urllib.error.HTTPError) -> Answer:
    match answer.code:
        case 409 if answer.headers.get_content_type() == SIZE_TYPE:
            try:
                size = decimal(answer.read(64).decode("ascii").removesuffix("\n"))
            except (NoteRefused, UnicodeDecodeError):
                return Answer(trouble="witness-answer-malformed")
            return Answer(trouble="witness-knows-another-size", size=size)
        case 409 | 422:
            return Answer(trouble="witness-inconsistent")
        case 404:
            return Answer(trouble="witness-knows-not-this-log")
        case 403:
            return Answer(trouble="witness-refused-signature")
        case _:
            return Answer(trouble="witness-unreachable")
