"""Logs as JSON lines: a static message, and fields whose names stand in a list here. Nothing a caller said can enter.

log = get_log("worker")
log.warning("record refused", code=error.code, topic=topic, partition=3, offset=77)
"""

import json
import logging
import sys
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

_ROOT: Final = "deid_stream"
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
    """Send everything to ``stream`` (standard error) as JSON lines, other libraries' warnings too."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger(_ROOT).setLevel(level.upper())


class JsonLines(logging.Formatter):
    """One JSON object a line. Of another library's record only the template goes out, without what would be filled
    in, and of an exception only the type: either may hold a record's content."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.msg if isinstance(record.msg, str) else type(record.msg).__name__,
        }
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
        line |= getattr(record, "deid_fields", {})
        return json.dumps(line, ensure_ascii=False)


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
