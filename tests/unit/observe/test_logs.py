"""Logs: static messages, listed fields, JSON lines; what a caller said has no way in."""

import ast
import io
import json
import logging
from pathlib import Path

import pytest

from deid_stream.errors import DecodeError
from deid_stream.observe import logs

SRC = Path(__file__).parents[3] / "src" / "deid_stream"
SAID = "four one one one"


@pytest.fixture
def lines():
    root, ours = logging.getLogger(), logging.getLogger("deid_stream")
    before = (root.level, root.handlers[:], ours.level)
    stream = io.StringIO()
    logs.configure("info", stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:] = before[1]
    root.setLevel(before[0])
    ours.setLevel(before[2])


def test_a_line(lines):
    logs.get_log("worker").warning("record refused", code="undecodable", topic="calls.audio", partition=3, offset=77)
    (line,) = lines()
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "warning",
        "logger": "deid_stream.worker",
        "message": "record refused",
        "code": "undecodable",
        "topic": "calls.audio",
        "partition": 3,
        "offset": 77,
    }


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


def test_levels(lines):
    logs.get_log("worker").debug("not shown")
    logging.getLogger("somebody").info("not shown")
    logging.getLogger("somebody").warning("shown")
    assert [line["message"] for line in lines()] == ["shown"]


def test_of_another_librarys_record_only_the_template_goes_out(lines):
    other = logging.getLogger("somebody")
    other.warning("heard %s", SAID)
    other.warning(ValueError(SAID))
    try:
        raise ValueError(SAID)
    except ValueError:
        other.exception("failed on %s", SAID)
    first, second, third = lines()
    assert first["message"] == "heard %s"
    assert second["message"] == "ValueError"
    assert third["error"] == "ValueError"
    assert SAID not in json.dumps(lines())


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
