"""What a PostgreSQL that others run would write into its own log of what it is sent."""

from collections.abc import Mapping
from typing import Any

from psycopg import AsyncConnection

NAMES = (
    "log_statement",
    "log_min_duration_statement",
    "log_min_duration_sample",
    "log_transaction_sample_rate",
    "log_parameter_max_length",
    "log_parameter_max_length_on_error",
    "log_min_error_statement",
    "auto_explain.log_min_duration",
    "auto_explain.log_parameter_max_length",
)
_NEVER = frozenset({"fatal", "panic"})


async def settings_that_log_values(connection: AsyncConnection[Any]) -> list[str]:
    """The settings, with what to set, by which values of statements reach the server's log. As this login's sessions have them.

    Personal data are sealed before they are sent; but ids, times and terms of the field are among the values.
    """
    cursor = await connection.execute("SELECT name, setting FROM pg_settings WHERE name = ANY (%s)", (list(NAMES),))
    return _found(dict(await cursor.fetchall()))


def _found(settings: Mapping[str, str]) -> list[str]:
    statements = (
        settings.get("log_statement") in ("mod", "all")
        or float(settings.get("log_min_duration_statement", -1)) >= 0
        or float(settings.get("log_min_duration_sample", -1)) >= 0
        or float(settings.get("log_transaction_sample_rate", 0)) > 0
    )
    found = []
    if statements and settings.get("log_parameter_max_length") != "0":
        found.append("log_parameter_max_length = 0")
    if (
        settings.get("log_parameter_max_length_on_error", "0") != "0"
        and settings.get("log_min_error_statement") not in _NEVER
    ):
        found.append("log_parameter_max_length_on_error = 0")
    if (
        float(settings.get("auto_explain.log_min_duration", -1)) >= 0
        and settings.get("auto_explain.log_parameter_max_length", "-1") != "0"
    ):
        found.append("auto_explain.log_parameter_max_length = 0, or auto_explain off before PostgreSQL 16")
    return found
