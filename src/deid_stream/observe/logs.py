"""Logs as JSON lines: a static message, and fields whose names stand in a list here. Nothing a caller said can enter.

log = get_log("worker")
log.warning("record refused", code=error.code, topic=topic, partition=3, offset=77)
"""

import json
import logging
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import FrameType
from typing import Final, Literal, TextIO

from deid_stream.errors import DeidError

Level = Literal["debug", "info", "warning", "error"]

FIELDS: Final = frozenset(
    {
        "call_id",
        "calls",
        "code",
        "count",
        "customer_id",
        "error",
        "group_id",
        "guarantee",
        "kind",
        "offset",
        "partition",
        "port",
        "process",
        "records",
        "seconds",
        "task",
        "where",
    }
)
"""Names a field may have. They hold identifiers, positions, sizes, durations and names of ours."""

REPEAT_S: Final = 30.0
"""A warning that repeats another one within this time is only counted."""

OTHERS: Final = "a message of another library"
"""Stands in place of a message of another library that may hold values."""

_ROOT: Final = "deid_stream"
_MAX_KNOWN: Final = 1_024
_MAX_CHARS: Final = 256
Field = str | int | float | bool | None | BaseException


class Log:
    """Writes one kind of line. A field that is not in the list is a mistake of ours: its name is logged, its value
    is not. A field that is None is left out."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def info(self, message: str, /, **fields: Field) -> None:
        self._log(logging.INFO, message, fields)

    def warning(self, message: str, /, **fields: Field) -> None:
        self._log(logging.WARNING, message, fields)

    def error(self, message: str, /, **fields: Field) -> None:
        self._log(logging.ERROR, message, fields)

    def _log(self, level: int, message: str, fields: dict[str, Field]) -> None:
        if self._logger.isEnabledFor(level):
            self._logger.log(level, message, extra={"deid_fields": _safe(fields)})


def get_log(name: str) -> Log:
    """The log of one room."""
    return Log(logging.getLogger(f"{_ROOT}.{name}"))


def configure(level: Level = "info", stream: TextIO | None = None, process: int | None = None) -> None:
    """Send everything that this process logs to ``stream`` (standard error) as JSON lines.

    ``level`` is that of this program's lines; other libraries' lines go out from "warning" on, at "debug" all of them.
    Handlers that libraries brought along are removed, since they print what was filled in. Where the stream cannot be
    written to (a full disk), lines are lost and work goes on. Each process calls this once, a spawned one too.
    ``process``: this process's number, where several write to the same place; it goes into each of its lines.
    """
    handler = _Lines(stream or sys.stderr)
    handler.setFormatter(JsonLines(process))
    handler.addFilter(Repeats())
    if level != "debug":
        handler.addFilter(_of_ours)
    logging.basicConfig(level=logging.DEBUG if level == "debug" else logging.WARNING, handlers=[handler], force=True)
    logging.getLogger(_ROOT).setLevel(level.upper())
    for logger in logging.root.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            logger.handlers.clear()
            logger.propagate = True
    # for a logger that is cut off from the root later
    logging.lastResort = handler
    # a handler of somebody else that fails would print the record
    logging.raiseExceptions = False


def _of_ours(record: logging.LogRecord) -> bool:
    """Faust logs under the names of our modules whose classes derive from its own: these lines are another library's,
    too."""
    return record.levelno >= logging.WARNING or hasattr(record, "deid_fields")


class _Lines(logging.StreamHandler[TextIO]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the base's name
        """Do nothing: the base would print the record that it could not write, with all values."""


class Repeats(logging.Filter):
    """Lets a warning through once, and its repeats once in ``REPEAT_S`` with their number as ``repeats``: clients retry
    many times per second while a broker is away. Of another library's record only the template is compared, since no
    more of it goes out."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._known: dict[object, tuple[float, int]] = {}
        """By message and fields: when it was logged last, and how often it has been held back since."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return True
        now_s = self._clock()
        fields: dict[str, object] = getattr(record, "deid_fields", {})
        what = (record.name, record.levelno, _message(record), json.dumps(fields))
        said_s, held = self._known.get(what, (now_s - REPEAT_S, 0))
        if now_s - said_s < REPEAT_S:
            self._known[what] = said_s, held + 1
            return False
        if len(self._known) >= _MAX_KNOWN:
            self._known.clear()
        self._known[what] = now_s, 0
        if held:
            record.deid_repeats = held
        return True


class JsonLines(logging.Formatter):
    """One JSON object per line. Of another library's record: the logger's name, the template where it is a constant of
    the calling code, and the types of the exceptions. A template that was filled in before it was logged is left out,
    and so is every exception's message: each may hold a record's content."""

    def __init__(self, process: int | None = None) -> None:
        super().__init__()
        self._process = {} if process is None else {"process": process}

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name[:_MAX_CHARS],
            **self._process,
            "message": _message(record),
        }
        error = _error(record)
        if error is not None:
            line["error"] = type(error).__name__
        line |= getattr(record, "deid_fields", {})
        if hasattr(record, "deid_repeats"):
            line["repeats"] = record.deid_repeats
        return json.dumps(line, ensure_ascii=False)


def where(error: BaseException | None) -> str:
    """The place in the code that raised ``error``, as ``module.py:line``; "?" where it is not known."""
    trace = error.__traceback__ if error is not None else None
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f"{os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}" if trace else "?"


def _message(record: logging.LogRecord) -> str:
    if hasattr(record, "deid_fields"):
        return str(record.msg)
    return _template(record) or OTHERS


def _template(record: logging.LogRecord) -> str | None:
    """The message before anything was filled in. Only a constant of the code that logs it is surely that; the handler
    runs below that code on the stack. None where it is no constant, or where nothing was to be filled in."""
    if not record.args or not isinstance(record.msg, str):
        return None
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if frame.f_lineno == record.lineno and frame.f_code.co_filename == record.pathname:
            return record.msg if record.msg in frame.f_code.co_consts else None
        frame = frame.f_back
    return None


def _error(record: logging.LogRecord) -> BaseException | None:
    """The exception that another library logs, by itself or among what is to be filled in."""
    if hasattr(record, "deid_fields"):
        return None
    if record.exc_info and record.exc_info[1]:
        return record.exc_info[1]
    candidates = record.args if isinstance(record.args, tuple) else ()
    return next((value for value in (record.msg, *candidates) if isinstance(value, BaseException)), None)


def _safe(fields: dict[str, Field]) -> dict[str, object]:
    safe: dict[str, object] = {}
    for name, value in fields.items():
        if value is None:
            continue
        if name not in FIELDS:
            safe.setdefault("unlisted", []).append(name)  # type: ignore[attr-defined]
        elif isinstance(value, DeidError):
            safe[name] = type(value).__name__
            safe["detail"] = str(value)
        elif isinstance(value, BaseException):
            safe[name] = type(value).__name__
        elif isinstance(value, str):
            safe[name] = value[:_MAX_CHARS]
        else:
            safe[name] = value
    return safe
