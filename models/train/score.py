"""Measures a model folder on turns with truth: recall, leaked, clean_hit, over (by letters and digits).

Core spans are those whose type goes by default. The model alone is measured, without rules and without conversation.
"""

import json
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from deid_stream.detect.neural import NeuralTagger
from deid_stream.model.entities import ON_BY_DEFAULT
from models.train.carriers import asked
from models.train.sentences import Example, Labelled

CORE = {str(t) for t in ON_BY_DEFAULT}


class Turn(NamedTuple):
    example: Example
    core: tuple[bool, ...]


def read(folder: Path) -> dict[str, list[Turn]]:
    found = {}
    for path in sorted(folder.glob("*.jsonl")):
        turns = []
        for line in path.read_text("utf-8").splitlines():
            row = json.loads(line)
            spans = tuple(Labelled(s["start"], s["end"], s["label"]) for s in row["spans"])
            example = Example(row["text"], spans, asked(row.get("prev") or ""))
            turns.append(Turn(example, tuple(s["core"] for s in row["spans"])))
        found[path.name.removesuffix(".jsonl")] = turns
    return found


def held_out(rows: list[tuple[str, Example, bool]]) -> dict[str, list[Turn]]:
    """Carrier rows that were kept from training, by style."""
    turns: dict[str, list[Turn]] = {}
    for _, example, heard in rows:
        name = "held out, spoken" if heard else "held out, written"
        turns.setdefault(name, []).append(Turn(example, tuple(s.label in CORE for s in example.spans)))
    return turns


class Tally(Counter):
    def line(self, name: str) -> str:
        share = lambda a, b: f"{self[a] / max(1, self[b]):7.4f}"  # noqa: E731
        return (
            f"{name:24} recall {share('hit', 'spans')} leaked {share('left', 'chars')} "
            f"clean_hit {share('touched', 'clean')} over {share('over', 'outside')}  "
            f"spans {self['spans']} clean {self['clean']}"
        )


def measure(turns: list[Turn], tagger: NeuralTagger) -> tuple[Tally, Counter]:
    total, by_label = Tally(), Counter()
    for example, core in turns:
        text = example.text
        found = [d for d in tagger.tag(text, example.hint or None) if d.entity_type in ON_BY_DEFAULT]
        redacted = set().union(*(range(d.start, d.end) for d in found)) if found else set()
        marks = {i for i, c in enumerate(text) if c.isalnum()}
        inside: set[int] = set()
        for span, must in zip(example.spans, core, strict=True):
            chars = set(range(span.start, span.end)) & marks
            inside |= chars
            if must:
                left = chars - redacted
                total.update(spans=1, hit=not left, chars=len(chars), left=len(left))
                by_label.update({(span.label, "n"): 1, (span.label, "hit"): not left})
        total.update(outside=len(marks - inside), over=len((marks - inside) & redacted))
        if not example.spans:
            total.update(clean=1, touched=bool(redacted & marks))
    return total, by_label


def table(sets: dict[str, list[Turn]], model: Path) -> str:
    tagger = NeuralTagger.load(model)
    lines = []
    for name, turns in sets.items():
        total, by_label = measure(turns, tagger)
        lines.append(total.line(name))
        labels = sorted({label for label, _ in by_label})
        lines.append(
            "    " + "  ".join(f"{n} {by_label[n, 'hit'] / by_label[n, 'n']:.3f}/{by_label[n, 'n']}" for n in labels)
        )
    return "\n".join(lines)


if __name__ == "__main__":
    import sys

    print(table(read(Path(sys.argv[1])), Path(sys.argv[2] if len(sys.argv) > 2 else "models/deid-en")))
