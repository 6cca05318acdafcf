"""Log lines: one JSON object each, on standard error, with allow-listed fields and never a free text.

A line of ours is a constant event with fields of `permitted.LOG_FIELDS`:

    logging.getLogger(__name__).info("projection-caught-up", extra={"projection": "dashboard", "position": 7})

Other libraries' texts may quote a path or a value, so of their lines, from warnings on, only the place in the source is
kept. An exception leaves its class, its code and its stack, without its message.
"""

import json
import logging
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import TextIO

from opentelemetry import trace

from adapters.permitted import LOG_FIELDS, is_error, is_slug, only
from adapters.telemetry import code_of

_OURS = frozenset({"domain", "application", "projections", "audit", "adapters"})
_FRAMES = 40
_ENCODE = json.JSONEncoder(separators=(",", ":")).encode
_ERRORS = 8
log = logging.getLogger(__name__)


def start_logging(level: str, stream: TextIO | None = None) -> None:
    """Sends every logger's lines from `level` on to `stream` (standard error), and what nobody caught as well.

    uvicorn has to be run with `log_config=None, access_log=False`; the line of a request is written by HttpTelemetry.
    """
    # No line of ours tells of threads, processes and tasks, and looking them up takes a third of the time that one costs.
    for looked_up in ("logThreads", "logProcesses", "logMultiprocessing", "logAsyncioTasks"):
        setattr(logging, looked_up, False)
    lines = _Lines(stream or sys.stderr)
    lines.setFormatter(JsonLine())
    lines.addFilter(lambda record: _is_ours(record) or record.levelno >= logging.WARNING)
    logging.root.handlers[:] = [lines]
    logging.root.setLevel(level.upper())
    for name in list(logging.root.manager.loggerDict):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    threading.excepthook = lambda args: _uncaught(args.exc_type, args.exc_value, args.exc_traceback)
    sys.unraisablehook = lambda args: _uncaught(args.exc_type, args.exc_value, args.exc_traceback)


class JsonLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        ours = _is_ours(record)
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.msg if ours and not record.args and is_slug(record.msg) else "text-withheld",
        }
        if line["event"] == "text-withheld":
            line["at"] = f"{record.module}:{record.lineno} {record.funcName}"
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            line["trace_id"] = trace.format_trace_id(context.trace_id)
        if ours:
            line |= only(LOG_FIELDS, vars(record))
        if record.exc_info and record.exc_info[1]:
            line["errors"] = [_shown(error) for error in _with_causes(record.exc_info[1])]
        return _ENCODE(line)


class _Lines(logging.StreamHandler[TextIO]):
    def handleError(self, record: logging.LogRecord) -> None:
        # The standard one prints message and arguments of the line that failed.
        self.stream.write('{"level":"error","event":"log-line-lost"}\n')


def _is_ours(record: logging.LogRecord) -> bool:
    return record.name.partition(".")[0] in _OURS


def _shown(error: BaseException) -> dict[str, object]:
    code = code_of(error)
    return {
        "type": type(error).__qualname__,
        "code": code if is_error(code) else type(error).__name__,
        "stack": list(_places(error.__traceback__))[-_FRAMES:],
    }


def _places(traceback: TracebackType | None) -> Iterator[str]:
    # Modules, not files: a path may hold the name of the person whose home folder it is.
    while traceback:
        frame = traceback.tb_frame
        yield f"{frame.f_globals.get('__name__', '?')}:{traceback.tb_lineno} {frame.f_code.co_name}"
        traceback = traceback.tb_next


def _with_causes(error: BaseException) -> list[BaseException]:
    """The error, what it came from, and the members of groups; each once, the outermost first."""
    found: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting and len(found) < _ERRORS:
        current = waiting.pop(0)
        if current is None or any(current is seen for seen in found):
            continue
        found.append(current)
        if isinstance(current, BaseExceptionGroup):
            waiting.extend(current.exceptions)
        waiting.append(current.__cause__ or (None if current.__suppress_context__ else current.__context__))
    return found


def _uncaught(kind: type[BaseException], error: BaseException | None, traceback: TracebackType | None) -> None:
    if error is None or issubclass(kind, KeyboardInterrupt | SystemExit):
        return
    log.critical("uncaught", exc_info=(kind, error, traceback))
