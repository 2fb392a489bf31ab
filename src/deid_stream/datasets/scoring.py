"""Scores of detection. Only letters and digits count, no blanks and signs.

- ``recall``: share of core spans of which every letter and digit was redacted.
- ``leaked``: share of the core spans' letters and digits left in clear.
- ``clean_hit``: share of turns without any span in which something was redacted.
- ``over``: share of letters and digits outside every span that were redacted.

A span that is not core counts neither as a hit nor as a false alarm.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from deid_stream.datasets.reader import Gold, Predicted, PredictedSpan
from deid_stream.errors import DecodeError
from deid_stream.model.entities import OFF_BY_DEFAULT


class LabelScore(msgspec.Struct):
    """Counts over the core spans of one label, or of all. The shares are 0 to 1."""

    spans: int = 0
    covered: int = 0
    """Spans that were redacted in full."""
    characters: int = 0
    leaked_characters: int = 0
    """Of ``characters``, those that were left in clear."""

    @property
    def recall(self) -> float:
        return self.covered / self.spans if self.spans else 1.0

    @property
    def leaked(self) -> float:
        return self.leaked_characters / self.characters if self.characters else 0.0


class Score(msgspec.Struct):
    """Counts over one set of turns; ``as_dict`` gives the four measures, over all and by label."""

    total: LabelScore = msgspec.field(default_factory=LabelScore)
    by_label: dict[str, LabelScore] = {}
    clean_turns: int = 0
    clean_hits: int = 0
    outside_characters: int = 0
    over_characters: int = 0

    @property
    def clean_hit(self) -> float:
        return self.clean_hits / self.clean_turns if self.clean_turns else 0.0

    @property
    def over(self) -> float:
        return self.over_characters / self.outside_characters if self.outside_characters else 0.0

    def add(self, gold: Gold, predicted: Sequence[PredictedSpan]) -> None:
        """Count one turn. Predicted spans of types that the default policy keeps are ignored."""
        text = gold.text
        redacted = bytearray(len(text))
        for span in predicted:
            if span.entity_type not in OFF_BY_DEFAULT:
                redacted[span.start : span.end] = b"\1" * (min(span.end, len(text)) - span.start)
        counted = [c.isalnum() for c in text]
        inside = bytearray(len(text))
        for truth in gold.spans:
            inside[truth.start : truth.end] = b"\1" * (truth.end - truth.start)
            if truth.core:
                self._add_core(truth.label, [redacted[i] for i in range(truth.start, truth.end) if counted[i]])
        over = sum(1 for i, c in enumerate(counted) if c and redacted[i] and not inside[i])
        self.over_characters += over
        self.outside_characters += sum(1 for i, c in enumerate(counted) if c and not inside[i])
        if not gold.spans:
            self.clean_turns += 1
            self.clean_hits += over > 0

    def _add_core(self, label: str, covered: list[int]) -> None:
        for score in (self.total, self.by_label.setdefault(label, LabelScore())):
            score.spans += 1
            score.covered += all(covered)
            score.characters += len(covered)
            score.leaked_characters += covered.count(0)

    def as_dict(self) -> dict[str, object]:
        """The measures for JSON; shares are rounded to five places."""
        return {
            "recall": round(self.total.recall, 5),
            "leaked": round(self.total.leaked, 5),
            "clean_hit": round(self.clean_hit, 5),
            "over": round(self.over, 5),
            "spans": self.total.spans,
            "clean_turns": self.clean_turns,
            "by_label": {
                label: {"spans": s.spans, "recall": round(s.recall, 5), "leaked": round(s.leaked, 5)}
                for label, s in sorted(self.by_label.items())
            },
        }


def score(gold: Iterable[Gold], predicted: Mapping[str, Predicted]) -> Score:
    """Score the predictions, by row id. Raises DecodeError where a row of ``gold`` has none."""
    result = Score()
    for number, record in enumerate(gold, 1):
        found = predicted.get(record.id)
        if found is None:
            raise DecodeError(f"row {number} of the truth has no prediction: run `deid-stream detect` on the same file")
        result.add(record, found.spans)
    return result
