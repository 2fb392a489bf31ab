"""Finds what the other party just asked for, and counts for how long an answer may still come. It keeps types and
counters, never words.
"""

import re
from collections.abc import Collection, Sequence
from typing import Final

from deid_stream.detect.conversation.state import Asked
from deid_stream.detect.rules import cues
from deid_stream.detect.vocabulary import expressions
from deid_stream.model.entities import EntityType as T


def _phrases(field: str) -> str:
    """The phrases of one kind in all locales, as whole words."""
    return rf"(?<![^\W_])(?:{cues.by_first_letter(expressions('questions', field))})(?![^\W_])"


_REQUEST: Final = re.compile(rf"\?|{_phrases('request')}")
_AGAIN: Final = re.compile(_phrases("again"))
_NO_REQUEST: Final = re.compile(_phrases("no_request"))
_YES_NO: Final = re.compile(_phrases("yes_no") + r"(?:(?! (?:and|so|then|but|what|which|please)(?![^\W_])|[.?!;]).)*")
"""A question that "yes" answers, to its end."""
_PLAIN_ASKED: Final = re.compile(_phrases("plain"))
_ELSEWHERE: Final = re.compile(_phrases("elsewhere"))
_ID_ASKED: Final = re.compile(
    r"(?<![^\W_])(?:number|num|no|id|i d|code|reference|digits|#|nambar|sankhya|n[uú]mero|नंबर|नम्बर|संख्या)(?!\w)"
)
_SPELL: Final = re.compile(
    r"(?<![^\W_])(?:spell (?:that|it|this)|how (?:do you|is (?:that|it)|would you) sp(?:ell|ellt|elled|elt)(?:"
    r" (?:that|it))?)(?![^\W_])"
)
_PART_OF_DATE: Final = re.compile(
    r"(?:(?:and|in|lovely|ok|okay|right|so|thanks|thank you|aur|ji)[ ,.]+)*(?:the |what |which )?"
    r"(?:day|month|year|saal|mahina|mahine|tarikh)"
    r"(?: (?:please|was (?:that|it)|is (?:that|it)|of birth|sir|madam|ma'am|were you born|kya|bataiye|batao))*\W*"
)
_PART_LETTERS: Final = 48
"""A question for a part of a date has at most this many characters. A larger value only costs time."""
_SHORT_WORDS: Final = 7
"""A turn of at most this many words asks for what it names without being a question ("date of birth"). A larger value
takes more statements for questions, so that more of the next turn is redacted."""
ARMED_TURNS: Final = 3
"""Turns of the answering party that a question stays open for."""
_MOST_ASKED: Final = 4
"""Types that are open at a time. A larger value expects answers to questions that were passed over long ago."""


def asked(low: str) -> tuple[T, ...]:
    """Types that a turn (lower case, written form) asks the other party for, in the order they are named."""
    if _PLAIN_ASKED.search(low):
        return ()
    low = _YES_NO.sub(" ", low)
    if not (_REQUEST.search(low) or len(low.split()) <= _SHORT_WORDS):
        return ()
    if _NO_REQUEST.search(low) and not low.rstrip().endswith("?"):
        low = _NO_REQUEST.sub(" ", low)
    named = cues.all_named(low)
    if T.ID_NUMBER in named and not _ID_ASKED.search(low):
        named = tuple(t for t in named if t is not T.ID_NUMBER)
    return named[:3]


def requests(low: str) -> bool:
    """Whether the turn has a question mark or a phrase of asking ("give me", "what is your")."""
    return _REQUEST.search(low) is not None


def opened(before: Asked | None, by: str, types: Sequence[T], said: Collection[T] = ()) -> Asked:
    """The open question once somebody asks for ``types``. What the same speaker has asked for before stays open where
    no answering turn has come since: the one that comes may hold the answers to both questions. ``said``: types of what
    the turn that asks says itself, as on a line with an echo."""
    passed = before.pending if before is not None and before.by == by else []
    still = [*types, *(kind for kind in passed if kind not in types)][:_MOST_ASKED]
    return Asked(by, still, ARMED_TURNS, [kind for kind in still if kind not in said])


def asks_again(low: str) -> bool:
    """ "can you spell that", "sorry, once more", "go on": the question before stays open."""
    return _AGAIN.search(low) is not None


def asks_part_of_date(low: str) -> bool:
    """ "and the year", "mahina": the rest of a date that was asked for, where the turn says nothing else."""
    return len(low) <= _PART_LETTERS and _PART_OF_DATE.fullmatch(low) is not None


def asks_to_spell(low: str) -> bool:
    """ "spell that please", "how is that spelled": a name, where nothing was asked for before."""
    return "spel" in low and _SPELL.search(low) is not None


def moves_on(low: str) -> bool:
    """Asks for something else that identifies nobody ("how many people", "what time"): older questions are closed."""
    return _ELSEWHERE.search(low) is not None and not asks_again(low)
