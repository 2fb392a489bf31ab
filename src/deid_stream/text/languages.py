"""Spoken numbers, letters and signs of a language, as data (``tables/*.toml``), and the lexicon compiled from them."""

import re
import tomllib
from collections.abc import Iterable
from enum import IntEnum
from functools import cache
from importlib import resources
from typing import Final

import msgspec

from deid_stream.errors import ConfigError

DEFAULT_LANGUAGES: Final = ("en", "hi_latn", "hi_deva")
"""Tables read in full where the language of a turn is not known; of all others the numbers alone."""


class WordClass(IntEnum):
    """What a word may be to the number and spelling automata."""

    UNIT = 1
    TEEN = 2
    """Any number below a hundred that takes no unit after it; in Hindi all from ten to ninety-nine."""
    TEN = 3
    SCALE = 4
    REPEAT = 5
    ORDINAL = 6
    LETTER = 7
    CODEWORD = 8
    SYMBOL = 9
    AND = 10
    POINT = 11
    AT = 12
    HOMOPHONE = 13
    """A word as which a digit may be misheard."""
    DIGITS = 14
    """Written digits; never in a table."""
    HUNDRED = 15
    """A hundred as one word ("seiscientos")."""


class Doubt(IntEnum):
    """What an ambiguous word needs beside it to count as a number."""

    AMBIGUOUS = 1
    """A word of another language too: needs a turn of its language, or its fellows beside it."""
    ROUGH = 2
    """Needs its fellows beside it."""


class LanguageTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One language. Keys are lower-case words; values are numbers, letters or symbols."""

    code: str
    units: dict[str, int]
    language: str = ""
    """Primary language subtag (ISO 639-1); two tables of one language differ in script."""
    numbers_only: bool = False
    """Only the numbers of this language are known: a turn in it is withheld."""
    ambiguous: list[str] = []
    rough: list[str] = []
    leads: list[str] = []
    common: list[str] = []
    homophones: dict[str, int] = {}
    teens: dict[str, int] = {}
    tens: dict[str, int] = {}
    hundreds: dict[str, int] = {}
    scales: dict[str, int] = {}
    repeats: dict[str, int] = {}
    ordinals: dict[str, int] = {}
    letter_names: dict[str, str] = {}
    codewords: dict[str, str] = {}
    explains: dict[str, list[str]] = {}
    symbols: dict[str, str] = {}
    joins: dict[str, list[str]] = {}


SEVERAL: Final = re.compile(r"([a-z])\1+")
SHORTEST_DRAWN: Final = 3
"""Shortest number word (letters) that is recognised when it is drawn out ("fourrr")."""


def undrawn(word: str) -> str:
    """``word`` with a letter once where it stands several times in a row: "five" for "fiiive", "thre" for "three"."""
    return SEVERAL.sub(r"\1", word)


class Lexicon:
    """Word to ``(class, value)`` over several languages; the first table that knows a word wins.

    ``value`` is an int for numbers, a string for letters and symbols. ``language`` is that of the turn: its ambiguous
    words count wherever they stand. Of ``numbers_of`` only the numbers are read.
    """

    __slots__ = (
        "at_tails", "classes", "common", "doubts", "drawn", "explains", "homes", "language", "leads",
        "numbers_only", "tens_and", "values",
    )  # fmt: skip

    def __init__(
        self, tables: Iterable[LanguageTable], numbers_of: Iterable[LanguageTable] = (), language: str = ""
    ) -> None:
        self.classes: dict[str, int] = {}
        self.values: dict[str, int | str] = {}
        self.homes: dict[str, str] = {}
        """Language of a number word."""
        self.doubts: dict[str, Doubt] = {}
        self.explains: frozenset[tuple[str, ...]] = frozenset()
        self.at_tails: tuple[tuple[str, ...], ...] = ()
        self.leads: frozenset[str] = frozenset()
        self.numbers_only: frozenset[str] = frozenset()
        """Languages of which only numbers are known."""
        self.common: frozenset[str] = frozenset()
        self.tens_and: frozenset[str] = frozenset()
        """Words between tens and units ("treinta y cinco")."""
        self.language = language
        self.drawn: dict[str, str] = {}
        """Number words by what ``undrawn`` leaves of them."""
        for letter in "abcdefghijklmnopqrstuvwxyz":
            self._add({letter: letter}, WordClass.LETTER)
        for table in tables:
            self._add_numbers(table)
            self._add_others(table)
        for table in numbers_of:
            self._add_numbers(table)
        numbers = (WordClass.UNIT, WordClass.TEEN, WordClass.TEN)
        for word, word_class in self.classes.items():
            if word_class in numbers and len(word) >= SHORTEST_DRAWN and word not in self.doubts:
                self.drawn.setdefault(undrawn(word), word)

    def _add(self, words: dict[str, int] | dict[str, str], word_class: WordClass, home: str = "") -> None:
        for word, value in words.items():
            if word not in self.classes:
                self.classes[word] = int(word_class)
                self.values[word] = value
                if home:
                    self.homes[word] = home

    def _add_numbers(self, table: LanguageTable) -> None:
        known = set(self.classes)
        home = table.language
        if table.numbers_only:
            self.numbers_only |= {home}
        self._add(table.units, WordClass.UNIT, home)
        self._add(table.teens, WordClass.TEEN, home)
        self._add(table.tens, WordClass.TEN, home)
        self._add(table.hundreds, WordClass.HUNDRED, home)
        self._add(table.scales, WordClass.SCALE, home)
        self._add(table.repeats, WordClass.REPEAT, home)
        self.tens_and |= frozenset(table.joins.get("tens_and", ()))
        for words, doubt in ((table.ambiguous, Doubt.AMBIGUOUS), (table.rough, Doubt.ROUGH)):
            if doubt is Doubt.ROUGH or home != self.language:
                self.doubts.update(dict.fromkeys(set(words) - known, doubt))

    def _add_others(self, table: LanguageTable) -> None:
        self._add(table.ordinals, WordClass.ORDINAL)
        self._add(table.letter_names, WordClass.LETTER)
        self._add(table.codewords, WordClass.CODEWORD)
        self._add(table.symbols, WordClass.SYMBOL)
        for name, word_class in (("and", WordClass.AND), ("point", WordClass.POINT), ("at", WordClass.AT)):
            self._add(dict.fromkeys(table.joins.get(name, ()), 0), word_class)
        self._add(table.homophones, WordClass.HOMOPHONE)
        self.explains |= {tuple(phrase.split()) for phrase in table.explains.get("words", ())}
        self.leads |= frozenset(table.leads)
        self.common |= frozenset(table.common)
        tails = [tuple(phrase.split()) for phrase in table.joins.get("at_tail", ())]
        self.at_tails = tuple(sorted([*self.at_tails, *tails], key=len, reverse=True))


def parse_table(raw: bytes) -> LanguageTable:
    """A table from TOML; ``ConfigError`` names what is wrong."""
    try:
        return msgspec.convert(tomllib.loads(raw.decode()), LanguageTable)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise ConfigError(f"language table: {error}") from error


@cache
def lexicon(languages: tuple[str, ...] = DEFAULT_LANGUAGES, language: str = "") -> Lexicon:
    """The lexicon of the packaged tables named, in order of precedence, and of the numbers of all others.

    ``language``: that of the turn, where it is known.
    """
    for code in languages:
        if code not in available():
            raise ConfigError(f"no language table {code!r}; there are {', '.join(available())}")
    others = [code for code in available() if code not in languages]
    return Lexicon(map(_table, languages), map(_table, others), language)


@cache
def lexicon_of(language: str) -> Lexicon:
    """The lexicon for a turn of ``language`` (primary subtag): its own tables first, then the default ones."""
    own = tuple(code for code in available() if _table(code).language == language)
    if language == "en" or not own:
        return lexicon()
    return lexicon((*own, *(code for code in DEFAULT_LANGUAGES if code not in own)), language)


@cache
def _table(code: str) -> LanguageTable:
    return parse_table((resources.files("deid_stream.text") / "tables" / f"{code}.toml").read_bytes())


@cache
def available() -> tuple[str, ...]:
    """Codes of the packaged tables."""
    folder = resources.files("deid_stream.text") / "tables"
    return tuple(sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml")))
