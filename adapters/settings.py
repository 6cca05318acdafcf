"""Settings of one installation, read once from the environment, each with the place it came from.

- `ACCOMPANY_DATA`: folder of database, keys and reports; `$XDG_DATA_HOME/accompany`, else `~/.local/share/accompany`
- `ACCOMPANY_HOST` and `ACCOMPANY_PORT`: where the service listens; `127.0.0.1` and `8017`. Port 0 takes a free one
- `DATABASE_URL` or `DATABASE_URL_FILE`: a PostgreSQL from 15 on, or a file that holds its URL; else the embedded server
- `ACCOMPANY_KEYS_DATABASE_URL` or `ACCOMPANY_KEYS_DATABASE_URL_FILE`: another database for the key ring; else it is in the same one
- `ACCOMPANY_KEY_HOLDER`: where the key-encryption key is: `file`, `pkcs11` or `aws-kms`; `file`. Each needs more:
  - file: `ACCOMPANY_KEY_FILE`, if it is not in the data folder
  - pkcs11: `ACCOMPANY_PKCS11_MODULE` (the token's library), `ACCOMPANY_PKCS11_TOKEN` and `ACCOMPANY_PKCS11_KEY` (labels), and
    `ACCOMPANY_PKCS11_PIN_FILE`
  - aws-kms: `ACCOMPANY_AWS_KMS_KEY`, the key's ARN; credentials as for AWS's own tools
- The same with `ACCOMPANY_NEXT_`, as in `ACCOMPANY_NEXT_KEY_HOLDER`: the one that `accompany keys rotate` moves to
- `ACCOMPANY_TIME_ZONE`: where a new organisation is; `Europe/Berlin`
- `ACCOMPANY_PROOF_HOURS`: how often a worker proves all consents; every 24 hours
- `ACCOMPANY_OTLP_ENDPOINT`, else `OTEL_EXPORTER_OTLP_ENDPOINT`: base URL for traces and metrics; else telemetry is off
- `ACCOMPANY_LOG_ORIGIN`: what the transparency logs call themselves, as `example.org/accompany`; else a name made of their key
- `ACCOMPANY_WITNESS_POLICY`: a file that names witnesses and how many must sign (C2SP tlog-policy); else none is asked
- `ACCOMPANY_TIMESTAMP_URL`: an RFC 3161 timestamping authority for checkpoints; else none is asked
- `ACCOMPANY_LOG_LEVEL`: `debug`, `info`, `warning` or `error`; `info`

An empty variable counts as unset.
"""

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from adapters.keys.settings import KINDS, HolderSettings, Kind
from domain.errors import Invalid

Source = Literal["default", "environment", "file"]

_PREFIX = "ACCOMPANY_"
# Read by the tests alone; a machine that runs them sets these with good reason.
_READ_BY_TESTS = frozenset(
    {
        "ACCOMPANY_REQUIRE_GO",
        "ACCOMPANY_REQUIRE_OPENSSL",
        "ACCOMPANY_REQUIRE_POSTGRES_15",
        "ACCOMPANY_REQUIRE_SOFTHSM",
        "ACCOMPANY_SHARED_DATA",
        "ACCOMPANY_TEST_POSTGRES",
    }
)
_HOST = re.compile(r"[A-Za-z0-9_.:-]{1,253}")
_ORIGIN = re.compile(r"[A-Za-z0-9.-]{1,120}(?:/[A-Za-z0-9._-]{1,60}){0,4}")
_SHOWN_OF_DATABASE = ("host", "port", "dbname", "user")


