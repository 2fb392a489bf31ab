"""The number automaton: words of a number to the digits they would be written with.

Two-digit words are one number ("forty two" -> ``42``); with a scale word the whole is a cardinal, written with
separators so that it stays recognisable as one ("four thousand five hundred" -> ``4,500``); anything else is a
sequence of digits, one atom each, which the caller may join ("nine eight seven").
"""

import re
from functools import cache
from typing import Final, NamedTuple

from deid_stream.text.languages import Lexicon, WordClass
from deid_stream.text.tokens import Tokens, seen

_UNIT, _TEEN, _TEN = int(WordClass.UNIT), int(WordClass.TEEN), int(WordClass.TEN)
_SCALE, _REPEAT, _ORDINAL = int(WordClass.SCALE), int(WordClass.REPEAT), int(WordClass.ORDINAL)
_LETTER, _AND, _HOMOPHONE = int(WordClass.LETTER), int(WordClass.AND), int(WordClass.HOMOPHONE)
_DIGITS, _HUNDRED = int(WordClass.DIGITS), int(WordClass.HUNDRED)
_THOUSAND: Final = 1_000
SQUASHED_LETTERS: Final = 6
"""Shortest word (letters) that may be digits without blanks ("twonine")."""


class Atom(NamedTuple):
    """Tokens ``[first, last)`` and what is written for them. ``single`` atoms join with their neighbours."""

    first: int
    last: int
    written: str
    single: bool
    ordinal: bool = False


def read_number(tokens: Tokens, lexicon: Lexicon, at: int) -> Atom | None:
    """The longest number that starts at token ``at``; None where none starts there."""
    cls = tokens.classes[at]
    if cls == _REPEAT:
        return _repeat(tokens, lexicon, at)
    if cls in (_UNIT, _TEEN, _TEN, _HUNDRED):
        return _cardinal(tokens, lexicon, at)
    if cls == _ORDINAL:
        return Atom(at, at + 1, _with_suffix(_int(lexicon, tokens, at)), False, True)
    if cls == _SCALE:
        return _bare_thousand(tokens, lexicon, at)
    return None


def _bare_thousand(tokens: Tokens, lexicon: Lexicon, at: int) -> Atom | None:
    """ "mil novecientos ochenta y dos": where hundreds are one word, a thousand stands without "one" before them."""
    hundred = at + 1
    if _int(lexicon, tokens, at) != _THOUSAND or not _follows(tokens, at, hundred):
        return None
    if tokens.classes[hundred] != _HUNDRED or not _one_language(tokens, lexicon, at, hundred):
        return None
    value, nxt, _ = _below_hundred(tokens, lexicon, hundred)
    return Atom(at, nxt, f"{_THOUSAND + value:,}", False)


def _int(lexicon: Lexicon, tokens: Tokens, at: int) -> int:
    value = lexicon.values[tokens.lows[at]]
    return value if isinstance(value, int) else 0


def _repeat(tokens: Tokens, lexicon: Lexicon, at: int) -> Atom | None:
    times = _int(lexicon, tokens, at)
    nxt = at + 1
    if nxt >= len(tokens) or not tokens.spaced(at, nxt):
        return None
    cls, low = tokens.classes[nxt], tokens.lows[nxt]
    if cls in (_UNIT, _HOMOPHONE):
        return Atom(at, nxt + 1, str(_int(lexicon, tokens, nxt)) * times, True)
    if cls == _DIGITS and len(low) == 1:
        return Atom(at, nxt + 1, low * times, True)
    if cls == _LETTER:
        if low == "u" and times == 2:
            return Atom(at, nxt + 1, "w", True)
        return Atom(at, nxt + 1, str(lexicon.values[low]) * times, True)
    return None


def _below_hundred(tokens: Tokens, lexicon: Lexicon, at: int) -> tuple[int, int, bool]:
    """``(value, next token, is ordinal)`` of a number below 100 that starts at ``at``; value -1 where none does."""
    if at >= len(tokens):
        return -1, at, False
    cls = tokens.classes[at]
    if cls in (_UNIT, _TEEN):
        return _int(lexicon, tokens, at), at + 1, False
    if cls == _ORDINAL:
        return _int(lexicon, tokens, at), at + 1, True
    if cls == _HUNDRED:
        value = _int(lexicon, tokens, at)
        part, nxt, _ = _below_hundred(tokens, lexicon, at + 1) if _follows(tokens, at, at + 1) else (-1, at + 1, False)
        return (value + part, nxt, False) if part > 0 else (value, at + 1, False)
    if cls == _TEN:
        value = _int(lexicon, tokens, at)
        nxt = at + 1
        if nxt + 1 < len(tokens) and tokens.lows[nxt] in lexicon.tens_and:
            nxt += 1
        unit_follows = nxt < len(tokens) and tokens.classes[nxt] in (_UNIT, _ORDINAL)
        if unit_follows and _follows(tokens, nxt - 1, nxt) and _one_language(tokens, lexicon, at, nxt):
            unit = _int(lexicon, tokens, nxt)
            if 0 < unit < 10:
                return value + unit, nxt + 1, tokens.classes[nxt] == _ORDINAL
        return value, at + 1, False
    return -1, at, False


@cache
def _squash_pattern(lexicon: Lexicon) -> re.Pattern[str]:
    units = [w for w, cls in lexicon.classes.items() if cls == _UNIT and len(w) > 2 and w not in lexicon.doubts]
    return re.compile("|".join(sorted(units, key=len, reverse=True)))


