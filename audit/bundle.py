"""An evidence bundle: what an auditor takes home, put together from what the logs hold, and checked before it is handed out.

The files and what each proves: docs/evidence.md. The same contents give the same bytes. The last step is to run the verifier that an
auditor will run: a bundle that does not pass is never handed out, and what it says is wrong is an alarm.
"""

import base64
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

from audit.inclusion_proof import InclusionProof
from audit.merkle import Node, Span
from audit.note import VerifierKey
from audit.verifier import accompany_verify

FORMAT = accompany_verify.FORMAT
_VERIFIER = Path(accompany_verify.__file__)
# The beginning of time, as ZIP counts: no bundle says when it was packed, so that the same contents are the same file.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_READABLE_BY_OWNER = 0o100600 << 16


class BundleDoubtful(Exception):
    """The verifier does not accept what was put together: the record or a log is not what it should be. Nothing was handed out.

    `failures` name records and what is wrong with them, by id and position: nothing personal.
    """

    code: ClassVar[str] = "bundle-doubtful"

    def __init__(self, failures: Sequence[tuple[str, str]]) -> None:
        told = "; ".join(": ".join(filter(None, failure)) for failure in failures[:3])
        super().__init__(f"The evidence does not pass its own verification: {told}")
        self.failures = failures


@dataclass(frozen=True, slots=True)
class WholeRange:
    """All positions from `first` to `last`: `withheld` are the leaf hashes of those that the bundle does not hold."""

    first: int
    last: int
    around: Sequence[bytes]
    withheld: Mapping[int, bytes]


@dataclass(frozen=True, slots=True)
class LogPart:
    """What a bundle holds of one log.

    `envelopes` are the rows, by position; `proofs` the inclusion proofs of those outside of `whole`; `checkpoint` is the signed note with
    its cosignatures, and `consistency` leads to it from older sizes.
    """

    log: str
    key: VerifierKey
    checkpoint: bytes
    envelopes: Mapping[int, bytes]
    proofs: Mapping[int, Sequence[bytes]]
    whole: WholeRange | None = None
    consistency: Mapping[int, Sequence[bytes]] = field(default_factory=dict)
    timestamps: Sequence[bytes] = ()


@dataclass(frozen=True, slots=True)
class OpenedValue:
    """A sealed value that may be read: `prk` opens it and nothing else (docs/sealing.md)."""

    position: int
    group: str
    person_id: UUID
    prk: bytes
    text: bytes


@dataclass(frozen=True, slots=True)
class Contents:
    """`subject` is as the manifest tells it; `request` the position of the event that records the request; `consent` the consent proof."""

    organisation_id: UUID
    subject: Mapping[str, str | None]
    request: int
    opening: str
    logs: Sequence[LogPart]
    opened: Sequence[OpenedValue]
    consent: Mapping[str, Any]


def packed(contents: Contents) -> bytes:
    """The bundle as a ZIP file. Raises BundleDoubtful."""
    files = {
        "README.txt": accompany_verify.README.encode(),
        "accompany_verify.py": _VERIFIER.read_bytes(),
        "consent.json": _json(contents.consent) + b"\n",
        "opened.jsonl": _lines(
            {
                "position": one.position,
                "group": one.group,
                "person": str(one.person_id),
                "prk": _base64(one.prk),
                "text": one.text.decode(),
            }
            for one in sorted(contents.opened, key=lambda one: (one.position, one.group))
        ),
    }
    for part in contents.logs:
        files |= _log_files(part)
    manifest = {
        "format": FORMAT,
        "organisation": str(contents.organisation_id),
        "subject": contents.subject,
        "request": contents.request,
        "opening": contents.opening,
    }
    bundle = accompany_verify.Bundle({**files, "manifest.json": _json({**manifest, "files": {}})}, _trust(contents))
    failures = [
        failure for check in bundle.run() if check.name not in ("files", "summary") for failure in check.failures
    ]
    if failures:
        raise BundleDoubtful(failures)
    files["summary.html"] = accompany_verify.draw_summary(bundle)
    listed = {name: {"bytes": len(content), "sha256": sha256(content).hexdigest()} for name, content in files.items()}
    return archived({**files, "manifest.json": _json({**manifest, "files": listed})})


