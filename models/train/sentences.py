"""Sentences made from the templates: text, labelled spans, and the hint a conversation would have given."""

import itertools
import math
import re
from functools import cache
from random import Random
from typing import NamedTuple

from models.train import spoken, values
from models.train.base import DATA, Value, misspell, pick
from models.train.people import everyday_word

SLOT = re.compile(r"\{(\w+)\}")
PLAIN_WORD = re.compile(r"(?<![^\s])[a-z]{4,}(?![^\s])")
ENDINGS = ("'s", "s")
CHOICE = re.compile(r"<([^<>]*)>")
POSITIVES = {
    "templates.txt": 0.31,
    "contexts.txt": 0.18,
    "situations.txt": 0.13,
    "voices.txt": 0.13,
    "scenes.txt": 0.14,
    "languages.txt": 0.11,
}
NEGATIVES = {
    "negatives.txt": 0.25,
    "contexts_negatives.txt": 0.19,
    "situations_negatives.txt": 0.14,
    "voices_negatives.txt": 0.14,
    "scenes_negatives.txt": 0.14,
    "languages_negatives.txt": 0.14,
}
"""Share of the generated sentences that each file gives."""


class Labelled(NamedTuple):
    start: int
    end: int
    label: str


class Example(NamedTuple):
    text: str
    spans: tuple[Labelled, ...]
    hint: str = ""


class Template(NamedTuple):
    text: str
    ask: str


@cache
def templates(file: str) -> list[Template]:
    ask, found = "-", []
    for line in (DATA / file).read_text("utf-8").splitlines():
        if line.startswith("#ask "):
            ask = line.split()[1]
        elif line and not line.startswith("#"):
            found.append(Template(line, ask))
    return found


def chosen(text: str, rng: Random) -> str:
    """A template with every ``<a|b|c>`` settled, the inner ones first."""
    while "<" in text:
        text = CHOICE.sub(lambda match: rng.choice(match.group(1).split("|")), text)
    return re.sub(r" {2,}", " ", text).replace(" ,", ",").strip()


def ways(text: str) -> int:
    """In how many ways a template can be said."""
    return math.prod(match.count("|") + 1 for match in CHOICE.findall(text))


@cache
def weights(file: str) -> list[float]:
    """A template that can be said in many ways comes oftener, but far less than in proportion."""
    return list(itertools.accumulate(ways(t.text) ** 0.3 for t in templates(file)))


def template(shares: dict[str, float], rng: Random) -> Template:
    file = rng.choices(list(shares), list(shares.values()))[0]
    return rng.choices(templates(file), cum_weights=weights(file))[0]


def fill(slot: str, rng: Random) -> tuple[Value, str]:
    if slot in values.LABELLED:
        label, make = values.LABELLED[slot]
        return make(rng), label
    if slot in values.OFF_LABELLED:
        label, make = values.OFF_LABELLED[slot]
        return make(rng), label
    return values.UNLABELLED[slot](rng), ""


def style_of(rng: Random) -> str:
    """written; asr: a telephone recogniser's words; bare: typed in lower case without punctuation."""
    return rng.choices(["written", "asr", "bare"], [0.36, 0.5, 0.14])[0]


def join(pieces: list[tuple[str, str]], hint: str, *, spaced: bool) -> Example:
    """Pieces of (text, label) to one example; ``spaced`` puts single blanks between them, but before an ending."""
    text, spans = "", []
    for piece, label in pieces:
        if not piece.strip() and spaced:
            continue
        if spaced and text and piece not in ENDINGS:
            text += " "
        start = len(text)
        text += piece
        if label and piece:
            spans.append(Labelled(start, len(text), label))
    return Example(text, tuple(spans), hint)


def render(template: Template, rng: Random, style: str) -> Example:
    parts = SLOT.split(chosen(template.text, rng))
    pieces: list[tuple[str, str]] = []
    for i, part in enumerate(parts):
        if i % 2:
            value, label = fill(part, rng)
            if style == "asr":
                text = value.spoken
            elif style == "bare":
                text = value.written.lower() if rng.random() < 0.9 else value.spoken
                if label in ("PERSON", "ADDRESS", "LOCATION", "ORGANIZATION", ""):
                    text = re.sub(r"[^\w\s@'/.&$%-]", " ", text).strip()
            else:
                text = value.written
            pieces.append((text, label))
        elif style == "asr":
            # "gail's", "doctors": an ending stays on its word, as a recogniser leaves it; a lone "s" is an initial
            ending = re.match(r"'?s(?!\w)", part) if i else None
            if ending is not None:
                pieces.append((ending.group(), ""))
                part = part[ending.end() :]
            pieces.append((spoken.sentence(part.replace("\\n", " "), rng), ""))
        elif style == "bare":
            pieces.append(
                (re.sub(r"\\n|[^\w\s]", "", part.replace("'", "") if rng.random() < 0.5 else part).lower(), "")
            )
        else:
            pieces.append((part.replace("\\n", "\n"), ""))
    if rng.random() < 0.15:
        pieces.insert(0, (pick(rng, "prefix", "slots.txt") + ("" if style == "asr" else " "), ""))
    if rng.random() < 0.1:
        pieces.append((("" if style == "asr" else " ") + pick(rng, "suffix", "slots.txt"), ""))
    if style == "written" and pieces[0][0] and rng.random() < 0.5:
        pieces[0] = (pieces[0][0][0].upper() + pieces[0][0][1:], pieces[0][1])
    return join(pieces, hint_for(template.ask, rng), spaced=style == "asr")


