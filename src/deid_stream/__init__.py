"""deid-stream: takes the identity out of voice data while the call is still going on.

The names below are the public interface; they are imported when first used, so that ``import deid_stream`` is cheap.

    import deid_stream as ds

    detector = ds.Detector.load()
    conversation = detector.conversation(key=b"sixteen bytes ..")
    conversation.turn("what is your card number", "agent")
    conversation.turn("four one one one double two", "caller")     # [Span(..., entity_type=CREDIT_CARD)]
"""

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from deid_stream.datasets.callfile import CallFile, Pace, read_call
    from deid_stream.datasets.replay import Replayed, replay
    from deid_stream.detect.conversation.state import ConversationState
    from deid_stream.detect.conversation.turns import Conversation
    from deid_stream.detect.detector import Detector, DetectorSettings
    from deid_stream.detect.recognizer import Recognizer
    from deid_stream.errors import (
        AlignmentError,
        AudioFormatError,
        BrokerError,
        ConfigError,
        DecodeError,
        DeidError,
        DetectionError,
        PolicyError,
    )
    from deid_stream.model.entities import EntityType
    from deid_stream.model.events import AudioChunk, AudioFormat, CallEnded, CallStarted, Encoding, Segment, Word
    from deid_stream.model.outputs import (
        AuditEntry,
        CallSummary,
        Entity,
        SanitizedAudio,
        SanitizedSegment,
    )
    from deid_stream.model.spans import Detection, Span
    from deid_stream.policy.compile import compile_policy
    from deid_stream.policy.permit import Permit
    from deid_stream.policy.policy import CompiledPolicy, Policy
    from deid_stream.session.call import CallSession
    from deid_stream.session.settings import SessionSettings

__version__ = "0.1.0"

__all__ = [
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

_HOMES: Final = {
    "datasets.callfile": ("CallFile", "Pace", "read_call"),
    "datasets.replay": ("Replayed", "replay"),
    "detect.conversation.state": ("ConversationState",),
    "detect.conversation.turns": ("Conversation",),
    "detect.detector": ("Detector", "DetectorSettings"),
    "detect.recognizer": ("Recognizer",),
    "errors": (
        "AlignmentError",
        "AudioFormatError",
        "BrokerError",
        "ConfigError",
        "DecodeError",
        "DeidError",
        "DetectionError",
        "PolicyError",
    ),
    "model.entities": ("EntityType",),
    "model.events": ("AudioChunk", "AudioFormat", "CallEnded", "CallStarted", "Encoding", "Segment", "Word"),
    "model.outputs": ("AuditEntry", "CallSummary", "Entity", "SanitizedAudio", "SanitizedSegment"),
    "model.spans": ("Detection", "Span"),
    "policy.compile": ("compile_policy",),
    "policy.permit": ("Permit",),
    "policy.policy": ("CompiledPolicy", "Policy"),
    "session.call": ("CallSession",),
    "session.settings": ("SessionSettings",),
}
_MODULE_OF: Final = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
