"""The language of each turn: as it is marked, or as the call sounds; a turn that nobody can read is refused."""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from deid_stream.detect.vocabulary import LANGUAGES
from deid_stream.errors import UnsupportedLanguageError
from deid_stream.text import guess

_UNMARKED: Final = frozenset({"", "und", "mul", "multi", "zxx", "mis", "auto", "unknown"})
_ENGLISH: Final = frozenset({"en"})
_FADING: Final = 2
"""After each turn, the evidence of earlier turns counts half."""
_CERTAIN: Final = 4
"""Hits from which a turn speaks for itself."""
_HINTED: Final = 2
"""The same for what its speaker said before, where the turn itself says nothing."""
_FOREIGN: Final = 12
"""Hits of a language without tables from which a call is refused; smaller withholds more turns that only quote it."""
_ALONE: Final = 7
"""The same for a turn without one word of a language with tables, of which these are two thirds: it quotes nothing."""
_OTHER_LETTERS: Final = 6
"""The same for letters that no table is written in."""
_ONE_WORD: Final = 2
"""Hits of a single word, which may be a name."""
_MOST_HITS: Final = 64
"""Hits of one language that are kept of a speaker's earlier turns. A larger value takes more turns until somebody who
changes to another language is read in it."""


def primary(tag: str | None) -> str:
    """``"en"`` of ``"en-IN"``; ``""`` where the tag names no language."""
    low = (tag or "").replace("_", "-").lower().split("-")[0].strip()
    return "" if low in _UNMARKED else low


def readable(languages: Iterable[str] | None) -> frozenset[str]:
    """The languages that are processed: those with tables, and of these the policy's where it names any."""
    if languages is None:
        return LANGUAGES
    return LANGUAGES & frozenset(map(primary, languages))


def language_of(
    tag: str | None, own: Mapping[str, int], before: Mapping[str, int], among: Collection[str], words: int
) -> str:
    """Language to read a turn of so many words in. ``own``: its hits by language; ``before``: those of its speaker's
    earlier turns.

    Raises ``UnsupportedLanguageError`` where the tag names a language that is not in ``among``, or where the turn is
    plainly in another one, whatever its tag says.
    """
    marked = primary(tag)
    if not marked and "en" in among and own.keys() <= _ENGLISH and not before.keys() - _ENGLISH:
        return "en"
    if marked and marked not in among:
        raise UnsupportedLanguageError(f"no tables for the language {marked[:8]!r}; the turn must be withheld")
    if not among:
        raise UnsupportedLanguageError("the policy names no language that there are tables for")
    strange, hits = guess.best({language: count for language, count in own.items() if language not in among})
    known, known_hits = guess.best(own, among)
    if hits > 2 * known_hits:
        so_far = heard(before, own)
        call_hits = so_far.get(strange, 0)
        enough = _OTHER_LETTERS if strange == guess.OTHER_SCRIPT else _FOREIGN
        alone = not known_hits and hits >= _ALONE and hits * 3 >= words * 2
        if hits >= enough or alone or (call_hits >= enough and call_hits > 2 * guess.best(so_far, among)[1]):
            raise UnsupportedLanguageError("the turn is in a language without tables; it must be withheld")
    if known_hits >= _CERTAIN:
        return known
    call, call_hits = guess.best(heard(before, {}), among)
    if call_hits >= _HINTED:
        return call
    return marked or (known if known_hits > _ONE_WORD else "") or "en"


def is_foreign(text: str, own: Mapping[str, int], spoken: str) -> bool:
    """The words of a turn are mostly of another language than English, one with tables or not."""
    if spoken == "en" and own.keys() <= _ENGLISH:
        return False
    language, hits = guess.best(own)
    if not hits:
        return spoken != "en"
    if language == "en" or hits <= own.get("en", 0):
        return False
    return language == spoken or (hits > _ONE_WORD and hits * 2 >= len(text.split()))


def heard(so_far: Mapping[str, int], own: Mapping[str, int]) -> dict[str, int]:
    """Hits of the call after a turn with the hits ``own``; what was heard before fades."""
    hits = {language: count // _FADING for language, count in so_far.items() if count >= _FADING}
    for language, count in own.items():
        hits[language] = min(_MOST_HITS, hits.get(language, 0) + count)
    return hits
