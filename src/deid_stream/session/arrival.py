"""Places segments without times by the moment when their record came."""

from typing import Final

import msgspec

from deid_stream.model.events import Segment
from deid_stream.units import Ms

LATENCY_MS: Final = 4_000
"""A recogniser without times is taken to answer within this long. More looks further back for the words, and mutes
more where they cannot be aligned; less misses words whose sound is then silenced as untranscribed."""


def placed(segment: Segment, origin_ms: Ms) -> Segment:
    """The segment with the stretch in which its words must lie: it ends when the record came, and is as long as its
    letters may take and the recogniser to answer. It stays untimed: only its sound says where in that stretch
    (``audio.align.untimed.narrowed``). ``origin_ms`` is the record time at which the call began."""
    end_ms = max(1, segment.time_ms - origin_ms)
    start_ms = max(0, end_ms - segment.end_ms - LATENCY_MS)
    return msgspec.structs.replace(segment, start_ms=start_ms, end_ms=end_ms)
