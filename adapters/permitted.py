"""What may leave the process in a trace, a metric or a log line: named fields, with values that single out nobody.

Anything else is left out in silence where it arises: one that is missing in a trace is added here, after thought.
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

type Plain = str | int | float
type Kind = Callable[[object], bool]

METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})

# Letters and hyphens only: an id or a telephone number has digits, and a free text has blanks.
_SLUG = re.compile(r"[a-z]+(?:[-_.][a-z]+)*")
# A class's name, a refusal's code or an SQLSTATE.
_ERROR = re.compile(r"[A-Za-z_]+(?:[-.][A-Za-z_]+)*|[0-9A-Z]{5}")
# As the router holds it: constant segments, and names of parameters in braces.
_ROUTE = re.compile(r"/|(?:/(?:[a-z][a-z0-9]{0,2}|[a-z]+(?:[-_.][a-z]+)*|\{[a-z_]+(?::[a-z]+)?\}))+/?")
_TRACE_ID = re.compile(r"[0-9a-f]{32}")


def is_slug(value: object) -> bool:
    return isinstance(value, str) and len(value) <= 64 and _SLUG.fullmatch(value) is not None


def is_error(value: object) -> bool:
    return isinstance(value, str) and len(value) <= 64 and _ERROR.fullmatch(value) is not None


def is_route(value: object) -> bool:
    return isinstance(value, str) and len(value) <= 200 and _ROUTE.fullmatch(value) is not None


def is_method(value: object) -> bool:
    return value in METHODS or value == "_OTHER"


def is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def is_amount(value: object) -> bool:
    return is_count(value) or (isinstance(value, float) and 0 <= value < float("inf"))


def is_status(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 100 <= value <= 599


def is_port(value: object) -> bool:
    return is_count(value) and value in range(65_536)


def is_trace_id(value: object) -> bool:
    return isinstance(value, str) and _TRACE_ID.fullmatch(value) is not None


# Names after the OpenTelemetry semantic conventions where there is one.
ATTRIBUTES: Mapping[str, Kind] = MappingProxyType(
    {
        "http.request.method": is_method,
        "http.route": is_route,
        "http.response.status_code": is_status,
        "error.type": is_error,
        "db.system.name": is_slug,
        "db.operation.name": is_slug,
        "db.operation.batch.size": is_count,
        "accompany.command": is_slug,
        "accompany.outcome": is_slug,
        "accompany.projection": is_slug,
        "accompany.check": is_slug,
        "accompany.log": is_slug,
        "accompany.batch.size": is_count,
    }
)

LOG_FIELDS: Mapping[str, Kind] = MappingProxyType(
    {
        "method": is_method,
        "route": is_route,
        "status": is_status,
        "duration_ms": is_amount,
        "code": is_error,
        "command": is_slug,
        "outcome": is_slug,
        "projection": is_slug,
        "reader": is_slug,
        "log": is_slug,
        "check": is_slug,
        "position": is_count,
        "lag": is_count,
        "count": is_count,
        "attempt": is_count,
        "port": is_port,
        "signal": is_count,
    }
)


def only(kinds: Mapping[str, Kind], given: Mapping[str, object]) -> dict[str, Plain]:
    """The fields of `given` that are named in `kinds` and hold such a value."""
    return {
        name: value
        for name, kind in kinds.items()
        if isinstance(value := given.get(name), str | int | float) and kind(value)
    }
