"""Finds words in whose stated time another word sounds that the transcript lacks.

Many recognisers let a word last until the next one begins, or begin where the one before it ends. Where they miss a
word, its sound lies in the time of its neighbours.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from deid_stream.audio.hold.reader import FRAME_MS, MAX_READ_MS, Reader, loud_frames, or_missing
from deid_stream.model.events import Word
from deid_stream.units import Interval, Ms
from deid_stream.words.durations import least_sound_ms, most_sound_ms, usual_sound_ms

PAUSE_MS: Final = 50
"""A syllable after this much quiet is another word, not the end of the last one. A larger value takes more unread words
for the end of a word that was read; a smaller one mutes words with a stop inside them."""
SYLLABLE_MS: Final = 100
"""A shorter sound is a click or a breath, or a mouth that opens, and no word. A larger value lets short unread words
pass; a smaller one mutes clicks and breaths."""
_LEAST_SHARE: Final = 0.75
"""A word needs at least this share of ``least_sound_ms``, which counts the pauses within words, as sound. A larger
value leaves a neighbour's sound with the word; a smaller one may take a part of the word for its neighbour's."""
_OVERLAP_MS: Final = 100
"""A larger value believes more of the ends of words that last into the next ones; a smaller one takes rough times for
such."""
_CLOSED_MS: Final = 100
"""Within a word a mouth closes for at most this long. Where a longer pause parts a word's sounds, the word is not taken
to be drawn out. A larger value believes more slow words; a smaller one mutes words with long stops."""
_TWO_SYLLABLES_MS: Final = 2 * SYLLABLE_MS + PAUSE_MS


PAUSE: Final = bytes(PAUSE_MS // FRAME_MS)
"""A pause as ``loud_frames`` writes it: ``PAUSE_MS`` of zero bytes, one per frame."""


class Borders:
    """Which edges of a segment's words are borders to a neighbour, and so may lie anywhere between the two."""

    def __init__(self, words: Sequence[Word]) -> None:
        self._starts = {word.start_ms for word in words}
        self._ends = {word.end_ms for word in words}
        timed = [
            (word.start_ms, word.end_ms) for word in words if word.start_ms is not None and word.end_ms is not None
        ]
        within = {start for (begun, end), (start, _) in pairwise(timed) if begun < start < end - _OVERLAP_MS}
        self._overlap = bool(within)
        """Words last into the next ones: none of their ends is to be relied on."""
        self._starts_within = within
        """Nor is the start of a word that begins while the one before it lasts, unless a sound begins there."""

    def own(self, part: Interval, text: str, reader: Reader, channel: int) -> Sequence[Interval]:
        """Of the stretch ``part`` (ms) that a word claims, what can be the word itself: all of it where it sounds in
        one go, or no longer than its letters usually take.

        A sound that goes on across a border and then pauses is its neighbour's, where the word has enough without it.
        Where more is left than the word takes, the word is the first of it where its start is no border, and the last
        where only its end is none. Where both are borders the word cannot be told from its neighbours: the
        result is empty.
        """
        begins, within = part.start in self._ends, part.start in self._starts_within
        ends = self._overlap or part.end in self._starts
        alone = not begins and not within and not ends
        if part.length < _TWO_SYLLABLES_MS or (alone and part.length <= usual_sound_ms((text,))):
            return (part,)
        count = min(part.length, MAX_READ_MS) // FRAME_MS
        # what never came may have been more of a sound
        loud = or_missing(
            loud_frames(reader, channel, part.start - FRAME_MS, count + 2), reader, channel, part.start - FRAME_MS
        )
        if _in_one_go(loud[1:-1]):
            return (part,)
        takes = _Takes(text)
        runs = _runs(loud[1:-1])
        begins = begins or (within and not _begins_here(loud))
        if begins and loud[0] and loud[1] and _ms(runs[1:]) >= takes.least_ms:
            runs = runs[1:]
        if ends and loud[-1] and loud[-2] and _ms(runs[:-1]) >= takes.least_ms:
            runs = runs[:-1]
        left = _among(_syllables(runs), takes, begins=begins, ends=ends)
        return tuple(_stretch(part, sounds, loud[1:-1]) for sounds in left)


class _Takes:
    """How much sound a word takes: said fast, usually, and at most."""

    def __init__(self, text: str) -> None:
        self.least_ms = least_sound_ms((text,)) * _LEAST_SHARE
        self.usual_ms = usual_sound_ms((text,))
        self.most_ms = most_sound_ms((text,))


def _begins_here(loud: bytes) -> bool:
    """Whether a sound begins at the second frame, or less than a pause after it."""
    return not loud[0] and 1 in loud[1 : 2 + PAUSE_MS // FRAME_MS]


def _ms(sounds: Sequence[Interval]) -> Ms:
    return sum(sound.length for sound in sounds) * FRAME_MS


def _among(sounds: Sequence[Interval], takes: _Takes, *, begins: bool, ends: bool) -> Sequence[Sequence[Interval]]:
    """The run of ``sounds`` (frames) that is the word; none where it cannot be told."""
    parted = any(after.start - before.end > _CLOSED_MS // FRAME_MS for before, after in pairwise(sounds))
    if len(sounds) < 2 or _ms(sounds) <= (takes.usual_ms if begins or ends or parted else takes.most_ms):
        return (sounds,)
    if begins and ends:
        return ()
    if begins:
        return (sounds[-_fitting(sounds[::-1], takes) :],)
    return (sounds[: _fitting(sounds, takes)],)


def _stretch(part: Interval, sounds: Sequence[Interval], loud: bytes) -> Interval:
    """The time of some of a part's sounds, with the quiet about them up to the part's ends."""
    if not sounds:
        return part
    first, stop = sounds[0].start, sounds[-1].end
    start_ms = part.start + first * FRAME_MS if 1 in loud[:first] else part.start
    end_ms = part.start + stop * FRAME_MS if 1 in loud[stop:] else part.end
    return Interval(start_ms, end_ms)


def _in_one_go(loud: bytes) -> bool:
    """Whether what sounds has no pause in it."""
    return PAUSE not in loud.strip(b"\0")


def _runs(loud: bytes) -> list[Interval]:
    """What sounds between pauses (frames)."""
    runs: list[Interval] = []
    at = loud.find(1)
    while at >= 0:
        stop = loud.find(PAUSE, at)
        if stop < 0:
            stop = len(loud.rstrip(b"\0"))
        runs.append(Interval(at, stop))
        at = loud.find(1, stop)
    return runs


def _syllables(runs: Sequence[Interval]) -> list[Interval]:
    """Less than a syllable with what comes before it, or first with what comes after."""
    found: list[Interval] = []
    for sound in runs:
        if found and min(sound.length, found[-1].length) * FRAME_MS < SYLLABLE_MS:
            found[-1] = Interval(found[-1].start, sound.end)
        else:
            found.append(sound)
    return found


def _fitting(sounds: Sequence[Interval], takes: _Takes) -> int:
    """How many of the first sounds the word needs: with those it may also have room for, it has too many."""
    kept = 1
    while kept < len(sounds) and _ms(sounds[:kept]) < takes.least_ms:
        kept += 1
    return kept
