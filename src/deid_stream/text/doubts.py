"""Decides which ambiguous words are numbers: everyday words of another language, and words as which digits are
misheard.

"do" is two in a Hindi turn and beside other Hindi numbers, "for" is four where digits are dictated. A word that is no
number is dropped from the row of atoms and stays a word.
"""

from collections.abc import Iterator
from typing import Final

from deid_stream.text.languages import Doubt, Lexicon, WordClass
from deid_stream.text.numbers import Atom
from deid_stream.text.tokens import Tokens

_HOMOPHONE: Final = int(WordClass.HOMOPHONE)
_WRITTEN: Final = int(WordClass.DIGITS)
_SPELLED: Final = frozenset(map(int, (WordClass.LETTER, WordClass.CODEWORD, WordClass.SYMBOL)))
_BETWEEN: Final = frozenset({",", "-", "."})
_LINKS: Final = frozenset(
    "is it's its was are be the : , hai hain a yes yeah um uh so okay sure that's number code".split()
)
"""Words between a lead ("my pin is ...") and its digits."""
_ROW: Final = 3
_LONG_ROW: Final = 5
_HEARD_ROW: Final = 4


def settle_doubts(tokens: Tokens, words: Lexicon, atoms: list[Atom], *, expecting: bool) -> list[Atom]:
    """The atoms that count as numbers. ``expecting``: the other party has just asked for digits."""
    doubtful = [_doubt(tokens, words, atom) for atom in atoms]
    if not any(doubtful):
        return atoms
    kept: list[Atom] = []
    for first, end in _rows(tokens, atoms):
        row, doubts = atoms[first:end], doubtful[first:end]
        if not any(doubts):
            kept.extend(row)
            continue
        heard = _heard(tokens, words, row, expecting=expecting)
        loose = _loose_ends(tokens, words, row) if heard else ()
        numbers = sum(not _is_spelled(tokens, atom) for atom in row)
        kept.extend(
            atom
            for atom, doubt in zip(row, doubts, strict=True)
            if not doubt
            or (heard and doubt == _HOMOPHONE and atom not in loose)
            or (doubt != _HOMOPHONE and _among_fellows(tokens, words, row, atom, doubt, numbers))
        )
    return kept


def _doubt(tokens: Tokens, words: Lexicon, atom: Atom) -> int:
    """0: surely a number or letter; a ``Doubt``; or the class of homophones."""
    if atom.last - atom.first > 2:
        return 0
    last = tokens.lows[atom.last - 1]
    if tokens.classes[atom.last - 1] == _HOMOPHONE:
        return _HOMOPHONE
    if atom.last - atom.first > 1:
        return 0
    return int(words.doubts.get(last, 0))


def _rows(tokens: Tokens, atoms: list[Atom]) -> Iterator[tuple[int, int]]:
    """Index ranges of atoms with nothing but white space, commas or hyphens between them."""
    first = 0
    for at in range(1, len(atoms) + 1):
        if at == len(atoms) or not _beside(tokens, atoms[at - 1], atoms[at]):
            yield first, at
            first = at


def _beside(tokens: Tokens, left: Atom, right: Atom) -> bool:
    return all(low in _BETWEEN for low in tokens.lows[left.last : right.first])


def _is_spelled(tokens: Tokens, atom: Atom) -> bool:
    return tokens.classes[atom.first] in _SPELLED


def _among_fellows(tokens: Tokens, words: Lexicon, row: list[Atom], atom: Atom, doubt: int, numbers: int) -> bool:
    """Enough numbers of the word's own language in the row, or a long row of numbers of any."""
    home = words.homes.get(tokens.lows[atom.first])
    fellows = sure = 0
    for other in row:
        low = tokens.lows[other.first]
        if words.homes.get(low) == home:
            fellows += 1
            sure += low not in words.doubts
    if doubt == Doubt.ROUGH:
        return sure >= 2
    return fellows >= _ROW or (fellows >= 2 and sure >= 1) or numbers >= _LONG_ROW


def _heard(tokens: Tokens, words: Lexicon, row: list[Atom], *, expecting: bool) -> bool:
    """The homophones of the row are digits: they were asked for or led to, or rare ones stand among digits."""
    rare = common = real = total = 0
    for atom in row:
        if _is_spelled(tokens, atom):
            continue
        low = tokens.lows[atom.last - 1]
        total += len(atom.written)
        if tokens.classes[atom.last - 1] != _HOMOPHONE:
            real += 1
        elif low in words.common and atom.last - atom.first == 1:
            common += 1
        else:
            rare += 1
    written = any(tokens.classes[a.first] == _WRITTEN and len(a.written) > 1 for a in row)
    if written and not rare:
        return False
    if expecting or _led(tokens, words, row[0].first):
        return real + rare + common >= 2 and (real > 0 or rare > 0 or common > 2)
    return total >= _HEARD_ROW and rare > 0 and real + rare >= 2 and real > 0


def _loose_ends(tokens: Tokens, words: Lexicon, row: list[Atom]) -> tuple[Atom, ...]:
    """ "to" and "for" at the ends of a row that belong to the words beside it ("correct it to six", "8376 to the")."""
    loose: list[Atom] = []
    before = tokens.lows[row[0].first - 1] if row[0].first else ""
    after = tokens.lows[row[-1].last] if row[-1].last < len(tokens) else ""
    if before and before[0].isalnum() and before not in _LINKS and before not in words.leads:
        loose.extend(_leading(tokens, words, row))
    if after and after[0].isalnum():
        loose.extend(_leading(tokens, words, row[::-1]))
    return tuple(loose)


def _leading(tokens: Tokens, words: Lexicon, row: list[Atom]) -> list[Atom]:
    found: list[Atom] = []
    for atom in row:
        if atom.last - atom.first > 1 or tokens.lows[atom.first] not in words.common:
            break
        found.append(atom)
    return found


def _led(tokens: Tokens, words: Lexicon, at: int) -> bool:
    """A word like "pin" or "number" stands right before, at most "is the" between."""
    for back in range(at - 1, max(-1, at - 4), -1):
        low = tokens.lows[back]
        if low in words.leads:
            return True
        if low not in _LINKS:
            return False
    return False
