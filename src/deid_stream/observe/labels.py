"""The values that labels of metrics may have. A counter shows each of them as 0 from the start.

``increase()`` and ``rate()`` of a series compare two samples: of a series that is born with its first event they see
nothing, so an alert on it would miss that event in every new process.
"""

from collections.abc import Iterator
from typing import Final

from deid_stream.errors import BrokerError, DecodeError, DeidError
from deid_stream.model.entities import EntityType
from deid_stream.policy.status import Refusal
from deid_stream.policy.table import ChangeKind
from deid_stream.wire import notes


def codes(root: type[DeidError]) -> Iterator[str]:
    """The codes of an error and of everything below it in the tree of ``deid_stream.errors``."""
    yield root.code
    for below in root.__subclasses__():
        if below.__module__ == DeidError.__module__:
            yield from codes(below)


ENTITY_TYPES: Final = tuple(str(entity_type) for entity_type in EntityType)
SILENCED: Final = (*ENTITY_TYPES, "KEY_TONES", "UNALIGNED", "UNSURE", "UNTRANSCRIBED", "WITHHELD", "WORDS_DISAGREE")
"""What redacted audio held, or why it was not trusted."""
WITHHELD: Final = (
    "analytics_off",
    "buffer_full",
    "detector",
    "language",
    "oversized",
    "turn_without_audio",
    *(f"training_{refusal}" for refusal in Refusal),
    "value_remains",
    "words_disagree",
)
DROPPED: Final = (
    "audio_late",
    "audio_repeat",
    "closed_call",
    "customer_conflict",
    "ended_again",
    "free_text_detector",
    "free_text_language",
    "free_text_policy",
    "segment_late",
    "segment_repeat",
    "started_after_end",
)
INCOMPLETE: Final = ("no_end", "no_transcript", "no_audio", "audio_missing", "records_lost")
DROPPED_FIELDS: Final = notes.DROPPED
DEAD_LETTERS: Final = tuple(
    sorted({*codes(DecodeError), "customer_mismatch", "internal", "session_failed", "unreadable"})
)
ABORTED: Final = tuple(sorted({*codes(BrokerError), "forbidden"}))
SPOTCHECK_RESULTS: Final = ("clean", "found", "unreadable", "withdrawn", "deleted", "no_audio")
POLICY_CHANGES: Final = tuple(str(kind) for kind in ChangeKind)
TASKS: Final = (
    "heartbeat",
    "index",
    "keys",
    "loop",
    "partition",
    "policies",
    "pump",
    "requests",
    "retraction",
    "topics",
    "windows",
)
TAKEN_BACK: Final = ("deletion", "minor", "objection", "opt_out", "restriction", "retention", "withdrawal")
"""Why the control plane took records back."""
TRAINING: Final = ("audio", "transcripts")
ENDED: Final = "ended"
HUNG: Final = "hung"
RESTARTS: Final = (ENDED, HUNG)
