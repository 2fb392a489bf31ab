"""From a span of text to the stretch of audio that says it.

    words with times that can be true   the words' interval, edges moved outward to the quietest frame within reach,
                                        and as much further as the segment's times are off as a whole (``drift``)
    no times, or impossible ones        forced alignment; without the aligner in proportion over the speech, widened
    nothing holds up                    the whole segment, as ``UNALIGNED``

Where words and text disagree, what the words say there is silenced as if a span stood there (``WORDS_DISAGREE``), and
so is a recogniser's own placeholder, from the word before it to the word after it.

Consecutive words of a span go together with the pauses between them. Muting too much is a fault, muting too little a
breach: each step down this list widens.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import msgspec

from deid_stream.audio.align import edges, forced, untimed
from deid_stream.audio.align.believable import anchors_at, believable
from deid_stream.audio.align.drift import Drift
from deid_stream.audio.align.profiles import FORCED, MAX_REACH_MS, WIDEST, TimingProfile, profile
from deid_stream.audio.align.unsure import CERTAIN_FROM, hasty, spilled
from deid_stream.audio.codec.pcm import has_sound
from deid_stream.audio.hold.reader import Reader
from deid_stream.model.events import Segment, Word
from deid_stream.model.spans import AudioSpan, Span
from deid_stream.units import Interval, Ms
from deid_stream.words.confidence import UNSURE, UNSURE_ANSWER, unsure_runs
from deid_stream.words.durations import longest_sound_ms
from deid_stream.words.placement import WORDS_DISAGREE, Placement, place

UNALIGNED: Final = "UNALIGNED"
"""``AudioSpan.entity_type`` of a segment muted whole."""


HASTY_REACH_MS: Final = 300
"""How far before and after its stated time a segment that the recogniser made up is silenced. A larger value silences
more beside it."""
WINDOW_SLACK_MS: Final = 200
"""How far before and after its stated time the words of a segment without word times are looked for. A larger value
finds words whose segment is stated too short, and may find words of another one."""


_GUESSED: Final = profile("100ms")
_MOST_AWAY: Final = 6
"""One word in this many may be found far from where it is stated. A larger value aligns fewer segments, and widens
their cuts by as much as their times may be off; a smaller one believes an alignment that lost its way."""


_BEGUN_MS: Final = 40
"""Where a recogniser of rough times doubts the first word of a value, the value is taken to begin this much earlier
than it was found: the alignment gives its first sound to the word before. A larger value takes more of that word; a
smaller one leaves the beginning of doubted values."""


class _Wanted(NamedTuple):
    """Words (a half-open range of indices) whose sound must go, and as what."""

    words: Interval
    entity_type: str
    by_doubt: bool = False
    """Only the recogniser's doubt speaks for it: where its place is not known either, nothing else goes for it."""


class _Reading(NamedTuple):
    """A segment with its words on its text, and what of it must go. Without words, the text's own stand for them."""

    segment: Segment
    placed: Placement
    wanted: list[_Wanted]
    stated: Sequence[Word]
    """The words as the recogniser has them, wherever the segment's have been found since."""
    rough: bool
    """The recogniser's times are so rough that they are looked for in the sound."""


