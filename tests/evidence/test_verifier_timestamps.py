"""Timestamps in a bundle, of a real authority made of OpenSSL, checked against the certificate that the auditor brings."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.evidence.timestamps import Authority
from audit.bundle import packed
from audit.note import parsed
from audit.verifier import accompany_verify as verifier
from tests.evidence import small_log
from tests.evidence.small_log import contents, requested
from tests.evidence.test_timestamps import authority, openssl

__all__ = ["openssl"]


def test_a_timestamp_is_of_the_authority_and_over_this_checkpoint(
    tmp_path: Path, openssl: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = requested()
    witnessed = replace(log, cosigners=[small_log.witness("witness.test/one", 11)])
    with authority(openssl) as url:
        # The authority sees the note before any witness has added to it.
        stamp = Authority(url).stamp(log.checkpoint())
        other = Authority(url).stamp(log.checkpoint(5))
    path = tmp_path / "bundle.zip"
    root = str(openssl / "certificate.pem")
    base = contents(witnessed)
    assert len(parsed(base.logs[0].checkpoint).signatures) == 2

    path.write_bytes(packed(replace(base, logs=[replace(base.logs[0], timestamps=[stamp])])))
    assert verifier.main([str(path), "--timestamp-root", root]) == 0
    said = capsys.readouterr().out
    told = datetime.fromisoformat(said.split("there at ")[-1].split("\n")[0])
    assert abs(datetime.now(UTC) - told) < timedelta(minutes=10)

    path.write_bytes(packed(replace(base, logs=[replace(base.logs[0], timestamps=[other])])))
    assert verifier.main([str(path), "--timestamp-root", root]) == 1
    assert "is not one of this authority over this checkpoint" in capsys.readouterr().out

    path.write_bytes(packed(base))
    assert verifier.main([str(path), "--timestamp-root", root]) == 1
    assert "there is no timestamp in the bundle" in capsys.readouterr().out
