"""What every maker of values uses: the data files, digits, forms, and small slips."""

import re
import string
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from typing import NamedTuple

from models.train import spoken

DATA = Path(__file__).parent / "data"


class Value(NamedTuple):
    """A made-up value as it is written and as a telephone recogniser writes it."""

    written: str
    spoken: str


@cache
def sections(name: str) -> dict[str, list[str]]:
    """A data file as section -> entries (``|`` or blanks between them)."""
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in (DATA / name).read_text("utf-8").splitlines():
        if line.startswith("#") or not line:
            continue
        if line.startswith("["):
            current = found.setdefault(line.strip("[]"), [])
        else:
            current.extend(line.split("|") if "|" in line or name != "names.txt" else line.split())
    return found


def pick(rng: Random, section: str, file: str) -> str:
    return rng.choice(sections(file)[section])


def misspell(name: str, rng: Random) -> str:
    """One slip of a keyboard or a recogniser: a letter lost, doubled, swapped or changed."""
    if len(name) < 4:
        return name
    i = rng.randrange(1, len(name) - 1)
    return rng.choice(
        [
            name[:i] + name[i + 1 :],
            name[:i] + name[i] + name[i:],
            name[:i] + name[i + 1] + name[i] + name[i + 2 :],
            name[:i] + rng.choice(string.ascii_lowercase) + name[i + 1 :],
        ]
    )


def plain(name: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"[^\w' ]", " ", spoken.fold(name).lower())).strip()


NOISE = "and the oh uh um a of to it's that space are you hey is for in indeed so it my yes".split()


def slipped(said: str, rng: Random) -> str:
    """Now and then a word too many or misheard inside a value, as recognisers and hesitation leave it."""
    if rng.random() > 0.14:
        return said
    words = said.split()
    at = rng.randrange(len(words) + 1)
    words[at : at + rng.randint(0, 1)] = [rng.choice(NOISE)]
    return " ".join(words)


def number(rng: Random, low: int, high: int) -> str:
    length = rng.randint(low, high)
    return "".join(rng.choice(string.digits) for _ in range(length))


def grouped(run: str, rng: Random) -> str:
    if rng.random() < 0.4 or len(run) < 6:
        return run
    size = rng.choice([3, 4, 4, 5])
    return rng.choice([" ", "-", " "]).join(run[i : i + size] for i in range(0, len(run), size))


def titled(text: str) -> str:
    """Title case that leaves ``82nd`` and ``o'brien's`` readable."""
    return re.sub(r"(?<![\w'])[^\W\d_]", lambda m: m.group().upper(), text)


def suffix(n: int) -> str:
    return "th" if 10 <= n % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")


def digits_value(low: int, high: int) -> Callable[[Random], Value]:
    def make(rng: Random) -> Value:
        run = number(rng, low, high)
        return Value(grouped(run, rng), spoken.digits(run, rng))

    return make


def pattern(*forms: str) -> Callable[[Random], Value]:
    """Values of a form such as ``AA999A``: ``A`` a letter, ``9`` a digit, anything else itself."""

    def make(rng: Random) -> Value:
        upper = "".join(
            rng.choice(string.ascii_uppercase) if c == "A" else rng.choice(string.digits) if c == "9" else c
            for c in rng.choice(forms)
        )
        return Value(upper if rng.random() < 0.6 else upper.lower(), spoken.code(upper, rng))

    return make