def locate(
    segment: Segment,
    spans: Sequence[Span],
    reader: Reader,
    channel: int,
    timing: TimingProfile,
    placed: Placement | None = None,
    drift: Sequence[Drift] = (),
) -> list[AudioSpan]:
    """Where the spans of a segment's text are heard on ``channel``, and what its words say beyond the text; sorted, may
    overlap.

    ``reader`` must hold the channel from ``MAX_REACH_MS`` before the segment to as long after it. ``placed``: the
    segment's words on its text, where that is known. ``drift``: by word, how far its times may be off beyond the
    usual; where they are, its place by times and its place by sound both go.
    """
    reading = _read(segment, spans, placed, timing)
    if hasty(segment):
        start_ms, end_ms = segment.start_ms, segment.end_ms + HASTY_REACH_MS
        return [AudioSpan(max(0, start_ms - HASTY_REACH_MS), end_ms, channel, UNSURE)]
    if not reading.wanted:
        return []
    off = any(map(any, drift))
    aligned_first = timing.realign and forced.available() and not off
    located = _by_sound(reading, reader, channel, timing) if aligned_first else None
    if located is None:
        located = _by_times(reading, reader, channel, timing, drift)
        if located is not None and off:
            located += _by_sound(reading, reader, channel, None) or ()
    if located is None and not aligned_first:
        located = _by_sound(reading, reader, channel, None)
    if located is None:
        located = _between(reading, reader, channel, drift)
    if located is None:
        off_by = _furthest(drift)
        before_ms, after_ms = max(MAX_REACH_MS, off_by.before_ms), max(MAX_REACH_MS, off_by.after_ms)
        located = [
            AudioSpan(max(0, part.start - before_ms), part.end + after_ms, channel, UNALIGNED)
            for part in _stated_times(segment)
        ]
    return sorted(located)


def _stated_times(segment: Segment) -> list[Interval]:
    """Where a segment is said by its own times (ms), of whatever length, and by those of its words."""
    starts = [word.start_ms for word in segment.words if word.start_ms is not None]
    ends = [word.end_ms for word in segment.words if word.end_ms is not None]
    said = [Interval(min(starts), max(min(starts), *ends))] if starts and ends else []
    whole = Interval(segment.start_ms, segment.end_ms)
    return [whole, *(part for part in said if part.start < whole.start or whole.end < part.end)]


def _furthest(drift: Sequence[Drift]) -> Drift:
    """How far any of these words may be off."""
    return Drift(max((word.before_ms for word in drift), default=0), max((word.after_ms for word in drift), default=0))


def _widened(cut: Interval, drift: Sequence[Drift]) -> Interval:
    """``cut`` (ms) by as much as its words may be off, and no further than to where the words of their segment are."""
    start_ms, end_ms = cut
    for within in {word.within for word in drift}:
        off_by = _furthest([word for word in drift if word.within == within])
        earliest_ms, latest_ms = cut.start - off_by.before_ms, cut.end + off_by.after_ms
        if within is not None:
            earliest_ms = max(earliest_ms, within.start - WINDOW_SLACK_MS)
            latest_ms = min(latest_ms, within.end + WINDOW_SLACK_MS)
        start_ms, end_ms = min(start_ms, earliest_ms), max(end_ms, latest_ms)
    return Interval(start_ms, end_ms)


def _read(segment: Segment, spans: Sequence[Span], placed: Placement | None, timing: TimingProfile) -> _Reading:
    if not segment.words:
        segment = msgspec.structs.replace(segment, words=tuple(Word(token) for token in segment.text.split()))
    placed = placed or place(segment.text, [word.text for word in segment.words])
    wanted = [
        _Wanted(placed.heard(Interval(span.start, span.end)), span.entity_type.value, span.detector == UNSURE_ANSWER)
        for span in spans
    ]
    wanted += [_Wanted(stretch.words, WORDS_DISAGREE) for stretch in placed.disagreements]
    wanted += [_Wanted(run, UNSURE, by_doubt=True) for run in unsure_runs(segment.words)]
    return _Reading(segment, placed, wanted, segment.words, timing.realign)


