"""Where a name is told, whatever words stand there: "you are through to lock me", "always on speaking".

A recogniser that does not know a name writes everyday words that sound like it, and may be sure of them. So for what a
recogniser read, the place alone says that it is a name. English; what the place says of other languages is not known.
"""

import re
from collections.abc import Iterator
from typing import Final

from deid_stream.detect.vocabulary import word_set
from deid_stream.text.tokens import WORD
from deid_stream.units import CharIndex, Interval

_MOST_WORDS: Final = 5
"""A misheard name has at most this many words; a longer run of them is an ordinary sentence. A larger value redacts
more of what follows "you are through to"."""
_MOST_BETWEEN: Final = 4
"""At most this many words between "my name is" and the part of the name that was found are more of it. A larger value
redacts more of a sentence."""
_NOT_FIRST: Final = word_set("names.no_name") | word_set("told.not_first")
"""What follows "my name is" where no name does: "on the letter", "spelled with a k"."""
_ENDS: Final = word_set("told.ends")
"""What goes on after a name."""
_GOES_ON: Final = _ENDS - {"at", "from", "in", "on", "the", "to"}
"""The same, without the words that parts of a name are taken for most often."""
_REFUSES: Final = word_set("told.refuses")
"""What begins no name in an answer in which none was found."""
_LIKE_DENIAL: Final = re.compile(r"not (?:an?|the|you|your) [^\W\d_]{3}")
"""What a name may be written as that sounds like it, where an answer tells no other: "it is not your petrova"."""
_NO_PART: Final = word_set("told.no_part")
"""Words of whom one may be through to that is nobody: a department."""
_SAYS_MORE: Final = word_set("told.says_more")
"""Words of a sentence: what holds one is no name."""
_DETERMINERS: Final = word_set("told.determiners")
_CUE: Final = re.compile(
    r"(?<![^\W_])(?:(?P<name>(?:my|the|full|first|last|sur)[ -]?name(?: is|'s)|my (?:full|first|last) name(?: is|'s))"
    r"|(?P<answer>it is|it's|its|it has|this is|i am|i'm|(?:that is|that's)(?! all\b)|that would be)"
    r"|(?P<through>you(?: are|'re|r| have|'ve)? (?:now )?(?:through|speaking|talking|connected|reached) (?:to|with)"
    r"|(?:you are|you're|your) (?:now )?(?:threw|thru|true|three|through|3)[ -]{1,2}(?:to|too|two|the|2)(?!-)))"
    r"(?![^\W_])[ ,:]*"
)
_ASKED_JUST_NOW: Final = re.compile(
    r"(?<![^\W_])(?:names?|who (?:am i|is (?:this|calling|speaking)))(?![^\W_])[^.?!]*\?"
    r"\W*(?:(?:yes|yeah|sure|okay|hi|hello)\W+)*\Z"
)
"""A question for a name in the same turn, as where both voices are on one channel."""
_SPEAKING: Final = re.compile(
    r"(?:\A|(?<=[.?!,] ))\W*(?:(?:good (?:morning|afternoon|evening|day)|hello|hi|hey|yes|this is|it is|it's)[ ,.!]+)*"
    r"(?P<told>[^.?!,;:]+?)[ ,.]+speaking(?=\W*\Z|[.,?!]| (?:how|what|who|can|may)\b)"
)
_THANKED: Final = re.compile(
    r"(?:\A|(?<=[.?!] ))(?:thank you|thanks)[, ]+(?P<told>(?!(?:again|all|and|both|everyone|for|ma'am|madam|ok|okay|sir"
    r"|so|very)(?![^\W_]))[^.?!;:]+?)[, ]+(?:what )?(?:that(?:'s| is)|it(?:'s| is)|you(?:'re| are))(?![^\W_])"
)
"""Somebody is thanked by name before the next sentence."""
_NEXT_SENTENCE: Final = re.compile(r"[.?!]+ +(?P<said>[^.?!,;:]+)")
_SENTENCE_OF_NAME: Final = 3
"""A surname that was misheard as a sentence has at most this many words. A larger value takes what else is said after a
name."""
_SPEAKS_ON: Final = word_set("told.speaks_on")
_LANDMARK: Final = re.compile(
    r"(?<![^\W_])(?:near(?: to)?|opp(?:osite)?|behind|beside|next to|in front of|above)[ ,]+(?P<what>[^.?!,;:]+)"
)
_LANDMARK_WORDS: Final = 4
"""A landmark has at most this many words. A larger value takes what else is said for a part of the address."""
_LIVES: Final = re.compile(
    r"(?<![^\W_])(?:(?:live|living|lives|stay|staying) (?:now )?(?:at|in|on)|address(?: is|'s))(?![^\W_])[ ,:]*"
)
SENTENCE_END: Final = re.compile(r"[.?!](?=\s|\Z)")
_MAIL: Final = re.compile(
    r"(?<![^\W_])(?:that would be|(?:it|that|mail|address) is|it's|that's)[ ,]+"
    r"(?P<told>(?!www|w w)[^\s,;:?!]+(?: [^\s,;:?!]+){1,8}?(?: ?\. ?| dot )(?:com|org|net|co|edu))(?![^\W_])"
)
_SAID_DOT: Final = re.compile(r" \. ?|\.(?=\S)| dot ")
_GLUED: Final = "._-+"
"""Signs that a part may begin with: ".ademy" goes on."""
_STOPS: Final = re.compile(r"[.?!,;:](?=\s|\Z)")


