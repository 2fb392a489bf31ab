"""The trained tagger, and which turns it need not see."""

from collections.abc import Sequence
from typing import Final

from deid_stream.detect.judge.addresses import NUMBERS, PLACES, STREETS, UNITS
from deid_stream.detect.model.neural import NeuralTagger
from deid_stream.detect.recognizer import View
from deid_stream.detect.rules.answers import SECRETS
from deid_stream.detect.rules.plain import SURE
from deid_stream.detect.vocabulary import (
    CLOSED,
    COMMON_EN,
    DICTIONARY,
    GIVEN_NAMES,
    NAMES_AMBIGUOUS,
    NAMES_INDIA,
    ORDINARY,
    RARE,
    SURNAMES_ALSO_WORDS,
    WORD_NAMES,
    word_set,
    words,
)
from deid_stream.model.entities import EntityType
from deid_stream.model.spans import Detection
from deid_stream.units import CharIndex

_LONG: Final = 400
"""Characters up to which a turn is worth the look for a skip."""
_CERTAIN: Final = 0.75
"""Score from which a rule's word counts as settled."""


_LISTS: Final = ("cities", "companies", "medicine", "products")
_KIN: Final = word_set("stage.kin")
_NAMED: Final = (
    GIVEN_NAMES
    | NAMES_INDIA
    | NAMES_AMBIGUOUS
    | WORD_NAMES
    | SURNAMES_ALSO_WORDS
    | NUMBERS
    | PLACES
    | STREETS
    | UNITS
    | _KIN
    | {name for kind in _LISTS for name in words(f"en/{kind}")}
)
"""Words that may be part of a name or an address, whatever dictionaries say of them."""
_TOLD: Final = ("pass", "code", "word", "secret", "answer", "pin", "login", "user", "handle", "born", "birth")
"""Where a turn holds one of these, any word or number in it may be a secret or of a birth."""
_ORDINARY: Final = ORDINARY | word_set("stage.ordinary")
_AROUND_ANSWERS: Final = CLOSED & word_set("stage.around_answers")
"""Words that answer no question for a name, an address or a code."""
_SENTENCE: Final = 8
"""Words from which a turn is more than an answer: nobody is called by one of its frequent words."""
_ONLY_DIGITS: Final = frozenset(
    {
        EntityType.CREDIT_CARD,
        EntityType.CARD_EXPIRY,
        EntityType.CARD_CVV,
        EntityType.PHONE_NUMBER,
        EntityType.BANK_ACCOUNT,
        EntityType.US_SSN,
        EntityType.IN_AADHAAR,
        EntityType.UK_NHS,
    }
)
"""Types that no turn without a digit answers."""
_FEW_DIGITS: Final = 2
"""A number of at most this many digits before an ordinary word, or at the end, needs no model ("in 20 minutes"). A
larger value spares more turns the model, and house numbers with them."""
_NUMBERING: Final = frozenset("is was it's its number numbers no id nos".split())
_MODALS: Final = frozenset({"will", "may"})
_AFTER_MODALS: Final = word_set("stage.after_modals")
_BEFORE_MODALS: Final = word_set("stage.before_modals")
_DESCRIBED: Final = word_set("stage.described")
_BEFORE_DESCRIBED: Final = word_set("stage.before_described")
_DAYS: Final = frozenset({"day", "days"})
_BEFORE_DAYS: Final = word_set("stage.before_days")
_BEFORE_THINGS: Final = word_set("stage.before_things")
_FORMS: Final = ("ing", "ed", "ly", "tion", "ment", "ness", "able", "ful", "less", "ous")
"""Endings of words that are hardly ever names, where these have six letters or more."""
_FORMED: Final = 6
"""Letters that a word with one of ``_FORMS`` has at least. A smaller value spares more turns the model, and short names
with them ("reed")."""
_BEFORE_BILL: Final = word_set("stage.before_bill")
_OPEN_ENDED: Final = frozenset({EntityType.PERSON, EntityType.ADDRESS})


