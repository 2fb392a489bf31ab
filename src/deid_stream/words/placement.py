"""Where each recogniser word stands in the text of its segment: the one map that text, words and sound share.

Providers write text and words apart: punctuation and case, "$40" beside "forty dollars", a repeated word that only one
of them has. A word is *sure* where its letters are the text's own letters at its own place, and places never cross.
Every other word is *unsure*: it may say anything between its sure neighbours. Neighbouring unsure words form a
stretch, which either says what the text says there in another way of writing, or disagrees with it.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from deid_stream.units import CharIndex, Interval
from deid_stream.words.letters import Token, ascii_runs, same_runs, tokens
from deid_stream.words.matching import matches
from deid_stream.words.placeholders import opaque
from deid_stream.words.wording import has_number, says_the_same

WORDS_DISAGREE: Final = "WORDS_DISAGREE"
"""The reason for silencing sound where the words say something else than the text."""

_LONGEST_COMPARED = 2_000
"""Longest stretch (characters) whose wording is compared; a longer one counts as saying something else."""


class Stretch(NamedTuple):
    """Neighbouring unsure words and the text between their sure neighbours."""

    words: Interval
    text: Interval
    """Characters. Where the stretch agrees and the text has letters there, from the first to the last of them."""
    agrees: bool
    written: bool
    """The text has letters there."""


class Placement(NamedTuple):
    """One place a word, in characters of the text; for an unsure word that of its stretch."""

    places: tuple[Interval, ...]
    sure: tuple[bool, ...]
    silent: frozenset[int]
    """Words that are punctuation and nothing else."""
    signs: frozenset[int]
    """Words that are a recogniser's own placeholder, or a part of one."""
    stretches: tuple[Stretch, ...]
    unsaid: tuple[tuple[Interval, int], ...]
    """Text with letters that no word says, and the index of the word after it."""

    @property
    def disagreements(self) -> list[Stretch]:
        """The stretches of words that say something else than the text."""
        return [stretch for stretch in self.stretches if not stretch.agrees]

    def touched(self, span: Interval) -> list[int]:
        """The words that may say a part of ``span`` (characters), ascending."""
        found = [at for at, place in enumerate(self.places) if self.sure[at] and place.overlaps(span)]
        for stretch in self.stretches:
            if _reaches(stretch, span):
                found += [at for at in range(*stretch.words) if at not in self.silent]
        return sorted(found)

    def heard(self, span: Interval) -> Interval:
        """The half-open range of words in whose time ``span`` is heard; empty where none can be named.

        As ``touched``, and where a part of the span is said by no word, with the words on both sides of it.
        """
        found = self.touched(span)
        for text, after in self.unsaid:
            if text.overlaps(span):
                found += [at for at in (after - 1, after) if 0 <= at < len(self.places)]
        return Interval(min(found), max(found) + 1) if found else Interval(0, 0)


def _reaches(stretch: Stretch, span: Interval) -> bool:
    if stretch.agrees and stretch.written:
        return stretch.text.overlaps(span)
    # what the text does not write may stand for anything between its neighbours, so a span it borders on counts
    return span.start <= stretch.text.end and stretch.text.start <= span.end


def place(text: str, words: Sequence[str]) -> Placement:
    """Place the words of a segment on its text. Work is linear in the length of both but for short repetitions."""
    signs = opaque(words)
    if not signs and (places := _word_by_word(text, words)) is not None:
        return Placement(places, (True,) * len(places), frozenset(), frozenset(), (), ())
    written = tokens(text)
    spoken = [tokens(word) for word in words]
    found = _in_sequence(written, spoken) or _by_matching(written, spoken)
    for at in signs:
        found[at] = None
    return _Reading(text, words, written, spoken, signs, found).placement()


def joined(parts: Sequence[Placement], starts: Sequence[CharIndex]) -> Placement:
    """The placements of consecutive segments as one, of their words one after the other on a text in which the
    segments' texts begin at ``starts``. No word moves into another segment's text."""
    places: list[Interval] = []
    silent: set[int] = set()
    signs: set[int] = set()
    stretches: list[Stretch] = []
    unsaid: list[tuple[Interval, int]] = []
    for part, start in zip(parts, starts, strict=True):
        first = len(places)
        places += [_shifted(place_, start) for place_ in part.places]
        silent.update(first + at for at in part.silent)
        signs.update(first + at for at in part.signs)
        stretches += [s._replace(words=_shifted(s.words, first), text=_shifted(s.text, start)) for s in part.stretches]
        unsaid += [(_shifted(text, start), first + after) for text, after in part.unsaid]
    sure = tuple(is_sure for part in parts for is_sure in part.sure)
    return Placement(tuple(places), sure, frozenset(silent), frozenset(signs), tuple(stretches), tuple(unsaid))