class SettingRefused(Invalid):
    """One or more variables hold what can't be used. `fields` are their names; the message never repeats a value."""

    code = "setting-refused"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says.

    `sources` is by variable; `unknown` are the `ACCOMPANY_…` names that nobody reads.
    """

    data: Path
    host: str
    port: int
    database_url: str | None = field(repr=False)
    keys_database_url: str | None = field(repr=False)
    key_holder: HolderSettings
    next_key_holder: HolderSettings | None
    log_origin: str | None
    witness_policy: Path | None
    timestamp_url: str | None
    time_zone: ZoneInfo
    prove_every: timedelta
    otlp_endpoint: str | None
    log_level: str
    sources: Mapping[str, Source]
    unknown: tuple[str, ...]

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """Raises SettingRefused, naming every variable that can't be used."""
        reading = _Reading(environ)
        settings = cls(
            data=reading.value("ACCOMPANY_DATA", _folder, default=_default_data(environ)),
            host=reading.value("ACCOMPANY_HOST", _host, default="127.0.0.1"),
            port=reading.value("ACCOMPANY_PORT", _port, default=8017),
            database_url=reading.value_or_file("DATABASE_URL", _database),
            keys_database_url=reading.value_or_file("ACCOMPANY_KEYS_DATABASE_URL", _database),
            key_holder=_key_holder(reading, "ACCOMPANY_") or HolderSettings(),
            next_key_holder=_key_holder(reading, "ACCOMPANY_NEXT_"),
            log_origin=reading.value("ACCOMPANY_LOG_ORIGIN", _origin, default=None),
            witness_policy=reading.value("ACCOMPANY_WITNESS_POLICY", _folder, default=None),
            timestamp_url=reading.value("ACCOMPANY_TIMESTAMP_URL", _endpoint, default=None),
            time_zone=reading.value("ACCOMPANY_TIME_ZONE", _time_zone, default=ZoneInfo("Europe/Berlin")),
            prove_every=reading.value("ACCOMPANY_PROOF_HOURS", _hours, default=timedelta(hours=24)),
            otlp_endpoint=reading.value(
                "ACCOMPANY_OTLP_ENDPOINT",
                _endpoint,
                default=reading.value("OTEL_EXPORTER_OTLP_ENDPOINT", _endpoint, default=None),
            ),
            log_level=reading.value("ACCOMPANY_LOG_LEVEL", _log_level, default="info"),
            sources=reading.sources,
            unknown=reading.unread(),
        )
        if reading.problems:
            raise SettingRefused(" ".join(reading.problems.values()), fields=tuple(reading.problems))
        return settings

    def explained(self) -> list[tuple[str, str, str]]:
        """Each variable as (name, value fit to be shown, source), without passwords; mistyped names stand last."""
        common_endpoint = (
            self.sources["OTEL_EXPORTER_OTLP_ENDPOINT"] != "default"
            and self.sources["ACCOMPANY_OTLP_ENDPOINT"] == "default"
        )
        endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT" if common_endpoint else "ACCOMPANY_OTLP_ENDPOINT"
        values = {
            "ACCOMPANY_DATA": str(self.data),
            "ACCOMPANY_HOST": self.host,
            "ACCOMPANY_PORT": str(self.port),
            "DATABASE_URL": _without_password(self.database_url) if self.database_url else "the embedded server",
            "ACCOMPANY_KEYS_DATABASE_URL": (
                _without_password(self.keys_database_url) if self.keys_database_url else "the database of the record"
            ),
            **self._key_holders(),
            "ACCOMPANY_LOG_ORIGIN": self.log_origin or "made of the log's key",
            "ACCOMPANY_WITNESS_POLICY": str(self.witness_policy) if self.witness_policy else "none",
            "ACCOMPANY_TIMESTAMP_URL": self.timestamp_url or "none",
            "ACCOMPANY_TIME_ZONE": self.time_zone.key,
            "ACCOMPANY_PROOF_HOURS": str(self.prove_every // timedelta(hours=1)),
            endpoint: self.otlp_endpoint or "none: telemetry is off",
            "ACCOMPANY_LOG_LEVEL": self.log_level,
        }
        known = [(name, value, str(self.sources[name])) for name, value in values.items()]
        return known + [(name, _unknown(name, list(values)), "environment") for name in self.unknown]

    def _key_holders(self) -> dict[str, str]:
        """Variables of the holder in use; those of others, and of a next one, only where they are set."""
        shown = {"ACCOMPANY_KEY_HOLDER": self.key_holder.kind, "ACCOMPANY_KEY_FILE": "in the data folder"}
        if self.key_holder.kind != "file":
            del shown["ACCOMPANY_KEY_FILE"]
        for prefix, one in (("ACCOMPANY_", self.key_holder), ("ACCOMPANY_NEXT_", self.next_key_holder)):
            values = {
                "KEY_HOLDER": one.kind if one else "",
                "KEY_FILE": one.file if one else None,
                "PKCS11_MODULE": one.pkcs11_module if one else None,
                "PKCS11_TOKEN": one.pkcs11_token if one else "",
                "PKCS11_KEY": one.pkcs11_key if one else "",
                "PKCS11_PIN_FILE": one.pkcs11_pin_file if one else None,
                "AWS_KMS_KEY": one.aws_kms_key if one else "",
            }
            shown |= {prefix + name: str(value) for name, value in values.items() if value}
        return shown


class _Reading:
    """One pass over the environment: what was read from where, and what could not be."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.sources: dict[str, Source] = {}
        self.problems: dict[str, str] = {}

    def value[T, D](self, name: str, parse: Callable[[str], T], *, default: D) -> T | D:
        text = self._environ.get(name, "").strip()
        self.sources[name] = "environment" if text else "default"
        return self._parsed(name, text, parse, default) if text else default

    def value_or_file[T](self, name: str, parse: Callable[[str], T]) -> T | None:
        name_of_file = f"{name}_FILE"
        path = self._environ.get(name_of_file, "").strip()
        if not path:
            return self.value(name, parse, default=None)
        self.sources[name] = "file"
        if self._environ.get(name, "").strip():
            self.problems[name] = f"{name} and {name_of_file} are both set; keep one of them."
            return None
        try:
            text = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, ValueError):
            self.problems[name_of_file] = f"{name_of_file} names a file that can't be read as text."
            return None
        return self._parsed(name_of_file, text, parse, None)

    def unread(self) -> tuple[str, ...]:
        ours = {name for name, text in self._environ.items() if name.startswith(_PREFIX) and text.strip()}
        return tuple(sorted(ours - self.sources.keys() - _READ_BY_TESTS))

    def _parsed[T, D](self, name: str, text: str, parse: Callable[[str], T], default: D) -> T | D:
        try:
            return parse(text)
        except _Unusable as unusable:
            self.problems[name] = f"{name} must be {unusable}."
            return default


def _key_holder(reading: _Reading, prefix: str) -> HolderSettings | None:
    """The holder whose variables begin so; None if none of them is set. What its kind needs and lacks is a problem."""

    def named(name: str) -> str:
        return reading.value(prefix + name, _text, default="")

    def at(name: str) -> Path | None:
        return reading.value(prefix + name, _folder, default=None)

    kind: Kind | None = reading.value(f"{prefix}KEY_HOLDER", _kind_of_holder, default=None)
    found = HolderSettings(
        kind or "file",
        at("KEY_FILE"),
        at("PKCS11_MODULE"),
        named("PKCS11_TOKEN"),
        named("PKCS11_KEY"),
        at("PKCS11_PIN_FILE"),
        named("AWS_KMS_KEY"),
    )
    needed: Mapping[str, object] = {}
    if found.kind == "pkcs11":
        needed = {
            "PKCS11_MODULE": found.pkcs11_module,
            "PKCS11_TOKEN": found.pkcs11_token,
            "PKCS11_KEY": found.pkcs11_key,
            "PKCS11_PIN_FILE": found.pkcs11_pin_file,
        }
    elif found.kind == "aws-kms":
        needed = {"AWS_KMS_KEY": found.aws_kms_key}
    for name in (prefix + name for name, value in needed.items() if not value):
        reading.problems.setdefault(name, f"{name} must be set for the key holder {found.kind}.")
    return found if kind or found != HolderSettings() else None


class _Unusable(Exception):
    """Says what the value must be, never what it is."""


def _default_data(environ: Mapping[str, str]) -> Path:
    # The XDG Base Directory Specification has relative paths ignored.
    if (shared := environ.get("XDG_DATA_HOME", "")).startswith("/"):
        return Path(shared) / "accompany"
    if (home := environ.get("HOME", "")).startswith("/"):
        return Path(home) / ".local" / "share" / "accompany"
    return Path("accompany-data").absolute()


def _folder(text: str) -> Path:
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError:
        raise _Unusable("a path; the home folder that ~ stands for is not known here") from None


def _text(text: str) -> str:
    return text


def _kind_of_holder(text: str) -> Kind:
    for kind in KINDS:
        if text == kind:
            return kind
    raise _Unusable("file, pkcs11 or aws-kms")


def _host(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise _Unusable("a host name or an IP address")
    return text


def _origin(text: str) -> str:
    if not _ORIGIN.fullmatch(text):
        raise _Unusable("a host name and a path without a scheme, such as example.org/accompany")
    return text


def _port(text: str) -> int:
    # isdecimal alone would take other scripts' digits, int() underscores and signs.
    if not (text.isascii() and text.isdecimal()) or len(text) > 5 or int(text) > 65_535:
        raise _Unusable("a whole number from 0 to 65535")
    return int(text)


def _hours(text: str) -> timedelta:
    if not (text.isascii() and text.isdecimal()) or len(text) > 3 or not 1 <= int(text) <= 168:
        raise _Unusable("a whole number of hours from 1 to 168")
    return timedelta(hours=int(text))


def _database(text: str) -> str:
    try:
        parts = conninfo_to_dict(text)
    except (ProgrammingError, ValueError):
        parts = {}
    # The cause would quote the text, and with it the password.
    if not parts:
        raise _Unusable("a PostgreSQL URL such as postgresql://user:password@host:5432/database") from None
    return text


def _time_zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        raise _Unusable("a time zone such as Europe/Berlin") from None


def _endpoint(text: str) -> str:
    try:
        url = urlsplit(text)
        usable = url.scheme in ("http", "https") and bool(url.hostname) and "@" not in url.netloc
        usable = usable and not url.query and not url.fragment and url.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise _Unusable("an http or https URL without user name, password or query")
    return text.rstrip("/")


def _log_level(text: str) -> str:
    if text.lower() not in ("debug", "info", "warning", "error"):
        raise _Unusable("debug, info, warning or error")
    return text.lower()


def _without_password(database_url: str) -> str:
    parts = conninfo_to_dict(database_url)
    return " ".join(f"{name}={parts[name]}" for name in _SHOWN_OF_DATABASE if parts.get(name))


def _unknown(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"unknown, not used; did you mean {close[0]}?" if close else "unknown, not used"
