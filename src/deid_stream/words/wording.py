"""Decides whether two stretches say the same, where one is what a recogniser heard and the other is how it would be
written.

"$40" and "forty dollars", "10:15" and "ten fifteen", "Dr." and "doctor", "can't" and "can not". Both are brought to one
form: numbers as digits in their order, the other words without those that carry nothing. Where the forms differ, the
stretches say different things as far as anybody can tell.
"""

import re
from collections.abc import Callable
from typing import Final

from deid_stream.text.normalise import normalise
from deid_stream.words.letters import tokens

_SIGNS: Final = str.maketrans({"’": "'", "×": " x "})
_APOSTROPHES: Final = (
    (re.compile(r"\bcan'?t\b|\bcannot\b"), "can not"),
    (re.compile(r"\bwon't\b"), "will not"),
    (re.compile(r"\bshan't\b"), "shall not"),
    (re.compile(r"n't\b"), " not"),
    (re.compile(r"'m\b"), " am"),
    (re.compile(r"'re\b"), " are"),
    (re.compile(r"'ve\b"), " have"),
    (re.compile(r"'ll\b"), " will"),
    (re.compile(r"'d\b"), " would"),
    (re.compile(r"'s\b"), " is"),
    (re.compile(r"\blet is\b"), "let us"),
    (re.compile(r"\bo'clock\b"), " "),
)
_TIMES: Final[tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...]] = (
    (re.compile(r"\bhalf past (\d{1,2})\b"), r"\1 30"),
    (re.compile(r"\b(?:a )?quarter past (\d{1,2})\b"), r"\1 15"),
    (re.compile(r"\b(?:a )?quarter to (\d{1,2})\b"), lambda match: f"{(int(match[1]) - 2) % 12 + 1} 45"),
    (re.compile(r"\b(\d{1,2}):00\b"), r"\1"),
    (re.compile(r"\b(?:a|one) (hundred|thousand|million|lakh|crore)\b"), r"1 \1"),
    (re.compile(r"(?<=\d)(?:st|nd|rd|th)\b"), ""),
    (re.compile(r"(?<=\d),(?=\d{2,3}\b)"), ""),
    (re.compile(r"(?<=\d)(?=[^\W\d_])|(?<=[^\W\d_])(?=\d)"), " "),
)
_SCALES: Final = {
    "hundred": 2,
    "thousand": 3,
    "lakh": 5,
    "lakhs": 5,
    "million": 6,
    "crore": 7,
    "crores": 7,
    "billion": 9,
}
_SCALED: Final = re.compile(rf"\b(\d+)(?:\.(\d+))? ({'|'.join(_SCALES)})\b")
_SILENT: Final = frozenset(
    "a an the and of at on to no number hash plus minus dash hyphen slash dot point comma underscore colon percent"
    " dollar dollars usd cent cents pound pounds gbp penny pence quid euro euros eur rupee rupees rs inr paise paisa"
    " degree degrees am pm m p o oh um uh uhm er erm hm hmm mm mhm mmm ah eh uhhuh www period full stop"
    " double triple".split()
)
"""Words without meaning for a value: stretches that differ in these alone say the same."""
_SAME: Final = {
    "doctor": "dr", "drive": "dr", "mister": "mr", "missus": "mrs", "missis": "mrs", "miss": "ms", "misses": "mrs",
    "saint": "st", "street": "st", "avenue": "ave", "road": "rd", "lane": "ln", "apartment": "apt", "boulevard": "blvd",
    "professor": "prof", "junior": "jr", "senior": "sr", "versus": "vs", "okay": "ok", "alright": "allright",
    "kilogram": "kg", "kilograms": "kg", "kilos": "kg", "kilometre": "km", "kilometres": "km", "kilometer": "km",
    "kilometers": "km", "metres": "m", "meters": "m", "feet": "ft", "foot": "ft", "inches": "in", "minutes": "min",
    "mins": "min", "minute": "min", "hours": "hr", "hrs": "hr", "hour": "hr", "seconds": "sec", "secs": "sec",
    "department": "dept", "extension": "ext", "company": "co", "limited": "ltd", "incorporated": "inc", "us": "us",
    "gonna": "goingto", "wanna": "wantto", "gotta": "gotto", "yeah": "yes", "yep": "yes", "colour": "color",
    "centre": "center", "favourite": "favorite", "cheque": "check", "programme": "program", "grey": "gray",
}  # fmt: skip
_DEVANAGARI: Final = {
    word: str(number)
    for number, words in enumerate(
        ("शून्य ज़ीरो", "एक", "दो", "तीन", "चार", "पांच पाँच", "छह छः छे", "सात", "आठ", "नौ", "दस")
    )
    for word in words.split()
}
_DEVANAGARI_NUMBER: Final = re.compile(rf"(?<!\S)(?:{'|'.join(_DEVANAGARI)})(?=[\s,.;।]|$)")
_MONTHS: Final = {
    name: str(number)
    for number, names in enumerate(
        ("january jan", "february feb", "march mar", "april apr", "may", "june jun", "july jul", "august aug",
         "september sep sept", "october oct", "november nov", "december dec"), 1
    )
    for name in names.split()
}  # fmt: skip
_NUMERIC_DATE: Final = re.compile(r"\b\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4}\b")


def says_the_same(text: str, heard: str) -> bool:
    """Whether ``heard`` (recogniser words, joined) says what ``text`` writes, nothing more and nothing else."""
    written, spoken = _plain(text), _plain(heard)
    if _form(written) == _form(spoken):
        return True
    if _NUMERIC_DATE.search(written) or _NUMERIC_DATE.search(spoken):
        return _date_form(written) == _date_form(spoken)
    return False


def has_number(heard: str) -> bool:
    """Whether a number is said, or a letter by itself."""
    return any(c.isdecimal() for c in normalise(heard).text) or any(
        len(token.letters) == 1 for token in tokens(heard) if token.letters not in ("i", "a")
    )


def _plain(text: str) -> str:
    plain = text.translate(_SIGNS).casefold()
    for pattern, replacement in _APOSTROPHES:
        plain = pattern.sub(replacement, plain)
    if not plain.isascii():
        plain = _DEVANAGARI_NUMBER.sub(lambda match: _DEVANAGARI[match[0]], plain)
    plain = normalise(plain).text
    for pattern, rewritten in _TIMES:
        plain = pattern.sub(rewritten, plain)
    return _SCALED.sub(_unscaled, plain)


def _unscaled(match: re.Match[str]) -> str:
    whole, part, scale = match[1], match[2] or "", _SCALES[match[3]]
    return whole + part + "0" * max(0, scale - len(part))


def _form(plain: str) -> tuple[str, str]:
    """The digits in their order, and the words that carry something, run together; a word said twice counts once."""
    digits: list[str] = []
    words: list[str] = []
    for token in tokens(plain):
        if token.letters.isdecimal():
            digits.append("".join(str(int(c)) for c in token.letters))
        elif token.letters not in _SILENT:
            word = _SAME.get(token.letters, token.letters)
            if not words or words[-1] != word:
                words.append(word)
    return "".join(digits), "".join(words)


def _date_form(plain: str) -> list[str]:
    parts: list[str] = []
    pending = ""
    for token in tokens(plain):
        word = _MONTHS.get(token.letters, token.letters)
        if word.isdecimal():
            joins = pending in ("19", "20") and len(word) == 2
            pending = word
            if joins:
                parts[-1] += word
            else:
                parts.append(word.lstrip("0"))
        elif word not in _SILENT:
            parts.append(word)
    return sorted(parts)