def read_squashed(tokens: Tokens, lexicon: Lexicon, at: int) -> Atom | None:
    """Two or more digits said without blanks, in one word ("fourfivethreenine", "twonine")."""
    digits = squashed(tokens.lows[at], lexicon)
    return Atom(at, at + 1, digits, False) if digits else None


def squashed(low: str, lexicon: Lexicon) -> str:
    """The digits of a lower-case word of two or more that are said without blanks; none in other words."""
    low = seen(low)
    if len(low) < SQUASHED_LETTERS or not low.isalpha():
        return ""
    pattern = _squash_pattern(lexicon)
    digits, done = "", 0
    while done < len(low):
        match = pattern.match(low, done)
        if match is None:
            return ""
        digits += str(lexicon.values[match.group()])
        done = match.end()
    return digits if len(digits) > 1 else ""


def _follows(tokens: Tokens, left: int, right: int) -> bool:
    if right >= len(tokens):
        return False
    gap = tokens.text[tokens.ends[left] : tokens.starts[right]]
    return not gap or gap.isspace()


def _next_part(tokens: Tokens, at: int) -> int:
    """Skips "and" or a hyphen inside a cardinal."""
    if at < len(tokens) and (tokens.classes[at] == _AND):
        return at + 1
    return at


def _cardinal(tokens: Tokens, lexicon: Lexicon, at: int) -> Atom:
    """``[n] (scale) [and] [n] ...``: scales must fall, each part must be smaller than the scale before it."""
    if tokens.classes[at] == _TEN and at + 2 < len(tokens) and tokens.lows[at + 1] == "-":
        merged = _hyphenated(tokens, lexicon, at)
        if merged is not None:
            return merged
    value, nxt, ordinal = _below_hundred(tokens, lexicon, at)
    scaled = False
    total, group, ceiling = 0, value, 10**18
    while not ordinal and nxt < len(tokens) and tokens.classes[nxt] == _SCALE and _follows(tokens, nxt - 1, nxt):
        scale = _int(lexicon, tokens, nxt)
        if scale >= ceiling or group <= 0:
            break
        scaled = True
        nxt += 1
        if scale == 100:
            group *= 100
            part, after, part_ordinal = _part_after(tokens, lexicon, nxt)
            if part > 0 and not _is_scale_of_own(tokens, lexicon, after, 100):
                group, nxt, ordinal = group + part, after, part_ordinal
            if nxt < len(tokens) and tokens.classes[nxt] == _SCALE and _int(lexicon, tokens, nxt) > 100:
                continue
            break
        total += group * scale
        ceiling = scale
        group = 0
        part, after, part_ordinal = _part_after(tokens, lexicon, nxt)
        if part <= 0:
            break
        if after < len(tokens) and tokens.classes[after] == _SCALE:
            if _int(lexicon, tokens, after) >= ceiling:
                break
            group, nxt, ordinal = part, after, part_ordinal
            continue
        group, nxt, ordinal = part, after, part_ordinal
        break
    total += group
    if ordinal:
        return Atom(at, nxt, _with_suffix(total), False, True)
    if scaled:
        return Atom(at, nxt, f"{total:,}", False)
    if tokens.classes[at] == _UNIT:
        return Atom(at, at + 1, str(value), True)
    return Atom(at, nxt, str(total), False)


def _part_after(tokens: Tokens, lexicon: Lexicon, at: int) -> tuple[int, int, bool]:
    start = _next_part(tokens, at)
    if start >= len(tokens) or not _follows(tokens, start - 1, start):
        return -1, at, False
    if not _one_language(tokens, lexicon, at - 1, start):
        return -1, at, False
    value, nxt, ordinal = _below_hundred(tokens, lexicon, start)
    return (value, nxt, ordinal) if value > 0 else (-1, at, False)


def _one_language(tokens: Tokens, lexicon: Lexicon, left: int, right: int) -> bool:
    """A word that is one of another language too goes on a number of its own language only ("hundred now")."""
    word = tokens.lows[right]
    return word not in lexicon.doubts or lexicon.homes.get(word) == lexicon.homes.get(tokens.lows[left])


def _is_scale_of_own(tokens: Tokens, lexicon: Lexicon, at: int, ceiling: int) -> bool:
    """The part just read is itself counted in hundreds ("five hundred two hundred")."""
    return at < len(tokens) and tokens.classes[at] == _SCALE and _int(lexicon, tokens, at) == ceiling


def _hyphenated(tokens: Tokens, lexicon: Lexicon, at: int) -> Atom | None:
    """``forty-two`` and ``twenty-third``, where the hyphen is its own token."""
    unit = at + 2
    joined = tokens.ends[at] == tokens.starts[at + 1] and tokens.ends[at + 1] == tokens.starts[unit]
    if not joined or tokens.classes[unit] not in (_UNIT, _ORDINAL):
        return None
    value = _int(lexicon, tokens, unit)
    if not 0 < value < 10:
        return None
    total = _int(lexicon, tokens, at) + value
    if tokens.classes[unit] == _ORDINAL:
        return Atom(at, unit + 1, _with_suffix(total), False, True)
    return Atom(at, unit + 1, str(total), False)


def _with_suffix(value: int) -> str:
    """``23`` -> ``23rd``."""
    if value % 100 in (11, 12, 13):
        return f"{value}th"
    return f"{value}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(value % 10, 'th') }"
