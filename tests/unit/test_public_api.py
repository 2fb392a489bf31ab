"""The public names are a promise: this list changes only together with the changelog."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import deid_stream

NAMES = [
    "AlignmentError",
    "AudioChunk",
    "AudioFormat",
    "AudioFormatError",
    "AuditEntry",
    "BrokerError",
    "CallEnded",
    "CallFile",
    "CallSession",
    "CallStarted",
    "CallSummary",
    "CompiledPolicy",
    "ConfigError",
    "Conversation",
    "ConversationState",
    "DecodeError",
    "DeidError",
    "Detection",
    "DetectionError",
    "Detector",
    "DetectorSettings",
    "Encoding",
    "Entity",
    "EntityType",
    "Pace",
    "Permit",
    "Policy",
    "PolicyError",
    "Recognizer",
    "Replayed",
    "SanitizedAudio",
    "SanitizedSegment",
    "Segment",
    "SessionSettings",
    "Span",
    "Word",
    "__version__",
    "compile_policy",
    "read_call",
    "replay",
]


def test_the_names_are_these_and_sorted():
    assert deid_stream.__all__ == NAMES == sorted(NAMES)
    assert dir(deid_stream) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_there(name):
    value = getattr(deid_stream, name)
    assert value is getattr(deid_stream, name)
    if name != "__version__":
        assert value.__name__ == name


def test_what_type_checkers_see_is_what_there_is():
    tree = ast.parse(Path(deid_stream.__file__).read_text(encoding="utf-8"))
    (typed,) = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {
        (statement.module.removeprefix("deid_stream."), alias.name)
        for statement in typed.body
        for alias in statement.names
    }
    assert seen == {(module, name) for name, module in deid_stream._MODULE_OF.items()}
    assert {name for _, name in seen} | {"__version__"} == set(NAMES)


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = deid_stream.Nothing


def test_importing_the_package_loads_nothing_heavy():
    script = (
        "import deid_stream, sys; print([m for m in ('numpy', 'aiokafka', 'onnxruntime', 'click') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
