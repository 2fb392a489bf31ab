"""Finds texts without word times that are likely said at another time than they are stated."""

from typing import Final

from deid_stream.audio.align.profiles import MAX_REACH_MS, TimingProfile
from deid_stream.audio.hear import vad
from deid_stream.audio.hear.unheard import EDGE_MS, ORDINARY
from deid_stream.audio.hear.within import SYLLABLE_MS
from deid_stream.audio.hold.reader import Reader
from deid_stream.model.events import Segment
from deid_stream.units import Interval, Ms, merge
from deid_stream.words.durations import least_sound_ms, most_sound_ms

_UTTERANCE_PAUSE_MS: Final = 400
"""Sound after a longer pause than this is another utterance's. A larger value takes more of what stands beside a text
without times for its own, and silences both; a smaller one lets a text stand for another part of an utterance."""


def elsewhere(segment: Segment, bounds: Interval, timing: TimingProfile, reader: Reader, channel: int) -> bool:
    """Whether a segment without word times is likely said at another time than stated: what sounds in its time goes on
    beyond it, further than its edges may be off and not into what is known to be something else (before ``bounds`` and
    after them), and all of that is no ordinary length for its words, or goes on for longer than is looked and leaves
    too little for them in their own time."""
    if any(word.start_ms is not None for word in segment.words):
        return False
    before_ms = _runs_on_ms(segment.start_ms, bounds.start, reader, channel, -1)
    # what is said after a segment without times is another one's
    after_ms = _runs_on_ms(segment.end_ms, bounds.end, reader, channel, 1) if segment.timed else 0
    if max(before_ms, after_ms) < max(EDGE_MS, timing.error_ms + timing.late_ms) + SYLLABLE_MS:
        return False
    whole = Interval(segment.start_ms - before_ms, segment.end_ms + after_ms)
    texts = [word.text for word in segment.words] or segment.text.split()
    speech = vad.speech(reader, channel, whole)
    least_ms, speech_ms = least_sound_ms(texts), sum(part.length for part in speech)
    if max(before_ms, after_ms) == MAX_REACH_MS:  # nobody knows how much further
        stated = Interval(segment.start_ms, segment.end_ms)
        if sum(part.intersect(stated).length for part in speech) < least_ms:
            return True
    return not least_ms <= speech_ms <= ORDINARY * most_sound_ms(texts)


def _runs_on_ms(border_ms: Ms, bound_ms: Ms, reader: Reader, channel: int, sign: int) -> Ms:
    """How far beyond a border speech goes on that begins within it, up to a pause between utterances. ``sign``: which
    way is out."""
    outside_ms = min(MAX_REACH_MS, sign * (bound_ms - border_ms))
    if outside_ms <= EDGE_MS:
        return 0
    look = Interval(*sorted((border_ms - sign * _UTTERANCE_PAUSE_MS, border_ms + sign * outside_ms)))
    reached_ms = -_UTTERANCE_PAUSE_MS - 1  # outward from the border
    # what never came may have been speech
    for part in merge([*vad.speech(reader, channel, look), *reader.missing(channel, look)])[::sign]:
        begins_ms, ends_ms = sorted((sign * (part.start - border_ms), sign * (part.end - border_ms)))
        if begins_ms >= 0 and begins_ms - reached_ms > _UTTERANCE_PAUSE_MS:
            break
        reached_ms = ends_ms
    return max(0, reached_ms)
