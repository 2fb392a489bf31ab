"""Guesses the language of a turn from its script and its most frequent words. Of a short turn it is never sure.

The answer is a number of hits by primary language subtag, and no decision: the conversation adds the hits up over the
call.
"""

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Final

from deid_stream.text.languages import lexicon
from deid_stream.text.tokens import LETTERS, plain_digits

OTHER_SCRIPT: Final = "zz"
"""Language of letters that are neither Latin nor Devanagari."""
_LATIN_END: Final = 0x250
_DEVANAGARI: Final = range(0x0900, 0x0980)
_DISTINCT: Final = 2
"""Hits of a word that only one language has; a shared word counts one for each."""
_COUNTING: Final = 3
"""Hits of a digit of a language without tables: four of them in a row may be all of a secret."""
_SCRIPT_HITS: Final = 3


@cache
def _languages_of() -> Mapping[str, tuple[tuple[str, int], ...]]:
    """Word -> the languages that have it, each with its weight."""
    raw = tomllib.loads((resources.files("deid_stream.text") / "words.toml").read_text("utf-8"))
    owners: dict[str, list[str]] = {}
    numbers = lexicon()
    for word, language in numbers.homes.items():
        if language != "en" and language not in numbers.numbers_only and word not in numbers.doubts:
            raw[language] = [*raw[language], word]
    for language, words in raw.items():
        for word in dict.fromkeys(words):
            owners.setdefault(word, []).append(language)
    weighed = {w: {o: _DISTINCT if len(found) == 1 else 1 for o in found} for w, found in owners.items()}
    for language, words in tomllib.loads(
        (resources.files("deid_stream.text") / "counting.toml").read_text("utf-8")
    ).items():
        for word in words:
            if word not in numbers.homes:
                weighed.setdefault(word, {})[language] = _COUNTING
    return {word: tuple(hits.items()) for word, hits in weighed.items()}


def evidence(text: str) -> dict[str, int]:
    """Hits by language in ``text``; empty where nothing tells."""
    owners = _languages_of()
    hits: dict[str, int] = {}
    letters = 0
    words = LETTERS.findall(plain_digits(text).lower())
    for word in filter(owners.__contains__, words) if text.isascii() else words:
        letters += len(word)  # counted for what other scripts outweigh: an ASCII text has none
        script = None if word.isascii() else _script(word)
        if script is not None:
            hits[script] = hits.get(script, 0) + (len(word) if script == OTHER_SCRIPT else _SCRIPT_HITS)
            continue
        if word in owners:
            for language, weight in owners[word]:
                hits[language] = hits.get(language, 0) + weight
    if 2 * hits.get(OTHER_SCRIPT, 0) <= letters:
        hits.pop(OTHER_SCRIPT, None)
    return hits


def best(hits: Mapping[str, int], among: Iterable[str] | None = None) -> tuple[str, int]:
    """The language with most hits, of ``among`` where given; ``("", 0)`` without any."""
    found = [(count, language) for language, count in hits.items() if among is None or language in among]
    if not found:
        return "", 0
    count, language = max(found, key=lambda pair: (pair[0], pair[1] == "en", pair[1]))
    return language, count


def _script(word: str) -> str | None:
    """Language that the script of ``word`` names; None for Latin letters."""
    code = ord(word[0])
    if not word[0].isalpha():
        return None
    if code < _LATIN_END or 0x1E00 <= code < 0x1F00 or 0xFB00 <= code < 0xFB07 or 0xFF21 <= code < 0xFF5B:
        return None
    return "hi" if code in _DEVANAGARI else OTHER_SCRIPT
