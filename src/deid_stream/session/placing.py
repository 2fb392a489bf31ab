"""From the spans of a turn's text to what must not be heard, on every channel that carries it."""

from collections.abc import Iterator, Mapping, Sequence
from operator import is_
from typing import Final, NamedTuple

import msgspec

from deid_stream.audio.align.believable import in_order
from deid_stream.audio.align.drift import Drift, by_word, drifts, with_last_word
from deid_stream.audio.align.locate import UNALIGNED, locate
from deid_stream.audio.align.profiles import MAX_REACH_MS, TimingProfile, profile
from deid_stream.audio.align.untimed import narrowed
from deid_stream.audio.codec.pcm import has_sound
from deid_stream.audio.cut import crosstalk
from deid_stream.audio.hear import unheard
from deid_stream.audio.hear.elsewhere import elsewhere
from deid_stream.audio.hear.squeezed import squeezed
from deid_stream.audio.hear.vad import CELL_MS
from deid_stream.audio.hear.within import SYLLABLE_MS, Borders
from deid_stream.audio.hold.reader import Excerpt, Reader
from deid_stream.errors import AlignmentError
from deid_stream.model.events import Segment, Word
from deid_stream.model.spans import AudioSpan, Span
from deid_stream.session.settings import SessionSettings
from deid_stream.session.sound import Sound
from deid_stream.session.turns import Turn
from deid_stream.units import CharIndex, Interval, Ms
from deid_stream.words.placement import Placement, joined
from deid_stream.words.placement import place as words_on_text

WITHHELD: Final = "WITHHELD"
"""``AudioSpan.entity_type`` of a turn whose text could not be judged."""
_LOOK_BEFORE_MS: Final = MAX_REACH_MS + CELL_MS
_LOOK_AFTER_MS: Final = 5_000
"""How far about a turn its sound is decoded in one go, as far as it is held. What is looked at beyond is decoded for
each look; a larger value decodes more than most turns need when a backlog is read. Before a turn, whole cells of the
VAD are looked at, and whether its times are off shows in a second of sound."""
_NO_WORD: Final = Word("-")
"""In the place of a word that accounts for no sound."""


class Unlocated(NamedTuple):
    """A turn whose text is decided; ``spans`` in characters of its text; ``muted``: all of it must go; ``placed``:
    by segment, where its words stand in its text; empty: not worked out yet."""

    turn: Turn
    spans: tuple[Span, ...]
    muted: bool
    placed: Sequence[Placement] = ()


def widened(start_ms: Ms, end_ms: Ms, channel: int, reason: str) -> AudioSpan:
    """A whole turn's interval, as wide as its edges could be off."""
    return AudioSpan(max(0, start_ms - MAX_REACH_MS), end_ms + MAX_REACH_MS, channel, reason)


def by_line(turn: Turn, placed: Sequence[Placement]) -> tuple[Turn, list[Placement]]:
    """The turn with the segments of one line of words made one, and their words on its text.

    Some recognisers give every word, or a few, as a segment. Whether such times are off shows where the line begins
    and ends, and where sound does."""
    lines = list(turn.lines())
    if len(lines) == len(turn.segments):
        return turn, [*placed]
    starts = turn.starts()
    segments = tuple(turn._replace(segments=turn.segments[slice(*line)]).joined().segments[0] for line in lines)
    return turn._replace(segments=segments), [
        joined(placed[slice(*line)], [at - starts[line.start] for at in starts[slice(*line)]]) for line in lines
    ]


class Heard(NamedTuple):
    """A turn's sound on one channel, and how far the times of its segments' words are off there."""

    reader: Reader
    off: Sequence[Drift]


def heard(
    turn: Turn, sound: Sound, channel: int, timing: TimingProfile, until_ms: Ms, mates: Sequence[Segment] = ()
) -> Heard:
    """``until_ms``: what sounds from then on (media time) belongs to the next turn. ``mates``: what the turn's segments
    were said with."""
    part = Interval(turn.start_ms - _LOOK_BEFORE_MS, turn.end_ms + _LOOK_AFTER_MS)
    reader = Excerpt(sound, channel, part)
    others = [other for other in sound.channels if other not in sound.targets(turn.channel)]
    return Heard(reader, drifts(turn.segments, reader, channel, timing, until_ms, others, mates))


