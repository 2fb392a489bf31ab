"""Words that the recogniser itself doubts: a name that it does not know comes out as other words, with low confidence.

The thresholds are for recognisers whose confidence is a probability. Words without confidence are not doubted.
"""

from collections.abc import Sequence
from typing import Final

from deid_stream.model.events import Word
from deid_stream.units import FOREVER_MS, Interval, merge
from deid_stream.words.placement import place

UNSURE: Final = "UNSURE"
"""The reason for silencing sound where the recogniser doubts its words."""
UNSURE_ANSWER: Final = "unsure_answer"
"""``Span.detector`` of a span over the doubted words of an answer that was asked for."""
UNSURE_BELOW: Final = 0.4
"""A word whose confidence is below this is silenced. A larger value silences more of badly understood but harmless
speech; a smaller one leaves more of misheard names."""
EVERYDAY_UNSURE_BELOW: Final = 0.25
"""The same for everyday words, which a recogniser seldom writes in place of a name."""
BESIDE_UNSURE_BELOW: Final = 0.7
"""A word below this is silenced with an unsure word beside it: a name is often heard as several words."""
DOUBTFUL_BELOW: Final = 0.5
"""In an answer that was asked for, a word below this counts as the value that was asked for."""
CERTAIN_FROM: Final = 0.8
"""In such an answer, a word below this belongs to a doubtful one beside it."""
BRIDGED_WORDS: Final = 2
"""Up to this many words between two doubtful ones belong to them."""


_EVERYDAY: Final = frozenset(
    "a about account after again all am an and any anytime are as at back balance be been before but by bye call "
    "called can capital capitals card case check could customer did do does done for from get good got great had has "
    "have he hello help her here hi his how i i'm i've if in is it it's just keeps know last let letters like live "
    "log lot lower lowercase made make many me more much my need no not now number of okay on only or other our out "
    "over phone please put said says see send sent she since so some somewhere sorry still sure take tell text thank "
    "thanks that that's the their them then there they think this through time to today up upper uppercase us very "
    "want was we week welcome well were what what's when where who will with would yeah yes yet you your".split()
)
_NO_NUMBERS: Final = _EVERYDAY - set("a for i oh or to too when".split())
"""Without those that a digit is heard as."""


_EVER: Final = Interval(0, FOREVER_MS)


def unsure_runs(words: Sequence[Word]) -> list[Interval]:
    """Runs of neighbouring words (half-open, indices) that hold an unsure one and doubtful ones about it. Everyday
    words that a segment begins with are none: recognisers are seldom sure of how one begins."""
    runs: list[Interval] = []
    if all(word.confidence is None or word.confidence >= BESIDE_UNSURE_BELOW for word in words):
        return runs
    at = 0
    while at < len(words):
        stop = at
        while stop < len(words) and _below(words[stop], BESIDE_UNSURE_BELOW):
            stop += 1
        run = words[at:stop]
        opening = at == 0 and all(map(_everyday, run))
        if not opening and any(
            _below(word, EVERYDAY_UNSURE_BELOW if _everyday(word) else UNSURE_BELOW) for word in run
        ):
            runs.append(_number_alone(words, at, stop))
        at = max(stop, at + 1)
    return runs


def _number_alone(words: Sequence[Word], start: int, end: int) -> Interval:
    """A run with a number in it, without everyday words at its edges ("5217 5 anytime"): they are none of it."""
    if any(char.isdigit() for word in words[start:end] for char in word.text):
        while _no_number(words[start]):
            start += 1
        while _no_number(words[end - 1]):
            end -= 1
    return Interval(start, end)


def _everyday(word: Word) -> bool:
    return _plain(word) in _EVERYDAY


def _plain(word: Word) -> str:
    return word.text.strip(",.?!").lower()


def doubted_text(
    text: str,
    words: Sequence[Word],
    within: Interval = _EVER,
    bridged: int = BRIDGED_WORDS,
    *,
    in_words: bool = True,
) -> list[Interval]:
    """What the recogniser doubts of a segment's text (characters), sorted and apart: from doubtful word to doubtful
    word over at most ``bridged`` others, and on over neighbours that are not certain either. Words that begin
    outside ``within`` (media time) are not doubted. ``in_words``: what is looked for may be taken for any words, as
    names are; else everyday words that are no digits are doubted as little as elsewhere."""
    words = [word if _lies_in(word, within) else Word(word.text) for word in words]
    doubtful = [_below(word, DOUBTFUL_BELOW if in_words else _doubtful_number_below(word)) for word in words]
    if not any(doubtful):
        return []
    placed = place(text, [word.text for word in words])
    found: list[Interval] = []
    for run in _doubted_runs(words, doubtful, bridged, in_words=in_words):
        places = [placed.places[at] for at in range(*run) if placed.sure[at]]
        if places:
            found.append(Interval(places[0].start, places[-1].end))
    return merge(found)


def _lies_in(word: Word, within: Interval) -> bool:
    return word.start_ms is None or within.start <= word.start_ms < within.end


def certain(text: str, words: Sequence[Word], part: Interval) -> bool:
    """Whether the recogniser does not doubt the words of a part of the text (characters) even beside an unsure one."""
    placed = place(text, [word.text for word in words])
    said = (word for word, where in zip(words, placed.places, strict=True) if where.overlaps(part))
    return not any(_below(word, BESIDE_UNSURE_BELOW) for word in said)


def _doubtful_number_below(word: Word) -> float:
    """Confidence below which a word in an answer to a question for a number or an address is doubtful."""
    return EVERYDAY_UNSURE_BELOW if _plain(word) in _NO_NUMBERS else DOUBTFUL_BELOW


def _no_number(word: Word) -> bool:
    return _plain(word) in _NO_NUMBERS and not _below(word, EVERYDAY_UNSURE_BELOW)


def _doubted_runs(words: Sequence[Word], doubtful: Sequence[bool], bridged: int, *, in_words: bool) -> list[Interval]:
    runs: list[Interval] = []
    for at in range(len(words)):
        if not doubtful[at]:
            continue
        start, end = at, at + 1
        while start and _below(words[start - 1], CERTAIN_FROM):
            start -= 1
        # a number's first digits are taken for everyday words ("on 947"), what follows it is said as it is written
        while end < len(words) and _below(words[end], CERTAIN_FROM) and (in_words or not _no_number(words[end])):
            end += 1
        if runs and start - runs[-1].end <= bridged:
            runs[-1] = Interval(runs[-1].start, max(end, runs[-1].end))
        else:
            runs.append(Interval(start, end))
    return runs


def _below(word: Word, threshold: float) -> bool:
    return word.confidence is not None and word.confidence < threshold
