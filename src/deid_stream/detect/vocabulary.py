"""What the detector knows of words, read once from ``locales/``: lists (``NAME.txt``) and rules (``rules.toml``).

A locale is a folder named after a language and its script ("hi_latn"). Adding one adds a language: the patterns of
all locales are read together, because callers switch languages inside a sentence.
"""

import tomllib
from functools import cache
from importlib import resources
from typing import Final

import msgspec

from deid_stream.errors import ConfigError


class Questions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Phrases of a turn that asks: what makes it a request, what opens the question before again, what is none.

    ``yes_no``: what follows is asked about, not asked for ("did you forget your password").
    """

    request: list[str] = []
    again: list[str] = []
    no_request: list[str] = []
    yes_no: list[str] = []
    plain: list[str] = []
    elsewhere: list[str] = []


class NameCues(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands before a name (``strong``, ``i_am``) and after it (``speaking``, ``respect``)."""

    strong: list[str] = []
    speaking: list[str] = []
    i_am: list[str] = []
    respect: list[str] = []


class PlainWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Units after which a number is a quantity, an amount or a time; names of the months; what stands between the
    parts of a date ("the 3rd of May", "3 de mayo de 1982")."""

    units: list[str] = []
    months: list[str] = []
    date_links: list[str] = []


class SecretWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What names a secret word (``named``) and leads to it (``links``), what says something of it instead
    (``about``), and what follows it."""

    named: list[str] = []
    links: list[str] = []
    about: list[str] = []
    followed_by: list[str] = []


class Locale(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``rules.toml`` of one locale; every text is a regular expression over lower-case written text."""

    language: str
    cues: dict[str, list[str]] = {}
    questions: Questions = Questions()
    names: NameCues = NameCues()
    plain: PlainWords = PlainWords()
    secrets: SecretWords = SecretWords()


@cache
def words(name: str) -> frozenset[str]:
    """The lower-case words of ``locales/NAME.txt`` (``"en/common"``); lines that begin with ``#`` are remarks."""
    text = (resources.files("deid_stream.detect") / "locales" / f"{name}.txt").read_text("utf-8")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))


@cache
def _sets() -> dict[str, dict[str, str]]:
    raw = (resources.files("deid_stream.detect") / "locales" / "en" / "sets.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(raw), dict[str, dict[str, str]])


def word_set(name: str) -> frozenset[str]:
    """A set of ``locales/en/sets.toml``: ``"module.set"``."""
    module, key = name.split(".")
    return frozenset(_sets()[module][key].split())


@cache
def locales() -> tuple[Locale, ...]:
    """The packaged locales, English first, then by name."""
    folder = resources.files("deid_stream.detect") / "locales"
    names = sorted((e.name for e in folder.iterdir() if (e / "rules.toml").is_file()), key=lambda n: (n != "en", n))
    found = []
    for name in names:
        try:
            found.append(msgspec.convert(tomllib.loads((folder / name / "rules.toml").read_text("utf-8")), Locale))
        except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
            raise ConfigError(f"locale {name}: {error}") from error
    return tuple(found)


def expressions(section: str, field: str) -> list[str]:
    """The regular expressions of one kind (``"names"``, ``"strong"``) in all locales."""
    return [expression for locale in locales() for expression in getattr(getattr(locale, section), field)]


LANGUAGES: Final = frozenset(locale.language for locale in locales())
"""Languages that there are rules and number tables for."""
FUNCTION_HI: Final = words("hi_latn/function") | words("hi_deva/function")
VERBS_HI: Final = words("hi_latn/verbs")
"""Forms of Hindi verbs, never names, so that no certainty of the model makes one of them."""
COMMON_EN: Final = words("en/common") | words("en/service")
COMMON: Final = COMMON_EN | FUNCTION_HI
_EVERYDAY: Final = {
    "hi": COMMON | words("hi_latn/common") | VERBS_HI | words("hi_deva/common"),
    "es": COMMON | words("es/common"),
}


def everyday(language: str) -> frozenset[str]:
    """Everyday words of a turn in ``language``, English ones always among them."""
    return _EVERYDAY.get(language, COMMON)


CLOSED: Final = words("en/closed")
"""Words that are never part of a name, an address or a secret."""
ORDINARY: Final = CLOSED | words("en/ordinary")
"""The same, and frequent words that are hardly ever one; beside a name or an address they may still be more of it."""
DICTIONARY: Final = words("en/dictionary")
"""Rarer words: no reason to take a name for granted, but no proof against one either."""
RARE: Final = words("en/scowl")
"""Words of large dictionaries, some of them surnames too: after a given name they may be one."""
GIVEN_NAMES: Final = words("en/names")
NAMES_INDIA: Final = words("en/names_india")
"""More names, which only back a guess."""
NAMES_AMBIGUOUS: Final = words("en/names_ambiguous")
SURNAMES_ALSO_WORDS: Final = words("en/surnames_also_words")
NAMES_ALSO_WORDS: Final = words("en/names_also_words")
WORD_NAMES: Final = words("en/names_words") | NAMES_ALSO_WORDS
"""Names that are everyday words, too."""
FOREIGN_WORDS: Final = (
    (words("hi_latn/common") | VERBS_HI | words("es/common") | words("en/foreign"))
    - GIVEN_NAMES
    - SURNAMES_ALSO_WORDS
    - word_set("vocabulary.foreign_names")
)
"""Everyday words of other languages that are no names, for turns that are read as English."""
MONTHS: Final = frozenset(expressions("plain", "months"))
WEEKDAYS: Final = word_set("vocabulary.weekdays")
FIELDS: Final = word_set("vocabulary.fields")
"""Names of fields, as people write them before a value; never the value."""