@dataclass(frozen=True, slots=True)
class Examined:
    """What the verifier finds of one mentorship, looked at without a bundle. `checks` have titles for people."""

    checkpoint: accompany_verify.Checkpoint | None
    checks: Sequence[accompany_verify.Check]
    events: Sequence[accompany_verify.Row]
    gaps: int

    @property
    def holds(self) -> bool:
        return all(check.outcome == "held" for check in self.checks)


def examined(organisation_id: UUID, stream_id: UUID, part: LogPart, consent: Mapping[str, Any]) -> Examined:
    """The proof of one mentorship against the latest checkpoint, by the program that auditors run."""
    trust = accompany_verify.Trust(keys=[accompany_verify.read_key(str(part.key), "the log's key")])
    files = {
        **_log_files(part),
        "manifest.json": _json({"format": FORMAT, "organisation": str(organisation_id)}),
        "consent.json": _json(consent) + b"\n",
    }
    bundle = accompany_verify.Bundle(files, trust)
    whole = accompany_verify.Check("completeness", "No entry of this case is missing")
    bundle.run(["events-checkpoint", "events", "consent"])
    versions = [event.version for event in bundle.events]
    if versions != list(range(1, len(versions) + 1)):
        whole.fail(f"stream {stream_id}", "an entry is missing between two others")
    whole.said = f"entries 1 to {len(versions)}"
    checks = [*bundle.checks[:2], whole, *bundle.checks[2:]]
    return Examined(bundle.checkpoints.get("events"), checks, bundle.events, len(bundle.gaps))


def archived(files: Mapping[str, bytes]) -> bytes:
    """A ZIP file with nothing compressed and nothing left to choice: what it holds is never larger than itself."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system = 3
            entry.external_attr = _READABLE_BY_OWNER
            archive.writestr(entry, files[name], zipfile.ZIP_STORED)
    return out.getvalue()


def around(first: int, last: int, size: int) -> list[Span]:
    """The subtrees to the left and right of the leaves at these positions (from 1), as a walk from the root meets them."""
    low, high = first - 1, last

    def walk(begin: int, end: int) -> Iterable[Span]:
        if end <= low or begin >= high:
            yield _subtrees(begin, end)
        elif end - begin > 1:
            middle = begin + (1 << ((end - begin - 1).bit_length() - 1))
            yield from walk(begin, middle)
            yield from walk(middle, end)

    return list(walk(0, size))


def _subtrees(begin: int, end: int) -> Span:
    """The perfect subtrees between, from left to right; `begin` is a multiple of the largest one's width."""
    found = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        found.append(Node(level, begin >> level))
        begin += 1 << level
    return tuple(found)


def _log_files(part: LogPart) -> dict[str, bytes]:
    files = {
        f"{part.log}.jsonl": _lines(
            {"position": position, "envelope": _base64(envelope)}
            for position, envelope in sorted(part.envelopes.items())
        ),
        f"keys/{part.log}.vkey": f"{part.key}\n".encode(),
        f"checkpoints/{part.log}.txt": part.checkpoint,
    }
    for position, hashes in part.proofs.items():
        proof = InclusionProof(position - 1, tuple(hashes), part.checkpoint)
        files[f"proofs/{part.log}/{position}.tlog-proof"] = proof.encoded()
    for size, hashes in part.consistency.items():
        files[f"consistency/{part.log}-{size}.txt"] = "".join(f"{_base64(one)}\n" for one in hashes).encode()
    for number, response in enumerate(part.timestamps):
        files[f"timestamps/{part.log}-{number}.tsr"] = response
    if part.whole is not None:
        whole = part.whole
        told = {"first": whole.first, "last": whole.last, "hashes": [_base64(one) for one in whole.around]}
        files[f"range/{part.log}.json"] = _json(told)
        files[f"withheld/{part.log}.jsonl"] = _lines(
            {"position": position, "leaf": _base64(leaf)} for position, leaf in sorted(whole.withheld.items())
        )
    return files


def _trust(contents: Contents) -> accompany_verify.Trust:
    keys = [accompany_verify.read_key(str(part.key), "the log's key") for part in contents.logs]
    return accompany_verify.Trust(keys=keys)


def _lines(values: Iterable[Mapping[str, Any]]) -> bytes:
    return b"".join(_json(value) + b"\n" for value in values)


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
