"""Limits above which records are refused, and the reading of numbers from untrusted input.

Every limit is far above what an ordinary document needs (an hour of Whisper has 1,200 segments and 9,600 words) and
low enough that one record cannot hold up a partition: detection costs about 80 us per character.
"""

import math
from collections.abc import Mapping
from typing import Final

import msgspec

from deid_stream.errors import AudioFormatError, counted
from deid_stream.units import DAY_MS

MAX_CHANNEL: Final = 63
"""Highest channel number of a call, counted from 0."""
MAX_CHANNELS: Final = MAX_CHANNEL + 1
MAX_IDENTIFIER_CHARS: Final = 256
MAX_MEDIA_MS: Final = 7 * DAY_MS
"""Media time counts from the call's start; above a week it is some other clock (an epoch, say) and would drag the
watermark away with it."""
MAX_SEQ: Final = 2**53
MAX_REVISION: Final = 2**31
MAX_SEGMENT_MS: Final = 600_000
"""Length of one segment. The sound of a segment is looked at as a whole."""
MAX_SEGMENT_CHARS: Final = 8_000
"""Of one segment's text, and of its words together: some nine minutes of speech."""
MAX_SEGMENT_WORDS: Final = 2_000
MAX_RECORD_SEGMENTS: Final = 5_000
MAX_RECORD_WORDS: Final = 50_000
MAX_WORD_CHARS: Final = 1_000
MAX_FAULTS: Final = 20
"""Faults of one record that are reported one by one; the rest are reported together."""

_MAX_NUMBER: Final = 1e15
_MAX_NUMBER_CHARS: Final = 40

DEFAULT_VOCABULARIES: Final[dict[str, frozenset[str]]] = {
    "direction": frozenset({"inbound", "outbound", "internal"}),
    "region": frozenset({"apac", "emea", "amer", "latam"}),
    "queue": frozenset(
        "sales support billing service technical retention claims collections general default priority overflow".split()
    ),
    "disposition": frozenset(
        "resolved unresolved completed answered abandoned transferred escalated voicemail no_answer busy failed "
        "callback dropped missed".split()
    ),
}
"""Values of ``call.started``'s metadata that may leave with the call's summary. A region may also be two letters."""


class Limits(msgspec.Struct, frozen=True):
    """What a deployment sets. Sizes are bytes of the record's value."""

    max_audio_bytes: int = 1_048_576
    max_transcript_bytes: int = 1_048_576
    """Of any JSON record: transcripts and call events."""
    vocabularies: Mapping[str, frozenset[str]] = msgspec.field(default_factory=lambda: DEFAULT_VOCABULARIES)
    """Lower-case values by field name; see ``DEFAULT_VOCABULARIES``."""
    free_text: frozenset[str] = frozenset()
    """Fields of ``call.started``'s metadata that the session redacts; see ``wire.free_text``."""


def check_channel(channel: int, channels: int) -> None:
    """Raises AudioFormatError where ``channel`` is none of a call's ``channels``, which are counted from 0."""
    if not 0 <= channel < channels:
        raise AudioFormatError(
            f"channel {channel} of a call with {counted(channels, 'channel')}",
            at="channel",
            mend="count channels from 0, and begin the call with as many as it has",
        )


def bounded(value: object) -> float | None:
    """A number out of JSON that may hold anything, or a number in text with an optional ``s`` for seconds; None for
    everything else: booleans, NaN, infinities, and numbers that no time, count or share can be."""
    if isinstance(value, str):
        if len(value) > _MAX_NUMBER_CHARS or "_" in value:
            return None
        try:
            value = float(value.strip().removesuffix("s"))
        except ValueError:
            return None
    elif isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # compared before anything is computed: an integer of 400 digits fits no float
    number: float = value
    return number if -_MAX_NUMBER < number < _MAX_NUMBER else None


def whole(value: object) -> int | None:
    """A whole number, as ``bounded`` reads it; None where it has a fraction."""
    number = bounded(value)
    return None if number is None or number != math.floor(number) else int(number)


def share(value: object) -> float | None:
    """A confidence: 0 to 1; None for every other number."""
    number = bounded(value)
    return number if number is not None and 0 <= number <= 1 else None
