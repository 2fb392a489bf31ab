"""Spoken numbers, letters and symbols of a language, as data (``tables/*.toml``), and the"
" lexicon compiled from them."""

import tomllib
from collections.abc import Iterable
from enum import IntEnum
from functools import cache
from importlib import resources
from typing import Final

import msgspec

from deid_stream.errors import ConfigError

DEFAULT_LANGUAGES: Final = ("en", "hi_latn")


class WordClass(IntEnum):
    """What a word may be to the number and spelling automata."""

    UNIT = 1
    TEEN = 2
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
    WEAK_UNIT = 13
    """A digit of a table whose ``min_run`` is above one."""
    DIGITS = 14
    """Written digits; never in a table."""


class LanguageTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One language. Keys are lower-case words; values are numbers, letters or symbols."""

    code: str
    units: dict[str, int]
    min_run: int = 1
    teens: dict[str, int] = {}
    tens: dict[str, int] = {}
    scales: dict[str, int] = {}
    repeats: dict[str, int] = {}
    ordinals: dict[str, int] = {}
    letter_names: dict[str, str] = {}
    codewords: dict[str, str] = {}
    explains: dict[str, list[str]] = {}
    symbols: dict[str, str] = {}
    joins: dict[str, list[str]] = {}


class Lexicon:
    """Word to ``(class, value)`` over several languages; the first table that knows a word wins.

    ``value`` is an int for numbers, a string for letters and symbols.
    """

    __slots__ = ("at_tails", "classes", "explains", "values", "weak_run")

    def __init__(self, tables: Iterable[LanguageTable]) -> None:
        self.classes: dict[str, int] = {}
        self.values: dict[str, int | str] = {}
        self.explains: frozenset[tuple[str, ...]] = frozenset()
        self.at_tails: tuple[tuple[str, ...], ...] = ()
        self.weak_run = 1
        for letter in "abcdefghijklmnopqrstuvwxyz":
            self._add({letter: letter}, WordClass.LETTER)
        for table in tables:
            self._add_table(table)

    def _add(self, words: dict[str, int] | dict[str, str], word_class: WordClass) -> None:
        for word, value in words.items():
            if word not in self.classes:
                self.classes[word] = int(word_class)
                self.values[word] = value

    def _add_table(self, table: LanguageTable) -> None:
        weak = table.min_run > 1
        if weak:
            self.weak_run = max(self.weak_run, table.min_run)
        self._add(table.units, WordClass.WEAK_UNIT if weak else WordClass.UNIT)
        self._add(table.teens, WordClass.TEEN)
        self._add(table.tens, WordClass.TEN)
        self._add(table.scales, WordClass.SCALE)
        self._add(table.repeats, WordClass.REPEAT)
        self._add(table.ordinals, WordClass.ORDINAL)
        self._add(table.letter_names, WordClass.LETTER)
        self._add(table.codewords, WordClass.CODEWORD)
        self._add(table.symbols, WordClass.SYMBOL)
        for name, word_class in (("and", WordClass.AND), ("point", WordClass.POINT), ("at", WordClass.AT)):
            self._add(dict.fromkeys(table.joins.get(name, ()), 0), word_class)
        self.explains |= {tuple(phrase.split()) for phrase in table.explains.get("words", ())}
        tails = [tuple(phrase.split()) for phrase in table.joins.get("at_tail", ())]
        self.at_tails = tuple(sorted([*self.at_tails, *tails], key=len, reverse=True))


def parse_table(raw: bytes) -> LanguageTable:
    """A table from TOML; ``ConfigError`` names what is wrong."""
    try:
        return msgspec.convert(tomllib.loads(raw.decode()), LanguageTable)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise ConfigError(f"language table: {error}") from error


@cache
def lexicon(languages: tuple[str, ...] = DEFAULT_LANGUAGES) -> Lexicon:
    """The lexicon of the packaged tables named; the order is the precedence."""
    folder = resources.files("deid_stream.text") / "tables"
    tables = []
    for code in languages:
        path = folder / f"{code}.toml"
        if not path.is_file():
            raise ConfigError(f"no language table {code!r}; there are {', '.join(available())}")
        tables.append(parse_table(path.read_bytes()))
    return Lexicon(tables)


def available() -> list[str]:
    """Codes of the packaged tables."""
    folder = resources.files("deid_stream.text") / "tables"
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))