def _shifted(interval: Interval, by: int) -> Interval:
    return Interval(interval.start + by, interval.end + by)


def _word_by_word(text: str, words: Sequence[str]) -> tuple[Interval, ...] | None:
    """Every word at its place, where both are ASCII and the text has the words' letters and digits, parted as in them:
    most segments, in a quarter of the time. None otherwise, and where a word has none."""
    said = " ".join(words)
    if not (text.isascii() and said.isascii() and (text == said or same_runs(text, said))):
        return None
    runs, at = ascii_runs(text), 0
    places: list[Interval] = []
    for word in words:
        first, at = at, at + (1 if word.isalnum() else len(ascii_runs(word)))
        if at == first:
            return None
        places.append(Interval(runs[first][0], runs[at - 1][1]))
    return tuple(places)


def _in_sequence(written: Sequence[Token], spoken: Sequence[Sequence[Token]]) -> list[Interval | None] | None:
    """Every word at its place, where the words spell the text and nothing else."""
    said = "".join([token.letters for parts in spoken for token in parts])
    if said != "".join([token.letters for token in written]):
        return None
    return _laid_out(written, spoken)


def _laid_out(written: Sequence[Token], spoken: Sequence[Sequence[Token]]) -> list[Interval | None]:
    """The words over the letters of ``written``, one after the other; None for a word without letters."""
    found: list[Interval | None] = []
    at = used = 0
    for parts in spoken:
        left = sum(len(token.letters) for token in parts)
        if not left:
            found.append(None)
            continue
        if used == len(written[at].letters):
            at, used = at + 1, 0
        start = _position(written[at], used)
        while used + left > len(written[at].letters):
            left -= len(written[at].letters) - used
            at, used = at + 1, 0
        used += left
        found.append(Interval(start, _position(written[at], used)))
    return found


def _position(token: Token, letters: int) -> CharIndex:
    """Where in the text so many letters of a token end; exact unless a character folds to several letters."""
    if letters == 0:
        return token.start
    if letters == len(token.letters):
        return token.end
    return token.start + letters * (token.end - token.start) // len(token.letters)


def _by_matching(written: Sequence[Token], spoken: Sequence[Sequence[Token]]) -> list[Interval | None]:
    flat = [token.letters for parts in spoken for token in parts]
    there = {j: i for i, j in matches([token.letters for token in written], flat)}
    found: list[Interval | None] = []
    taken: list[tuple[int, int] | None] = []
    first = 0
    for parts in spoken:
        begin = there.get(first, -1) if parts else -1
        whole = begin >= 0 and all(there.get(first + n) == begin + n for n in range(len(parts)))
        found.append(Interval(written[begin].start, written[begin + len(parts) - 1].end) if whole else None)
        taken.append((begin, begin + len(parts)) if whole else None)
        first += len(parts)
    _cut_otherwise(written, spoken, found, taken)
    return found


def _cut_otherwise(
    written: Sequence[Token],
    spoken: Sequence[Sequence[Token]],
    found: list[Interval | None],
    taken: Sequence[tuple[int, int] | None],
) -> None:
    """Between sure words: places for those that spell the text's letters with other borders ("e-mail", "email")."""
    at = 0
    low = 0
    while at < len(found):
        if taken[at] is not None:
            low = taken[at][1]  # type: ignore[index]
            at += 1
            continue
        stop = at
        while stop < len(found) and taken[stop] is None:
            stop += 1
        high = taken[stop][0] if stop < len(found) else len(written)  # type: ignore[index]
        here, there = _common(written[low:high], spoken[at:stop])
        found[at : at + there] = _laid_out(written[low : low + here], spoken[at : at + there])
        rest, back = _common(written[low + here : high][::-1], spoken[at + there : stop][::-1], backwards=True)
        if rest:
            found[stop - back : stop] = _laid_out(written[high - rest : high], spoken[stop - back : stop])
        at = stop


