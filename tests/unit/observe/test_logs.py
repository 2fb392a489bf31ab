"""Logs: static messages, listed fields, JSON lines; what a caller said has no way in."""

import ast
import contextlib
import io
import json
import logging
import os
from pathlib import Path

import pytest

from deid_stream.errors import DecodeError
from deid_stream.observe import logs

SRC = Path(__file__).parents[3] / "src" / "deid_stream"
SAID = "four one one one"


@contextlib.contextmanager
def configured(level):
    root, ours = logging.getLogger(), logging.getLogger("deid_stream")
    before = (root.level, root.handlers[:], ours.level, logging.lastResort, logging.raiseExceptions)
    stream = io.StringIO()
    logs.configure(level, stream)
    try:
        yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    finally:
        root.setLevel(before[0])
        root.handlers[:] = before[1]
        ours.setLevel(before[2])
        logging.lastResort, logging.raiseExceptions = before[3:]


@pytest.fixture
def lines():
    with configured("info") as read:
        yield read


def test_a_line(lines):
    logs.get_log("worker").warning("record refused", code="undecodable", count=2, partition=3, offset=77)
    (line,) = lines()
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "warning",
        "logger": "deid_stream.worker",
        "message": "record refused",
        "code": "undecodable",
        "count": 2,
        "partition": 3,
        "offset": 77,
    }


@pytest.mark.parametrize(("process", "told"), [(None, None), (0, 0), (3, 3)])
def test_lines_of_one_of_several_processes_say_which(process, told):
    stream = io.StringIO()
    with configured("info"):
        logs.configure("info", stream, process)
        logs.get_log("worker").info("partitions assigned", count=2)
        logging.getLogger("another_library").warning("Unable to connect to %s", "broker")
    ours, theirs = map(json.loads, stream.getvalue().splitlines())
    assert (ours.get("process"), theirs.get("process")) == (told, told)
    assert ("process" in ours) is (process is not None)


def test_a_field_nobody_listed_is_named_and_not_shown(lines):
    logs.get_log("worker").error("record refused", text=SAID, count=1)
    (line,) = lines()
    assert line["unlisted"] == ["text"]
    assert line["count"] == 1
    assert SAID not in json.dumps(line)


def test_our_errors_say_what_to_mend_and_others_only_what_they_are(lines):
    log = logs.get_log("worker")
    log.error("one", error=DecodeError("header ce_seq is missing"))
    log.error("two", error=ValueError(SAID))
    one, two = lines()
    assert (one["error"], one["detail"]) == ("DecodeError", "header ce_seq is missing")
    assert two["error"] == "ValueError"
    assert SAID not in json.dumps(two)


def test_a_long_identifier_is_cut(lines):
    logs.get_log("worker").info("call closed", call_id="c" * 10_000)
    assert len(lines()[0]["call_id"]) == 256


@pytest.mark.parametrize(("level", "written"), [("debug", ["info", "warning"]), ("info", ["warning"])])
def test_a_library_that_logs_under_a_name_of_ours_is_another_library(level, written):
    with configured(level) as lines:
        faust = logging.getLogger("deid_stream.control.app")
        faust.info("[^Worker]: %s", SAID)
        faust.warning("[^Worker]: %s", SAID)
        assert [line["level"] for line in lines()] == written