def hint_for(ask: str, rng: Random) -> str:
    """What the run time would have passed: often nothing, now and then a stale or wrong expectation."""
    chance = rng.random()
    if ask != "-":
        return ask if chance < 0.5 else "" if chance < 0.93 else rng.choice(HINTS)
    return rng.choice(HINTS) if chance < 0.18 else ""


HINTS = (
    "PERSON PERSON PERSON ADDRESS ADDRESS DATE_OF_BIRTH PHONE_NUMBER EMAIL_ADDRESS CREDIT_CARD CARD_EXPIRY CARD_CVV "
    "ID_NUMBER ID_NUMBER PASSWORD USERNAME AGE LOCATION ORGANIZATION DATE_TIME"
).split()


HARD = re.compile(
    r"\{(PERSON|FIRST|LAST|LISTED|INITIALLED|SPELLED|WORD|ADDRESS|STREET|DOORSTEP|POSTCODE|LOCATION|DATE_OF)"
)


def positives(n: int, rng: Random) -> list[Example]:
    """Six in ten are surely about names and places, which the rules cannot find."""
    made = []
    while len(made) < n:
        picked = template(POSITIVES, rng)
        if len(made) < 0.6 * n and not HARD.search(picked.text):
            continue
        made.append(mistyped(render(picked, rng, style_of(rng)), rng))
    return made


def negatives(n: int, rng: Random) -> list[Example]:
    return [mistyped(render(template(NEGATIVES, rng), rng, style_of(rng)), rng) for _ in range(n)]


def mistyped(example: Example, rng: Random) -> Example:
    """Now and then one slip in a word outside all values: a misspelt word is not a name."""
    if rng.random() > 0.15:
        return example
    outside = [
        match.span()
        for match in PLAIN_WORD.finditer(example.text)
        if not any(match.start() < s.end and s.start < match.end() for s in example.spans)
    ]
    if not outside:
        return example
    start, end = rng.choice(outside)
    slip = misspell(example.text[start:end], rng)
    moved = tuple(
        s
        if s.end <= start
        else Labelled(s.start + len(slip) - (end - start), s.end + len(slip) - (end - start), s.label)
        for s in example.spans
    )
    return example._replace(text=example.text[:start] + slip + example.text[end:], spans=moved)


def interrupted(example: Example, rng: Random) -> Example:
    """An everyday word put between two others: whatever surrounds it, it is no value."""
    gaps = [i for i, c in enumerate(example.text) if c == " " and not any(s.start < i < s.end for s in example.spans)]
    if not gaps:
        return example
    at = rng.choice(gaps)
    word = f" {everyday_word(rng)}"
    moved = tuple(
        s if s.end <= at else Labelled(s.start + len(word), s.end + len(word), s.label) for s in example.spans
    )
    return example._replace(text=example.text[:at] + word + example.text[at:], spans=moved)


def joined(examples: list[Example], rng: Random) -> Example:
    """Several turns as one long one, as a monologue or a window of several segments would be."""
    text, spans = "", []
    for example in examples:
        if text:
            text += rng.choice([" ", " ", " and ", " so "]) if not text.endswith(".") else " "
        spans += [Labelled(s.start + len(text), s.end + len(text), s.label) for s in example.spans]
        text += example.text
    return Example(text, tuple(spans), examples[0].hint)


def synthetic(n: int, rng: Random) -> list[Example]:
    made = positives(int(n * 0.6), rng) + negatives(int(n * 0.4), rng)
    made = [interrupted(e, rng) if rng.random() < 0.15 else e for e in made]
    rng.shuffle(made)
    for i in range(n // 12):
        made[i] = joined([made[i], *rng.sample(made, rng.randint(1, 3))], rng)
    return made
