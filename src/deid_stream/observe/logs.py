"""Logs as JSON lines: a static message, and fields whose names stand in a list here. Nothing a caller said can enter.

log = get_log("worker")
log.warning("record refused", code=error.code, topic=topic, partition=3, offset=77)
"""

import json
import logging
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, TextIO

from deid_stream.errors import DeidError

FIELDS: Final = frozenset(
    {
        "action",
        "attempt",
        "bytes",
        "call_id",
        "calls",
        "channel",
        "code",
        "count",
        "customer_id",
        "duration_ms",
        "error",
        "generation",
        "group_id",
        "guarantee",
        "kind",
        "lag",
        "limit",
        "mode",
        "offset",
        "partition",
        "partitions",
        "policy_version",
        "port",
        "reason",
        "records",
        "repeats",
        "seconds",
        "seq",
        "servers",
        "signal",
        "topic",
        "topics",
        "version",
    }
)
"""Names a field may have. They hold identifiers, positions, sizes, durations and names of ours."""

REPEAT_S: Final = 30.0
"""A warning that says the same again within this is only counted."""

_ROOT: Final = "deid_stream"
_MAX_KNOWN: Final = 1_024
_MAX_CHARS: Final = 256
Field = str | int | float | bool | None | BaseException


class Log:
    """Writes one kind of line. A field that is not in the list is a mistake of ours: its name is logged, its value
    is not."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def debug(self, message: str, /, **fields: Field) -> None:
        self._log(logging.DEBUG, message, fields)

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


def configure(level: str = "info", stream: TextIO | None = None) -> None:
    """Send everything to ``stream`` (standard error) as JSON lines, other libraries' warnings too. Where it cannot be
    written to (a full disk), lines are lost and work goes on."""
    handler = _Lines(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    handler.addFilter(Repeats())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger(_ROOT).setLevel(level.upper())


class _Lines(logging.StreamHandler[TextIO]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the base's name
        """The base shows what it could not write, with everything filled in."""


class Repeats(logging.Filter):
    """Lets a warning through once, and its repeats once in ``REPEAT_S`` with their number as ``repeats``: clients retry
    many times a second while a broker is away. Of another library's record only the template is compared, since no
    more of it goes out."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._known: dict[object, tuple[float, int]] = {}
        """When it was said last, and how often it has been held back since."""

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
            record.deid_fields = fields | {"repeats": held}
        return True


class JsonLines(logging.Formatter):
    """One JSON object a line. Of another library's record only the template goes out, without what would be filled
    in, and of an exception only the type: either may hold a record's content."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
        }
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
        line |= getattr(record, "deid_fields", {})
        return json.dumps(line, ensure_ascii=False)


def _message(record: logging.LogRecord) -> str:
    """Of another library's record the template, not what would be filled in."""
    return record.msg if isinstance(record.msg, str) else type(record.msg).__name__


def _safe(fields: dict[str, Field]) -> dict[str, object]:
    safe: dict[str, object] = {}
    for name, value in fields.items():
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
