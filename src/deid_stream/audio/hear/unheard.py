"""Finds speech that no transcript accounts for. It is muted, because nobody has checked it for values.

A transcript accounts for more than its words' stated times, because word edges are rough and turns end in breaths. Too
narrow a reach would mute ordinary speech of a transcribed turn; too wide a reach would let an unread sentence through.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Final

from deid_stream.audio.align.profiles import TimingProfile
from deid_stream.audio.codec.pcm import has_sound
from deid_stream.audio.hear import vad
from deid_stream.audio.hear.within import PAUSE, PAUSE_MS, SYLLABLE_MS, Borders
from deid_stream.audio.hold.reader import FRAME_MS, Reader, loud_frames, or_missing
from deid_stream.model.events import Segment, Word
from deid_stream.model.spans import AudioSpan
from deid_stream.units import Interval, Ms, merge, subtract
from deid_stream.words.durations import least_sound_ms, longest_sound_ms, most_sound_ms, sharing_time, usual_sound_ms
from deid_stream.words.placeholders import opaque

UNTRANSCRIBED: Final = "UNTRANSCRIBED"
EDGE_MS: Final = 300
"""A word accounts for the sound up to this far before and after it, as far as the next pause: rough edges, breath, the
decay of a room. A larger value lets short unread words pass; a smaller one mutes the ends of words that were read."""
INNER_EDGE_MS: Final = 60
"""The words account for whatever sounds between two of them where the gap is at most twice this. A longer gap could
hide another word: a sound in it that pauses separate from both words counts as unread. A larger value lets short unread
words pass; a smaller one mutes more of words whose times are rough."""
_BESIDE_MS: Final = 2 * SYLLABLE_MS
"""Sound between unread speech and a silenced stretch is silenced too where the gap is shorter than this. A larger value
silences short words that were read between the two; a smaller one leaves pieces of a value of which a part was not
read."""
ORDINARY: Final = 0.75
"""Share of ``most_sound_ms`` that people of ordinary speed take at most, and of ``least_sound_ms`` that is heard at
least, pauses within words not counted."""
_LOOKED_MS: Final = 10_000
"""Of a longer stretch only the first part of this length is asked whether its sound is there. A larger value takes more
time per segment."""


class _Said:
    """A stretch that words account for."""

    def __init__(self, part: Interval, texts: tuple[str, ...], reader: Reader, channel: int) -> None:
        self.part = part
        self.texts = texts
        self._reader = reader
        self._channel = channel

    @cached_property
    def found(self) -> bool:
        """Their sound is there, so they account for none beyond a pause. Asked of the few stretches beside a pause
        alone: the others make one with their neighbours however they sound."""
        return _found(self.part, self.texts, self._reader, self._channel)

    def in_order(self) -> tuple[Interval, tuple[str, ...]]:
        """What stretches are sorted by."""
        return self.part, self.texts


def explained(
    segment: Segment, timing: TimingProfile, reader: Reader, channel: int, borders: Borders | None = None
) -> list[Interval]:
    """Media time (ms) on ``channel`` that a final segment accounts for, sorted and apart.

    A segment explains at most as much sound as its letters can take. Its words count with the rough edges of their
    times; a word that claims more time than it can sound counts only where no more speech is there than it can be, and
    placeholders and punctuation never count. The same holds for the interval of words without times. A sound that
    stands apart from words whose own sound is where they are stated is another word.

    ``reader`` must hold the channel from ``MAX_REACH_MS`` before the segment to as long after it. ``borders``: between
    all words of its turn, where the segment does not have all of its own any more.
    """
    edge_ms = max(EDGE_MS, timing.widest_ms)
    whole = Interval(segment.start_ms, segment.end_ms)
    words = segment.words or tuple(Word(token) for token in segment.text.split())
    signs = opaque([word.text for word in words])
    read = [word for number, word in enumerate(words) if number not in signs and longest_sound_ms(word.text)]
    borders = borders or Borders(words)
    said = [
        _Said(part, texts, reader, channel)
        for claimed, texts, longest_ms, least_ms in _claims(read, whole)
        if not least_ms or _room(claimed, least_ms, reader, channel)
        for held in _held(claimed, longest_ms, reader, channel)
        for part in (borders.own(held, texts[0], reader, channel) if len(texts) == 1 else (held,))
    ]
    begins_ms = whole.start - _up_to_pause_ms(reader, channel, whole.start, edge_ms, -1)
    ends_ms = whole.end + _up_to_pause_ms(reader, channel, whole.end, edge_ms, 1)
    known: list[Interval] = []
    for group in _groups(said, timing, reader, channel):
        start_ms, end_ms = group[0].part.start, max(one.part.end for one in group)
        before_ms = _reach_ms(reader, channel, start_ms, edge_ms, group[0], timing, -1)
        after_ms = _reach_ms(reader, channel, end_ms, edge_ms, group[-1], timing, 1)
        known.append(Interval(start_ms - before_ms, end_ms + after_ms).intersect(Interval(begins_ms, ends_ms)))
    return merge(known)


def _up_to_pause_ms(reader: Reader, channel: int, border_ms: Ms, edge_ms: Ms, sign: int) -> Ms:
    """How far beyond a segment's border its words may reach: ``edge_ms``, but where a sound goes on there that began
    beyond the border after a pause, up to the pause: it is another word's."""
    count = edge_ms // FRAME_MS + 1
    first_ms = border_ms if sign > 0 else border_ms - count * FRAME_MS
    loud = loud_frames(reader, channel, first_ms, count)[::sign]
    if not (loud[-1] and loud[-2]):
        return edge_ms
    paused = loud.rfind(PAUSE)
    return edge_ms if paused < 0 else paused * FRAME_MS


