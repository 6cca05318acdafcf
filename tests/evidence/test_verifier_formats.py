"""What the verifier reads, format by format, against published vectors and the service's own writers, and what it refuses to read."""

import base64
import json
import re
import struct
import sys
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from audit import leaf
from audit.bundle import archived, packed
from audit.note import VerifierKey
from audit.verifier import accompany_verify as verifier
from tests.evidence import small_log
from tests.evidence.small_log import contents, requested
from tests.shared_data import shared_data

DOCS = Path(__file__).parents[2] / "docs"
BUNDLE = packed(contents(requested()))


def vectors(kind: str) -> list[Any]:
    """Their files, for the names of tests; none where the shared data are not at hand."""
    return sorted(Path(shared_data("merkle", kind)).rglob("*.json"))


@pytest.mark.parametrize("kind", ["inclusion", "consistency"])
def test_every_published_merkle_proof_is_judged_as_published(kind: str) -> None:
    judged = {True: 0, False: 0}
    for path in vectors(kind):
        vector = json.loads(path.read_text("utf-8"))
        read = {
            name: base64.b64decode(vector[name] or "")
            for name in vector
            if name in ("root", "leafHash", "root1", "root2")
        }
        proof = [base64.b64decode(one) for one in vector["proof"] or ()]
        try:
            if kind == "inclusion":
                found = verifier.root_of_inclusion(read["leafHash"], vector["leafIdx"], vector["treeSize"], proof)
                holds = found == read["root"]
            else:
                verifier.check_consistency(vector["size1"], read["root1"], vector["size2"], read["root2"], proof)
                holds = True
        except verifier.Refuted:
            holds = False
        # A proof from an empty tree is refused, though some publish it as right: every tree begins with it.
        expected = not vector["wantErr"] and not (kind == "consistency" and vector["size1"] == 0)
        assert holds is expected, path
        judged[expected] += 1
    assert min(judged.values()) > 5


def test_a_row_is_read_from_its_envelope_as_the_documentation_spells_it() -> None:
    text = (DOCS / "transparency-log.md").read_text("utf-8")
    for vector in json.loads(re.findall(r"```json envelope-vectors\n(.*?)```", text, re.S)[0]):
        row = verifier.Row.from_envelope("events", bytes.fromhex(vector["envelope"]), "vector")
        assert row.leaf.hex() == vector["leaf"]
        told = {name: row.columns[name] for name in vector["row"]}
        assert told["state"].hex() == vector["row"]["state"]
        assert told["recorded_at"].isoformat() == vector["row"]["recorded_at"]
        assert str(told["actor_id"]) == vector["row"]["actor_id"]
        assert told["trace_id"] == vector["row"]["trace_id"]


def test_the_columns_that_the_verifier_reads_are_those_that_the_service_writes() -> None:
    for envelope in (leaf.EVENTS, leaf.ACCESS):
        known = [tuple(column.replace("?", "").split()) for column in verifier.COLUMNS[envelope.log].split(",")]
        assert known == list(envelope.columns)


def test_a_value_opens_as_the_sealing_format_is_documented() -> None:
    for vector in json.loads(re.findall(r"```json\n(.*?)```", (DOCS / "sealing.md").read_text("utf-8"), re.S)[-1])[
        "values"
    ]:
        sealed, prk, associated = (bytes.fromhex(vector[name]) for name in ("sealed", "prk", "associated"))
        assert verifier.open_sealed(sealed, prk, associated).decode() == vector["plaintext"]
        for broken in (sealed[:-1], sealed[:50] + bytes([sealed[50] ^ 1]) + sealed[51:], b"\2" + sealed[1:], b""):
            with pytest.raises(verifier.Refuted):
                verifier.open_sealed(broken, prk, associated)
        with pytest.raises(verifier.Refuted):
            verifier.open_sealed(sealed, prk, associated + b"x")
        with pytest.raises(verifier.Refuted):
            verifier.open_sealed(sealed, bytes(64), associated)


def test_a_key_is_read_as_people_hand_it_on() -> None:
    key = small_log.signer().verifier_key
    read = verifier.read_key(f" {key}\n", "key")
    assert (read.name, read.kind, read.public) == (key.name, key.kind, key.public_key)
    for broken in (
        str(key)[:-2],
        str(key).replace("+", "-", 1),
        str(VerifierKey("x", 9, bytes(32))),
        "",
        "+",
        str(key).replace("test", "tess"),
    ):
        with pytest.raises(verifier.Malformed):
            verifier.read_key(broken, "key")