def told(text: str, *, asked: bool, unnamed: bool = False) -> list[Interval]:
    """Stretches of ``text`` (characters) in which somebody says a name, in order. ``asked``: for a name; then "it is"
    begins one too. ``unnamed``: no name was found in the answer, so "my name is always in a gaming" says one too,
    and "it is"."""
    low = text.lower().replace("’", "'")
    return (
        sorted({*_after_cues(low, asked=asked, unnamed=asked and unnamed), *_before_speaking(low)})
        if len(low) == len(text)
        else []
    )


def begins(text: str, at: CharIndex, *, asked: bool) -> CharIndex:
    """Where the value begins a part of which begins at ``at``: right after the words that announce it, where few others
    stand between. ``asked``: for this value; then "it is" and "that would be" announce it too."""
    low = text.lower().replace("’", "'")[:at].rstrip(_GLUED)
    cue = next((cue for cue in reversed(list(_CUE.finditer(low))) if asked or cue["name"]), None)
    if cue is None or _STOPS.search(low, cue.end()) is not None:
        return at
    between = list(WORD.finditer(low, cue.end()))
    if not 0 < len(between) <= _MOST_BETWEEN or any(word.group() in _GOES_ON for word in between):
        return at
    return between[0].start()


def sentence_of_name(text: str, name: Interval) -> Interval:
    """The few words of ``text`` (characters) that begin a sentence right after a ``name`` of one word: they may be its
    surname, as in "my name is margaret. this is what i have been told". Empty where the name has two words, or where
    many words follow."""
    low = text.lower().replace("’", "'")
    none = Interval(name.end, name.end)
    following = _NEXT_SENTENCE.match(low, name.end)
    if following is None or len(WORD.findall(low, *name)) != 1:
        return none
    words = list(WORD.finditer(low, *following.span("said")))
    last = next((at for at, word in enumerate(words) if word.group() in _SPEAKS_ON), len(words))
    return Interval(words[0].start(), words[last - 1].end()) if 0 < last <= _SENTENCE_OF_NAME else none


def thanked(text: str) -> list[Interval]:
    """Stretches of ``text`` (characters) between thanks and a sentence: "thank you, say that, that is all". A name
    stands there, if a recogniser doubts what it read."""
    low = text.lower().replace("’", "'")
    found = [match for match in _THANKED.finditer(low) if len(WORD.findall(match["told"])) <= _MOST_WORDS]
    return [Interval(*match.span("told")) for match in found]


def mailed(text: str) -> list[Interval]:
    """Stretches of ``text`` (characters) in which somebody says an e-mail address whose "at" was misheard: "that would
    be samuel dot what tilde example dot com". The name of a site has a dot between any two of its words."""
    found: list[Interval] = []
    for match in _MAIL.finditer(low) if len(low := text.lower().replace("’", "'")) == len(text) else ():
        *local, host = _SAID_DOT.sub(".", match["told"]).split()
        if "." in host and any("." in word.rstrip(".") for word in local):
            found.append(Interval(*match.span("told")))
    return found


def landmark(text: str, address: Interval) -> CharIndex:
    """Where the landmark ends that an address in ``text`` (characters) goes on with, in the same sentence: "palm lane
    near the old mill". The address's own end where it names none."""
    for found in _LANDMARK.finditer(text.lower(), address.start):
        words = list(WORD.finditer(text, *found.span("what")))
        if found.start() > address.end + 2 or len(words) > _LANDMARK_WORDS:
            break
        if words and words[-1].end() > address.end:
            return words[-1].end()
    return address.end


def lives_at(text: str, at: CharIndex) -> CharIndex:
    """Where an address begins a part of which begins at ``at``: right after "I live at", where few other words stand
    between: "I live at boarding station approach near the old mill". ``at`` where nobody says so."""
    low = text.lower().replace("’", "'")[:at]
    cue = next(reversed(list(_LIVES.finditer(low))), None)
    between = list(WORD.finditer(low, cue.end())) if cue else []
    if cue is None or not 0 < len(between) <= _MOST_WORDS or SENTENCE_END.search(low, cue.end()):
        return at
    return between[0].start()


def _after_cues(low: str, *, asked: bool, unnamed: bool) -> Iterator[Interval]:
    for cue in _CUE.finditer(low):
        if cue["answer"] and not asked and _ASKED_JUST_NOW.search(low[: cue.start()]) is None:
            continue
        stop = _STOPS.search(low, cue.end())
        words = list(WORD.finditer(low, cue.end(), stop.start() if stop else len(low)))
        any_words = unnamed and bool(cue["name"] or (cue["answer"] or "").startswith("it"))
        ends, no_name = (_GOES_ON, _REFUSES) if any_words else (_ENDS, _NOT_FIRST)
        if any_words and _LIKE_DENIAL.match(low, cue.end()):
            ends, no_name = ends - {"you", "your"}, no_name - {"not"}
        last = next((at for at, word in enumerate(words) if word.group() in ends), len(words))
        said = [word.group() for word in words[:last]]
        if cue["answer"] and last < _SENTENCE_OF_NAME:
            no_name = _NOT_FIRST  # "it is fine"
        if not 0 < last <= _MOST_WORDS or said[0] in no_name:
            continue
        if not cue["name"] and not _NO_PART.isdisjoint(said):
            continue
        yield Interval(words[0].start(), words[last - 1].end())


def _before_speaking(low: str) -> Iterator[Interval]:
    if "speaking" not in low:
        return
    for match in _SPEAKING.finditer(low):
        said = WORD.findall(match["told"]) or [""]
        sentence = said[0] in _DETERMINERS or not _SAYS_MORE.isdisjoint(said)
        manner = len(said) == 1 and said[0].endswith("ly")
        if len(said) <= _MOST_WORDS and not sentence and not manner:
            yield Interval(*match.span("told"))
