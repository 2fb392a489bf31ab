"""Speech that no transcript accounts for: nobody has read it, so nobody may hear it.

What a transcript explains is drawn generously, because word edges are rough and turns end in breaths: muting the
ordinary speech of a covered turn would be as wrong as letting a whole unread sentence through.
"""

from collections.abc import Sequence
from typing import Final

from deid_stream.audio.align.profiles import TimingProfile
from deid_stream.audio.codec.pcm import QUIET_PEAK
from deid_stream.audio.hear import vad
from deid_stream.audio.hold.reader import Reader
from deid_stream.model.events import Segment
from deid_stream.model.spans import AudioSpan
from deid_stream.units import Interval, Ms, merge, subtract
from deid_stream.words.durations import duration_bounds

UNTRANSCRIBED: Final = "UNTRANSCRIBED"
EDGE_MS: Final = 300
"""A turn explains the sound this far about its words: rough edges, breath, the decay of a room."""
PAUSE_MS: Final = 700
"""A pause between two words that their turn still explains; in a longer one another word could hide."""
NEW_WORD_PAUSE_MS: Final = 50
"""Quiet for so long, and then a syllable: that is another word, not the end of the last."""
SHORTEST_SPEECH_MS: Final = 100
"""Less than a syllable between explained stretches is a click or a breath."""


def explained(segment: Segment, timing: TimingProfile) -> list[Interval]:
    """Media time (ms) that a final segment accounts for, sorted and apart.

    Its words widened by the profile's reach, at least ``EDGE_MS``, joined over ordinary pauses. A word longer than it
    can be explains only what it can be, from its start. A segment without believable times explains its whole interval.
    """
    edge_ms = max(EDGE_MS, timing.widest_ms)
    whole = Interval(segment.start_ms - edge_ms, segment.end_ms + edge_ms)
    said: list[Interval] = []
    for word in segment.words:
        if word.start_ms is None or word.end_ms is None:
            return [whole]
        longest_ms = duration_bounds(word.text)[1]
        end_ms = min(word.end_ms, word.start_ms + longest_ms)
        said.append(Interval(word.start_ms - edge_ms, max(end_ms, word.start_ms) + edge_ms).intersect(whole))
    if not said:
        return [whole] if segment.text.strip() else []
    wide_ms = max(0, PAUSE_MS - 2 * edge_ms)
    joined = merge(Interval(part.start, part.end + wide_ms) for part in said)
    return [Interval(part.start, part.end - wide_ms) for part in joined]


def tail_ms(reader: Reader, channel: int, from_ms: Ms) -> Ms:
    """How long sound after ``from_ms`` may be the end of what was said before: ``EDGE_MS``, but where it pauses and a
    syllable follows, up to the pause."""
    frame_ms = 10
    count = (EDGE_MS + SHORTEST_SPEECH_MS) // frame_ms
    size = frame_ms * reader.rate_hz // 1000
    sound = reader.pcm(channel, from_ms, from_ms + count * frame_ms)[: count * size].reshape(count, -1)
    loud = (sound.max(axis=1) > QUIET_PEAK) | (sound.min(axis=1) < -QUIET_PEAK)
    pause = NEW_WORD_PAUSE_MS // frame_ms
    for at in range(EDGE_MS // frame_ms):
        if not loud[at : at + pause].any() and loud[at:].sum() * frame_ms >= SHORTEST_SPEECH_MS:
            return at * frame_ms
    return EDGE_MS


def unexplained(covered: Sequence[Interval], window: Interval, reader: Reader, channel: int) -> list[AudioSpan]:
    """Speech within ``window`` (ms) outside ``covered``, as spans to mute.

    Ask for whole cells of the VAD's grid: a stretch shorter than ``SHORTEST_SPEECH_MS`` is let go only where it ends
    inside the window, since at the border it may go on.
    """
    open_parts = subtract(window, covered)
    if not open_parts:
        return []
    speech = vad.speech(reader, channel, window)
    found: list[AudioSpan] = []
    for part in open_parts:
        for heard in speech:
            left = heard.intersect(part)
            if left.length and (left.length >= SHORTEST_SPEECH_MS or _at_border(left, window)):
                found.append(AudioSpan(left.start, left.end, channel, UNTRANSCRIBED))
    return found


def _at_border(part: Interval, window: Interval) -> bool:
    return part.start == window.start or part.end == window.end