def _found(part: Interval, texts: Sequence[str], reader: Reader, channel: int) -> bool:
    """Whether half of the stretch sounds, or as much as its letters take when they are said fast. What has left was
    where it is stated, as far as anybody knows."""
    left_ms = reader.held(channel).start
    if part.start < left_ms < part.end:
        part = Interval(left_ms, part.end)
    elif part.end <= left_ms:
        return True
    count = min(part.length, _LOOKED_MS) // FRAME_MS
    if not count:
        return False
    _, perhaps = _frames(reader, channel, part.start, count)
    sounding_ms = perhaps.count(1) * FRAME_MS
    return sounding_ms >= min(count * FRAME_MS // 2, usual_sound_ms(texts) * 3 // 4)


def _least_ms(said: _Said, timing: TimingProfile) -> Ms:
    """How far beyond a stretch its sound may be whatever is heard there: nothing where it was found."""
    return 0 if said.found else max(INNER_EDGE_MS, timing.error_ms)


def _groups(said: Sequence[_Said], timing: TimingProfile, reader: Reader, channel: int) -> Iterator[list[_Said]]:
    """Groups of neighbours that account for the sound between them, too."""
    group: list[_Said] = []
    for one in sorted(said, key=_Said.in_order):
        if group and not _meets(group[-1], one, timing, reader, channel):
            yield group
            group = []
        group.append(one)
    if group:
        yield group


def _meets(before: _Said, after: _Said, timing: TimingProfile, reader: Reader, channel: int) -> bool:
    """Whether two stretches account for what sounds between them: the sound goes on from one of them and is not too
    much for both, or one of them was not found and this sound may be it."""
    gap = Interval(before.part.end, after.part.start)
    if gap.end - gap.start <= 2 * INNER_EDGE_MS:
        return True
    inner_ms = min(max(EDGE_MS, timing.widest_ms), max(INNER_EDGE_MS, timing.widest_ms))
    if gap.length > 2 * inner_ms:
        return False
    if not (before.found and after.found):
        return True
    loud, perhaps = _frames(reader, channel, gap.start, gap.length // FRAME_MS)
    if _stands_apart(loud, perhaps):
        return False
    both_ms = before.part.length + after.part.length + perhaps.count(1) * FRAME_MS
    return both_ms <= most_sound_ms((*before.texts, *after.texts))


def _frames(reader: Reader, channel: int, start_ms: Ms, count: int) -> tuple[bytes, bytes]:
    """Two rows of one byte per frame of ``FRAME_MS``. In the first, 1 means louder than a pause. In the second, 1 also
    stands for sound that never came: it may have been a pause between words, or more of a word."""
    loud = loud_frames(reader, channel, start_ms, count)
    return loud, or_missing(loud, reader, channel, start_ms)


def _stands_apart(loud: bytes, perhaps: bytes) -> bool:
    """Whether a syllable sounds, or may, with a pause before and after it."""
    pause = PAUSE_MS // FRAME_MS
    first = _pause(loud, len(loud))
    last = _pause(loud[::-1], len(loud))
    if first is None or last is None:
        return False
    return perhaps.count(1, first, len(loud) - last) * FRAME_MS >= SYLLABLE_MS and len(loud) > 2 * pause


def _claims(words: Sequence[Word], whole: Interval) -> Iterator[tuple[Interval, tuple[str, ...], Ms, Ms]]:
    """The time that each word claims, how long it can sound, and how long it must; words without times, or of no
    length, claim together what lies between their timed neighbours. Words of no length share the time of the one
    before where they are stated at its end, as at the end of a segment."""
    untimed: list[str] = []
    free_ms = whole.start
    at = 0
    while at < len(words):
        start_ms, end_ms = words[at].start_ms, words[at].end_ms
        texts = [word.text for word in sharing_time(words, at)]
        at += len(texts)
        if start_ms is None or end_ms is None or end_ms <= start_ms:
            # the start that is stated says that the word is not said within the segment
            untimed += texts if start_ms is None or -EDGE_MS <= start_ms - whole.start <= whole.length + EDGE_MS else ()
            continue
        yield from _together(Interval(free_ms, max(free_ms, start_ms)), untimed)
        untimed = []
        free_ms = end_ms
        longest_ms = longest_sound_ms(texts[0]) if len(texts) == 1 else most_sound_ms(texts)
        yield Interval(start_ms, end_ms), tuple(texts), longest_ms, 0
    yield from _together(Interval(free_ms, max(free_ms, whole.end)), untimed)


def _together(stated: Interval, words: Sequence[str]) -> Iterator[tuple[Interval, tuple[str, ...], Ms, Ms]]:
    """The claim of words without times to the stretch in which they are stated; none where nobody could say them in
    it: then they are said elsewhere."""
    least_ms = least_sound_ms(words)
    if words and 2 * stated.length >= least_ms:
        yield stated, tuple(words), most_sound_ms(words), least_ms


def _room(claimed: Interval, least_ms: Ms, reader: Reader, channel: int) -> bool:
    """Whether three quarters of the sound are there that words take at least, or none of it where it may still come, or
    has left. Where there is less, something else is said there; where there is none, the words are said elsewhere."""
    count = min(claimed.length, _LOOKED_MS) // FRAME_MS
    if not count:
        return True
    _, perhaps = _frames(reader, channel, claimed.start, count)
    sounding_ms = perhaps.count(1) * FRAME_MS
    if not sounding_ms:
        return claimed.intersect(reader.held(channel)) != claimed
    return sounding_ms >= ORDINARY * min(least_ms, _LOOKED_MS)


def _held(claimed: Interval, longest_ms: Ms, reader: Reader, channel: int) -> list[Interval]:
    """``claimed``, where no more speech is there than ``longest_ms``, what never came or has left taken for speech;
    nothing where there is more. Where there is none, only so long from its start: its sound may still come."""
    if claimed.length <= longest_ms:
        return [claimed] if longest_ms else []
    speech_ms = sum(part.length for part in vad.speech(reader, channel, claimed))
    missing_ms = sum(part.length for part in reader.missing(channel, claimed))
    held = Interval(reader.held(channel).start - EDGE_MS, reader.held(channel).end + EDGE_MS)
    if claimed.overlaps(held):
        missing_ms += claimed.length - claimed.intersect(held).length
    if speech_ms + missing_ms > longest_ms:
        return []
    return [claimed if speech_ms else Interval(claimed.start, claimed.start + longest_ms)]


def _reach_ms(
    reader: Reader, channel: int, from_ms: Ms, edge_ms: Ms, said: _Said, timing: TimingProfile, sign: int
) -> Ms:
    """How far beyond a word's edge its own sound may go on: ``edge_ms``, but where it pauses and a syllable follows, up
    to the pause, and where it was not found no less than its times may be off, nor anything of a sound that goes on for
    longer than that. Sound that goes on without a pause is more than this word. Negative where its end is stated just
    after another word has begun."""
    pause, over = len(PAUSE), _over_ms(timing) // FRAME_MS
    inside = pause + over
    count = inside + (edge_ms + SYLLABLE_MS) // FRAME_MS
    first_ms = from_ms - inside * FRAME_MS if sign > 0 else from_ms - (count - inside) * FRAME_MS
    loud, perhaps = _frames(reader, channel, first_ms, count)
    ended = (reader.held(channel).end - first_ms) // FRAME_MS
    if 0 < ended < count and loud[ended - 1]:
        perhaps = perhaps[:ended] + b"\1" * (count - ended)  # the sound is cut off
    loud, perhaps = loud[::sign], perhaps[::sign]
    least_ms = _least_ms(said, timing)
    begun, goes_on = _begun(loud, pause, inside) if said.found else (0, 0)
    if begun and _too_much(said, begun, goes_on, reader, channel, sign):
        return -begun * FRAME_MS
    if not said.found and (begins_ms := _too_long(loud[inside:], least_ms, timing.widest_ms)) is not None:
        return begins_ms
    at = _pause(loud[over:], pause + edge_ms // FRAME_MS + 1)
    if at is None:
        return min(edge_ms, max(INNER_EDGE_MS, least_ms))
    # a pause may begin before the edge
    if perhaps.count(1, over + max(at, pause)) * FRAME_MS < SYLLABLE_MS:
        return edge_ms
    return min(edge_ms, max(least_ms, (at - pause) * FRAME_MS))


def _too_long(loud: bytes, within_ms: Ms, widest_ms: Ms) -> Ms | None:
    """How far beyond an edge (frames from there on) a sound begins, ``within_ms`` at most, that ends in a pause only
    beyond ``widest_ms``; None where there is none."""
    first = loud.find(1)
    if first < 0 or first * FRAME_MS >= within_ms:
        return None
    end = _pause(loud[first:], len(loud) - first)
    return None if end is None or (first + end) * FRAME_MS <= widest_ms else first * FRAME_MS


def _over_ms(timing: TimingProfile) -> Ms:
    """How far the stated end of a word may lie within the next one."""
    return min(2 * INNER_EDGE_MS, max(INNER_EDGE_MS, timing.error_ms))


def _begun(loud: bytes, pause: int, inside: int) -> tuple[int, int]:
    """How many frames before the edge, which is at ``inside``, a sound has begun after a pause that goes on for a
    syllable beyond it, and how many beyond: nobody pauses in a word for so little. 0 where there is none."""
    if not (loud[inside - 1] and loud[inside]):
        return 0, 0
    begun = loud.rfind(0, 0, inside) + 1
    if begun < pause or 1 in loud[begun - pause : begun]:
        return 0, 0
    beyond = _pause(loud[inside:], len(loud))
    goes_on = len(loud) - inside if beyond is None else beyond
    return (inside - begun, goes_on) if goes_on * FRAME_MS >= SYLLABLE_MS else (0, 0)


def _too_much(said: _Said, begun: int, goes_on: int, reader: Reader, channel: int, sign: int) -> bool:
    """Whether a sound that begins ``begun`` frames before the edge and goes on for ``goes_on`` is too much for the word
    besides its own: mouths close within a word, too ("much", "recorded"). Without the sound it must have one."""
    begun_ms = begun * FRAME_MS
    start_ms, end_ms = said.part
    own = Interval(start_ms, end_ms - begun_ms) if sign > 0 else Interval(start_ms + begun_ms, end_ms)
    if not _found(own, said.texts, reader, channel):
        return False
    loud = loud_frames(reader, channel, own.start, min(own.length, _LOOKED_MS) // FRAME_MS)
    return (loud.count(1) + begun + goes_on) * FRAME_MS > usual_sound_ms(said.texts)


def _pause(loud: bytes, within: int) -> int | None:
    """The first frame, of the first ``within``, from which it is quiet for ``PAUSE_MS``."""
    at = (loud + PAUSE[1:]).find(PAUSE)  # beyond the last frame it is quiet
    return at if 0 <= at < within else None


def tail_ms(reader: Reader, channel: int, from_ms: Ms) -> Ms:
    """How long sound after ``from_ms`` may be the end of what was said before: ``EDGE_MS``, but where it pauses and a
    syllable follows, up to the pause."""
    loud, perhaps = _frames(reader, channel, from_ms, (EDGE_MS + SYLLABLE_MS) // FRAME_MS)
    at = _pause(loud, EDGE_MS // FRAME_MS)
    if at is not None and perhaps.count(1, at) * FRAME_MS >= SYLLABLE_MS:
        return at * FRAME_MS
    return EDGE_MS


def unexplained(
    covered: Sequence[Interval], window: Interval, reader: Reader, channel: int, muted: Sequence[AudioSpan] = ()
) -> list[AudioSpan]:
    """Speech within ``window`` (ms) outside ``covered``, as spans to mute, each up to what is ``muted`` anyway less
    than ``_BESIDE_MS`` from it: between the two stands more of one or the other.

    Ask for whole cells of the VAD's grid: a stretch shorter than ``SYLLABLE_MS`` is let go where it ends inside
    the window. At the border it may go on, as the start of a word that is muted in the next cell, or that the end of
    the sound cuts off, and so it may where audio is missing. There it is let go only where it is one frame of the VAD,
    soft, and goes on from what is covered: a breath.
    """
    open_parts = subtract(window, covered)
    if not open_parts:
        return []
    speech = vad.speech(reader, channel, window)
    sound = window.intersect(reader.held(channel))
    found: list[AudioSpan] = []
    for part in open_parts:
        for heard in speech:
            left = heard.intersect(part)
            if not left.length:
                continue
            if left.length >= SYLLABLE_MS or _may_go_on(left, heard, sound, reader, channel):
                found.append(_up_to(left, muted, channel))
    return found


def _up_to(part: Interval, muted: Sequence[AudioSpan], channel: int) -> AudioSpan:
    """``part`` of a channel, up to the ``muted`` stretches that are less than ``_BESIDE_MS`` before it and after it."""
    before = [span.end_ms for span in muted if 0 < part.start - span.end_ms < _BESIDE_MS]
    after = [span.start_ms for span in muted if 0 < span.start_ms - part.end < _BESIDE_MS]
    return AudioSpan(min([part.start, *before]), max([part.end, *after]), channel, UNTRANSCRIBED)


def _may_go_on(left: Interval, heard: Interval, sound: Interval, reader: Reader, channel: int) -> bool:
    """Whether less than a syllable of ``heard`` ends where sound may follow that is not in ``sound``, and is no
    breath."""
    if not (_at_border(left, sound) or _cut_off(left, reader, channel)):
        return False
    goes_on = heard.start < left.start or left.end < heard.end
    return not (goes_on and _breath(left, reader, channel))


def _breath(part: Interval, reader: Reader, channel: int) -> bool:
    if part.length > vad.FRAME_MS:
        return False
    return not has_sound(reader.pcm(channel, part.start, part.end), reader.line(channel, part.end).soft_peak)


def _at_border(part: Interval, window: Interval) -> bool:
    return part.start == window.start or part.end == window.end


def _cut_off(part: Interval, reader: Reader, channel: int) -> bool:
    """Whether audio that never came may have gone on from a stretch: the VAD's frame beside it is not all there."""
    return bool(reader.missing(channel, Interval(part.start - vad.FRAME_MS, part.end + vad.FRAME_MS)))
