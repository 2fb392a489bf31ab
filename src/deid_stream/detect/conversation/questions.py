"""What the other party just asked for, and for how long an answer may still come.

Content-free: types and counters, never words.
"""

import re
from typing import Final

from deid_stream.detect.rules import cues
from deid_stream.model.entities import EntityType as T

_REQUEST: Final = re.compile(
    r"\?|\b(?:what|what's|whats|which|who|whom|may i|can i|could i|can we|could you|can you|would you"
    r"|will you|please|tell me|tell us"
    r"|provide|give me|give us|confirm|verify|validate|share|enter|have your|have the|have a"
    r"|need your|need the|need a|i'll need|let me have"
    r"|know|spell|repeat|read out|say|get your|get the|take your|take the|how do you|where|when"
    r"|specify|mention|type|key in|state|and the|and your|go ahead with)\b"
)
_AGAIN: Final = re.compile(
    r"\b(?:spell|repeat|again|say that|didn'?t (?:get|catch)|pardon|once more|continue|go ahead|go on|carry on|next|"
    r"mm-?hm|uh-?huh|and then|rest of|last part|slowly|remaining)\b"
)
_NO_REQUEST: Final = re.compile(
    r"\b(?:is there anything|anything else|have a (?:nice|great|good)|thank you for (?:calling|providing|confirming)|"
    r"for providing|you have provided|how (?:can|may) i (?:help|assist))\b"
)
_ID_ASKED: Final = re.compile(r"\b(?:number|num|no|id|i d|code|reference|digits|#)(?!\w)")
_PLAIN_ASKED: Final = re.compile(r"\bhow (?:many|much|long|old)\b|\bnumber of\b")
_ELSEWHERE: Final = re.compile(
    r"\b(?:how (?:many|much|long|old|would|soon|often)"
    r"|what (?:time|day|date|kind|sort|type|size|colou?r|would|seems|happened)"
    r"|when would|which (?:day|one|type|size|colou?r)|would you like)\b"
)
_SHORT_WORDS: Final = 7
ARMED_TURNS: Final = 3
"""Turns of the answering party that a question stays open for."""


def asked(low: str) -> tuple[T, ...]:
    """Types that a turn (lower case, written form) asks the other party for, in the order they are named."""
    if _PLAIN_ASKED.search(low):
        return ()
    if not (_REQUEST.search(low) or len(low.split()) <= _SHORT_WORDS):
        return ()
    if _NO_REQUEST.search(low) and not low.rstrip().endswith("?"):
        low = _NO_REQUEST.sub(" ", low)
    named = cues.all_named(low)
    if T.ID_NUMBER in named and not _ID_ASKED.search(low):
        named = tuple(t for t in named if t is not T.ID_NUMBER)
    return named[:3]


def asks_again(low: str) -> bool:
    """ "can you spell that", "sorry, once more", "go on": the question before stays open."""
    return _AGAIN.search(low) is not None


def moves_on(low: str) -> bool:
    """Asks for something else that identifies nobody ("how many people", "what time"): older questions are closed."""
    return _ELSEWHERE.search(low) is not None and not asks_again(low)
