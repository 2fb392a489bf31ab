"""Later mentions of values already found, by keyed digest, and the numbering of values."""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from deid_stream.detect.conversation import sounds, values
from deid_stream.detect.recognizer import View
from deid_stream.detect.rules.digits import MIN_DIGITS
from deid_stream.detect.rules.placeholders import PLACEHOLDER
from deid_stream.detect.vocabulary import COMMON
from deid_stream.model.entities import EntityType
from deid_stream.model.spans import Detection, Origin, Span
from deid_stream.text.offsets import Written
from deid_stream.text.tokens import LETTERS

_NUMBER_ONLY: Final = frozenset({EntityType.DATE_TIME, EntityType.AGE, EntityType.LOCATION, EntityType.ORGANIZATION})
_RECALLED_SCORE: Final = 0.8
"""A name must have been found with this score to be recalled later."""
_BREAK: Final = re.compile(r"[.?!;:,\d]")
"""Signs between two words that show that the words are not one name."""


class KnownValues(msgspec.Struct):
    """Content-free: ``digests`` maps a keyed digest to ``[type, number]``; ``counters`` counts values by type."""

    digests: dict[str, tuple[str, int]] = {}
    counters: dict[str, int] = {}
    sounds: dict[str, tuple[str, int]] = {}
    """As ``digests``, of how names sound."""

    def recall(self, view: View, digester: values.Digester) -> Iterator[Detection]:
        """Mentions in this turn of values of earlier turns."""
        if not self.digests:
            return
        text = view.text
        for match in LETTERS.finditer(text):
            low = match.group().casefold()
            if len(low) >= values.MIN_NAME_LETTERS and low not in COMMON:
                known = self.digests.get(digester("name", low))
                if known is not None:
                    yield view.detection(*match.span(), EntityType(known[0]), 0.9, "known", Origin.KNOWN)
        if self.sounds:
            yield from self._sounding(view, digester)
        for run in view.runs:
            code = "".join(text[g.start : g.end] for g in run.groups).casefold()
            if sum(map(str.isdecimal, code)) < MIN_DIGITS:
                continue
            known = self.digests.get(digester("code", code))
            if known is not None:
                yield view.detection(run.start, run.end, EntityType(known[0]), 0.9, "known", Origin.KNOWN)

    def _sounding(self, view: View, digester: values.Digester) -> Iterator[Detection]:
        """Words that sound like a name of an earlier turn."""
        found = list(LETTERS.finditer(view.text))
        for said in sounds.heard([match.group() for match in found], view.language):
            known = self.sounds.get(digester("sound", said.key))
            first, last = found[said.start], found[said.end - 1]
            if known is not None and not _BREAK.search(view.text, first.end(), last.start()):
                yield view.detection(first.start(), last.end(), EntityType(known[0]), 0.9, "sound", Origin.KNOWN)

    def number(self, written: Written, spans: list[Span], digester: values.Digester) -> list[Span]:
        """The spans with their value numbers; what is new is remembered."""
        return [self._numbered(written, span, digester) for span in spans]

    def _tagged(self, written: Written, span: Span, digester: values.Digester) -> Span:
        """A placeholder keeps one number for one text; its words ("name") are nobody's value to recall."""
        entity_type = span.entity_type
        key = digester("tag", written.source[span.start : span.end])
        number = self.digests.get(key, ("", 0))[1]
        if not number:
            number = self.counters.get(entity_type, 0) + 1
            self.counters[entity_type] = number
            self.digests[key] = (str(entity_type), number)
        return msgspec.structs.replace(span, value_id=number)

    def _numbered(self, written: Written, span: Span, digester: values.Digester) -> Span:
        if span.detector == PLACEHOLDER:
            return self._tagged(written, span, digester)
        entity_type = span.entity_type
        value = written.between(span.start, span.end)
        parts = values.parts(entity_type, value)
        keys = [digester(kind, part) for kind, part in parts if part]
        number = 0
        for key in keys:
            known = self.digests.get(key)
            if known is not None and known[0] == entity_type:
                number = known[1]
                break
        if not number:
            number = self.counters.get(entity_type, 0) + 1
            self.counters[entity_type] = number
        recalled = entity_type is not EntityType.PERSON or span.score >= _RECALLED_SCORE
        if entity_type not in _NUMBER_ONLY:
            for key in keys if recalled else keys[:1]:
                self.digests.setdefault(key, (str(entity_type), number))
        elif keys:
            self.digests.setdefault(keys[0], (str(entity_type), number))
        if entity_type is EntityType.PERSON and recalled:
            for sound in filter(None, map(sounds.key, LETTERS.findall(value))):
                self.sounds.setdefault(digester("sound", sound), (str(entity_type), number))
        while len(self.sounds) > values.MAX_VALUES:
            del self.sounds[next(iter(self.sounds))]
        while len(self.digests) > values.MAX_VALUES:
            del self.digests[next(iter(self.digests))]
        return msgspec.structs.replace(span, value_id=number)
