"""Street addresses: a number, a few words and a street word, with what follows (flat, town, state, code)."""

import re
from typing import Final

from deid_stream.detect.recognizer import View
from deid_stream.model.entities import EntityType
from deid_stream.model.spans import Detection
from deid_stream.units import CharIndex

_STREET: Final = re.compile(
    r"(?<![^\W_])(?:street|st|road|rd|avenue|ave|av|boulevard|blvd|drive|dr|lane|ln|court|ct|place|pl|way|terrace|ter"
    r"|circle|cir|square|sq|parkway|pkwy|highway|hwy|expressway|expy|freeway|fwy|trail|trl|crescent|cres|close|gardens"
    r"|grove|mews|row|hill|alley|plaza|loop|pike|turnpike|broadway|embankment|walk|path|nagar|marg|colony|layout"
    r"|enclave|vihar|puram|sector|salai|gali|chowk|bazaar|bazar|extension|strasse|straße|gate|quay|wharf|esplanade"
    r"|causeway|promenade|real|camino|route|rt|county road|bypass|center|centre|mall|run|ridge|view|point|park)"
    r"(?![^\W_])",
    re.IGNORECASE,
)
_WORD: Final = re.compile(r"[^\W_]+(?:['’.-][^\W_]+)*")
_STOPS: Final = frozenset(
    ["is", "at", "on", "in", "for", "to", "of", "and", "or", "the", "a", "an", "my", "your", "our", "their", "this", "that", "it", "its", "are", "was", "be", "with", "from", "i", "you", "we", "they", "he", "she", "people", "person", "persons", "guests", "table", "tables", "rooms", "bedrooms", "bedroom", "bath", "baths", "tickets", "am", "pm", "o'clock", "dollars", "days", "minutes", "hours", "miles", "nights", "stars", "want", "need", "have", "has", "had", "like", "going", "go", "get", "about", "around", "please", "thanks"]
)
_UNIT: Final = (
    r"(?:apt|apartment|suite|ste|unit|flat|floor|fl|room|rm|building|bldg|block|tower|wing|door|number|no|#)\.?"
)
_TAIL: Final = re.compile(
    rf"(?:,? (?:north|south|east|west|n|s|e|w|ne|nw|se|sw|northeast|northwest|southeast|southwest)\b\.?)?"
    rf"(?:[,\s]+{_UNIT} ?#? ?(?:\d[\w-]*|[a-z](?![a-z]))(?: ?\d+)*)*"
    r"(?:[,\s]+(?:[a-z][\w'.-]* ?){1,4},? \d{5,6}(?:-\d{4})?(?!\d))?"
    r"(?:[,\s]+\d{5}(?:-\d{4})?(?!\d))?",
    re.IGNORECASE,
)
_UNIT_ONLY: Final = re.compile(
    r"(?<![^\W_])(?:(?:p\.? ?o\.? ?box|po box|post box)(?: number)? \d[\d ]*|(?:apt|apartment|suite|ste|flat|house|plot|door)\.?"
    r"(?: (?:number|no))?\.? ?#? ?\d[\w/-]*(?: \d+)*)",
    re.IGNORECASE,
)
_MAX_WORDS: Final = 5
_MAX_NUMBERS: Final = 7


class StreetRecognizer:
    """Works leftwards from each street word to the house number."""

    name = "address"

    def find(self, view: View) -> list[Detection]:
        text = view.text
        if not view.has_digit:
            return []
        found = []
        words: list[re.Match[str]] | None = None
        for match in _STREET.finditer(text):
            if words is None:
                words = list(_WORD.finditer(text))
            start = _house_number(words, match.start())
            if start is None:
                continue
            tail = _TAIL.match(text, match.end())
            end = tail.end() if tail else match.end()
            found.append(view.detection(start, end, EntityType.ADDRESS, 0.85, self.name))
        found.extend(
            view.detection(m.start(), m.end(), EntityType.ADDRESS, 0.8, self.name) for m in _UNIT_ONLY.finditer(text)
        )
        return found


def _house_number(words: list[re.Match[str]], street: CharIndex) -> CharIndex | None:
    """Where the address that ends in the street word at ``street`` begins; None without a house number."""
    low, high = 0, len(words)
    while low < high:
        middle = (low + high) // 2
        if words[middle].start() < street:
            low = middle + 1
        else:
            high = middle
    at = low - 1
    steps = 0
    while at >= 0 and steps <= _MAX_WORDS:
        word = words[at].group()
        if word[0].isdecimal():
            return _first_number(words, at)
        if word.lower() in _STOPS:
            return None
        at -= 1
        steps += 1
    return None


def _first_number(words: list[re.Match[str]], at: int) -> CharIndex:
    first = at
    while first > 0 and at - first < _MAX_NUMBERS:
        left = words[first - 1]
        gap = words[first].start() - left.end()
        if gap > 2 or not left.group()[0].isdecimal():
            break
        first -= 1
    return words[first].start()