def _by_times(
    reading: _Reading, reader: Reader, channel: int, timing: TimingProfile, drift: Sequence[Drift] = ()
) -> list[AudioSpan] | None:
    located: list[AudioSpan] = []
    segment, placed, wanted = reading[:3]
    for said, entity_type, by_doubt in wanted:
        stated = reading.stated[said.start : said.end]
        words = believable(segment, said, placed, timing.error_ms) if said.length else None
        if words is None and by_doubt:
            located += _as_stated(reading, said, channel, entity_type)
            continue
        if words is None:
            return None
        heard = Interval(min(word.start_ms for word in words), max(word.end_ms for word in words))
        ended, begins = _neighbours(segment, said)
        if not placed.signs.isdisjoint(range(*said)):
            heard = Interval(
                min(heard.start, segment.start_ms if ended is None else ended),
                max(heard.end, segment.end_ms if begins is None else begins),
            )
        elif not by_doubt and not _sounds(reader, channel, heard) and not any(map(any, drift[said.start : said.end])):
            return None  # words are never said where nothing sounds
        cut = edges.outward(
            reader, channel, heard, (ended, begins), _guessing(timing) if entity_type == UNSURE else timing
        )
        if entity_type != UNSURE:
            cut = spilled(reading.stated, said, cut, reader, channel, rough=reading.rough)
        if reading.segment.words is not reading.stated and _doubts(stated):
            # where words were misheard, the aligner has looked for words that were not said
            cut = _with_stated(reading.stated, said, cut)
        if entity_type != UNSURE and reading.rough and _doubts(stated[:1]):
            cut = Interval(cut.start - _BEGUN_MS, cut.end)
        start_ms, end_ms = _widened(cut, drift[said.start : said.end])
        located.append(AudioSpan(max(0, start_ms), end_ms, channel, entity_type))
    return located


def _doubts(words: Sequence[Word], certain: float = CERTAIN_FROM) -> bool:
    return any((word.confidence or 1.0) < certain for word in words)


def _with_stated(words: Sequence[Word], said: Interval, cut: Interval) -> Interval:
    """``cut`` (ms), with the stated time of the ``words`` that are ``said`` (indices), and all between the two. A last
    word lasts into the pause after it, so no end counts beyond what it can sound."""
    timed = [
        (word.start_ms, min(word.end_ms, word.start_ms + longest_sound_ms(word.text)))
        for word in words[said.start : said.end]
        if word.start_ms is not None and word.end_ms is not None and word.end_ms > word.start_ms
    ]
    return Interval(min([cut.start, *(start for start, _ in timed)]), max([cut.end, *(end for _, end in timed)]))


def _guessing(timing: TimingProfile) -> TimingProfile:
    """For what only the recogniser's doubt speaks for: its edges are looked for as if the times were good ones."""
    error_ms, least_ms = min(timing.error_ms, _GUESSED.error_ms), min(timing.least_ms, _GUESSED.least_ms)
    return msgspec.structs.replace(timing, error_ms=error_ms, least_ms=least_ms)


def _between(reading: _Reading, reader: Reader, channel: int, drift: Sequence[Drift] = ()) -> list[AudioSpan] | None:
    """All that lies between the nearest words before and after whose times can be relied on, as much wider as these are
    off (``drift``); None where there are none about some of what must go."""
    segment, placed, wanted = reading[:3]
    words = segment.words
    anchors = [at for at in range(len(words)) if anchors_at(words, at) and at not in placed.signs]
    located: list[AudioSpan] = []
    for said, entity_type, by_doubt in wanted:
        if by_doubt:
            located += _as_stated(reading, said, channel, entity_type)
            continue
        before = max((at for at in anchors if at < said.start), default=None)
        after = min((at for at in anchors if at >= said.end), default=None)
        if not said.length or (before is None and after is None):
            return None
        start_ms = segment.start_ms if before is None else words[before].end_ms
        end_ms = segment.end_ms if after is None else words[after].start_ms
        if start_ms is None or end_ms is None or end_ms <= start_ms:
            return None
        if not _sounds(reader, channel, Interval(start_ms, end_ms)):
            return None
        own = [ms for word in words[said.start : said.end] for ms in (word.start_ms, word.end_ms) if ms is not None]
        if own and not (start_ms <= min(own) and max(own) <= end_ms):
            return None  # the words are not in the order of their times, so no neighbour bounds them
        cut = edges.outward(reader, channel, Interval(start_ms, end_ms), (None, None), WIDEST)
        start_ms, end_ms = _widened(cut, drift[before or 0 : None if after is None else after + 1])
        located.append(AudioSpan(max(0, start_ms), end_ms, channel, entity_type))
    return located