def located(
    entry: Unlocated, sound: Sound, settings: SessionSettings, until_ms: Ms, mates: Sequence[Segment] = ()
) -> tuple[list[AudioSpan], dict[int, list[Interval]]]:
    """What of a turn must not be heard, and by channel what the turn accounts for (media time). ``until_ms``: what
    sounds from then on belongs to the next turn; ``mates``: what the turn's segments were said with, where these are
    not all of a turn."""
    # a word stands in the text of its own segment, also where its line is aligned as one
    each = entry.placed or [words_on_text(one.text, [word.text for word in one.words]) for one in entry.turn.segments]
    turn, placed = by_line(entry.turn, each)
    entry = entry._replace(turn=turn)
    timing = profile(turn.segments[0].timing or settings.default_profile)
    on = {channel: heard(turn, sound, channel, timing, until_ms, mates) for channel in sound.targets(turn.channel)}
    cut = list(place(entry, placed, on, sound, timing, crosstalk=settings.crosstalk))
    known: dict[int, list[Interval]] = {}
    for channel, here in on.items():
        bounds = Interval(sound.explained_until_ms(channel, turn.start_ms), until_ms)
        known[channel] = explained(entry, placed, here, channel, cut, timing, bounds)
    return cut, known


def place(
    entry: Unlocated,
    placed: Sequence[Placement],
    on: Mapping[int, Heard],
    sound: Sound,
    timing: TimingProfile,
    *,
    crosstalk: bool,
) -> Iterator[AudioSpan]:
    """What to silence on the channels that carry the turn, and with ``crosstalk`` also wherever else the same sound is
    heard. ``placed``: the words of each segment on its text; ``on``: how the turn is heard on each such channel."""
    others = [channel for channel in sound.channels if channel not in on] if crosstalk else []
    for channel, (reader, off) in on.items():
        for span in _spans(entry, placed, channel, reader, timing, off):
            yield span
            for carrier in _carriers(sound, span, others):
                start_ms, end_ms = carrier.interval
                yield AudioSpan(max(0, start_ms), end_ms, carrier.channel, span.entity_type)


def explained(
    entry: Unlocated,
    placed: Sequence[Placement],
    on: Heard,
    channel: int,
    cut: Sequence[AudioSpan],
    timing: TimingProfile,
    bounds: Interval,
) -> list[Interval]:
    """Media time (ms) that a turn accounts for on a channel. What sounds outside ``bounds`` belongs to other turns.

    Where its first or last word had to go, nothing more than a breath beyond what was ``cut``: speech that goes on
    there is more of the same. Where words' times are off, they account for nothing if more sounds there than their
    letters take, and each segment for what lies in its own times alone.
    """
    turn, (reader, off) = entry.turn, on
    borders = Borders([word for segment in turn.segments for word in segment.words])
    # the last word as the turn has it: it may be one of those that account for nothing
    stated = [with_last_word(*part) if part[1].last_only else part[0] for part in zip(turn.segments, off, strict=True)]
    turn = turn._replace(segments=tuple(_read(*part, timing) for part in zip(stated, placed, strict=True)))
    if any(map(any, off)):
        turn = turn._replace(segments=tuple(_doubted(turn.segments, off, reader, channel, timing)))
    elif len(turn.segments) > 1 and all(
        word.start_ms is not None for segment in turn.segments for word in segment.words
    ):
        turn = turn.joined()  # a word without times is said in its own segment
    found: list[Interval] = []
    for segment, at, own in zip(turn.segments, turn.starts(), _bounds(turn.segments, bounds), strict=True):
        segment = narrowed(segment, reader, channel)
        if elsewhere(segment, own, timing, reader, channel) or squeezed(segment, reader, channel):
            continue
        known = unheard.explained(segment, timing, reader, channel, borders)
        around = Interval(segment.start_ms - MAX_REACH_MS, segment.end_ms + MAX_REACH_MS)
        holes = [s for s in cut if s.channel == channel and around.overlaps(Interval(s.start_ms, s.end_ms))]
        letters = [at + i for i, character in enumerate(segment.text) if character.isalnum()] if holes else ()
        if letters:
            first, last = (any(s.start <= end < s.end for s in entry.spans) for end in (letters[0], letters[-1]))
            begin_ms = min(hole.start_ms for hole in holes) - SYLLABLE_MS if first else around.start
            end_ms = max(hole.end_ms for hole in holes) + SYLLABLE_MS if last else around.end
            known = [part.intersect(Interval(begin_ms, end_ms)) for part in known]
        found += [part for part in known if part.length]
    return found


def _bounds(segments: Sequence[Segment], bounds: Interval) -> Iterator[Interval]:
    """For each segment, in order, where what the others say ends before it and begins after it."""
    said = [segment for segment in segments if any(map(str.isalnum, segment.text))]
    for segment in segments:
        before = [other.end_ms for other in said if other.start_ms < segment.start_ms]
        after = [other.start_ms for other in said if other.start_ms > segment.start_ms]
        yield Interval(max(before, default=bounds.start), min(after, default=bounds.end))


