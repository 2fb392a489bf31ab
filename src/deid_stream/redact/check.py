"""Searches what is about to leave for remains of redacted values (law 3).

A value counts as remaining where its letters stand again as words of their own, whatever case and punctuation, or where
its digits stand in a row, spoken or written. Values of fewer than three letters or digits are not looked for: they are
in every text.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from deid_stream.text.normalise import normalise
from deid_stream.units import Interval
from deid_stream.words.letters import Token, letters, tokens

_FEWEST_LETTERS: Final = 3
_FEWEST_DIGITS: Final = 4
_DIGIT_RUN: Final = re.compile(r"\d(?:[\W_]*\d)*")


class Values:
    """The values that must not leave. Lives as long as one redaction; holds them in the clear."""

    def __init__(self, values: Iterable[str]) -> None:
        self._names: dict[tuple[str, ...], bool] = {}
        """Folded words; True where the value was written with a capital."""
        self._numbers: set[str] = set()
        for value in values:
            written = normalise(value).text
            digits = _digits(written)
            if len(digits) >= _FEWEST_DIGITS:
                self._numbers.add(digits)
            said = tuple(token.letters for token in tokens(value))
            if len("".join(said)) >= _FEWEST_LETTERS and not _is_number(written):
                self._names[said] = self._names.get(said, True) and value.strip()[:1].isupper()
        self._shortest = {said[0] for said in self._names}

    def __bool__(self) -> bool:
        return bool(self._names or self._numbers)

    def found(self, text: str) -> list[Interval]:
        """Where a value stands in ``text`` (characters)."""
        if not self or not text:
            return []
        here = tokens(text)
        found = self._names_in(text, here) if self._names else []
        if self._numbers:
            found += self._numbers_in(text)
        return found

    def _names_in(self, text: str, here: Sequence[Token]) -> list[Interval]:
        found: list[Interval] = []
        for at, token in enumerate(here):
            if token.letters not in self._shortest:
                continue
            for said, proper in self._names.items():
                if tuple(t.letters for t in here[at : at + len(said)]) == said:
                    place = Interval(token.start, here[at + len(said) - 1].end)
                    # "Will" is a name, "will" beside it a verb
                    if not (proper and len(said) == 1 and text[place.start : place.end].islower()):
                        found.append(place)
        return found

    def _numbers_in(self, text: str) -> list[Interval]:
        written = normalise(text)
        found: list[Interval] = []
        for run in _DIGIT_RUN.finditer(written.text):
            at = [n for n in range(*run.span()) if written.text[n].isdecimal()]
            digits = _digits(run[0])
            for number in self._numbers:
                first = digits.find(number)
                while first >= 0:
                    found.append(Interval(*written.to_source(at[first], at[first + len(number) - 1] + 1)))
                    first = digits.find(number, first + 1)
        return found


def _digits(written: str) -> str:
    return "".join(str(int(character)) for character in written if character.isdecimal())


def _is_number(written: str) -> bool:
    return all(character.isdecimal() for character in letters(written))
