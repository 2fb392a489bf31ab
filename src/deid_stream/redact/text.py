"""Replaces the spans of a text, and keeps what is left apart from what was put there."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from deid_stream.model.spans import Span
from deid_stream.units import CharIndex, Interval


class Replacement(NamedTuple):
    """The text that replaces a span, and its place: half-open, in characters of the sanitized text."""

    span: Span
    operator: str
    text: str
    start: CharIndex
    end: CharIndex


class Replaced(NamedTuple):
    """``clear``: the parts of the source that stay, in characters of the source."""

    text: str
    replacements: tuple[Replacement, ...]
    clear: tuple[Interval, ...]


def replace(text: str, chosen: Sequence[tuple[Span, str]], write: Callable[[str, Span, str], str]) -> Replaced:
    """``text`` with every span written anew by ``write(value, span, operator)``.

    ``chosen`` are spans with their operator's name, sorted, half-open and disjoint in characters of ``text``.
    """
    pieces: list[str] = []
    replacements: list[Replacement] = []
    clear: list[Interval] = []
    cursor = length = 0
    for span, name in chosen:
        clear.append(Interval(cursor, span.start))
        replacement = write(text[span.start : span.end], span, name)
        pieces += (text[cursor : span.start], replacement)
        start = length + span.start - cursor
        length = start + len(replacement)
        cursor = span.end
        replacements.append(Replacement(span, name, replacement, start, length))
    clear.append(Interval(cursor, len(text)))
    pieces.append(text[cursor:])
    return Replaced("".join(pieces), tuple(replacements), tuple(clear))
