"""Spelled letters: "r a g h a v a n", "lima one three", "b for bombay", "p as in peter"."""

from typing import Final

from deid_stream.text.languages import Lexicon, WordClass
from deid_stream.text.numbers import Atom
from deid_stream.text.tokens import Tokens

_LETTER, _CODEWORD = int(WordClass.LETTER), int(WordClass.CODEWORD)

WORDS_THAT_ARE_LETTERS: Final = frozenset("ai")
"""Letters that are English words: at the edge of a row of digits they stay words."""


def read_letter(tokens: Tokens, lexicon: Lexicon, at: int) -> Atom | None:
    """One letter, with the word that explains it where there is one; None where no letter starts."""
    cls = tokens.classes[at]
    if cls == _CODEWORD:
        return Atom(at, at + 1, str(lexicon.values[tokens.lows[at]]), True)
    if cls != _LETTER:
        return None
    if tokens.lows[at] == "e" and at + 1 < len(tokens) and tokens.lows[at + 1].startswith("mail"):
        return None
    letter = str(lexicon.values[tokens.lows[at]])
    return Atom(at, _after_explanation(tokens, lexicon, at, letter), letter, True)


def _after_explanation(tokens: Tokens, lexicon: Lexicon, at: int, letter: str) -> int:
    """The token after "for bombay", when the word starts with the letter; else the one after the letter."""
    lows = tokens.lows
    for length in (2, 1):
        word = at + 1 + length
        if word < len(lows) and tuple(lows[at + 1 : word]) in lexicon.explains:
            explains = len(lows[word]) > 1 and lows[word].startswith(letter)
            if explains and all(tokens.spaced(i, i + 1) for i in range(at, word)):
                return word + 1
    return at + 1