@pytest.mark.parametrize(
    ("level", "ours", "others"),
    [
        ("debug", ["info", "warning", "error"], ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"], ["warning", "error"]),
        ("warning", ["warning", "error"], ["warning", "error"]),
        ("error", ["error"], ["warning", "error"]),
    ],
)
def test_levels(level, ours, others):
    with configured(level) as lines:
        for name in ("info", "warning", "error"):
            getattr(logs.get_log("worker"), name)("x")
        for name in ("debug", "info", "warning", "error"):
            getattr(logging.getLogger("somebody"), name)("x")
        shown = [(line["logger"], line["level"]) for line in lines()]
    assert shown == [("deid_stream.worker", name) for name in ours] + [("somebody", name) for name in others]


def test_of_another_librarys_record_only_a_constant_template_and_the_types_go_out(lines):
    other = logging.getLogger("somebody")
    other.warning("heard %s", SAID)
    other.error("cannot reach node %s: %s", 3, OSError(SAID))
    try:
        raise ValueError(SAID)
    except ValueError:
        other.exception("failed on %s", SAID)
    shown = [(line["message"], line.get("error")) for line in lines()]
    assert shown == [("heard %s", None), ("cannot reach node %s: %s", "OSError"), ("failed on %s", "ValueError")]
    assert SAID not in json.dumps(lines())


@pytest.mark.parametrize(
    "log_it",
    [
        lambda log: log.warning(f"my card is {SAID}"),
        lambda log: log.warning("my card is " + SAID),
        lambda log: log.warning(f"my card is {SAID}, %s", "x"),
        lambda log: log.warning(f"my card is {SAID}", {}),
        lambda log: log.warning(ValueError(SAID)),
        lambda log: log.warning(
            "Task exception was never retrieved\n" + repr(ValueError(SAID)), exc_info=ValueError(SAID)
        ),
        lambda log: logging.getLogger("deid_stream.somewhere").warning(f"my card is {SAID}"),
        lambda log: log.handle(logging.makeLogRecord({"name": "queued", "levelno": 30, "msg": SAID, "args": ("x",)})),
    ],
    ids=[
        "f-string",
        "sum",
        "f-string and args",
        "empty args",
        "exception",
        "asyncio",
        "a plain logger of ours",
        "queued",
    ],
)
def test_a_message_that_was_filled_in_before_is_left_out(lines, log_it):
    log_it(logging.getLogger("somebody"))
    (line,) = lines()
    assert line["message"] == logs.OTHERS
    assert SAID not in json.dumps(line)


def test_handlers_that_libraries_brought_and_the_last_resort_print_nothing(capsys):
    brought = logging.getLogger("brought")
    brought.addHandler(logging.StreamHandler())
    brought.propagate = False
    with configured("info") as lines:
        brought.warning("my card is " + SAID)
        later = logging.getLogger("later")
        later.propagate = False
        later.warning("my card is " + SAID)
        later.propagate = True
        assert [line["logger"] for line in lines()] == ["brought", "later"]
    assert SAID not in capsys.readouterr().err


def test_every_field_is_used():
    used = {keyword.arg for _, call in log_calls() for keyword in call.keywords}
    assert logs.FIELDS - used == set()


def log_calls():
    """Calls of ``log.info("...")`` and its like, anywhere in the source: the path, the line, the call."""
    for path in SRC.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in {"debug", "info", "warning", "error"}
                and ast.unparse(node.func.value).rpartition(".")[2].strip("_").lower() in {"log", "logger"}
            ):
                yield f"{path.relative_to(SRC)}:{node.lineno}", node


def test_every_message_in_the_source_is_static_and_every_field_listed():
    wrong = [
        where
        for where, call in log_calls()
        if not where.startswith("observe/logs.py")
        and (
            len(call.args) != 1
            or not isinstance(call.args[0], ast.Constant)
            or any(keyword.arg not in logs.FIELDS for keyword in call.keywords)
        )
    ]
    assert wrong == []


def ours():
    """The handler that ``configure`` made; pytest has its own."""
    return next(handler for handler in logging.getLogger().handlers if handler.filters)


@pytest.fixture
def at(lines, monkeypatch):
    """Sets the clock of the handler's filter."""
    now = [0.0]
    handler = ours()
    monkeypatch.setattr(handler.filters[0], "_clock", lambda: now[0])
    return lambda seconds: now.__setitem__(0, seconds)


def test_a_flood_of_another_library_is_said_once_and_then_counted(lines, at):
    client = logging.getLogger("a.client")
    for tenth in range(650):
        at(tenth / 10)
        client.error("Unable connect to node with id %s: %s", tenth, SAID)
    first, second, third = lines()
    assert "repeats" not in first
    assert (second["repeats"], third["repeats"]) == (299, 299)
    assert {line["message"] for line in lines()} == {"Unable connect to node with id %s: %s"}


def test_our_own_repeats_are_those_with_the_same_fields(lines, at):
    log = logs.get_log("worker")
    for _ in range(3):
        log.warning("reading tried again", partition=1)
        log.warning("reading tried again", partition=2)
        log.info("partition taken over", partition=1)
    assert [(line["message"], line["partition"]) for line in lines()] == [
        ("reading tried again", 1),
        ("reading tried again", 2),
        *[("partition taken over", 1)] * 3,
    ]


def test_what_is_remembered_of_repeats_is_bounded(lines, at):
    log = logs.get_log("worker")
    for number in range(5_000):
        log.warning("policy refused", customer_id=str(number))
    handler = ours()
    assert len(handler.filters[0]._known) <= 1_024
    assert len(lines()) == 5_000


def test_a_log_that_cannot_be_written_stops_nobody_and_shows_nothing(lines, capfd):
    handler = ours()
    full = os.open("/dev/full", os.O_WRONLY)
    stream = os.fdopen(full, "w", buffering=1)
    before = handler.stream
    handler.stream = stream
    logs.get_log("worker").error("record refused", count=1)
    logging.getLogger("somebody").error("heard %s", SAID)
    handler.stream = before
    with contextlib.suppress(OSError):
        stream.close()
    assert capfd.readouterr() == ("", "")
    logs.get_log("worker").error("goes on")
    assert [line["message"] for line in lines()] == ["goes on"]