def _common(written: Sequence[Token], spoken: Sequence[Sequence[Token]], *, backwards: bool = False) -> tuple[int, int]:
    """How many tokens and how many words from the start spell the same letters, borders meeting at the end."""
    best = (0, 0)
    text = said = ""
    here = there = 0
    while here < len(written) and there < len(spoken):
        if len(text) <= len(said):
            token = written[here].letters
            text = token + text if backwards else text + token
            here += 1
        else:
            word = "".join(token.letters for token in spoken[there])
            said = word + said if backwards else said + word
            there += 1
        shorter = min(len(text), len(said))
        same = (
            text[len(text) - shorter :] == said[len(said) - shorter :]
            if backwards
            else (text[:shorter] == said[:shorter])
        )
        if not same:
            break
        if text == said:
            best = (here, there)
            text = said = ""
    else:
        # the last word may complete what the text has begun
        while text != said and len(said) < len(text) and there < len(spoken):
            word = "".join(token.letters for token in spoken[there])
            said = word + said if backwards else said + word
            there += 1
            if (text.endswith(said) if backwards else text.startswith(said)) and text == said:
                return (here, there)
    return best


class _Reading:
    """One segment while its stretches are gathered."""

    def __init__(
        self,
        text: str,
        words: Sequence[str],
        written: Sequence[Token],
        spoken: Sequence[Sequence[Token]],
        signs: set[int],
        found: Sequence[Interval | None],
    ) -> None:
        self._text = text
        self._words = words
        self._written = written
        self._spoken = spoken
        self._signs = signs
        self._found = found

    def placement(self) -> Placement:
        found, written = self._found, self._written
        places: list[Interval] = []
        stretches: list[Stretch] = []
        unsaid: list[tuple[Interval, int]] = []
        cursor = token = at = 0
        while at <= len(found):
            stop = at
            while stop < len(found) and found[stop] is None:
                stop += 1
            following = found[stop] if stop < len(found) else None
            end = len(self._text) if following is None else following.start
            between: list[Token] = []
            while token < len(written) and written[token].start < end:
                if written[token].start >= cursor:
                    between.append(written[token])
                token += 1
            if stop > at:
                stretch = self._stretch(Interval(at, stop), Interval(cursor, end), between)
                stretches.append(stretch)
                places += [stretch.text] * (stop - at)
            if between and not any(self._weighs(n) for n in range(at, stop)):
                unsaid.append((Interval(between[0].start, between[-1].end), stop))
            if following is None:
                break
            places.append(following)
            cursor = following.end
            at = stop + 1
        silent = frozenset(n for n in range(len(found)) if not self._weighs(n))
        sure = tuple(interval is not None for interval in found)
        return Placement(tuple(places), sure, silent, frozenset(self._signs), tuple(stretches), tuple(unsaid))

    def _weighs(self, at: int) -> bool:
        return bool(self._spoken[at]) or at in self._signs

    def _stretch(self, which: Interval, gap: Interval, between: Sequence[Token]) -> Stretch:
        numbers = range(*which)
        if not any(self._weighs(at) for at in numbers):
            return Stretch(which, gap, agrees=True, written=False)
        if any(at in self._signs for at in numbers):
            return Stretch(which, gap, agrees=False, written=bool(between))
        # where the text has letters there, words that repeat their neighbours say something else than it
        agrees = self._agrees(which, gap) or (not between and self._repeats(which))
        if agrees and between:
            gap = Interval(between[0].start, between[-1].end)
        return Stretch(which, gap, agrees, written=bool(between))

    def _agrees(self, which: Interval, gap: Interval) -> bool:
        heard = self._words[which.start : which.end]
        here = self._text[gap.start : gap.end]
        if len(here) + sum(map(len, heard)) > _LONGEST_COMPARED:
            return False
        if says_the_same(here, " ".join(heard)):
            return True
        # some ways of writing reach into the words beside: "can't", "3 million"
        before, after = max(0, which.start - 1), min(len(self._words), which.end + 1)
        first = self._found[before] if before < which.start else None
        last = self._found[which.end] if after > which.end else None
        start = gap.start if first is None else first.start
        end = gap.end if last is None else last.end
        return says_the_same(self._text[start:end], " ".join(self._words[before:after]))

    def _repeats(self, which: Interval) -> bool:
        """Whether the words only say their neighbours again, and no number: "i i am", "the the name"."""
        said = [token.letters for at in range(*which) for token in self._spoken[at]]
        count = which.length
        before = [token.letters for at in range(max(0, which.start - count), which.start) for token in self._spoken[at]]
        after = [
            token.letters
            for at in range(which.end, min(len(self._spoken), which.end + count))
            for token in self._spoken[at]
        ]
        return said in (before, after) and not has_number(" ".join(said))
