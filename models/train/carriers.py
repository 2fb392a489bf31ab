"""Real carrier sentences from a data folder: plainly wrong labels mended, values replaced by made-up ones.

The folder holds ``NAME.jsonl`` (as written) and ``NAME.asr.jsonl`` (as a telephone recogniser writes it), one turn a
line: ``{"id", "text", "spans": [{"start", "end", "label", "src", "core"}], "prev"?}``.
"""

import json
import re
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

from models.train import places, values
from models.train.sentences import HINTS, Example, Labelled, interrupted

KNOWN = {
    "PERSON", "ADDRESS", "LOCATION", "ORGANIZATION", "DATE_TIME", "PHONE_NUMBER", "EMAIL_ADDRESS", "CREDIT_CARD",
    "ID_NUMBER", "DATE_OF_BIRTH", "AGE",
}  # fmt: skip
REPLACEABLE = {"PERSON", "LOCATION", "PHONE_NUMBER", "EMAIL_ADDRESS", "DATE_OF_BIRTH"}
ASKS = (
    ("PHONE_NUMBER", r"phone|contact number|mobile|telephone|call you"),
    ("EMAIL_ADDRESS", r"e-?mail"),
    ("DATE_OF_BIRTH", r"birth|born"),
    ("ADDRESS", r"address|post ?code|zip|pin ?code|where (?:is|are|do you live)|located|destination"),
    ("CREDIT_CARD", r"card"),
    ("PASSWORD", r"password|\bpin\b|security word"),
    ("ID_NUMBER", r"account|order|policy|booking|reference|confirmation|claim|ssn|social security|\bid\b"),
    ("ORGANIZATION", r"company|employer"),
    ("PERSON", r"\bnames?\b|who (?:is|are|am)|speaking (?:to|with)|doctor|dentist"),
    ("LOCATION", r"which city|what city|where (?:would|to|from)|location"),
    ("DATE_TIME", r"when|what (?:date|day|time)|which (?:date|day)"),
)
QUESTION = re.compile(r"\b(?:what|which|who|where|when|may i|can i|could|please (?:provide|share|tell|give)|your)\b|\?")


def asked(prev: str) -> str:
    """The type that the other party's turn asked for, or nothing (a simple reading, for training only)."""
    low = prev.lower()
    if not QUESTION.search(low):
        return ""
    return next((label for label, pattern in ASKS if re.search(pattern, low)), "")


def label_of(span: dict[str, Any]) -> str:
    """The model's label, or ``?`` where the source's label says neither yes nor no."""
    if span["src"] == "password":
        return "PASSWORD"
    return span["label"] if span["label"] in KNOWN else "?"


def mended(text: str, spans: list[Labelled]) -> list[Labelled]:
    """Two pieces of one name with a single word between them are one name (``kraig [jacinto] calligaro``)."""
    out: list[Labelled] = []
    for span in sorted(spans):
        if out and out[-1].label == span.label == "PERSON":
            gap = text[out[-1].end : span.start].strip().lower()
            if gap.isalpha() and gap not in (
                "and",
                "or",
                "for",
                "with",
                "from",
                "at",
                "last",
                "surname",
                "is",
                "not",
                "to",
            ):
                out[-1] = Labelled(out[-1].start, span.end, "PERSON")
                continue
        if out and span.start < out[-1].end:
            continue
        out.append(span)
    return out


def read(folder: Path) -> list[tuple[str, Example, bool]]:
    """(turn id without style, example, spoken) of every row; ``hint`` is what ``prev`` asked for."""
    rows = []
    for path in sorted(folder.glob("*.jsonl")):
        heard = path.name.endswith(".asr.jsonl")
        for line in path.read_text("utf-8").splitlines():
            row = json.loads(line)
            spans = [Labelled(s["start"], s["end"], label_of(s)) for s in row["spans"]]
            example = Example(row["text"], tuple(mended(row["text"], spans)), asked(row.get("prev") or ""))
            rows.append((row["id"].removesuffix("-asr"), example, heard))
    return rows


def everyday_words(rows: list[tuple[str, Example, bool]]) -> list[str]:
    """Words of clean turns (four times or more) that are never part of a name or an address."""
    seen: Counter[str] = Counter()
    valued: set[str] = set()
    for _, example, _ in rows:
        if not example.spans:
            seen.update(re.findall(r"[a-z']+", example.text.lower()))
        for span in example.spans:
            valued.update(re.findall(r"[a-z']+", example.text[span.start : span.end].lower()))
    return sorted(word for word, n in seen.items() if n >= 4 and len(word) > 2 and word not in valued)


def bare_words(words: list[str], n: int, rng: Random) -> list[Example]:
    """One to three everyday words alone: an unknown caller's short answer is not a name just for being short."""
    return [Example(" ".join(rng.choices(words, k=rng.choice([1, 1, 1, 2, 3]))), ()) for _ in range(n)]


def replaced(example: Example, rng: Random, *, heard: bool, share: float) -> Example:
    """The same carrier around new values."""
    text, cursor, spans = "", 0, []
    for span in example.spans:
        text += example.text[cursor : span.start]
        value = example.text[span.start : span.end]
        if span.label in REPLACEABLE and rng.random() < share:
            made = values.LABELLED[span.label][1](rng)
            value = made.spoken if heard else made.written if not example.text.islower() else made.written.lower()
        elif span.label == "ADDRESS" and re.search(r"[a-z]{3}", value) and rng.random() < share:
            made = rng.choice([places.road, places.address])(rng)
            value = made.spoken if heard else made.written
        spans.append(Labelled(len(text), len(text) + len(value), span.label))
        text += value
        cursor = span.end
    return Example(text + example.text[cursor:], tuple(spans), example.hint)


def with_hint(example: Example, rng: Random) -> Example:
    """Hint drop-out; bare answers get their own label as hint now and then, clean turns a stale one."""
    hint, chance = example.hint, rng.random()
    if hint:
        return example._replace(hint=hint if chance < 0.6 else "")
    covered = sum(s.end - s.start for s in example.spans)
    if example.spans and example.spans[0].label != "?" and covered > 0.6 * len(example.text):
        return example._replace(hint=example.spans[0].label if chance < 0.3 else "")
    return example._replace(hint=rng.choice(HINTS) if chance < 0.2 else "")


def examples(rows: list[tuple[str, Example, bool]], rng: Random, *, share: float = 0.6) -> list[Example]:
    made = [with_hint(replaced(example, rng, heard=heard, share=share), rng) for _, example, heard in rows]
    return [interrupted(e, rng) if rng.random() < 0.08 else e for e in made]
