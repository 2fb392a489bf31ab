"""Compares names by their rough sound: a recogniser that does not know a name writes other words that sound alike.

"dip a lie" for Dipali, "way lan" for Waylon. The key keeps classes of consonants, and where vowels stand but not which.
Only Latin letters have one.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final, NamedTuple

from deid_stream.detect.vocabulary import CLOSED, COMMON, DICTIONARY, FUNCTION_HI, ORDINARY, everyday
from deid_stream.text.tokens import fold

MIN_LETTERS: Final = 5
"""Shorter names sound like too much else."""
MOST_WORDS: Final = 4
"""A name may be heard as so many words."""
_MIN_CONSONANTS: Final = 3
"""A name is told by its sound only where the sound has at least this many consonants. A smaller value takes more
everyday words for names that were said before."""
_MIN_SOUNDS: Final = 5
"""The same for consonants and vowels together."""
_MIN_SOUNDS_OF_WORDS: Final = 6
"""Of words that all are ordinary ones, the last of them none that sentences are built with: "call in" is not Colin, nor
is "card no" Courtney."""
_VOWEL: Final = "a"
_SPELLINGS: Final = (
    ("tch", "j"), ("ch", "j"), ("sh", "s"), ("th", "0"), ("ph", "f"), ("ck", "k"), ("kh", "k"), ("q", "k"), ("gh", "g"),
    ("bh", "b"), ("dh", "d"), ("ce", "se"), ("ci", "si"), ("cy", "sy"), ("x", "ks"),
)  # fmt: skip
_NO_LETTER: Final = re.compile(r"[^a-z]")
_SILENT_W: Final = re.compile(r"(?<=[aeiou])w(?![aeiouy])")
_VOWELS: Final = re.compile(r"[aeiou]+")
_CLASSES: Final = str.maketrans("pvtcz", "bfdks")
_SILENT_END: Final = re.compile(r"(?<=[^\Waeiou])e$")
_DOUBLED: Final = re.compile(r"(.)\1+")
_EVERYDAY: Final = COMMON | ORDINARY | DICTIONARY
_CLOSED_IN_HINDI: Final = CLOSED | FUNCTION_HI | {"aa", "na"}


class Heard(NamedTuple):
    """Neighbouring words, a half-open range of indices, that together sound like ``key``."""

    start: int
    end: int
    key: str


class _Sounds(NamedTuple):
    """Of one word: its sound before another word, at the end of what is heard, and how many consonants it has."""

    whole: str
    last: str
    consonants: int


def key(word: str) -> str:
    """The sound of one name; empty where it is too short to be told by it."""
    letters = _letters(word)
    sound = _spelled_out(_spoken_end(letters))
    return sound if len(letters) >= MIN_LETTERS and _telling(sound, _MIN_SOUNDS) else ""


def heard(words: Sequence[str], language: str = "en") -> Iterator[Heard]:
    """What one to ``MOST_WORDS`` neighbours of ``words`` sound like, where that may tell a name. A single word that is
    an ordinary one, in English or the turn's ``language``, is none."""
    inner = list(map(_letters, words))
    own, closed = everyday(language), _CLOSED_IN_HINDI if language == "hi" else CLOSED
    strange = [not (_ordinary(word) or word in own or word in closed) for word in inner]
    ends = [known or word not in closed for known, word in zip(strange, inner, strict=True)]
    said = list(map(_sounds, inner))
    for start in range(len(inner)):
        unknown, letters, consonants, before = False, 0, 0, ""
        for end in range(start, min(start + MOST_WORDS, len(inner))):
            unknown = unknown or strange[end]
            letters += len(inner[end])
            consonants += said[end].consonants
            if consonants >= _MIN_CONSONANTS and letters >= MIN_LETTERS and (unknown or (end > start and ends[end])):
                sound = _joined(before, said[end].last)
                if _telling(sound, _MIN_SOUNDS if unknown else _MIN_SOUNDS_OF_WORDS):
                    yield Heard(start, end + 1, sound)
            before = _joined(before, said[end].whole)


def _joined(before: str, sound: str) -> str:
    """Two sounds one after the other; one that ends the first and begins the second is heard once."""
    return before + (sound[1:] if before and sound and before[-1] == sound[0] else sound)


def _letters(word: str) -> str:
    """``fold`` of a word, which keeps nothing of what callers say: that is for single characters."""
    return word.lower() if word.isascii() and word.isalnum() else "".join(map(fold, word))


def _ordinary(word: str) -> bool:
    return word in _EVERYDAY or word.removesuffix("s") in _EVERYDAY


def _spoken_end(word: str) -> str:
    return word[:-2] + "s" if word.endswith("ce") else _SILENT_END.sub("", word) if word.endswith("e") else word


def _telling(sound: str, least: int) -> bool:
    return len(sound) >= least and len(sound) - sound.count(_VOWEL) >= _MIN_CONSONANTS


def _sounds(word: str) -> _Sounds:
    """What ``word`` sounds like. Kept for ordinary words alone: what callers said beyond them must not stay here."""
    return _sounds_of_ordinary(word) if word in _EVERYDAY else _sounds_of(word)


@cache
def _sounds_of_ordinary(word: str) -> _Sounds:
    return _sounds_of(word)


def _sounds_of(word: str) -> _Sounds:
    whole = _spelled_out(word)
    end = _spoken_end(word)
    return _Sounds(whole, whole if end == word else _spelled_out(end), len(whole) - whole.count(_VOWEL))


def _spelled_out(word: str) -> str:
    word = _NO_LETTER.sub("", word)
    for spelling, sound in _SPELLINGS:
        word = word.replace(spelling, sound)
    word = _SILENT_W.sub("", word)
    word = word[:1] + word[1:].replace("y", "i").replace("h", "")
    return _DOUBLED.sub(r"\1", _VOWELS.sub(_VOWEL, word).translate(_CLASSES))
