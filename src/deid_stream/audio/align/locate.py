"""From a span of text to the stretch of audio that says it.

    words with times that can be true   the words' interval, edges moved outward to the quietest frame within reach
    no times, or impossible ones        forced alignment; without the aligner in proportion over the speech, widened
    nothing holds up                    the whole segment, as ``UNALIGNED``

Consecutive words of a span go together with the pauses between them. Muting too much is a fault, muting too little a
breach: each step down this list widens.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from deid_stream.audio.align import edges, forced, untimed
from deid_stream.audio.align.profiles import FORCED, MAX_REACH_MS, TimingProfile
from deid_stream.audio.align.wordmap import believable, places, words_of
from deid_stream.audio.codec.pcm import has_sound
from deid_stream.audio.hold.reader import Reader
from deid_stream.model.events import Segment, Word
from deid_stream.model.spans import AudioSpan, Span
from deid_stream.units import Interval, Ms

UNALIGNED: Final = "UNALIGNED"
"""``AudioSpan.entity_type`` of a segment muted whole."""


WINDOW_SLACK_MS: Final = 200
"""How far beyond an untimed segment its words are looked for."""


def locate(
    segment: Segment, spans: Sequence[Span], reader: Reader, channel: int, timing: TimingProfile
) -> list[AudioSpan]:
    """Where the spans of a segment's text are heard on ``channel``; sorted, may overlap.

    ``reader`` must hold the channel from ``MAX_REACH_MS`` before the segment to as long after it.
    """
    if not spans:
        return []
    aligned_first = timing.realign and forced.available()
    located = _by_sound(segment, spans, reader, channel, timing) if aligned_first else None
    if located is None:
        located = _by_times(segment, spans, reader, channel, timing)
    if located is None and not aligned_first:
        located = _by_sound(segment, spans, reader, channel, None)
    if located is None:
        start_ms, end_ms = segment.start_ms - MAX_REACH_MS, segment.end_ms + MAX_REACH_MS
        located = [AudioSpan(max(0, start_ms), end_ms, channel, UNALIGNED)]
    return sorted(located)


def _by_times(
    segment: Segment, spans: Sequence[Span], reader: Reader, channel: int, timing: TimingProfile
) -> list[AudioSpan] | None:
    located: list[AudioSpan] = []
    standing = places(segment.text, segment.words)
    for span in spans:
        said = words_of(standing, span.start, span.end)
        words = believable(segment, said, timing.error_ms) if said.length else None
        if words is None:
            return None
        heard = Interval(min(word.start_ms for word in words), max(word.end_ms for word in words))
        if not has_sound(reader.pcm(channel, heard.start, heard.end)):
            return None  # words are never said where nothing sounds
        cut = edges.outward(reader, channel, heard, _neighbours(segment, said), timing)
        located.append(AudioSpan(cut.start, cut.end, channel, span.entity_type.value))
    return located


def _neighbours(segment: Segment, said: Interval) -> tuple[Ms | None, Ms | None]:
    """End of the word before and start of the word after."""
    before = segment.words[said.start - 1].end_ms if said.start else None
    after = segment.words[said.end].start_ms if said.end < len(segment.words) else None
    return before, after


def _by_sound(
    segment: Segment, spans: Sequence[Span], reader: Reader, channel: int, stated: TimingProfile | None
) -> list[AudioSpan] | None:
    """``stated``: what the stated times are worth, where they are worth anything."""
    words = segment.words or tuple(Word(token) for token in segment.text.split())
    window = Interval(max(0, segment.start_ms - WINDOW_SLACK_MS), segment.end_ms + WINDOW_SLACK_MS)
    if forced.available():
        pcm = reader.pcm(channel, window.start, window.end)
        aligned = forced.align(pcm, reader.rate_hz, window.start, [word.text for word in words])
        if aligned is None:
            return None
        placed_words = [Word(word.text, word.start_ms, word.end_ms) for word in aligned]
        if stated is not None and not _agrees(placed_words, words, stated):
            return None
        again = msgspec.structs.replace(segment, words=(*placed_words, *(Word(w.text) for w in words[len(aligned) :])))
        return _by_times(again, spans, reader, channel, FORCED)
    placed = untimed.in_proportion(reader, channel, window, words)
    if placed is None:
        return None
    located: list[AudioSpan] = []
    standing = places(segment.text, words)
    for span in spans:
        said = words_of(standing, span.start, span.end)
        if not said.length:
            return None
        start_ms = placed.words[said.start].start_ms - placed.error_ms
        end_ms = placed.words[said.end - 1].end_ms + placed.error_ms
        located.append(AudioSpan(max(0, start_ms), end_ms, channel, span.entity_type.value))
    return located


def _agrees(aligned: Sequence[Word], words: Sequence[Word], timing: TimingProfile) -> bool:
    """Whether the aligner found every word near where it is stated: else it lost its way, or the text is not what
    was said."""
    return all(
        abs(there.start_ms - timing.late_ms - (here.start_ms or 0)) <= 2 * timing.error_ms
        for here, there in zip(aligned, words, strict=False)
        if there.start_ms is not None
    )
