"""How a name sounds, roughly: a recogniser that does not know it writes other words that sound the same.

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
_MIN_SOUNDS: Final = 5
_MIN_SOUNDS_OF_WORDS: Final = 6
"""Of words that all are ordinary ones, the last of them none that sentences are built with: "call in" is not Colin, nor
is "card no" Courtney."""
_VOWEL: Final = "a"
_SPELLINGS: Final = (
    (re.compile(r"[^a-z]"), ""),
    (re.compile(r"tch|ch"), "j"),
    (re.compile(r"sh"), "s"),
    (re.compile(r"th"), "0"),
    (re.compile(r"ph"), "f"),
    (re.compile(r"kh|ck|q"), "k"),
    (re.compile(r"gh"), "g"),
    (re.compile(r"bh"), "b"),
    (re.compile(r"dh"), "d"),
    (re.compile(r"c(?=[eiy])"), "s"),
    (re.compile(r"x"), "ks"),
    (re.compile(r"(?<=[aeiou])w(?![aeiouy])"), ""),
    (re.compile(r"(?<!^)y"), "i"),
    (re.compile(r"(?<!^)h"), ""),
    (re.compile(r"[aeiou]+"), _VOWEL),
)
_CLASSES: Final = str.maketrans("pvtcz", "bfdks")
_SILENT_END: Final = re.compile(r"(?<=[^\Waeiou])e$")
_SOFT_END: Final = re.compile(r"ce$")
_DOUBLED: Final = re.compile(r"(.)\1+")
_EVERYDAY: Final = COMMON | ORDINARY | DICTIONARY
_CLOSED_IN_HINDI: Final = CLOSED | FUNCTION_HI | {"aa", "na"}


class Heard(NamedTuple):
    """Neighbouring words, a half-open range of indices, that together sound like ``key``."""

    start: int
    end: int
    key: str


def key(word: str) -> str:
    """The sound of one name; empty where it is too short to be told by it."""
    letters = fold(word)
    sound = _DOUBLED.sub(r"\1", _sound(_spoken_end(letters)))
    return sound if len(letters) >= MIN_LETTERS and _telling(sound, _MIN_SOUNDS) else ""


def heard(words: Sequence[str], language: str = "en") -> Iterator[Heard]:
    """What one to ``MOST_WORDS`` neighbours of ``words`` sound like, where that may tell a name. A single word that is
    an ordinary one, in English or the turn's ``language``, is none."""
    inner = [fold(word) for word in words]
    whole = list(map(_sound, inner))
    last = [_sound(_spoken_end(word)) for word in inner]
    own, closed = everyday(language), _CLOSED_IN_HINDI if language == "hi" else CLOSED
    strange = [not (_ordinary(word) or word in own or word in closed) for word in inner]
    for start in range(len(inner)):
        for end in range(start + 1, min(start + MOST_WORDS, len(inner)) + 1):
            unknown = any(strange[start:end])
            if not unknown and inner[end - 1] in closed:
                continue
            if sum(map(len, inner[start:end])) < MIN_LETTERS or (end == start + 1 and not unknown):
                continue
            sound = _DOUBLED.sub(r"\1", "".join(whole[start : end - 1]) + last[end - 1])
            if _telling(sound, _MIN_SOUNDS if unknown else _MIN_SOUNDS_OF_WORDS):
                yield Heard(start, end, sound)


def _ordinary(word: str) -> bool:
    return word in _EVERYDAY or word.removesuffix("s") in _EVERYDAY


def _spoken_end(word: str) -> str:
    return _SILENT_END.sub("", _SOFT_END.sub("s", word))


def _telling(sound: str, least: int) -> bool:
    return len(sound) >= least and len(sound) - sound.count(_VOWEL) >= _MIN_CONSONANTS


def _sound(word: str) -> str:
    """What ``word`` sounds like. Kept for ordinary words alone: what callers said beyond them must not stay here."""
    return _sound_of_ordinary(word) if word in _EVERYDAY else _spelled_out(word)


@cache
def _sound_of_ordinary(word: str) -> str:
    return _spelled_out(word)


def _spelled_out(word: str) -> str:
    for spelling, sound in _SPELLINGS:
        word = spelling.sub(sound, word)
    return word.translate(_CLASSES)
