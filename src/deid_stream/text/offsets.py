"""Maps a written form back to the characters from which it was made."""

from bisect import bisect_left, bisect_right

from deid_stream.units import CharIndex


class Written:
    """A text as it would be written, and for each of its characters the source characters it stands for.

    ``text`` is the written form; ``source`` the original. Where nothing was rewritten the two are the same object
    and no map is kept. The map is monotone: a later written character never starts before an earlier one.
    """

    __slots__ = ("_ends", "_starts", "source", "text")

    def __init__(
        self, source: str, text: str, starts: list[CharIndex] | None = None, ends: list[CharIndex] | None = None
    ) -> None:
        self.source = source
        self.text = text
        self._starts = starts
        self._ends = ends

    def __repr__(self) -> str:
        return f"<Written {len(self.source)} -> {len(self.text)}>"

    def to_source(self, start: CharIndex, end: CharIndex) -> tuple[CharIndex, CharIndex]:
        """Source ``[start, end)`` behind written ``[start, end)``; a rewritten word comes whole."""
        if end <= start:
            return (start, start) if self._starts is None else (self._source_point(start),) * 2
        if self._starts is None or self._ends is None:
            return start, end
        return self._starts[start], self._ends[end - 1]

    def between(self, start: CharIndex, end: CharIndex) -> str:
        """What is written for source ``[start, end)``, whole rewritten words included."""
        if self._starts is None or self._ends is None:
            return self.text[start:end]
        return self.text[bisect_right(self._ends, start) : bisect_left(self._starts, end)]

    def _source_point(self, index: CharIndex) -> CharIndex:
        if self._starts is None:
            return index
        return self._starts[index] if index < len(self._starts) else len(self.source)


class WrittenBuilder:
    """Collects copied and rewritten stretches of one source, in order."""

    __slots__ = ("_cursor", "_ends", "_parts", "_source", "_starts")

    def __init__(self, source: str) -> None:
        self._source = source
        self._parts: list[str] = []
        self._starts: list[CharIndex] = []
        self._ends: list[CharIndex] = []
        self._cursor = 0

    def copy_until(self, end: CharIndex) -> None:
        """Copies the source from the cursor to ``end`` character by character."""
        if end > self._cursor:
            self._parts.append(self._source[self._cursor : end])
            self._starts.extend(range(self._cursor, end))
            self._ends.extend(range(self._cursor + 1, end + 1))
            self._cursor = end

    def replace(self, start: CharIndex, end: CharIndex, written: str) -> None:
        """Writes ``written`` for source ``[start, end)``; what lay between the cursor and ``start`` is dropped."""
        self._parts.append(written)
        self._starts.extend([start] * len(written))
        self._ends.extend([end] * len(written))
        self._cursor = end

    def skip_to(self, end: CharIndex) -> None:
        """Drops the source from the cursor to ``end``."""
        self._cursor = max(self._cursor, end)

    def build(self) -> Written:
        self.copy_until(len(self._source))
        return Written(self._source, "".join(self._parts), self._starts, self._ends)
