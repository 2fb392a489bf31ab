"""What a recognizer is: something that reads a turn and guesses where identifying values stand."""

import re
from collections.abc import Iterable
from typing import Final, Protocol, runtime_checkable

from deid_stream.detect.rules.plain import Plain, plain_mask, plain_stretches
from deid_stream.detect.rules.runs import Run, runs
from deid_stream.detect.vocabulary import everyday
from deid_stream.model.entities import EntityType
from deid_stream.model.spans import Detection, Origin
from deid_stream.text.offsets import Written
from deid_stream.text.tokens import DOTTED
from deid_stream.units import CharIndex

_DIGIT: Final = re.compile(r"\d")
_COUNTED: Final = frozenset({"quantity", "amount", "form"})
_LAST_NUMBER: Final = re.compile(r"\d[\d,.]*[^\d]*\Z")
_NUMBERED: Final = re.compile(r"(?:#|(?<![^\W_])(?:number|no|nr)\.?) ?\Z")
"""Before a number that is somebody's, whatever unit seems to follow it: "street #217, tickets cost $35"."""
_NUMBERED_REACH: Final = 8


def _lower_in_place(char: str) -> str:
    """The lower-case form where it is one character too (not so for a dotted capital I)."""
    low = char.lower()
    return low if len(low) == 1 else char


class View:
    """One turn as recognizers see it.

    ``text`` is the written form (``"nine eight"`` -> ``98``), ``low`` the same in lower case, character by character,
    ``expected`` the types that were just asked for, most recent first, ``open_run`` the type of a value that the same
    speaker's last turn broke off in, ``corrects`` that of a number just said, which this turn may correct,
    ``quantity_asked`` that the question before asked how many, or for a thing, ``language`` what the turn is read in,
    ``foreign`` that its words are mostly not English. Detections are in characters of the *source* text: ``detection``
    maps back.
    """

    __slots__ = (
        "_counted", "_mask", "_plain", "_runs", "_said", "_words",
        "corrects", "digits", "everyday", "expected", "foreign", "has_digit", "language",
        "low", "open_run", "quantity_asked", "removed", "text", "written",
    )  # fmt: skip

    def __init__(
        self,
        written: Written,
        expected: tuple[EntityType, ...] = (),
        open_run: EntityType | None = None,
        corrects: EntityType | None = None,
        *,
        quantity_asked: bool = False,
        language: str = "en",
        foreign: bool = False,
    ) -> None:
        self.written = written
        self.text = written.text
        low = self.text.lower()
        self.low = low if len(low) == len(self.text) else "".join(map(_lower_in_place, self.text))
        self.expected = expected
        self.open_run = open_run
        self.corrects = corrects
        self.quantity_asked = quantity_asked
        self.language = language
        self.foreign = foreign
        self.everyday = everyday(language)
        self.has_digit = _DIGIT.search(self.text) is not None
        self._plain: list[Plain] | None = None
        self._mask: bytearray | None = None
        self._counted: bytearray | None = None
        self._runs: list[Run] = runs(self.text) if self.has_digit else []
        self.digits = sum(r.digits for r in self._runs)
        self._words: list[tuple[CharIndex, CharIndex, str]] | None = None
        self._said: frozenset[str] | None = None
        self.removed: list[str] = []
        """Ids of the rules by which guesses of this turn were let go."""

    def __repr__(self) -> str:
        return f"<View {len(self.text)}>"

    @property
    def plain(self) -> list[Plain]:
        """What is plainly an amount, a date, a time or a quantity; found once per turn."""
        if self._plain is None:
            self._plain = plain_stretches(self.low) if self.has_digit else []
        return self._plain

    @property
    def plain_mask(self) -> bytearray:
        """``plain_mask`` of the turn."""
        if self._mask is None:
            self._mask = plain_mask(len(self.text), self.plain)
        return self._mask

    @property
    def counted(self) -> bytearray:
        """A byte a character of the source, 1 where it is plainly of a quantity, amount or form; empty without any.

        A unit is that of the last of several numbers ("number 200 43 people").
        """
        if self._counted is None:
            found = [self._counted_stretch(p) for p in self.plain if p.sure and p.kind in _COUNTED]
            self._counted = bytearray(len(self.written.source) if any(found) else 0)
            for start, end in filter(None, found):
                self._counted[start:end] = b"\1" * (end - start)
        return self._counted

    def _counted_stretch(self, stretch: Plain) -> tuple[CharIndex, CharIndex] | None:
        start = stretch.start
        if stretch.kind == "quantity":
            last = _LAST_NUMBER.search(self.low, start, stretch.end)
            start = last.start() if last is not None else start
            numbered = _NUMBERED.search(self.low, max(0, stretch.start - _NUMBERED_REACH), stretch.start)
            if numbered or "," in self.low[start : stretch.end]:
                return None
        return self.written.to_source(start, stretch.end)

    @property
    def runs(self) -> list[Run]:
        """Runs of digits in the written form."""
        return self._runs

    @property
    def most_digits(self) -> int:
        """Digits of the longest run."""
        return max((r.digits for r in self._runs), default=0)

    @property
    def words(self) -> list[tuple[CharIndex, CharIndex, str]]:
        """``(start, end, lower case)`` of the written words."""
        if self._words is None:
            self._words = [(m.start(), m.end(), m.group().lower()) for m in DOTTED.finditer(self.text)]
        return self._words

    @property
    def said(self) -> frozenset[str]:
        """The written words in lower case, each once; made once per turn: many rules look for their words in it."""
        if self._said is None:
            self._said = frozenset([word for _, _, word in self.words])
        return self._said

    def detection(
        self,
        start: CharIndex,
        end: CharIndex,
        entity_type: EntityType,
        score: float,
        detector: str,
        origin: Origin = Origin.RULE,
    ) -> Detection:
        """Written ``[start, end)`` as a detection over the source."""
        source_start, source_end = self.written.to_source(start, end)
        return Detection(source_start, source_end, entity_type, score, detector, origin)


@runtime_checkable
class Recognizer(Protocol):
    """Pure: the same view gives the same detections; must not raise on any text."""

    name: str

    def find(self, view: View) -> Iterable[Detection]: ...