def _as_stated(reading: _Reading, said: Interval, channel: int, entity_type: str) -> list[AudioSpan]:
    """The words' own times within their segment, whatever they are worth, and those at which they were found: the
    aligner may have lost its way before the last of them."""
    segment = reading.segment
    words = [*segment.words[said.start : said.end], *reading.stated[said.start : said.end]]
    starts = [word.start_ms for word in words if word.start_ms is not None]
    ends = [word.end_ms for word in words if word.end_ms is not None]
    if not starts or not ends:
        return []
    start_ms, end_ms = max(min(starts), segment.start_ms, 0), min(max(ends), segment.end_ms)
    return [AudioSpan(start_ms, end_ms, channel, entity_type)] if end_ms > start_ms else []


def _sounds(reader: Reader, channel: int, heard: Interval) -> bool:
    return has_sound(reader.pcm(channel, heard.start, heard.end), reader.line(channel, heard.start).quiet_peak)


def _neighbours(segment: Segment, said: Interval) -> tuple[Ms | None, Ms | None]:
    """End of the word before and start of the word after."""
    before = segment.words[said.start - 1].end_ms if said.start else None
    after = segment.words[said.end].start_ms if said.end < len(segment.words) else None
    return before, after


def _by_sound(reading: _Reading, reader: Reader, channel: int, stated: TimingProfile | None) -> list[AudioSpan] | None:
    """``stated``: what the stated times are worth, where they are worth anything."""
    segment, placed, wanted = reading[:3]
    if placed.signs:
        return None  # nobody knows what is said there
    words = segment.words
    window = Interval(max(0, segment.start_ms - WINDOW_SLACK_MS), segment.end_ms + WINDOW_SLACK_MS)
    if forced.available():
        if window.length > forced.MAX_MS:
            return None
        pcm = reader.pcm(channel, window.start, window.end)
        aligned = forced.align(pcm, reader.rate_hz, window.start, [word.text for word in words])
        if aligned is None:
            return None
        placed_words = [Word(word.text, word.start_ms, word.end_ms) for word in aligned]
        found_all = all(one.words.end <= len(aligned) for one in wanted if one.entity_type != UNSURE)
        if stated is not None and not (found_all and _agrees(placed_words, words, stated)):
            return None
        again = msgspec.structs.replace(segment, words=(*placed_words, *(Word(w.text) for w in words[len(aligned) :])))
        return _by_times(reading._replace(segment=again), reader, channel, FORCED)
    guessed = untimed.in_proportion(reader, channel, window, words)
    if guessed is None:
        return None
    located: list[AudioSpan] = []
    # where speech was going on when the stretch of an untimed segment began, nobody knows how much of it is its own
    begun = not segment.timed and untimed.goes_on(reader, channel, window.start)
    for said, entity_type, by_doubt in wanted:
        if not said.length:
            if by_doubt:
                continue
            return None
        guess = Interval(guessed.words[said.start].start_ms, guessed.words[said.end - 1].end_ms)
        near = _with_stated(reading.stated, said, guess)
        start_ms, end_ms = near.start - guessed.error_ms, near.end + guessed.error_ms
        if begun:
            start_ms = min(start_ms, window.start - WINDOW_SLACK_MS)
        located.append(AudioSpan(max(0, start_ms), end_ms, channel, entity_type))
    return located


def _agrees(aligned: Sequence[Word], words: Sequence[Word], timing: TimingProfile) -> bool:
    """Whether the aligner found the words near where they are stated: else it lost its way, or the text is not what
    was said. Words of no length, as recognisers give the last of a segment, are stated nowhere. A word may stand
    elsewhere between two that agree: recognisers let a word last into the next one."""
    away = [
        abs(there.start_ms - timing.late_ms - (here.start_ms or 0)) > 2 * timing.error_ms
        for here, there in zip(aligned, words, strict=False)
        if there.start_ms is not None and there.start_ms != there.end_ms
    ]
    beside = any(here and there for here, there in pairwise(away))
    return not (beside or away[:1] == [True] or away[-1:] == [True]) and _MOST_AWAY * sum(away) <= len(away)