POLICY = "witness w1 {0}\nwitness w2 {1}\n"
W1, W2 = (str(small_log.witness(name, seed).verifier_key) for name, seed in (("w.test/1", 21), ("w.test/2", 22)))


@pytest.mark.parametrize(
    ("rest", "cosigned", "met"),
    [
        ("quorum none", [], True),
        ("quorum w1", [], False),
        ("quorum w1", ["w1"], True),
        ("group g any w1 w2\nquorum g", ["w2"], True),
        ("group g all w1 w2\nquorum g", ["w2"], False),
        ("group g 2 w1 w2\nquorum g", ["w1", "w2"], True),
        ("group g 1 w1\ngroup h all g w2\nquorum h", ["w1"], False),
        ("# a comment\n\n\tgroup g 1 w1\ngroup h all g w2\n quorum h", ["w1", "w2"], True),
    ],
)
def test_a_policy_says_whose_cosignatures_are_enough(rest: str, cosigned: list[str], met: bool) -> None:
    policy = verifier.Policy.read((POLICY.format(W1, W2) + rest).encode(), "policy")
    assert policy.is_met(cosigned) is met


@pytest.mark.parametrize(
    "text",
    [
        "",
        "quorum w1",
        f"witness w1 {W1}",
        f"witness none {W1}\nquorum none",
        f"witness w1 {W1}\nwitness w1 {W2}\nquorum w1",
        f"witness w1 {W1}\nwitness w2 {W1}\nquorum w1",
        f"log {W1}\nquorum none",
        f"witness w1 {small_log.signer().verifier_key}\nquorum w1",
        f"witness w1 {W1}\ngroup g 2 w1\nquorum g",
        f"witness w1 {W1}\ngroup g 0 w1\nquorum g",
        f"witness w1 {W1}\ngroup g some w1\nquorum g",
        f"witness w1 {W1}\ngroup g 1 w1 w1\nquorum g",
        f"witness w1 {W1}\ngroup g 1 w1\ngroup h 1 w1\nquorum h",
        f"group g 1 g\nquorum g\nwitness w1 {W1}",
        f"witness w1 {W1}\nquorum w1\nquorum w1",
        "quorum none\nsomething else",
    ],
)
def test_a_policy_that_can_be_misread_is_refused(text: str) -> None:
    with pytest.raises(verifier.Malformed):
        verifier.Policy.read(text.encode(), "policy")


def altered(change: Callable[[bytearray], None]) -> bytes:
    copy = bytearray(BUNDLE)
    change(copy)
    return bytes(copy)


