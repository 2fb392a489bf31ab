"""Which recogniser words say a stretch of the segment's text, and whether their times can be true.

Recognisers write text and words differently (punctuation, case, "$40" for "forty dollars"), so letters and digits are
compared, and where even those differ, the runs between the words that do agree answer for each other as a whole.
"""

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from deid_stream.model.events import Segment, Word
from deid_stream.units import CharIndex, Interval, Ms

SEGMENT_SLACK_MS: Ms = 300
"""How far beyond its segment a word may lie."""


class TimedWord(NamedTuple):
    """A word whose times are believed, in media time."""

    text: str
    start_ms: Ms
    end_ms: Ms


def words_of(standing: Sequence[Interval], start: CharIndex, end: CharIndex) -> Interval:
    """The half-open range of words that says the characters ``[start, end)``, where ``places`` has them ``standing``;
    empty where none does.

    The range may take in words outside the stretch where text and words cannot be told apart, never the other way.
    """
    wanted = Interval(start, end)
    said = [i for i, place in enumerate(standing) if place.overlaps(wanted)]
    return Interval(said[0], said[-1] + 1) if said else Interval(0, 0)


def places(text: str, words: Sequence[Word]) -> list[Interval]:
    """Where in ``text`` each word stands (characters); an empty interval for a word that stands nowhere."""
    stream, offsets = _letters(text)
    spelled = [_letters(word.text)[0] for word in words]
    if "".join(spelled) == stream:
        return _in_sequence(spelled, offsets)
    return _by_agreement(text, spelled)


def _letters(text: str) -> tuple[str, list[CharIndex]]:
    letters: list[str] = []
    offsets: list[CharIndex] = []
    for at, character in enumerate(text):
        if character.isalnum():
            folded = character.casefold()
            letters.append(folded)
            offsets += [at] * len(folded)
    return "".join(letters), offsets


def _in_sequence(spelled: Sequence[str], offsets: Sequence[CharIndex]) -> list[Interval]:
    found: list[Interval] = []
    at = 0
    for letters in spelled:
        stop = at + len(letters)
        found.append(Interval(offsets[at], offsets[stop - 1] + 1) if letters else Interval(0, 0))
        at = stop
    return found


def _by_agreement(text: str, spelled: Sequence[str]) -> list[Interval]:
    tokens: list[str] = []
    stands: list[Interval] = []
    at = 0
    for token in text.split():
        at = text.index(token, at)
        tokens.append(_letters(token)[0])
        stands.append(Interval(at, at + len(token)))
        at += len(token)
    found = [Interval(0, 0)] * len(spelled)
    unsaid: list[tuple[Interval, int]] = []
    matcher = SequenceMatcher(None, tokens, spelled, autojunk=False)
    for kind, low, high, first, last in matcher.get_opcodes():
        if kind == "equal":
            found[first:last] = stands[low:high]
        elif kind == "replace":
            found[first:last] = [Interval(stands[low].start, stands[high - 1].end)] * (last - first)
        elif kind == "delete":
            unsaid.append((Interval(stands[low].start, stands[high - 1].end), first))
    for lost, after in unsaid:  # text that no word says is heard in the words about it
        for at in range(max(0, after - 1), min(len(found), after + 1)):
            known = found[at] if found[at].length else lost
            found[at] = Interval(min(known.start, lost.start), max(known.end, lost.end))
    return found


def believable(segment: Segment, said: Interval, error_ms: Ms) -> list[TimedWord] | None:
    """The words ``said`` with their times, or None when these cannot be true.

    The neighbours on both sides are judged too: a word pushed out of place usually shows in what stands beside it.
    """
    timed: list[TimedWord] = []
    tolerance_ms = 100 + 2 * error_ms
    before: Word | None = None
    for at in range(max(0, said.start - 1), min(len(segment.words), said.end + 1)):
        word = segment.words[at]
        start_ms, end_ms = word.start_ms, word.end_ms
        inside = said.start <= at < said.end
        if start_ms is None or end_ms is None:
            return None
        if not inside and end_ms == start_ms:
            continue
        shortest_ms, longest_ms = duration_bounds(word.text)
        if not max(10, shortest_ms - error_ms) <= end_ms - start_ms <= longest_ms:
            return None
        if start_ms < segment.start_ms - SEGMENT_SLACK_MS or end_ms > segment.end_ms + SEGMENT_SLACK_MS:
            return None
        if before is not None and before.start_ms is not None and before.end_ms is not None:
            same = (before.start_ms, before.end_ms) == (start_ms, end_ms)
            disorder_ms = max(before.end_ms - start_ms, before.start_ms - start_ms, before.end_ms - end_ms)
            if same or disorder_ms > tolerance_ms:
                return None
        before = word
        if inside:
            timed.append(TimedWord(word.text, start_ms, end_ms))
    return timed or None


def duration_bounds(text: str) -> tuple[Ms, Ms]:
    """Shortest and longest believable duration of a word: letters go by at 10 to 200 ms each, a digit is a word."""
    digits = sum(character.isdigit() for character in text)
    letters = sum(character.isalpha() for character in text)
    return max(10, 10 * letters + 40 * digits), 1000 + 200 * letters + 800 * digits
