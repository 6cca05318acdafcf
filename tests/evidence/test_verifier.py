"""The verifier, on a bundle that is right, and on everything that somebody could have done to it."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from audit.bundle import BundleDoubtful, Contents, archived, around, packed
from audit.merkle import proof_from
from audit.verifier import accompany_verify as verifier
from domain.evidence import AboutPeriod, EvidenceOpening
from tests.domain.scenario import MENTORSHIP
from tests.evidence import small_log
from tests.evidence.small_log import SmallLog, changed, contents, requested
from tests.golden.stored import ORGANISATION

HOLDS, FAILS, WRONG_USE, REFUSED, NOT_CHECKED, GAPS = range(6)
LOG = requested()
WITNESSED = replace(
    LOG, cosigners=[small_log.witness("witness.test/one", 11), small_log.witness("witness.test/two", 12)]
)
BUNDLE = packed(contents(LOG, since=[10]))


def unpacked(archive: bytes) -> dict[str, bytes]:
    return {name: bytes(content) for name, content in verifier.read_archive(memoryview(archive)).items()}


FILES = unpacked(BUNDLE)
KEY = str(LOG.signer.verifier_key)
AN_ACT = small_log.position_of(LOG.rows, lambda row: row.purpose == "accompaniment")


def checked(
    files: Mapping[str, bytes], trust: verifier.Trust | None = None
) -> tuple[verifier.Bundle, dict[str, verifier.Check]]:
    bundle = verifier.Bundle(dict(files), trust or verifier.Trust(keys=[verifier.read_key(KEY, "key")]))
    return bundle, {check.name: check for check in bundle.run()}


def failures(files: Mapping[str, bytes], trust: verifier.Trust | None = None) -> dict[str, list[tuple[str, str]]]:
    return {name: check.failures for name, check in checked(files, trust)[1].items() if check.failures}


def with_manifest(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """As somebody would repair the manifest after a change."""
    manifest = json.loads(files["manifest.json"])
    manifest["files"] = {
        name: {"bytes": len(content), "sha256": sha256(content).hexdigest()}
        for name, content in files.items()
        if name != "manifest.json"
    }
    return {**files, "manifest.json": verifier.canonical(manifest)}


def redrawn(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The same by somebody who draws the summary and tells the consents anew, too, with our own program."""
    bundle, _ = checked(files)
    told = {str(stream): proof.told for stream, proof in bundle.proofs.items()}
    files = {**files, "consent.json": verifier.canonical(told) + b"\n"}
    if bundle.request is not None:
        files["summary.html"] = verifier.draw_summary(bundle)
    return with_manifest(files)


def rows_of(files: Mapping[str, bytes]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in files["events.jsonl"].splitlines()]


def of_rows(files: Mapping[str, bytes], rows: list[dict[str, Any]]) -> dict[str, bytes]:
    return {**files, "events.jsonl": b"".join(verifier.canonical(row) + b"\n" for row in rows)}


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    code = verifier.main([str(argument) for argument in arguments])
    return code, capsys.readouterr().out