def a_zip(**entries: Any) -> bytes:
    """One that our writer would not make."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w", entries.pop("method", zipfile.ZIP_STORED)) as archive:
        archive.comment = entries.pop("comment", b"")
        for name, content in entries.pop("files").items():
            archive.writestr(name, content)
    return out.getvalue()


MANIFEST = '{"format":"accompany-evidence/1"'
HOSTILE = {
    "nothing": b"",
    "no archive": b"PK" * 4000,
    "a truncated one": BUNDLE[:-40],
    "one with something in front": b"#!/bin/sh\n" + BUNDLE,
    "one with something behind": BUNDLE + b"x",
    "a compression bomb": a_zip(files={"manifest.json": bytes(50_000_000)}, method=zipfile.ZIP_DEFLATED),
    "a comment": a_zip(files={"manifest.json": b"{}"}, comment=b"hello"),
    "a path out of it": archived({"../etc/passwd": b"", "manifest.json": b"{}"}),
    "an absolute path": archived({"/etc/passwd": b"", "manifest.json": b"{}"}),
    "a path of another system": archived({"a\\b": b"", "manifest.json": b"{}"}),
    "a name of control characters": archived({"a\x1b[2J": b"", "manifest.json": b"{}"}),
    "a size that is not there": altered(lambda b: b.__setitem__(slice(-10, -6), struct.pack("<L", 2**32 - 1))),
    "more files than there are": altered(lambda b: b.__setitem__(slice(-14, -10), struct.pack("<2H", 65535, 65535))),
    "no manifest": archived({"README.txt": b""}),
    "a manifest that is no JSON": archived({"manifest.json": b"hello"}),
    "a manifest that is no object": archived({"manifest.json": b"[]"}),
    "a manifest of another form": archived({"manifest.json": b'{ "format": "accompany-evidence/1" }'}),
    "a manifest of another format": archived({"manifest.json": b'{"format":"accompany-evidence/9"}'}),
    "deep JSON": archived({"manifest.json": b"[" * 200_000}),
    "a giant number": archived({"manifest.json": (MANIFEST + ',"request":' + "9" * 100_000 + "}").encode()}),
    "a name that stands twice": archived({"manifest.json": b'{"format":1,"format":"accompany-evidence/1"}'}),
    "no number": archived({"manifest.json": (MANIFEST + ',"request":NaN}').encode()}),
    "half a character": archived({"manifest.json": (MANIFEST + ',"x":"\\ud800"}').encode()}),
    "text that is not UTF-8": archived({"manifest.json": b'{"format":"\xff"}'}),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_no_bundle_is_refused_in_a_sentence(
    what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bundle.zip"
    path.write_bytes(HOSTILE[what])
    assert verifier.main([str(path)]) == 3
    told = capsys.readouterr()
    assert told.out.startswith("Refused: ")
    assert "\x1b" not in told.out
    assert told.err == ""
    assert verifier.main([str(path), "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["verdict"] == "refused"


FILES = {name: bytes(content) for name, content in verifier.read_archive(memoryview(BUNDLE)).items()}
PIECES = [
    b"", b"\n", b"{}", b"[]", b"null", b"\xff\xfe", b"[" * 5_000, b"9" * 5_000, b'"\\ud800"', b"\n\n", "\u2014 a b\n".encode(), b"\0" * 100,
    b'{"position":99999999999999999999}', b'{"position":-1,"envelope":"AAAA"}', b'{"envelope":1}', b"e30=", b"+", b"\x00" * 12,
]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    some.sampled_from(sorted(FILES)),
    some.lists(some.sampled_from(PIECES), max_size=3),
    some.integers(0, 2**16),
    some.booleans(),
)
def test_nothing_in_a_file_brings_the_verifier_down(name: str, pieces: list[bytes], at: int, keep: bool) -> None:
    """Whatever stands in it, the answer is a finding or a refusal, and never another exception."""
    content = FILES[name]
    at %= len(content) + 1
    broken = content[:at] + b"".join(pieces) + (content[at:] if keep else b"")
    try:
        bundle = verifier.Bundle({**FILES, name: broken}, verifier.Trust())
        checks = bundle.run()
    except verifier.Malformed:
        return
    assert broken == content or any(check.failures for check in checks)
    verifier.as_text(bundle, checks, verifier.DOES_NOT_HOLD)
    json.loads(verifier.as_json(bundle, checks, verifier.DOES_NOT_HOLD))


@settings(max_examples=150, deadline=None)
@given(some.data())
def test_nothing_in_an_event_or_in_its_state_brings_the_verifier_down(data: some.DataObject) -> None:
    rows = [json.loads(line) for line in FILES["events.jsonl"].splitlines()]
    number = data.draw(some.integers(0, len(rows) - 1))
    envelope = bytearray(base64.b64decode(rows[number]["envelope"]))
    for _ in range(data.draw(some.integers(1, 4))):
        envelope[data.draw(some.integers(0, len(envelope) - 1))] = data.draw(some.integers(0, 255))
    cut = data.draw(some.integers(0, len(envelope)))
    rows[number]["envelope"] = base64.b64encode(envelope[:cut] if data.draw(some.booleans()) else envelope).decode()
    lines = b"".join(verifier.canonical(row) + b"\n" for row in rows)
    if lines != FILES["events.jsonl"]:
        checks = verifier.Bundle({**FILES, "events.jsonl": lines}, verifier.Trust()).run()
        assert any(check.failures for check in checks if check.name != "files")


@pytest.mark.parametrize(
    "arguments",
    [["--policy", "/nowhere"], ["--log-key", "nonsense"], ["--since", "/nowhere"], ["--timestamp-root", "/nowhere"]],
)
def test_what_can_not_be_used_to_check_is_named_before_anything_is_checked(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bundle.zip"
    path.write_bytes(BUNDLE)
    assert verifier.main([str(path), *arguments]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("accompany-verify: ")


def test_a_bundle_that_is_not_there_is_said_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert verifier.main(["/nowhere/bundle.zip"]) == 3
    assert "No such file" in capsys.readouterr().out


def test_the_verifier_knows_nothing_of_the_service_and_needs_one_package() -> None:
    source = Path(verifier.__file__).read_text("utf-8")
    imported = set(re.findall(r"^ *(?:from|import) ([a-z0-9_]+)", source, re.MULTILINE))
    assert imported - set(sys.stdlib_module_names) == {"cryptography", "rfc3161_client"}
