"""A pattern as data, and the recognizer that runs a list of them."""

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from deid_stream.detect.recognizer import View
from deid_stream.model.entities import EntityType
from deid_stream.model.spans import Detection

CONTEXT_CHARS = 60
"""How far before a match its context words are looked for."""


class Pattern(NamedTuple):
    """``regex`` over the written form in lower case; group ``v``, where there is one, is the value.

    ``needs`` is a character the text must hold for the pattern to run ("": none). ``context``
    must match shortly before the value, or the type must be expected, unless it is None. ``check`` over the compact
    upper-case value raises the score to ``sure``; it never lets a match go. ``accept`` over the same decides
    whether the shape is the type's at all.
    """

    entity_type: EntityType
    regex: re.Pattern[str]
    score: float
    needs: str = ""
    context: re.Pattern[str] | None = None
    check: Callable[[str], bool] | None = None
    sure: float = 0.99
    accept: Callable[[str], bool] | None = None
    digits: int = 0
    """Digits the turn must hold."""
    hints: tuple[str, ...] = ()
    """One of these must stand somewhere in a turn for ``context`` to match at all."""


class PatternRecognizer:
    """Runs patterns in order; overlapping matches are all reported, the resolver chooses."""

    def __init__(self, name: str, patterns: Iterable[Pattern]) -> None:
        self.name = name
        self._patterns = tuple(patterns)
        self._ids = tuple(f"{name}/{pattern.entity_type.lower()}" for pattern in self._patterns)
        numbered = tuple(zip(self._patterns, self._ids, strict=True))
        self._numbered = numbered, tuple(row for row in numbered if not row[0].digits)
        """Patterns with their ids: all of them, and those for a turn without digits."""

    def find(self, view: View) -> list[Detection]:
        found: list[Detection] = []
        text, low = view.text, view.low
        for pattern, rule_id in self._numbered[not view.digits]:
            needs = pattern.needs
            if view.digits < pattern.digits or (needs and needs not in text):
                continue
            if (
                pattern.hints
                and pattern.entity_type not in view.expected
                and not any(map(low.__contains__, pattern.hints))
            ):
                continue
            for match in pattern.regex.finditer(low):
                start, end = match.span("v") if "v" in pattern.regex.groupindex else match.span()
                context = pattern.context
                if context is not None and pattern.entity_type not in view.expected:
                    reach = max(0, start - CONTEXT_CHARS)
                    if context.search(low, reach, start) is None:
                        continue
                if pattern.accept is not None and not pattern.accept(_compact(text[start:end])):
                    continue
                score = pattern.score
                if pattern.check is not None and pattern.check(_compact(text[start:end])):
                    score = pattern.sure
                found.append(view.detection(start, end, pattern.entity_type, score, rule_id))
        return found


def _compact(value: str) -> str:
    return "".join(c for c in value if c.isalnum()).upper()


def rx(pattern: str) -> re.Pattern[str]:
    """A value pattern over lower case, not inside a longer word or number."""
    return re.compile(rf"(?<![^\W_])(?:{pattern})(?![^\W_])")


def near(words: str) -> re.Pattern[str]:
    """Context words, in lower case, as whole words."""
    return re.compile(rf"(?<![^\W_])(?:{words})(?![^\W_])")
