"""The inventory: every place that may hold something of a person, what it holds, and what an erasure does there.

A test reads the catalogue of the database and the data folder of an installation that was used, and fails where one of their tables
or files is not in here. Whoever adds a store adds a line.
"""

from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatch


class Kind(StrEnum):
    TABLE = "table"
    FILES = "files"
    MEMORY = "memory"
    ELSEWHERE = "elsewhere"


class Treatment(StrEnum):
    """What an erasure does in a store. The first three leave something behind, and docs/erasure.md says what."""

    NOTHING_PERSONAL = "nothing-personal"
    KEY_DESTROYED = "key-destroyed"
    KEPT_AS_PROOF = "kept-as-proof"
    REMOVED = "removed"
    NOT_OURS = "not-ours"


@dataclass(frozen=True, slots=True)
class Store:
    """One place. `name` is a table with its schema, or a pattern of paths within the data folder, or what it is called.

    `step` names the step of the erasure that deals with it, where one has something to do there.
    """

    name: str
    kind: Kind
    holds: str
    treatment: Treatment
    step: str = ""


_TABLES = (
    Store("accompany.events", Kind.TABLE, "facts, personal ones sealed", Treatment.KEY_DESTROYED, "keys"),
    Store("accompany.commands", Kind.TABLE, "keyed digests of requests, answers of ids", Treatment.KEPT_AS_PROOF),
    Store("accompany.snapshots", Kind.TABLE, "states of cases, sealed", Treatment.REMOVED, "snapshots"),
    Store("accompany.access_log", Kind.TABLE, "ids, terms and names of fields of who looked", Treatment.KEPT_AS_PROOF),
    Store("accompany.tokens", Kind.TABLE, "hashes of the ways in of who stood for them", Treatment.REMOVED, "tokens"),
    Store("accompany.members", Kind.TABLE, "a code, and the person's id", Treatment.KEPT_AS_PROOF),
    Store("accompany.erasures", Kind.TABLE, "this receipt", Treatment.KEPT_AS_PROOF, "receipt"),
    Store("accompany.organisations", Kind.TABLE, "organisations", Treatment.NOTHING_PERSONAL),
    Store("accompany.migrations", Kind.TABLE, "names of files", Treatment.NOTHING_PERSONAL),
    Store("accompany.tracking", Kind.TABLE, "positions", Treatment.NOTHING_PERSONAL),
    Store("search.terms", Kind.TABLE, "blinded terms that they are found by", Treatment.REMOVED, "search"),
    Store("search.forgotten", Kind.TABLE, "ids of whom the index must not take in again", Treatment.KEPT_AS_PROOF),
    Store("search.fillings", Kind.TABLE, "positions", Treatment.NOTHING_PERSONAL),
    Store("keys.person_keys", Kind.TABLE, "the person's keys, wrapped", Treatment.REMOVED, "keys"),
    Store("keys.destroyed", Kind.TABLE, "the mark that there is never another key", Treatment.KEPT_AS_PROOF, "keys"),
    Store("keys.state", Kind.TABLE, "the name of the key-encryption key", Treatment.NOTHING_PERSONAL),
    Store("keys.service_secrets", Kind.TABLE, "the service's own secrets, wrapped", Treatment.NOTHING_PERSONAL),
    Store("evidence.*", Kind.TABLE, "hashes of sealed facts, and signatures", Treatment.KEPT_AS_PROOF),
    Store("projections.*", Kind.TABLE, "ids, days, terms and positions", Treatment.KEPT_AS_PROOF),
    Store("checks.*", Kind.TABLE, "ids and positions of what a check found", Treatment.KEPT_AS_PROOF),
)
_FILES = (
    Store("refusals/*.csv", Kind.FILES, "rows that an import refused, as they were", Treatment.REMOVED, "refusals"),
    Store("erasure-ledger.jsonl", Kind.FILES, "ids of the erased", Treatment.KEPT_AS_PROOF, "ledger"),
    Store("invented-caseload/*", Kind.FILES, "invented people of a demo", Treatment.NOTHING_PERSONAL),
    Store("key-encryption.key", Kind.FILES, "the key-encryption key", Treatment.NOTHING_PERSONAL),
    Store(
        "former-*.key",
        Kind.FILES,
        "key-encryption keys from before a rotation",
        Treatment.NOTHING_PERSONAL,
        "former keys",
    ),
    Store("next-*.key", Kind.FILES, "the key-encryption key that a rotation leads to", Treatment.NOTHING_PERSONAL),
    Store("log-signing.key", Kind.FILES, "the key that signs the logs", Treatment.NOTHING_PERSONAL),
    Store("log/*", Kind.FILES, "signed checkpoints of the logs", Treatment.KEPT_AS_PROOF),
    Store("what-is-in-here.txt", Kind.FILES, "the mark of the folder", Treatment.NOTHING_PERSONAL),
    Store("postgres", Kind.FILES, "the embedded database: its tables stand above", Treatment.KEY_DESTROYED, "keys"),
    Store("restoring", Kind.FILES, "the mark of a restore under way", Treatment.NOTHING_PERSONAL),
    Store("backups.jsonl", Kind.FILES, "where backups were put", Treatment.NOTHING_PERSONAL),
    Store("retention.toml", Kind.FILES, "the rules on keeping data", Treatment.NOTHING_PERSONAL),
)
_MEMORY = (
    Store("keys in memory", Kind.MEMORY, "unwrapped keys, in every process", Treatment.REMOVED, "keys"),
    Store("cases in memory", Kind.MEMORY, "cases as the last command left them", Treatment.REMOVED, "keys"),
)
_ELSEWHERE = (
    Store("backups of the keys", Kind.ELSEWHERE, "the person's keys, wrapped", Treatment.NOT_OURS, "backups"),
    Store("backups of the data", Kind.ELSEWHERE, "sealed facts", Treatment.KEY_DESTROYED, "backups"),
    Store("copies handed out", Kind.ELSEWHERE, "exports that somebody took along", Treatment.NOT_OURS, "copies"),
    Store("evidence handed out", Kind.ELSEWHERE, "bundles that open facts, taken along for an audit", Treatment.NOT_OURS, "evidence"),
    Store("spreadsheets imported from", Kind.ELSEWHERE, "rows as they were", Treatment.NOT_OURS),
    Store("dead rows of the database", Kind.ELSEWHERE, "wrapped keys, until PostgreSQL reuses their place", Treatment.NOT_OURS),
)  # fmt: skip

INVENTORY: tuple[Store, ...] = _TABLES + _FILES + _MEMORY + _ELSEWHERE


def table(name: str) -> Store | None:
    """The entry of a table, named with its schema; None where the inventory does not know it."""
    return _found(_TABLES, name)


def file(path: str) -> Store | None:
    """The entry of a file, by its path within the data folder; None where the inventory does not know it."""
    return _found(_FILES, path)


def _found(stores: tuple[Store, ...], name: str) -> Store | None:
    return next((store for store in stores if fnmatch(name, store.name)), None)