def _read(segment: Segment, placed: Placement, timing: TimingProfile) -> Segment:
    """The segment without the words that account for nothing: what is stated before words that it follows, for its
    times cannot be true, and what the text does not say. One of them may lie on a value that the text lacks. A text
    without letters says nothing, also where its words are such as texts leave out ("uh", "to")."""
    if segment.words and not any(map(str.isalnum, segment.text)):
        return msgspec.structs.replace(segment, words=(_NO_WORD,))
    unsaid = {segment.words[at] for stretch in placed.disagreements for at in range(*stretch.words)}
    ordered = in_order(segment.words, timing.error_ms)
    if not unsaid and all(map(is_, ordered, segment.words)):
        return segment
    words = tuple(
        word for word, stated in zip(ordered, segment.words, strict=True) if word is not None and stated not in unsaid
    )
    return msgspec.structs.replace(segment, words=words or (_NO_WORD,))


def _doubted(
    segments: Sequence[Segment], off: Sequence[Drift], reader: Reader, channel: int, timing: TimingProfile
) -> Iterator[Segment]:
    """The segments, those without words whose times are off where more sounds about them than their letters take, or
    nothing where they are stated: one of them may lie on a value that the text lacks. A last word may be drawn out, or
    off by itself."""
    ended_ms = 0
    for segment, drift in zip(segments, off, strict=True):
        if any(drift) and not (drift.drawn_out or drift.last_only):
            # what sounds just before belongs to the segment before it, or else to this one
            begun_ms = min(segment.start_ms, max(ended_ms, segment.start_ms - MAX_REACH_MS))
            untimed = msgspec.structs.replace(
                segment,
                start_ms=max(0, min(begun_ms, segment.start_ms - drift.before_ms)),
                end_ms=segment.end_ms + drift.after_ms,
                words=tuple(msgspec.structs.replace(word, start_ms=None, end_ms=None) for word in segment.words),
            )
            if not _sounds(segment, reader, channel) or not unheard.explained(untimed, timing, reader, channel):
                segment = msgspec.structs.replace(segment, words=(_NO_WORD,))
        ended_ms = max(ended_ms, segment.end_ms)
        yield segment


def _sounds(segment: Segment, reader: Reader, channel: int) -> bool:
    """Whether anything sounds where a word is stated, as far as that is known."""
    held = reader.held(channel)
    for word in segment.words:
        if word.start_ms is not None and word.end_ms is not None:
            part = Interval(word.start_ms, word.end_ms)
            if part.intersect(held) != part:
                return True
            if has_sound(reader.pcm(channel, *part), reader.line(channel, part.start).pause_peak):
                return True
    return False


def clip(spans: Sequence[Span], start: CharIndex, end: CharIndex) -> tuple[Span, ...]:
    """The parts of a turn's spans that lie in ``[start, end)``, in characters from ``start``."""
    return tuple(
        msgspec.structs.replace(span, start=max(span.start, start) - start, end=min(span.end, end) - start)
        for span in spans
        if span.start < end and start < span.end
    )


def _spans(
    entry: Unlocated,
    parts: Sequence[Placement],
    channel: int,
    reader: Reader,
    timing: TimingProfile,
    off: Sequence[Drift],
) -> Iterator[AudioSpan]:
    turn = entry.turn
    if entry.muted:
        yield widened(turn.start_ms, turn.end_ms, channel, WITHHELD)
        return
    whole = turn.joined()
    placed = [joined(parts, turn.starts())] if len(whole.segments) < len(parts) else [*parts]
    drifts: list[list[Drift]] = [[] for _ in whole.segments]
    for at, part in enumerate(turn.segments):
        drifts[min(at, len(drifts) - 1)] += by_word(off[at], part.words)
    for segment, start, standing, drift in zip(whole.segments, whole.starts(), placed, drifts, strict=True):
        own = clip(entry.spans, start, start + len(segment.text))
        segment = narrowed(segment, reader, channel)
        try:
            yield from locate(segment, own, reader, channel, timing, standing if segment.words else None, drift)
        except AlignmentError:
            yield widened(segment.start_ms, segment.end_ms, channel, UNALIGNED)


def _carriers(sound: Sound, span: AudioSpan, others: Sequence[int]) -> Sequence[crosstalk.Carrier]:
    if not others:
        return ()
    return crosstalk.carriers(sound, span.channel, others, Interval(span.start_ms, span.end_ms))
