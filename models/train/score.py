"""Measures a model folder on turns with truth: recall, leaked, clean_hit, over (by letters and digits).

Core spans are those whose type goes by default. The model alone is measured, without rules and without conversation.
"""

import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from deid_stream.detect.model.neural import NeuralTagger
from deid_stream.model.entities import ON_BY_DEFAULT
from deid_stream.model.spans import Detection, Span
from models.train.carriers import asked
from models.train.sentences import Example, Labelled

Find = Callable[[str, str | None], Sequence[Detection | Span]]
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


class Tally(Counter[str]):
    """Counts of one set, and the shares made of them."""

    def share(self, part: str, whole: str) -> str:
        return f"{self[part] / max(1, self[whole]):.3f}"


def measure(turns: list[Turn], find: Find) -> tuple[Tally, Counter[tuple[str, str]]]:
    """``find``: what goes of a text, told what was just asked."""
    total: Tally = Tally()
    by_type: Counter[tuple[str, str]] = Counter()
    for example, core in turns:
        text = example.text
        found = [d for d in find(text, example.hint or None) if d.entity_type in ON_BY_DEFAULT]
        redacted = {i for d in found for i in range(d.start, d.end)}
        marks = {i for i, c in enumerate(text) if c.isalnum()}
        inside: set[int] = set()
        for span, must in zip(example.spans, core, strict=True):
            chars = set(range(span.start, span.end)) & marks
            inside |= chars
            if must:
                left = chars - redacted
                total.update(spans=1, hit=not left, chars=len(chars), left=len(left))
                by_type.update({(span.label, "spans"): 1, (span.label, "hit"): not left})
        total.update(outside=len(marks - inside), over=len((marks - inside) & redacted))
        if not example.spans:
            total.update(clean=1, touched=bool(redacted & marks))
    return total, by_type


def table(sets: dict[str, list[Turn]], model: Path) -> str:
    """Markdown: a line a set; then recall by type and style over all sets."""
    tagger = NeuralTagger.load(model)
    lines = ["| set | recall | leaked | clean_hit | over | spans | clean turns |", "|---|---|---|---|---|---|---|"]
    styles: dict[str, Counter[tuple[str, str]]] = {"written": Counter(), "spoken": Counter()}
    for name, turns in sets.items():
        total, by_type = measure(turns, tagger.tag)
        styles["spoken" if name.endswith((".asr", "spoken")) else "written"].update(by_type)
        shares = [total.share(*pair) for pair in (("hit", "spans"), ("left", "chars"), ("touched", "clean"))]
        shares.append(total.share("over", "outside"))
        lines.append(f"| {name} | {' | '.join(shares)} | {total['spans']} | {total['clean']} |")
    lines += ["", "| type | recall, written | recall, spoken | spans of each |", "|---|---|---|---|"]
    for label in sorted({label for style in styles.values() for label, _ in style}):
        cells = [f"{style[label, 'hit'] / max(1, style[label, 'spans']):.3f}" for style in styles.values()]
        lines.append(f"| {label} | {' | '.join(cells)} | {styles['written'][label, 'spans']} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(read(Path(sys.argv[1])), Path(sys.argv[2] if len(sys.argv) > 2 else "models/deid-en")))