class ModelStage:
    """Runs the model over the source text after the rules, told what was just asked for.

    A turn is spared the model, which is most of its cost, when every word is settled: found by a rule, plainly an
    amount, a date, a time or a quantity, or of a vocabulary that is hardly ever part of a name or an address. Where a
    rule has found a name or an address, the vocabulary is the closed one, because only the model may know their ends;
    where nothing was asked and nobody speaks of secrets, it is all words of the dictionaries that are on no list of
    names, places and makers and do not stand where a name may.
    """

    def __init__(self, tagger: NeuralTagger) -> None:
        self._tagger = tagger

    def find(self, view: View, found: Sequence[Detection]) -> list[Detection]:
        if settled(view, found):
            return []
        return self._tagger.tag(view.written.source, view.expected[0] if view.expected else None)


def settled(view: View, found: Sequence[Detection]) -> bool:
    """Nothing is left in the turn that only the model could tell."""
    if len(view.text) > _LONG:
        return False
    named = any(d.entity_type in _OPEN_ENDED for d in found)
    vocabulary = CLOSED if named else _ORDINARY
    asked = view.expected
    waiting = asked and not any(d.entity_type in asked for d in found)
    other_words = not asked or bool(waiting)
    if waiting and (view.has_digit or not _ONLY_DIGITS.issuperset(asked)):
        if not SECRETS.isdisjoint(asked):
            return False
        vocabulary = _AROUND_ANSWERS if named or len(view.words) < _SENTENCE else _ORDINARY
        other_words = False
    plain_talk = not named and other_words and view.open_run is None and _is_plain_talk(view)
    covered = [(d.start, d.end) for d in found if d.score >= _CERTAIN]
    # an amount in an answer to a question for a number may be a part of it, written as one
    mask = view.plain_mask if view.has_digit and not waiting else None
    numbers = 0
    for at, (start, end, word) in enumerate(view.words):
        if word in vocabulary and not (waiting and _is_spelled(view, start, end)):
            continue
        if mask is not None and mask[start] & SURE and mask[end - 1] & SURE:
            continue
        if plain_talk and (_is_thing(view, at) or _is_meant_plainly(view, at)):
            numbers += word.isdecimal()
            if numbers <= 1:
                continue
        left, right = view.written.to_source(start, end)
        if not any(a <= left and right <= b for a, b in covered):
            return False
    return True


def _is_spelled(view: View, start: CharIndex, end: CharIndex) -> bool:
    """A word that was said in letters or otherwise than it is written: it may be all of an answer."""
    left, right = view.written.to_source(start, end)
    return right - left != end - start


def _is_plain_talk(view: View) -> bool:
    """English without secrets, births and relatives: words of the dictionaries mean there what they say."""
    if view.language != "en" or view.foreign or any(hint in view.low for hint in _TOLD):
        return False
    return _KIN.isdisjoint(view.said)


def _is_thing(view: View, at: int) -> bool:
    """A word of the dictionaries behind "the", "my", "a new", "a minor" or another such word ("the pilot project"), or
    in a form that no name has. Bare, it may be one: "could church call me", "thanks law"."""
    word = view.words[at][2]
    if not _is_ordinary(word):
        return False
    if len(word) >= _FORMED and word.endswith(_FORMS):
        return True
    before = view.words[at - 1][2] if at else ""
    if before in _BEFORE_THINGS or (before not in ORDINARY and _is_ordinary(before)):
        return True
    return at > 1 and view.words[at - 2][2] in ("a", "an")


def _is_ordinary(word: str) -> bool:
    return word not in _NAMED and (word in COMMON_EN or word in DICTIONARY or word in RARE)


def _is_meant_plainly(view: View, at: int) -> bool:
    """A number of one or two digits that no name of a street follows, a place's word in a turn without numbers
    ("a good place"), "will" before what it does, a bill that is somebody's."""
    word = view.words[at][2]
    following = view.words[at + 1][2] if at + 1 < len(view.words) else ""
    if word.isdecimal():
        counted = not at or view.words[at - 1][2] not in _NUMBERING
        return counted and len(word) <= _FEW_DIGITS and (not following or following in ORDINARY)
    if word == "bill":
        return at > 0 and view.words[at - 1][2] in _BEFORE_BILL
    before = view.words[at - 1][2] if at else ""
    if word in _MODALS:
        return following in _AFTER_MODALS or (word == "will" and before in _BEFORE_MODALS)
    if word in _DESCRIBED:
        return before in _BEFORE_DESCRIBED
    if word in _DAYS:
        return before in _BEFORE_DAYS
    return not view.has_digit and (word in STREETS or word in UNITS) and word in COMMON_EN