def test_a_bundle_holds_and_says_what_was_checked_and_what_it_does_not_prove(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bundle.zip"
    path.write_bytes(BUNDLE)
    code, said = run(capsys, path, "--log-key", KEY)
    assert code == HOLDS
    assert "All that was checked holds." in said
    assert "What this does not prove:" in said
    assert "not checked" in said
    assert "the key came with the bundle" not in said
    code, said = run(capsys, path)
    assert (code, "the key came with the bundle" in said) == (HOLDS, True)
    code, said = run(capsys, path, "--json")
    told = json.loads(said)
    assert (code, told["verdict"]) == (HOLDS, "holds")
    assert {check["check"]: check["outcome"] for check in told["checks"]}["events"] == "held"


def test_the_same_contents_are_the_same_file_byte_for_byte() -> None:
    assert packed(contents(LOG, since=[10])) == BUNDLE


def test_any_byte_that_is_changed_in_the_archive_is_found() -> None:
    """A few thousand places, and every one of the structures between the files."""
    random = Random(7)  # noqa: S311  # no secret: the same places in every run
    structure = range(len(BUNDLE) - 60 * len(FILES), len(BUNDLE))
    for at in [*random.sample(range(len(BUNDLE)), 1500), *random.sample(structure, 500)]:
        broken = bytearray(BUNDLE)
        broken[at] ^= 1 << random.randrange(8)
        try:
            files = verifier.read_archive(memoryview(broken))
            found = any(check.failures for check in verifier.Bundle(files, verifier.Trust()).run())
        except verifier.Malformed:
            found = True
        assert found, at


@pytest.mark.parametrize(
    "name", sorted({name if "proofs/" not in name else "proofs/events/21.tlog-proof" for name in FILES})
)
def test_any_byte_that_is_changed_in_a_file_is_found_also_after_the_manifest_was_repaired(name: str) -> None:
    own = verifier.Trust(keys=[verifier.read_key(KEY, "key")], own_source=Path(verifier.__file__).read_bytes())
    known = verifier.Checkpoint.read(LOG.checkpoint(10), "known")
    trust = replace(own, known=[known])
    random = Random(name)  # noqa: S311  # the same
    for at in random.sample(range(len(FILES[name])), min(12, len(FILES[name]))):
        broken = bytearray(FILES[name])
        broken[at] ^= 1 << random.randrange(8)
        files = {**FILES, name: bytes(broken)}
        try:
            assert failures(with_manifest(files) if name != "manifest.json" else files, trust), at
        except verifier.Malformed:
            assert name == "manifest.json"
        except (ValueError, KeyError):
            assert name == "manifest.json"  # it can't be repaired any more


OWNER = UUID(int=666)
CHANGES: dict[str, dict[str, Any]] = {
    "state": {"state": LOG.rows[AN_ACT - 1].state.replace(b'"adjourned"', b'"granted__"'.replace(b"__", b""))},
    "actor": {"actor_id": OWNER},
    "purpose": {"purpose": "mentoring"},
    "time of recording": {"recorded_at": LOG.rows[AN_ACT - 2].recorded_at},
    "trace": {"trace_id": "f" * 32},
    "command": {"command_key": "another"},
    "topic": {"topic": "appointment-concluded"},
    "organisation": {"organisation_id": small_log.NEIGHBOUR},
}


@pytest.mark.parametrize("what", CHANGES)
def test_an_event_that_its_owner_changed_and_packed_anew_is_named(what: str) -> None:
    forged = small_log.envelope_of(changed(LOG.rows, AN_ACT, **CHANGES[what])[AN_ACT - 1])
    assert forged != small_log.envelope_of(LOG.rows[AN_ACT - 1])
    rows = [
        {**row, "envelope": base64.b64encode(forged).decode()} if row["position"] == AN_ACT else row
        for row in rows_of(FILES)
    ]
    found = failures(redrawn(of_rows(FILES, rows)))
    assert any(record.startswith(f"event {AN_ACT} ") for record, _ in found["events"])


def test_a_dropped_event_is_named_by_its_version() -> None:
    rows = [row for row in rows_of(FILES) if row["position"] != AN_ACT]
    files = of_rows(
        {name: content for name, content in FILES.items() if name != f"proofs/events/{AN_ACT}.tlog-proof"}, rows
    )
    version = LOG.rows[AN_ACT - 1].originator_version
    assert (f"stream {MENTORSHIP}", f"version {version} is missing") in failures(redrawn(files))["completeness"]


def test_newest_events_that_were_left_out_are_found_because_the_request_counts_them() -> None:
    last = max(row["position"] for row in rows_of(FILES) if LOG.rows[row["position"] - 1].originator_id == MENTORSHIP)
    rows = [row for row in rows_of(FILES) if row["position"] != last]
    files = of_rows(
        {name: content for name, content in FILES.items() if name != f"proofs/events/{last}.tlog-proof"}, rows
    )
    assert list(failures(redrawn(files))) == ["completeness"]


def test_two_events_that_were_swapped_are_named() -> None:
    rows = rows_of(FILES)
    rows[5]["envelope"], rows[6]["envelope"] = rows[6]["envelope"], rows[5]["envelope"]
    assert len(failures(redrawn(of_rows(FILES, rows)))["events"]) >= 2


def test_an_event_that_is_there_twice_is_found() -> None:
    rows = rows_of(FILES)
    assert "events" in failures(redrawn(of_rows(FILES, [rows[0], *rows])))


def test_another_log_that_its_owner_signed_anew_does_not_pass_with_the_key_or_the_checkpoint_that_the_auditor_has() -> (
    None
):
    """Whoever has the log's own key can make a whole other history. It takes what somebody else remembers to find it."""
    other = replace(LOG, rows=changed(LOG.rows, 3, actor_id=OWNER))
    files = unpacked(packed(contents(other, since=[10])))
    assert failures(files) == {}
    known = verifier.Checkpoint.read(LOG.checkpoint(10), "known")
    trust = verifier.Trust(keys=[verifier.read_key(KEY, "key")], known=[known])
    assert list(failures(files, trust)) == ["events-consistency"]
    assert failures(FILES, trust) == {}
    another_key = verifier.read_key(str(small_log.signer(seed=2).verifier_key), "key")
    assert "events-checkpoint" in failures(FILES, verifier.Trust(keys=[another_key]))


def test_a_log_that_was_rolled_back_is_smaller_than_what_the_auditor_has_seen() -> None:
    larger = SmallLog([*LOG.rows, *LOG.rows])
    known = verifier.Checkpoint.read(larger.checkpoint(), "known")
    trust = verifier.Trust(keys=[verifier.read_key(KEY, "key")], known=[known])
    assert "shortened" in failures(FILES, trust)["events-consistency"][0][1]


def test_a_checkpoint_of_another_time_does_not_fit_the_proofs() -> None:
    files = {**FILES, "checkpoints/events.txt": LOG.checkpoint(len(LOG.rows) - 1)}
    found = failures(redrawn(files))
    assert len(found["events"]) == len(rows_of(FILES))


def test_enough_witnesses_of_the_policy_must_have_cosigned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, policy = tmp_path / "bundle.zip", tmp_path / "policy"
    path.write_bytes(packed(contents(WITNESSED)))
    one, two, three = (
        small_log.witness(f"witness.test/{name}", seed).verifier_key
        for name, seed in (("one", 11), ("two", 12), ("three", 13))
    )
    lines = [f"log {KEY}", f"witness one {one}", f"witness two {two}", f"witness three {three}"]
    policy.write_text("\n".join([*lines, "group enough 2 one two three", "quorum enough"]))
    assert run(capsys, path, "--policy", policy)[0] == HOLDS
    policy.write_text("\n".join([*lines, "group enough all one two three", "quorum enough"]))
    code, said = run(capsys, path, "--policy", policy)
    assert code == FAILS
    assert "the quorum is not met: cosigned by one, two" in said
    path.write_bytes(BUNDLE)
    policy.write_text("\n".join([*lines, "quorum one"]))
    assert run(capsys, path, "--policy", policy)[0] == FAILS


def test_a_witness_whose_cosignature_is_of_another_checkpoint_is_named() -> None:
    note = LOG.checkpoint()
    cosigned = replace(WITNESSED, rows=LOG.rows[:-1]).checkpoint().split(b"\n")
    forged = note + b"\n".join(line for line in cosigned if b"witness.test/one" in line) + b"\n"
    files = {name: content.replace(note, forged) for name, content in FILES.items()}
    policy = verifier.Policy.read(
        f"log {KEY}\nwitness one {small_log.witness('witness.test/one', 11).verifier_key}\nquorum one\n".encode(),
        "policy",
    )
    found = failures(with_manifest(files), verifier.Trust(policy=policy))
    assert ("one", "the cosignature of witness.test/one is wrong") in found["events-witnesses"]


def first_opened(files: Mapping[str, bytes], **changes: str) -> dict[str, bytes]:
    first, *rest = files["opened.jsonl"].splitlines()
    return {**files, "opened.jsonl": b"\n".join([verifier.canonical({**json.loads(first), **changes}), *rest, b""])}


def test_a_text_that_is_not_what_was_sealed_is_named_and_so_is_another_key() -> None:
    text = json.loads(FILES["opened.jsonl"].splitlines()[0])["text"].replace("Jo Falk", "Jo Folk")
    other = json.loads(FILES["opened.jsonl"].splitlines()[1])["prk"]
    for changes, problem in (
        ({"text": text}, "the text is not the one that was sealed"),
        ({"prk": other}, "the key is not the one that the sealed value commits to"),
        ({"person": str(OWNER)}, "it is not that person's"),
    ):
        [(record, said)] = failures(redrawn(first_opened(FILES, **changes)))["opened"]
        assert record.startswith("event ")
        assert said == problem


def test_a_value_that_is_open_though_the_request_asks_for_less_is_found() -> None:
    mine = [row for row in LOG.rows if row.position == AN_ACT]
    more = small_log.opened(mine, lambda row: True)
    assert more
    with pytest.raises(BundleDoubtful) as refused:
        packed(replace(contents(LOG), opened=[*contents(LOG).opened, *more]))
    [(record, problem)] = refused.value.failures
    assert record.startswith(f"event {AN_ACT} ")
    assert problem == "it is open, though the request asks for less"


def test_a_consent_proof_that_says_something_else_than_the_events_is_found() -> None:
    told = json.loads(FILES["consent.json"])
    told[str(MENTORSHIP)]["acts"][0]["judgement"] = "not-in-force"
    found = failures(with_manifest({**FILES, "consent.json": verifier.canonical(told) + b"\n"}))
    assert found["consent"] == [(f"stream {MENTORSHIP}", "the consent proof says something else than the events do")]


def test_a_summary_that_shows_something_else_is_found() -> None:
    summary = FILES["summary.html"].replace(b"Consent refused", b"Consent given")
    assert summary != FILES["summary.html"]
    assert list(failures(with_manifest({**FILES, "summary.html": summary}))) == ["summary"]


def test_a_summary_is_one_page_that_loads_nothing_and_runs_nothing() -> None:
    page = FILES["summary.html"].decode()
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert "Yearly audit &lt;2025&gt; &amp; more" in page


def test_a_verifier_in_the_bundle_that_is_another_program_is_found() -> None:
    own = verifier.Trust(keys=[verifier.read_key(KEY, "key")], own_source=Path(verifier.__file__).read_bytes())
    assert failures(FILES, own) == {}
    files = with_manifest({**FILES, "accompany_verify.py": FILES["accompany_verify.py"] + b"\n"})
    assert list(failures(files, own)) == ["summary"]


def test_a_bundle_about_something_else_than_was_asked_for_is_found() -> None:
    manifest = {
        **json.loads(FILES["manifest.json"]),
        "subject": {"kind": "person", "id": str(OWNER), "from": None, "until": None},
    }
    assert "request" in failures({**FILES, "manifest.json": verifier.canonical(manifest)})


def test_a_use_without_a_consent_in_force_has_an_exit_code_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = small_log.story()
    given = small_log.position_of(
        rows, lambda row: row.topic == "consent-given" and b'"credential-recognition"' in row.state
    )
    act = small_log.position_of(rows, lambda row: row.purpose == "credential-recognition")
    state = rows[given - 1].state.replace(b'"valid_from":"2025-03-03"', b'"valid_from":"2026-03-03"')
    assert state != rows[given - 1].state
    rows = changed(rows, given, state=state)
    log = SmallLog(small_log.request(rows, small_log.of_mentorship(rows)))
    path = tmp_path / "bundle.zip"
    path.write_bytes(packed(contents(log)))
    code, said = run(capsys, path)
    assert code == GAPS
    assert "Uses of data without a consent in force:" in said
    assert f"event {act} " in said


def test_what_an_auditor_keeps_after_one_bundle_is_held_against_the_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, kept = tmp_path / "bundle.zip", tmp_path / "known"
    older = SmallLog(LOG.rows[:-1])
    path.write_bytes(packed(contents(older)))
    assert run(capsys, path, "--remember", kept)[0] == HOLDS
    assert (kept / "events.checkpoint").read_bytes() == older.checkpoint()
    path.write_bytes(packed(contents(LOG, since=[len(older.rows)])))
    code, said = run(capsys, path, "--since", kept, "--remember", kept)
    assert code == HOLDS
    assert f"from {len(older.rows)} to {len(LOG.rows)} entries" in said
    path.write_bytes(packed(contents(LOG)))
    (kept / "events.checkpoint").write_bytes(LOG.checkpoint(10))
    code, said = run(capsys, path, "--since", kept)
    assert (code, "has no proof from 10 entries" in said) == (NOT_CHECKED, True)


def test_nothing_is_kept_of_a_bundle_that_does_not_hold(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bundle.zip"
    path.write_bytes(archived(with_manifest({**FILES, "consent.json": b"{}\n"})))
    assert run(capsys, path, "--remember", tmp_path / "known")[0] == FAILS
    assert not (tmp_path / "known").exists()


def a_period(opening: str = "sealed") -> tuple[SmallLog, Callable[..., Any]]:
    rows = small_log.story()
    first, last = 10, 40
    days = [row.recorded_at.date() for row in rows if row.recorded_at]
    about = AboutPeriod(days[0], days[-1], first, last)
    log = SmallLog(small_log.request(rows, about, EvidenceOpening(opening)))
    own = [row.position for row in log.rows if row.organisation_id == ORGANISATION and row.position]
    asked = next(row.position for row in log.rows if row.topic == "period-evidence-requested" and row.position)

    def bundle(whole: range = range(first, last + 1), without: tuple[int, ...] = ()) -> Any:
        wanted = [at for at in own if at in whole and at not in without] + [asked]
        return Contents(
            ORGANISATION,
            {"kind": "period", "id": None, "from": days[0].isoformat(), "until": days[-1].isoformat()},
            asked,
            opening,
            [log.part(wanted, whole=whole)],
            [],
            small_log.consent_of(log.rows[:last], log.rows[asked - 1].recorded_at),
        )

    return log, bundle


def test_a_period_is_proven_whole_with_what_is_anothers_withheld() -> None:
    log, bundle = a_period()
    files = unpacked(packed(bundle()))
    assert failures(files) == {}
    assert len(files["withheld/events.jsonl"].splitlines()) == sum(
        row.organisation_id != ORGANISATION for row in log.rows[9:40]
    )
    assert b"accompaniment" not in b"".join(files[name] for name in files if name.startswith("withheld"))


def test_an_event_that_is_hidden_among_the_withheld_of_a_period_is_missed_in_its_stream() -> None:
    _, bundle = a_period()
    with pytest.raises(BundleDoubtful) as refused:
        packed(bundle(without=(25,)))
    assert "is missing" in refused.value.failures[0][1]


def test_a_position_that_is_left_out_of_a_period_is_named() -> None:
    _, bundle = a_period()
    files = unpacked(packed(bundle()))
    lines = files["withheld/events.jsonl"].splitlines(keepends=True)
    found = failures(with_manifest({**files, "withheld/events.jsonl": b"".join(lines[1:])}))
    assert found["events"] == [("", f"position {json.loads(lines[0])['position']} is missing")]
    with pytest.raises(BundleDoubtful) as refused:
        packed(bundle(whole=range(10, 40)))
    assert ("range/events.json", "the positions are not those that the request names") in refused.value.failures


@settings(max_examples=150, deadline=None)
@given(some.integers(1, 300), some.data())
def test_a_range_of_positions_is_proven_by_one_proof(size: int, data: some.DataObject) -> None:
    first = data.draw(some.integers(1, size))
    last = data.draw(some.integers(first, size))
    leaves = [verifier.leaf_hash(str(number).encode()) for number in range(size)]

    def root(begin: int, end: int) -> bytes:
        if end - begin == 1:
            return leaves[begin]
        middle = begin + (1 << ((end - begin - 1).bit_length() - 1))
        return verifier.node_hash(root(begin, middle), root(middle, end))

    proof = proof_from(
        around(first, last, size),
        lambda node: root(node.number << node.level, (node.number + 1) << node.level),
    )
    assert verifier.root_of_range(leaves[first - 1 : last], first - 1, size, proof) == root(0, size)
    with pytest.raises(verifier.Refuted):
        verifier.root_of_range(leaves[first - 1 : last], first - 1, size, [*proof, leaves[0]])
    if proof:
        with pytest.raises(verifier.Refuted):
            verifier.root_of_range(leaves[first - 1 : last], first - 1, size, proof[1:])
