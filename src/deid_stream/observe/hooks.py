"""Takes over the hooks by which Python prints uncaught exceptions: each logs the type and the place, without the
message.

An exception's message may quote a record. Python prints it in five places: an uncaught exception of the main thread, of
another thread, of a destructor, of an asyncio task that nobody awaited, and a warning.
"""

import sys
import threading
import warnings
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Final, TextIO

from deid_stream.model.json import JsonObject
from deid_stream.observe.logs import get_log, where

if TYPE_CHECKING:
    import asyncio

log = get_log("process")

EXIT_UNFORESEEN: Final = 70
"""Exit status of a process that ended by an exception that nobody foresaw."""
_MAX_NAME: Final = 64


def install() -> None:
    """Take over the interpreter's hooks. Call it once per process, beside ``logs.configure``."""
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable
    warnings.showwarning = _warning


def contained(main: Callable[[], int]) -> int:
    """Run ``main``, a process's whole work; its exit status. An unforeseen exception is logged, and ends in status 70:
    ``multiprocessing`` would print it with its message."""
    try:
        return main()
    except Exception as error:  # noqa: BLE001 - whatever it is, only its type may be shown
        log.error("the process ends", error=error, where=where(error))
        return EXIT_UNFORESEEN


def loop_handler(
    on_error: Callable[[], None] = lambda: None,
) -> "Callable[[asyncio.AbstractEventLoop, JsonObject], None]":
    """For ``loop.set_exception_handler``: logs the task's name and the type of its exception, then calls ``on_error``.
    asyncio's own handler logs the task's whole representation, with the exception's message in it."""

    def handle(loop: "asyncio.AbstractEventLoop", context: JsonObject) -> None:
        task = context.get("task") or context.get("future")
        # a future has no name; asyncio itself is not imported, which would delay every command
        name = str(getattr(task, "get_name", lambda: "loop")())
        error = context.get("exception")
        log.error("an error in the event loop was not handled", task=_name(name), error=error, where=where(error))
        on_error()

    return handle


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        log.error("the process was interrupted")
        return
    log.error("the process ends", error=error, where=where(error))


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    name = args.thread.name if args.thread is not None else "thread"
    log.error("a thread ended", task=_name(name), error=args.exc_value, where=where(args.exc_value))


def _unraisable(args: "sys.UnraisableHookArgs") -> None:
    log.error("an error could not be raised", error=args.exc_value, where=where(args.exc_value))


def _warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    module = filename.replace("\\", "/").rpartition("/")[2]
    log.warning("a warning of Python or a library", kind=category.__name__, where=f"{module}:{lineno}")


def _name(name: str) -> str:
    """A task's name, where it is a name from code; libraries may put the data that they work on into a name."""
    plain = len(name) <= _MAX_NAME and name.replace("-", "").replace("_", "").isalnum()
    return name if plain and sum(c.isdigit() for c in name) <= 6 else "unnamed"
