"""The values that are planted, the detector that knows them, and how they are looked for in what leaves."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache

from deid_stream.model.entities import EntityType
from deid_stream.model.spans import Span
from deid_stream.text.normalise import normalise
from deid_stream.units import Interval, merge
from deid_stream.words.placeholders import placeholders
from tests.support.made_calls import SecretDetector

NAMES = ("zorblax", "quuxley", "frobnitz", "vexwright")
DIGITS = "zero one two three four five six seven eight nine".split()
FEW_DIGITS = 4


class KnowsTheValues(SecretDetector):
    """Finds the names, four digits or more in a row, spoken or written, and placeholders."""

    def turn(
        self, text: str, speaker: int | str, prev: str | None = None, *, language: str | None = None
    ) -> list[Span]:
        found = [*_names(text)]
        found += [(place.start, place.end) for place in placeholders(text)]
        written = normalise(text)
        for run in re.finditer(r"\d(?:[\W_]*\d)+", written.text):
            if sum(map(str.isdigit, run[0])) >= FEW_DIGITS:
                found.append(written.to_source(*run.span()))
        apart = merge(Interval(*place) for place in found)
        return [Span(start, end, EntityType.PERSON, 0.9, "known", 1) for start, end in apart]


def _names(text: str) -> Iterator[tuple[int, int]]:
    places = [(letter, at) for at, character in enumerate(text) for letter in bare(character)]
    letters = "".join(letter for letter, _ in places)
    for match in re.finditer("|".join(NAMES), letters):
        yield places[match.start()][1], places[match.end() - 1][1] + 1


def bare(text: str) -> str:
    """The letters and digits of ``text``: no case, width, accents or invisible signs. Written apart from the product's
    own fold, so that what that misses is found."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(character for character in plain if character.isalnum())


def read_in(value: str, strings: Sequence[str]) -> bool:
    """Whether a value can be read in ``strings``: all of a name, or so many of its digits in a row, in whatever
    writing."""
    letters, digits = _readable(" ".join(strings))
    if value in NAMES:
        return value in letters
    spoken = value.split()
    figures = "".join(str(DIGITS.index(word)) for word in spoken)
    runs = [Interval(at, at + FEW_DIGITS) for at in range(len(spoken) - FEW_DIGITS + 1)]
    return any(figures[slice(*run)] in digits or "".join(spoken[slice(*run)]) in letters for run in runs)


@lru_cache(maxsize=4_096)
def _readable(whole: str) -> tuple[str, str]:
    """The letters, and the digits however they are written: looked for once for all values, and for all outputs that
    are alike (most lines of the audit are)."""
    return bare(whole), re.sub(r"\W", "", normalise(re.sub(r"\[\w+\]", "|", whole)).text)
