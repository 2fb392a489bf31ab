"""What a recognizer is: something that reads a turn and guesses where identifying values stand."""

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

from deid_stream.detect.plain import Plain, plain_stretches
from deid_stream.model.entities import EntityType
from deid_stream.model.spans import Detection
from deid_stream.text.offsets import Written
from deid_stream.units import CharIndex


class View:
    """One turn as recognizers see it.

    ``text`` is the written form (``"nine eight"`` -> ``98``), ``low`` the same in lower case where that keeps the
    length, ``expected`` the types that were just asked for, most recent first, ``open_run`` the type of a value that
    the same speaker's last turn broke off in. Detections are in characters of the *source* text:
    ``detection`` maps back.
    """

    __slots__ = ("_plain", "expected", "has_digit", "low", "open_run", "text", "written")

    def __init__(
        self, written: Written, expected: tuple[EntityType, ...] = (), open_run: EntityType | None = None
    ) -> None:
        self.written = written
        self.text = written.text
        low = self.text.lower()
        self.low = low if len(low) == len(self.text) else self.text
        self.expected = expected
        self.open_run = open_run
        self.has_digit = any(map(str.isdecimal, self.text))
        self._plain: list[Plain] | None = None

    def __repr__(self) -> str:
        return f"<View {len(self.text)}>"

    @property
    def plain(self) -> list[Plain]:
        """What is plainly an amount, a date, a time or a quantity; found once a turn."""
        if self._plain is None:
            self._plain = plain_stretches(self.text) if self.has_digit else []
        return self._plain

    def detection(
        self, start: CharIndex, end: CharIndex, entity_type: EntityType, score: float, detector: str
    ) -> Detection:
        """Written ``[start, end)`` as a detection over the source."""
        source_start, source_end = self.written.to_source(start, end)
        return Detection(source_start, source_end, entity_type, score, detector)


@runtime_checkable
class Recognizer(Protocol):
    """Pure: the same view gives the same detections; must not raise on any text."""

    name: str

    def find(self, view: View) -> Iterable[Detection]: ...
