"""Looks the transparency logs over: whether they go on, what they were signed up to, and who has witnessed it."""

from typing import Any

import psycopg

from adapters.doctor import Finding
from adapters.evidence.logged import LOGS, Log
from adapters.evidence.signing import LastSigned, LogKey, SignedStateDamaged
from adapters.evidence.stored import LogStore
from adapters.keys.key_file import KeyFileRefused
from adapters.settings import Settings


async def logs(settings: Settings, dsn: str) -> list[Finding]:
    """One finding for each log, and one for each witness that does not sign."""
    try:
        key = LogKey.at(settings.data, settings.log_origin, create=False)
    except KeyFileRefused as refused:
        return [Finding("log key", "warning", str(refused))]
    findings: list[Finding] = []
    with psycopg.connect(dsn, autocommit=True) as connection:
        for log in LOGS:
            findings += _log(connection, log, key, settings)
        if connection.execute("SHOW fsync").fetchone() == ("off",):
            said = "PostgreSQL runs with fsync off: a power cut can take back rows that were signed."
            findings.append(Finding("log durability", "warning", said))
    return findings


def _log(connection: psycopg.Connection[Any], log: Log, key: LogKey, settings: Settings) -> list[Finding]:
    check = f"log {log.name}"
    store = LogStore(connection, log.name)
    try:
        last = LastSigned(settings.data, key).read(log.name)
    except SignedStateDamaged as damaged:
        return [Finding(check, "failed", str(damaged))]
    size = store.size()
    stopped = connection.execute("SELECT stopped, stopped_at FROM evidence.logs WHERE log = %s", (log.name,)).fetchone()
    if stopped and stopped[0]:
        said = f"stopped: {stopped[0]} at position {stopped[1]}; nothing is signed. Run: accompany audit verify"
        return [Finding(check, "failed", said)]
    if last and last.checkpoint.size > size:
        said = f"log-rolled-back: {last.checkpoint.size} entries were signed and the database has {size}. Was an older one restored?"
        return [Finding(check, "failed", said)]
    published = store.newest_checkpoint(key.origin(log.name))
    signed = published.size if published else 0
    findings = [
        Finding(
            check,
            "ok" if signed == size else "warning",
            f"{signed} of {size} entries signed as {key.origin(log.name)}"
            + ("" if not published or published.witnessed else "; fewer witnesses than the policy asks for"),
        )
    ]
    for witness, trouble, at in connection.execute(
        "SELECT witness, trouble, size FROM evidence.witnesses WHERE log = %s ORDER BY witness", (log.name,)
    ).fetchall():
        if trouble:
            # What shows two histories is never only a warning.
            state = "failed" if trouble in ("witness-ahead", "witness-conflict", "witness-inconsistent") else "warning"
            findings.append(Finding(f"{check}, {witness}", state, f"{trouble} at size {at}"))  # type: ignore[arg-type]  # one of the two
    return findings
